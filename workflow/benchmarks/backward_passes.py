"""Compute the gradient of a batch by the explicit sum, one backward pass per step, or by one surrogate pass."""

import time

from measuring import Measurement, asked
from pg.environments.catalogue import mdp_of
from pg.environments.copies import make_environments
from pg.experiments.identity.measure import explicit_gradient
from pg.laboratory.frozen import generators_of, in_float64, random_policy, sample
from pg.laboratory.gradients import batch_gradients
from workload import VARIANT, environment

GRADIENTS = {"explicit": explicit_gradient, "surrogate": batch_gradients}


def main() -> None:
    wanted = asked()
    gradient, where = GRADIENTS[wanted.system], environment(wanted.environment)
    copies = make_environments(where, VARIANT.batch)
    policy = random_policy(VARIANT.policy, copies.spaces, 0)
    batch = in_float64(sample(copies, policy, generators_of(0, "benchmark"), where.rewards))
    steps, started = 0, time.process_time()
    while steps < wanted.steps:
        gradient(policy, VARIANT, batch, mdp_of(where))
        steps += int(batch.mask.sum())
    wanted.measurements.append(Measurement("gradient", steps, time.process_time() - started))
    wanted.answer()


if __name__ == "__main__":
    main()
