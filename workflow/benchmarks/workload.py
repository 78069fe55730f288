"""The variant and the environments that this project's programs use."""

from measuring import HIDDEN, LEARNING_RATE, TRAJECTORIES
from pg.environments.record import Environment
from pg.parts.optimizers.adam import Adam
from pg.parts.variant import PolicyOptions, Variant

VARIANT = Variant(
    returns="to_go",
    baseline="per_step",
    batch=TRAJECTORIES,
    policy=PolicyOptions(hidden=HIDDEN),
    optimizer=Adam(learning_rate=LEARNING_RATE),
)


def environment(id: str) -> Environment:
    return Environment(id=id)
