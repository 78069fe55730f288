"""Check an estimator of one's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pg.checking.check import check as check_file
from pg.checking.check import check_here
from pg.checking.findings import Findings
from pg.core.errors import UserError
from pg.library.declared import plain
from pg.library.running import running


def check(
    estimator: Callable[..., Any] | str | Path,
    name: str | None = None,
    *,
    options: Mapping[str, Any] = MappingProxyType({}),
    seed: int = 0,
) -> Findings:
    r"""Check whether a loss, advantages, a baseline, a return or an importance weight gives the policy gradient.

    Expectation and variance are exact: all batches of small decision processes are enumerated.

    Parameters
    ----------
    estimator
        A function `(log_probs, rewards, mask) -> loss`, advantages `(rewards, mask) -> weights` in NumPy, or the class
        of a part, which run in this process. Or a file, which runs in a process of its own, as with `python -m pg
        check`. `docs/checking.md` lists all parameters.
    name
        The function or class in a file. Default: the only one.
    options
        Options of a part, as in a study file.
    seed
        Decides the decision processes.

    Returns
    -------
    Findings
        `passes` says whether it is right, `diagnosis` names its mistake, and printed it is a report.

    Examples
    --------
    >>> import pg
    >>> def loss(log_probs, rewards, mask):
    ...     total = rewards.sum(-1, keepdim=True)
    ...     return (log_probs * total * mask).sum(-1).mean()
    >>> findings = pg.check(loss)
    >>> findings.passes
    False
    >>> print(findings.diagnosis.words.partition(" (")[0])
    The estimator has the wrong sign: it descends
    """
    if isinstance(estimator, str | Path):
        return check_file(estimator, name, options=plain(options), seed=seed)
    if not inspect.isfunction(estimator) and not inspect.isclass(estimator):
        found = type(estimator).__name__
        raise UserError(f"estimator: should be a function, a class, or the path of a file; it is {found}")
    with running():
        return check_here(estimator, options=plain(options), seed=seed)
