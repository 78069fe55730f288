"""The network of `baseline: value_network`, and how it is fitted to the rewards-to-go of batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pg.core.trajectories import Spaces, Trajectories, laid_out
from pg.parts.batch import StateValues
from pg.parts.discounting import reward_to_go, with_rest
from pg.parts.networks import initial_parameters, network_outputs

if TYPE_CHECKING:
    from pg.parts.baselines.value_network import ValueNetwork
    from pg.parts.variant import Variant


# So many batches over the weight of one.
_SETTLED = 5


class ValueFunction(nn.Module):
    r"""$V_\phi(o, t) = h_t \, f_\phi(o, t / T)$, where the network f gives a mean reward per remaining step.

    The horizon T ends the return: $h_t = \sum_{k < T - t} \gamma^k$ steps remain, discounted as the return is. The
    horizon does not end returns that bootstrap at truncation: then $h = 1 / (1 - \gamma)$, and f does not see the time.

    Parameters
    ----------
    options
        Hidden sizes and activation.
    inputs
        O, length of an observation.
    left
        $h_t$.
    sees_time
        Whether t / T is one more input.
    generator
        Draws the initial weights. The last layer is zero, so that all values of a new network are 0.

    Notes
    -----
    Pardo, Tavakoli, Levdik & Kormushev 2018, "Time limits in reinforcement learning", for when to see the time. With
    the factor $h_t$ the network's output has the scale of a reward, whatever the horizon.
    """

    left: Tensor

    def __init__(
        self,
        options: ValueNetwork,
        inputs: int,
        left: Float[Tensor, " T+1"],
        sees_time: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        # Not saved: it follows from the horizon.
        self.register_buffer("left", left, persistent=False)
        self.sees_time = sees_time
        self.sizes, self.activation = [inputs + sees_time, *options.hidden, 1], options.activation
        self.phi = nn.Parameter(initial_parameters(self.sizes, 0, left.dtype, generator))

    def forward(self, observations: Float[Tensor, "n O"], steps: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Return the value of each observation at its step."""
        seen = observations.to(self.left.dtype)
        if self.sees_time:
            time = steps.to(self.left.dtype) / (len(self.left) - 1)
            seen = torch.cat([seen, time.unsqueeze(-1)], dim=-1)
        return self.left[steps] * network_outputs(self.phi, self.sizes, self.activation, seen).squeeze(-1)


class Average(nn.Module):
    """The same value in every state, 0 at first."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.phi = nn.Parameter(torch.zeros(1, dtype=dtype))

    def forward(self, observations: Float[Tensor, "n O"], _steps: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Return it once per observation."""
        return self.phi.expand(len(observations))


@dataclass(frozen=True, slots=True)
class Critic:
    r"""A value network with its optimizer, the steps per batch and $\gamma$. A fit changes the network in place."""

    network: ValueFunction | Average
    optimizer: torch.optim.Optimizer
    fit_steps: int
    discount: float
    bootstraps: bool = False
    """Whether returns bootstrap from the network's value after truncation."""
    passes: int | None = None
    """Passes over a sample of one policy until the network has settled. Default: `fit_steps`."""

    @torch.no_grad()
    def values(self, trajectories: Trajectories) -> StateValues:
        """Return the values of all states, and those after truncation if returns bootstrap there."""
        taken = trajectories.mask.nonzero(as_tuple=True)
        dtype = trajectories.rewards.dtype
        along = laid_out(self.network(trajectories.observations[taken], taken[-1]).to(dtype), trajectories.mask)
        return StateValues(along, self._rest(trajectories).to(dtype))

    def fit(self, trajectories: Trajectories) -> None:
        r"""Take Adam's steps on the mean squared error to the rewards-to-go, $\frac{1}{n} \sum (V_\phi - G_t)^2$.

        The policy must have been updated on the batch already. If returns bootstrap at truncation, rewards-to-go
        include the value after the last step, computed before the fit.
        """
        taken = trajectories.mask.nonzero(as_tuple=True)
        observations, targets = trajectories.observations[taken], self.targets(trajectories)[taken]
        for _ in range(self.fit_steps):
            found = self.network(observations, taken[-1])
            error = nn.functional.mse_loss(found, targets.to(found.dtype))
            self.optimizer.zero_grad()
            error.backward()
            self.optimizer.step()

    def targets(self, trajectories: Trajectories) -> Float[Tensor, "S N T"]:
        """Return the rewards-to-go that the network is fitted to, zero after the last step."""
        rewards, mask = trajectories.rewards, trajectories.mask
        rest = self._rest(trajectories).to(rewards.dtype)
        return reward_to_go(with_rest(rewards, rest, mask, self.discount), mask, self.discount)

    def explained_variance(self, trajectories: Trajectories) -> float:
        r"""Return $1 - \mathrm{Var}(G_t - V_\phi) / \mathrm{Var}(G_t)$ over the steps taken; NaN if all G are equal.

        The network must not have been fitted to the batch; otherwise the share is biased upwards.
        """
        mask, targets = trajectories.mask, self.targets(trajectories)
        errors = (targets - self.values(trajectories).along)[mask].to(torch.float64)
        spread = targets[mask].to(torch.float64).var(correction=0)
        return (1 - errors.var(correction=0) / spread).item() if spread > 0 else float("nan")

    @torch.no_grad()
    def _rest(self, trajectories: Trajectories) -> Float[Tensor, "S N"]:
        if not self.bootstraps:
            return trajectories.rewards.new_zeros(trajectories.truncated.shape)
        if trajectories.last_observations is None:
            raise ValueError("bootstrap_at_truncation needs the observation after the last step")
        last, lengths = trajectories.last_observations, trajectories.lengths
        values = self.network(last.flatten(0, 1), lengths.flatten()).reshape(lengths.shape)
        return values.where(trajectories.truncated, 0)


def new_critic(
    options: ValueNetwork,
    variant: Variant,
    spaces: Spaces,
    horizon: int,
    generator: torch.Generator,
    dtype: torch.dtype | None,
    device: torch.device | None,
) -> Critic:
    """Return a new value network for the returns of a variant, by default in float32 on the CPU."""
    endless = variant.returns.bootstraps
    if endless:
        left = torch.full((horizon + 1,), 1 / (1 - variant.discount), dtype=torch.float64)
    else:
        powers = variant.discount ** torch.arange(horizon, dtype=torch.float64)
        left = torch.cat([powers.cumsum(0).flip(0), powers.new_zeros(1)])
    left = left.to(dtype or torch.float32)
    network = ValueFunction(options, spaces.observation_size, left, not endless, generator).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.learning_rate, fused=True)
    return Critic(network, optimizer, options.fit_steps, variant.discount, endless)


def new_average(weight: float, discount: float, dtype: torch.dtype | None, device: torch.device | None) -> Critic:
    r"""Return a new running average, by default in float32 on the CPU.

    A step of gradient descent on the mean squared error $\frac{1}{n} \sum (b - G_t)^2$ with a rate of $\beta / 2$ is $b
    \leftarrow b + \beta (\bar G - b)$.
    """
    network = Average(dtype or torch.float32).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=weight / 2)
    return Critic(network, optimizer, 1, discount, passes=round(_SETTLED / weight))
