"""Learn from a randomly initialised policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.parts.starts.base import AT_RANDOM, Beginning, Start

if TYPE_CHECKING:
    from pg.core.trajectories import Trajectories
    from pg.learning.policies import Policy


class Random(Start):
    """Leave the policy as it was initialised."""

    name: str = "random"

    def begin(self, _policy: Policy, _shown: Trajectories | None, /) -> Beginning:
        """Change nothing."""
        return AT_RANDOM
