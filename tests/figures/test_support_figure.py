"""The figure of withheld support, drawn from a study of two proposals."""

import numpy as np
import pandas as pd
import pytest
from pg.experiments import figures
from pg.experiments import tables as laboratory_tables
from pg.experiments.summaries import summarise
from pg.plotting.request import FigureRequest
from pg.study.expansion import cells
from pg.study.record import Study

LEFT = (0.1, 0.01, 0.0)


@pytest.fixture(scope="module")
def request_() -> FigureRequest:
    study = Study.model_validate(
        {
            "name": "Support",
            "environments": {"bandit": {"id": "pg/Bandit-v0", "label": "Bandit"}},
            "variants": {"to_go": {"label": "to-go"}},
            "experiments": {
                "support": {
                    "kind": "support",
                    "environments": ["bandit"],
                    "variants": ["to_go"],
                    "seeds": {"count": 4},
                    "left": list(LEFT),
                }
            },
            "figures": {"support": {"kind": "support", "experiment": "support", "section": "Importance sampling"}},
        }
    )
    rows = pd.DataFrame(
        [
            {
                "seed": seed,
                "variant": "to_go",
                "batch": 16,
                "left": left,
                "total_variance": (1 + seed) / left if left else 0.0,
                "relative_bias": 0.0 if left else 0.75,
                "median_error": 1 - left,
            }
            for seed in range(4)
            for left in LEFT
        ]
    )
    table = laboratory_tables.laboratory_table(cells(study, "support"), "support", {("bandit", "random"): rows})
    held = {"long": table, "summary": summarise(table)}
    return FigureRequest(study, study.figures["support"], held)


def test_lines_pass_through_the_geometric_means_of_each_probability_left(request_: FigureRequest) -> None:
    above, below = figures.draw(request_).axes
    drawn = [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in above.lines]
    (variance,) = [zip(x.tolist(), y.tolist(), strict=True) for x, y in drawn if len(x) == 2]
    means = dict(variance)
    assert means[0.1] == pytest.approx(24**0.25 / 0.1)
    assert means[0.01] == pytest.approx(24**0.25 / 0.01)
    assert (above.get_xscale(), above.get_yscale(), below.get_yscale()) == ("log", "log", "log")


def test_the_caption_tells_the_slope_and_what_is_lost_without_support(request_: FigureRequest) -> None:
    said = figures.caption(request_)
    assert "slope of log tr Cov on log p — to-go: −1" in said
    assert "at p = 0, where no weight can help — to-go: 0.75" in said
