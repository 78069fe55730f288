"""Collect the demonstrations that policies are fitted to before training."""

from __future__ import annotations

from collections.abc import Mapping

from pg.core.trajectories import Actor, Spaces, Trajectories
from pg.environments.copies import make_environments
from pg.environments.registry import CONTROLLERS
from pg.learning.job import TrainJob, TuneJob
from pg.learning.policies import Parameters, thaw
from pg.learning.rollout import Generators, actor_of, collect


def demonstrations(job: TrainJob | TuneJob, stream: str, policies: Mapping[int, Parameters]) -> dict[int, Trajectories]:
    """Collect each seed's demonstrations, S = 1, with generators of its own; none if the start imitates nothing.

    Parameters
    ----------
    job
        Its variant's start names the demonstrator and the number of trajectories.
    stream
        Name of the job's stream of seeds.
    policies
        Parameters of the snapshots that demonstrate, by their seeds.
    """
    start = job.variant.initialise
    if start.demonstrator is None:
        return {}
    copies = make_environments(job.environment, start.trajectories)
    if isinstance(start.demonstrator, str):
        actors: dict[int, Actor] = dict.fromkeys(job.seeds, CONTROLLERS[start.demonstrator])
    else:
        actors = _snapshots(job, policies, copies.spaces)
    return {
        seed: collect(copies, actor, Generators.of(seed, stream, prefix="demonstration "))
        for seed, actor in actors.items()
    }


def _snapshots(job: TrainJob | TuneJob, policies: Mapping[int, Parameters], spaces: Spaces) -> dict[int, Actor]:
    assert job.demonstrators is not None, "a job that imitates snapshots names their seeds"
    demonstrators, options = zip(job.seeds, job.demonstrators.seeds, strict=True), job.demonstrators.policy
    return {seed: actor_of(thaw(options, spaces, policies[other])) for seed, other in demonstrators}
