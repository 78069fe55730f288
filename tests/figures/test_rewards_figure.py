"""The figure of variance against rewards, drawn from variances that are parabolas, and from some that are none."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from pg.experiments import figures
from pg.experiments import tables as laboratory_tables
from pg.experiments.probe.figures.against_rewards import fitted, swept_path
from pg.experiments.summaries import summarise
from pg.plotting.captions import number
from pg.plotting.request import FigureRequest
from pg.study.expansion import cells
from pg.study.record import Study

OFFSETS = (-2, 0, 1, 4)
SCALES = (0.1, 1.0, 10.0, 100.0)
SEEDS = range(4)

Variance = Callable[[str, int, float], float]


def parabola(variant: str, seed: int, level: float) -> float:
    """Policy by policy another one; flat for the variant with a baseline."""
    return (1 + seed) * (3.0 if variant == "less" else 3 + level + 2 * level**2)


def cubic(variant: str, seed: int, level: float) -> float:
    return parabola(variant, seed, level) + 0.1 * abs(level) ** 3


def request_of(path: str, levels: tuple[float, ...], variance: Variance) -> FigureRequest:
    study = Study.model_validate(
        {
            "name": "Rewards",
            "environments": {"random": {"id": "pg/Random-v0", "label": "Random"}},
            "variants": {
                "total": {"returns": "total", "label": "total return"},
                "less": {"returns": "total", "baseline": "average_reward", "label": "total − mean R"},
            },
            "experiments": {
                "levels": {
                    "kind": "exact",
                    "environments": ["random"],
                    "variants": ["total", "less"],
                    "sweep": {path: list(levels), "variant.batch": [2]},
                    "seeds": {"count": len(SEEDS)},
                }
            },
            "figures": {"rewards": {"kind": "against_rewards", "experiment": "levels", "section": "Estimating"}},
        }
    )
    measured = {
        (cell.environment_id, "random"): pd.DataFrame(
            [
                {
                    "seed": seed,
                    "variant": f"{variant}@batch=2",
                    "batch": 2,
                    "total_variance": variance(variant, seed, cell.levels[path]),
                }
                for seed in SEEDS
                for variant in ("total", "less")
            ]
        )
        for cell in cells(study, "levels")
    }
    table = laboratory_tables.laboratory_table(cells(study, "levels"), "exact", measured)
    held = {"long": table, "summary": summarise(table)}
    return FigureRequest(study, study.figures["rewards"], held)


@pytest.fixture
def offsets() -> FigureRequest:
    return request_of("environment.rewards.offset", OFFSETS, parabola)


def test_lines_are_the_geometric_means_of_the_parabolas(offsets: FigureRequest) -> None:
    (axes,) = figures.draw(offsets).axes
    total, less = (line for line in axes.lines if len(np.asarray(line.get_xdata())) > len(OFFSETS))
    at = np.asarray(total.get_xdata(), dtype=float)
    assert (at[0], at[-1]) == (-2, 4)
    np.testing.assert_allclose(np.asarray(total.get_ydata()), 24**0.25 * (3 + at + 2 * at**2), rtol=1e-10)
    np.testing.assert_allclose(np.asarray(less.get_ydata()), 24**0.25 * 3, rtol=1e-10)
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")


def test_marks_stand_at_every_level(offsets: FigureRequest) -> None:
    (axes,) = figures.draw(offsets).axes
    marks = np.concatenate([np.asarray(found.get_offsets()) for found in axes.collections])
    assert {(x, round(y, 6)) for x, y in marks if x == 4} == {
        (4.0, round(24**0.25 * 39, 6)),
        (4.0, round(24**0.25 * 3, 6)),
    }
    assert {x for x, _ in marks} >= set(OFFSETS)


def test_the_caption_tells_what_the_farthest_level_does(offsets: FigureRequest) -> None:
    said = figures.caption(offsets)
    assert "tr Cov at 4 over that at 0 — total return: 13.0" in said
    assert "total − mean R: 1.00" in said


def test_negative_levels_have_a_minus_sign() -> None:
    said = figures.caption(request_of("environment.rewards.offset", (-8, -1, 0, 1), parabola))
    assert "tr Cov at −8 over that at 0 —" in said


def test_the_caption_tells_how_far_variances_lie_from_parabolas(offsets: FigureRequest) -> None:
    def told(request: FigureRequest) -> str:
        found = re.search(r"lies farther than (.*) of itself", figures.caption(request))
        assert found is not None
        return found.group(1)

    assert "× 10⁻" in told(offsets)
    other = request_of("environment.rewards.offset", OFFSETS, cubic)
    levels = np.array(OFFSETS, dtype=float)
    own = [np.array([cubic(name, seed, at) for at in OFFSETS]) for name in ("total", "less") for seed in SEEDS]
    farthest = max(np.abs(fitted(levels, one, levels) / one - 1).max() for one in own)
    assert told(other) == number(farthest, 2)
    assert farthest > 1e-3


def test_scales_stand_on_a_logarithmic_axis_beside_the_scale_of_one() -> None:
    request = request_of("environment.rewards.scale", SCALES, lambda _, seed, level: (1 + seed) * level**2)
    assert swept_path(request) == "environment.rewards.scale"
    (axes,) = figures.draw(request).axes
    assert axes.get_xscale() == "log"
    assert "tr Cov at 100 over that at 1 — total return: 10,000" in figures.caption(request)


def test_an_offset_that_cancels_all_rewards_leaves_a_gap_and_the_other_levels() -> None:
    request = request_of(
        "environment.rewards.offset", (-2, -1, 0, 1, 3), lambda _, seed, at: (1 + seed) * (at + 1) ** 2
    )
    (axes,) = figures.draw(request).axes
    line = next(line for line in axes.lines if len(np.asarray(line.get_xdata())) > len(OFFSETS))
    at = np.asarray(line.get_xdata(), dtype=float)
    np.testing.assert_allclose(np.asarray(line.get_ydata()), 24**0.25 * (at + 1) ** 2, rtol=1e-6)
    assert np.isnan(fitted(np.array([-1.0, 0.0, 1.0]), np.array([0.0, 1.0, 4.0]), at)).all()
    assert "tr Cov at 3 over that at 0 — total return: 16.0" in figures.caption(request)
