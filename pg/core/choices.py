"""Load what a study file names as `module:Name`, from a module of the user."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isabstract
from typing import Any, TypeVar

from pg.core.foreign import ForeignError, foreign, import_named
from pg.core.suggestions import nearest

Base = TypeVar("Base")


def load_class(path: str, base: type[Base]) -> type[Base]:
    """Import the class that `module:Class` names.

    Raises
    ------
    ValueError
        If the module cannot be imported, has no such subclass of `base`, or the class lacks a method.
    """
    found = _load(path, f"subclass of {base.__module__}:{base.__name__}", lambda one: _is_subclass(one, base))
    if isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise ValueError(f"{path!r} does not define {missing}; see {base.__module__}:{base.__name__}")
    return found


def load_instance(path: str, base: type[Base]) -> Base:
    """Import the instance of a class that `module:NAME` names.

    Raises
    ------
    ValueError
        If the module cannot be imported, or has no such instance of `base`.
    """
    return _load(path, f"{base.__module__}:{base.__name__}", lambda one: isinstance(one, base))


def _is_subclass(one: object, base: type) -> bool:
    return isinstance(one, type) and issubclass(one, base)


def _load(path: str, kind: str, fits: Callable[[object], bool]) -> Any:
    module_name, _, name = path.partition(":")
    try:
        module = import_named(module_name)
        with foreign(f"the module {module_name!r}"):
            found = getattr(module, name, None)
    except ForeignError as error:
        is_absent = isinstance(error.__cause__, ModuleNotFoundError) and error.__cause__.name == module_name
        where = f"; put {module_name}.py next to the study file" if is_absent else ""
        raise ValueError(f"cannot import {path!r}: {error}{where}") from error
    if not fits(found):
        # Classes that the module imports are not suggested.
        own = [
            one
            for one, value in vars(module).items()
            if fits(value) and not (isinstance(value, type) and value.__module__ != module.__name__)
        ]
        raise ValueError(f"{path!r} is no {kind}{nearest(name, own)}")
    return found
