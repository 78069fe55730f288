"""Labels are words, also where they hold what matplotlib would read as mathematics."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from pg.experiments.figures import caption, draw
from pg.plotting.request import FigureRequest
from pg.study.record import Study

Requests = Callable[..., FigureRequest]
LABEL = r"$\frac{$ at $5"


@pytest.mark.parametrize("name", ["variance", "learning_curves", "steps_to_threshold", "tuning"])
def test_a_label_with_dollars_is_drawn_as_it_is_written(name: str, request_for: Requests, study: Study) -> None:
    request = request_for(name, environments=("cartpole",), variants=("total", "to_go"))
    labelled = study.model_copy(
        update={
            "variants": {
                key: one.model_copy(update={"label": f"{LABEL} {key}"}) for key, one in study.variants.items()
            },
            "environments": {
                key: one.model_copy(update={"label": f"{LABEL} {key}"}) for key, one in study.environments.items()
            },
        }
    )
    request = replace(request, study=labelled)
    picture = draw(request)
    FigureCanvasAgg(picture).print_png(io.BytesIO())
    drawn = [text.get_text() for text in picture.findobj(Text) if isinstance(text, Text)]
    assert any(r"\$\frac{\$" in text for text in drawn)
    assert r"\$" not in caption(request)
