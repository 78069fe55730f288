r"""The claims as a LaTeX table of booktabs, ready for `\input{claims.tex}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from pg.report.cards import Card

_HEAD = r"""% Needs \usepackage{booktabs}.
\begin{tabular}{@{}p{0.27\linewidth}p{0.33\linewidth}rrl@{}}
\toprule
Claim & Measured & $n$ & $p$ & Verdict \\"""
_FOOT = r"""\bottomrule
\end{tabular}
"""

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


def table(cards: Iterable[Card]) -> str:
    """Return a table with a row per claim, below the names of their sections: its headline, n, p and verdict."""
    lines = [_HEAD]
    for section, own in groupby(cards, key=attrgetter("section")):
        lines.append(r"\midrule")
        if section:
            lines.append(rf"\multicolumn{{5}}{{@{{}}l}}{{\emph{{{escaped(section)}}}}} \\")
        lines += map(_row, own)
    return "\n".join((*lines, _FOOT))


def _row(card: Card) -> str:
    part = card.findings[0]
    cells: Sequence[str] = (card.statement, part["measured"], part["n"], part["p"] or "–", card.verdict)
    return rf"{' & '.join(map(escaped, cells))} \\"
