"""Shapes in signatures are checked while tests run, and one thread makes small products fast and repeatable."""

import builtins
import gc
import sys
from collections.abc import Callable, Iterator
from inspect import isfunction
from types import ModuleType
from typing import Any, no_type_check

# `pg` comes before NumPy and torch, because it sets how they compute.
from pg.core.threads import use_one_thread

# isort: split
import hypothesis
import jaxtyping
import pytest
import torch

SHAPED = (
    *(f"pg.parts.{name}" for name in ("returns", "baselines", "corrections")),
    *(f"pg.parts.{name}" for name in ("batch", "discounting", "estimator")),
    "pg.environments.exact",
    "pg.learning.policies",
)
# Speed is the benchmark's: no test fails because a machine is slow.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")
jaxtyping.install_import_hook(SHAPED, "beartype.beartype")
# Parts name these in signatures and import them for type checkers alone.
builtins.__dict__.update(Tensor=torch.Tensor, Bool=jaxtyping.Bool, Float=jaxtyping.Float, Int=jaxtyping.Int)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    use_one_thread()


def pytest_collection_finish() -> None:
    """Skip checks that take long and find nothing.

    Signatures without a shape, some of which are called at every step, would take half of the time of checking. And
    what is loaded by now, torch among it, need not be gone through whenever Python looks for garbage.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith(SHAPED):
            for function in _without_shapes(module):
                no_type_check(function)
    gc.collect()
    gc.freeze()


def _without_shapes(module: ModuleType) -> Iterator[Callable[..., Any]]:
    own = [one for one in vars(module).values() if getattr(one, "__module__", None) == module.__name__]
    members = [member for one in own if isinstance(one, type) for member in vars(one).values()]
    for one in (*own, *members):
        function = one.fget if isinstance(one, property) else one
        # The shape of a tensor is in brackets after its type.
        if isfunction(function) and not any("[Tensor" in str(kind) for kind in function.__annotations__.values()):
            yield function
