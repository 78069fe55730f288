"""Train variants, as training and tuning jobs do."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from pg.experiments.cells import Block, Cell, names_of
from pg.experiments.train.choice import rates_of
from pg.experiments.train.tables import tuned_table
from pg.experiments.train.tuning import tune
from pg.learning.policies import Parameters
from pg.learning.training import train as train_seeds
from pg.library.declared import TRAINING, environments_of, given, seeds_of, study_of, variants_of
from pg.library.running import running
from pg.runs.recorder import RunRecorder
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import train_job, tune_job

TUNING: Mapping[str, Any] = MappingProxyType({"grid": [0.001, 0.003, 0.01, 0.03], "seeds": 1, "selections": 1})
"""How `train` tunes a learning rate where no tuning is given."""

_log = logging.getLogger("pg")


@dataclass(frozen=True)
class Policies:
    """Policies of a training, frozen at its stages.

    Attributes
    ----------
    parameters
        Arrays of each policy by their names, by variant, stage and seed.
    declared
        The study that trained them, as in a study file.
    """

    parameters: Mapping[tuple[str, str, int], Parameters]
    declared: Mapping[str, Any]

    def __repr__(self) -> str:
        """Return what there is of each, not the numbers."""
        kinds = zip(("variants", "stages", "seeds"), zip(*self.parameters, strict=True), strict=True)
        names = "; ".join(f"{kind} {', '.join(dict.fromkeys(map(str, values)))}" for kind, values in kinds)
        return f"Policies({', '.join(self.declared['environments'])}: {names})"


@dataclass(frozen=True)
class Trained:
    """What a training returns; `runs, policies = pg.train(...)` unpacks the two that are needed most.

    Attributes
    ----------
    runs
        A row per seed and iteration, as in `results/runs/`, with the names of environment and variant.
    policies
        The policies at each stage, for `pg.probe` and `pg.exact`.
    evaluations
        A row per seed and evaluation, as in `results/evaluations/`.
    tuned
        The scores of tuning, as in `results/tables/*-tuned.csv`; empty if no learning rate was tuned.
    """

    runs: pd.DataFrame
    policies: Policies
    evaluations: pd.DataFrame
    tuned: pd.DataFrame

    def __iter__(self) -> Iterator[Any]:
        """Yield `runs` and `policies`."""
        yield from (self.runs, self.policies)


class _Recorder(RunRecorder):
    """Keeps snapshots in memory."""

    def snapshot(self, seed: int, stage: str, policy: Parameters) -> None:
        self.policies[seed, stage] = policy


def train(
    environment: str | Mapping[str, Any],
    variants: Mapping[str, Any] | None = None,
    *,
    steps: int,
    seeds: int | range | Mapping[str, Any] = 5,
    max_iterations: int | None = None,
    tuning: Mapping[str, Any] = TUNING,
    snapshots: Mapping[str, float] | None = None,
    evaluate: Mapping[str, Any] | None = None,
    sweep: Mapping[str, Any] | None = None,
    device: str = "cpu",
    **options: Any,
) -> Trained:
    r"""Train one or several variants in an environment, over several seeds.

    Everything has the name, the default and the meaning of the key in a study file, and a seed has the same rows as in
    a run of the workflow.

    Parameters
    ----------
    environment
        A gymnasium id, or the options of an environment: `{"id": "CartPole-v1", "horizon": 100, "threshold": 90}`.
    variants
        Options of variants by their names: `{"none": {}, "others": {"baseline": "leave_one_out"}}`. Default: one
        variant, which has the `options`.
    steps, max_iterations
        The budget of a seed: environment steps, and batches if these are limited too.
    seeds
        How many, or a range of them.
    tuning
        How a learning rate is selected that is "tuned", the default: another grid, `{"grid": [0.01, 0.03]}`, or more
        `seeds` or `selections`; what is left out is as in the default. Or give a rate: `optimizer={"learning_rate":
        0.01}`.
    snapshots, evaluate, sweep, device
        As in a study file. By default policies are kept at the stages initial, middle and late.
    **options
        Options of all variants, such as `baseline="leave_one_out"`, `batch=32` or `returns={"name": "gae", "lambda":
        0.95}`; those in `variants` override them. A part of one's own is its class.

    Returns
    -------
    Trained
        With `runs`, `policies`, `evaluations` and `tuned`.

    Raises
    ------
    InvalidStudy
        If an argument is wrong, with what is allowed, before anything is trained.

    Examples
    --------
    >>> import pg
    >>> adam = {"learning_rate": 0.01}
    >>> runs, policies = pg.train("CartPole-v1", baseline="leave_one_out", seeds=2, steps=4_000, optimizer=adam)
    >>> bool(runs.groupby("seed")["steps"].last().min() >= 4_000)
    True
    >>> policies
    Policies(CartPole-v1: variants trained; stages initial, middle, late; seeds 0, 1)
    """
    environments, declared = environments_of(environment), variants_of(train, variants, options)
    experiment = {
        "kind": "train",
        "environments": [*environments],
        "variants": [*declared],
        "seeds": seeds_of(seeds),
        "budget": given(steps=_whole(steps), max_iterations=max_iterations),
        **given(tuning=_completed(tuning), snapshots=snapshots, evaluate=evaluate, sweep=sweep),
    }
    whole = {
        "name": "pg.train",
        "device": device,
        "environments": environments,
        "variants": declared,
        "experiments": {TRAINING: experiment},
    }
    study = study_of(whole, shared=options)
    with running():
        return _trained(study, whole)


def _whole(steps: Any) -> Any:
    """Return a float such as 1e5, which Python users write for an integer, as one."""
    return int(steps) if isinstance(steps, float) and steps.is_integer() else steps


def _completed(tuning: Any) -> Any:
    """Add the defaults of `train`, which are less than those of a study; the study refuses what is no mapping."""
    return {**TUNING, **tuning} if isinstance(tuning, Mapping) else tuning


def _trained(study: Study, declared: Mapping[str, Any]) -> Trained:
    seeds, runs, evaluations = study.experiments[TRAINING].seeds, [], []
    policies: dict[tuple[str, str, int], Parameters] = {}
    choices: list[tuple[Cell, Any]] = []
    for cell in cells(study, TRAINING):
        job = train_job(study, cell, Block(seeds.first, seeds.end - 1))
        rates: Mapping[int, float]
        if cell.variant.is_tuned:
            choices.append((cell, _choices(study, cell)))
            rates = rates_of(choices[-1][1], job.seeds)
            _log.info("%s: learning rate %s", cell.variant_id, ", ".join(f"{rate:g}" for rate in {*rates.values()}))
        else:
            rates = job.declared_rates
        recorder = _Recorder(job.total_steps)
        train_seeds(job, rates, recorder)
        runs.append(_named(cell, recorder.frame()))
        evaluations.append(_named(cell, recorder.evaluations()))
        policies |= {(cell.variant_id, stage, seed): policy for (seed, stage), policy in recorder.policies.items()}
    return Trained(
        pd.concat(runs, ignore_index=True),
        Policies(policies, declared),
        pd.concat(evaluations, ignore_index=True),
        tuned_table(choices),
    )


def _choices(study: Study, cell: Cell) -> list[dict[str, Any]]:
    job = tune_job(study, cell)
    _log.info(
        "%s: selects a learning rate from %s", cell.variant_id, ", ".join(f"{rate:g}" for rate in job.tuning.grid)
    )
    return asdict(tune(job, RunRecorder(job.total_steps)))["selections"]


def _named(cell: Cell, rows: pd.DataFrame) -> pd.DataFrame:
    """Put the names of a cell before its rows."""
    return pd.concat([pd.DataFrame(names_of(cell), index=rows.index), rows], axis=1)
