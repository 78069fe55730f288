"""A kind of experiment: thousands of runs of softmax policies on a bandit at once, and the arms that they end on.

A policy is one preference per arm. Its estimates are those of `pg.parts.estimator`, as in training; runs are batches on
the S axis. Training one run after the other takes seconds for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pg.core.record import Record
from pg.experiments.cells import Cell
from pg.experiments.figures.kind import FigureKind
from pg.experiments.kind import Cost, Declared, Measurement
from pg.experiments.metric import Metric, values
from pydantic import Field, PositiveInt

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame
    from pg.environments.mdp import MDP
    from pg.experiments.figures.request import Drawn, FigureRequest
    from pg.laboratory.job import MeasurementJob
    from pg.parts.variant import Variant
    from torch import Tensor

_USED = ("label", "returns", "discount", "baseline", "normalise_advantages", "batch", "optimizer", "policy")


class BanditOptions(Record):
    """The options that decide the rows."""

    preferences: tuple[float, ...] = Field(description="The preference θ of each arm at the start of every run.")
    runs: PositiveInt = Field(description="Runs per seed.")
    iterations: PositiveInt = Field(description="Updates of a run.")
    committed: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        default=0.9, description="A run ends on an arm whose probability is above this."
    )


@dataclass(frozen=True)
class Ends:
    """The final policies of all runs of a seed, (runs, arms); the best arm; and the probability of an end."""

    probabilities: Tensor
    best: int
    committed: float

    @property
    def best_share(self) -> float:
        """The share of runs that end on the best arm."""
        return self._ended[:, self.best].double().mean().item()

    @property
    def stuck_share(self) -> float:
        """The share of runs that end on another arm."""
        return self._ended.any(-1).double().mean().item() - self.best_share

    @property
    def _ended(self) -> Tensor:
        return self.probabilities > self.committed


METRICS: tuple[Metric[Ends], ...] = (
    Metric(
        "best_share",
        "share of runs that end on the best arm",
        "Share of runs whose policy takes the arm with the largest reward with a probability above `committed`.",
        noun="the share of runs that end on the best arm",
        is_part=True,
        never_negative=True,
    ),
    Metric(
        "stuck_share",
        "share of runs that end on another arm",
        "Share of runs whose policy takes one of the other arms with a probability above `committed`.",
        noun="the share of runs that are stuck on another arm",
        is_part=True,
        never_negative=True,
    ),
)


class BanditRuns(BanditOptions, Measurement):
    """Trains thousands of softmax policies on a bandit with fixed rewards, and counts the arms that they end on."""

    metrics = METRICS
    figures: ClassVar[Mapping[str, FigureKind]] = {"ends": FigureKind(__name__)}
    options_type = BanditOptions
    measured_by = f"{__name__}:run"
    folder = "bandit_runs"
    needs_tables = True

    @property
    def extent(self) -> str:
        """How much is run."""
        return f"{self.runs:,} runs of {self.iterations:,} updates per seed"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse other environments than bandits, and options of variants that these runs do not have."""
        for name, environment in {cell.environment_name: cell.environment for cell in declared.cells}.items():
            mdp = declared.catalogue.mdp_of(environment)
            if mdp is not None and (mdp.horizon, mdp.states, mdp.probabilities.shape[-1]) != (1, 1, 1):
                yield f"{declared.at}.environments: {name} is no bandit with fixed rewards, as pg/Bandit-v0"
            elif mdp is not None and mdp.actions != len(self.preferences):
                yield (
                    f"{declared.at}.preferences: {len(self.preferences)} numbers for the {mdp.actions} arms of {name}; "
                    "give one per arm"
                )
        for name, variant in {cell.variant_name: cell.variant for cell in declared.cells}.items():
            yield from (f"{declared.at}.variants: {name} {problem}" for problem in _problems(variant))

    def cost(self, cell: Cell) -> Cost:
        """Count the actions of all runs."""
        return Cost(self.runs * self.iterations * cell.variant.batch, self.runs * cell.variant.batch)


def _problems(variant: Variant) -> Iterator[str]:
    changed = [key for key, value in variant if key not in _USED and value != getattr(type(variant)(), key)]
    if changed:
        yield f"has {', '.join(changed)}; a bandit run takes one step per batch, and uses {', '.join(_USED[1:])}"
    if variant.policy.hidden:
        yield "needs policy: {hidden: []}, a preference for each arm"
    optimizer, baseline = variant.optimizer, variant.baseline
    if optimizer.name not in ("sgd", "natural") or optimizer.schedule != "constant" or optimizer.clip_norm is not None:
        yield "needs optimizer: sgd or natural, without schedule and clip_norm"
    if optimizer.learning_rate == "tuned":
        yield "needs a number as optimizer.learning_rate"
    if baseline.values_from == "network" or baseline.needs_score_products:
        yield f"has baseline: {baseline.name}, which a table of preferences does not have"


def run(job: MeasurementJob[BanditOptions], policies: Mapping[int, Any]) -> DataFrame:
    """Train all runs of each seed and variant, and return where they end: a row for each.

    Variants draw the same random numbers, so that their differences are those of their updates.
    """
    import pandas as pd
    import torch
    from pg.core.randomness import generator
    from pg.environments.catalogue import mdp_of

    del policies  # All runs start with the same preferences.
    mdp = mdp_of(job.environment)
    assert mdp is not None
    best, rows = int(mdp.rewards[0, :, 0].argmax()), []
    for seed in job.seeds:
        for name, variant in job.variants.items():
            preferences = torch.tensor(job.options.preferences, dtype=torch.float64).repeat(job.options.runs, 1)
            drawing = generator(seed, job.stage, "bandit_runs")
            for _ in range(job.options.iterations):
                preferences += step(preferences, variant, mdp, drawing)
            ends = Ends(preferences.softmax(-1), best, job.options.committed)
            rows.append({"seed": seed, "variant": name, "batch": variant.batch, **values(METRICS, ends)})
    return pd.DataFrame(rows)


def step(preferences: Tensor, variant: Variant, mdp: MDP, drawing: np.random.Generator) -> Tensor:
    r"""Return the change of the preferences, (runs, arms), by one update on a batch of each run.

    The gradient of the surrogate is $g = \frac{1}{N} \sum_i \hat A_i (e_{a_i} - \pi)$. The natural gradient $F^{-1} g$
    with $F = \operatorname{diag}(\pi) - \pi \pi^\top$ is $\frac{1}{N} \sum_i \hat A_i e_{a_i} / \pi_{a_i}$, up to a
    constant, which changes no policy.
    """
    import torch
    from pg.core.trajectories import Trajectories
    from pg.parts import estimator
    from pg.parts.batch import Batch, StateValues

    probabilities, rewards = preferences.softmax(-1), torch.from_numpy(mdp.rewards[0, :, 0])
    shape = (len(preferences), variant.batch, 1)
    actions = (torch.from_numpy(drawing.random(shape)) > probabilities.cumsum(-1)[:, None, :-1]).sum(-1, keepdim=True)
    every = torch.ones(shape, dtype=torch.bool)
    trajectories = Trajectories(
        observations=every.unsqueeze(-1).double(),
        actions=actions,
        rewards=rewards[actions],
        mask=every,
        terminated=every[..., 0],
        truncated=~every[..., 0],
    )

    def state_values(_: Batch) -> StateValues:
        # To the baseline the runs are states, with a row each in the table of the policy.
        value, action_values = probabilities @ rewards, rewards.expand_as(probabilities)
        table = variant.baseline.state_table(probabilities[None], value[None], action_values[None])[0]
        return StateValues(table[:, None, None].expand(shape), torch.zeros(shape[:2], dtype=torch.float64))

    fixed = estimator.fixed(Batch(variant, trajectories, find_state_values=state_values))
    weights, chosen = estimator.weights(variant, trajectories, fixed), torch.eye(mdp.actions)[actions[..., 0]]
    if variant.optimizer.name == "natural":
        scores = chosen / probabilities.gather(1, actions[..., 0]).unsqueeze(-1)
    else:
        scores = chosen - probabilities.unsqueeze(1)
    assert variant.optimizer.learning_rate != "tuned"
    return variant.optimizer.learning_rate * (weights * scores).mean(1)


def draw(request: FigureRequest[BanditRuns]) -> Drawn:
    """Draw both shares of each variant: a row per variant, a dot per seed."""
    from pg.plotting import layout, marks

    series = request.series()
    titles = [metric.label for metric in METRICS]
    figure, panels = layout.panels(request.figure.width, titles, 2, 0.55 + 0.21 * len(series), sharey="row")
    for axes, metric in zip(panels, METRICS, strict=True):
        dots, means = request.of(metric.name)
        marks.draw_rows(axes, series, means, dots, s=9)
        axes.set_xlim(-0.03, 1.03)
    options, shares = request.experiment, request.of("best_share")[1]
    return figure, (
        f"Share on the best arm: {marks.extremes(series, shares)}. Runs of {options.iterations:,} updates on "
        f"a bandit, counted where one arm's probability is above {options.committed:g} at the end. Dots are "
        f"{request.seeds} seeds of {options.runs:,} runs; bars are means with 95 % intervals."
    )
