"""Curves of a sweep stand in a panel per level, where many variants stay readable."""

from __future__ import annotations

import numpy as np
from pg.experiments.figures import caption, draw
from pg.experiments.train.tuning import tuned_table
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.study.expansion import cells
from pg.study.record import Study


def test_every_level_has_a_panel_with_a_line_per_variant_and_its_rates_in_the_caption(study: Study) -> None:
    sweep = {"variant.gradient_steps": (1, 4), "environment.rewards.paid": ("when_earned", "at_end")}
    ladder = study.experiments["ladder"].model_copy(
        update={"environments": ("cartpole",), "variants": ("total", "to_go"), "sweep": sweep}
    )
    swept = study.model_copy(update={"experiments": {"ladder": ladder}})
    rates = (0.01, 0.1, 1.0)
    choices = [
        (cell, {"learning_rate": rates[place % 3], "at_edge": place % 3 != 1})
        for place, cell in enumerate(cells(swept, "ladder"))
    ]
    scored = [
        (cell, choice | {"scores": [{"learning_rate": rate, "seed": 0, "score": 10 * place + rate} for rate in rates]})
        for place, (cell, choice) in enumerate(choices)
    ]
    figure = Figure(kind="tuning", experiment="ladder", section="Review")
    request = FigureRequest(swept, figure, {"tuned": tuned_table(scored)})
    panels = [axes for axes in draw(request).axes if axes.axison]
    said = caption(request).splitlines()

    assert [axes.get_title(loc="left") for axes in panels] == [
        f"CartPole-v1, gradient steps {steps}, paid {paid}" for steps in (1, 4) for paid in ("when earned", "at end")
    ]
    for place, axes in enumerate(panels):
        drawn = [np.asarray(line.get_ydata(), np.float64) for line in axes.lines]
        lines = [line for line in drawn if len(line) == len(rates)]
        expected = [[10 * at + rate for rate in rates] for at in (place, place + len(panels))]
        assert np.allclose(sorted(lines, key=lambda line: line[0]), expected)
        assert said[1 + place].startswith(axes.get_title(loc="left"))
        assert said[1 + place].count(":") == 2
