"""Properties of all kinds of figure."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from pg.experiments.figures import request as request_module
from pg.experiments.figures.concepts import concept
from pg.experiments.figures.lookup import FIGURES
from pg.experiments.kind import Measurement
from pg.experiments.probe.figures import variance
from pg.plotting import style
from pg.plotting.text import counted
from tests.figures.pictures import bars, colours, draw, missing, numbers, panels, texts, words
from tests.figures.studies import EXAMPLES, LIMIT, made_up, request, with_tables

KINDS = sorted(FIGURES)
DRAWN_BODIES = {"gait", "stick_figures"}
# Their colours are of numbers, and intervals are drawn only where there is room.
HEAT_TABLES = {"ladder", "achieved_share", "shrinkage", "tuning"}
# Kinds whose rows are no variants.
OF_ENVIRONMENTS = {"backward_passes"}
# Kinds that draw estimates of the summary: metrics, and columns that select the rows drawn.
ESTIMATES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "sampled_variance": (("variance_ratio",), {}),
    "batch_size": (("cosine", "snr"), {}),
    "bias_and_variance": (("relative_bias", "relative_bias_noise", "total_variance"), {"batch": 16}),
    "empty_gradients": (("empty", "returns_alike"), {}),
    "against_rewards": (("total_variance",), {}),
    "against_level": (("steps_to_threshold", "final_return", "collapsed"), {}),
    "steps_to_threshold": (("steps_to_threshold",), {}),
    "ladder": (("relative_bias",), {"batch": 2}),
    "backward_passes": (("backward_passes",), {}),
    "likelihoods": (("rising_below_average", "rising_above_average", "rank_correlation"), {}),
    "support": (("total_variance", "median_error"), {"left": 0.1}),
    "staleness": (("cosine", "relative_bias", "effective_share", "state_variation"), {}),
    "horizons": (("effective_share", "largest_weight", "total_variance", "log_weight_q50", "log_weight_q05"), {}),
    "gait": (("fell_forward", "fell_backward", "alternating_steps", "displacement"), {}),
    "realised_kl": (("kl_on_batch", "kl_on_fresh"), {}),
}
# Metrics that are the same for all variants: those of the first are drawn.
SHARED = ("returns_alike", "state_variation")
# Kinds that draw estimates of other tables: the table, and the columns that select rows.
OTHER_TABLES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "performance_profiles": ("across", [{"statistic": "profile"}]),
    "aggregates": ("across", [{"statistic": "interquartile mean"}, {"statistic": "improvement"}]),
    "achieved_share": ("comparisons", [{"comparison": "achieved share", "batch": 16}]),
    "against_rewards": ("parabolas", [{}]),
    "variance": ("comparisons", [{"comparison": "ratio", "over": "total", "batch": 16}]),
}
# Kinds with a mark per seed or policy.
VALUES: dict[str, dict[str, Any]] = {
    "backward_passes": {"metric": "backward_passes"},
    "likelihoods": {"metric": "rank_correlation"},
    "steps_to_threshold": {"metric": "steps_to_threshold"},
    "against_level": {"metric": "final_return"},
    "gait": {"metric": "displacement"},
    "sampled_variance": {"metric": "variance_ratio"},
}


@dataclass(frozen=True)
class Drawing:
    """A figure of a kind without options, as it is saved."""

    figure: Figure
    caption: str
    pdf: bytes


@pytest.fixture(scope="module")
def drawing() -> Callable[[str], Drawing]:
    """Return a function that draws a kind once."""

    @cache
    def drawn(kind: str) -> Drawing:
        figure, said = request_module.draw(request(kind))
        (pdf,) = style.encoded(figure, ".pdf")
        return Drawing(figure, said, pdf)

    return drawn


def test_validation_imports_no_slow_library() -> None:
    read = (
        "import sys, pg.study.validation; sys.exit(any(one in sys.modules for one in ('matplotlib', 'torch', 'numba')))"
    )

    assert subprocess.run([sys.executable, "-c", read], check=False).returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("drawn", ["everything", "one environment", "one environment at one stage"])
@pytest.mark.parametrize("kind", KINDS)
def test_texts_fit_the_page_without_overlap(kind: str, drawn: str, width: style.Width) -> None:
    every, some = request(kind), dict[str, Any]()
    # The titles of few columns or panels are wider than these.
    if "environment" in drawn and "across" not in FIGURES[kind].tables:
        some["environments"] = [*every.environments][-1:]
    if "stage" in drawn and isinstance(every.experiment, Measurement):
        some["stages"] = every.stages[:1]
    figure = draw(request(kind, width=width, **some))
    figure.canvas.draw()
    tight = figure.get_tightbbox()
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    overlaps = [(a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if one.overlaps(other)]

    assert figure.get_figwidth() == style.WIDTHS[width]
    assert 0 <= tight.x0 < tight.x1 <= style.WIDTHS[width]
    assert overlaps == []


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_pdfs_are_the_same_bytes_with_embedded_fonts(
    drawing: Callable[[str], Drawing], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "again.pdf"
    style.save(draw(request(kind)), path)
    content = path.read_bytes()

    assert content == drawing(kind).pdf
    assert b"/Type3" not in content
    assert b"/FontFile2" in content


@pytest.mark.parametrize("kind", KINDS)
def test_captions_say_how_many(drawing: Callable[[str], Drawing], kind: str) -> None:
    one, said = request(kind), drawing(kind).caption

    assert any(counted(one.seeds, noun) in said for noun in ("seed", "policy", "tuning seed")) or "(of 2)" in said


@pytest.mark.parametrize("kind", KINDS)
def test_captions_have_at_most_sixty_words(drawing: Callable[[str], Drawing], kind: str) -> None:
    assert len(drawing(kind).caption.split()) <= 60


@pytest.mark.parametrize("kind", KINDS)
def test_named_environments_and_variants_alone_are_drawn(kind: str) -> None:
    every = request(kind)
    pooled, *others, last = "across" in FIGURES[kind].tables, *every.environments
    names = every.drawn[1::-1]
    shown = words(draw(request(kind, environments=() if pooled else (last,), variants=names)))
    labels = [every.variant_label(name) for name in every.drawn]

    assert pooled or not any(every.environment_label(name) in shown for name in others)
    assert not any(f"{line},".startswith(f"{label},") for line in shown.splitlines() for label in labels[2:])
    drawn = [label for label in labels[:2] if label in shown]
    assert sorted(drawn, key=shown.index) == drawn


LIMITED = [(kind, axis) for kind in KINDS for axis in FIGURES[kind].limits]


@pytest.mark.parametrize(("kind", "axis"), LIMITED)
def test_axes_end_where_a_figure_declares_it(kind: str, axis: str) -> None:
    one_metric: dict[str, Any] = {"metrics": ("final_return",)} if FIGURES[kind].with_metrics else {}
    drawn = panels(draw(request(kind, limits={axis: (0.25, 0.75)}, **one_metric)))

    assert {getattr(axes, f"get_{axis}scale")() for axes in drawn} == {FIGURES[kind].limits[axis]}
    assert {getattr(axes, f"get_{axis}lim")() for axes in drawn} == {(0.25, 0.75)}


MEASURED = [kind for kind in KINDS if len(request(kind).stages) > 1]


@pytest.mark.parametrize("kind", MEASURED)
def test_named_stages_alone_are_drawn(drawing: Callable[[str], Drawing], kind: str) -> None:
    *_, last = request(kind).stages
    one = request(kind, stages=(last,))
    with_stages = [table for table in one.tables.values() if "stage" in table]

    assert one.stages == (last,)
    assert all(set(table["stage"]) == {last} for table in with_stages)
    assert numbers(draw(one)).size < numbers(drawing(kind).figure).size or kind == "trajectories"


@pytest.mark.parametrize("kind", ["learning_curves", "variance"])
def test_a_chosen_colour_is_drawn_and_that_of_the_concept_is_not(kind: str) -> None:
    drawn = colours(draw(request(kind, colours={"to_go": "#ff0000"})))

    assert "#ff0000" in drawn
    assert style.look_of("baseline: none").colour not in drawn


@pytest.mark.parametrize("kind", [kind for kind in KINDS if FIGURES[kind].with_threshold])
def test_the_line_at_the_threshold_can_be_left_out(drawing: Callable[[str], Drawing], kind: str) -> None:
    assert style.FAINT in colours(drawing(kind).figure)
    assert style.FAINT not in colours(draw(request(kind, threshold_line=False)))


@pytest.mark.long
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in DRAWN_BODIES | HEAT_TABLES | OF_ENVIRONMENTS])
def test_a_variant_has_the_colour_of_its_concept(drawing: Callable[[str], Drawing], kind: str) -> None:
    one, drawn = request(kind), colours(drawing(kind).figure)

    shown = {concept(one.variants[name]) for name in one.drawn}
    others = {
        style.look_of(concept(variant)).colour for variant in one.variants.values() if concept(variant) not in shown
    }
    assert {style.look_of(name).colour for name in shown} <= drawn
    assert not others & drawn


@pytest.mark.parametrize(
    ("kind", "name", "selections"),
    [
        *(
            (kind, "summary", [{"metric": one} | where for one in metrics])
            for kind, (metrics, where) in ESTIMATES.items()
        ),
        *((kind, *read) for kind, read in OTHER_TABLES.items()),
    ],
)
def test_estimates_and_intervals_are_those_of_the_table(kind: str, name: str, selections: list[dict[str, Any]]) -> None:
    one = request(kind)
    one = with_tables(one, **{name: made_up(one.tables[name])})
    figure = draw(one)
    scale = LIMIT if kind == "realised_kl" else 1.0

    for selection in selections:
        if selection.get("metric") in SHARED:
            selection |= {"variant": one.drawn[0]}
        rows = one.rows(name, **selection)
        rows = rows[rows["variant"].isin(one.drawn)]
        assert len(rows)
        assert missing(rows["estimate"] / scale, figure) == []
        # Profiles have bands; parabolas, noise and quantiles no intervals.
        without = kind in {"performance_profiles", *HEAT_TABLES} or name == "parabolas"
        if not without and "noise" not in str(selection) and "_q" not in str(selection):
            assert missing(rows[["ci_low", "ci_high"]].to_numpy().ravel() / scale, figure) == []


@pytest.mark.parametrize("kind", VALUES)
def test_every_seed_is_drawn(drawing: Callable[[str], Drawing], kind: str) -> None:
    rows = request(kind).rows("long", **VALUES[kind])

    assert len(rows)
    assert missing(rows["value"], drawing(kind).figure) == []


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_single_seed_has_no_bars(kind: str) -> None:
    one = request(kind, width="one_column")
    tables: dict[str, pd.DataFrame] = {
        name: table[table["seed"] == 0] for name, table in one.tables.items() if "seed" in table
    }
    for name in ("summary", "across", "comparisons"):
        if name in one.tables:
            tables[name] = one.tables[name].assign(ci_low=-np.inf, ci_high=np.inf)
    figure = draw(with_tables(one, **tables))
    figure.canvas.draw()

    # Curves of seeds have more points.
    found = [bar for axes in figure.axes for drawn in bars(axes) for bar in drawn if len(bar) == 2]
    assert not [bar for bar in found if np.isfinite(bar).all()]


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_undefined_estimates_are_left_out(kind: str) -> None:
    one = request(kind)
    lost = {name: table.assign(estimate=np.nan, ci_low=np.nan, ci_high=np.nan)
            for name, table in one.tables.items() if "estimate" in table}  # fmt: skip
    draw(with_tables(one, **lost)).canvas.draw()


@pytest.mark.long
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in DRAWN_BODIES])
def test_sixteen_variants_fit_with_names_that_hold_dollars(kind: str) -> None:
    study, name = EXAMPLES[kind]
    experiment = study.experiments[name]
    like = study.variants[experiment.variants[:2][-1]]
    more = {
        f"more_{place}": like.model_copy(update={"label": f"costs $x and $y_{place}"})
        for place in range(16 - len(experiment.variants))
    }
    many = experiment.model_copy(update={"variants": (*experiment.variants, *more)})
    changes = {"variants": {**study.variants, **more}, "experiments": {**study.experiments, name: many}}
    one = request(kind, study=study.model_copy(update=changes), width="one_column")
    figure, caption = request_module.draw(one)
    figure.canvas.draw()

    assert figure.get_tightbbox().x1 <= style.WIDTHS["one_column"] + 1e-9
    if "costs" in words(figure):
        assert r"\$x and \$y_0" in words(figure)
    assert "\\$" not in caption


def test_a_figure_without_a_caption_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variance, "draw", lambda _: Figure())

    with pytest.raises(TypeError, match=r"variance\.draw must return the figure and its caption, not Figure"):
        draw(request("variance"))
