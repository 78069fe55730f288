"""Draw figures of a study's results, or of what the library returns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import filterfalse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from pg.core.errors import InvalidStudy, UserError
from pg.core.home import snakemake
from pg.experiments.cells import names_of
from pg.experiments.comparisons import TABLES
from pg.experiments.figures import request
from pg.experiments.figures.lookup import kind_of, tables_of
from pg.experiments.figures.request import FigureRequest
from pg.experiments.metrics import metrics_of
from pg.experiments.summaries import summarise
from pg.experiments.train.tables import training_tables
from pg.library.declared import DRAWN, MEASURED, TRAINING, given, plain, study_of
from pg.library.measuring import DECLARED
from pg.library.training import Trained
from pg.plotting.marks import at_level
from pg.report.figures import read_request
from pg.runs.tables import write_csv
from pg.study.expansion import cells
from pg.study.files import read_file, with_base
from pg.study.record import Study

if TYPE_CHECKING:
    from matplotlib import figure as mpl


def draw(
    kind: str, of: Trained | pd.DataFrame | str | Path, *, experiment: str | None = None, **options: Any
) -> mpl.Figure:
    """Draw a figure.

    Parameters
    ----------
    kind
        A kind of figure, such as "learning_curves" or "variance".
    of
        What `pg.train`, `pg.probe` or `pg.exact` returns; or a study file, whose results are drawn.
    experiment
        An experiment of the study file.
    **options
        Options of a figure in a study file, such as `variants`, `metrics`, `levels` or `width`.

    Returns
    -------
    matplotlib.figure.Figure
        Its label, `get_label()`, is the caption.

    Raises
    ------
    InvalidStudy
        If an argument is wrong, with what is allowed.
    UserError
        If there are no results to draw.

    Examples
    --------
    >>> import pg
    >>> estimators, network = {"none": {}, "own": {"baseline": "average_reward"}}, {"hidden": []}
    >>> table = pg.exact("pg/Bandit-v0", estimators, batch=4, policy=network, seeds=2)
    >>> figure = pg.draw("shrinkage", table, width="one_column")
    >>> figure.get_label().partition(";")[0]
    'Of ∇J, the expected estimate keeps 0.75 (to-go − mean R) to 1.0 (to-go)'
    """
    figure = {"kind": kind, "section": "", **plain(options), **given(experiment=experiment)}
    if isinstance(of, str | Path):
        return _of_file(Path(of), figure)
    if experiment is not None:
        raise InvalidStudy(["experiment: names one of a study file; leave it out"])
    if isinstance(of, Trained):
        study = _with_figure(of.policies.declared, {**figure, "experiment": TRAINING})
        return _of_tables(study, lambda _: _tables_of_training(study, of))
    if not isinstance(of, pd.DataFrame) or DECLARED not in of.attrs:
        found = "a table of something else" if isinstance(of, pd.DataFrame) else type(of).__name__
        raise InvalidStudy(
            [f"of: should be what pg.train, pg.probe or pg.exact returns, or a study file; it is {found}"]
        )
    study = _with_figure(of.attrs[DECLARED], {**figure, "experiment": MEASURED})
    return _of_tables(study, lambda wanted: _tables_of_measurement(study, of, wanted))


def _with_figure(declared: Mapping[str, Any], figure: Mapping[str, Any]) -> Study:
    return study_of({**declared, "figures": {DRAWN: figure}})


def _of_file(path: Path, figure: Mapping[str, Any]) -> mpl.Figure:
    """Draw a figure from the results of a study file."""
    file = read_file(path)
    options, files = with_base(file.options, [file])
    study = study_of({**options, "figures": {**options.get("figures", {}), DRAWN: figure}}, files)
    paths = {name: Path(study.results, table) for name, table in _tables_read(study).items()}
    if missing := [*filterfalse(Path.exists, paths.values())]:
        raise UserError(f"{missing[0]} does not exist; make it with\n  {_command(missing[0], path)}")
    for name, lacking in _lacking(_request(study, paths)):
        old = paths[name]
        raise UserError(
            f"{old} has no results of {', '.join(lacking)}; it is older than the study file: make it anew with\n"
            f"  {_command(old, path)}\nor name the variants and environments to draw"
        )
    return _drawn(study, paths)


def _command(file: Path, study: Path) -> str:
    return f"{snakemake()} {file} --configfile {study}"


def _lacking(figure: FigureRequest[Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each table that lacks rows of what is drawn, with the variants, environments and swept options it lacks."""
    drawn = {"variant": figure.drawn, "environment": (*figure.environments,)}
    for name, table in figure.tables.items():
        # Learning rates are tuned for some variants only, and comparisons have some of the pairs.
        wanted = drawn if name not in ("tuned", *TABLES) else {}
        lacking = [one for column, names in wanted.items() if column in table for one in {*names} - {*table[column]}]
        if lacking := [*lacking, *(path for path in figure.experiment.swept if path not in table)]:
            yield name, sorted(lacking)


def _of_tables(study: Study, make: Callable[[Collection[str]], Mapping[str, pd.DataFrame]]) -> mpl.Figure:
    """Draw a figure from tables that are written and read as the workflow does."""
    paths = _tables_read(study)
    tables = make(paths)
    if missing := [name for name in paths if name not in tables]:
        raise InvalidStudy([f"kind: reads the table {missing[0]}, which only the workflow makes; draw a study file"])
    with TemporaryDirectory() as folder:
        written = {name: Path(folder, path) for name, path in paths.items()}
        for name, path in written.items():
            write_csv(tables[name], path)
        return _drawn(study, written)


def _tables_read(study: Study) -> dict[str, str]:
    """Return the tables that the figure reads, and their paths in a results folder."""
    figure = study.figures[DRAWN]
    return tables_of(figure, kind_of(figure, study.experiments[figure.experiment]))


def _request(study: Study, paths: Mapping[str, Path]) -> FigureRequest[Any]:
    return read_request(study, study.figures[DRAWN], {name: str(path) for name, path in paths.items()})


def _drawn(study: Study, paths: Mapping[str, Path]) -> mpl.Figure:
    picture, caption = request.draw(_request(study, paths))
    picture.set_label(caption)
    return picture


def _tables_of_training(study: Study, trained: Trained) -> dict[str, pd.DataFrame]:
    runs, evaluations = (
        {cell: at_level(rows, names_of(cell)) for cell in cells(study, TRAINING)}
        for rows in (trained.runs, trained.evaluations)
    )
    return {**training_tables(runs, evaluations, study.training[TRAINING]), "tuned": trained.tuned}


def _tables_of_measurement(study: Study, long: pd.DataFrame, wanted: Collection[str]) -> dict[str, pd.DataFrame]:
    experiment = study.experiments[MEASURED]
    further = {name: TABLES[name](long, experiment, study.variants) for name in wanted if name in TABLES}
    return {"long": long, "summary": summarise(long, metrics_of(experiment)), **further}
