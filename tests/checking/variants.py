"""Correct estimators in text, written in many ways: each seed joins one way of every step.

Every one of them estimates the gradient without a bias, so a check must pass it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import indent

from numpy.random import Generator
from pg.core.randomness import generator as generator_of

Ways = Mapping[str, str]

# Padded tensors -----------------------------------------------------------------------------------------------------

TO_GO: Ways = {
    "flipped": "to_go = earned.flip(-1).cumsum(-1).flip(-1)",
    "exclusive": "to_go = earned.sum(-1, keepdim=True) - (earned.cumsum(-1) - earned)",
    "matrix": "to_go = earned @ torch.ones(steps, steps, dtype=earned.dtype).tril()",
    "einsum": "later = torch.ones(steps, steps, dtype=earned.dtype).triu()\n"
    "to_go = torch.einsum('nu,tu->nt', earned, later)",
    "loop": "to_go, later = torch.zeros_like(earned), 0.0\n"
    "for step in reversed(range(steps)):\n"
    "    later = earned[:, step] + later\n"
    "    to_go[:, step] = later",
    "stacked": "to_go = torch.stack([earned[:, step:].sum(-1) for step in range(steps)], dim=-1)",
}
DISCOUNTED_TO_GO: Ways = {
    "loop": TO_GO["loop"].replace("+ later", "+ discount * later"),
    "matrix": "ahead = torch.arange(steps)[:, None] - torch.arange(steps)\n"
    "to_go = earned @ (discount ** ahead.clamp(min=0).to(earned.dtype)).tril()",
    "divided": "powers = discount ** torch.arange(steps, dtype=earned.dtype)\n"
    "to_go = (earned * powers).flip(-1).cumsum(-1).flip(-1) / powers",
    "from_the_start": "powers = discount ** torch.arange(steps, dtype=earned.dtype)\n"
    "to_go = (earned * powers).flip(-1).cumsum(-1).flip(-1)",
}
BASELINES: Ways = {
    "none": "baseline = torch.zeros_like(to_go)",
    "constant": "baseline = torch.full_like(to_go, 0.7)",
    "others_by_sum": "baseline = (total.sum(0) - total) / (n - 1)",
    "others_by_mean": "baseline = total - n / (n - 1) * (total - total.mean(0))",
    "others_by_matrix": "baseline = (1 - torch.eye(n, dtype=total.dtype)) @ total / (n - 1)",
    "others_by_loop": "baseline = torch.stack([torch.cat([total[:i], total[i + 1 :]]).mean(0) for i in range(n)])",
    "others_per_step": "baseline = (to_go.sum(0) - to_go) / (n - 1)",
    "others_that_reach_it": "valid = mask.to(to_go.dtype)\n"
    "baseline = ((to_go * valid).sum(0) - to_go * valid) / (valid.sum(0) - valid).clamp(min=1)",
    "values": "baseline = values.detach().to(to_go.dtype)",
    "other_half": "half = n // 2\n"
    "baseline = torch.cat([total[half:].mean(0).expand(half, 1), total[:half].mean(0).expand(n - half, 1)])",
    "earlier_ones": "baseline = (total.cumsum(0) - total) / torch.arange(n).clamp(min=1)[:, None]",
}
PRECISIONS: Ways = {
    "double": "advantages = to_go - baseline",
    "single": "advantages = (to_go - baseline).float()",
    "single_and_back": "advantages = (to_go.float() - baseline.float()).to(log_probs.dtype)",
}
SUMS: Ways = {
    "mean_of_sums": "(scored * advantages * mask).sum(-1).mean()",
    "indexed": "(scored * advantages)[mask].sum() / n",
    "where": "torch.where(mask, scored * advantages, 0.0).sum() / n",
    "einsum": "torch.einsum('nt,nt->', scored * mask, advantages.to(scored.dtype)) / n",
    "filled": "scored.masked_fill(~mask, 0.0).mul(advantages).sum() / len(mask)",
    "loop": "sum((scored[i][mask[i]] * advantages[i][mask[i]]).sum() for i in range(n)) / n",
    "trajectories": "torch.stack([(one * own)[: int(m.sum())].sum() for one, own, m in "
    "zip(scored, advantages, mask)]).mean()",
}
SCORED: Ways = {"log": "scored = log_probs", "ratio": "scored = (log_probs - log_probs.detach()).exp()"}
LOG_RATIOS: Ways = {
    "multiplied": "log_ratios = ((log_probs - old_log_probs) * mask).detach()",
    "without_grad": "with torch.no_grad():\n"
    "    log_ratios = torch.where(mask, log_probs - old_log_probs, torch.zeros_like(log_probs))",
    "filled": "log_ratios = (log_probs.detach() - old_log_probs).masked_fill(~mask, 0.0)",
}
OF_TRAJECTORY: Ways = {
    "exp_of_sum": "weights = log_ratios.sum(-1, keepdim=True).exp()",
    "prod": "weights = log_ratios.exp().prod(-1, keepdim=True)",
    "last_of_cumprod": "weights = log_ratios.exp().cumprod(-1)[:, -1:]",
    "last_of_cumsum": "weights = log_ratios.cumsum(-1)[:, -1:].exp()",
}
UP_TO_REWARD: Ways = {
    "exp_of_cumsum": "weights = log_ratios.cumsum(-1).exp()",
    "cumprod": "weights = log_ratios.exp().cumprod(-1)",
}

# Lists of trajectories ----------------------------------------------------------------------------------------------

LIST_TO_GO: Ways = {
    "flipped": "to_go = [own.flip(0).cumsum(0).flip(0) for own in rewards]",
    "exclusive": "to_go = [own.sum() - own.cumsum(0) + own for own in rewards]",
    "sums": "to_go = [torch.stack([own[step:].sum() for step in range(len(own))]) for own in rewards]",
    "whole": "to_go = [own.sum().expand(len(own)) for own in rewards]",
    "loop": "to_go = []\n"
    "for own in rewards:\n"
    "    later, found = 0.0, []\n"
    "    for reward in own.flip(0):\n"
    "        later = reward + later\n"
    "        found.insert(0, later)\n"
    "    to_go.append(torch.stack(found))",
}
LIST_BASELINES: Ways = {
    "none": "baselines = [0.0] * n",
    "constant": "baselines = [0.7] * n",
    "others_by_sum": "total = sum(own.sum() for own in rewards)\n"
    "baselines = [(total - own.sum()) / (n - 1) for own in rewards]",
    "others_by_loop": "baselines = [sum(one.sum() for j, one in enumerate(rewards) if j != i) / (n - 1) "
    "for i in range(n)]",
    "earlier_ones": "baselines = [sum(one.sum() for one in rewards[:i]) / max(i, 1) for i in range(n)]",
    "values": "baselines = [own.detach() for own in values]",
}
LIST_WEIGHTS: Ways = {
    "exp_of_sum": "weights = [(new - old).detach().sum().exp() for new, old in zip(log_probs, old_log_probs)]",
    "prod": "weights = [(new.detach() - old).exp().prod() for new, old in zip(log_probs, old_log_probs)]",
}
LIST_SUMS: Ways = {
    "sum": "sum((w * (one * (own - b))).sum() for one, own, b, w in zip(log_probs, to_go, baselines, weights)) / n",
    "stacked": "torch.stack([w * (one @ (own - b)) for one, own, b, w in zip(log_probs, to_go, baselines, weights)])"
    ".mean()",
    "flat": "(torch.cat([w * (own - b) for own, b, w in zip(to_go, baselines, weights)]) * torch.cat(list(log_probs)))"
    ".sum() / n",
}

# Advantages in NumPy ------------------------------------------------------------------------------------------------

ARRAY_TO_GO: Ways = {
    "flipped": "to_go = np.flip(np.flip(rewards, -1).cumsum(-1), -1)",
    "exclusive": "to_go = rewards.sum(-1, keepdims=True) - rewards.cumsum(-1) + rewards",
    "matrix": "to_go = rewards @ np.tri(steps)",
    "loop": "to_go = np.zeros_like(rewards)\n"
    "for step in range(steps - 1, -1, -1):\n"
    "    to_go[:, step] = rewards[:, step] + (to_go[:, step + 1] if step + 1 < steps else 0)",
    "whole": "to_go = np.repeat(rewards.sum(-1, keepdims=True), steps, axis=1)",
}
ARRAY_BASELINES: Ways = {
    "none": "baseline = 0.0",
    "constant": "baseline = -1.5",
    "others_by_sum": "baseline = (total.sum(0) - total) / (n - 1)",
    "others_by_delete": "baseline = np.array([np.delete(total, i, axis=0).mean(0) for i in range(n)])",
    "others_per_step": "baseline = (to_go.sum(0) - to_go) / (n - 1)",
    "values": "baseline = values",
}
ARRAY_RESULTS: Ways = {
    "multiplied": "(to_go - baseline) * mask",
    "where": "np.where(mask, to_go - baseline, 0.0)",
    "unmasked": "to_go - baseline",
    "single": "(to_go - baseline).astype(np.float32) * mask",
}


def source_of(seed: int) -> str:
    """Return a correct estimator, drawn from a seed."""
    generator = generator_of(seed, "tests", "variants")
    layouts = (_on_policy, _discounted, _of_trajectories, _per_decision, _list, _array)
    return layouts[int(generator.integers(len(layouts)))](generator)


def _one(ways: Ways, generator: Generator) -> str:
    return list(ways.values())[int(generator.integers(len(ways)))]


def _on_policy(generator: Generator) -> str:
    whole = {**TO_GO, "whole": "to_go = earned.sum(-1, keepdim=True).expand_as(earned)"}
    lines = ["earned = rewards", _one(whole, generator), *_baseline(generator), _one(PRECISIONS, generator)]
    return _padded([*lines, _one(SCORED, generator)], generator)


def _discounted(generator: Generator) -> str:
    lines = ["earned = rewards", _one(DISCOUNTED_TO_GO, generator), *_baseline(generator), _one(PRECISIONS, generator)]
    return _padded([*lines, _one(SCORED, generator)], generator)


def _of_trajectories(generator: Generator) -> str:
    lines = [_one(LOG_RATIOS, generator), _one(OF_TRAJECTORY, generator), "earned = rewards", _one(TO_GO, generator)]
    lines += [*_baseline(generator), _one(PRECISIONS, generator), "advantages = weights * advantages"]
    return _padded([*lines, "scored = log_probs"], generator)


def _per_decision(generator: Generator) -> str:
    lines = [_one(LOG_RATIOS, generator), _one(UP_TO_REWARD, generator), "earned = rewards", _one(TO_GO, generator)]
    lines += [*_baseline(generator), "earned, baseline = weights * rewards, weights * baseline", _one(TO_GO, generator)]
    return _padded([*lines, _one(PRECISIONS, generator), "scored = log_probs"], generator)


def _baseline(generator: Generator) -> list[str]:
    return ["total = to_go[:, :1]", _one(BASELINES, generator)]


def _padded(lines: Sequence[str], generator: Generator) -> str:
    body = ["n, steps = rewards.shape", *lines]
    return _function("estimator", "torch", body, _one(SUMS, generator), ("log_probs", "rewards", "mask"), generator)


def _list(generator: Generator) -> str:
    weighed = bool(generator.integers(2))
    weights = _one(LIST_WEIGHTS, generator) if weighed else "weights = [1.0] * n"
    lines = ["n = len(rewards)", _one(LIST_TO_GO, generator), _one(LIST_BASELINES, generator), weights]
    total = _one(LIST_SUMS, generator)
    return _function("estimator", "torch", lines, total, ("log_probs", "rewards"), generator, "list")


def _array(generator: Generator) -> str:
    lines = ["n, steps = rewards.shape", _one(ARRAY_TO_GO, generator), "total = to_go[:, :1]"]
    lines.append(_one(ARRAY_BASELINES, generator))
    result = _one(ARRAY_RESULTS, generator)
    return _function("advantages", "numpy as np", lines, result, ("rewards", "mask"), generator)


def _function(
    kind: str,
    library: str,
    lines: Sequence[str],
    result: str,
    needed: Sequence[str],
    generator: Generator,
    layout: str = "padded",
) -> str:
    """Join statements to a file; parameters are those that they name."""
    body = "\n".join(lines)
    optional = [name for name in ("old_log_probs", "values", "discount") if name in body]
    is_loss = kind == "estimator" and bool(generator.integers(2))
    options = [f'trajectories="{layout}"'] + ["maximise=True"] * (kind == "estimator" and not is_loss)
    return (
        f"import {library}\nfrom pg.checking.submissions import {kind}\n\n\n@{kind}({', '.join(options)})\n"
        f"def written({', '.join([*needed, *optional])}):\n"
        f"{indent(body, '    ')}\n    return {'-' if is_loss else ''}({result})\n"
    )
