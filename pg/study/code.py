"""Which modules decide what comes out of a job, and a digest of their code in which no comment counts."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pg.environments.record import Environment
from pg.parts.learner import Clone
from pg.parts.variant import FROM_THE_BATCH, Variant

_PACKAGE = Path(__file__).parent.parent

ROLLOUT = (
    "core.trajectories",
    "core.randomness",
    "environments.catalogue",
    "environments.rewards",
    "environments.observations",
    "environments.stacked",
    "parts.networks",
    "learning.distributions",
    "learning.policies",
    "learning.acting",
    "learning.scaling",
    "learning.rollout",
)
# What the true gradient comes from, whatever estimator the reference chooses.
REFERENCE = ("laboratory.reference", "parts.baselines", "learning.scores")
_ESTIMATION = ("parts.returns", "parts.surrogate", "parts.estimator")
_UPDATES = tuple(f"learning.{name}" for name in ("advantages", "minibatches", "ascent", "constraints", "updates"))
_TABLES = ("environments.exact", "learning.tabular")
_RECORDING = ("experiments.columns", "runs.recorder", "runs.snapshots")


def training_code(environment: Environment, variant: Variant) -> tuple[str, ...]:
    """Name the modules that a training run goes through."""
    return (
        *ROLLOUT,
        *tabular_code(environment),
        *estimator_code([variant]),
        *_imitation_code(variant),
        *_UPDATES,
        "learning.learner",
        "learning.training",
        "learning.checkpoints",
        "core.devices",
        *_RECORDING,
    )


def _imitation_code(variant: Variant) -> tuple[str, ...]:
    start = variant.initialise
    if not isinstance(start, Clone):
        return ()
    return ("learning.imitation", *(() if start.controller is None else ("environments.controllers",)))


def estimator_code(variants: Iterable[Variant]) -> tuple[str, ...]:
    """Name the modules that the parts of some estimators stand in."""
    modules: set[str] = set(_ESTIMATION)
    for variant in variants:
        if variant.baseline in FROM_THE_BATCH or variant.normalise_advantages:
            modules.add("parts.baselines")
        if variant.baseline == "optimal":
            modules.add("learning.scores")
        if variant.baseline == "value_network":
            modules.add("learning.critic")
        if variant.baseline == "exact" or variant.importance == "exact_state":
            modules.update(_TABLES)
        if variant.importance != "none":
            modules.add("parts.importance")
    return tuple(sorted(modules))


def laboratory_code(environment: Environment, variants: Iterable[Variant]) -> tuple[str, ...]:
    """Name the modules that any measurement of gradient estimates goes through."""
    return (
        *ROLLOUT,
        *tabular_code(environment),
        *_TABLES,
        *estimator_code(variants),
        *_UPDATES,
        "learning.scores",
        "laboratory.frozen",
        "laboratory.gradients",
        "laboratory.constants",
        "laboratory.critics",
    )


def tabular_code(environment: Environment) -> tuple[str, ...]:
    """Name the modules of environments that may have tables."""
    if environment.id.startswith("CartPole-"):
        return ()
    return (
        "environments.mdp",
        "environments.small_mdps",
        "environments.jacket_folding",
        "environments.registry",
        "environments.tables",
        "environments.tabular",
    )


def code_digest(modules: Iterable[str]) -> str:
    """Digest the code of modules of `pg`: their syntax trees without docstrings, so that no comment counts.

    Parameters
    ----------
    modules
        Dotted names below `pg`; a package stands for all modules in it.
    """
    return _digest(tuple(sorted(set(modules))))


@cache
def _digest(modules: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for module in modules:
        for path in _files(module):
            digest.update(f"{module}:{_syntax(path)}".encode())
    return digest.hexdigest()[:16]


def _files(module: str) -> list[Path]:
    place = _PACKAGE.joinpath(*module.split("."))
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


@cache
def _syntax(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
