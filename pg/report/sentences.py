"""Write what a part of a claim found as one plain sentence, from its declaration and its row in claims.csv.

| comparison | sentence |
|---|---|
| a over b | The variance with “to-go” is a quarter (19 % to 32 %) of that with “total”: 50 instead of 200. |
| a minus b | The return is higher by 131 (72 to 190) with “a” than with “b”: 331 instead of 200. |
| a against a number | The cosine with “a” is 0.97 (0.96 to 0.97). |
| share of a change | “a” lowers it from 200 (“b”) to 100, where “c” gives 50: 67 % of the possible change. |
| a and a published number | With “a”, the return is 331, and 320 in Doe (2020): higher by 11 (2.0 to 24). |
| within a tolerance | The bias with “a” is 0 % up to rounding in all of 20 measurements. |

In brackets after a number are the ends of its interval; brackets at the end name the case that the numbers belong to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pg.claims.comparisons import Comparison, comparison_of
from pg.claims.record import ClaimPart, Family, Published
from pg.core.signs import signed
from pg.experiments.kind import Measurement
from pg.experiments.metric import Metric
from pg.experiments.metrics import metrics_of
from pg.plotting.text import PER_CENT, counted, percent, short, times
from pg.report import sides
from pg.statistics.decisions import least_unanimous
from pg.statistics.intervals import LEVEL
from pg.study.record import Study

_ROUNDING = 1e-5  # smaller tolerances allow for rounding alone
_FOUND = re.compile(r"(\S+) \((\w+)(?:, (\S+) to (\S+) over all cases)?\)")
_UNDEFINED_CASE = re.compile(r"; (the least certain of \d+ is in .*: )?undefined: ")


@dataclass(frozen=True, slots=True)
class Result:
    """A part of a claim, and its numbers in claims.csv."""

    study: Study
    part: ClaimPart
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    lowest: float = math.nan
    highest: float = math.nan
    n: int = 0
    selections: int = 0
    verdict: str = ""
    comparison: str = ""
    means: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study, row: Mapping[Any, Any]) -> Result:
        """Read a row of claims.csv."""
        part = study.claims[str(row["claim"])].parts[str(row["part"])]
        effect, low, high, lowest, highest = (
            float(row[name]) for name in ("effect", "ci_low", "ci_high", "lowest", "highest")
        )
        verdict, comparison = str(row["verdict"]), str(row["comparison"])
        means = {side: float(row[f"mean_{side}"]) for side in part.sides}
        n, selections = int(row["n"]), int(row["selections"])
        return cls(study, part, effect, low, high, lowest, highest, n, selections, verdict, comparison, means)

    @property
    def metric(self) -> Metric:
        """The metric of the part."""
        return self.metric_named(self.part.metric)

    @property
    def compared(self) -> Comparison:
        """What the part compares."""
        return comparison_of(self.part, self.metric)

    @property
    def is_ratio(self) -> bool:
        """Whether the effect is a over b."""
        return self.part.is_relative and (self.part.ratio_of_means or self.compared.logarithmic)

    @property
    def has_interval(self) -> bool:
        """Whether the effect has an interval of a finite width."""
        return math.isfinite(self.low + self.high) and self.low < self.high

    def metric_named(self, name: str) -> Metric:
        """Return a metric of the study."""
        return metrics_of(*self.study.experiments.values())[name]

    def side(self, name: str) -> str:
        """Name a side in a sentence."""
        return sides.side(self.study, self.part, name)

    def mean(self, name: str) -> str:
        """Write the mean of a side, without its unit."""
        return _bare(self.metric, self.means.get(name, math.nan))


def finding(result: Result) -> str:
    """Say what was found, and what the claim needs, unless that is clear from what was found."""
    match result.verdict:
        case "not tested":
            return _not_tested(result)
        case "supported" if result.part.is_tolerance or (result.part.is_relative and result.part.margin is None):
            return measured(result)
        case "undecided":
            return f"{measured(result)} Too uncertain to decide: the claim needs {needed(result)}{_elsewhere(result)}."
        case "mixed":
            return f"{measured(result)} The cases disagree: the claim needs {needed(result)}."
        case _:
            return f"{measured(result)} The claim needs {needed(result)}."


def measured(result: Result) -> str:
    """Say what was measured, in one sentence."""
    if math.isnan(result.effect):
        words = _undefined(result, result.comparison.partition("; undefined: ")[2].partition(";")[0])
    elif result.part.is_tolerance:
        words = _within_tolerance(result)
    elif result.part.share_of is not None:
        words = _share_of_change(result)
    elif result.part.published is not None:
        words = _beside_published(result, result.part.published)
    elif result.is_ratio:
        words = _ratio(result)
    elif result.part.b is not None:
        words = _difference(result)
    else:
        words = f"{result.side('a')}, {noun(result.metric)} is {_single(result)}"
    return f"{words[0].upper()}{words[1:]}{sides.case(result.study, result.part, _all_cases(result))}."


def needed(result: Result) -> str:
    """Say which values support the part."""
    part, metric, target = result.part, result.metric, result.compared.target
    if part.is_tolerance:
        return "equality" if part.reference is None else f"{_target(result)} {_within(result)}"
    if part.share_of is not None:
        return part.decision.demand(target, lambda value: f"{percent(value)} of the change")
    if part.published is not None and part.margin is None:
        return part.decision.demand(target, lambda _: "published")
    if part.number is not None and not part.is_relative:
        return part.decision.demand(target, partial(declared, metric))
    if part.margin is not None:
        return f"a difference of at most {_amount(metric, part.margin)}"
    return part.decision.demand(target, lambda _: "with the latter" if isinstance(part.b, Family) else result.side("b"))


def noun(metric: Metric) -> str:
    """Name a metric in a sentence."""
    return metric.noun or f"the {metric.label}"


def written(metric: Metric, value: float) -> str:
    """Write a value of a metric with its unit."""
    return _with_unit(metric, percent(value) if is_part(metric) else short(value))


def signed_amount(result: Result, value: float) -> str:
    """Write a difference with its sign, or a quotient: "−12", "0.4 points", "1.2 times"."""
    if result.is_ratio:
        return f"{short(value)} times"
    return f"{short(100 * value)} points" if is_part(result.metric) else short(value)


def is_part(metric: Metric) -> bool:
    """Return whether values are written in per cent."""
    return metric.is_part or metric.statistic == "share"


def _not_tested(result: Result) -> str:
    condition, found = result.part.condition, result.comparison.rpartition("found: ")[2]
    if condition is None:
        return "Not tested."
    demanded = Result(result.study, condition, n=result.n, selections=result.selections)
    if (numbers := _FOUND.fullmatch(found)) and not condition.is_relative and not condition.is_tolerance:
        found = _found(demanded, *numbers.groups())
    subject = f"{demanded.side('a')}, {noun(demanded.metric)}"
    return f"Not tested: {subject} had to be {needed(demanded)}; found: {found}."


def _found(demanded: Result, effect: str, verdict: str, lowest: str | None, highest: str | None) -> str:
    """Write what was found of a condition in the unit of its metric, and how many runs could satisfy it."""
    metric, value = demanded.metric, float(effect)
    if lowest is not None and highest is not None:
        least, largest = (_bare(metric, float(end)) for end in (lowest, highest))
        return f"{written(metric, value)} ({verdict}, {least} to {largest} over all cases)"
    if metric.statistic != "share":
        return f"{written(metric, value)} ({verdict})"
    needed, null = "", demanded.compared.target.value
    chance = null if value == 1 else 1 - null
    if verdict == "undecided" and value in (0, 1) and 0 < chance < 1:
        unit = "selections of the learning rate" if demanded.selections else _samples(demanded)
        needed = f"; even if all agree, at least {least_unanimous(chance)} {unit} are needed"
    return f"{written(metric, value)} of {demanded.n:,} {_samples(demanded)} ({verdict}{needed})"


def _samples(result: Result) -> str:
    return "policies" if isinstance(result.study.experiments[result.part.experiment], Measurement) else "runs"


def _elsewhere(result: Result) -> str:
    """Name the least certain case, if it is not the one that the sentence is about."""
    found = re.search(r"; the least certain of \d+ is in ([^:;,]*)(.*?): (.*)", result.comparison)
    if found is None:
        return ""
    environment, stage, effect = found.groups()
    at = result.study.environment_label(environment) if environment in result.study.environments else environment
    undefined, _, reason = effect.partition("undefined: ")
    there = _reason(result, reason) if reason else signed_amount(result, float(undefined))
    return f", also in {at}{stage} ({there})"


def _undefined(result: Result, reason: str) -> str:
    """Say why a part has no effect, and what may give it one."""
    why = _reason(result, reason)
    if why.startswith("undefined"):
        return f"{result.side('a')}, {noun(result.metric)} is not defined in every run"
    if "interval" not in why:
        return why
    what = "a ratio" if result.part.share_of is None else "the share of the possible change"
    more = "selections of the learning rate" if result.selections else "seeds"
    return f"{result.side('a')}, {what} is undefined, because {why}; more {more} would make that interval narrower"


def _reason(result: Result, reason: str) -> str:
    """Write the reason of a test that is undefined, as a clause."""
    if zeros := re.fullmatch(r"(\d+ of \d+) values not positive", reason):
        return f"{noun(result.metric)} is 0 in {zeros[1]} {_samples(result)}, so that a ratio is undefined"
    if reason.startswith("the denominator"):
        if result.part.share_of is None:
            of = f"mean {result.side('b')}"
        else:
            of = f"change of {noun(result.metric)} from {' to '.join(_ends_of_change(result))}"
        return f"the {percent(LEVEL)} interval of the {of} holds 0"
    return f"undefined, {reason}"


def _single(result: Result) -> str:
    """Write a value with its interval: "14 % (13 % to 15 %) of the gradient's length"."""
    value, write = _bare(result.metric, result.effect), partial(_bare, result.metric)
    return _with_unit(result.metric, f"{value}{_ends(result, write)}")


def _ratio(result: Result) -> str:
    write = short if result.effect >= 1 else percent
    words = times(result.effect, _ends(result, write))
    return f"{noun(result.metric)} {result.side('a')} is {words} that {result.side('b')}{_instead(result)}"


def _difference(result: Result) -> str:
    a, b, effect = result.side("a"), result.side("b"), result.effect
    if effect == 0 and not result.has_interval:
        return f"{noun(result.metric)} is the same {a} as {b}"
    direction = "lower" if effect < 0 else "higher"
    by = f"{_amount(result.metric, effect)}{_between(result)}"
    return f"{noun(result.metric)} is {direction} by {by} {a} than {b}{_instead(result)}"


def _beside_published(result: Result, published: Published) -> str:
    value = declared(result.metric, published.value)
    found = f"{result.side('a')}, {noun(result.metric)} is {result.mean('a')}, and {value} in {published.source}"
    if result.is_ratio:
        return f"{found}: {times(result.effect, _ends(result, short if result.effect >= 1 else percent))} that"
    direction = "lower" if result.effect < 0 else "higher"
    return f"{found}: {direction} by {_amount(result.metric, result.effect)}{_between(result)}"


def _instead(result: Result) -> str:
    """Write the means of both sides: ": 331 instead of 200"."""
    a, b = result.mean("a"), result.mean("b")
    return f": {a} instead of {b}" if a != b else ""


def _between(result: Result) -> str:
    """Write the ends of a difference as sizes: "(72 to 190)", "(126 lower to 161 higher)"."""
    low, high = (_bare(result.metric, abs(end)).removesuffix(PER_CENT) for end in (result.low, result.high))
    if result.low * result.high < 0 and result.has_interval:
        return f" ({low} lower to {high} higher)"
    return _in_brackets(result, *((high, low) if result.high <= 0 else (low, high)))


def _share_of_change(result: Result) -> str:
    a, zero, best = result.side("a").removeprefix("with "), *_ends_of_change(result)
    moves = "raises" if result.means["a"] > result.means["zero"] else "lowers"
    change = f"from {result.mean('zero')} ({zero}) to {result.mean('a')}, where {best} gives {result.mean('one')}"
    away = ", so away from it" if result.effect < 0 else ""
    # A ratio of means over seeds of relative changes, which the means of both sides need not give.
    share = f"{percent(result.effect)}{_ends(result, percent)} of the possible change, averaged over seeds{away}"
    return f"{a} {moves} {noun(result.metric)} {change}: {share}"


def _ends_of_change(result: Result) -> tuple[str, str]:
    """Name the ends of the change that a share is of."""
    zero, one = (result.side(name).removeprefix("with ") for name in ("zero", "one"))
    if result.part.share_of is not None and "metric" in result.part.share_of.one:
        one = noun(result.metric_named(result.part.share_of.one["metric"]))
    return zero, one


def _within_tolerance(result: Result) -> str:
    """Say how far the rows are from their target at most."""
    metric, holds = result.metric, result.verdict == "supported"
    within = f"{_within(result)} in all of {counted(result.n, 'measurement')}"
    far = _amount(metric, result.effect)
    if result.part.b is not None:
        a, b = result.side("a"), result.side("b")
        same = f"is the same {a} as {b} {within}"
        return f"{noun(metric)} {same if holds else f'differs by up to {far} between {a} and {b}'}"
    target = _target(result)
    missed = f"up to {far}, not 0" if target == "0" else f"up to {far} away from {target}"
    return f"{result.side('a')}, {noun(metric)} is {f'{target} {within}' if holds else missed}"


def _target(result: Result) -> str:
    value = result.compared.target.value
    return declared(result.metric, value) if value else "0"


def _within(result: Result) -> str:
    margin = result.part.margin or 0.0
    return "up to rounding" if margin <= _ROUNDING else f"within {_amount(result.metric, margin)}"


def _all_cases(result: Result) -> str:
    """Write the least and the largest effect of all cases, if there are several."""
    if result.part.is_tolerance or not math.isfinite(result.lowest + result.highest):
        return ""
    write = partial(_bare, result.metric)
    if result.part.share_of is not None:
        write = percent
    elif result.is_ratio:
        write = short
    unit = " times" if result.is_ratio else ""
    cases = {
        "environments": sides.environments_of(result.study, result.part),
        "stages": sides.stages_measured(result.study, result.part),
    }
    where = " and ".join(name for name, found in cases.items() if len(found) > 1) or "cases"
    low, high = write(result.lowest), write(result.highest)
    if _UNDEFINED_CASE.search(result.comparison.partition("; demanded of ")[0]):
        return f"{low}{f' to {high}' if high != low else ''}{unit} over the {where} where it is defined"
    return f"{low} to {high}{unit} over all {where}"


def _ends(result: Result, write: Callable[[float], str]) -> str:
    """Write the ends of the interval in brackets; nothing if there is none."""
    return _in_brackets(result, write(result.low), write(result.high))


def _in_brackets(result: Result, low: str, high: str) -> str:
    return f" ({low} to {high})" if result.has_interval and low != high else ""


def _bare(metric: Metric, value: float) -> str:
    return percent(value) if is_part(metric) else short(value)


def _with_unit(metric: Metric, value: str) -> str:
    return f"{value} {metric.unit}" if metric.unit else value


def declared(metric: Metric, value: float) -> str:
    """Write a declared value, which is not rounded."""
    return _with_unit(metric, f"{signed(round(100 * value, 9))}{PER_CENT}" if is_part(metric) else signed(value))


def _amount(metric: Metric, value: float) -> str:
    """Write the size of a difference."""
    size = _bare(metric, abs(value))
    if is_part(metric) and not metric.unit:
        return f"{size.removesuffix(PER_CENT)} percentage points"
    return _with_unit(metric, size)
