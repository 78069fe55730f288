"""Files that define no estimator, or a wrong one, are refused with a sentence and the line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pg.checking.findings import Findings
from pg.checking.submissions import Fault

HEAD = "def loss(log_probs, rewards, mask):\n"
SUM = "-(log_probs * rewards).sum()"
DECORATOR = "from pg.checking.submissions import advantages\n\n\n"
PART = "from pg.parts.baselines.base import Baseline\n\n\nclass Mine(Baseline):\n    def __call__(self, batch):\n"
WEIGHTS = "def weights(rewards, mask):\n    return rewards\n"
BAD = {
    "no_such_module": ("import nothere\n", "No module named 'nothere'", "line 1: import nothere"),
    "syntax": ("x = 1\ndef loss(log_probs, rewards, mask:\n    pass\n", "SyntaxError", "line 2"),
    "nothing": ("x = 3\n", "defines no part, estimator or advantages", ""),
    "names": (
        "def loss(log_prob, reward, mask):\n    pass\n",
        "loss is none: an estimator has the parameters log_probs, rewards and mask",
        "",
    ),
    "other_name": (
        "def loss(logp, rewards, mask):\n    pass\n",
        "no parameter 'logp'; did you mean 'log_probs'?",
        "line 1: def",
    ),
    "no_mask": ("def loss(log_probs, rewards):\n    pass\n", 'decorator\'s trajectories="list"', "line 1: def"),
    "illegal": (
        f"{DECORATOR}@advantages(equals={{'returns': {{'name': 'gae', 'lambda': 0.9}}}})\n{WEIGHTS}",
        "needs baseline: value_network or exact",
        "",
    ),
    "two": (
        f"{HEAD}    pass\n\n\ndef other(log_probs, rewards, mask):\n    pass\n",
        "defines loss, other; name one",
        "",
    ),
    "parameter": (
        "def loss(log_probs, rewards, msk):\n    pass\n",
        "no parameter 'msk'; did you mean 'mask'?",
        "line 1: def",
    ),
    "lacks": ("def loss(log_probs, mask):\n    pass\n", "lacks the parameter 'rewards'", "line 1: def"),
    "shape": (
        f"{HEAD}    return log_probs @ rewards[:0]\n",
        "RuntimeError: mat1 and mat2",
        "line 2: return log_probs @",
    ),
    "vector": (f"{HEAD}    return log_probs.sum(-1)\n", "not a scalar", "line 1: def loss"),
    "no_tensor": (f"{HEAD}    return 1.0\n", "returns float, not a scalar tensor", "line 1: def loss"),
    "detached": (f"{HEAD}    return log_probs.detach().sum()\n", "they were detached", "line 1: def loss"),
    "in_place": (f"{HEAD}    rewards -= 1\n    return {SUM}\n", "changes its argument rewards", "def loss"),
    "values": (
        "def loss(log_probs, rewards, mask, values):\n    return -(log_probs * (rewards - values) * mask).sum()\n",
        "a gradient flows through the values in loss; detach them",
        "line 1: def loss",
    ),
    "layout": (
        f"{DECORATOR}@advantages(trajectories='lists')\n{WEIGHTS}",
        "trajectories='lists' is unknown; did you mean 'list'?; allowed: padded, list",
        "line 5: def weights",
    ),
    "part_of_another_shape": (
        f"{PART}        return batch.totals\n",
        "what Mine returns cannot be used",
        "line 5: def __call__",
    ),
    "part_of_nothing": (f"{PART}        pass\n", "what Mine returns cannot be used", "line 5: def __call__"),
    "backward": (
        f"{HEAD}    loss = -(log_probs * rewards).exp().sum()\n    loss.backward()\n    return loss\n",
        "what loss returns cannot be differentiated, as after a call of backward(): Trying to backward through",
        "line 1: def loss",
    ),
    "gamma": (
        "def loss(log_probs, rewards, mask, gamma):\n    pass\n",
        "no parameter 'gamma'; did you mean 'discount'?",
        "line 1: def loss",
    ),
    "complex": (
        "def weights(rewards, mask):\n    return rewards * 1j\n",
        "weights returns complex numbers",
        "line 1: def weights",
    ),
    "without_return": ("def weights(rewards, mask):\n    pass\n", "weights returns nothing", "line 1: def weights"),
    "advantages": ("def weights(rewards, mask):\n    return rewards.sum()\n", "returns shape (), not (", "line 1: def"),
    "words": ("def weights(rewards, mask):\n    return 'all'\n", "no array of numbers", "line 1: def"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_their_line(checked: Callable[..., Findings], name: str) -> None:
    source, sentence, line = BAD[name]
    with pytest.raises(Fault) as caught:
        checked(source)
    assert sentence in caught.value.sentence
    assert line in caught.value.line
    assert not line or caught.value.line.startswith("mine.py, line")
