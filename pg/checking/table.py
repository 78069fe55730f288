"""Findings as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pg.checking.findings import TOLERANCE, Findings, Property
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
        yield Text(on_average(findings))
        diagnosis = findings.diagnosis
        if diagnosis is not None and (not findings.passes or (diagnosis.is_wrong and diagnosis.is_exact)):
            yield Text(diagnosis.words, style="bold")
        elif not findings.is_unbiased:
            yield Text("No known mistake fits.", style="bold")
        yield from (_property(one) for one in findings.properties if not one.holds)
        yield _numbers(findings)
        if findings.variances and findings.is_unbiased:
            yield Text(_removed(findings))
        if not isnan(findings.cost):
            yield Text(f"A batch of 32 trajectories of 200 steps takes {findings.cost:.2g} times as long as built in.")
    if findings.printed:
        yield Text("It printed:\n" + findings.printed, style="dim")


def on_average(findings: Findings) -> str:
    """Say what the estimate should be on average, and whether it is."""
    expected = f"that of {findings.equals}" if findings.equals else EXPECTATIONS[findings.expects]
    wrong = [bias for bias in findings.biases if not bias.holds]
    if not wrong:
        return f"It should be {expected} on average. It is, up to rounding (a relative bias below {TOLERANCE:g})."
    worst = max(wrong, key=lambda bias: (bias.relative, -bias.n))
    return f"It should be {expected} on average. It is not: in {worst.world} with N = {worst.n}, {worst.worst}."


def _removed(findings: Findings) -> str:
    shares = [100 * one.removed for one in findings.variances]
    most = "of the variance that a baseline of step and state could remove"
    return (
        f"It removes {min(shares):.0f} to {max(shares):.0f} % {most}; variances above are over that without a baseline."
    )


def _property(one: Property) -> Text:
    mark = ("\u2717 ", "bold red") if one.is_required else ("\u2022 ", "bold")
    return Text.assemble(mark, one.name, ": ", one.sentence)


def _numbers(findings: Findings) -> Table:
    """Show each bias, and next to it the variances over that of rewards-to-go without a baseline."""
    table = Table(box=None, padding=(0, 1), collapse_padding=True)
    table.add_column("", no_wrap=True)
    for heading in ("relative bias", "variance", *BUILT_IN.values(), "best"):
        table.add_column(heading, justify="right")
    variances = {(one.world, one.n): one for one in findings.variances} if findings.is_unbiased else {}
    for bias in findings.biases:
        style = "" if bias.holds else "bold red"
        row = [Text(f"{bias.world}, N = {bias.n}"), Text(f"{bias.relative:.1g}", style=style)]
        if (found := variances.get((bias.world, bias.n))) is not None:
            shown = (found.own, *found.built_in.values(), found.least)
            row += [Text(f"{value / found.plain:.2f}") for value in shown]
        table.add_row(*row)
    return table
