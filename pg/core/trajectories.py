"""The batch of trajectories, and the protocols of the environments and actors that collect it.

Axes: S batches (1 in training), N trajectories, T time steps, O observation, A action. A trajectory occupies the first
`length` steps of its row, where the mask is true; later entries are zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    # Validation of a study imports this module and should not wait for torch.
    import numpy as np
    import torch
    from jaxtyping import Bool, Float, Int, Shaped
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Spaces:
    """Sizes of an environment's observation and action spaces.

    Discrete observations are one-hot. `action_count` is the number of discrete actions; a tuple if an action is a
    vector of independent discrete components; None if it is a real vector. With `is_normalised`, policies standardise
    observations by the statistics of earlier batches.
    """

    observation_size: int
    action_count: int | tuple[int, ...] | None
    action_size: int = 0
    is_normalised: bool = False

    @property
    def factors(self) -> tuple[int, ...]:
        """Number of values of each discrete component of an action; none of a real one."""
        count = self.action_count
        return () if count is None else (count,) if isinstance(count, int) else count

    @property
    def outputs(self) -> int:
        """Number of outputs of a policy's network: the logits of all components, or the mean of a real action."""
        return sum(self.factors) or self.action_size


_ALONG_TIME = ("observations", "actions", "rewards", "mask", "states")
_LEADING_AXES = {**dict.fromkeys(_ALONG_TIME, 3), "terminated": 2, "truncated": 2, "last_observations": 2}


@dataclass(frozen=True, slots=True)
class Trajectories:
    r"""S batches of N trajectories, $\tau = (s_0, a_0, r_0, s_1, \dots)$.

    Observations are those before each action, and real actions are unclipped. A trajectory is terminated if the
    environment ended it, and truncated if the horizon or a time limit did. States are indices if the environment has
    tables; policies never see them. The last observations follow the last step; they are None if they were not kept.
    """

    observations: Float[Tensor, "S N T O"]
    actions: Shaped[Tensor, "S N T *A"]
    rewards: Float[Tensor, "S N T"]
    mask: Bool[Tensor, "S N T"]
    terminated: Bool[Tensor, "S N"]
    truncated: Bool[Tensor, "S N"]
    states: Int[Tensor, "S N T"] | None = None
    last_observations: Float[Tensor, "S N O"] | None = None

    def __post_init__(self) -> None:
        """Check that the leading axes of all tensors agree."""
        for name, axes in _LEADING_AXES.items():
            values, expected = getattr(self, name), tuple(self.mask.shape[:axes])
            if values is not None and tuple(values.shape[:axes]) != expected:
                raise ValueError(f"{name} has leading shape {tuple(values.shape[:axes])}, but the mask has {expected}")

    @property
    def lengths(self) -> Int[Tensor, "S N"]:
        """Number of steps of each trajectory."""
        return self.mask.sum(-1)

    @property
    def returns(self) -> Float[Tensor, "S N"]:
        r"""Undiscounted return $R = \sum_t r_t$ of each trajectory."""
        return self.rewards.sum(-1)

    def of_batch(self, index: int) -> Trajectories:
        """Return one batch, S = 1, cut to the length of its longest trajectory.

        The padding of a batch must not depend on other batches: the length of a tensor determines the order of
        summation, and so the last bits of a sum.
        """
        one = self.of_batches(slice(index, index + 1))
        return one.until(int(one.lengths.max()))

    def of_batches(self, batches: slice) -> Trajectories:
        """Return a range of batches."""
        return self.map_tensors(lambda values: values[batches])

    def until(self, horizon: int) -> Trajectories:
        """Return the trajectories truncated to a shorter horizon."""
        cut_off = self.lengths > horizon
        tensors = {name: getattr(self, name) for name in _ALONG_TIME}
        shorter = {name: values[:, :, :horizon] for name, values in tensors.items() if values is not None}
        last = self.last_observations
        if last is not None and cut_off.any():
            last = self.observations[:, :, horizon].where(cut_off.unsqueeze(-1), last)
        terminated, truncated = self.terminated & ~cut_off, self.truncated | cut_off
        return replace(self, **shorter, terminated=terminated, truncated=truncated, last_observations=last)

    def regrouped(self, trajectories: int) -> Trajectories:
        """Regroup the trajectories into disjoint batches of `trajectories` each, with the batches on the S axis."""
        count = self.terminated.numel()
        if count % trajectories:
            raise ValueError(f"{count} trajectories cannot be divided into batches of {trajectories}")
        return self.map_tensors(lambda values: values.reshape(-1, trajectories, *values.shape[2:]))

    def on(self, device: torch.device) -> Trajectories:
        """Return the same trajectories on a device."""
        return self.map_tensors(lambda values: values.to(device))

    def map_tensors(self, function: Callable[[Tensor], Tensor]) -> Trajectories:
        """Apply a function to every tensor of the record."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: function(values) for name, values in tensors.items() if values is not None})


def joined(batches: Sequence[Trajectories]) -> Trajectories:
    """Join batches along N, in order. Rows shorter than those of the longest batch are padded with zeros.

    What not all of them have (states, last observations) is None.
    """
    import torch

    longest = max(one.mask.shape[-1] for one in batches)

    def together(name: str) -> Any:
        parts: list[Any] = [getattr(one, name) for one in batches]
        if any(part is None for part in parts):
            return None
        if name in _ALONG_TIME:
            parts = [padded(part, longest) for part in parts]
        return torch.cat(parts, dim=1)

    return Trajectories(**{field.name: together(field.name) for field in fields(Trajectories)})


def padded(values: Tensor, steps: int) -> Tensor:
    """Return (S, N, T, ...) values with zeros up to a number of steps, at least T."""
    more = values.new_zeros(*values.shape[:2], steps, *values.shape[3:])
    more[:, :, : values.shape[2]] = values
    return more


def on_valid_steps(function: Callable[[Tensor, Tensor], Tensor], trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    """Apply a function of observations (n, O) and actions (n, ...) to the n valid steps; other values are 0."""
    return laid_out(function(*valid_steps(trajectories)), trajectories.mask)


def valid_steps(trajectories: Trajectories) -> tuple[Float[Tensor, "n O"], Shaped[Tensor, " n *A"]]:
    """Return observations and actions of the n valid steps, ordered by batch, then trajectory, then time."""
    valid = trajectories.mask.nonzero(as_tuple=True)
    return trajectories.observations[valid], trajectories.actions[valid]


def laid_out(values: Float[Tensor, " n"], mask: Bool[Tensor, "S N T"]) -> Float[Tensor, "S N T"]:
    """Scatter the values of n valid steps to (S, N, T), zero elsewhere, differentiably."""
    return values.new_zeros(mask.shape).masked_scatter(mask, values)


class Environments(Protocol):
    """N copies of one environment that are stepped together and never reset automatically."""

    @property
    def spaces(self) -> Spaces:
        """Sizes of the observation and action spaces."""
        ...

    @property
    def horizon(self) -> int:
        """T, the number of steps after which every trajectory is truncated."""
        ...

    @property
    def states(self) -> NDArray[np.int64] | None:
        """Indices of the current states, (N,), where the environment has tables."""
        ...

    def reset(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw N start states; return observations (N, O)."""
        ...

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Take one step where `alive` (N,) is true; other entries of the result are arbitrary."""
        ...


@dataclass(frozen=True, slots=True)
class Transition:
    """The result of one step of N environments: observations (N, O), the rest (N,)."""

    observations: NDArray[np.float32]
    rewards: NDArray[np.floating[Any]]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


class Actor(Protocol):
    """A policy that acts in N trajectories together."""

    def noise(self, generator: np.random.Generator, steps: int, trajectories: int, /) -> NDArray[np.float32]:
        """Draw the noise that the policy needs to act for `steps` steps, (steps, N, A)."""
        ...

    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32], /) -> NDArray[Any]:
        """Map observations (N, O) and noise (N, ...) to actions (N, ...)."""
        ...
