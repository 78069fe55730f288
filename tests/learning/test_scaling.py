"""Normalisation uses all earlier observations of the same seed, and no others."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.wrappers import NormalizeReward
from pg.core.trajectories import Spaces, Trajectories, valid_steps
from pg.environments.copies import make_environments
from pg.environments.record import Environment, Observations, Rewards
from pg.learning.columns import RUN_COLUMNS
from pg.learning.job import Evaluate
from pg.learning.policies import Policy, repeat, stacked, thaw
from pg.learning.rollout import Generators, actor_of, collect
from pg.learning.scaling import RewardScale, RunningScale
from pg.learning.scores import scores
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import PolicyOptions
from tests.learning.runs import Memory, train_job, trained
from tests.parts.made import trajectories

SPACES, REAL = Spaces(3, 2, is_normalised=True), Spaces(3, None, 2, is_normalised=True)
SEEN = Environment(id="CartPole-v1", horizon=60, observations=Observations(normalise=True))
SGD = Sgd(learning_rate=0.01)


def draw(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 5 + torch.tensor([1.0, 10.0, 0.1]) * torch.randn(count, 3, generator=generator, dtype=torch.float64)


def policy(seed: int = 0, dtype: torch.dtype = torch.float64, spaces: Spaces = SPACES) -> Policy:
    made = Policy(PolicyOptions(hidden=(4,)), spaces, torch.Generator().manual_seed(seed), dtype)
    assert made.scaling is not None
    made.scaling.observe(draw(50, seed))
    return made


def test_running_moments_are_those_of_all_observations() -> None:
    batches = [draw(7, 0), draw(1, 1), draw(30, 2) + 4]
    running = RunningScale(3)
    for batch in batches:
        running.observe(batch)
    together = torch.cat(batches)
    torch.testing.assert_close(running.mean, together.mean(0), rtol=1e-12, atol=0)
    torch.testing.assert_close(running.variance, together.var(0, correction=0), rtol=1e-12, atol=0)
    scaled = running.now(torch.float64)(together)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.ones(3, dtype=torch.float64), rtol=1e-5, atol=0)


def test_moments_of_single_precision_are_in_double_precision() -> None:
    seen = (draw(1000, 0) + 1e4).float()
    running = RunningScale(3)
    running.observe(seen)
    torch.testing.assert_close(running.variance, seen.double().var(0, correction=0), rtol=1e-12, atol=0)


def test_new_scale_is_the_identity() -> None:
    seen = draw(5, 0)
    torch.testing.assert_close(RunningScale(3).now(torch.float64)(seen), seen, rtol=1e-8, atol=0)


def test_constant_component_is_centred() -> None:
    running = RunningScale(1)
    for _ in range(3):
        running.observe(torch.full((9, 1), 0.1))
    assert abs(running.now(torch.float64)(torch.full((1, 1), 0.1)).item()) < 1e-3


def test_normalising_policy_equals_plain_one_on_scaled_input() -> None:
    scaling, plain = policy(), Policy(PolicyOptions(hidden=(4,)), Spaces(3, 2), torch.Generator(), torch.float64)
    plain.load_state_dict({name: held for name, held in scaling.state_dict().items() if "scaling" not in name})
    batch, seen, actions = draw(50, 0), draw(6, 9), torch.tensor([0, 1, 1, 0, 1, 0])
    scaled = (seen - batch.mean(0)) / (batch.var(0, correction=0) + 1e-8).sqrt()
    expected = plain.log_prob(scaled, actions)
    torch.testing.assert_close(scaling.log_prob(seen, actions), expected)
    assert [name for name, _ in scaling.named_parameters()] == [name for name, _ in plain.named_parameters()]
    # Scores are those of the network after the scaling.
    for found, own in zip(scores(scaling, seen, actions).inputs, scores(plain, scaled, actions).inputs, strict=True):
        torch.testing.assert_close(found, own)


def test_copies_of_a_policy_scale_as_the_policy() -> None:
    one, seen, actions = policy(1), draw(12, 5).reshape(2, 6, 3), torch.zeros(2, 6, dtype=torch.int64)
    for index in range(2):
        expected = one.log_prob(seen[index], actions[index])
        torch.testing.assert_close(stacked(one).log_prob(seen[[index]], actions[:1])[0], expected)
        torch.testing.assert_close(repeat(one, 2).log_prob(seen, actions)[index], expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_actor_scales_observations_as_its_policy(dtype: torch.dtype) -> None:
    one, seen = policy(1, dtype, REAL), draw(6, 5).float()
    mean = one.heads(seen.to(dtype)).detach().numpy()
    np.testing.assert_allclose(actor_of(one).act(seen.numpy(), np.zeros((6, 2), np.float32)), mean, rtol=1e-5)


def train(environment: Environment, seed: int) -> Memory:
    options = {"observations": environment.observations, "optimizer": SGD, "gradient_steps": 2}
    job = train_job(environment.id, seed, horizon=60, steps=10_000, iterations=3, **options)
    return trained(job, 0.01)


def test_scale_of_a_batch_comes_from_earlier_batches() -> None:
    memory = train(SEEN, 3)
    frame, copies = memory.frame, make_environments(SEEN, 4)
    assert frame["observation_shift"][0] == 0
    assert frame["observation_scale"][0] == pytest.approx(1, rel=1e-7)
    first = thaw(PolicyOptions(hidden=(8,)), copies.spaces, memory.snapshots[3, "initial"])
    seen, _ = valid_steps(collect(copies, actor_of(first), Generators.of(3, "train")))
    seen = seen.double()
    deviation = (seen.var(0, correction=0) + 1e-8).sqrt()
    assert frame["observation_scale"][1] == pytest.approx(deviation.log().mean().exp().item(), rel=1e-6)
    assert frame["observation_shift"][1] == pytest.approx(seen.mean(0).square().mean().sqrt().item(), rel=1e-6)
    held = memory.snapshots[3, "late"]
    assert held["scaling.count"] == frame["steps"].iloc[-1]


def test_only_normalising_runs_log_a_scale() -> None:
    assert list(train(SEEN, 0).frame.columns) == [*RUN_COLUMNS, "observation_shift", "observation_scale"]
    plain = train(SEEN.model_copy(update={"observations": Observations()}), 0)
    assert list(plain.frame.columns) == list(RUN_COLUMNS)
    assert not any("scaling" in name for name in plain.snapshots[0, "late"])


class Paying(gymnasium.Env[np.ndarray, np.int64]):
    """Pays given rewards, one per step, and never ends."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, rewards: np.ndarray) -> None:
        self.rewards = iter(rewards.tolist())

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        del action
        return np.zeros(1, np.float32), next(self.rewards), False, False, {}


def paying(rewards: np.ndarray, lengths: np.ndarray) -> Trajectories:
    """Return trajectories with these rewards, (N, T), and lengths, (N,)."""
    mask = torch.arange(rewards.shape[1]) < torch.from_numpy(lengths).unsqueeze(-1)
    return trajectories(torch.from_numpy(rewards).unsqueeze(0), mask.unsqueeze(0))


@pytest.mark.parametrize("discount", [0.5, 0.99, 1.0])
def test_scale_of_rewards_is_that_of_gymnasiums_wrapper(discount: float) -> None:
    stream = np.random.default_rng(0).normal(2, 3, 60)
    wrapper = NormalizeReward(Paying(stream), gamma=discount)
    normalised = [float(wrapper.step(np.int64(0))[1]) for _ in stream]
    deviation = RewardScale(discount).include(paying(stream[np.newaxis], np.array([60])))
    # The wrapper begins with 1e-4 observations of mean 0 and variance 1, which the last moments still contain.
    own, count = wrapper.return_rms, len(stream)
    variance = (own.var * own.count - 1e-4 - own.mean**2 * own.count * 1e-4 / count) / count
    assert deviation == pytest.approx(np.sqrt(variance + 1e-8), rel=1e-10)
    assert normalised[-1] == pytest.approx(stream[-1] / deviation, rel=1e-4)


def test_scale_of_rewards_is_that_of_all_valid_steps_so_far() -> None:
    generator, scale, returns = np.random.default_rng(1), RewardScale(0.9), list[float]()
    for longest in (5, 1, 9):
        rewards, lengths = generator.normal(size=(3, longest)), generator.integers(1, longest + 1, 3)
        for row, length in zip(rewards, lengths.tolist(), strict=True):
            total = 0.0
            for reward in row[:length]:
                total = 0.9 * total + reward
                returns.append(total)
        deviation = scale.include(paying(rewards, lengths))
        assert deviation == pytest.approx(np.sqrt(np.var(returns) + 1e-8), rel=1e-12)


def learn(id: str = "CartPole-v1", rate: float = 0.01, **options: Any) -> Memory:
    chosen = {"iterations": 3, "optimizer": SGD, **options}
    return trained(train_job(id, 3, horizon=60, steps=10_000, **chosen), rate)


NORMALISED = Rewards(normalise=True, normalise_discount=0.9)


def test_normalised_rewards_do_not_depend_on_their_scale() -> None:
    one, other = (learn(rewards=NORMALISED.model_copy(update={"scale": scale})).frame for scale in (1.0, 64.0))
    np.testing.assert_allclose(other["reward_scale"], 64 * one["reward_scale"], rtol=1e-6)
    changed = [name for name in one if name != "reward_scale"]
    np.testing.assert_allclose(other[changed], one[changed], rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"baseline": "leave_one_out"},
        {"baseline": "value_network"},
        {"baseline": "optimal", "gradient_steps": 2, "importance": "per_step"},
        {"baseline": "exact", "id": "FrozenLake-v1"},
        {"importance": "trajectory", "window": {"batches": 2}},
    ],
)
def test_first_gradient_is_divided_by_the_deviation(options: dict[str, Any]) -> None:
    plain, scaled = (
        learn(iterations=1, rewards=Rewards(offset=0.5, normalise=normalise), **options).frame
        for normalise in (False, True)
    )
    for column in ("surrogate", "gradient_norm"):
        np.testing.assert_allclose(scaled[column] * scaled["reward_scale"], plain[column], rtol=1e-4)
    np.testing.assert_array_equal(scaled["return_mean"], plain["return_mean"])


def test_every_batch_of_a_window_is_divided_by_the_newest_deviation() -> None:
    """With a rate of nearly 0, all policies are equal."""
    options: dict[str, Any] = {"rate": 1e-12, "importance": "trajectory", "window": {"batches": 3}}
    plain, scaled = (learn(rewards=rewards, **options).frame for rewards in (Rewards(), NORMALISED))
    np.testing.assert_allclose(scaled["surrogate"] * scaled["reward_scale"], plain["surrogate"], rtol=1e-4)
    assert scaled["reward_scale"].nunique() == 3


def test_evaluations_and_snapshots_know_no_scale_of_rewards() -> None:
    options: dict[str, Any] = {"rate": 1e-12, "evaluate": Evaluate(every_steps=1, episodes=2)}
    plain, scaled = (learn(rewards=rewards, **options) for rewards in (Rewards(), NORMALISED))
    assert scaled.evaluations.to_csv() == plain.evaluations.to_csv()
    assert [*scaled.snapshots[3, "late"]] == [*plain.snapshots[3, "late"]]
    assert list(scaled.frame.columns) == [*RUN_COLUMNS, "reward_scale"]
