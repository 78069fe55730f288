"""The metrics of the surrogate's gradient and its explicit forms."""

from __future__ import annotations

from pg.experiments.metric import Metric

METRICS = (
    Metric(
        "explicit_difference",
        "relative difference to the explicit sum",
        "‖∇J̃ − g‖ / ‖g‖ between the gradient of the surrogate that training follows and the explicit sum g over "
        "trajectories and steps.",
    ),
    Metric(
        "backward_passes",
        "backward passes of the explicit sum",
        "How many backward passes the explicit sum over trajectories and steps takes, where the surrogate takes one.",
        never_negative=True,
    ),
    Metric(
        "imitation_difference",
        "relative difference to weighted imitation",
        "The same as `explicit_difference`, with g the gradient of imitation weighted as the estimator weights; of "
        "Gaussian policies on the parameters of the mean alone.",
    ),
    Metric(
        "cloning_difference",
        "relative difference to behaviour cloning at weights 1",
        "The same as `imitation_difference` with every weight 1 on both sides, which makes g that of behaviour "
        "cloning.",
    ),
)
