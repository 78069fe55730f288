"""Load a class that a study file names as `module:Class`, from a module of the user."""

from __future__ import annotations

import importlib
from typing import TypeVar

from pg.core.suggestions import nearest

Base = TypeVar("Base")


def load_class(path: str, base: type[Base]) -> type[Base]:
    """Import the class that `module:Class` names.

    Raises
    ------
    ValueError
        If the module cannot be imported, or has no such subclass of `base`.
    """
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        where = f"; put {module_name}.py next to the study file" if error.name == module_name else ""
        raise ValueError(f"cannot import {path!r}: {error}{where}") from error
    except Exception as error:
        # A user's module may raise any exception.
        raise ValueError(f"cannot import {path!r}: {type(error).__name__}: {error}") from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type) or not issubclass(found, base):
        classes = [name for name, one in vars(module).items() if isinstance(one, type) and issubclass(one, base)]
        own = [name for name in classes if vars(module)[name].__module__ == module.__name__]
        raise ValueError(f"{path!r} is no subclass of {base.__module__}:{base.__name__}{nearest(class_name, own)}")
    return found
