"""The device for training: the CPU, or a GPU that torch can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pg.core.errors import UserError

if TYPE_CHECKING:
    import torch

Device = Literal["cpu", "cuda"]


class CannotRunHere(UserError):
    """The machine lacks what a job needs."""


def device_of(name: Device) -> torch.device:
    """Return the device that a study names.

    Raises
    ------
    CannotRunHere
        If this machine, or this build of torch, does not have the device.
    """
    # Imported here: the records of a study import this module without torch.
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise CannotRunHere(
            f"device: cuda: torch {torch.__version__} finds no GPU that it can use here; allowed: cpu, or install a "
            "torch that is built for CUDA on a machine with an NVIDIA driver"
        )
    return torch.device(name)
