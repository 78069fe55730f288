"""Fit the policy to demonstrations before it learns from its own trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pg.parts.starts.base import Beginning, Demonstrator, Start

if TYPE_CHECKING:
    from pg.core.trajectories import Trajectories
    from pg.learning.policies import Policy
    from pg.parts.annotations import Variant


class Clone(Start):
    r"""Behaviour cloning: $\theta_0 \approx \arg\max_\theta \sum_t \log \pi_\theta(a_t \mid s_t)$ in demonstrations.

    The environment steps of the demonstrations count in the budget. The lecture's sections "What does the gradient
    mean" (imitation gradient) and "How to implement".
    """

    name: str = "clone"
    clone: Demonstrator | None = Field(
        default=None, description="Snapshots that demonstrate; seed i imitates that of seed i modulo their count."
    )
    controller: str | None = Field(default=None, description="Name of a heuristic controller that demonstrates.")
    demonstrations: Annotated[int, Field(ge=2)] = Field(
        description="Number of demonstrated trajectories for each seed."
    )
    validation_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.2, description="Share of the trajectories that are used for validation only."
    )
    epochs: PositiveInt = Field(
        default=100,
        description="Steps of Adam, each on all trajectories fitted to. The parameters with the least loss on the "
        "others are kept.",
    )
    learning_rate: PositiveFloat = Field(default=0.01, description="Learning rate of Adam while the policy is fitted.")

    @property
    def validated(self) -> int:
        """Number of trajectories that the policy is validated on."""
        return round(self.validation_share * self.demonstrations)

    @property
    def demonstrator(self) -> Demonstrator | str | None:
        """Snapshots or the name of a controller."""
        return self.clone or self.controller

    @property
    def trajectories(self) -> int:
        """Number of demonstrated trajectories that each seed needs."""
        return self.demonstrations

    @model_validator(mode="after")
    def _has_one_demonstrator_and_enough_trajectories(self) -> Self:
        if (self.clone is None) == (self.controller is None):
            raise ValueError("give exactly one of clone and controller; set an inherited one to null")
        if not 0 < self.validated < self.demonstrations:
            raise ValueError(
                f"validation_share: {self.validation_share} leaves {self.validated} of demonstrations: "
                f"{self.demonstrations} to validate on; fitting and validation need at least one trajectory each"
            )
        return self

    @property
    def passes(self) -> int:
        """Every epoch passes over the trajectories once to fit, or to validate."""
        return self.epochs * self.demonstrations

    def begin(self, policy: Policy, shown: Trajectories | None) -> Beginning:
        """Fit the policy to demonstrations."""
        from pg.parts.starts.cloning import imitate

        if shown is None:
            raise ValueError("initialise: clone needs demonstrations")
        return imitate(policy, self, shown)

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Define θ_0, the maximum likelihood estimate: cross-entropy, or squared error with fixed deviations."""
        by, shown_by = self.clone, str(self.controller)
        if by is not None:
            shown_by = f"{by.variant} of {by.experiment} ({by.stage})"
        likely = r"\pi_\theta(\mathbf{a}_{j,t} \mid \mathbf{s}_{j,t})"
        sums = rf"\sum_{{j=1}}^{{n}} \sum_{{t=1}}^{{T_j}} \log {likely}"
        shown = rf"\text{{in demonstrations }} j = 1, \dots, n \text{{ by {shown_by.replace('_', ' ')}}}"
        return (
            rf"\theta_0 \approx \mathrm{{argmax}}_\theta {sums} \quad {shown}",
            f"n = {self.demonstrations}",
        )
