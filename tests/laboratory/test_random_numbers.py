"""Every sample of a measurement has random numbers of its own, for each seed and stage."""

from collections import Counter
from typing import Any

import pytest
from pg.core import randomness
from pg.environments.record import Environment
from pg.experiments.exact.record import ExactExperiment
from pg.experiments.gait.record import GaitExperiment
from pg.experiments.horizon.record import HorizonExperiment
from pg.experiments.identity.record import IdentityExperiment
from pg.experiments.kind import Measurement
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.registry import KINDS
from pg.experiments.staleness.record import StalenessExperiment
from pg.experiments.support.record import SupportExperiment
from pg.experiments.update.record import UpdateExperiment
from pg.experiments.window.record import WindowExperiment
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import job_of, rows_of

Purpose = tuple[int, tuple[str, ...]]
CARTPOLE = Environment(id="CartPole-v1", horizon=5)
CHAIN = Environment(id="pg/Chain-v0", kwargs={"length": 2}, horizon=3)
HUMANOID = Environment(id="Humanoid-v5", horizon=3)
NETWORK = PolicyOptions(hidden=(2,))
LEARNER = Variant(policy=NETWORK, batch=4, optimizer=Sgd(learning_rate=0.1))
CRITIC = LEARNER.model_copy(update={"baseline": Variant(baseline="value_network").baseline})
SAMPLE = {"trajectories": 32, "batches": [4], "reference": 32, "reference_limit": 64, "critic_trajectories": 16}
FROZEN: dict[type[Measurement], tuple[Environment, Variant, dict[str, Any]]] = {
    ProbeExperiment: (CARTPOLE, CRITIC, {"sample": SAMPLE}),
    ExactExperiment: (CHAIN, LEARNER.model_copy(update={"batch": 2}), {"sampled_batches": 4}),
    GaitExperiment: (HUMANOID, LEARNER, {"episodes": 2}),
    HorizonExperiment: (CARTPOLE, LEARNER, {"horizons": [2, 4], "kl": 1e-4, "trajectories": 8}),
    StalenessExperiment: (CARTPOLE, CRITIC, {"walk": {"variant": "walker", "steps": [0, 1]}, "sample": SAMPLE}),
    UpdateExperiment: (CARTPOLE, CRITIC.model_copy(update={"minibatches": 2}), {"updates": 2, "fresh": 2}),
    WindowExperiment: (CARTPOLE, LEARNER, {"path": {"variant": "walker", "iterations": 2}, "sample": SAMPLE}),
}
AT_RANDOM: dict[type[Measurement], tuple[Environment, Variant, dict[str, Any]]] = {
    IdentityExperiment: (CARTPOLE, CRITIC, {}),
    SupportExperiment: (CHAIN, LEARNER, {"left": [0.5, 0.1], "repetitions": 2}),
}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Counter[Purpose]:
    """Count the seeds and purposes of the generators that are made."""
    found, sequence = Counter[Purpose](), randomness._sequence

    def spy(seed: int, purpose: tuple[str, ...]) -> Any:
        if purpose != ("overwritten",):
            found[seed, purpose] += 1
        return sequence(seed, purpose)

    monkeypatch.setattr(randomness, "_sequence", spy)
    return found


def measure(kind: type[Measurement], stage: str = "late") -> None:
    environment, variant, options = (FROZEN | AT_RANDOM)[kind]
    policy = NETWORK if kind in FROZEN else None
    others: dict[str, Variant] = {"walk.variant": LEARNER, "path.variant": LEARNER}
    rows_of(job_of(kind, environment, {"one": variant}, 0, 1, stage=stage, policy=policy, others=others, **options))


def test_every_kind_that_measures_is_listed() -> None:
    kinds = {kind for kind in KINDS.values() if issubclass(kind, Measurement)}
    assert {*FROZEN, *AT_RANDOM} == kinds


@pytest.mark.parametrize("kind", [*FROZEN, *AT_RANDOM], ids=lambda kind: kind.folder)
def test_no_random_numbers_are_used_twice(kind: type[Measurement], drawn: Counter[Purpose]) -> None:
    measure(kind)
    once = {(seed, purpose): count for (seed, purpose), count in drawn.items() if purpose != ("exact", "policy")}
    assert once
    assert set(once.values()) == {1}, once
    assert {seed for seed, _ in once} == {0, 1}


@pytest.mark.parametrize("kind", FROZEN, ids=lambda kind: kind.folder)
def test_every_stage_has_random_numbers_of_its_own(kind: type[Measurement], drawn: Counter[Purpose]) -> None:
    measure(kind, "middle")
    before = {*drawn} - {(seed, ("exact", "policy")) for seed in (0, 1)}
    drawn.clear()
    measure(kind, "late")
    assert not before & {*drawn}
