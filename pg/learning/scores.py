r"""Scores $\psi_t = \nabla \log \pi(a_t \mid s_t)$ of single steps, and the products of the optimal baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Independent, Normal

from pg.core.trajectories import Trajectories, laid_out, valid_steps
from pg.learning.policies import Policy
from pg.parts.batch import ScoreProducts
from pg.parts.kernels import add_along_sums, sum_scores


@dataclass(frozen=True, slots=True)
class Scores:
    r"""The scores of n steps, as factors of outer products.

    Weights and biases of a layer affect the output only through $z = h W + b$. With $\delta = \partial \log \pi /
    \partial z$, the score of $W$ is the outer product of $h$ and $\delta$, and the score of $b$ is $\delta$: sums of
    scores are matrix products, and single scores of D numbers are never stored. A Gaussian policy's log standard
    deviations are the biases of one more layer, without inputs.

    `log_probs` has shape (n,); inputs $h$ and derivatives $\delta$ have one more axis, and one tensor per layer. A run
    is a number of consecutive steps, such as those of a trajectory or of a batch; `lengths` are those of G runs that
    follow each other.
    """

    log_probs: Float[Tensor, " n"]
    inputs: tuple[Tensor, ...]
    derivatives: tuple[Tensor, ...]

    def sums(self, weights: Float[Tensor, " n"], lengths: Int[Tensor, " G"]) -> Float[Tensor, "G D"]:
        r"""Return $\sum_t c_t \psi_t$ of each run, entries in the order of θ."""
        factors, runs = _array(weights, self._dtype), _array(lengths)
        sums = np.empty((len(lengths), self._places[-1]), dtype=self._dtype)
        for place, inputs, derivatives in self._layers:
            sum_scores(inputs, derivatives, factors, runs, sums, place)
        return torch.from_numpy(sums).to(weights.device)

    def along(self, vectors: Float[Tensor, "G D"], lengths: Int[Tensor, " G"]) -> Float[Tensor, " n"]:
        r"""Return $\langle \psi_t, v_g \rangle$, each step's score along the vector of its run."""
        of_runs, runs = _array(vectors, self._dtype), _array(lengths)
        along = np.zeros(len(self.log_probs), dtype=self._dtype)
        for place, inputs, derivatives in self._layers:
            add_along_sums(inputs, derivatives, runs, of_runs, place, along)
        return torch.from_numpy(along).to(vectors.device)

    @property
    def _dtype(self) -> np.dtype[Any]:
        return _array(self.log_probs).dtype

    @property
    def _layers(self) -> Iterator[tuple[int, NDArray[Any], NDArray[Any]]]:
        """For each layer, where its parameters begin in θ, its inputs and its derivatives."""
        for place, *factors in zip(self._places[:-1], self.inputs, self.derivatives, strict=True):
            inputs, derivatives = (_array(factor, self._dtype) for factor in factors)
            yield place, inputs, derivatives

    @property
    def _places(self) -> list[int]:
        """Where the parameters of each layer begin in θ, and the number of all, D."""
        pairs = zip(self.inputs, self.derivatives, strict=True)
        return [0, *accumulate((inputs.shape[-1] + 1) * derivatives.shape[-1] for inputs, derivatives in pairs)]


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
    weights, lengths = state_weights[trajectories.mask], trajectories.lengths.flatten()
    along = found.along(found.sums(weights, lengths), lengths)
    return laid_out(along.to(weights.dtype) * weights, trajectories.mask)


def _array(values: Tensor, dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
    return np.ascontiguousarray(values.cpu().numpy(), dtype=dtype)
