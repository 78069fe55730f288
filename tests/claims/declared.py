"""Claims and long tables for tests: rows of one metric, and parts that compare variant a with variant b."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pg.claims import judge
from pg.claims.record import Claim, ClaimPart

OWN_RELATION = '''
from pg.claims.relations.relation import Tested


class FarAbove(Tested):
    """The effect exceeds the null value by more than 1, in one one-sided test."""

    name = "far above"
    sign = "≫"
    sides = 1

    def p_values(self, test, target):
        result = test(target.value + 1)
        return result.p_greater, result.p_less
'''


def write_relation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a module `own_relations` with a relation that is not in the package, and make it importable."""
    file = folder / "own_relations.py"
    file.write_text(OWN_RELATION, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, file.stem, raising=False)
    return file


def table(metric: str, cells: Mapping[tuple[str, str, str], Iterable[Any]], **columns: Any) -> pd.DataFrame:
    """Return rows of a metric from {(environment, variant, stage): values by seed}."""
    rows = [
        {"environment": environment, "variant": variant, "stage": stage, "seed": seed, "metric": metric, "value": value}
        for (environment, variant, stage), values in cells.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(**columns)


def two_sides(metric: str, a: Iterable[Any], b: Iterable[Any]) -> pd.DataFrame:
    return table(metric, {("c", "a", ""): a, ("c", "b", ""): b})


def part(metric: str = "area", relation: str = "greater", **options: Any) -> ClaimPart:
    """Declare a part that compares a with b, or with a reference if the options have one."""
    declared = {"experiment": "e", "metric": metric, "relation": relation, "a": {"variant": "a"}} | options
    return ClaimPart.model_validate({"b": {"variant": "b"}} | declared if "reference" not in options else declared)


def claim(*parts: ClaimPart, primary: str = "part0") -> Claim:
    named = {f"part{i}": one for i, one in enumerate(parts)}
    return Claim(statement="It helps.", section="Baselines", parts=named, primary=primary, figure="curves")


def judged(one: ClaimPart, rows: pd.DataFrame, tuned: pd.DataFrame | None = None) -> pd.Series:
    """Return the row of a claim of one part."""
    ranking = {} if tuned is None else {"e": tuned}
    return judge.evaluate("key", claim(one), {"e": rows}, ranking).iloc[0]


def normal(seed: int, mean: float, n: int = 20, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, scale, n)
