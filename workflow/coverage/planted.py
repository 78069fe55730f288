"""Measure how often whole studies decide falsely, with tuning in the loop, and how often they find planted effects.

`python workflow/coverage/planted.py > workflow/coverage/planted.csv` writes the table anew. It takes minutes.

A study has 29 claims about learners whose true values are known, and 20 seeds per learner. A learner's value is a
parabola in the logarithm of the learning rate, and a run's return is the value plus standard normal noise. Tuning sees
the returns of two tuning seeds per rate, and selects rates by the rule of `pg.experiments.train.tuning`. Claims are
judged by `pg.claims.judge`, as in every study. A claim is about the expectation over selections and runs.

| claims | compare | planted |
|---|---|---|
| 12 | mean returns | in studies of effects, a is better by 1, 2 or 3 standard deviations of a run, four claims each |
| 5 | mean steps to a threshold, as ratios | nothing |
| 5 | shares of failed runs | nothing |
| 2 | a share of solved runs with a number | nothing |
| 2 | mean returns with those of a learner that is not tuned | nothing |
| 2 | mean returns, equal within a margin | a difference of 1.2 margins, so that support is false |
| 1 | mean returns of the best of three learners | nothing |

A decision is false if a claim without an effect is supported or refuted, or if one with an effect is refuted.

| tuning | |
|---|---|
| 5, 10 selections | selections take turns in the seeds, and runs of a selection are a group |
| 1 selection | every run has the rate of one selection, whose noise no interval includes |
"""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pg.claims import judge, selection
from pg.claims.record import Claim, ClaimPart
from pg.core.randomness import generator
from pg.experiments.selections import SELECTION
from pg.experiments.train.choice import Choice, rates_of
from pg.experiments.train.tuning import select
from pg.learning.job import Tuning
from pg.statistics.intervals import Array
from scipy import stats

SEEDS = 20
STUDIES: Mapping[str, Mapping[int, int]] = {"no effects": {1: 100, 5: 400, 10: 400}, "effects": {5: 300, 10: 200}}
"""Number of simulated studies by what is planted and the number of selections."""
EFFECTS: Mapping[str, Sequence[float]] = {"no effects": (), "effects": (1.0, 2.0, 3.0)}
MARGIN = 1.0
BUDGET, THRESHOLD, FAILED_BELOW = 80_000.0, 0.5, -1.0
CALIBRATION = 4000  # selections

TUNING = Tuning(grid=(0.001, 0.003, 0.01, 0.03), within=(3e-4, 0.1), seeds=2)
_STEEPNESS = 4.0
_NOTHING_LEARNED = -6.0
_REFERENCES = 2  # claims that compare a share with a number, and as many with a learner that is not tuned


@dataclass(frozen=True, slots=True)
class Learner:
    """A learner whose value is a parabola in the logarithm of the rate; without an optimum it is not tuned."""

    height: float
    optimum: float | None

    def value(self, rate: float) -> float:
        """Return the expected return at a learning rate."""
        if self.optimum is None:
            return self.height
        loss = _STEEPNESS * (math.log10(rate) - self.optimum) ** 2
        return max(_NOTHING_LEARNED, self.height - loss)

    def choices(self, selections: int, own: np.random.Generator) -> list[Choice]:
        """Select a learning rate several times, each time on tuning seeds of its own."""

        def score(rate: float, seed: int, share: float) -> float:
            del seed, share
            return self.value(rate) + own.normal()

        return [select(TUNING, range(TUNING.seeds), score) for _ in range(selections)]


METRICS: Mapping[str, Any] = {
    "final_return": lambda returns: returns,
    "steps_to_threshold": lambda returns: np.minimum(BUDGET, 20_000 * np.exp(-returns / 2)),
    "failed": lambda returns: (returns < FAILED_BELOW).astype(float),
    "solved": lambda returns: (returns > THRESHOLD).astype(float),
}
"""Metrics (n,) by name, from the returns of runs (n,)."""


class Planted(NamedTuple):
    """A claim with the learners of its sides, its planted effect, and the verdicts that would be false."""

    part: ClaimPart
    sides: Mapping[str, Learner]
    effect: float
    false: frozenset[str]


def claims(effects: Sequence[float] = ()) -> Iterator[Planted]:
    """Return the claims of a study; `effects` are planted in the comparisons of mean returns, in turns."""
    decided, optima = frozenset({"supported", "refuted"}), np.linspace(-2.75, -1.75, 12)
    for place, optimum in enumerate(optima):
        effect = effects[place % len(effects)] if effects else 0.0
        sides = {"a": Learner(effect, optimum), "b": Learner(0.0, optimum)}
        yield Planted(_part("final_return", "greater"), sides, effect, frozenset({"refuted"}) if effect else decided)
    for optimum in optima[1::2][:5]:
        alike = {"a": Learner(0.0, optimum), "b": Learner(0.0, optimum)}
        yield Planted(_part("steps_to_threshold", "less", ratio_of_means=True), alike, 0.0, decided)
        yield Planted(_part("failed", "less"), alike, 0.0, decided)
    for optimum in optima[::6][:_REFERENCES]:
        one = Learner(0.0, optimum)
        rates = chances(one)
        solved = sum(p * float(stats.norm.sf(THRESHOLD - one.value(rate))) for rate, p in rates.items())
        yield Planted(_part("solved", "greater", reference=solved), {"a": one}, 0.0, decided)
        fixed = Learner(sum(p * one.value(rate) for rate, p in rates.items()), None)
        yield Planted(_part("final_return", "greater"), {"a": one, "b": fixed}, 0.0, decided)
        apart = {"a": Learner(1.2 * MARGIN, optimum), "b": one}
        yield Planted(_part("final_return", "equal", margin=MARGIN), apart, 0.0, frozenset({"supported"}))
    candidates = {f"{side}{place}": Learner(0.0, optima[4 * place]) for side in "ab" for place in range(3)}
    family = {side: {"best_of": [{"variant": f"{side}{place}"} for place in range(3)]} for side in "ab"}
    yield Planted(_part("final_return", "greater", **family), candidates, 0.0, decided)


def _part(metric: str, relation: str, **options: Any) -> ClaimPart:
    declared = {"experiment": "e", "metric": metric, "relation": relation, "a": {"variant": "a"}} | options
    return ClaimPart.model_validate(declared if "reference" in declared else {"b": {"variant": "b"}} | declared)


@cache
def chances(learner: Learner) -> Mapping[float, float]:
    """Return the probability that a selection chooses each learning rate, measured."""
    found = Counter(one.learning_rate for one in learner.choices(CALIBRATION, generator(0, "planted", "chances")))
    return {rate: count / CALIBRATION for rate, count in found.items()}


def judged(planted: Planted, selections: int, own: np.random.Generator, key: str) -> pd.DataFrame:
    """Tune, run and judge one claim, and return its row of `claims.csv`."""
    tables, choices = [], []
    for name, learner in planted.sides.items():
        chosen = [asdict(one) for one in learner.choices(selections, own)]
        choices.append(({"environment": "world", "variant": name}, chosen))
        returns = np.array([learner.value(rate) for rate in rates_of(chosen, range(SEEDS)).values()])
        shown = selections if learner.optimum is not None else 1
        tables.append(_rows(name, planted.part.metric, returns + own.normal(size=SEEDS), shown))
    claim = Claim(statement="", section="", parts={"part": planted.part}, primary="part", figure="none")
    return judge.evaluate(key, claim, {"e": pd.concat(tables)}, {"e": selection.standings(choices)})


def _rows(variant: str, metric: str, returns: Array, selections: int) -> pd.DataFrame:
    seeds = np.arange(SEEDS)
    which = seeds % selections if selections > 1 else np.nan
    columns = {"environment": "world", "variant": variant, "stage": "", SELECTION: which, "seed": seeds}
    return pd.DataFrame({**columns, "metric": metric, "value": METRICS[metric](returns)})


def verdicts(declared: Sequence[Planted], selections: int, own: np.random.Generator) -> list[str]:
    """Run a study, and return the verdict of each claim."""
    rows = [judged(one, selections, own, str(place)) for place, one in enumerate(declared)]
    return judge.adjust(rows)["verdict"].tolist()


def measure(name: str, selections: int, studies: int) -> Iterator[tuple[Any, ...]]:
    """Simulate studies, and return the rows of the table: false decisions, and how often each effect was found."""
    declared, own = list(claims(EFFECTS[name])), generator(0, "planted", name, str(selections))
    found = [verdicts(declared, selections, own) for _ in range(studies)]
    wrong = sum(any(verdict in one.false for verdict, one in zip(study, declared, strict=True)) for study in found)
    yield name, selections, "a false decision", studies, wrong, wrong / studies
    for effect in EFFECTS[name]:
        places = [place for place, one in enumerate(declared) if one.effect == effect]
        supported = sum(study[place] == "supported" for study in found for place in places)
        total = studies * len(places)
        yield name, selections, f"an effect of {effect:g} is found", total, supported, supported / total


if __name__ == "__main__":
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("study", "selections", "event", "trials", "count", "share"))
    for kind, repetitions in STUDIES.items():
        for count, repeated in repetitions.items():
            table.writerows(measure(kind, count, repeated))
            sys.stdout.flush()
