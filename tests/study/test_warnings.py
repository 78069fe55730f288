"""What is legal but hardly meant is warned of, at its key."""

from itertools import product
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec, registry
from gymnasium.spaces import Box, Dict, Discrete
from pg.environments.catalogue import earned_mdp_of
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.record import Environment
from pg.study.validation import load
from pg.study.warnings import greatest_return, warnings_of
from scipy import stats
from tests.study.studies import FILES, put, study_of


def warned(options: dict[str, Any], **changes: Any) -> list[str]:
    put(options, "experiments/learn/budget", {"steps": 100_000})
    for path, value in changes.items():
        put(options, path.replace("__", "/"), value)
    return list(warnings_of(load(options)))


SMOKE = "workflow/studies/smoke.yaml"


@pytest.mark.parametrize("file", [file for file in FILES if file != SMOKE])
def test_studies_of_the_repository_have_nothing_to_warn_of(file: str) -> None:
    assert list(warnings_of(study_of(file))) == []


def test_claims_on_two_selections_or_seeds_are_warned_of(options: dict[str, Any]) -> None:
    # The smoke study runs every rule; its claims are not meant to be decided.
    (found,) = warnings_of(study_of(SMOKE))
    wide = "give intervals about 7 times as wide as 5 do"
    assert found == (
        f"experiments.learning.tuning.selections: 2 selections {wide}; causality_reduces_variance can hardly be decided"
    )
    assert t_over_root(2) / t_over_root(5) == pytest.approx(7, abs=0.5)

    seeds = "experiments__gradients__seeds__count"
    assert warned(options, **{seeds: 3}) == []
    assert warned(options, **{seeds: 2}) == [
        f"experiments.gradients.seeds.count: 2 seeds {wide}; causality can hardly be decided"
    ]
    assert warned(options, **{seeds: 1}) == [
        "experiments.gradients.seeds.count: 1 seed has no interval; causality can hardly be decided"
    ]
    exact = {"relation": "exact", "margin": 1.0}
    options["claims"]["causality"]["parts"]["probed"] |= exact
    assert warned(options, **{seeds: 1}) == []


def t_over_root(n: int) -> float:
    return float(stats.t.ppf(0.975, n - 1)) / n**0.5


def test_a_budget_below_a_batch_is_warned_of(options: dict[str, Any]) -> None:
    # 16 trajectories, of which 200 steps count.
    assert warned(options, experiments__learn__budget={"steps": 3200}) == []
    (found,) = warned(options, experiments__learn__budget={"steps": 3199})

    assert found.startswith(
        "experiments.learn.budget.steps: 3,199 are less than a batch of total in cartpole, which has"
    )
    assert warned(options, experiments__learn__budget={"steps": 1}) == []


def test_a_grid_of_one_rate_is_warned_of(options: dict[str, Any]) -> None:
    (found,) = warned(options, experiments__learn__tuning={"grid": [0.01], "seeds": 2})

    assert found.startswith("experiments.learn.tuning.grid: has one rate")
    assert found.endswith("optimizer.learning_rate: 0.01")


def test_a_threshold_above_every_return_is_warned_of(options: dict[str, Any]) -> None:
    assert warned(options, environments__cartpole__threshold=500) == []
    assert warned(options, environments__cartpole__threshold=501) == [
        "environments.cartpole.threshold: no run can reach 501: the greatest possible return in cartpole is 500"
    ]
    evaluate = {"horizon": 50, "threshold": 60}
    (found,) = warned(options, environments__cartpole__threshold=500, experiments__learn__evaluate=evaluate)
    assert found.startswith("experiments.learn.evaluate.threshold: no run can reach 60")


class Pixels(gymnasium.Env[Any, Any]):
    observation_space = Dict({"camera": Box(0, 255, (8, 8, 3), np.uint8), "speed": Box(-1.0, 1.0, (2,))})
    action_space = Discrete(2)

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), float(action), True, False, {}


def test_images_for_a_plain_network_are_warned_of(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry, "Pixels-v0", EnvSpec("Pixels-v0", lambda **_: Pixels(), max_episode_steps=5))
    put(options, "environments/pixels", {"id": "Pixels-v0"})
    (found,) = warned(options)

    assert found.startswith("environments.pixels.id: observations of Pixels-v0 are images of 8 x 8 x 3;")


@pytest.mark.parametrize(("id", "horizon"), [*product(["pg/Chain-v0", "pg/Random-v0", "pg/JacketFolding-v0"], [2, 4])])
def test_thegreatest_return_of_tables_is_that_of_enumeration(id: str, horizon: int) -> None:
    environment = Environment(id=id, horizon=horizon)
    mdp = earned_mdp_of(environment)
    assert mdp is not None

    enumerated = enumerate_trajectories(mdp, 100_000).trajectories.rewards.sum(-1).max()

    assert greatest_return(environment) == pytest.approx(float(enumerated), rel=1e-12)


def test_a_discount_of_rewards_that_are_not_normalised_is_warned_of(options: dict[str, Any]) -> None:
    (found,) = warned(options, environments__cartpole__rewards={"normalise_discount": 0.9})
    assert found == "environments.cartpole.rewards.normalise_discount: has no effect without normalise: true"
    del options["experiments"]["gradients"], options["claims"], options["figures"]
    assert warned(options, environments__cartpole__rewards={"normalise": True, "normalise_discount": 0.9}) == []


def test_variants_that_a_probe_cannot_tell_apart_are_warned_of(options: dict[str, Any]) -> None:
    reuse = {"gradient_steps": 4, "minibatches": 2, "importance": {"name": "per_step", "clip": 0.2}}
    options["variants"]["ppo"] = {"extends": "baseline", **reuse, "kl": {"limit": 0.1, "hold_by": "early_stop"}}
    options["variants"]["scaled"] = {"extends": "ppo", "normalise_advantages": "minibatch"}
    corrected = {"name": "per_step", "future_correction": True}
    options["variants"]["future"] = {"extends": "baseline", "importance": corrected}
    measured = ["total", "baseline", "scaled", "future"]
    assert warned(options, experiments__gradients__variants=measured) == []

    (said,) = warned(
        options, experiments__gradients__variants=[*measured, "ppo"], experiments__exact__variants=["to_go"]
    )
    assert said == (
        "experiments.gradients.variants: baseline and ppo have the same numbers, because only the first gradient of an "
        "update is measured, at the policy of its batch; leave ppo out, or compare them by staleness, update or train"
    )
    del options["experiments"]["gradients"], options["claims"], options["figures"]
    sweep = {"variant.batch": [2], "variant.entropy_bonus": [0, 0.1]}
    (found,) = warned(options, experiments__exact__sweep=sweep)
    assert found.startswith("experiments.exact.variants: to_go@batch=2,entropy_bonus=0 and to_go@batch=2,entropy_bonus")


def test_equal_labels_that_are_shown_together_are_warned_of(options: dict[str, Any]) -> None:
    options["variants"]["to_go"]["label"] = options["variants"]["baseline"]["label"] = "same"
    options["environments"]["cartpole"]["label"] = "Pole"
    options["environments"]["twin"] = {"id": "CartPole-v1", "threshold": 475, "label": "Pole"}
    del options["experiments"]["exact"]
    assert warned(options) == []

    alike = "variants.baseline.label: 'same' is the label of to_go and baseline, and"
    differ = "together; give them labels that differ"
    learn, far = options["experiments"]["learn"], {"environments": ["twin"], "variants": ["baseline"]}
    options["experiments"]["far"] = {**learn, **far}
    # Figures of tuning show all tuned experiments.
    assert warned(options) == [
        f"{alike} figures.tuning shows them {differ}",
        f"environments.twin.label: 'Pole' is the label of cartpole and twin, and figures.tuning shows them {differ}",
    ]
    far["environments"] = ["cartpole"]
    options["experiments"]["far"] = {**learn, **far}
    compared = {
        "kind": "learning_curves",
        "experiment": "learn",
        "compared": [{"experiment": "far", "variant": "baseline"}],
    }
    options["figures"]["curves"] = compared
    assert warned(options) == [f"{alike} figures.curves shows them {differ}"]
    options["figures"]["curves"]["variants"] = ["total"]
    assert warned(options) == [f"{alike} figures.tuning shows them {differ}"]
    assert warned(options, experiments__gradients__variants=["total", "to_go", "baseline"]) == [
        f"{alike} experiments.gradients shows them {differ}"
    ]


def test_a_section_that_is_not_declared_is_warned_of(options: dict[str, Any]) -> None:
    options["claims"]["causality"]["section"] = "Using causality"
    options["figures"]["variance"]["section"] = "Baselines (jacket)"
    assert warned(options) == []
    assert warned(options, report__sections={"Using causality": None, "baselines": None}) == []
    said = "is not in report.sections, and comes after those"
    assert warned(options, report__sections={"Using casuality": None, "Setup": None}) == [
        f"figures.variance.section: 'Baselines (jacket)' {said}",
        f"claims.causality.section: 'Using causality' {said}; did you mean 'Using casuality'?",
    ]
    assert warned(options, report__sections={"Using causality": None, "Baseline": None}) == [
        f"figures.variance.section: 'Baselines (jacket)' {said}; did you mean 'Baseline'?"
    ]
