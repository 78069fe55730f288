"""The jacket task of the lecture: its four trajectories, and the effects of shaping."""

import numpy as np
import pytest
import torch
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.exact import objective
from pg.environments.jacket_folding import Action, Jacket, jacket_folding
from pg.environments.mdp import MDP
from pg.environments.registry import OWN

WAIT, SLEEVES, FLATTEN, FOLD = Action
EXAMPLES = {
    "doesn't touch the jacket": ([WAIT, WAIT, WAIT, WAIT], 0.0),
    "folds only the sleeves": ([SLEEVES, WAIT, WAIT, WAIT], 0.0),
    "flattens the jacket but does not fold it": ([FLATTEN, WAIT, WAIT, WAIT], 0.0),
    # Flattening succeeds with 4/5; then the fold is neat with 4/5 and wrinkled with 1/5. Otherwise it is a bundle.
    "folds the jacket": ([FLATTEN, SLEEVES, FOLD, WAIT], 4 / 5 * (4 / 5 * 1 + 1 / 5 * 0.5)),
    # As above, but wrinkled at best.
    "folds the jacket with its sleeves out": ([FLATTEN, FOLD, WAIT, WAIT], 4 / 5 * 4 / 5 * 0.5),
    "makes a bundle": ([SLEEVES, FOLD, WAIT, WAIT], 0.0),
}


def doing(actions: list[Action], mdp: MDP) -> torch.Tensor:
    """Return the policy that takes the given actions in order, in every state, (T, S_, A)."""
    return torch.eye(mdp.actions, dtype=torch.float64)[actions].unsqueeze(1).expand(-1, mdp.states, -1)


def uniform(mdp: MDP) -> torch.Tensor:
    return torch.full((1, mdp.states, mdp.actions), 1 / mdp.actions, dtype=torch.float64)


def optimal_action_values(mdp: MDP) -> np.ndarray:
    """Q*, by backward induction: (T, S_, A)."""
    after, found = np.zeros(mdp.states), []
    for step in reversed(range(mdp.horizon)):
        found.append(mdp.expected_rewards_at(step) + mdp.transitions @ after)
        after = found[-1].max(-1)
    return np.stack(found[::-1])


def best_actions(mdp: MDP) -> np.ndarray:
    """Return which actions are optimal at each step in each state: (T, S_, A)."""
    values = optimal_action_values(mdp)
    return values >= values.max(-1, keepdims=True) - 1e-12


@pytest.mark.parametrize(("actions", "expected"), EXAMPLES.values(), ids=EXAMPLES.keys())
@pytest.mark.parametrize("shaped", [False, True])
def test_trajectories_of_the_lecture_by_hand(actions: list[Action], expected: float, shaped: bool) -> None:
    mdp = jacket_folding(4, shaped=shaped)
    assert objective(mdp, doing(actions, mdp)).item() == pytest.approx(expected, abs=1e-14)


def test_only_a_fold_pays_and_ends_the_trajectory() -> None:
    mdp = jacket_folding(4)
    folds = np.arange(mdp.actions) == FOLD
    assert (mdp.rewards[:, ~folds] == 0).all()
    assert (mdp.terminates == folds[:, None])[mdp.probabilities > 0].all()
    np.testing.assert_allclose(mdp.expected_rewards_at(0)[:, FOLD], [0, 0, 4 / 5 * 0.5, 4 / 5 * 1 + 1 / 5 * 0.5])
    assert set(enumerate_trajectories(mdp, 1_000).trajectories.returns.flatten().tolist()) == {0.0, 0.5, 1.0}


def test_preparations_in_either_order_and_never_undone() -> None:
    mdp = jacket_folding(4, skill=1)
    after = mdp.next_states[..., 0]
    for path in ([FLATTEN, SLEEVES], [SLEEVES, FLATTEN], [FLATTEN, FLATTEN, SLEEVES, SLEEVES, WAIT]):
        jacket = int(Jacket.UNTOUCHED)
        for action in path:
            jacket = int(after[jacket, action])
        assert jacket == Jacket.PREPARED


@pytest.mark.parametrize("horizon", [1, 3, 4, 5])
@pytest.mark.parametrize("skill", [0.8, 1.0])
def test_uniform_policy_in_closed_form(horizon: int, skill: float) -> None:
    """It folds after k other actions with (3/4)^k / 4, each of them one of three: waiting, sleeves, flattening.

    The jacket is not flat then with (1 - skill/3)^k, its sleeves are out with (2/3)^k, and both with
    (2/3 - skill/3)^k.
    """
    mdp, k = jacket_folding(horizon, skill=skill), np.arange(horizon)
    not_flat, sleeves_out, neither = (1 - skill / 3) ** k, (2 / 3) ** k, (2 / 3 - skill / 3) ** k
    folds, flat_only = (3 / 4) ** k / 4, sleeves_out - neither
    prepared = 1 - not_flat - flat_only
    enumeration = enumerate_trajectories(mdp, 2_000)
    probabilities = enumeration.probabilities(uniform(mdp))
    for reward, known in (
        (1.0, folds @ prepared * skill),
        (0.5, folds @ prepared * (1 - skill) + folds @ flat_only * skill),
    ):
        earned = enumeration.trajectories.returns[0] == reward
        assert (probabilities @ earned.double()).item() == pytest.approx(known, abs=1e-14)


def test_uniform_policy_rarely_earns_twice_in_a_batch_of_four() -> None:
    mdp = jacket_folding(OWN["pg/JacketFolding-v0"].horizon)
    enumeration = enumerate_trajectories(mdp, 1_000)
    earning = (enumeration.probabilities(uniform(mdp)) @ (enumeration.trajectories.returns[0] > 0).double()).item()
    none, one = (1 - earning) ** 4, 4 * earning * (1 - earning) ** 3
    assert earning == pytest.approx(0.16, abs=0.005)
    assert none + one > 0.85
    assert one > 0.3


@pytest.mark.parametrize("horizon", [3, 4])
def test_shaping_keeps_every_return_and_pays_it_earlier(horizon: int) -> None:
    plain, shaped = (
        enumerate_trajectories(jacket_folding(horizon, shaped=shaped), 1_000).trajectories for shaped in (False, True)
    )
    assert torch.equal(plain.actions, shaped.actions)
    torch.testing.assert_close(shaped.returns, plain.returns, rtol=1e-14, atol=1e-14)
    rewarded, rewarded_plain = ((found.rewards != 0).sum().item() for found in (shaped, plain))
    assert rewarded > 2 * rewarded_plain


@pytest.mark.parametrize("horizon", [3, 4, 5])
def test_shaping_keeps_the_optimal_actions(horizon: int) -> None:
    plain, shaped = best_actions(jacket_folding(horizon)), best_actions(jacket_folding(horizon, shaped=True))
    assert np.array_equal(shaped, plain)
    assert (plain.sum(-1) == 1).any(), "there is something to preserve: steps with one best action"


def test_best_policy_by_hand() -> None:
    """Flatten first: it is what can fail. With one step less, a failure leaves time for a wrinkled fold alone.

    With sleeves folded first two steps remain to flatten and fold: 4/5 of 0.9. Flattening first earns 0.9 where it
    succeeds at once, and where it fails what the three last steps earn at best.
    """
    three_left = 4 / 5 * 0.9 + 1 / 5 * (4 / 5 * 0.4)
    four_left = 4 / 5 * 0.9 + 1 / 5 * three_left
    values = optimal_action_values(jacket_folding(4))
    assert values[1, Jacket.UNTOUCHED].max() == pytest.approx(three_left, rel=1e-14)
    assert values[0, Jacket.UNTOUCHED].max() == pytest.approx(four_left, rel=1e-14)
    assert best_actions(jacket_folding(4))[:2, Jacket.UNTOUCHED].tolist() == [[False, False, True, False]] * 2
