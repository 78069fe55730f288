"""Begin with the same action probabilities in every state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pg.parts.starts.base import AT_RANDOM, Beginning, Start

if TYPE_CHECKING:
    from pg.core.trajectories import Trajectories
    from pg.learning.policies import Policy
    from pg.parts.annotations import Variant


class Given(Start):
    r"""Given outputs, $f_{\theta_0}(s) = v$ for every s: logits of discrete actions, means of real ones.

    The biases of the last layer are v, and its matrix is 0; hidden layers stay random.
    """

    name: str = "given"
    outputs: Annotated[tuple[float, ...], Field(min_length=1)] = Field(
        description="The network's output in every state: a logit per discrete action, component by component, or a "
        "mean per component of a real action."
    )

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Write the outputs."""
        numbers = ", ".join(f"{value:.4g}" for value in self.outputs)
        return (rf"f_{{\theta_0}}(s) = ({numbers}) \quad \text{{in every state}}",)

    def begin(self, policy: Policy, _shown: Trajectories | None, /) -> Beginning:
        """Set the last layer."""
        last = policy.affine[-1]
        last.matrix.detach().zero_()
        last.biases.detach().copy_(last.biases.new_tensor(self.outputs))
        return AT_RANDOM
