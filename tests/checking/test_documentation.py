"""What the documentation shows is what a check says."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pg.checking.figure import draw
from pg.checking.findings import Findings
from pg.checking.submissions import PartSubmission, load
from pg.checking.table import show
from pg.core.trajectories import Spaces, Trajectories
from pg.parts.baselines.base import Baseline
from rich.console import Console

_SPACES = Spaces(1, 2)
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
    objective, weights, later, up_to_here, of_step, _, median, running = _sources("docs/checking.md")
    for source in (objective, weights, of_step, running):
        assert checked(source).passes
    for source, words in ((later, "own reward is missing"), (up_to_here, "by the ratios up to it")):
        diagnosis = checked(source).diagnosis
        assert diagnosis is not None
        assert words in diagnosis.words
    found = checked(median)
    assert found.kind == "baseline"
    assert not found.is_unbiased


def test_the_baseline_that_learns_does_so(tmp_path: Path) -> None:
    *_, source = _sources("docs/checking.md")
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    submission = load(tmp_path / "mine.py")
    assert isinstance(submission, PartSubmission)
    assert isinstance(submission.part, Baseline)
    critic = submission.part.make_critic(submission.variant(2, 1.0), _SPACES, 2, torch.Generator())
    assert critic is not None
    mask = torch.tensor([[[True, True], [True, False]]])
    batch = Trajectories(
        observations=torch.zeros(1, 2, 2, 1),
        actions=torch.zeros(1, 2, 2, dtype=torch.int64),
        rewards=torch.tensor([[[1.0, 2.0], [3.0, 0.0]]]),
        mask=mask,
        terminated=torch.ones(1, 2, dtype=torch.bool),
        truncated=torch.zeros(1, 2, dtype=torch.bool),
    )
    assert critic.values(batch).along.abs().max() == 0
    critic.fit(batch)
    # 0.5 is the rate; the derivatives of the mean of the three squared errors, at 0, are -2 (3 + 3) / 3 and -2 * 2 / 3.
    expected = torch.tensor([[[2.0, 2 / 3], [2.0, 0.0]]])
    torch.testing.assert_close(critic.values(batch).along, expected, atol=0, rtol=1e-6)


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
