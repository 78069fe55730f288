"""A batch with what stays fixed while steps are taken on it, and the parts of it that each step is taken on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from pg.core.trajectories import Trajectories, valid_steps
from pg.parts.estimator import Fixed
from pg.parts.variant import Variant


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, or a part of one, with what stays fixed at the behaviour policy θ while steps are taken on it.

    Attributes
    ----------
    trajectories
        S = 1.
    states, actions
        Of the n valid steps.
    behaviour
        (1, N, T), log π_θ(a_t|s_t), zero behind the end.
    fixed
        Returns, baseline and normalisation.
    members
        Which trajectories of the whole batch these are.
    """

    trajectories: Trajectories
    states: Float[Tensor, "n O"]
    actions: Shaped[Tensor, " n *A"]
    behaviour: Float[Tensor, "1 N T"]
    fixed: Fixed
    members: Tensor | slice

    def part(self, members: Tensor) -> Batch:
        """Return some of its trajectories, whose baseline and normalisation stay those of the whole batch."""
        trajectories = self.trajectories.changed(lambda values: values[:, members])
        baseline = self.fixed.baseline.expand(-1, self.behaviour.shape[1], -1)
        return Batch(
            trajectories,
            *valid_steps(trajectories),
            self.behaviour[:, members],
            Fixed(self.fixed.returns[:, members], baseline[:, members], self.fixed.scale),
            members,
        )


def parts_of(batch: Batch, variant: Variant, shuffling: np.random.Generator | None) -> Iterator[Batch]:
    """Yield what each step of an update is taken on: the batch K times, or M parts of it in each of K passes."""
    for _ in range(variant.gradient_steps):
        if variant.minibatches == 1:
            yield batch
            continue
        if shuffling is None:
            raise ValueError("minibatches are cut at random: a generator is needed")
        order = torch.from_numpy(shuffling.permutation(batch.behaviour.shape[1])).to(batch.states.device)
        yield from (batch.part(members) for members in order.chunk(variant.minibatches))
