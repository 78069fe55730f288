"""Estimate the cost of a study before it runs, and refuse studies that no machine can run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from pg.environments.catalogue import horizon_of
from pg.experiments.cells import Cell
from pg.experiments.kind import Cost, Experiment, Measurement
from pg.parts.baselines.value_network import ValueNetwork
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.repeats import Run, first_runs

# Environment steps per second of one slow core, rounded down: in acting, in training with one backward pass, and in
# measurements.
_MUJOCO = (10_500, 9_500, 8_500)
_SPEEDS: tuple[tuple[tuple[str, ...], int, int, int], ...] = (
    (("CartPole",), 2_000_000, 400_000, 150_000),
    (("Acrobot",), 400_000, 200_000, 100_000),
    (("pg/",), 400_000, 200_000, 150_000),
    (("InvertedPendulum",), 26_000, 24_000, 21_000),
    (("Humanoid",), 3_300, 3_200, 2_500),
    (("Ant", "HalfCheetah", "Hopper", "InvertedDoublePendulum", "Pusher", "Reacher", "Swimmer", "Walker2d"), *_MUJOCO),
    # Written in Python, as most environments of users are.
    (("",), 25_000, 22_000, 18_000),
)
_SECONDS_PER_STEP_OF_A_FURTHER_PASS = 8e-7
_NUMBERS_PER_STEP = 24
_BYTES = 4
_COPIES_OF_PARAMETERS = 4  # parameters, gradient and Adam's two moments

# Limits above which a study is refused: jobs of a study, hours of one job on one core, memory of one job.
MOST_JOBS = 100_000
MOST_HOURS = 24 * 14
MOST_GIBIBYTES = 64


@dataclass(frozen=True, slots=True)
class Estimate:
    """Environment steps of a study, and minutes of one core."""

    steps: int
    core_minutes: float

    def __str__(self) -> str:
        """Return steps and time in words."""
        minutes = round(self.core_minutes)
        time = {0: "less than a minute", 1: "about 1 minute"}.get(minutes, f"about {minutes:,} minutes")
        return f"{self.steps:,} environment steps, {time} of one core"


def estimate(study: Study, experiments: tuple[str, ...] | None = None) -> Estimate:
    """Estimate the environment steps of a study, tuning included, and the time they take on one core.

    Equal runs are trained once and count once. Measurements and evaluations count as if every trajectory lasted until
    the horizon, and references as if they grew to their limit. Enumerations take seconds and are not counted.
    """
    steps, seconds, counted, first = 0, 0.0, set[Run](), first_runs(study)
    for name in experiments if experiments is not None else tuple(study.experiments):
        declared = study.experiments[name]
        for cell in cells(study, name):
            with_horizon = _with_horizon(cell)
            cost = declared.cost(with_horizon)
            runs = {block: first.get((cell, block), (cell, block)) for block in (None, *declared.seeds.blocks)}
            new = [block for block, run in runs.items() if run not in counted]
            counted.update(runs.values())
            count = sum(len(block.seeds) for block in new if block is not None)
            tuning, selections = _of_tuning(cost), int(None in new and cost.tuning_steps > 0)
            steps += (cost.steps + cost.evaluation_steps) * count + tuning.steps * selections
            for one, runs_of_it in ((cost, count), (tuning, selections)):
                seconds += _seconds(declared, with_horizon, one, runs_of_it)
    return Estimate(steps, seconds / 60)


def problems_of_number(study: Study) -> Iterator[str]:
    """Refuse a study of more jobs than Snakemake can plan; jobs are counted without being made."""
    total = 0
    for name, declared in study.experiments.items():
        count = len(declared.environments) * len(declared.variants)
        count *= math.prod(len(levels) for levels in declared.sweep.values())
        count *= math.ceil(declared.seeds.count / declared.seeds.per_job)
        if count > MOST_JOBS:
            yield (
                f"experiments.{name}: makes about {_rounded(count)} jobs, and {MOST_JOBS:,} are allowed in a study: "
                "raise seeds.per_job, lower seeds.count or sweep fewer values"
            )
            return
        total += count
    if total > MOST_JOBS:
        yield f"experiments: make {_rounded(total)} jobs, and {MOST_JOBS:,} are allowed: raise their seeds.per_job"


def problems_of_size(study: Study, name: str) -> Iterator[str]:
    """Refuse an experiment with a job that would take more time or memory than any machine has."""
    declared = study.experiments[name]
    seeds = min(declared.seeds.count, declared.seeds.per_job)
    for cell in map(_with_horizon, cells(study, name)):
        where = f"experiments.{name}: {cell.variant_id} in {cell.environment_id}"
        cost = declared.cost(cell)
        if (gibibytes := _gibibytes(cell, cost.trajectories)) > MOST_GIBIBYTES:
            yield (
                f"{where} would need about {_rounded(gibibytes)} GiB in one job, and {MOST_GIBIBYTES} are allowed: "
                f"{_rounded(cost.trajectories)} trajectories of up to {_rounded(cell.longest)} steps at once, and a "
                f"policy with hidden layers {list(cell.variant.policy.hidden)}; lower batch, horizon, hidden or the "
                "numbers of its samples"
            )
            return
        seconds = max(_seconds(declared, cell, cost, seeds), _seconds(declared, cell, _of_tuning(cost), 1))
        if (hours := seconds / 3600) > MOST_HOURS:
            yield (
                f"{where} would take about {_rounded(hours)} hours of one core in one job, and {MOST_HOURS} are "
                f"allowed: lower {declared.costly} or seeds.per_job"
            )
            return


def _with_horizon(cell: Cell) -> Cell:
    """Return the cell with a horizon: the step limit of its environment, if the study declares none."""
    environment = cell.environment
    return replace(cell, environment=environment.model_copy(update={"horizon": horizon_of(environment)}))


def _gibibytes(cell: Cell, trajectories: int) -> float:
    numbers = _NUMBERS_PER_STEP * cell.environment.observations.stack
    critic = cell.variant.baseline
    networks = [cell.variant.policy.hidden, critic.hidden if isinstance(critic, ValueNetwork) else ()]
    weights = sum(a * b for hidden in networks for a, b in pairwise((numbers, *hidden, numbers)))
    sample = trajectories * cell.longest * numbers
    return _as_float(sample + weights * _COPIES_OF_PARAMETERS) * _BYTES / 2**30


def _seconds(declared: Experiment, cell: Cell, cost: Cost, seeds: int) -> float:
    acted, trained, measured = next(speeds for prefixes, *speeds in _SPEEDS if cell.environment.id.startswith(prefixes))
    critic = cell.variant.baseline
    fit_steps = critic.fit_steps if isinstance(critic, ValueNetwork) else 0
    if isinstance(declared, Measurement):
        sample = getattr(declared, "sample", None)
        fitted = 0 if sample is None else sample.critic_trajectories * cell.longest * len(declared.stages)
        passes, per_step = fit_steps * fitted, 1 / measured
    else:
        passes = (cell.variant.gradient_steps * cell.variant.batches - 1 + fit_steps) * cost.steps
        per_step = 1 / trained
    return (
        _as_float(cost.steps * seeds) * per_step
        + _as_float(cost.evaluation_steps * seeds) / acted
        + _as_float((passes + cost.passes) * seeds) * _SECONDS_PER_STEP_OF_A_FURTHER_PASS
    )


def _of_tuning(cost: Cost) -> Cost:
    """Return what all runs that tune a learning rate cost."""
    runs = cost.tuning_steps // max(cost.steps, 1)
    return Cost(cost.tuning_steps, cost.trajectories, passes=cost.passes * runs)


def _as_float(count: int) -> float:
    # Integers in a study file may be too large for a float.
    return float(min(count, 10**100))


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value < 1e12 else f"{min(value, 10**100):.3g}"
