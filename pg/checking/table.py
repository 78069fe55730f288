"""Findings as a table for a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from math import isfinite, isnan

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pg.checking.arrays import LARGE
from pg.checking.findings import TOLERANCE, Findings, Property
from pg.checking.mistakes import BUILT_IN
from pg.checking.worlds import EXPECTATIONS, HORIZON

_WIDTH = 120


def show(findings: Findings, console: Console | None = None) -> None:
    """Print findings."""
    (console or Console()).print(Group(*_blocks(findings)))


def text(findings: Findings) -> str:
    """Return findings as text without colours."""
    console = Console(file=io.StringIO(), width=_WIDTH)
    with console.capture() as captured:
        show(findings, console)
    return captured.get().rstrip()


def _blocks(findings: Findings) -> Iterator[RenderableType]:
    where = f"{findings.file}:{findings.name}" if findings.name else findings.file
    failed = ("could not be checked" if findings.fault else "does not pass", "bold red")
    verdict = ("passes", "bold green") if findings.passes else failed
    yield Text.assemble(("\u2713 " if findings.passes else "\u2717 ", verdict[1]), where, " ", verdict)
    if findings.fault:
        yield Text(findings.fault)
        if findings.line:
            yield Text(findings.line, style="dim")
    else:
        yield Text(on_average(findings))
        diagnosis = findings.diagnosis
        if diagnosis is not None and (diagnosis.is_exact or not findings.passes):
            yield Text(diagnosis.words, style="bold" if diagnosis.is_wrong or not findings.passes else "")
        elif not findings.is_unbiased and all(isfinite(one.relative) for one in findings.biases):
            yield Text("No known mistake fits.", style="bold")
        if findings.hint:
            yield Text(findings.hint)
        yield from (_property(one) for one in findings.properties if not one.holds)
        if findings.biases:
            yield _numbers(findings)
            yield Text(_tried(findings), style="dim")
        if findings.is_unbiased:
            yield from _of_variances(findings)
        if not isnan(findings.cost):
            yield Text(f"A batch of 8 trajectories of 50 steps takes {findings.cost:.2g} times as long as built in.")
    if findings.printed:
        yield Text("It printed:\n" + findings.printed, style="dim")


def on_average(findings: Findings) -> str:
    """Say what the estimate should be on average, and whether it is."""
    expected = f"that of {findings.equals}" if findings.equals else EXPECTATIONS[findings.expects]
    if not findings.spreads:  # one policy alone
        expected = expected.replace("θ'", "θ")
    if not findings.biases:
        return "Its expectation means nothing, as long as the following does not hold."
    wrong = [bias for bias in findings.biases if bias.is_required and not bias.holds]
    if not wrong:
        bootstraps = ", with the exact V, but not with another one: it bootstraps" if findings.bootstraps else ""
        rounding = f"up to rounding (a relative bias below {TOLERANCE:g})"
        return f"It should be {expected} on average. It is, {rounding}{bootstraps}."
    # Small batches of short episodes are easier to look into.
    worst = max(wrong, key=lambda bias: (max(bias.n, bias.steps) <= HORIZON, bias.relative, -bias.n))
    found = f"It is not: in {worst.world} with N = {worst.n}, {worst.worst}."
    return " ".join([f"It should be {expected} on average.", found, *_beginning(findings)])


def _beginning(findings: Findings) -> Iterator[str]:
    """Say from which number of trajectories or steps on the expectation is wrong."""
    required = [bias for bias in findings.biases if bias.is_required]
    right, wrong = ([bias for bias in required if bias.holds == holds] for holds in (True, False))
    if not right:
        return
    if (most := max(bias.n for bias in right)) < (least := min(bias.n for bias in wrong)):
        yield f"It is right with up to {most} trajectories: look at what it does from N = {least} on."
    elif (longest := max(bias.steps for bias in right)) < min(bias.steps for bias in wrong):
        yield f"It is right in episodes of up to {longest} steps: look at what it does in longer ones."


def _tried(findings: Findings) -> str:
    """Say which batches were tried, and that others were not."""
    steps = {
        n: max(bias.steps for bias in findings.biases if bias.n == n) for n in {bias.n for bias in findings.biases}
    }
    sizes = {longest: [n for n in sorted(steps) if steps[n] == longest] for longest in steps.values()}
    listed = "; ".join(f"{', '.join(map(str, found))} with T ≤ {longest}" for longest, found in sizes.items())
    tried = f"Tried were all batches of N = {listed}"
    if findings.diagnosis is not None and findings.diagnosis.holds_further:
        random = " and ".join(f"{n} trajectories of up to {longest} steps" for n, longest in LARGE)
        tried += f", and random ones of {random}, with the same weights as the estimator named above"
    return f"{tried}. What it does only in larger batches or longer episodes is not judged."


def _of_variances(findings: Findings) -> Iterator[Text]:
    """Explain the columns of variances, and say what the estimate's own come to."""
    if findings.variances:
        ratios = [one.own / one.plain for one in findings.variances]
        least = [one.least / one.plain for one in findings.variances]
        yield Text(
            "Variances are over that of rewards-to-go without a baseline: its own, those with built-in baselines (mean "
            "return of the others, their mean reward-to-go at each step, the exact V), and the least that a baseline "
            "of step and state can leave.",
            style="dim",
        )
        yield Text(f"Its variance is {_span(ratios)} times that without a baseline; the best is {_span(least)} times.")
    if findings.spreads:
        own = [one.own / one.trajectory for one in findings.spreads]
        usual = [one.per_decision / one.trajectory for one in findings.spreads]
        yield Text(
            f"From data of another policy its variance is {_span(own)} times that of trajectory weights without a "
            f"baseline; that of weights per decision is {_span(usual)} times."
        )


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


def _property(one: Property) -> Text:
    mark = ("\u2717 ", "bold red") if one.is_required else ("\u2022 ", "bold")
    return Text.assemble(mark, one.name, ": ", one.sentence, "" if one.is_required else " (this may be so)")


def _numbers(findings: Findings) -> Table:
    """Show each bias, and next to it the variances over that of rewards-to-go without a baseline."""
    table = Table(box=None, padding=(0, 1), collapse_padding=True)
    table.add_column("", no_wrap=True)
    variances = {(one.world, one.n): one for one in findings.variances} if findings.is_unbiased else {}
    for heading in ("relative bias", *(("variance", *BUILT_IN.values(), "best") if variances else ())):
        table.add_column(heading, justify="right")
    for bias in findings.biases:
        style = "" if bias.holds else "bold red"
        row = [Text(f"{bias.world}, N = {bias.n}"), Text(f"{bias.relative:.1g}", style=style)]
        if (found := variances.get((bias.world, bias.n))) is not None:
            shown = (found.own, *found.built_in.values(), found.least)
            row += [Text(f"{value / found.plain:.2f}") for value in shown]
        table.add_row(*row)
    return table
