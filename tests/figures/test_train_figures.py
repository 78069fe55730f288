"""Properties of figures of training."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from pg.experiments.figures.lookup import FIGURES, tables_of
from pg.experiments.figures.request import FigureRequest
from pg.experiments.train.tables import tuned_table
from pg.plotting import style
from pg.plotting.marks import at_level
from pg.plotting.record import Figure as Declaration
from pg.report.figures import request_of
from pg.study.expansion import cells
from tests.figures.pictures import bars, caption, clouds, coloured, draw, lines, panels, scatters, titles, words
from tests.figures.studies import BUDGET, GRID, SEEDS, request, study_of, with_tables

Request = FigureRequest[Any]
MANY: list[tuple[int, int, style.Width]] = [(4, 3, "one_column"), (8, 1, "two_columns")]


def test_the_documented_kind_of_figure_names_its_rows_axes_and_panels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"```python\n([^`]*DOTS = [^`]*)```", Path("docs/studies.md").read_text(encoding="utf-8"))
    (tmp_path / "my_figures.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_figures", raising=False)
    built_in = request("steps_to_threshold")
    one = replace(built_in, figure=Declaration(kind="my_figures:DOTS", experiment=built_in.figure.experiment))
    shown = words(draw(one))

    assert all(f"\n{one.variant_label(name)}\n" in shown for name in one.drawn)
    assert all(one.environment_label(name) in shown for name in one.environments)
    assert "final return" in shown


@pytest.fixture
def learning() -> Request:
    return request("learning_curves", environments=("cartpole",), variants=("total", "to_go"))


def test_learning_curves_draw_every_seed_and_the_mean(learning: Request) -> None:
    together, first, _ = draw(learning).axes
    runs = learning.rows("curves", environment="cartpole", variant="total")
    runs = runs.pivot_table(index="seed", columns="steps", values="return")
    (seeds,) = bars(first)

    assert np.array_equal(seeds[..., 1], runs.to_numpy())
    assert any(np.allclose(y, runs.mean()) for _, y in lines(together, 3))


def test_a_panel_has_twenty_seeds_at_most_and_the_caption_says_so(learning: Request) -> None:
    curves = learning.tables["curves"]
    many = pd.concat([curves.assign(seed=curves["seed"] + 5 * copy) for copy in range(5)])
    one = with_tables(learning, curves=many)

    assert [len(bars(axes)[0]) for axes in draw(one).axes[1:]] == [20, 20]
    assert "over 25 seeds" in caption(one)
    assert "Small panels: 20 seeds." in caption(one)
    assert "Small panels: a line per seed." in caption(learning)


def test_given_numbers_are_named_lines(learning: Request) -> None:
    levels = {"cartpole": {"published": 123.0}, "acrobot": {"other": 5.0}}
    one = replace(learning, figure=learning.figure.model_copy(update={"levels": levels}))
    together = draw(one).axes[0]

    assert "published" in [text.get_text() for text in together.texts]
    assert "other" not in [text.get_text() for text in together.texts]
    assert any(np.array_equal(y, [123.0, 123.0]) for _, y in lines(together))


def test_panels_and_lines_have_names_and_no_legend(learning: Request) -> None:
    figure = draw(learning)
    together, *panels = figure.axes

    assert figure.legends == []
    assert titles(panels) == ["total return", "to go"]
    assert sorted(text.get_text() for text in together.texts) == ["threshold", "to go", "total return"]


def test_names_of_lines_are_apart_in_the_order_of_their_ends() -> None:
    figure = draw(request("learning_curves", environments=("cartpole",)))
    figure.draw_without_rendering()
    names = [text for text in figure.axes[0].texts if text.get_text() != "threshold"]
    boxes = sorted((text.get_window_extent() for text in names), key=lambda box: box.y0)

    assert len(boxes) == 3
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))
    labels = [text.get_text() for text in sorted(names, key=lambda text: text.get_window_extent().y0)]
    assert labels == ["total return", "total, average reward", "to go"], "curves rise by one from cell to cell"


def levels_of(kind: str, value: Any, variants: Sequence[str] = ("total", "to_go")) -> Request:
    sweep = {"variant.gradient_steps": [1, 8]}
    study = study_of(levels={"sweep": sweep, "environments": ["cartpole"], "variants": list(variants)})
    return request(kind, value, study=study, experiment="levels")


@pytest.mark.parametrize("kind", ["learning_curves", "against_level"])
def test_equal_runs_are_drawn_once(kind: str) -> None:
    def at_one(**where: Any) -> float | None:
        return 1.0 if where["variant.gradient_steps"] == 1 else None

    def of_variant(variant: str, **_: Any) -> float | None:
        return 0.0 if variant == "total" else 1.0

    eight = [f"{label}, gradient steps 8" for label in ("total return", "to go")]
    assert named(levels_of(kind, at_one)) == ["gradient steps 1 (2 variants alike)", *eight]
    equal = [f"{label}, gradient steps 1 = gradient steps 8" for label in ("total return", "to go")]
    assert named(levels_of(kind, of_variant)) == equal


def test_levels_of_a_single_variant_are_named_without_it() -> None:
    one = levels_of("learning_curves", lambda **_: None, ["to_go"])
    figure = draw(one)

    assert titles(figure.axes) == ["CartPole-v1, to go", "gradient steps 1", "gradient steps 8"]
    assert "lowest with gradient steps 1 (" in caption(one)


def named(one: Request) -> list[str]:
    """The names of panels of seeds, or of rows."""
    first, *others = draw(one).axes
    if one.figure.kind == "learning_curves":
        return [title.replace("\n", " ") for title in titles(others)]
    return [label.get_text().replace("\n", " ") for label in first.get_yticklabels()]


def test_variants_of_other_experiments_are_drawn_as_well() -> None:
    study, level = study_of(), {"variant.gradient_steps": 4}
    compared = {"experiment": "levels", "variant": "to_go", **level}
    figure = Declaration(
        kind="learning_curves", experiment="learning", variants=("total",), compared=(compared,), section="Summary"
    )
    other = request("learning_curves", experiment="levels").tables
    tables = {**request("learning_curves").tables, **{f"{name}_of_levels": table for name, table in other.items()}}
    paths = tables_of(figure, FIGURES["learning_curves"])
    one = request_of(study, figure, {name: tables[name] for name in paths})
    _, own, seeds = draw(replace(one, environments={"cartpole": study.environments["cartpole"]})).axes
    runs = at_level(other["curves"], {"environment": "cartpole", "variant": "to_go", **level})

    assert paths["curves_of_levels"] == "tables/levels-curves.csv"
    assert bars(own)[0].shape == (SEEDS, 3, 2), "the other experiment has this variant, too"
    assert titles([seeds]) == ["to go, gradient steps 4"]
    assert bars(seeds)[0][..., 1].ravel().tolist() == runs.sort_values(["seed", "steps"])["return"].tolist()


def test_a_compared_variant_is_not_mixed_with_that_of_the_own_experiment() -> None:
    study = study_of(levels={"sweep": {}})
    compared = {"experiment": "levels", "variant": "to_go"}
    figure = Declaration(
        kind="steps_to_threshold", experiment="learning", variants=("total",), compared=(compared,), section="Summary"
    )
    own, other = (request("steps_to_threshold", study=study, experiment=name).tables for name in ("learning", "levels"))
    one = request_of(study, figure, {**own, **{f"{name}_of_levels": table for name, table in other.items()}})
    first, *_ = draw(one).axes

    assert len(one.rows("long", variant="to_go")) == len(at_level(other["long"], {"variant": "to_go"}))
    assert [label.get_text() for label in first.get_yticklabels()] == ["total return", "to go"]


def test_the_caption_names_the_lowest_and_highest_end(learning: Request) -> None:
    # The mean over seeds 0 to 4 at 60,000 steps, and the places of the cells, 3 and 5.
    assert caption(learning).startswith(
        "Mean curves end highest with to go (265), lowest with total return (263). Large"
    )


def test_the_caption_of_many_environments_counts_those_in_which_a_variant_ends_highest() -> None:
    one = request("learning_curves", environments=("cartpole",), variants=("total", "to_go"))
    ends = {"a": {"total": 3.0}, "b": {"to_go": 3.0}, "c": {"total": 3.0}, "d": {"total": 1.0}}
    means = pd.concat(
        one.tables["means"].assign(environment=name, estimate=one.tables["means"]["variant"].map(end).fillna(2.0))
        for name, end in ends.items()
    )
    everywhere = replace(one, environments=dict.fromkeys(ends, one.environments["cartpole"]))

    def said(means: pd.DataFrame) -> str:
        return caption(replace(everywhere, tables={**one.tables, "means": means})).partition(". ")[0]

    assert said(means) == "Mean curves end highest with total return and to go in 2 each of 4 environments"
    fewer = means.assign(estimate=means["estimate"].mask(means["environment"] == "b", 2.0))
    assert (
        said(fewer)
        == "Mean curves end highest with total return in 3 and with to go in 2 of 4 environments (tied in 1)"
    )


def test_selections_are_those_of_tuned_variants() -> None:
    one = request("steps_to_threshold", variants=("total", "to_go"))

    def runs(*tuned: str) -> str:
        long = one.tables["long"]
        selection = (long["seed"] % 2).where(long["variant"].isin(tuned))
        return with_tables(one, long=long.assign(selection=selection)).runs

    assert runs() == "5 seeds"
    assert runs("total", "to_go") == "5 seeds in 2 selections of the learning rate"
    assert runs("total") == "5 seeds (where tuned, in 2 selections of the learning rate)"
    assert runs("average") == "5 seeds", "it is not drawn"


def test_a_level_that_all_runs_share_is_in_their_names() -> None:
    fixed = study_of(levels={"sweep": {"variant.gradient_steps": [4]}})
    measured = study_of(probe={"sweep": {"variant.policy.hidden": [[8]]}})

    labels = [one.label for one in request("learning_curves", study=fixed, experiment="levels").series()]
    assert labels[0] == "total return, gradient steps 4"
    assert request("variance", study=measured, experiment="probe").series()[0].label == "total return"


def diverged(request: Request, at: dict[int, float]) -> Request:
    curves = request.tables["curves"].copy()
    of_variant = (curves["environment"] == "cartpole") & (curves["variant"] == "total")
    for seed, steps in at.items():
        curves.loc[of_variant & (curves["seed"] == seed), "diverged_at"] = steps
    return with_tables(request, curves=curves)


def test_a_cross_is_where_a_run_diverged(learning: Request) -> None:
    lost = diverged(learning, {2: 30_000.0, 3: BUDGET, 4: 50.0})
    figure = draw(lost)
    _, first, second = figure.axes
    runs = lost.rows("curves", environment="cartpole", variant="total").set_index(["seed", "steps"])["return"]
    (crosses,) = [marks for marks in clouds(first) if len(marks)]

    # The last grid point before the end, or the first one of all.
    assert crosses.tolist() == [[30_000, runs[2, 20_000]], [BUDGET, runs[3, BUDGET]], [50, runs[4, 20_000]]]
    assert not [marks for marks in clouds(second) if len(marks)]
    assert "(3 runs)" in caption(lost)
    assert "cross" not in caption(learning)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["diverged"]


def test_demonstrators_have_a_line_in_the_panels_that_imitate_them(learning: Request) -> None:
    summary = learning.tables["summary"]
    rows = summary[(summary["variant"] == "to_go") & (summary["metric"] == "final_return")]
    level = rows.assign(metric="demonstrator_return", estimate=200.0)
    taught = with_tables(learning, summary=pd.concat([summary, level]))
    curves = taught.tables["curves"].copy()
    curves.loc[(curves["variant"] == "to_go") & (curves["steps"] <= 20_000), "return"] = np.nan
    together, total, to_go = draw(with_tables(taught, curves=curves)).axes

    levels = [[y.tolist() for _, y in lines(axes)].count([200, 200]) for axes in (together, total, to_go)]
    assert levels == [1, 0, 1]
    means = [np.asarray(line.get_xdata()).min() for line in together.lines if line.get_linewidth() == 1.2]
    assert sorted(means) == [20_000, 40_000], "the mean begins after the demonstrations"
    assert "imitated" in caption(taught)
    assert "imitated" not in caption(learning)


def many(environments: int, variants: int, width: style.Width) -> Request:
    names = [f"place_{number}" for number in range(environments)]
    study = study_of({f"variant_{number}": {} for number in range(variants)}, learning={"environments": names})
    study = study.model_copy(update={"environments": dict.fromkeys(names, study.environments["cartpole"])})
    return request("learning_curves", study=study, width=width)


@pytest.fixture(scope="module")
def pages() -> dict[Any, tuple[Request, Figure]]:
    made: dict[Any, tuple[Request, Figure]] = {}
    fitting: list[tuple[int, int, style.Width]] = [(1, 6, "one_column"), (2, 3, "two_columns")]
    for size in (*MANY, *fitting):
        one = many(*size)
        figure = draw(one)
        figure.draw_without_rendering()
        made[size] = one, figure
    return made


@pytest.mark.parametrize("size", MANY)
def test_many_panels_fit_a_page_without_overlap(pages: Any, size: tuple[int, int, style.Width]) -> None:
    environments, variants, _ = size
    _, figure = pages[size]
    places = inches(figure)

    assert figure.get_figheight() <= style.PAGE_HEIGHT
    assert len(figure.axes) == environments * (1 + variants)
    assert min(place.height for place in places) > 0.15
    assert not any(one.overlaps(other) for place, one in enumerate(places) for other in places[:place])


@pytest.mark.parametrize(("size", "lines"), [((1, 6, "one_column"), 1), ((2, 3, "two_columns"), 1)])
def test_panels_that_fit_have_full_height_and_numbers(pages: Any, size: Any, lines: int) -> None:
    one, figure = pages[size]
    rows = size[1] // 3
    assert figure.get_figheight() == pytest.approx(0.35 + 1.7 + rows * (0.8 + 0.1 * lines) + 0.3)
    seeds = figure.axes[1 : 1 + size[1]]
    assert [bool(numbers(axes.get_xticklabels())) for axes in seeds] == [False] * 3 * (rows - 1) + [True] * 3
    assert [bool(numbers(axes.get_yticklabels())) for axes in seeds] == [True, False, False] * rows
    assert "have the axes" not in caption(one)


def test_narrow_panels_of_seeds_have_the_axes_of_the_means(pages: Any) -> None:
    one, figure = pages[4, 3, "one_column"]
    means, *seeds = figure.axes[:4]
    assert numbers(means.get_xticklabels())
    assert not any(numbers([*axes.get_xticklabels(), *axes.get_yticklabels()]) for axes in seeds)
    assert all((axes.get_xlim(), axes.get_ylim()) == (means.get_xlim(), means.get_ylim()) for axes in seeds)
    assert "They have the axes of the large ones." in caption(one)


def inches(figure: Figure) -> list[Bbox]:
    return [axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted()) for axes in figure.axes]


def numbers(labels: Sequence[Text]) -> list[str]:
    return [label.get_text() for label in labels if label.get_visible() and label.get_text()]


def test_seeds_that_miss_the_threshold_are_triangles() -> None:
    def value(seed: int, metric: str, **_: Any) -> float | None:
        return float(seed >= 2) if metric == "solved" else None

    figure = draw(request("steps_to_threshold", value, environments=("cartpole",), variants=("total",)))
    (axes,), (legend,) = figure.axes, figure.legends
    paths = [path.vertices for path in scatters(axes)[0].get_paths()]
    markers = {line.get_label(): line.get_marker() for line in legend.get_lines()}

    assert [path is paths[-1] for path in paths] == [False] * 2 + [True] * (SEEDS - 2)
    assert (markers["a seed"], markers["not reached"]) == ("o", ">")
    assert [text.get_text() for text in axes.texts] == [f"{SEEDS - 2}/{SEEDS}"]


def test_the_caption_says_what_an_evaluation_is() -> None:
    own = {"every_steps": None, "episodes": 1, "horizon": 2000, "deterministic": True, "threshold": 50.0}

    declared = caption(request("steps_to_threshold"))
    assert "An evaluation has 3 sampled episodes, about every 1,000 steps." in declared
    # A fortieth of 60,000 steps.
    other = caption(request("steps_to_threshold", study=study_of(learning={"evaluate": own})))
    assert "has 1 deterministic episode of up to 2,000 steps, about every 1,500 steps." in other


def test_a_level_has_a_row_with_dots_except_for_shares() -> None:
    one = request("against_level", environments=("cartpole",), variants=("total", "to_go"))
    steps, returns, collapsed = draw(one).axes
    rows = one.rows("long", environment="cartpole", metric="final_return", variant="total")
    rows = rows.loc[rows["variant.gradient_steps"] == 8]

    assert named(one) == [f"{label}, gradient steps {k}" for label in ("total return", "to go") for k in (1, 4, 8)]
    dots, means = clouds(returns)
    assert means[:, 1].tolist() == [0, 1, 2, 3, 4, 5]
    eighth = dots[np.abs(dots[:, 1] - 2) < 0.3, 0]
    assert sorted(eighth) == sorted(rows["value"])
    assert len(clouds(collapsed)) == 1, "shares have no dots"
    assert [BUDGET, BUDGET] in [x.tolist() for x, _ in lines(steps)]


def test_further_swept_options_have_panels_of_their_own() -> None:
    sweep = {"variant.batch": [8, 16], "variant.gradient_steps": [1, 4, 8]}
    study = study_of(levels={"sweep": sweep, "environments": ["cartpole"], "variants": ["total", "to_go"]})
    one = request("against_level", study=study, experiment="levels")
    drawn = [axes for axes in panels(draw(one)) if titles([axes])]

    assert titles(drawn) == [f"CartPole-v1, batch {size}" for size in (8, 16)]
    summary = one.rows("summary", metric=one.figure.metrics[0])
    for axes, size in zip(drawn, (8, 16), strict=True):
        estimates = summary.loc[summary["variant.batch"] == size, "estimate"]
        assert clouds(axes)[1][:, 0].tolist() == pytest.approx(estimates.tolist())


def test_levels_may_be_words() -> None:
    sweep = {"environment.rewards.paid": ["when_earned", "at_end"]}
    study = study_of(levels={"sweep": sweep, "environments": ["cartpole"], "variants": ["to_go"]})

    assert named(request("against_level", study=study, experiment="levels")) == [
        f"to go, paid {level}" for level in ("when earned", "at end")
    ]


def rates_of(choices: Any, **options: Any) -> Request:
    """A figure of tuning from choices per variant: the rate, whether it is at an edge, and scores by share and rate."""
    study = study_of(learning={"environments": ["cartpole"], "variants": [*choices]})
    made = [
        (
            cell,
            [
                {"learning_rate": rate, "at_edge": edge, "scores": [
                    {"learning_rate": at, "seed": seed, "share": share, "score": score}
                    for (share, at), score in scores.items() for seed in (0, 1)]}
                for rate, edge, scores in choices[cell.variant_name]
            ],
        )
        for cell in cells(study, "learning")
    ]  # fmt: skip
    return with_tables(request("tuning", study=study, **options), tuned=tuned_table(made))


def words_in(axes: Axes) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.get_position() for text in axes.texts}


def test_tuning_writes_scores_over_the_budget_and_of_the_dropped_rates() -> None:
    scores = {(0.25, 0.001): 12.0, (0.25, 0.01): 20.0, (1.0, 0.01): 81.5, (0.25, 0.1): 21.0, (1.0, 0.1): 70.0}
    one = rates_of({"total": [(0.01, False, scores)]})
    (axes,) = draw(one).axes

    assert words_in(axes) == {"12.0": (0, 0), "81.5": (1, 0), "70.0": (2, 0), "(1)": (1.44, 0)}
    slanted = {text.get_text(): text.get_fontstyle() for text in axes.texts}
    assert slanted["12.0"] == "italic"
    assert slanted["81.5"] == "normal"
    assert np.nan_to_num(coloured(axes), nan=-1).tolist() == [[-1, 81.5, 70.0]]
    assert caption(one).startswith("Chosen most often: 0.01, by 1 of 1 selection. Numbers: mean return over the budget")


def test_chosen_rates_are_framed_with_the_number_of_selections_and_edges_marked() -> None:
    scores = {(1.0, rate): 10 * rate for rate in GRID}
    one = rates_of({"total": [(0.001, True, scores), (0.01, False, scores), (0.01, False, scores)]})
    (axes,) = draw(one).axes
    patches = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    frames = sorted((patch.get_x() + 0.47, to_hex(patch.get_edgecolor())) for patch in patches)

    assert [text for text in words_in(axes) if "(" in text] == ["(1†)", "(2)"]
    colour = style.look_of("total: none").colour
    assert frames == [(pytest.approx(0), colour), (pytest.approx(1), colour)]


def test_pooled_experiments_are_drawn_below_the_first() -> None:
    tuning = {"tuning": study_of().experiments["learning"].model_dump()["tuning"]}
    study = study_of(learning={"environments": ["cartpole"]}, levels={**tuning, "environments": ["chain"]})
    figure = Declaration(kind="tuning", experiment="learning", pooled=("levels",), section="Summary")
    tables = {
        name: request("tuning", study=study, experiment=experiment).tables["tuned"]
        for name, experiment in (("tuned", "learning"), ("tuned_of_levels", "levels"))
    }
    own, other = draw(request_of(study, figure, tables)).axes

    assert [*tables_of(figure, FIGURES["tuning"])] == [*tables]
    assert titles([own, other]) == ["learning, CartPole-v1", "levels, A chain"]
    assert len(own.get_yticks()) == 3
    assert len(other.get_yticks()) == 9


def test_rates_that_all_tie_have_no_edge() -> None:
    tied, better = ({(1.0, rate): score for rate in GRID} for score in (-100.0, -90.0))
    better[1.0, GRID[-1]] = -95.0
    (axes,) = draw(rates_of({"total": [(GRID[0], True, better)], "to_go": [(GRID[0], True, tied)]})).axes

    assert [text for text in words_in(axes) if "(" in text] == ["(1†)", "(1)"]


def test_every_tuned_level_has_a_row_and_equal_ones_share_it() -> None:
    sweep = {"variant.gradient_steps": [1, 4], "environment.rewards.paid": ["when_earned", "at_end"]}
    study = study_of(learning={"sweep": sweep, "environments": ["cartpole"], "variants": ["total", "to_go"]})
    one = request("tuning", study=study)
    table = one.tables["tuned"]
    levels = [f"gradient steps {steps}, paid {paid}" for steps in (1, 4) for paid in ("when earned", "at end")]

    assert named(one) == [f"{label}, {level}" for label in ("total return", "to go") for level in levels]
    first = (table["variant.gradient_steps"] == 1) & (table["environment.rewards.paid"] == "when_earned")
    alike = table.assign(score=table["score"].where(~first, 5.0))
    assert named(with_tables(one, tuned=alike))[0] == f"{levels[0]} (2 variants alike)"
    assert named(with_tables(one, tuned=table[table["variant"] != "to_go"])) == [
        f"total return, {level}" for level in levels
    ]


def test_the_reference_of_improvement_is_named_in_its_empty_row() -> None:
    _, improvement = draw(request("aggregates")).axes

    assert [text.get_text() for text in improvement.texts] == ["compared with"]


def test_a_pool_has_the_variants_that_all_its_experiments_share() -> None:
    study = study_of(
        learning={"environments": ["cartpole"]}, levels={"environments": ["chain"], "variants": ["to_go", "total"]}
    )
    figure = Declaration(kind="aggregates", experiment="learning", pooled=("levels",), section="Summary")
    one = request_of(study, figure, {"across": request("aggregates").tables["across"]})

    assert (tuple(one.environments), one.drawn) == (("cartpole", "chain"), ("total", "to_go"))
