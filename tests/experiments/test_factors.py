"""The weight of each log-likelihood: of the lecture's estimators by hand, cut into parts."""

import pytest
import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces, Trajectories
from pg.experiments.probe.factors import PARTS, factors
from pg.learning.policies import Policy
from pg.parts.variant import PolicyOptions, Variant

POLICY = Policy(PolicyOptions(hidden=(2,)), Spaces(1, 2), torch_generator(0, "test"))
ESTIMATORS = {
    "total": Variant(returns="total"),
    "to_go": Variant(returns="to_go"),
    "average": Variant(returns="total", baseline="average_reward"),
    "left_out": Variant(returns="total", baseline="leave_one_out"),
}


def batch(*rewards: list[float]) -> Trajectories:
    """Make one batch of trajectories with these rewards."""
    longest = max(map(len, rewards))
    padded = torch.tensor([[*one, *[0.0] * (longest - len(one))] for one in rewards]).unsqueeze(0)
    mask = (torch.arange(longest) < torch.tensor([len(one) for one in rewards]).unsqueeze(-1)).unsqueeze(0)
    ended = torch.ones(mask.shape[:2], dtype=torch.bool)
    return Trajectories(
        observations=torch.zeros(*mask.shape, 1), actions=torch.zeros(mask.shape, dtype=torch.int64), rewards=padded,
        mask=mask, terminated=ended, truncated=~ended,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("estimator", "first", "second"),
    [
        ("total", [3, 3], [-1]),
        ("to_go", [3, 2], [-1]),
        # The average return is 1; the average of the others is that of the only other one.
        ("average", [2, 2], [-2]),
        ("left_out", [4, 4], [-4]),
    ],
)
def test_weights_are_those_of_the_lecture(estimator: str, first: list[float], second: list[float]) -> None:
    rows = factors(POLICY, ESTIMATORS, batch([1.0, 2.0], [-1.0]))
    own = [row for row in rows if row["variant"] == estimator]
    assert [(row["trajectory"], row["step"], row["reward"]) for row in own] == [(1, 1, 1.0), (1, 2, 2.0), (2, 1, -1.0)]
    assert [row["weight"] for row in own] == [*first, *second]


def test_a_long_trajectory_is_cut_into_parts_with_mean_weights_and_sums_of_rewards() -> None:
    rows = factors(POLICY, {"to_go": ESTIMATORS["to_go"]}, batch([1.0] * (2 * PARTS)))
    assert len(rows) == PARTS
    assert [(row["step"], row["end"]) for row in rows] == [(1 + 2 * part, 3 + 2 * part) for part in range(PARTS)]
    assert {row["reward"] for row in rows} == {2.0}
    assert [row["weight"] for row in rows] == [2 * (PARTS - part) - 0.5 for part in range(PARTS)]
