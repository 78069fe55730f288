r"""Learning to fold a jacket, the lecture's example in "What does the gradient do? (baseline edition)", as a table.

Only the fold is rewarded: 1 if neat, 0.5 if wrinkled, 0 if not folded. The lecture's four trajectories of four
steps: wait to the end; fold the sleeves and wait; flatten and wait; flatten, fold the sleeves, fold. Only the last one
earns a reward. A uniformly random policy earns a reward in 16 % of its trajectories, so a batch of four usually has at
most one trajectory with a reward.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from pg.environments.mdp import MDP, Outcome, mdp_from_outcomes, with_potential


class Jacket(IntEnum):
    """The states: what has been done to the jacket so far."""

    UNTOUCHED = 0
    SLEEVES_FOLDED = 1
    FLATTENED = 2
    PREPARED = 3


class Action(IntEnum):
    """The actions."""

    WAIT = 0
    FOLD_SLEEVES = 1
    FLATTEN = 2
    FOLD = 3


_WITH_SLEEVES_FOLDED = {Jacket.UNTOUCHED: Jacket.SLEEVES_FOLDED, Jacket.FLATTENED: Jacket.PREPARED}
_FLAT = {Jacket.UNTOUCHED: Jacket.FLATTENED, Jacket.SLEEVES_FOLDED: Jacket.PREPARED}

# Rewards of a fold that succeeds and of one that fails: 1 if neat, 0.5 if wrinkled, 0 if not folded.
_FOLDED = {
    Jacket.UNTOUCHED: (0.0, 0.0),
    Jacket.SLEEVES_FOLDED: (0.0, 0.0),
    Jacket.FLATTENED: (0.5, 0.0),
    Jacket.PREPARED: (1.0, 0.5),
}


def jacket_folding(horizon: int, shaped: bool = False, skill: float = 0.8) -> MDP:
    r"""Return the task: prepare a jacket and fold it before the horizon.

    Folding the sleeves always succeeds. Flattening succeeds with probability `skill` and otherwise changes nothing. A
    fold ends the trajectory and succeeds with probability `skill`. A prepared jacket (flat, sleeves folded) becomes
    neat on success and wrinkled on failure; a flattened one becomes wrinkled on success and stays unfolded on
    failure; any other jacket stays unfolded. Repeating a completed action changes nothing.

    Parameters
    ----------
    horizon
        T, the number of steps. A jacket that is not folded by then earns nothing.
    shaped
        Reward progress: rewards become $r + \Phi(s') - \Phi(s)$, where $\Phi(s)$ is the expected reward of folding at
        once, and 0 after the end of the trajectory (`with_potential`).
    skill
        Probability that flattening, or a fold, succeeds.

    Notes
    -----
    An untouched jacket has potential 0, so shaping changes neither returns nor $J$ nor $\nabla J$. It changes at
    which steps rewards are paid: rewards-to-go become $G_t - \Phi(s_t)$. Rewards of the last step differ from those of
    earlier steps, and the policy does not see the step.
    """
    mdp = mdp_from_outcomes(
        {jacket: {action: _outcomes(jacket, action, skill) for action in Action} for jacket in Jacket},
        start=np.eye(len(Jacket))[Jacket.UNTOUCHED],
        horizon=horizon,
    )
    return with_potential(mdp, mdp.expected_rewards_at(0)[:, Action.FOLD]) if shaped else mdp


def _outcomes(jacket: Jacket, action: Action, skill: float) -> list[Outcome]:
    match action:
        case Action.WAIT:
            return [(1.0, jacket, 0.0, False)]
        case Action.FOLD_SLEEVES:
            return [(1.0, _WITH_SLEEVES_FOLDED.get(jacket, jacket), 0.0, False)]
        case Action.FLATTEN:
            return [(skill, _FLAT.get(jacket, jacket), 0.0, False), (1 - skill, jacket, 0.0, False)]
        case Action.FOLD:
            well, badly = _FOLDED[jacket]
            return [(skill, jacket, well, True), (1 - skill, jacket, badly, True)]
