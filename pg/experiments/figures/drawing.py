"""Draw and describe a figure with the module of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol, TypeVar, cast

from matplotlib.figure import Figure

from pg.environments.record import Environment
from pg.experiments.figures.registry import FIGURES
from pg.experiments.figures.request import FigureRequest
from pg.parts.variant import Variant

_Named = TypeVar("_Named", Variant, Environment)


class _Module(Protocol):
    def draw(self, request: FigureRequest[Any]) -> Figure: ...

    def caption(self, request: FigureRequest[Any]) -> str: ...


def draw(request: FigureRequest[Any]) -> Figure:
    """Draw a figure; escape dollar signs in labels, because matplotlib reads TeX between two of them."""
    escaped = replace(request, variants=_without_tex(request.variants), environments=_without_tex(request.environments))
    return _module_of(request).draw(escaped)


def caption(request: FigureRequest[Any]) -> str:
    """Return a figure's caption: what is drawn, how to read it, and the number of seeds."""
    return _module_of(request).caption(request)


def _module_of(request: FigureRequest[Any]) -> _Module:
    return cast(_Module, import_module(FIGURES[request.figure.kind].module))


def _without_tex(records: Mapping[str, _Named]) -> dict[str, _Named]:
    return {
        name: record if record.label is None else record.model_copy(update={"label": record.label.replace("$", r"\$")})
        for name, record in records.items()
    }
