r"""Learning to fold a jacket, the lecture's example in "What does the gradient do? (baseline edition)", as a table.

The reward is paid by the fold and by nothing else: 1 for a neat one, 0.5 for one with wrinkles, 0 for a bundle. The
lecture's four trajectories are, in four steps: wait to the end; fold the sleeves and wait; flatten and wait; flatten,
fold the sleeves, fold. Only the last one earns anything. A policy that chooses at random earns something in 16 % of its
trajectories, so that of a batch of four usually one does, or none.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from pg.environments.mdp import MDP, Outcome, mdp_from_outcomes, with_potential


class Jacket(IntEnum):
    """What has been done to the jacket so far: the states."""

    UNTOUCHED = 0
    SLEEVES_FOLDED = 1
    FLATTENED = 2
    PREPARED = 3


class Action(IntEnum):
    """What can be done to the jacket."""

    WAIT = 0
    FOLD_SLEEVES = 1
    FLATTEN = 2
    FOLD = 3


_NEAT, _WRINKLED, _NOT_FOLDED = 1.0, 0.5, 0.0

_WITH_SLEEVES_FOLDED = {Jacket.UNTOUCHED: Jacket.SLEEVES_FOLDED, Jacket.FLATTENED: Jacket.PREPARED}
_FLAT = {Jacket.UNTOUCHED: Jacket.FLATTENED, Jacket.SLEEVES_FOLDED: Jacket.PREPARED}

# What a fold earns if it comes out well, and if not.
_FOLDED = {
    Jacket.UNTOUCHED: (_NOT_FOLDED, _NOT_FOLDED),
    Jacket.SLEEVES_FOLDED: (_NOT_FOLDED, _NOT_FOLDED),
    Jacket.FLATTENED: (_WRINKLED, _NOT_FOLDED),
    Jacket.PREPARED: (_NEAT, _WRINKLED),
}


def jacket_folding(horizon: int, shaped: bool = False, skill: float = 0.8) -> MDP:
    r"""Make the task: prepare a jacket and fold it before the horizon.

    Folding the sleeves always succeeds. Flattening succeeds with probability `skill`, and else leaves the jacket as it
    was. A fold ends the trajectory and comes out well with probability `skill`: then a prepared jacket, flat and with
    its sleeves folded, is neat, and else wrinkled; a flat one is wrinkled, and else a bundle; one that is not flat is a
    bundle anyway. An action that finds its work done changes nothing.

    Parameters
    ----------
    horizon
        T. A jacket that is not folded by then earns nothing.
    shaped
        Pay for progress on the way: rewards become $r + \Phi(s') - \Phi(s)$, where $\Phi(s)$ is what folding at once
        would earn on average, and 0 once the trajectory has ended, by a fold or at the horizon (`with_potential`).
    skill
        Probability that flattening, or a fold, comes out well.

    Notes
    -----
    An untouched jacket has potential 0. So shaping leaves every trajectory its return, every policy its $J$ and
    $\nabla J$, and optimal what was optimal. What changes is when a return is paid: rewards-to-go become
    $G_t - \Phi(s_t)$. The last step pays otherwise than the same step before it; a policy sees the jacket alone.
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
