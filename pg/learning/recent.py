"""The latest batches of a learner and the policies that collected them, for variants with a window."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pg.core.trajectories import Trajectories, joined, laid_out, on_valid_steps, padded, valid_steps
from pg.learning.policies import Policy
from pg.parts.windows.base import Window


@dataclass(frozen=True, slots=True)
class Recent:
    r"""B batches of N trajectories each, joined to S = 1, and the policies that collected them, oldest first.

    Attributes
    ----------
    trajectories
        Those of all batches, (1, B N, ...).
    policies
        Copies of the B policies, as they were when they collected.
    log_probs
        $\log \pi_{\theta_j}(a_t \mid s_t)$ of all trajectories under each policy, zero after the last step.
    """

    trajectories: Trajectories
    policies: tuple[Policy, ...]
    log_probs: Float[Tensor, "B 1 N T"]

    @property
    def batches(self) -> int:
        """B."""
        return len(self.policies)

    def behaviour(self, window: Window) -> Float[Tensor, "1 N T"]:
        """Return the logarithm of what the ratios of a window divide by, zero after the last step."""
        return window(self.log_probs) * self.trajectories.mask

    def latest(self, batches: int) -> Recent:
        """Return at most this number of latest batches; at least one."""
        if self.batches <= batches:
            return self
        first = self.batches - batches
        size = self.trajectories.mask.shape[1] // self.batches
        kept = self.trajectories.map_tensors(lambda values: values[:, first * size :])
        longest = int(kept.lengths.max())
        return Recent(kept.until(longest), self.policies[first:], self.log_probs[first:, :, first * size :, :longest])

    def state(self) -> dict[str, Any]:
        """Return everything as tensors and names."""
        tensors = {field.name: getattr(self.trajectories, field.name) for field in fields(Trajectories)}
        policies = [policy.state_dict() for policy in self.policies]
        return {"trajectories": tensors, "policies": policies, "log_probs": self.log_probs}

    @classmethod
    def of_state(cls, state: Mapping[str, Any], policy: Policy) -> Recent:
        """Return what has this state, with policies of the same network as the given one."""
        policies = [deepcopy(policy) for _ in state["policies"]]
        for one, parameters in zip(policies, state["policies"], strict=True):
            one.load_state_dict(parameters)
        return cls(Trajectories(**state["trajectories"]), tuple(policies), state["log_probs"])


@torch.no_grad()
def collected(policy: Policy, batch: Trajectories, earlier: Recent | None = None) -> Recent:
    """Add a batch, and the policy that collected it, after earlier ones of the same size."""
    policies = (*(earlier.policies if earlier else ()), deepcopy(policy))
    trajectories = joined([*([earlier.trajectories] if earlier else []), batch])
    under_new = on_valid_steps(policy.log_prob, trajectories).unsqueeze(0)
    if earlier is None:
        return Recent(trajectories, policies, under_new)
    states, actions = valid_steps(batch)
    of_new = [laid_out(old.log_prob(states, actions), batch.mask).squeeze(0) for old in earlier.policies]
    parts = (earlier.log_probs.squeeze(1), torch.stack(of_new))
    under_old = torch.cat([padded(part, trajectories.mask.shape[-1]) for part in parts], dim=1)
    return Recent(trajectories, policies, torch.cat([under_old.unsqueeze(1), under_new]))
