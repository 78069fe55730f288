"""Probe estimators on a new policy; here a step is a trajectory.

The estimators are total returns and rewards-to-go with five baselines, at two batch sizes. The count includes the
trajectories that they share and those of the reference gradient.
"""

import time

from measuring import Measurement, asked
from pg.core.randomness import torch_generator
from pg.environments.copies import make_environments
from pg.experiments.probe.measure import probe
from pg.experiments.probe.options import ProbeOptions
from pg.experiments.probe.record import ProbeExperiment
from pg.laboratory.job import MeasurementJob, Sample
from pg.learning.policies import Policy
from pg.parts.variant import Variant
from workload import VARIANT, environment

BATCHES = (16, 64)
VARIANTS = {
    f"{returns}_{baseline}": Variant(returns=returns, baseline=baseline, batch=VARIANT.batch, policy=VARIANT.policy)
    for returns in ("total", "to_go")
    for baseline in ("none", "average_reward", "leave_one_out", "per_step", "optimal")
}


def main() -> None:
    wanted = asked()
    (seeds,), where = wanted.seeds, environment(wanted.environment)
    job = MeasurementJob(
        measured_by=ProbeExperiment.measured_by,
        environment=where,
        variants=VARIANTS,
        stage="initial",
        seeds=tuple(range(seeds)),
        policy=VARIANT.policy,
        options=ProbeOptions(sample=Sample(trajectories=wanted.steps, batches=BATCHES)),
    )
    spaces = make_environments(where, 1).spaces
    policies = {seed: Policy(VARIANT.policy, spaces, torch_generator(seed, "benchmark")) for seed in job.seeds}
    frozen = {
        seed: {name: tensor.numpy() for name, tensor in one.state_dict().items()} for seed, one in policies.items()
    }
    started = time.process_time()
    rows = probe(job, frozen)["rows"]
    seconds = time.process_time() - started
    references = int(rows.groupby("seed")["reference_trajectories"].first().sum())
    wanted.measurements.append(Measurement("probing_trajectories", wanted.steps * seeds + references, seconds, seeds))
    wanted.answer()


if __name__ == "__main__":
    main()
