"""The variant and the environments that this project's programs use."""

from measuring import CLIP, HIDDEN, LEARNING_RATE, TRAJECTORIES
from pg.environments.record import Environment
from pg.parts.corrections.per_step import PerStep
from pg.parts.optimizers.adam import Adam
from pg.parts.variant import PolicyOptions, Variant

VARIANT = Variant(
    returns="to_go",
    baseline="per_step",
    batch=TRAJECTORIES,
    policy=PolicyOptions(hidden=HIDDEN),
    optimizer=Adam(learning_rate=LEARNING_RATE),
)


def variant(gradient_steps: int) -> Variant:
    """Return the variant with one gradient step per batch, or with several and PPO's clipped ratios."""
    if gradient_steps == 1:
        return VARIANT
    return VARIANT.model_copy(update={"gradient_steps": gradient_steps, "importance": PerStep(clip=CLIP)})


def environment(id: str) -> Environment:
    return Environment(id=id)
