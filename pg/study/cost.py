"""What a study costs: environment steps, time and memory, estimated before anything runs; what no machine can pay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pg.environments.record import Environment
from pg.experiments.cells import Cell
from pg.experiments.records import (
    ExactExperiment,
    Experiment,
    GaitExperiment,
    HorizonExperiment,
    ProbeExperiment,
    Sample,
    Source,
    StalenessExperiment,
    SupportExperiment,
    TrainExperiment,
    UpdateExperiment,
)
from pg.parts.baselines.value_network import ValueNetwork
from pg.parts.variant import Variant
from pg.study.expansion import cells, is_tuned
from pg.study.record import Study

# Environment steps per second and core, rounded down from measurements on one slow core: trained, and measured with
# one backward pass per estimator. MuJoCo's stepping dominates, whatever else is done with the steps.
_SPEEDS: tuple[tuple[tuple[str, ...], int, int], ...] = (
    (("CartPole", "pg/"), 400_000, 150_000),
    (("InvertedPendulum",), 18_000, 16_000),
    (("Humanoid",), 2_500, 2_000),
    (("",), 8_000, 7_000),
)
_SECONDS_PER_STEP_OF_A_FURTHER_PASS = 8e-7
_ASSUMED_HORIZON = 500
_ASSUMED_HORIZON_OF_TABLES = 10
_NUMBERS_PER_STEP = 24
_BYTES = 4
_COPIES_OF_PARAMETERS = 4  # gradient and Adam's two moments beside them

MOST_JOBS = 100_000
MOST_HOURS = 24 * 14
MOST_GIBIBYTES = 64
"""Of one study, of one job on one core, and of one job's largest sample: what is above is taken for a mistake."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a study asks for: environment steps, and minutes of one core at the speeds listed here."""

    steps: int
    core_minutes: float

    @property
    def duration(self) -> str:
        """The time in words, no finer than it is known."""
        minutes = round(self.core_minutes)
        if minutes == 0:
            return "less than a minute of one core"
        return f"about {minutes:,} {'minute' if minutes == 1 else 'minutes'} of one core"

    def __str__(self) -> str:
        """Write steps and time as they are told."""
        return f"{self.steps:,} environment steps, {self.duration}"


def estimate(study: Study, experiments: tuple[str, ...] | None = None) -> Estimate:
    """Estimate the environment steps of a study, tuning included, and the time they take on one core.

    Steps of measurements and of evaluations are upper bounds: they assume that every trajectory lasts until the
    horizon. Enumerations and comparisons of a few batches take seconds and count as nothing.
    """
    steps, seconds = 0, 0.0
    for name in experiments if experiments is not None else tuple(study.experiments):
        declared = study.experiments[name]
        for cell in cells(study, name):
            taken = _steps_per_seed(declared, cell) * declared.seeds.count + _tuning_steps(declared, cell)
            steps += taken
            seconds += _as_float(taken) * _seconds_per_step(declared, cell)
    return Estimate(steps, seconds / 60)


def problems_of_number(study: Study) -> Iterator[str]:
    """Refuse a study of more jobs than can be planned, without listing them."""
    total = 0
    for name, declared in study.experiments.items():
        count = len(declared.environments) * len(declared.variants)
        count *= math.prod(len(levels) for levels in declared.sweep.values())
        count *= math.ceil(declared.seeds.count / declared.seeds.per_job)
        if count > MOST_JOBS:
            yield (
                f"experiments.{name}: makes about {_rounded(count)} jobs, and {MOST_JOBS:,} are allowed in a study: "
                "raise seeds.per_job, or lower seeds.count or sweep less"
            )
            return
        total += count
    if total > MOST_JOBS:
        yield f"experiments: make {_rounded(total)} jobs, and {MOST_JOBS:,} are allowed: raise their seeds.per_job"


def problems_of_size(study: Study, name: str) -> Iterator[str]:
    """Refuse an experiment one of whose jobs would take more time or memory than any machine has to give."""
    declared, at = study.experiments[name], f"experiments.{name}"
    seeds = min(declared.seeds.count, declared.seeds.per_job)
    for cell in cells(study, name):
        where = f"{at}: {cell.variant_id} in {cell.environment_id}"
        if (gibibytes := _gibibytes(declared, cell, seeds)) > MOST_GIBIBYTES:
            yield (
                f"{where} would need about {_rounded(gibibytes)} GiB in one job, and {MOST_GIBIBYTES} are allowed: "
                f"{_numbers_at_once(declared, cell, seeds)}"
            )
            return
        taken = _steps_per_seed(declared, cell) * seeds
        hours = _as_float(max(taken, _tuning_steps(declared, cell))) * _seconds_per_step(declared, cell) / 3600
        if hours > MOST_HOURS:
            yield (
                f"{where} would take about {_rounded(hours)} hours of one core in one job, and {MOST_HOURS} are "
                f"allowed: lower {_costly_keys(declared)} or seeds.per_job"
            )
            return


def _as_float(count: int) -> float:
    # A study file may hold a number of any length; a float may not.
    return float(min(count, 10**100))


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value < 1e12 else f"{min(value, 10**100):.3g}"


def _costly_keys(declared: Experiment) -> str:
    match declared:
        case TrainExperiment():
            return "budget.steps, gradient_steps or fit_steps of the variant, tuning.seeds, evaluate.episodes"
        case ProbeExperiment() | StalenessExperiment():
            return "sample, or the horizon of the environment"
        case _:
            return "the numbers of its samples, or the horizon of the environment"


def _numbers_at_once(declared: Experiment, cell: Cell, seeds: int) -> str:
    copies = seeds * max(1, _tuning_runs(declared, cell) // max(seeds, 1))
    trajectories, steps = _at_once(declared, cell), _horizon(cell.environment)
    return (
        f"{_rounded(trajectories)} trajectories of up to {_rounded(steps)} steps at once, for {_rounded(copies)} "
        f"policies with hidden layers {list(cell.variant.policy.hidden)}; lower batch, horizon, hidden, seeds.per_job "
        "or the numbers of its samples"
    )


def _gibibytes(declared: Experiment, cell: Cell, seeds: int) -> float:
    policies = max(seeds, _tuning_runs(declared, cell)) if isinstance(declared, TrainExperiment) else 1
    numbers = _NUMBERS_PER_STEP * cell.environment.observations.stack
    sample = _at_once(declared, cell) * _horizon(cell.environment) * numbers * policies
    critic = cell.variant.baseline
    networks = [cell.variant.policy.hidden, critic.hidden if isinstance(critic, ValueNetwork) else ()]
    weights = sum(a * b for hidden in networks for a, b in pairwise((numbers, *hidden, numbers)))
    return _as_float(sample + weights * _COPIES_OF_PARAMETERS * policies) * _BYTES / 2**30


def _at_once(declared: Experiment, cell: Cell) -> int:
    """Return how many trajectories of one policy are held together."""
    match declared:
        case TrainExperiment():
            evaluated = 0 if declared.evaluate is None else declared.evaluate.episodes
            return max(cell.variant.batch, evaluated)
        case ProbeExperiment() | StalenessExperiment():
            return max(declared.sample.trajectories, declared.sample.reference, declared.sample.critic_trajectories)
        case HorizonExperiment():
            return declared.trajectories
        case GaitExperiment():
            return declared.episodes
        case UpdateExperiment():
            return max(cell.variant.batch, declared.fresh)
        case SupportExperiment():
            return cell.variant.batch * declared.repetitions
        case _:
            return cell.variant.batch


def _steps_per_seed(declared: Experiment, cell: Cell) -> int:
    """Return the environment steps of one seed; what variants share, each bears its part of."""
    horizon, shared = _horizon(cell.environment), len(declared.variants)
    match declared:
        case TrainExperiment():
            return _trained_steps(declared, cell) + _evaluation_steps(declared, cell)
        case ProbeExperiment():
            return _sampled(declared.sample, cell, 1) * horizon * _stages(declared.source) // shared
        case StalenessExperiment():
            sample = _sampled(declared.sample, cell, len(declared.walk.steps))
            return sample * horizon * _stages(declared.source) // shared
        case UpdateExperiment():
            sample = cell.variant.batch + declared.fresh // shared
            return declared.updates * sample * horizon * _stages(declared.source)
        case HorizonExperiment():
            return declared.trajectories * max(declared.horizons) * _stages(declared.source) // shared
        case GaitExperiment():
            return declared.episodes * horizon * _stages(declared.source)
        case ExactExperiment():
            return (declared.sampled_batches or 0) * cell.variant.batch * horizon
        case _:
            return 0


def _trained_steps(declared: TrainExperiment, cell: Cell) -> int:
    """Return the steps of the budget, or of its iterations where they end earlier."""
    steps, iterations = declared.budget.steps, declared.budget.max_iterations
    return steps if iterations is None else min(steps, iterations * cell.variant.batch * _horizon(cell.environment))


def _sampled(sample: Sample, cell: Cell, references: int) -> int:
    # Environments with tables need no sample for the true gradient. Those of gymnasium that have some are few.
    return sample.trajectories + (0 if cell.environment.id.startswith("pg/") else references * sample.reference)


def _stages(source: Source) -> int:
    return len(source.stages)


def _horizon(environment: Environment) -> int:
    assumed = _ASSUMED_HORIZON_OF_TABLES if environment.id.startswith("pg/") else _ASSUMED_HORIZON
    return environment.horizon or assumed


def _seconds_per_step(declared: Experiment, cell: Cell) -> float:
    id = cell.environment.id
    trained, measured = next(speeds for prefixes, *speeds in _SPEEDS if id.startswith(prefixes))
    if not isinstance(declared, TrainExperiment):
        return 1 / measured
    return 1 / trained + _further_passes(cell.variant) * _SECONDS_PER_STEP_OF_A_FURTHER_PASS


def _further_passes(variant: Variant) -> int:
    critic = variant.baseline.fit_steps if isinstance(variant.baseline, ValueNetwork) else 0
    return min(variant.gradient_steps - 1 + critic, 10**30)


def _evaluation_steps(declared: TrainExperiment, cell: Cell) -> int:
    if declared.evaluate is None:
        return 0
    evaluations = 1 + _trained_steps(declared, cell) // declared.evaluate.every_steps
    return evaluations * declared.evaluate.episodes * _horizon(declared.evaluate.judged_in(cell.environment))


def _tuning_runs(declared: Experiment, cell: Cell) -> int:
    if not isinstance(declared, TrainExperiment) or declared.tuning is None or not is_tuned(cell):
        return 0
    return len(declared.tuning.grid) * declared.tuning.seeds


def _tuning_steps(declared: Experiment, cell: Cell) -> int:
    return _tuning_runs(declared, cell) * _trained_steps(declared, cell) if isinstance(declared, TrainExperiment) else 0
