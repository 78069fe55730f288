"""Policy gradients, measured: the claims of a lecture on policy gradients, tested on data that a run makes itself.

As a library, without a study file:

    >>> import pg
    >>> runs, policies = pg.train("CartPole-v1", baseline="leave_one_out", seeds=5, steps=40_000)
    >>> pg.probe(policies, {"total": {"returns": "total"}, "to_go": {}}, batches=[8, 32])
    >>> pg.exact("pg/Bandit-v0", {"none": {}, "own": {"baseline": "average_reward"}}, batch=4)
    >>> print(pg.check(loss))
    >>> pg.load_results("results")["claims"]
    >>> pg.draw("learning_curves", pg.train("CartPole-v1", steps=40_000))

Arguments have the names, defaults and messages of the keys of a study file (`docs/studies.md`). More is in
`docs/library.md`. `python -m pg` explains, checks and compares, and `snakemake` runs whole studies.
"""

import os
import platform
from typing import TYPE_CHECKING, Any

# NumPy, torch and their libraries of products and elementary functions have code of their own for each processor, which
# rounds differently. With these settings they run that of any x86-64 processor with AVX2: the same bytes everywhere.
# They count only if they precede the imports, so `pg` is imported before NumPy and torch.
if platform.machine() in ("x86_64", "AMD64"):
    for name, value in (
        ("ATEN_CPU_CAPABILITY", "avx2"),
        ("MKL_CBWR", "COMPATIBLE"),
        ("OPENBLAS_CORETYPE", "Haswell"),
        ("NPY_DISABLE_CPU_FEATURES", "X86_V4 AVX512_ICL AVX512_SPR"),
    ):
        os.environ.setdefault(name, value)

if TYPE_CHECKING:
    from pg.core.home import REFERENCE
    from pg.library.checking import check
    from pg.library.drawing import draw
    from pg.library.measuring import exact, probe
    from pg.library.results import load_results
    from pg.library.training import train

_MODULES = {
    "train": "pg.library.training",
    "probe": "pg.library.measuring",
    "exact": "pg.library.measuring",
    "check": "pg.library.checking",
    "load_results": "pg.library.results",
    "draw": "pg.library.drawing",
    "REFERENCE": "pg.core.home",
}
__all__ = ["REFERENCE", "check", "draw", "exact", "load_results", "probe", "train"]


def __getattr__(name: str) -> Any:
    """Import a function of the library at its first use, because that takes seconds."""
    if name not in _MODULES:
        raise AttributeError(f"module 'pg' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return the names of the module, those that are not imported yet too."""
    return sorted({*globals(), *_MODULES})
