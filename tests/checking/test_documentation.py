"""What the documentation shows is what a check says."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pg.checking.figure import draw
from pg.checking.findings import Findings
from pg.checking.table import show
from rich.console import Console

_ROOT = Path(__file__).parents[2]


def _sources(page: str) -> list[str]:
    text = (_ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in code.split("\n")) for indent, code in blocks]


def _shown(findings: Findings) -> str:
    page = io.StringIO()
    show(findings, Console(file=page, width=100))
    return page.getvalue()


def test_the_readme_shows_its_own_check(checked: Callable[..., Findings]) -> None:
    (source,) = (one for one in _sources("README.md") if one.startswith("def loss"))
    found = checked(source)
    assert not found.passes
    page = (_ROOT / "README.md").read_text(encoding="utf-8")
    said = " ".join(line[4:] for line in page.split("says in ten seconds:\n\n")[1].split("\n\n")[0].split("\n"))
    assert said in " ".join(_shown(found).split())


def test_the_examples_of_the_page_are_judged_as_it_says(checked: Callable[..., Findings]) -> None:
    objective, weights, later, up_to_here, _, median = _sources("docs/checking.md")
    assert checked(objective).passes
    assert checked(weights).passes
    for source, words in ((later, "own reward is missing"), (up_to_here, "by the ratios up to it")):
        diagnosis = checked(source).diagnosis
        assert diagnosis is not None
        assert words in diagnosis.words
    found = checked(median)
    assert found.kind == "baseline"
    assert not found.is_unbiased


def test_a_table_and_a_figure_show_variances(checked: Callable[..., Findings]) -> None:
    (right,) = (one for one in _sources("README.md") if one.startswith("def loss"))
    right = right.replace("returns.mean()", "(returns.sum(0) - returns) / (len(returns) - 1)")
    found = checked(right)
    assert found.passes
    row = next(line for line in _shown(found).split("\n") if line.strip().startswith("process 1, N = 3"))
    (own, leave_one_out) = (float(one) for one in row.split()[6:8])
    assert own > leave_one_out, "rewards before an action add variance"
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in draw(found).axes]
    assert titles == ["Bias", "Variance"]
    drawn = draw(found).axes[1].get_lines()
    assert own in [round(float(np.asarray(line.get_xdata())[0]), 2) for line in drawn]
