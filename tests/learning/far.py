"""Emulate a second device: its tensors are computed on the CPU, and cannot be mixed with other tensors.

Tensors say that they are on torch's `meta` device and keep their numbers on the CPU. As on a GPU, an operation on
tensors of both devices is an error, unless one of them is a single number or an index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

FAR = torch.device("meta")
_COPYING = (torch.ops.aten._to_copy, torch.ops.aten.copy_)
_INDEXING = (torch.ops.aten.index, torch.ops.aten.index_put_)


class FarTensor(Tensor):
    """A tensor of the far device."""

    near: Tensor

    @staticmethod
    def __new__(cls, near: Tensor) -> FarTensor:
        return Tensor._make_wrapper_subclass(
            cls, near.size(), strides=near.stride(), storage_offset=near.storage_offset(), dtype=near.dtype, device=FAR
        )

    def __init__(self, near: Tensor) -> None:
        self.near = near

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class FarDevice(TorchDispatchMode):
    """While it is entered, tensors can be made on the far device and taken there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        is_far = kwargs.get("device") == FAR or any(isinstance(one, FarTensor) for one in _leaves((args, kwargs)))
        return _computed(func, args, kwargs) if is_far else func(*args, **kwargs)


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if _mixes(func, args, kwargs):
        raise RuntimeError(f"{func}: tensors on the CPU and on the far device")
    wanted = torch.device(kwargs.get("device") or FAR)
    if "device" in kwargs:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    found = func(*_each(_near, args), **_each(_near, kwargs))
    if func._schema.is_mutable and isinstance(found, Tensor):
        # An operation in place returns its argument, not a copy.
        return args[0]
    return _each(_far, found) if wanted == FAR else found


def _mixes(func: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    if func.overloadpacket in _COPYING:
        return False
    if func.overloadpacket in _INDEXING:
        # A tensor on a device may be indexed from the CPU, but not the other way round.
        return not isinstance(args[0], FarTensor)
    tensors = [one for one in _leaves((args, kwargs)) if isinstance(one, Tensor)]
    foreign = [one for one in tensors if not isinstance(one, FarTensor) and one.dim() > 0]
    return 0 < len(foreign) < len(tensors)


def _leaves(value: Any) -> Iterator[Any]:
    """Walk through what an operation is given; torch's own way through any tree would take most of a test's time."""
    if isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
    else:
        yield value


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _each(change, one) for name, one in value.items()}
    return type(value)(_each(change, one) for one in value) if isinstance(value, list | tuple) else change(value)


def _far(value: Any) -> Any:
    return FarTensor(value) if isinstance(value, Tensor) else value


def _near(value: Any) -> Any:
    return value.near if isinstance(value, FarTensor) else value
