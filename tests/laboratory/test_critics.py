"""Value networks of frozen policies are fitted to separate trajectories, and every kind of measurement uses them."""

from typing import Any

import pandas as pd
import pytest
import torch
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.experiments.identity.record import IdentityExperiment
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.staleness.measure import expected_gradient
from pg.experiments.staleness.options import Walk
from pg.experiments.staleness.record import StalenessExperiment
from pg.experiments.update.record import UpdateExperiment
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, random_policy, sample
from pg.laboratory.job import Sample
from pg.laboratory.reference import truth
from pg.laboratory.reuse import Reuse, corrected_gradients_of_all
from pg.learning.policies import Policy
from pg.parts.baselines.value_network import ValueNetwork
from pg.parts.corrections.per_step import PerStep
from pg.parts.corrections.trajectory import Trajectory
from pg.parts.optimizers.sgd import Sgd
from pg.parts.returns.gae import Gae
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import job_of, rows_of
from tests.laboratory.pairs import MDPS, every
from tests.parts.named import gae

OPTIONS = PolicyOptions(hidden=(4,))
SMALL: dict[str, Any] = {"name": "value_network", "hidden": [8], "fit_steps": 5}
CARTPOLE = Environment(id="CartPole-v1", horizon=30)
RANDOM_MDP = Environment(id="pg/Random-v0", kwargs={"states": 2, "seed": 1}, horizon=3)
SGD = Sgd(learning_rate=0.1)
PLAIN = Variant(policy=OPTIONS, batch=8, optimizer=SGD)
LEARNED = Variant(baseline=SMALL, policy=OPTIONS, batch=8, optimizer=SGD)
GAE = Variant(returns=gae(0.8), baseline=SMALL, policy=OPTIONS, batch=8, optimizer=SGD)
VARIANTS = {"plain": PLAIN, "learned": LEARNED, "gae": GAE}
SAMPLE = Sample(trajectories=64, batches=(8,), reference=64, reference_limit=64, critic_trajectories=64)


def policy(environment: Environment = CARTPOLE, seed: int = 0) -> Policy:
    return random_policy(OPTIONS, make_environments(environment, 1).spaces, seed)


def test_equal_networks_of_equal_returns_are_shared() -> None:
    discounted = GAE.model_copy(update={"discount": 0.9})
    endless = discounted.model_copy(update={"returns": Gae.model_validate(gae(0.8, bootstrap_at_truncation=True))})
    wider = LEARNED.model_copy(update={"baseline": ValueNetwork(hidden=(9,), fit_steps=5)})
    variants = VARIANTS | {"discounted": discounted, "endless": endless, "wider": wider}
    critics = fitted_critics(CARTPOLE, policy(), variants, seed=0, stage="late", trajectories=32)
    assert list(critics) == list(variants)
    assert critics["plain"] is None
    assert critics["learned"] is critics["gae"]
    assert len({id(critic) for critic in critics.values()}) == 5
    assert fitted_critics(CARTPOLE, policy(), {"plain": PLAIN}, seed=0, stage="late") == {"plain": None}


def test_network_depends_on_seed_and_stage_only() -> None:
    def weights(seed: int = 0, stage: str = "late", **others: Variant) -> torch.Tensor:
        critic = fitted_critics(CARTPOLE, policy(), {**others, "learned": LEARNED}, seed, stage, 32)["learned"]
        assert critic is not None
        return critic.network.phi

    assert torch.equal(weights(), weights(other=GAE.model_copy(update={"discount": 0.9})))
    assert not torch.equal(weights(), weights(seed=1))
    assert not torch.equal(weights(), weights(stage="middle"))


def test_a_network_takes_the_steps_of_training_on_each_batch_at_rates_that_fall_to_0() -> None:
    critic = fitted_critics(CARTPOLE, policy(), {"learned": LEARNED}, 0, "late", 64)["learned"]
    assert critic is not None
    (state,) = critic.optimizer.state.values()
    assert state["step"] == LEARNED.baseline.model_dump()["fit_steps"] * 64 // 16
    assert critic.optimizer.param_groups[0]["lr"] == 0


def test_network_explains_new_trajectories() -> None:
    environment = Environment(id="CartPole-v1", horizon=200)
    better = LEARNED.model_copy(update={"baseline": ValueNetwork(hidden=(16,), fit_steps=10)})
    critic = fitted_critics(environment, policy(environment), {"one": better}, 0, "late", 128)["one"]
    assert critic is not None
    copies, generators = make_environments(environment, 256), generators_of(0, "late", "pool")
    other = sample(copies, policy(environment), generators, environment.rewards)
    assert critic.explained_variance(other) > 0.3


def test_probes_report_explained_variance_of_networks_only() -> None:
    def rows_with(variants: dict[str, Variant]) -> pd.DataFrame:
        return rows_of(job_of(ProbeExperiment, CARTPOLE, variants, policy=OPTIONS, sample=SAMPLE))

    rows = rows_with(VARIANTS).set_index("variant")
    explained, variance = rows["explained_variance"], rows["total_variance"]
    assert explained.isna().tolist() == [True, False, False]
    assert explained["learned"] == explained["gae"]
    assert variance.loc[["plain", "learned", "gae"]].is_monotonic_decreasing
    alone, shared = rows_with({"plain": PLAIN}), list(ProbeExperiment.columns())
    pd.testing.assert_frame_equal(alone[shared], rows.loc[["plain"]].reset_index()[shared])


def test_explicit_forms_of_actor_critic_are_its_gradient() -> None:
    rows = rows_of(job_of(IdentityExperiment, CARTPOLE, VARIANTS))
    assert (rows[["explicit_difference", "imitation_difference"]] < 1e-12).all(axis=None)


def test_single_updates_follow_the_network() -> None:
    rows = rows_of(job_of(UpdateExperiment, CARTPOLE, VARIANTS, policy=OPTIONS, updates=2, fresh=16))
    correlations = rows.set_index("variant")["rank_correlation"]
    assert correlations.notna().all()
    assert correlations["learned"] != correlations["plain"]


def test_corrections_use_the_behaviour_policys_network() -> None:
    corrected = {name: one.model_copy(update={"importance": Trajectory()}) for name, one in VARIANTS.items()}
    options = {"walk": Walk(variant="learned", steps=(0, 3)), "sample": SAMPLE}
    others = {"walk.variant": LEARNED}
    job = job_of(StalenessExperiment, RANDOM_MDP, corrected, policy=OPTIONS, others=others, **options)
    rows = rows_of(job).set_index(["variant", "steps"])
    for unbiased in ("plain", "learned"):
        assert rows["relative_bias"].xs(unbiased, level="variant").lt(1e-10).all()
    assert rows["relative_bias"].xs("gae", level="variant").gt(1e-3).all()
    assert (rows["kl"].xs(3, level="steps") > 0).all()


def every_reuse() -> tuple[Policy, Reuse, torch.Tensor]:
    behaviour, target = policy(RANDOM_MDP, 0), policy(RANDOM_MDP, 100)
    return target, *every(MDPS["random"], behaviour, target)


@pytest.mark.parametrize("importance", ["trajectory", "exact_state"])
def test_gae_of_exact_values_keeps_the_return_part_alone(importance: str) -> None:
    """Weighted trajectories stay unbiased with λ = 1; the exact state's ratio expects Q of the old policy for any λ."""
    target, reuse, chances = every_reuse()

    def expected(**parts: object) -> torch.Tensor:
        return expected_gradient(reuse, Variant(**{"importance": importance, "baseline": "exact", **parts}), chances)

    decay = 1 if importance == "trajectory" else 0.4
    found, to_go = expected(returns=gae(decay)), expected()
    torch.testing.assert_close(found, to_go, rtol=1e-10, atol=1e-12)
    if importance == "trajectory":
        torch.testing.assert_close(found, truth(MDPS["random"], target).gradient, rtol=1e-10, atol=1e-12)


def test_chunks_of_batches_share_the_network() -> None:
    critic = fitted_critics(RANDOM_MDP, policy(RANDOM_MDP), {"one": GAE}, 0, "late", 32)["one"]
    _, reuse, chances = every_reuse()
    per_step = GAE.model_copy(update={"importance": PerStep()})
    estimates = corrected_gradients_of_all(reuse.regrouped(1), {"": per_step}, {"": critic})[""]
    torch.testing.assert_close(chances @ estimates, expected_gradient(reuse, per_step, chances, critic))


def test_running_average_has_settled_on_the_mean_reward_to_go() -> None:
    average = Variant(baseline={"name": "running_average", "weight": 0.02})
    environment = Environment(id="CartPole-v1", horizon=200)
    critic = fitted_critics(environment, policy(environment), {"one": average}, 0, "late", 256)["one"]
    assert critic is not None
    copies, generators = make_environments(environment, 1024), generators_of(0, "late", "pool")
    targets = critic.targets(other := sample(copies, policy(environment), generators, environment.rewards))[other.mask]
    assert critic.network.phi.item() == pytest.approx(targets.mean().item(), rel=0.1)
