"""Read the tables of a results folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pg.core.errors import UserError
from pg.core.home import snakemake
from pg.core.suggestions import nearest
from pg.runs.tables import TEXT_COLUMNS, read_csv

_INTEGERS = ("seed", "selection", "selections", "batch", "iteration", "steps", "n")


class Results(dict[str, pd.DataFrame]):
    """Tables by name; an unknown name is refused with the nearest one."""

    def __missing__(self, name: str) -> pd.DataFrame:
        """Refuse the name."""
        raise UserError(f"{name!r} is no table{nearest(str(name), self)}")

    def __repr__(self) -> str:
        """Return the name and the size of each table."""
        return "\n".join(f"{name}: {len(table):,} rows of {', '.join(map(str, table))}" for name, table in self.items())


def load_results(folder: str | Path = "results") -> Results:
    """Read all tables of a results folder, or of a reference.

    Parameters
    ----------
    folder
        The folder `results` of a study.

    Returns
    -------
    Results
        Data frames by the names of their files: "claims", and for each experiment of `tables/` its long table, such as
        "ladder", its "ladder-summary", and others. Whole numbers are integers, also in columns with empty cells.

    Raises
    ------
    UserError
        If the folder has no tables, or one is damaged.

    Examples
    --------
    >>> import pg
    >>> results = pg.load_results(pg.REFERENCE)
    >>> claims = results["claims"].query("primary").set_index("claim")
    >>> claims.loc["causality_reduces_variance", "verdict"]
    'supported'
    """
    folder = Path(folder)
    own, tables = sorted(folder.glob("*.csv")), sorted((folder / "tables").glob("*.csv"))
    if not own and not tables:
        raise UserError(f"{folder} has no tables; `{snakemake()}` makes those of a study in its results folder")
    above = {path.stem for path in own}
    named = {path.stem: path for path in own}
    named |= {f"tables/{path.stem}" if path.stem in above else path.stem: path for path in tables}
    return Results({name: _typed(read_csv(path)) for name, path in named.items()})


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the types that its columns have in any study, also where cells or all of them are empty."""
    integers = {name: "Int64" for name in table if name in _INTEGERS and table[name].dtype.kind == "f"}
    words = {name: "str" for name in table if name in TEXT_COLUMNS and table[name].dtype.kind == "f"}
    return table.astype({**integers, **words})
