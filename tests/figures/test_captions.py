"""Captions tell the truth about numbers that are known: the metric, variants, batch, stage, statistic and level."""

from __future__ import annotations

from typing import Any

import pytest
from pg.experiments.figures.lookup import FIGURES
from pg.experiments.figures.request import FigureRequest
from tests.figures.pictures import caption
from tests.figures.studies import LAMBDAS, LIMIT, Value, request
from tests.figures.test_probe_figures import shares

VARIANTS = {"total": 1.0, "average": 2.0, "to_go": 3.0, "held": 4.0}
PLACES = {"chain": 1.0, "cartpole": 10.0}
STAGES = {"middle": 2.0, "late": 3.0}
OTHER = 1e4
"""Factor of numbers that a caption should not quote, of another batch size or moment."""


def known(metric: str, scale: float = 1.0, **others: float) -> Value:
    """Return values of a metric that say where they are from.

    `others` are columns and their values to be quoted; rows with another value have numbers out of range.
    """

    def value(**where: Any) -> float | None:
        if where["metric"] != metric:
            return None
        size = scale * VARIANTS.get(where["variant"], 1.0) * PLACES.get(where["environment"], 1.0)
        size *= STAGES.get(where["stage"], 1.0)
        for column, quoted in others.items():
            size *= OTHER if where[column] != quoted else 1.0
        return size

    return value


def of_lambda(metric: str, **where: Any) -> float | None:
    """The variance grows with λ, and the bias falls."""
    rank = sorted(LAMBDAS).index(where["variant.returns.lambda"])
    return {"total_variance": 1.0 + rank, "relative_bias": 5.0 - rank}.get(metric)


def of_level(variant: str, metric: str, **where: Any) -> float | None:
    steps = 10_000 * VARIANTS[variant] + 100 * where["variant.gradient_steps"]
    return {"steps_to_threshold": steps, "solved": 1.0}.get(metric)


def forgotten(variant: str, steps: int, metric: str, **_: Any) -> float | None:
    """Cosines fall below a half after 4 and 16 steps, and never for the third variant."""
    after = {"total": 4, "average": 16, "to_go": 64}[variant]
    return (0.4 if steps >= after else 0.6) if metric == "cosine" else None


def of_gait(stage: str, environment: str, metric: str, **_: Any) -> float | None:
    """Shares are those of the first environment, and metres of all."""
    place = PLACES[environment]
    return {"fell_forward": STAGES.get(stage, 1.0) / 10 / place, "displacement": STAGES.get(stage, 1.0) * place}.get(
        metric
    )


def of_support(variant: str, left: float, metric: str, environment: str, **_: Any) -> float | None:
    size = VARIANTS[variant] * PLACES[environment] / (left or 1e-6)
    return size if metric == "total_variance" else None


def of_window(**where: Any) -> float | None:
    """Estimates from more batches are nearer to the gradient, and less biased."""
    batches = where["variant.window.batches"]
    return {"cosine": batches / 100, "relative_bias": 1 - batches / 100}.get(where["metric"])


# What each caption must say: the request, and phrases.
TRUTHS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "achieved_share": (
        shares,
        (
            "Greatest reduction of variance in A chain and CartPole-v1: best (in all 4 cases). 1: that of the best con",
            "0: no baseline; below: more variance",
            "Fieller's 95 % interval over 5 policies holds 0",
        ),
    ),
    "against_level": (
        of_level,
        (
            "lowest with total return, gradient steps 1 (10,100), highest with to go, gradient steps 8 (30,800)",
            "5 seeds per row",
            "marks and bars are means with 95 % intervals",
            "Shares have Clopper-Pearson intervals",
        ),
    ),
    "against_rewards": (
        known("total_variance"),
        (
            "Least variance: total return (in all 8 cases); most: to go (in all 8 cases)",
            "Marks are geometric means over 5 policies per panel, with 95 % intervals",
            "against the offset",
        ),
    ),
    "aggregates": (
        None,
        (
            # The places of the variants, 0 and 2 of 3, over ten.
            "Interquartile mean highest with to go (0.567), lowest with total return (0.500)",
            "middle half of runs",
            "a run beats one of total return",
            "95 % intervals of a stratified bootstrap",
            "5 seeds in each of 2 environments",
            "0 for the random policy and 1 at the threshold",
        ),
    ),
    "backward_passes": (
        known("backward_passes"),
        (
            "takes 1.0 (total return, A chain) to 30 (to go, CartPole-v1) backward passes",
            "each of N = 16 trajectories",
            "takes one for the same gradient",
            "Dots are 5 policies (random); bars are means, written at the right, with 95 % intervals",
        ),
    ),
    "batch_size": (
        known("cosine", scale=0.01, batch=16),
        (
            "Cosines to ∇J at N = 16: 0.010 (total return, A chain, initial) to 0.90 (to go, CartPole-v1, late)",
            "‖∇J‖² / tr Cov",
            "95 % intervals over 5 policies per stage",
        ),
    ),
    "bias_and_variance": (
        of_lambda,
        (
            "Least variance: lambda 0 (in all 4 cases); least bias: lambda 1 (in all 4 cases)",
            "Bias ‖E[ĝ] − ∇J‖ / ‖∇J‖ (means) and variance (geometric means) of batches of N = 16 against λ",
            "95 % intervals over 5 policies per stage",
        ),
    ),
    "empty_gradients": (
        known("empty", scale=0.01),
        (
            "whose estimate is 0: 0.010 (total return, A chain, initial",
            "to 0.90 (to go, CartPole-v1, late",
            "all trajectories but at most one have the same return",
            "Means with 95 % intervals over 5 policies per stage",
        ),
    ),
    "gait": (
        of_gait,
        (
            "fall forward: 0.10 (initial), 0.20 (middle), 0.30 (late)",
            "moved forward: 1.0 (A chain, initial) to 30 (CartPole-v1, late)",
            "in 16 episodes per policy",
            "5 seeds; marks: means, 95 % intervals",
        ),
    ),
    "horizons": (
        known("effective_share"),
        (
            "Greatest effective share of N: to go (in all 6 cases); least: total return (in all 6 cases)",
            "a policy in a random direction, at KL divergence 0.01 for every T",
            "25–75 % and 5–95 % of log w",
            "Means (tr Cov: geometric), 95 % intervals over 5 policies",
        ),
    ),
    "ladder": (
        known("total_variance"),
        (
            "Least variance: total return (in all 2 cases); most: to go (in all 2 cases)",
            "all batches of N = 2, the smallest of 2, 3 and 5",
            "means (variances: geometric) over 5 policies",
            "Blue: less, orange: more; uncoloured: the 95 % interval holds no difference",
        ),
    ),
    "learning_curves": (
        None,
        (
            "end highest with to go (262), lowest with total return (260) in A chain",
            "mean return of a batch over 5 seeds, with 95 % t intervals",
        ),
    ),
    "likelihoods": (
        known("rising_above_average", scale=0.001),
        (
            "Of trajectories above average, one update makes 0.0030 (to go, A chain, initial) to 0.12 (held, Car",
            "with the return of 48 new trajectories",
            "5 policies after 12 updates each; bars are means with 95 % intervals",
        ),
    ),
    "performance_profiles": (
        None,
        (
            # The places of the variants over ten, less a third of τ.
            "above τ = 0.80: highest with to go (0.300), lowest with total return (0.233)",
            "score more than τ, with pointwise 95 % intervals",
            "5 seeds in each of 2 environments",
        ),
    ),
    "realised_kl": (
        known("kl_on_batch", scale=LIMIT),
        (
            "over its limit δ: 3.0 (to go, A chain, initial) to 120 (held, CartPole-v1, late) on its batch (hollow)",
            "on 48 new trajectories (filled)",
            "means over 12 updates of 5 policies; bars are means with 95 % intervals",
        ),
    ),
    "sampled_variance": (
        known("variance_ratio"),
        (
            "Measured over predicted variance is 1.0 (total return, A chain",
            "to 30 (to go, CartPole-v1",
            "Measured: in 1,000 sampled batches",
            "one of 5 policies; marks, written at the right, are geometric means with 95 % intervals",
        ),
    ),
    "shrinkage": (
        known("shrinkage", scale=-0.01),
        (
            "the expected estimate keeps 0.70 (to go, CartPole-v1",
            "to 0.99 (total return, A chain",
            "1 is no bias, and 1 − 1/N is kept if each trajectory is in its own baseline",
            "means over 5 policies",
        ),
    ),
    "staleness": (
        forgotten,
        (
            "the cosine to ∇J(θ') is below 0.5: 4 with total return, never with to go (A chain, initial policies)",
            "θ' is 1, 4 and 16 steps from θ, with 4 trajectories",
            "Means, 95 % intervals over 5 policies",
        ),
    ),
    "steps_to_threshold": (
        known("steps_to_threshold", scale=100.0),
        (
            "lowest with total return (100), highest with to go (300) in A chain",
            "lowest with total return (1,000), highest with to go (3,000) in CartPole-v1",
            "Misses count as the budget. Bars: restricted mean of 5 seeds, 95 % interval",
        ),
    ),
    "stick_figures": (
        None,
        ("the episode with the median return of seed 0 (of 2) at the first, middle and last stage", "equal intervals"),
    ),
    "support": (
        of_support,
        (
            "The variance is 10 (total return, A chain, p 0.1) to 3,000 (to go, CartPole-v1, p 0.01)",
            "leaves probability p to one action",
            "tr Cov exact, errors of batches of 16",
            "Geometric means with 95 % intervals over 5 policies",
        ),
    ),
    "trajectories": (
        None,
        ("above 0 its action becomes more likely", "Of 5 policies (initial), seed 0 is shown"),
    ),
    "tuning": (
        None,
        (
            # Each of the three rates is the best of 2 of 6 cells, in 2 selections.
            "Chosen most often: 0.001, 0.01 and 0.1, by 4 of 12 selections each",
            "mean return over the budget of 4 tuning seeds; italic: over its first quarter",
            "worse half of the rates is dropped",
        ),
    ),
    "variance": (
        known("total_variance", batch=16),
        (
            "Least variance in A chain and CartPole-v1: total return (in all 4 cases). Of batches",
            "Of batches of N = 16, over that of total return, which misleads for estimates of another length (total, ",
            "Dots: 5 policies; marks: geometric means, 95 % intervals",
        ),
    ),
    "windows": (
        of_window,
        (
            "Nearest to ∇J(θ'): to-go, no correction, batches 3",
            "after 2 updates; estimates use 8 trajectories of each of its latest policies",
            "Means (tr Cov: geometric), 95 % intervals over ",
        ),
    ),
}


def asked(kind: str, how: Any) -> FigureRequest[Any]:
    return how() if how is shares else request(kind) if how is None else request(kind, how)


@pytest.mark.parametrize("kind", sorted(FIGURES))
def test_captions_tell_what_is_known(kind: str) -> None:
    how, phrases = TRUTHS[kind]
    said = caption(asked(kind, how))

    assert [phrase for phrase in phrases if phrase not in said] == [], said
