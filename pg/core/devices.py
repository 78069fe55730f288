"""The device that policies are trained on: the CPU or a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pg.core.errors import UserError

if TYPE_CHECKING:
    import torch

Device = Literal["cpu", "cuda"]


class CannotRunHere(UserError):
    """The machine lacks what a job needs."""


def device_of(name: Device) -> torch.device:
    """Return the torch device for the `device` of a study.

    Raises
    ------
    CannotRunHere
        If torch finds no such device on this machine.
    """
    # Importing torch is slow, and reading a study file does not need it.
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise CannotRunHere(
            f"device: cuda: torch {torch.__version__} finds no usable GPU; use device: cpu, or install a CUDA build "
            "of torch on a machine with an NVIDIA driver"
        )
    return torch.device(name)
