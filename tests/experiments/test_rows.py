"""Rows of measurements depend on their own seed and policy alone: all jobs of the smoke study."""

import itertools
from functools import cache

import numpy as np
import pandas as pd
import pytest
from pg.experiments.kind import Measurement
from pg.study.expansion import cells
from pg.study.slicing import measurement_job
from pg.study.sources import places_of
from tests.laboratory.jobs import frozen
from tests.study.studies import study_of

SMOKE = study_of("workflow/studies/smoke.yaml")
MEASURED = {name: one for name, one in SMOKE.experiments.items() if isinstance(one, Measurement)}


@cache
def measured(name: str, *seeds: int, first: float | None = None) -> dict[str, pd.DataFrame]:
    """Measure random policies; all parameters of the first seed's policy are set to a number if one is given."""
    job = measurement_job(SMOKE, name, *places_of(SMOKE, name)[0], MEASURED[name].seeds.blocks[0])
    policies = {} if job.policy is None else {seed: frozen(job.policy, job.environment, seed) for seed in seeds}
    if first is not None:
        policies[seeds[0]] = {key: np.full_like(values, first) for key, values in policies[seeds[0]].items()}
    return job.model_copy(update={"seeds": seeds}).measure(policies)


@pytest.mark.parametrize("name", MEASURED)
def test_each_seed_and_variant_has_rows_with_the_columns_of_the_kind(name: str) -> None:
    experiment, found, (environment, _) = MEASURED[name], measured(name, 3, 4), places_of(SMOKE, name)[0]
    assert found.keys() == {"rows", *experiment.more_tables}
    assert set(experiment.columns()) <= set(found["rows"].columns)
    for table, columns in experiment.more_tables.items():
        assert set(found[table].columns) == {"seed", "variant", *columns}
    variants = {cell.variant_id for cell in cells(SMOKE, name) if cell.environment_id == environment}
    rows = found["rows"].groupby("seed")["variant"]
    assert {seed: set(names) for seed, names in rows} == {3: variants, 4: variants}


def without_seeds(rows: pd.DataFrame, seed: int) -> str:
    return rows[rows["seed"] == seed].drop(columns="seed").to_csv(index=False)


@pytest.mark.parametrize("name", MEASURED)
def test_rows_of_a_seed_do_not_depend_on_the_jobs_other_seeds(name: str) -> None:
    for table, rows in measured(name, 3, 4).items():
        assert without_seeds(rows, 4) == without_seeds(measured(name, 4)[table], 4)


TRAINED = [name for name, one in MEASURED.items() if one.policies_from is not None]


@pytest.mark.parametrize(("name", "value"), list(zip(TRAINED, itertools.cycle([np.nan, np.inf]))))
def test_diverged_policy_changes_no_other_rows(name: str, value: float) -> None:
    found, expected = measured(name, 3, 4, first=value)["rows"], measured(name, 3, 4)["rows"]
    assert without_seeds(found, 4) == without_seeds(expected, 4)
    assert len(found) == len(expected)
    assert set(MEASURED[name].columns()) <= set(found.columns)


def test_rows_of_two_seeds_differ_in_every_kind() -> None:
    def differ(rows: pd.DataFrame) -> bool:
        return without_seeds(rows, 3) != without_seeds(rows, 4)

    differing = {one.kind for name, one in MEASURED.items() if all(map(differ, measured(name, 3, 4).values()))}
    assert differing == {one.kind for one in MEASURED.values()}
