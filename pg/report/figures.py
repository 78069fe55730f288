"""Draw a declared figure: read its tables, and write the picture and the caption."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from operator import methodcaller
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.lines import Line2D

from pg.experiments.figures.lookup import FIGURES, kind_of, name_of
from pg.experiments.figures.request import FigureRequest, draw, explore
from pg.plotting import layout, style
from pg.plotting.marks import at_level
from pg.plotting.record import Figure
from pg.runs.files import write_atomically, write_text
from pg.runs.tables import read_csv
from pg.study.expansion import cells
from pg.study.pooling import pooled_environments, shared_variants
from pg.study.record import Study
from pg.study.sources import stages_of


def draw_figure(study: str, tables: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Draw the one figure that a study declares.

    Parameters
    ----------
    study
        The study as JSON.
    tables
        Paths of the tables by name.
    outputs
        Paths of the `print` and `png` pictures and of the `caption`.
    """
    picture, caption = draw(_only(study, tables))
    files = [Path(outputs[name]) for name in ("print", "png")]
    for file, content in zip(files, style.encoded(picture, *(file.suffix for file in files)), strict=True):
        write_atomically(file, methodcaller("write_bytes", content))
    write_text(caption + "\n", outputs["caption"])


def explore_figure(study: str, tables: Mapping[str, str], output: str) -> None:
    """Write the explorable of the one figure that a study declares as JSON; see `draw_figure`."""
    write_text(json.dumps(explore(_only(study, tables)).as_json(), ensure_ascii=False, separators=(",", ":")), output)


def _only(study: str, tables: Mapping[str, str]) -> FigureRequest[Any]:
    """Read the request of the one figure that a study declares."""
    declared = Study.model_validate_json(study)
    (figure,) = declared.figures.values()
    return read_request(declared, figure, tables)


def read_request(study: Study, figure: Figure, tables: Mapping[str, str]) -> FigureRequest[Any]:
    """Read the tables of a figure, by name, and return the request that it is drawn from."""
    read: dict[str, pd.DataFrame] = {}
    for name, path in tables.items():
        # Text as categories, because rows are selected by text many times.
        table = read_csv(path)
        read[name] = table.astype(dict.fromkeys(table.select_dtypes("string").columns, "category"))
    return request_of(study, figure, read)


def request_of(study: Study, figure: Figure, tables: Mapping[str, pd.DataFrame]) -> FigureRequest[Any]:
    """Return the request that a figure is drawn from."""
    if figure.stages:
        tables = {
            name: table[table["stage"].isin(figure.stages)] if "stage" in table else table
            for name, table in tables.items()
        }
    experiment = study.experiments[figure.experiment]
    if "across" in tables:
        environments, drawn = pooled_environments(study, figure.pool), shared_variants(study, figure.pool)
    else:
        environments, drawn = figure.environments or experiment.environments, experiment.variants
    drawn = figure.variants or drawn
    trained: dict[str, float] = {}
    if kind_of(figure, experiment).with_source and (source := experiment.policies_from) is not None:
        training = study.training[source.experiment]
        trained = {stage: training.snapshots[stage] * training.budget.steps for stage in source.stages}
    return FigureRequest(
        figure=figure,
        experiment=experiment,
        environments={name: study.environments[name] for name in environments},
        variants=study.variants,
        drawn=tuple(name for name in study.variants if name in drawn),
        cells=cells(study, figure.experiment),
        stages=tuple(one for one in stages_of(study, figure.experiment) if one in (figure.stages or (one,))),
        trained=trained,
        tables=_with_compared(figure, tables),
        others=_others(study, figure, tables),
    )


def _others(study: Study, figure: Figure, tables: Mapping[str, pd.DataFrame]) -> tuple[FigureRequest[Any], ...]:
    """Return a request for each pooled experiment, if the figure draws them one below the other."""
    if not kind_of(figure, study.experiments[figure.experiment]).with_pooled:
        return ()
    own = [name for name in tables if "_of_" not in name]
    alone = figure.model_copy(update={"pooled": (), "variants": (), "environments": ()})
    return tuple(
        request_of(
            study, alone.model_copy(update={"experiment": other}), {name: tables[name_of(name, other)] for name in own}
        )
        for other in figure.pooled
    )


def _with_compared(figure: Figure, tables: Mapping[str, pd.DataFrame]) -> Mapping[str, pd.DataFrame]:
    """Append the rows that the figure compares with to the tables of its own experiment."""
    if not figure.compared:
        return tables
    own = {name: table for name, table in tables.items() if "_of_" not in name}
    # Its own rows of a variant that is compared from another experiment would be drawn as the other's.
    names = {one["variant"] for one in figure.compared}
    added = {name: [table[~table["variant"].isin(names)]] for name, table in own.items()}
    for one in figure.compared:
        selection = {key: value for key, value in one.items() if key != "experiment"}
        for name, parts in added.items():
            parts.append(at_level(tables[name_of(name, one["experiment"])], selection))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in added.items()}


@cache
def warm_up() -> None:
    """Import every kind of figure and draw a small one, so that forked processes start faster."""
    for kind in FIGURES.values():
        import_module(kind.module)
        if kind.play is not None:
            import_module(kind.play.module)
    with style.paper_style():
        figure = layout.canvas("one_column", 1.0)
        axes = figure.subplots()
        rows = pd.DataFrame({"x": [1.0, 1000.0], "y": [1.0, 2.0], "of": ["a", "b"]})
        marks = {"hue": "of", "style": "of", "legend": False, "ax": axes}
        sns.scatterplot(rows, x="x", y="y", **marks)
        sns.lineplot(rows, x="x", y="y", estimator=None, errorbar=None, **marks)
        axes.set_xscale("log")
        axes.set_title(r"$\hat g_\theta^2$, ∇J")
        figure.legend(handles=[Line2D([], [], label="a")], loc="outside lower center")
    style.encoded(figure, ".pdf", ".png")
