"""Evaluations measure the current policies when they are due, and do not change training."""

from typing import Any

import gymnasium
import pandas as pd
import pytest
import torch
from pg.core.trajectories import Spaces
from pg.environments.catalogue import mdp_of
from pg.environments.exact import objective
from pg.environments.record import Environment
from pg.learning.columns import EVALUATION_COLUMNS
from pg.learning.evaluation import Evaluator
from pg.learning.job import Budget, Evaluate
from pg.learning.learner import Learner, make_learner
from pg.learning.policies import stacked
from pg.learning.tabular import action_probabilities
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import PolicyOptions, Variant
from tests.learning.runs import Memory, train_job, trained

HORIZONS = {"CartPole-v1": 100, "InvertedPendulum-v5": 40, "Hopper-v5": 20, "pg/Chain-v0": 20}
# Both ways of acting, with each of the two kinds of action.
ACTING = [("CartPole-v1", True), ("pg/Chain-v0", False), ("Hopper-v5", True), ("InvertedPendulum-v5", False)]
CHAIN = Environment(id="pg/Chain-v0", kwargs={"length": 3}, horizon=8)
BUDGET = Budget(steps=1000)


def train(id: str, *seeds: int, evaluate: Evaluate | None, rate: float = 0.02, **variant: Any) -> Memory:
    return trained(train_job(id, *seeds, horizon=HORIZONS[id], evaluate=evaluate, **variant), rate)


def learners(count: int) -> list[Learner]:
    """Return learners with policies far from uniform."""
    variant = Variant(policy=PolicyOptions(hidden=()))
    made = [make_learner(variant, Spaces(3, 2), 10, seed, 0.1, "train") for seed in range(count)]
    for learner in made:
        torch.nn.init.normal_(learner.policy.affine[0].matrix, generator=torch.Generator().manual_seed(learner.seed))
    return made


@pytest.mark.long
@pytest.mark.parametrize(("id", "deterministic"), ACTING)
def test_training_is_the_same_without_evaluations(id: str, deterministic: bool) -> None:
    evaluate = Evaluate(every_steps=100, episodes=2, deterministic=deterministic)
    with_evaluations, without = (train(id, 0, 1, evaluate=options) for options in (evaluate, None))
    assert with_evaluations.frame.to_csv(index=False) == without.frame.to_csv(index=False)
    assert len(with_evaluations.evaluations) > 4, "more than the first and the last of two seeds"
    assert without.evaluations.empty


def test_evaluations_are_bit_identical_in_any_block() -> None:
    evaluate = Evaluate(every_steps=100, episodes=3, deterministic=False)
    together, *parts = (
        train("InvertedPendulum-v5", *seeds, evaluate=evaluate).evaluations for seeds in ((0, 1), (0,), (1,))
    )
    assert together["return_mean"].nunique() > 3
    assert pd.concat(parts).to_csv(index=False) == together.to_csv(index=False)


def test_evaluations_follow_batches_that_pass_a_multiple() -> None:
    recorder = train("CartPole-v1", 0, 1, 2, evaluate=Evaluate(every_steps=150, episodes=3))
    rows, evaluations = recorder.frame, recorder.evaluations
    assert tuple(evaluations.columns) == EVALUATION_COLUMNS
    for seed, run in rows.groupby("seed"):
        due = run["steps"] // 150 > run["steps"].shift(fill_value=0) // 150
        due.iloc[-1] = True
        expected = [(0, 0), *run.loc[due, ["iteration", "steps"]].itertuples(index=False, name=None)]
        own = evaluations[evaluations["seed"] == seed]
        assert own[["iteration", "steps"]].to_numpy().tolist() == [list(one) for one in expected]


@pytest.mark.parametrize(
    ("iterations", "every_steps", "expected"),
    # Each batch has 4 trajectories of 20 steps; the budget of 300 steps has four batches.
    [
        (30, 100, [0, 160, 240, 320]),
        (30, 300, [0, 320]),
        (2, 100, [0, 160]),
        (2, 300, [0, 160]),
        (3, 100, [0, 160, 240]),
        (1, None, [0, 80]),
        (30, None, [0, 80, 160, 240, 320]),
    ],
)
def test_the_end_of_a_run_is_evaluated_once(iterations: int, every_steps: int | None, expected: list[int]) -> None:
    """By the budget's steps or its iterations, and whether the spacing makes the evaluation due or not."""
    options = Evaluate(every_steps=every_steps, episodes=1)
    job = train_job("Pendulum-v1", 0, horizon=20, iterations=iterations, evaluate=options)
    assert trained(job).evaluations["steps"].tolist() == expected


def test_batch_passing_several_multiples_is_evaluated_once() -> None:
    (learner,) = learners(1)
    evaluator = Evaluator(Evaluate(every_steps=10, episodes=1), CHAIN, BUDGET)
    evaluated = []
    for steps in (0, 9, 35, 39, 40, 41, 70):
        learner.steps = steps
        if (row := evaluator.evaluate(learner)) is not None:
            evaluated.append(row["steps"])
    assert evaluated == [0, 35, 40, 70]


@pytest.mark.parametrize(("steps", "spacing"), [(4000, 100), (4001, 101), (39, 1), (1, 1)])
def test_there_are_forty_evaluations_by_default(steps: int, spacing: int) -> None:
    assert Evaluate().spacing(Budget(steps=steps)) == spacing
    assert Evaluate(every_steps=7).spacing(Budget(steps=steps)) == 7


def test_the_row_of_an_evaluation_describes_its_episodes() -> None:
    """A single episode is the least, the mean and the largest one."""
    (learner,) = learners(1)
    learner.iteration, learner.steps = 3, 20
    alone = evaluated(learner, Evaluate(every_steps=10, episodes=1))
    assert tuple(alone) == EVALUATION_COLUMNS
    assert (alone["seed"], alone["iteration"], alone["steps"]) == (0, 3, 20)
    assert alone["return_min"] == alone["return_mean"] == alone["return_max"]
    learner.next_evaluation = 0
    several = evaluated(learner, Evaluate(every_steps=10, episodes=50))
    assert several["return_min"] < several["return_mean"] < several["return_max"]


def evaluated(learner: Learner, options: Evaluate, environment: Environment = CHAIN) -> dict[str, float | int]:
    row = Evaluator(options, environment, BUDGET).evaluate(learner)
    assert row is not None
    return row


def tolerance(row: dict[str, float | int], episodes: int) -> float:
    """Return four standard errors of the mean return, or more: a spread is at most half of the range."""
    return 4 * (row["return_max"] - row["return_min"]) / 2 / episodes**0.5


@pytest.mark.parametrize("deterministic", [True, False])
def test_mean_return_of_episodes_is_the_objective(deterministic: bool) -> None:
    """The mean return of many episodes is J: of the policy itself, or of its most likely actions."""
    mdp, expected_returns = mdp_of(CHAIN), set[float]()
    assert mdp is not None
    options = Evaluate(every_steps=1, episodes=2000, deterministic=deterministic)
    for learner in learners(3):
        table = action_probabilities(stacked(learner.policy), mdp).double()
        chosen = torch.nn.functional.one_hot(table.argmax(-1), mdp.actions).double()
        expected_return = objective(mdp, chosen if deterministic else table).item()
        row = evaluated(learner, options)
        assert abs(row["return_mean"] - expected_return) < tolerance(row, 2000)
        expected_returns.add(expected_return)
        # The objective of the other way of acting is far from it.
        other = objective(mdp, table if deterministic else chosen).item()
        assert abs(row["return_mean"] - other) > tolerance(row, 2000)
    assert len(expected_returns) > 1


@pytest.mark.parametrize("horizon", [5, 12])
def test_episodes_have_the_evaluations_horizon(horizon: int) -> None:
    """Shorter or longer than the trajectories trained on, 8 steps: their mean return is J at that horizon."""
    (learner,), mdp = learners(1), mdp_of(CHAIN.model_copy(update={"horizon": horizon}))
    assert mdp is not None
    row = evaluated(learner, Evaluate(every_steps=1, episodes=2000, horizon=horizon))
    expected_return = objective(mdp, action_probabilities(stacked(learner.policy), mdp).double()).item()
    assert abs(row["return_mean"] - expected_return) < tolerance(row, 2000)


def test_evaluation_may_exceed_the_environments_limit() -> None:
    """Every step of Pendulum-v1 has a cost, and it ends only at its own limit of 200 steps."""
    variant, returns = Variant(policy=PolicyOptions(hidden=())), []
    for horizon in (200, 230):
        learner = make_learner(variant, Spaces(3, None, 1), horizon, 0, 0.1, "train")
        options = Evaluate(every_steps=1, episodes=1, horizon=horizon)
        row = evaluated(learner, options, Environment(id="Pendulum-v1", horizon=20))
        returns.append(row["return_mean"])
    assert returns[1] < returns[0] - 1


@pytest.mark.parametrize("id", ["InvertedPendulum-v5", "pg/Chain-v0"])
def test_training_is_the_same_for_any_evaluation_horizon(id: str) -> None:
    as_trained, other = (
        train(id, 0, 1, evaluate=Evaluate(every_steps=100, episodes=2, horizon=horizon)) for horizon in (None, 3)
    )
    assert other.frame.to_csv(index=False) == as_trained.frame.to_csv(index=False)
    assert other.evaluations["steps"].equals(as_trained.evaluations["steps"])
    assert not other.evaluations["return_mean"].equals(as_trained.evaluations["return_mean"])


def test_evaluations_and_seeds_draw_independently() -> None:
    one, other = learners(2)
    other.policy = one.policy
    drawn = set[float | int]()
    for steps in (0, 1):
        for learner in (one, other):
            learner.steps = steps
            drawn.add(evaluated(learner, Evaluate(every_steps=1, episodes=1000))["return_mean"])
    assert len(drawn) == 4


def test_environments_of_evaluations_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = gymnasium.make

    def counted(id: str, **options: Any) -> Any:
        made.append(id)
        return make(id, **options)

    monkeypatch.setattr(gymnasium, "make", counted)
    copies = []
    for every_steps in (600, 50):
        made.clear()
        recorder = train("InvertedPendulum-v5", 0, 1, evaluate=Evaluate(every_steps=every_steps, episodes=3))
        copies.append((recorder.evaluations["steps"].nunique() > 4, len(made)))
    (seldom, once), (often, again) = copies
    assert often
    assert not seldom
    assert once == again


def test_diverged_policy_is_not_evaluated() -> None:
    lost = {"rate": 1e6, "optimizer": Sgd(), "importance": "per_step", "gradient_steps": 3}
    recorder = train("InvertedPendulum-v5", 0, evaluate=Evaluate(every_steps=1, episodes=2), **lost)
    assert recorder.frame["gradient_norm"].isna().tolist() == [True]
    assert recorder.evaluations["steps"].tolist() == [0]
