r"""The claims as a LaTeX table of booktabs, ready for `\input{claims.tex}`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from pg.report.cards import Card

_COLUMNS = r"{@{}p{0.26\linewidth}p{0.32\linewidth}rrl@{}}"
_NAMES = r"Claim & Measured & $n$ & $p$ & Verdict \\"
_MOST_ON_A_PAGE = 10  # claims

_MATHS = {
    **{
        "−": "-",
        "×": r"\times",
        "÷": r"\div",
        "·": r"\cdot",
        "±": r"\pm",
        "≤": r"\le",
        "≥": r"\ge",
        "≠": r"\ne",
        "≈": r"\approx",
    },
    **{
        "∇": r"\nabla",
        "‖": r"\Vert",
        "√": r"\surd",
        "∞": r"\infty",
        "→": r"\to",
        "<": "<",
        ">": ">",
        "²": "^2",
        "³": "^3",
    },
    **{"α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "θ": r"\theta"},
    **{"λ": r"\lambda", "μ": r"\mu", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "φ": r"\varphi"},
}
_WRITTEN = {
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"–": "--", "—": "---", "’": "'", "“": "``", "”": "''", "…": r"\dots{}", "\N{NO-BREAK SPACE}": "~"},
    **{sign: f"${written}$" for sign, written in _MATHS.items()},
}
_SPECIAL = re.compile("|".join(map(re.escape, _WRITTEN)))


def escaped(text: str) -> str:
    """Return a text as LaTeX: no character of it is a command, and mathematical ones are in maths."""
    return _SPECIAL.sub(lambda found: _WRITTEN[found[0]], text)


def table(cards: Sequence[Card]) -> str:
    """Return a table with a row per claim, below the names of their sections: its headline, n, p and verdict.

    A table of more than ten claims is a `longtable`, which breaks across pages.
    """
    is_long = len(cards) > _MOST_ON_A_PAGE
    kind, packages = ("longtable", "booktabs,longtable") if is_long else ("tabular", "booktabs")
    lines = [rf"% Needs \usepackage{{{packages}}}.", rf"\begin{{{kind}}}{_COLUMNS}", r"\toprule", _NAMES]
    if is_long:
        lines.append(r"\endhead")
    for section, own in groupby(cards, key=attrgetter("section")):
        lines.append(r"\midrule")
        if section:
            lines.append(rf"\multicolumn{{5}}{{@{{}}l}}{{\emph{{{escaped(section)}}}}} \\")
        lines += map(_row, own)
    return "\n".join((*lines, r"\bottomrule", rf"\end{{{kind}}}", ""))


def _row(card: Card) -> str:
    part = card.findings[0]
    cells: tuple[str, ...] = (card.statement, part["measured"], part["n"], part["p"] or "–", card.verdict)
    return rf"{' & '.join(map(escaped, cells))} \\"
