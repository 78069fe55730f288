"""The parts of the variance on the point mass against quadrature, sampling, and differences."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pg.core.errors import InvalidStudy
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.laboratory.job import MeasurementJob
from pg.parts.variant import Variant
from pg.study.validation import read

STUDIES = Path(__file__).parents[2] / "workflow/studies"
VARIANCE, DISCOUNT = 0.04, 0.9
CONSTANTS = {"time_step": 0.5, "action_cost": 0.3, "noise": 0.02}
"""With these no part is negligible."""


@pytest.fixture
def mass(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(STUDIES)
    import point_mass  # pyright: ignore[reportMissingImports]  # next to the study that uses it

    return point_mass


def means(horizon: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(horizon, 2))


def nodes(count: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of a Gaussian average that is exact for polynomials of degree 2 count - 1 in each variable."""
    points, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    return np.array([*product(points, repeat=dimensions)]), np.array(
        [np.prod(one) for one in product(weights, repeat=dimensions)]
    )


@pytest.mark.parametrize("step", [0, 1])
def test_parts_are_those_of_quadrature(mass: Any, step: int) -> None:
    """At the last step but one, where one noise and one action follow; all integrands are polynomials."""
    system, (now, then) = mass.System(**CONSTANTS), means(step + 2)[-2:]
    centre, covariance = system.start, system.noise * np.eye(4)
    for mean in means(step + 2)[:-2]:
        centre = system.drift @ centre + system.control @ mean
        covariance = system.drift @ covariance @ system.drift.T + system.noise * np.eye(4)
        covariance += VARIANCE * system.control @ system.control.T
    (z, of_state), (y, of_action), (x, of_rest) = nodes(3, 4), nodes(4, 2), nodes(3, 6)
    state = (centre + z @ np.linalg.cholesky(covariance).T)[:, None]
    error = y * VARIANCE**0.5
    ahead = (state @ system.drift.T + (now + error) @ system.control.T)[:, :, None] + system.noise**0.5 * x[:, :4]
    following = system.reward(ahead, then + VARIANCE**0.5 * x[:, 4:])
    gains = system.reward(state, now + error)[..., None] + DISCOUNT * following
    score = error / VARIANCE
    squared, q = (score**2).sum(-1), gains @ of_rest
    value, slope = q @ of_action, np.einsum("sa,a,ad->sd", q, of_action, score)
    exact = mass.parts(system, means(step + 2), VARIANCE, DISCOUNT)[step]
    assert exact.value == pytest.approx(of_state @ value)
    assert exact.gradient == pytest.approx(of_state @ slope)
    assert exact.trajectory == pytest.approx(of_state @ (gains**2 @ of_rest - q**2) @ (of_action * squared))
    centred = (q - value[:, None]) ** 2 @ (of_action * squared) - (slope**2).sum(-1)
    assert exact.action == pytest.approx(of_state @ centred)
    assert exact.action_without == pytest.approx(of_state @ (q**2 @ (of_action * squared) - (slope**2).sum(-1)))
    assert exact.state == pytest.approx(of_state @ ((slope - of_state @ slope) ** 2).sum(-1))


def test_parts_sum_to_the_variance_of_sampled_estimates(mass: Any) -> None:
    """The law of total variance, at a step that many follow, and with the estimator of training."""
    job = MeasurementJob[mass.VariancePartsOptions](
        measured_by="point_mass:measure",
        environment=Environment(id="point_mass:PointMass-v0", kwargs=CONSTANTS | {"noise": 0.5}, horizon=12),
        variants={"one": Variant(discount=DISCOUNT)},
        stage="random",
        seeds=(0, 1),
        options=mass.VariancePartsOptions(steps=(0, 6), action_variance=VARIANCE, trajectories=20_000),
    )
    rows = job.measure({})["rows"]
    # The relative standard error of a variance is (kurtosis / N)^½, here below 0.03.
    assert (rows["sampled_over_exact"] - 1).abs().max() < 0.1
    parts = np.exp(rows[["log_trajectory", "log_action_without"]])
    assert (parts["log_trajectory"] > 0.05 * parts["log_action_without"]).any(), "what follows has a share of the sum"


def test_exact_updates_raise_the_return(mass: Any) -> None:
    system = mass.System(**CONSTANTS)
    before = mass.parts(system, means(5), VARIANCE, 1.0)
    gradient = np.array([one.gradient for one in before])
    for step, component in product(range(5), range(2)):
        shift = np.zeros((5, 2))
        shift[step, component] = 1e-5
        ends = [mass.parts(system, means(5) + way * shift, VARIANCE, 1.0)[0].value for way in (1, -1)]
        assert gradient[step, component] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)
    after = mass.parts(system, means(5) + 0.01 * gradient, VARIANCE, 1.0)
    assert after[0].value > before[0].value


def test_environment_moves_and_pays_as_the_system(mass: Any) -> None:
    """Copies of the environment, averaged, against the exact value of the policy."""
    copies = make_environments(Environment(id="point_mass:PointMass-v0", kwargs=CONSTANTS, horizon=3), 2000)
    copies.reset(np.random.default_rng(0))
    drawing, returns = np.random.default_rng(1), np.zeros(2000)
    for step, mean in enumerate(means(3)):
        actions = mean + drawing.normal(scale=VARIANCE**0.5, size=(2000, 2))
        returns += DISCOUNT**step * copies.step(actions, np.ones(2000, dtype=np.bool_)).rewards
    exact = mass.parts(mass.System(**CONSTANTS), means(3), VARIANCE, DISCOUNT)[0].value
    assert abs(returns.mean() - exact) < 5 * returns.std() / 2000**0.5


@pytest.mark.parametrize(
    ("environment", "variant", "steps", "message"),
    [
        ("id: CartPole-v1", "{}", "[0]", "one has no exact parts; use id: point_mass:PointMass-v0"),
        ("id: point_mass:PointMass-v0", "{}", "[0, 99]", "99 is the end of one; the largest allowed is 98"),
        ("id: point_mass:PointMass-v0", "{baseline: average_reward}", "[0]", "returns: to_go and baseline: none"),
    ],
)
def test_what_has_no_exact_parts_is_refused(
    tmp_path: Path, environment: str, variant: str, steps: str, message: str
) -> None:
    (tmp_path / "point_mass.py").write_text((STUDIES / "point_mass.py").read_text())
    (tmp_path / "study.yaml").write_text(f"""
name: Parts
environments: {{one: {{{environment}}}}}
variants: {{some: {variant}}}
experiments:
  parts:
    kind: point_mass:VarianceParts
    environments: [one]
    variants: [some]
    seeds: {{count: 2}}
    steps: {steps}
    trajectories: 100
""")
    with pytest.raises(InvalidStudy) as caught:
        read(tmp_path / "study.yaml")
    assert message in str(caught.value)
