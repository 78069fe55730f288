"""Findings as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pg.checking.findings import TOLERANCE, Findings, Property, Variance
from pg.checking.mistakes import BUILT_IN
from pg.checking.worlds import EXPECTATIONS


def show(findings: Findings, console: Console | None = None) -> None:
    """Print findings."""
    (console or Console()).print(Group(*_blocks(findings)))


def _blocks(findings: Findings) -> Iterator[RenderableType]:
    where = f"{findings.file}:{findings.name}" if findings.name else findings.file
    verdict = ("passes", "bold green") if findings.passes else ("does not pass", "bold red")
    yield Text.assemble(("\u2713 " if findings.passes else "\u2717 ", verdict[1]), where, " ", verdict)
    if findings.fault:
        yield Text(findings.fault)
        if findings.line:
            yield Text(findings.line, style="dim")
    else:
        expected = EXPECTATIONS[findings.expects]
        yield Text(f"It should be {expected} on average. {_on_average(findings)}")
        if findings.diagnosis is not None and (findings.diagnosis.is_wrong or not findings.passes):
            yield Text(findings.diagnosis.words, style="bold")
        yield _biases(findings)
        yield from (_property(one) for one in findings.properties if not one.holds)
        if findings.variances and findings.is_unbiased:
            yield _variances(findings.variances)
        if not isnan(findings.cost):
            yield Text(f"A batch of 32 trajectories of 200 steps takes {findings.cost:.2g} times as long as built in.")
    if findings.printed:
        yield Text("It printed:\n" + findings.printed, style="dim")


def _on_average(findings: Findings) -> str:
    wrong = [bias for bias in findings.biases if not bias.holds]
    if not wrong:
        return f"It is, up to rounding (a relative bias below {TOLERANCE:g})."
    worst = max(wrong, key=lambda bias: (bias.relative, -bias.n))
    return f"It is not: in {worst.world} with N = {worst.n}, {worst.worst}."


def _biases(findings: Findings) -> Table:
    sizes = sorted({bias.n for bias in findings.biases})
    table = Table("relative bias", *(f"N = {n}" for n in sizes), box=None)
    by_place = {(bias.world, bias.n): bias for bias in findings.biases}
    for world in dict.fromkeys(bias.world for bias in findings.biases):
        found = [by_place[world, n] for n in sizes]
        table.add_row(world, *(Text(f"{one.relative:.1g}", style="" if one.holds else "bold red") for one in found))
    return table


def _property(one: Property) -> Text:
    return Text.assemble(("\u2717 ", "bold red"), one.name, ": ", one.sentence)


def _variances(variances: tuple[Variance, ...]) -> Table:
    """Show variances over that without a baseline."""
    places = [f"{one.world}, N = {one.n}" for one in variances]
    table = Table("variance / that without baseline", *places, box=None)
    table.add_row("yours", *(f"{one.own / one.plain:.2f}" for one in variances), style="bold")
    for name, words in BUILT_IN.items():
        table.add_row(words, *(f"{one.built_in[name] / one.plain:.2f}" for one in variances))
    table.add_row("best of step and state", *(f"{one.least / one.plain:.2f}" for one in variances))
    return table
