"""The kinds of figure that draw `exact` experiments, by name."""

from pg.experiments.figures.kind import FigureKind, one_batch_size
from pg.experiments.probe.figures.registry import FIGURES as OF_PROBES

FIGURES = {
    "ladder": FigureKind(
        "pg.experiments.exact.figures.ladder", ("long", "summary", "comparisons"), needs=(one_batch_size,)
    ),
    "shrinkage": FigureKind("pg.experiments.exact.figures.shrinkage", ("summary",)),
    "sampled_variance": FigureKind(
        "pg.experiments.exact.figures.sampled_variance", options=("sampled_batches",), limits={"x": "linear"}
    ),
    "achieved_share": OF_PROBES["achieved_share"],
    "against_rewards": OF_PROBES["against_rewards"],
}
