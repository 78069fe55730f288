"""Runs of a bandit follow the same updates as training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pg.core.errors import InvalidStudy
from pg.environments.record import Environment
from pg.environments.small_mdps import bandit
from pg.laboratory.job import MeasurementJob
from pg.learning.policies import Policy
from pg.learning.updates import update
from pg.parts.variant import PolicyOptions, Variant
from pg.study.validation import read
from tests.parts import made

STUDIES = Path(__file__).parents[2] / "workflow/studies"
REWARDS = (1.0, 0.7, 0.0)
MDP = bandit(1, REWARDS)
PREFERENCES = torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64)
BASELINES: list[Any] = ["none", "exact", {"name": "exact_optimal", "offset": -0.5}, {"name": "constant", "value": 2}]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(STUDIES)
    import bandit_runs  # pyright: ignore[reportMissingImports]  # next to the study that uses it

    return bandit_runs


class EachArm:
    """Draws numbers with which the runs take arm 0, 1, and 2."""

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        middle = PREFERENCES.softmax(-1).cumsum(-1) - PREFERENCES.softmax(-1) / 2
        return middle.numpy().reshape(shape)


def step_of_each_arm(runs: Any, variant: Variant) -> torch.Tensor:
    return runs.step(PREFERENCES.repeat(3, 1), variant, MDP, EachArm())


def variant(optimizer: str, baseline: Any = "none") -> Variant:
    linear = PolicyOptions(hidden=())
    return Variant(batch=1, baseline=baseline, policy=linear, optimizer={"name": optimizer, "learning_rate": 0.1})


@pytest.mark.parametrize("baseline", BASELINES, ids=str)
@pytest.mark.parametrize("optimizer", ["sgd", "natural"])
def test_every_arm_changes_the_policy_as_an_update_of_training_does(runs: Any, baseline: Any, optimizer: str) -> None:
    """Training has the weight of a constant observation as well as a bias, so its plain gradient counts twice."""
    change = step_of_each_arm(runs, variant(optimizer, baseline)) * (2 if optimizer == "sgd" else 1)
    for arm, own in enumerate((PREFERENCES + change).softmax(-1)):
        policy = Policy(PolicyOptions(hidden=()), MDP.spaces, torch.Generator(), torch.float64)
        policy.theta.data = torch.cat([torch.zeros(3, dtype=torch.float64), PREFERENCES])
        taken = made.trajectories(
            torch.tensor([[[REWARDS[arm]]]], dtype=torch.float64),
            observations=torch.ones(1, 1, 1, 1, dtype=torch.float64),
            actions=torch.tensor([[[arm]]]),
            states=torch.tensor([[[0]]]),
        )
        one = variant(optimizer, baseline)
        update(policy, one.optimizer.over([policy.theta], 0.1), one, taken, MDP)
        trained = policy.heads(torch.ones(1, dtype=torch.float64)).softmax(-1).detach()
        torch.testing.assert_close(trained, own, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("baseline", BASELINES, ids=str)
def test_steps_are_the_gradient_on_average(runs: Any, baseline: Any) -> None:
    """Over the arms: π (r - J), and for the natural gradient r - J, up to a constant."""
    policy, rewards = PREFERENCES.softmax(-1), torch.tensor(REWARDS, dtype=torch.float64)
    advantages = rewards - policy @ rewards
    plain = policy @ step_of_each_arm(runs, variant("sgd", baseline))
    torch.testing.assert_close(plain, 0.1 * policy * advantages)
    natural = policy @ step_of_each_arm(runs, variant("natural", baseline))
    torch.testing.assert_close(natural - natural.mean(), 0.1 * (rewards - rewards.mean()))


def test_rows_of_a_seed_do_not_depend_on_the_other_seeds(runs: Any) -> None:
    def rows(seeds: tuple[int, ...]) -> Any:
        job = MeasurementJob[runs.BanditOptions](
            measured_by="bandit_runs:run",
            environment=Environment(id="pg/Bandit-v0", kwargs={"rewards": list(REWARDS)}),
            variants={"one": variant("natural", "exact"), "two": variant("sgd").model_copy(update={"batch": 3})},
            stage="random",
            seeds=seeds,
            options=runs.BanditOptions(preferences=(0, 1, -1), runs=50, iterations=40, committed=0.5),
        )
        return job.measure({})["rows"]

    alone, together = rows((1,)), rows((0, 1))
    assert alone.to_csv() == together[together["seed"] == 1].reset_index(drop=True).to_csv()
    assert alone["best_share"].iloc[0] > 0


def messages(folder: Path, **changed: str) -> str:
    """Return what is wrong with a study of bandit runs in which some keys are changed."""
    lines = {
        "environment": "{id: pg/Bandit-v0, kwargs: {rewards: [1, 0.7, 0]}}",
        "variant": "optimizer: {name: sgd, learning_rate: 0.1}",
        "preferences": "[0, 3, 5]",
    } | changed
    (folder / "study.yaml").write_text(f"""
name: Runs of a bandit
environments: {{one: {lines["environment"]}}}
variants:
  linear: {{policy: {{hidden: []}}, batch: 1, optimizer: {{name: sgd, learning_rate: 0.1}}}}
  some: {{extends: linear, {lines["variant"]}}}
experiments:
  runs:
    kind: bandit_runs:BanditRuns
    environments: [one]
    variants: [some]
    seeds: {{count: 2}}
    preferences: {lines["preferences"]}
    runs: 10
    iterations: 10
""")
    (folder / "bandit_runs.py").write_text((STUDIES / "bandit_runs.py").read_text())
    with pytest.raises(InvalidStudy) as caught:
        read(folder / "study.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("environment", "{id: pg/Chain-v0, horizon: 3}", "one is no bandit with fixed rewards"),
        ("preferences", "[0, 3]", "2 numbers for the 3 arms of one; give one per arm"),
        ("variant", "gradient_steps: 2", "some has gradient_steps"),
        ("variant", "optimizer: {name: adam, learning_rate: 0.1}", "some needs optimizer: sgd or natural"),
        ("variant", "optimizer: {clip_norm: 1}", "without schedule and clip_norm"),
        ("variant", "optimizer: {learning_rate: tuned}", "some needs a number as optimizer.learning_rate"),
        ("variant", "baseline: value_network", "some has baseline: value_network"),
        ("variant", "policy: {hidden: [4]}", "some needs policy: {hidden: []}"),
    ],
)
def test_what_bandit_runs_do_not_have_is_refused(tmp_path: Path, key: str, value: str, message: str) -> None:
    assert message in messages(tmp_path, **{key: value})
