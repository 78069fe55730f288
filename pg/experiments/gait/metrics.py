"""The metrics of humanoid gaits."""

from __future__ import annotations

from pg.experiments.metric import Metric

METRICS = (
    Metric(
        "fell_forward",
        "share of episodes that end fallen forward",
        "Share of a policy's episodes that terminate with the torso lower and further forward than at the start.",
    ),
    Metric(
        "fell_backward",
        "share of episodes that end fallen backward",
        "Share of a policy's episodes that terminate with the torso lower and further back than at the start.",
    ),
    Metric(
        "not_fallen",
        "share of episodes that end without a fall",
        "Share of a policy's episodes that neither fall forward nor backward.",
    ),
    Metric(
        "displacement",
        "way forward of the torso",
        "Metres that the torso has moved forward by the end of an episode; averaged over a policy's episodes.",
        unit="m",
    ),
    Metric(
        "length",
        "length of an episode",
        "Steps of an episode, averaged over a policy's episodes.",
        unit="environment steps",
    ),
    Metric(
        "alternating_steps",
        "changes of the stance foot per episode",
        "Number of changes, in an episode, of the foot that is the only one to touch the floor; "
        "averaged over a policy's episodes.",
    ),
    Metric(
        "episode_return",
        "return of an episode",
        "Return of an episode, averaged over a policy's episodes.",
    ),
)
