"""Compute one batch's gradient by the explicit sum, a backward pass per step, or by one pass through the surrogate.

Prints how many environment steps the gradients covered in how many seconds.
"""

import json
import sys
import time

import torch
from pg.environments.catalogue import mdp_of
from pg.environments.stacked import make_environments
from pg.laboratory.frozen import generators_of, in_float64, random_policy, sample
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.identities import explicit_gradient
from pg.study.model import Environment, Variant

CARTPOLE = Environment(id="CartPole-v1", horizon=200)
SECONDS = 5.0


def main(form: str) -> None:
    torch.set_num_threads(1)
    variant, gradient = (
        Variant(baseline="per_step"),
        {"explicit": explicit_gradient, "surrogate": batch_gradients}[form],
    )
    copies = make_environments(CARTPOLE, 1, variant.batch)
    policy = random_policy(variant.policy, copies.spaces, 0)
    batch = in_float64(sample(copies, policy, generators_of(0, "benchmark"), CARTPOLE.rewards))
    gradients, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        gradient(policy, variant, batch, mdp_of(CARTPOLE))
        gradients += 1
    seconds = time.perf_counter() - started
    print(json.dumps({"steps": gradients * int(batch.mask.sum()), "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1])
