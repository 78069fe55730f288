"""Learning curves of many environments and variants stand on one page, with the axes told where they are told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from pg.experiments.figures import caption, draw
from pg.experiments.summaries import summarise
from pg.plotting import style
from pg.plotting.request import FigureRequest
from pg.study.record import Study

Pictures = Callable[[int, int, style.Width], tuple[FigureRequest, Figure]]


def requested(environments: int, variants: int, width: style.Width) -> FigureRequest:
    """Two seeds at two points of the grid: what is drawn is small, and only where it stands matters."""
    environment_names = [f"place_{number}" for number in range(environments)]
    variant_names = [f"variant_{number}" for number in range(variants)]
    study = Study.model_validate(
        {
            "name": "Many panels",
            "environments": {name: {"id": "CartPole-v1"} for name in environment_names},
            "variants": {name: {} for name in variant_names},
            "experiments": {
                "many": {
                    "kind": "train",
                    "environments": environment_names,
                    "variants": variant_names,
                    "seeds": {"count": 2},
                    "budget": {"steps": 60_000},
                }
            },
            "figures": {
                "learning": {"kind": "learning_curves", "experiment": "many", "width": width, "section": "Summary"}
            },
        }
    )
    curves = pd.DataFrame(
        [
            (environment, variant, seed, steps, 100.0 * seed + steps / 1000, float("nan"))
            for environment in environment_names
            for variant in variant_names
            for seed in range(2)
            for steps in (30_000, 60_000)
        ],
        columns=["environment", "variant", "seed", "steps", "return", "diverged_at"],
    )
    long = curves.loc[curves["steps"] == 60_000, ["environment", "variant", "seed", "return"]]
    long = long.rename(columns={"return": "value"}).assign(stage="", metric="final_return")
    return FigureRequest(study, study.figures["learning"], {"curves": curves, "summary": summarise(long)})


@pytest.fixture(scope="module")
def pictured() -> Pictures:
    """Draw a figure of so many environments and variants, and lay it out; once."""
    made: dict[tuple[int, int, style.Width], tuple[FigureRequest, Figure]] = {}

    def picture(environments: int, variants: int, width: style.Width) -> tuple[FigureRequest, Figure]:
        key = environments, variants, width
        if key not in made:
            request = requested(*key)
            figure = draw(request)
            figure.draw_without_rendering()
            made[key] = request, figure
        return made[key]

    return picture


MANY = [(4, 3, "one_column"), (8, 1, "two_columns")]


@pytest.mark.parametrize("size", MANY)
def test_many_panels_fit_a_page_and_every_environment_and_variant_has_its_own(
    pictured: Pictures, size: tuple[int, int, style.Width]
) -> None:
    environments, variants, width = size
    _, figure = pictured(*size)
    assert figure.get_figheight() <= style.PAGE_HEIGHT
    assert figure.get_figwidth() == style.WIDTHS[width]
    assert len(figure.axes) == environments * (1 + variants)
    assert min(place.height for place in inches(figure)) > 0.15


@pytest.mark.parametrize(("size", "legend_rows"), [((1, 6, "one_column"), 2), ((2, 3, "two_columns"), 1)])
def test_what_fits_a_page_has_panels_of_full_height_with_numbers(
    pictured: Pictures, size: tuple[int, int, style.Width], legend_rows: int
) -> None:
    request, figure = pictured(*size)
    rows = size[1] // 3
    assert figure.get_figheight() == pytest.approx(0.35 + 1.7 + rows * 0.8 + 0.3 + 0.16 * legend_rows)
    seeds = figure.axes[1 : 1 + size[1]]
    assert [bool(numbers(axes.get_xticklabels())) for axes in seeds] == [False] * 3 * (rows - 1) + [True] * 3
    assert [bool(numbers(axes.get_yticklabels())) for axes in seeds] == [True, False, False] * rows
    assert "have the axes" not in caption(request)


def test_narrow_panels_of_seeds_have_the_axes_of_the_means_and_the_caption_says_so(pictured: Pictures) -> None:
    request, figure = pictured(4, 3, "one_column")
    means, *seeds = figure.axes[:4]
    assert numbers(means.get_xticklabels())
    assert not any(numbers([*axes.get_xticklabels(), *axes.get_yticklabels()]) for axes in seeds)
    assert all((axes.get_xlim(), axes.get_ylim()) == (means.get_xlim(), means.get_ylim()) for axes in seeds)
    assert "Small panels have the axes of the large one above them." in caption(request)


@pytest.mark.parametrize("size", MANY)
def test_no_panel_covers_another(pictured: Pictures, size: tuple[int, int, style.Width]) -> None:
    _, figure = pictured(*size)
    places = inches(figure)
    assert not any(one.overlaps(other) for place, one in enumerate(places) for other in places[:place])


def inches(figure: Figure) -> list[Bbox]:
    return [axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted()) for axes in figure.axes]


def numbers(labels: Sequence[Text]) -> list[str]:
    return [label.get_text() for label in labels if label.get_visible() and label.get_text()]
