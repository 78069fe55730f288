r"""Scores $\psi_t = \nabla \log \pi(a_t \mid s_t)$ of single steps, and the products of the optimal baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import cast

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.distributions import Independent, Normal

from pg.core.products import product
from pg.core.trajectories import Trajectories, valid_steps
from pg.learning.policies import Policy, flatten
from pg.parts.batch import ScoreProducts

# Measured: smaller groups need more calls; in larger ones trajectories differ more in length.
_GROUP_ELEMENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Scores:
    r"""The scores of n steps, or of G rows of L steps, as factors of outer products.

    Weights and biases of a layer affect the output only through $z = h W + b$. With $\delta = \partial \log \pi /
    \partial z$, the score of $W$ is the outer product of $h$ and $\delta$, and the score of $b$ is $\delta$: sums of
    scores are matrix products, and single scores of D numbers are never stored. A Gaussian policy's log standard
    deviations are the biases of one more layer, without inputs.

    `log_probs` has shape (n,) or (G, L); inputs $h$ and derivatives $\delta$ have one more axis, and one tensor per
    layer.
    """

    log_probs: Float[Tensor, "*n"]
    inputs: tuple[Tensor, ...]
    derivatives: tuple[Tensor, ...]

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Numbers of inputs and outputs of each layer."""
        pairs = zip(self.inputs, self.derivatives, strict=True)
        return [(inputs.shape[-1], derivative.shape[-1]) for inputs, derivative in pairs]

    def in_rows(self, starts: Int[Tensor, " G"], lengths: Int[Tensor, " G"]) -> Scores:
        """Return runs of consecutive steps as rows, given each run's first step and its length.

        L is the length of the longest run. Entries after the end of a run are arbitrary and need a weight of zero.
        """
        places = starts.unsqueeze(-1) + torch.arange(int(lengths.max()), device=starts.device)
        places = places.clamp(max=len(self.log_probs) - 1)
        return Scores(
            self.log_probs[places],
            tuple(inputs[places] for inputs in self.inputs),
            tuple(derivative[places] for derivative in self.derivatives),
        )

    def sums(self, weights: Float[Tensor, "G L"]) -> Float[Tensor, "G D"]:
        r"""Return $\sum_t c_t \psi_t$ of each row, entries in the order of θ."""
        return flatten([*chain.from_iterable(zip(*self._layer_sums(weights), strict=True))])

    def along_sums(self, weights: Float[Tensor, "G L"]) -> Float[Tensor, "G L"]:
        r"""Return $\langle \psi_t, \sum_{t'} c_{t'} \psi_{t'} \rangle$, each step's score along its row's sum."""
        layers = zip(self.inputs, *self._layer_sums(weights), self.derivatives, strict=True)
        products = [
            ((product(inputs, matrix) + bias) * derivative).sum(-1) for inputs, matrix, bias, derivative in layers
        ]
        return torch.stack(products).sum(0)

    def _layer_sums(self, weights: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        column, row = weights.unsqueeze(-1), weights.unsqueeze(1)
        # Weighting the smaller factor and multiplying it from the left was measured to be several times as fast.
        matrices = [
            product((inputs * column).mT, derivative)
            if inputs.shape[-1] < derivative.shape[-1]
            else product((derivative * column).mT, inputs).mT
            for inputs, derivative in zip(self.inputs, self.derivatives, strict=True)
        ]
        return matrices, [product(row, derivative) for derivative in self.derivatives]


def scores(policy: Policy, observations: Float[Tensor, "n O"], actions: Shaped[Tensor, " n *A"]) -> Scores:
    """Return the scores of n steps, detached, by one backward pass."""
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    values = policy.seen(observations)
    for layer in policy.affine:
        inputs.append(values.detach())
        outputs.append(layer(values))
        # Activations overwrite their argument.
        values = policy.shape.activation.of_tensor(outputs[-1].clone())
    distribution = policy.of_heads(outputs[-1])
    log_probs = distribution.log_prob(actions)
    if policy.shape.is_discrete:
        derivatives = torch.autograd.grad(log_probs.sum(), outputs)
    else:
        deviations = cast("Normal", cast("Independent", distribution).base_dist).scale
        *derivatives, by_deviation = torch.autograd.grad(log_probs.sum(), [*outputs, deviations])
        derivatives = (*derivatives, by_deviation * deviations.detach())
        inputs.append(observations[:, :0])
    return Scores(log_probs.detach(), tuple(inputs), derivatives)


def row_size(layers: Iterable[tuple[int, int]], steps: int) -> int:
    """Return how many numbers the widest layer needs for a row of steps, or for the sum of its scores."""
    return max(max(steps * (inputs + outputs), inputs * outputs) for inputs, outputs in layers)


def score_products(
    policy: Policy,
    trajectories: Trajectories,
    returns: Float[Tensor, "S N T"],
    state_weights: Float[Tensor, "S N T"] | None = None,
) -> ScoreProducts:
    r"""Return $\langle A_i, B_i \rangle$ and $\lVert B_i \rVert^2$ of every trajectory.

    $A = \sum_t c_t \psi_t W_t$ and $B = \sum_t c_t \psi_t$, with scores $\psi_t = \nabla \log \pi(a_t \mid s_t)$.

    The policy collected all trajectories. State weights $c_t$ are those of a variant that discounts states. Default: 1.
    """
    weights = trajectories.mask if state_weights is None else state_weights * trajectories.mask
    found = scores(policy, *valid_steps(trajectories))
    return products_of(alignments(found, trajectories, weights.to(returns.dtype)), returns)


def products_of(alignments: Float[Tensor, "S N T"], returns: Float[Tensor, "S N T"]) -> ScoreProducts:
    """Return the sums of alignments over time, weighted by returns and unweighted."""
    return ScoreProducts(weighted=(alignments * returns).sum(-1), squared=alignments.sum(-1))


def alignments(
    found: Scores, trajectories: Trajectories, state_weights: Float[Tensor, "S N T"]
) -> Float[Tensor, "S N T"]:
    r"""Return the product of each step's score with its trajectory's, $\langle c_t \psi_t, B_i \rangle$.

    `found` has the scores of the valid steps. State weights $c_t$ and the products are zero after the last step.
    """
    weights, lengths = state_weights.flatten(0, 1), trajectories.lengths.flatten()
    starts, along = lengths.cumsum(0) - lengths, torch.zeros_like(weights)
    together = max(1, _GROUP_ELEMENTS // row_size(found.layers, int(lengths.max())))
    # Grouping trajectories of similar length wastes little on the steps after the last of the shorter ones.
    for rows in lengths.argsort().split(together):
        steps = slice(0, int(lengths[rows].max()))
        along[rows, steps] = found.in_rows(starts[rows], lengths[rows]).along_sums(weights[rows, steps])
    return (along * weights).view_as(state_weights)
