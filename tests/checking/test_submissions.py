"""Files that define no estimator, or a wrong one, are refused with a sentence and the line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pg.checking.check import check
from pg.checking.findings import Findings
from pg.checking.submissions import Fault

HEAD = "def loss(log_probs, rewards, mask):\n"
SUM = "-(log_probs * rewards).sum()"
DECORATOR = "from pg.checking.submissions import advantages\n\n\n"
PART = "from pg.parts.baselines.base import Baseline\n\n\nclass Mine(Baseline):\n    def __call__(self, batch):\n"
RATIO = """\
from pg.parts.corrections.base import ImportanceWeight


class Mine(ImportanceWeight):
    def __call__(self, ratios):
        return ratios.log_ratios.where(ratios.mask, 0).exp() * ratios.mask

"""
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
        "defines loss, other; name one, such as",
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
        "its shape is (24, 3), and should be (24, 3, 3): (S, N, T)",
        "line 5: def __call__",
    ),
    "part_of_nothing": (f"{PART}        pass\n", "it is NoneType, not a tensor", "line 5: def __call__"),
    "part_that_keeps_state": (
        f"{PART}        self.last = batch.totals.mean()\n        return batch.returns\n",
        "Mine sets its attribute last, and no part may keep something itself",
        "line 6: self.last = batch.totals.mean()",
    ),
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


@pytest.mark.filterwarnings('ignore:Field name "expects" in "Mine" shadows:UserWarning')  # pydantic's, of the second
@pytest.mark.parametrize("declared", ["expects = 'surrogate'", "expects: str = 'surrogate'"])
def test_a_part_says_what_it_expects_with_and_without_an_annotation(
    checked: Callable[..., Findings], declared: str
) -> None:
    found = checked(f"{RATIO}    {declared}\n")
    assert found.passes
    assert found.expects == "surrogate"


def test_a_file_of_several_is_not_judged_and_keeps_its_folder_in_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "two.py").write_text(f"{WEIGHTS}\n\n{WEIGHTS.replace('weights', 'others')}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said = " ".join(str(check("my/two.py")).split())
    assert said == (
        "\u2717 my/two.py could not be checked two.py defines weights, others; name one, such as my/two.py:weights"
    )


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_their_line(checked: Callable[..., Findings], name: str) -> None:
    source, sentence, line = BAD[name]
    with pytest.raises(Fault) as caught:
        checked(source)
    assert sentence in caught.value.sentence
    assert line in caught.value.line
    assert not line or caught.value.line.startswith("mine.py, line")
