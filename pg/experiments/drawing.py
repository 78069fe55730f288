"""A figure from files to files: read the tables it is drawn from, draw it, and write picture and caption."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path

import seaborn as sns
from matplotlib.lines import Line2D
from pandas import DataFrame

from pg.experiments import figures
from pg.experiments.train.choice import read_choice
from pg.experiments.train.tuning import tuned_table
from pg.plotting import saving, style
from pg.plotting.request import FigureRequest
from pg.runs.files import write_atomically, write_text
from pg.runs.tables import read_csv
from pg.study.expansion import cells, is_tuned
from pg.study.record import Study


def draw_figure(study: str, tables: Mapping[str, str], choices: Sequence[str], outputs: Mapping[str, str]) -> None:
    """Draw the one figure that a study declares.

    Parameters
    ----------
    study
        The study as JSON.
    tables
        Paths of the tables by name.
    choices
        Paths of the tuning records, in the order of the cells.
    outputs
        Paths of the `print` and `png` pictures and of the `caption`.
    """
    declared = Study.model_validate_json(study)
    (figure,) = declared.figures.values()
    read = {name: _read(path) for name, path in tables.items()}
    if "tuned" in figures.FIGURES[figure.kind].tables:
        tuned = [cell for cell in cells(declared, figure.experiment) if is_tuned(cell)]
        read["tuned"] = tuned_table(zip(tuned, map(read_choice, choices), strict=True))
    request = FigureRequest(declared, figure, read)
    picture = figures.draw(request)
    for name in ("print", "png"):
        write_atomically(outputs[name], partial(saving.save, picture))
    write_text(figures.caption(request) + "\n", outputs["caption"])


def _read(path: str) -> DataFrame:
    """Read a table whose words are kept once each: rows are picked by words, over and over."""
    table = read_csv(path)
    return table.astype(dict.fromkeys(table.select_dtypes("string").columns, "category"))


@cache
def warm_up() -> None:
    """Load every kind of figure and draw one of nothing, so that what libraries load at first use is loaded; once."""
    for kind in figures.FIGURES.values():
        import_module(kind.module)
    with style.paper_style():
        figure = style.canvas("one_column", 1.0)
        axes = figure.subplots()
        rows = DataFrame({"x": [1.0, 1000.0], "y": [1.0, 2.0], "of": ["a", "b"]})
        marks = {"hue": "of", "style": "of", "legend": False, "ax": axes}
        sns.scatterplot(rows, x="x", y="y", **marks)
        sns.lineplot(rows, x="x", y="y", estimator=None, errorbar=None, **marks)
        axes.set_xscale("log")
        axes.set_title(r"$\hat g_\theta^2$, ∇J")
        figure.legend(handles=[Line2D([], [], label="a")], loc="outside lower center")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".pdf", ".png"):
            saving.save(figure, Path(folder, "nothing").with_suffix(suffix))
