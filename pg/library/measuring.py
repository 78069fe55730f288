"""Measure estimators on frozen policies, as measurement jobs do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pandas as pd

from pg.core.errors import InvalidStudy
from pg.core.suggestions import unknown
from pg.experiments.cells import Block
from pg.experiments.kind import Measurement
from pg.experiments.tables import measurement_table
from pg.learning.policies import Parameters
from pg.library.declared import (
    MEASURED,
    TRAINED,
    TRAINING,
    environments_of,
    given,
    plain,
    seeds_of,
    study_of,
    variants_of,
)
from pg.library.running import running
from pg.library.training import Policies, Trained
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import measurement_job
from pg.study.sources import places_of, selections_of

DECLARED = "study"
"""The attribute of a table (`DataFrame.attrs`) with the study that it is of, as in a study file."""

_RANDOM = 5  # policies, where no number is given


def probe(
    policies: Policies | Trained,
    variants: Mapping[str, Any],
    *,
    batches: Sequence[int],
    trajectories: int = 256,
    sample: Mapping[str, Any] | None = None,
    stages: Sequence[str] | None = None,
    variant: str | None = None,
    seeds: int | range | Mapping[str, Any] | None = None,
    sweep: Mapping[str, Any] | None = None,
    **options: Any,
) -> pd.DataFrame:
    r"""Measure the bias and the variance of gradient estimates on frozen policies, from sampled trajectories.

    All variants see the same trajectories of a policy.

    Parameters
    ----------
    policies
        What `pg.train` returns.
    variants
        Options of the measured variants by their names: `{"total": {"returns": "total"}, "to_go": {}}`.
    batches
        Batch sizes N.
    trajectories, sample
        Trajectories of each policy, which are cut into batches; further options of the sample, such as `reference`.
    stages, variant, seeds
        Which policies. Default: those of all stages and seeds of the only variant.
    sweep, **options
        As in `pg.train`.

    Returns
    -------
    DataFrame
        The columns of `results/tables/` for each metric: environment, variant, batch, stage, seed, metric, value.

    Raises
    ------
    InvalidStudy
        If an argument is wrong, with what is allowed, before anything is measured.

    Examples
    --------
    >>> import pg
    >>> chain = {"id": "pg/Chain-v0", "kwargs": {"length": 2}, "horizon": 4}
    >>> _, policies = pg.train(chain, seeds=2, steps=500, policy={"hidden": []}, optimizer={"learning_rate": 0.01})
    >>> table = pg.probe(policies, {"total": {"returns": "total"}, "to_go": {}}, batches=[8, 32], stages=["late"])
    >>> variance = table.query("metric == 'total_variance'").groupby(["variant", "batch"])["value"].mean()
    >>> bool(variance["total", 8] > variance["to_go", 8] > variance["to_go", 32])
    True
    """
    own = variants_of(probe, variants, options)
    experiment = {
        "sample": given(batches=batches, trajectories=trajectories) | plain(sample or {}),
        **given(sweep=sweep),
    }
    return _measured("probe", _of_training(policies, own, variant, stages, seeds), own, experiment, options)


def exact(
    environment: str | Mapping[str, Any] | Policies | Trained,
    variants: Mapping[str, Any],
    *,
    seeds: int | range | Mapping[str, Any] | None = None,
    sampled_batches: int | None = None,
    limit: int | None = None,
    stages: Sequence[str] | None = None,
    variant: str | None = None,
    sweep: Mapping[str, Any] | None = None,
    **options: Any,
) -> pd.DataFrame:
    r"""Compute the exact expectation and variance of gradient estimates in a small MDP, by enumerating all batches.

    Parameters
    ----------
    environment
        An environment with tables, as in `pg.train`; its policies are random, a policy per seed. Or what `pg.train`
        returns, for the policies that it trained.
    variants
        Options of the measured variants by their names: `{"total": {"returns": "total"}, "to_go": {}}`.
    seeds
        How many, or a range. Default: 5 random policies, or those of all seeds.
    sampled_batches, limit, sweep
        As in a study file.
    stages, variant
        Which policies of a training. Default: those of all stages of the only variant.
    **options
        Options of all variants, as in `pg.train`. With `batch=2` and `policy={"hidden": []}`, a table, it takes a
        second: the number of batches is a power of N, and every parameter is moved for differences.

    Returns
    -------
    DataFrame
        As of `pg.probe`.

    Raises
    ------
    InvalidStudy
        If an argument is wrong, with what is allowed, before anything is computed.

    Examples
    --------
    >>> import pg
    >>> estimators = {"none": {}, "own": {"baseline": "average_reward"}}
    >>> table = pg.exact("pg/Bandit-v0", estimators, batch=2, policy={"hidden": []}, seeds=2)
    >>> bias = table.query("metric == 'relative_bias'").groupby("variant")["value"].mean().round(6)
    >>> bias["none"].item(), bias["own"].item()
    (0.0, 0.5)
    """
    own = variants_of(exact, variants, options)
    if isinstance(environment, Policies | Trained):
        place = _of_training(environment, own, variant, stages, seeds)
    elif unused := given(variant=variant, stages=stages):
        raise InvalidStudy([f"{name}: policies of an environment are random; leave it out" for name in unused])
    else:
        place = _Place(environments_of(environment), seeds_of(_RANDOM if seeds is None else seeds))
    experiment = given(sampled_batches=sampled_batches, limit=limit, sweep=sweep)
    return _measured("exact", place, own, experiment, options)


@dataclass(frozen=True)
class _Place:
    """Where and on which policies something is measured.

    Attributes
    ----------
    environments, seeds
        As in a study file.
    variants, experiments
        Those that trained the policies; none if they are random.
    source
        The experiment's key `source`.
    parameters
        Of the policies of the source, by stage and seed.
    """

    environments: Mapping[str, Any]
    seeds: Any
    variants: Mapping[str, Any] = field(default_factory=dict)
    experiments: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] | None = None
    parameters: Mapping[tuple[str, int], Parameters] = field(default_factory=dict)


def _of_training(
    policies: Policies | Trained,
    measured: Collection[str],
    variant: str | None,
    stages: Sequence[str] | None,
    seeds: int | range | Mapping[str, Any] | None,
) -> _Place:
    """Return the policies of one variant of a training, under a name that no measured variant has."""
    found = policies.policies if isinstance(policies, Trained) else policies
    if not isinstance(found, Policies):
        raise InvalidStudy([f"policies: should be what pg.train returns; it is {type(found).__name__}"])
    trained, names = found.declared["experiments"][TRAINING], found.declared["variants"]
    if variant is None and len(names) > 1:
        raise InvalidStudy([f"variant: is missing; whose policies? allowed: {', '.join(names)}"])
    wanted = next(iter(names)) if variant is None else variant
    if problems := [*unknown("variant", [wanted], names)]:
        raise InvalidStudy(problems)
    name = next(free for end in count() if (free := TRAINED + end * "_") not in measured)
    parameters = {(stage, seed): one for (id, stage, seed), one in found.parameters.items() if id == wanted}
    kept = dict.fromkeys(stage for stage, _ in parameters)
    return _Place(
        found.declared["environments"],
        trained["seeds"] if seeds is None else seeds_of(seeds),
        {name: names[wanted]},
        {TRAINING: {**trained, "variants": [name]}},
        {"experiment": TRAINING, "variant": name, "stages": plain(stages) or [*kept]},
        parameters,
    )


def _measured(
    kind: str, place: _Place, variants: Mapping[str, Any], experiment: Mapping[str, Any], shared: Mapping[str, Any]
) -> pd.DataFrame:
    own = {"kind": kind, "environments": [*place.environments], "variants": [*variants], "seeds": place.seeds}
    declared = {
        "name": f"pg.{kind}",
        "environments": place.environments,
        "variants": {**variants, **place.variants},
        "experiments": {**place.experiments, MEASURED: {**own, **given(source=place.source), **experiment}},
    }
    study = study_of(declared, shared=shared)
    with running():
        table = _table(study, place.parameters)
    table.attrs[DECLARED] = declared
    return table


def _table(study: Study, parameters: Mapping[tuple[str, int], Parameters]) -> pd.DataFrame:
    """Run the jobs of the experiment, each on all seeds."""
    measured = study.experiments[MEASURED]
    assert isinstance(measured, Measurement)
    block, rows = Block(measured.seeds.first, measured.seeds.end - 1), {}
    for environment, stage in places_of(study, MEASURED):
        job = measurement_job(study, MEASURED, environment, stage, block)
        policies = {seed: parameters[stage, seed] for seed in block.seeds if (stage, seed) in parameters}
        rows[environment, stage] = job.measure(policies)["rows"]
    return measurement_table(cells(study, MEASURED), type(measured), rows, selections_of(study, MEASURED))
