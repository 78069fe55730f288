r"""A point mass under noise with quadratic costs, and the exact parts of the variance of its gradient estimates.

The linear-quadratic-Gaussian system of Tucker et al. 2018, "The mirage of action-dependent baselines in reinforcement
learning", section 3.1: $s_{t+1} = A s_t + B a_t + w_t$ with reward $-(s^\top Q s + a^\top R a)$. Its policies are means
$\mu_t$ of the action at each step, $a_t = \mu_t + \epsilon_t$. Everything is a polynomial in Gaussian variables, so
all moments are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from pg.core.record import Record
from pg.experiments.cells import Cell
from pg.experiments.figures.kind import FigureKind
from pg.experiments.kind import Cost, Declared, Measurement
from pg.experiments.metric import Metric, values
from pydantic import Field, NonNegativeInt, PositiveFloat

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame
    from pg.experiments.figures.request import Drawn, FigureRequest
    from pg.laboratory.job import MeasurementJob

ID = "PointMass-v0"


@dataclass(frozen=True)
class System:
    """The constants: a mass in the plane, moved by a force; the state is its position and its velocity."""

    mass: float = 1.0
    time_step: float = 0.05
    state_cost: float = 1.0
    action_cost: float = 0.01
    noise: float = 1e-5
    """Variance of each component of the first state, and of what each step adds to the state."""

    start: ClassVar[NDArray[np.float64]] = np.array([3.0, 4.0, 0.5, -0.5])

    @property
    def drift(self) -> NDArray[np.float64]:
        """A, (4, 4)."""
        return np.eye(4) + self.time_step * np.eye(4, k=2)

    @property
    def control(self) -> NDArray[np.float64]:
        """B, (4, 2)."""
        return self.time_step / self.mass * np.eye(4, 2, k=-2)

    def reward(self, state: NDArray[np.float64], action: NDArray[np.float64]) -> NDArray[np.float64]:
        r"""Return $-(s^\top Q s + a^\top R a)$ of each row."""
        return -self.state_cost * (state**2).sum(-1) - self.action_cost * (action**2).sum(-1)


class PointMass(gymnasium.Env[Any, Any]):
    """The system as an environment; its keyword arguments are those of `System`."""

    observation_space = Box(-np.inf, np.inf, (4,), np.float64)
    action_space = Box(-np.inf, np.inf, (2,), np.float64)

    def __init__(self, **constants: float) -> None:
        self._system, self._state = System(**constants), System.start

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Draw the first state."""
        super().reset(seed=seed, options=options)
        self._state = System.start + self._noise()
        return self._state, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pay for the state and the action, and move on."""
        system, before = self._system, self._state
        self._state = system.drift @ before + system.control @ action + self._noise()
        return self._state, float(system.reward(before, action)), False, False, {}

    def _noise(self) -> NDArray[np.float64]:
        return self.np_random.normal(scale=self._system.noise**0.5, size=4)


gymnasium.register(ID, entry_point=PointMass, max_episode_steps=100)


class Quadratic(NamedTuple):
    r"""$s^\top M s + 2 m^\top s + c$."""

    matrix: NDArray[np.float64]
    vector: NDArray[np.float64]
    constant: float

    def mean(self, mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
        """Return the expectation under a Gaussian."""
        return (mean @ self.matrix + 2 * self.vector) @ mean + np.vdot(self.matrix, covariance) + self.constant

    def variance(self, mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
        """Return the variance under a Gaussian."""
        slope, spread = self.matrix @ mean + self.vector, self.matrix @ covariance
        return 4 * slope @ covariance @ slope + 2 * np.vdot(spread, spread.T)

    def of(self, matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> Quadratic:
        r"""Return the function of s that this one is at $X s + x$."""
        slope = self.matrix @ shift + self.vector
        return Quadratic(
            matrix.T @ self.matrix @ matrix, matrix.T @ slope, (slope + self.vector) @ shift + self.constant
        )

    def __add__(self, other: Any) -> Quadratic:
        """Add a quadratic function."""
        return Quadratic(*(mine + its for mine, its in zip(self, other, strict=True)))

    def __rmul__(self, factor: float) -> Quadratic:
        """Multiply by a number."""
        return Quadratic(*(factor * mine for mine in self))


@dataclass(frozen=True)
class Parts:
    r"""Parts of the variance of one step's term of the gradient in $\mu_t$.

    The term is $\psi (G_t - b)$ with $\psi = \epsilon / \sigma^2$. $\operatorname{tr Cov} = \Sigma_\tau + \Sigma_a +
    \Sigma_s$, the law of total variance (Tucker et al., equation 4).

    Attributes
    ----------
    trajectory
        $\Sigma_\tau = \mathbb{E}[\lVert \psi \rVert^2 \operatorname{Var}(G_t \mid s_t, a_t)]$: what follows the action.
    action, action_without
        $\Sigma_a = \mathbb{E}[\operatorname{tr Cov}(\psi (Q_t - b) \mid s_t)]$, with $b = V_t(s_t)$ and with $b = 0$.
    state
        $\Sigma_s = \operatorname{tr Cov}(\mathbb{E}[\psi Q_t \mid s_t])$.
    gradient
        $\partial J / \partial \mu_t$, (2,).
    value
        $\mathbb{E}[V_t(s_t)]$.
    """

    trajectory: float
    action: float
    action_without: float
    state: float
    gradient: NDArray[np.float64]
    value: float


def parts(system: System, means: NDArray[np.float64], variance: float, discount: float) -> list[Parts]:
    r"""Return the exact parts at each step, from recursions over the horizon.

    Parameters
    ----------
    means
        $\mu_t$, (T, 2).
    variance
        $\sigma^2$ of each component of an action.
    discount
        γ of the rewards to go from each step.

    Notes
    -----
    $V_t$ and $U_t(s) = \operatorname{Var}(G_t \mid s_t = s)$ are quadratic in the state. Given the state, $Q_t - V_t$
    is $h^\top \epsilon - \epsilon^\top H \epsilon + \sigma^2 \operatorname{tr} H$ with $h = \nabla_{\mu_t} V_t(s)$. In
    d dimensions $\mathbb{E} \lVert z \rVert^2 f(z) = (d + k) \mathbb{E} f(z)$ for standard normal z and f homogeneous
    of degree k, which gives every moment with $\lVert \psi \rVert^2$.
    """
    drift, control, noise = system.drift, system.control, system.noise * np.eye(4)
    size = control.shape[1]
    zero = Quadratic(np.zeros((4, 4)), np.zeros(4), 0.0)
    value, spread = zero, zero  # V and U of the next step
    found: list[Parts] = []
    for mean, (centre, covariance) in zip(reversed(means), reversed(_states(system, means, variance)), strict=True):
        # Functions of x = A s + B a, to which the noise is added.
        ahead = discount * value
        follows = Quadratic(
            4 * ahead.matrix @ noise @ ahead.matrix,
            4 * ahead.matrix @ noise @ ahead.vector,
            ahead.variance(np.zeros(4), noise),
        ) + discount**2 * Quadratic(spread.matrix, spread.vector, spread.mean(np.zeros(4), noise))
        curvature = system.action_cost * np.eye(size) - control.T @ ahead.matrix @ control  # H
        # h = slope s + offset, the gradient of V in the mean.
        slope = 2 * control.T @ ahead.matrix @ drift
        offset = 2 * (control.T @ ahead.vector - curvature @ mean)
        gradient = slope @ centre + offset
        state = np.vdot(slope @ covariance, slope)
        squared = gradient @ gradient + state
        action = (size + 1) * squared + 2 * (size + 4) * variance * np.vdot(curvature, curvature)
        reached = ahead.mean(np.zeros(4), noise) - variance * np.trace(curvature) - system.action_cost * mean @ mean
        value = ahead.of(drift, control @ mean) + Quadratic(
            -system.state_cost * np.eye(4), np.zeros(4), reached - ahead.constant
        )
        expected = value.mean(centre, covariance)
        second = expected**2 + value.variance(centre, covariance)
        along, across = follows.of(drift, control @ mean), np.vdot(control.T @ follows.matrix, control.T)
        found.append(
            Parts(
                trajectory=size / variance * along.mean(centre, covariance) + (size + 2) * across,
                action=action,
                action_without=action + size / variance * second - 4 * np.trace(curvature) * expected,
                state=state,
                gradient=gradient,
                value=expected,
            )
        )
        of_action = Quadratic(slope.T @ slope, slope.T @ offset, offset @ offset)
        constant = 2 * variance**2 * np.vdot(curvature, curvature) + variance * across
        spread = variance * of_action + along + Quadratic(zero.matrix, zero.vector, constant)
    return found[::-1]


def _states(
    system: System, means: NDArray[np.float64], variance: float
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the mean and the covariance of the state at each step."""
    drift, control, noise = system.drift, system.control, system.noise * np.eye(4)
    found = [(System.start, noise)]
    for mean in means[:-1]:
        centre, covariance = found[-1]
        moved = drift @ covariance @ drift.T + variance * control @ control.T + noise
        found.append((drift @ centre + control @ mean, moved))
    return found


class VariancePartsOptions(Record):
    """The options that decide the rows."""

    steps: tuple[NonNegativeInt, ...] = Field(description="The steps of the trajectory whose terms are measured.")
    means_variance: PositiveFloat = Field(default=0.3, description="Variance of the policies' means at random.")
    action_variance: PositiveFloat = Field(default=1e-4, description="Variance of each component of an action.")
    updates: NonNegativeInt = Field(default=0, description="Steps along the exact gradient before measuring.")
    learning_rate: PositiveFloat = Field(default=0.001, description="Size of these steps.")
    trajectories: Annotated[int, Field(ge=2)] = Field(description="Sampled trajectories, to compare with exact parts.")


@dataclass(frozen=True)
class Found:
    """The exact parts of one step's term, and the variance of the estimates of sampled trajectories."""

    parts: Parts
    sampled: float

    @property
    def variance(self) -> float:
        """The exact variance without a baseline."""
        return self.parts.trajectory + self.parts.action_without + self.parts.state


def _logarithm(part: str, label: str, definition: str) -> Metric[Found]:
    return Metric(
        f"log_{part}",
        label,
        f"Natural logarithm of {definition}, exact.",
        of=lambda found: float(np.log(getattr(found.parts, part))),
    )


METRICS: tuple[Metric[Found], ...] = (
    _logarithm("trajectory", "log Σ_τ", "the part of the variance from what follows the action"),
    _logarithm("action_without", "log Σ_a, no baseline", "the part from the action, without a baseline"),
    _logarithm("action", "log Σ_a, value baseline", "the part from the action, minus the state's value"),
    _logarithm("state", "log Σ_s", "the part from the state"),
    Metric(
        "trajectory_over_action",
        "Σ_τ / Σ_a with a value baseline",
        "The part of the variance from what follows the action, divided by the most that a baseline of state and "
        "action could remove beyond the value of the state.",
        of=lambda found: found.parts.trajectory / found.parts.action,
        noun="the part of what follows the action over that of the action",
        scale="ratio",
        statistic="geometric_mean",
        never_negative=True,
    ),
    Metric(
        "sampled_over_exact",
        "sampled over exact variance",
        "Variance of the estimates of sampled trajectories, divided by the exact sum of the parts, without a baseline.",
        of=lambda found: found.sampled / found.variance,
        noun="the sampled over the exact variance",
        scale="ratio",
        statistic="geometric_mean",
        never_negative=True,
    ),
)


class VarianceParts(VariancePartsOptions, Measurement):
    """Splits the variance of the gradient in the mean action of single steps, exactly, on random policies."""

    metrics = METRICS
    figures: ClassVar[Mapping[str, FigureKind]] = {"variance_parts": FigureKind(__name__)}
    options_type = VariancePartsOptions
    measured_by = f"{__name__}:measure"
    folder = "variance_parts"
    axis: ClassVar[str | None] = "step"
    axis_words = "at step {}"

    @property
    def sizes(self) -> Mapping[str, tuple[float, ...]]:
        """The steps."""
        return {"step": self.steps}

    @property
    def extent(self) -> str:
        """What is measured."""
        return f"exact, and {self.trajectories:,} trajectories per policy"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse other environments, steps after which nothing follows, and estimates that are not split."""
        for cell in declared.cells:
            name, variant = cell.environment_name, cell.variant
            if cell.environment.id.rpartition(":")[2] != ID:
                yield f"{declared.at}.environments: {name} has no exact parts; use id: {__name__}:{ID}"
            if (last := declared.catalogue.horizon_of(cell.environment) - 2) < max(self.steps):
                yield f"{declared.at}.steps: {max(self.steps)} is the end of {name}; the largest allowed is {last}"
            if (variant.returns.name, variant.baseline.name, variant.normalise_advantages) != ("to_go", "none", False):
                yield f"{declared.at}.variants: {cell.variant_name} must have returns: to_go and baseline: none"

    def cost(self, cell: Cell) -> Cost:
        """Count the sampled trajectories."""
        return Cost(self.trajectories * cell.longest, self.trajectories)


def measure(job: MeasurementJob[VariancePartsOptions], policies: Mapping[int, Any]) -> DataFrame:
    """Measure each seed's random policy: a row per variant and step."""
    import pandas as pd
    from pg.core.randomness import generator
    from pg.environments.catalogue import horizon_of

    del policies  # Policies are random here.
    system, options, rows = System(**job.environment.kwargs), job.options, []
    for seed in job.seeds:
        drawing = generator(seed, job.stage, "variance_parts")
        drawn = drawing.normal(scale=options.means_variance**0.5, size=(horizon_of(job.environment), 2))
        for name, variant in job.variants.items():
            means = drawn.copy()
            for _ in range(options.updates):
                found = parts(system, means, options.action_variance, variant.discount)
                means += options.learning_rate * np.array([one.gradient for one in found])
            found = parts(system, means, options.action_variance, variant.discount)
            sampled = sampled_variances(job, system, means, name, generator(seed, job.stage, "sampled"))
            rows += [
                {"seed": seed, "variant": name, "batch": variant.batch, "step": step}
                | values(METRICS, Found(found[step], sampled[step]))
                for step in options.steps
            ]
    return pd.DataFrame(rows)


def sampled_variances(
    job: MeasurementJob[VariancePartsOptions],
    system: System,
    means: NDArray[np.float64],
    name: str,
    drawing: np.random.Generator,
) -> list[float]:
    """Return the variance of each step's term over sampled trajectories, with the estimator's weights."""
    import torch
    from pg.core.trajectories import Trajectories
    from pg.parts import estimator
    from pg.parts.batch import Batch

    variance, variant, shape = job.options.action_variance, job.variants[name], (job.options.trajectories, len(means))
    errors = drawing.normal(scale=variance**0.5, size=(*shape, 2))
    noises = drawing.normal(scale=system.noise**0.5, size=(*shape, 4))
    states, actions = np.empty((*shape, 4)), means + errors
    states[:, 0] = system.start + noises[:, 0]
    for step in range(1, shape[1]):
        states[:, step] = (
            states[:, step - 1] @ system.drift.T + actions[:, step - 1] @ system.control.T + noises[:, step]
        )
    every = torch.ones((1, *shape), dtype=torch.bool)
    trajectories = Trajectories(
        observations=torch.from_numpy(states)[None],
        actions=torch.from_numpy(actions)[None],
        rewards=torch.from_numpy(system.reward(states, actions))[None],
        mask=every,
        terminated=~every[..., 0],
        truncated=every[..., 0],
    )
    weights = estimator.weights(variant, trajectories, estimator.fixed(Batch(variant, trajectories)))
    terms = torch.from_numpy(errors) / variance * weights[0].unsqueeze(-1)
    return terms.var(0).sum(-1).tolist()


def draw(request: FigureRequest[VarianceParts]) -> Drawn:
    """Draw the logarithm of each part against the step."""
    from pg.plotting import layout, marks, style
    from pg.plotting.marks import Series
    from pg.plotting.text import number

    labels = {
        "log_trajectory": "what follows the action",
        "log_action_without": "the action, no baseline",
        "log_action": "the action, minus the value",
        "log_state": "the state",
    }
    series = [Series(label, {}, label, look) for label, look in style.categories([*labels.values()]).items()]
    figure, (axes,) = layout.panels(request.figure.width, [""], 1, 2.2)
    rows = request.rows("summary")
    rows = rows[rows["metric"].isin(labels)]
    marks.draw_curves(axes, series, rows.assign(variant=rows["metric"].map(labels)), "step")
    axes.set(xlabel="step t", ylabel="log of the part of tr Cov")
    layout.legend_below(figure, marks.legend_entries(series))
    first = rows[rows["step"] == min(request.experiment.steps)].groupby("metric")["estimate"].mean()
    times = np.exp(first["log_trajectory"] - first["log_action"])
    return figure, (
        f"At the first step, what follows the action gives {number(times)} times the variance of the action minus the "
        "value. Parts of the variance of each step's term of the gradient, by what they come from, exact. Means of "
        f"{request.policies} with 95 % intervals."
    )
