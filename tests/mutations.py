"""Plant one bug after the other into a copy of the code, and see whether the tests notice.

Run from anywhere as `python tests/mutations.py`, or with `--few` for the first three. A planted bug that no test
notices is a hole in the tests: the script names it and ends with status 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
COPIED = ("pg", "tests", "pyproject.toml")
FEW = 3
WORKERS = 2
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Mutation:
    """A planted bug: what is replaced where, why that is wrong, and which tests should say so."""

    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


RETURNS, BASELINES, COMPOSE, SURROGATE, IMPORTANCE = (
    f"pg/estimators/{name}.py" for name in ("returns", "baselines", "compose", "surrogate", "importance")
)
EXACT, ENUMERATION, TABULAR = (f"pg/environments/{name}.py" for name in ("exact", "enumeration", "tabular"))
CONSTRAINTS, CRITIC = "pg/learning/constraints.py", "pg/learning/critic.py"
UPDATES, SCORES, TABLES, ROLLOUT, POLICIES = (
    f"pg/learning/{name}.py" for name in ("updates", "scores", "tabular", "rollout", "policies")
)
PROBING, REFERENCE, GRADIENTS, EXPECTATIONS = (
    f"pg/laboratory/{name}.py" for name in ("probing", "reference", "gradients", "expectations")
)
_TEST_EXPECTATIONS = "tests/laboratory/test_expectations.py"
_ROWS = f"{_TEST_EXPECTATIONS}::test_rows_say_what_was_found"
_MOMENTS = f"{_TEST_EXPECTATIONS}::test_moments_are_those_of_the_list_of_all_estimates"
_TEST_PROBING = "tests/laboratory/test_probing.py"
_SAMPLES = "tests/laboratory/test_monte_carlo.py::test_samples_deviate_from_exact_moments_by_their_standard_errors"


def _tests_of(file: str) -> str:
    """Name the tests that stand where the file stands in `pg`."""
    room, name = Path(file).parts[1:]
    return f"tests/{room}/test_{name}"


def _mutation(file: str, old: str, new: str, why: str, *tests: str) -> Mutation:
    return Mutation(file, old, new, why, tests or (_tests_of(file),))


MUTATIONS = (
    _mutation(
        RETURNS,
        "    return to_go\n",
        "    return torch.nn.functional.pad(to_go[..., 1:], (0, 1))\n",
        "the reward-to-go begins with the next step's reward",
    ),
    _mutation(
        BASELINES,
        "/ (values.shape[1] - 1)",
        "/ values.shape[1]",
        "the others' average divides by N",
    ),
    _mutation(
        SURROGATE,
        "advantages.detach() * mask)",
        "advantages.detach())",
        "steps behind the end count in the surrogate",
    ),
    _mutation(RETURNS, "to_go = rewards * mask", "to_go = rewards", "rewards behind the end count"),
    _mutation(RETURNS, "discount**reach", "discount ** (reach - 1)", "a discount's exponent is one too small"),
    _mutation(RETURNS, "discount**steps", "discount ** (steps + 1)", "the first step is discounted"),
    _mutation(RETURNS, "present_value.sum(", "present_value.mean(", "the total return is a mean over time"),
    _mutation(RETURNS, "discount * decay)", "decay)", "errors fade by λ alone"),
    _mutation(RETURNS, "known[..., 1:], (0, 1))", "known, (0, 0))", "the next state's value is this one's"),
    _mutation(RETURNS, "known = values * mask", "known = values", "values stand behind the end"),
    _mutation(RETURNS, "+ discount * rest.unsqueeze(-1)", "+ rest.unsqueeze(-1)", "what follows is not discounted"),
    _mutation(BASELINES, "total_returns.mean(-1)[", "total_returns.sum(-1)[", "the average reward is a sum"),
    _mutation(BASELINES, "(values.sum(1, keepdim=True) - values)", "values.sum(1, keepdim=True)", "nobody is left out"),
    _mutation(BASELINES, "1 - torch.eye(", "1 - 0 * torch.eye(", "a trajectory's own scores make its optimal baseline"),
    _mutation(BASELINES, "weighted / squared", "squared / weighted", "the optimal baseline is upside down"),
    _mutation(BASELINES, "(advantages * mask).sum(", "advantages.sum(", "what is behind the end moves the mean"),
    _mutation(COMPOSE, "(self.returns - self.baseline)", "(self.returns + self.baseline)", "the baseline is added"),
    _mutation(
        COMPOSE,
        "(weighted * state_weights(variant, trajectories)).detach()",
        "(weighted * trajectories.mask).detach()",
        "states are not discounted",
    ),
    _mutation(
        COMPOSE,
        "(weighted * state_weights(variant, trajectories)).detach()",
        "weighted * state_weights(variant, trajectories)",
        "gradients flow through the advantages",
    ),
    _mutation(
        COMPOSE,
        "if variant.discount_states else 1.0",
        "if variant.discount_states else variant.discount",
        "states are discounted unasked",
    ),
    _mutation(
        COMPOSE,
        "variant.discount)[..., 0]",
        "1.0)[..., 0]",
        "the average reward is one of undiscounted returns",
    ),
    _mutation(SURROGATE, "advantages.detach()", "advantages", "gradients flow through the baseline"),
    _mutation(SURROGATE, ".sum(-1).mean(-1)", ".mean(-1).mean(-1)", "the sum over time is a mean"),
    _mutation(SURROGATE, ".sum(-1).mean(-1)", ".sum(-1).sum(-1)", "the mean over trajectories is a sum"),
    _mutation(SURROGATE, "return (log_probs", "return -(log_probs", "the surrogate has the wrong sign"),
    _mutation(IMPORTANCE, "products[..., -1:].exp()", "products[..., :1].exp()", "a product has one factor"),
    _mutation(
        IMPORTANCE,
        "_finite(torch.where(mask, products, -torch.inf).exp())",
        "_finite(products.exp())",
        "weights stand behind the end",
    ),
    _mutation(
        IMPORTANCE,
        "_finite(torch.where(mask, log_ratios, -torch.inf).exp())",
        "_finite(torch.where(mask, -log_ratios, -torch.inf).exp())",
        "the ratio is upside down",
    ),
    _mutation(
        IMPORTANCE, "-torch.inf), 1, -torch.inf)", "-torch.inf), 0, -torch.inf)", "the own ratio corrects a return"
    ),
    _mutation(IMPORTANCE, "+ math.log(discount)", "- math.log(discount)", "corrected returns grow with time"),
    _mutation(IMPORTANCE, "weights.clamp(max=limit)", "weights.clamp(min=limit)", "small weights are cut"),
    _mutation(IMPORTANCE, "scaled * live.sum(1, keepdim=True) / sums", "scaled / sums", "weights sum to 1"),
    _mutation(IMPORTANCE, "ratios > 1 + clip", "ratios > 1 - clip", "clipping begins too early"),
    _mutation(
        IMPORTANCE, "(advantages < 0) & (ratios <", "(advantages < 0) & (ratios >", "clipping looks the other way"
    ),
    _mutation(IMPORTANCE, "/ (count > 0).sum(-1)", "/ count.shape[-1]", "steps that nobody reached count"),
    _mutation(
        COMPOSE, "(earned - ratios * fixed.baseline)", "(earned - fixed.baseline)", "the weight spares the baseline"
    ),
    _mutation(
        COMPOSE,
        "reward_to_go(weights * trajectories.rewards,",
        "weights * reward_to_go(trajectories.rewards,",
        "rewards have the weight of the step before them",
        "tests/laboratory/test_corrections.py",
    ),
    _mutation(
        COMPOSE,
        "return weights * corrected",
        "return corrected",
        "corrected returns lack the step's own weight",
        "tests/laboratory/test_corrections.py",
    ),
    _mutation(
        COMPOSE,
        "importance.unclipped(log_ratios, fixed.advantages, variant.clip)",
        "importance.unclipped(log_ratios, fixed.returns, variant.clip)",
        "clipping looks at returns",
    ),
    _mutation(
        COMPOSE,
        "            if variant.bootstrap_at_truncation:\n",
        "            if True:\n",
        "what follows the horizon counts unasked",
    ),
    _mutation(CRITIC, ".where(trajectories.truncated, 0)", "", "what follows termination counts"),
    _mutation(CRITIC, "powers.cumsum(0).flip(0)", "powers.cumsum(0)", "more and more steps are left"),
    _mutation(CRITIC, "network(last.flatten(0, 1)", "network(0 * last.flatten(0, 1)", "nothing is seen at the end"),
    _mutation(CRITIC, "/ (len(self.left) - 1)", "* 0", "every step is the first"),
    _mutation(
        "pg/learning/training.py",
        "    explained = critic.explained_variance(batch)\n    critic.fit(batch)\n",
        "    critic.fit(batch)\n    explained = critic.explained_variance(batch)\n",
        "the critic is judged by what it was fitted to",
    ),
    _mutation(
        "pg/laboratory/critics.py",
        "variant.discount, variant.bootstrap_at_truncation",
        "variant.bootstrap_at_truncation",
        "returns of other discounts share a network",
        "tests/laboratory/test_critics.py",
    ),
    _mutation(CONSTRAINTS, "divergence > limit * _PENALTY_BAND", "divergence < limit", "the penalty adapts backwards"),
    _mutation(CONSTRAINTS, "longest / 2**halvings", "longest", "a step is never shortened"),
    _mutation(CONSTRAINTS, "(2 * limit / (solved @ flat)) ** 0.5", "(limit / (solved @ flat)) ** 0.5", "δ is halved"),
    _mutation(TABLES, ".where(trajectories.mask, 0)", "", "state ratios stand behind the end"),
    _mutation(EXACT, "rewards + discount * transitions", "rewards + transitions", "values forget the discount"),
    _mutation(EXACT, "torch.stack(states[::-1])", "torch.stack(states)", "values run backwards in time"),
    _mutation(
        EXACT,
        "torch.arange(mdp.horizon, dtype=table.dtype)",
        "torch.arange(1, mdp.horizon + 1, dtype=table.dtype)",
        "the theorem's discount has an exponent too large",
    ),
    _mutation(ENUMERATION, ".where(self.trajectories.mask[0], 1).prod", ".prod", "actions never taken count"),
    _mutation(
        ENUMERATION,
        "        if mdp.terminates[step]:",
        "        if steps == 1 and mdp.terminates[step]:",
        "enumerated trajectories go on after their end",
    ),
    _mutation(ENUMERATION, "mdp.start[states[:, 0]] * np", "np", "the start's probability is not multiplied"),
    _mutation(
        ENUMERATION,
        "mdp.rewards[happened] * mask",
        "mdp.rewards[happened]",
        "enumerated rewards go on behind the end",
    ),
    _mutation(TABULAR, "self.probabilities * ~self.terminates", "self.probabilities", "nothing ends in expectation"),
    _mutation(TABULAR, "self._steps >= self.horizon", "self._steps > self.horizon", "the horizon is a step late"),
    _mutation(TABULAR, "cumulative / cumulative[..., -1:]", "cumulative", "outcomes that are only padding happen"),
    _mutation(TABULAR, "[..., None] >= distribution", "[..., None] < distribution", "probabilities are swapped"),
    _mutation(ROLLOUT, "alive & ~transition.terminated", "alive", "what has terminated lives on"),
    _mutation(
        ROLLOUT,
        "recorder.add(observations,",
        "recorder.add(transition.observations,",
        "actions are recorded beside what they led to",
    ),
    _mutation(
        ROLLOUT,
        "self._noise[step % _NOISE_STEPS]",
        "self._noise[0]",
        "every step acts by the same noise",
        f"{_SAMPLES}[to_go-none]",
    ),
    _mutation(POLICIES, "return -np.log(", "return np.log(", "Gumbel noise has the wrong sign"),
    _mutation(POLICIES, "(heads + noises).argmax", "(heads - noises).argmax", "Gumbel noise is subtracted"),
    _mutation(
        POLICIES,
        "heads + self.log_std.exp() * noises",
        "heads + self.log_std * noises",
        "real actions deviate by the logarithm of their deviation",
    ),
    _mutation(
        UPDATES,
        "kl_new_old=kl_divergence(now, self.start)",
        "kl_new_old=kl_divergence(self.start, now)",
        "the KL is swapped",
    ),
    _mutation(UPDATES, "before.log_prob(actions)", "before.log_prob(actions.flip(0))", "likelihoods of other actions"),
    _mutation(UPDATES, "maximize=True", "maximize=False", "updates go downhill"),
    _mutation(UPDATES, "self.start.entropy()", "now.entropy()", "the entropy is that of the new policy"),
    _mutation(UPDATES, "trajectories, variant.discount)", "trajectories)", "exact values forget the discount"),
    _mutation(SCORES, "(along * weights)", "along", "a step's share lacks its weight"),
    _mutation(SCORES, "by_deviation * deviations.detach()", "by_deviation", "a score is by the deviation"),
    _mutation(SCORES, "lengths.cumsum(0) - lengths, torch", "lengths.cumsum(0), torch", "scores are the next ones'"),
    _mutation(SCORES, "return output.clone()", "return output", "derivatives are taken behind the activation"),
    _mutation(
        TABLES,
        ".repeat_interleave(mdp.actions, dim=0)",
        ".repeat(mdp.actions, 1)",
        "probabilities stand beside other states",
        _MOMENTS,
        _ROWS,
    ),
    _mutation(
        TABLES, "return table[steps,", "return table[0 * steps,", "all values are those of step 0", _tests_of(UPDATES)
    ),
    _mutation(PROBING, "total_variance / count + ", "total_variance + ", "the bias's noise does not fall with batches"),
    _mutation(PROBING, "/ (count - 1)", "/ count", "the variance of few gradients is too small"),
    _mutation(PROBING, "norm**2) - 1", "norm) - 1", "the shrinkage has a dimension"),
    _mutation(PROBING, "ordered[:, -2])", "ordered[:, -1])", "only wholly equal returns are alike"),
    _mutation(REFERENCE, "gradients[1::2]", "gradients[0::2]", "noise counts as signal", _TEST_PROBING),
    _mutation(REFERENCE, "/ (count - 1) / count", "/ (count - 1)", "the mean is as noisy as one batch", _TEST_PROBING),
    _mutation(
        REFERENCE,
        "if not found.is_noisy or 2 * found.trajectories",
        "if not found.is_noisy or found.trajectories",
        "the reference outgrows its limit",
        _TEST_PROBING,
    ),
    _mutation(
        GRADIENTS,
        "if variant.discount_states else 1.0",
        "if True else 1.0",
        "alignments of other weights",
        _TEST_PROBING,
    ),
    _mutation(
        GRADIENTS,
        "_advantages(policy, estimators,",
        "_advantages(policy, estimators[::-1],",
        "variants are mixed up",
        _TEST_PROBING,
    ),
    _mutation(
        GRADIENTS,
        "rows = found.in_rows(lengths.cumsum(0) - lengths, lengths)",
        "rows = found.in_rows(lengths.cumsum(0), lengths)",
        "batches are weighted as the ones before",
        _TEST_PROBING,
    ),
    _mutation(EXPECTATIONS, "(values[0] - values[1])", "(values[0] + values[1])", "differences are sums", _ROWS),
    _mutation(EXPECTATIONS, "/ (2 * _DIFFERENCE)", "/ _DIFFERENCE", "central differences are doubled", _ROWS),
    _mutation(
        EXPECTATIONS,
        "probabilities[chunk].prod(-1)",
        "probabilities[chunk].mean(-1)",
        "a batch's probability is no product",
        _ROWS,
    ),
    _mutation(EXPECTATIONS, "square - mean.square().sum().item()", "square", "a variance is a mean square", _MOMENTS),
    _mutation(
        EXPECTATIONS,
        "regrouped(variant.batch), mdp, critic)",
        "regrouped(1), mdp, critic)",
        "sampled batches are single trajectories",
        "tests/laboratory/test_monte_carlo.py::test_the_sampled_variance_is_the_enumerated_one",
    ),
)


class BrokenMutation(RuntimeError):
    """A planted bug that says nothing: its text is not found, or its tests do not run or fail without it."""


def mutated(text: str, mutation: Mutation) -> str:
    """Replace what the mutation replaces.

    Raises
    ------
    BrokenMutation
        If it is not found exactly once.
    """
    if (found := text.count(mutation.old)) != 1:
        raise BrokenMutation(f"{mutation}: {mutation.old!r} stands there {found} times")
    return text.replace(mutation.old, mutation.new)


def survivors(mutations: Sequence[Mutation]) -> list[Mutation]:
    """Plant each bug in a copy of its own, a few at a time, and return those that no test notices.

    Raises
    ------
    BrokenMutation
        If one cannot be planted, or its tests cannot be run, or fail without it.
    """
    for mutation in mutations:
        _check(mutation)
    every_test = sorted({test for mutation in mutations for test in mutation.tests})
    with ThreadPoolExecutor(WORKERS) as pool:
        unchanged = pool.submit(_status_unchanged, every_test)
        noticed = list(pool.map(_is_noticed, mutations))
    if unchanged.result() != PASSED:
        raise BrokenMutation("the tests fail without any planted bug")
    return [mutation for mutation, seen in zip(mutations, noticed, strict=True) if not seen]


def _check(mutation: Mutation) -> None:
    mutated((ROOT / mutation.file).read_text(encoding="utf-8"), mutation)
    for test in mutation.tests:
        if not (ROOT / test.split("::")[0]).is_file():
            raise BrokenMutation(f"{mutation}: there are no tests {test}")


def _is_noticed(mutation: Mutation) -> bool:
    with _copy() as folder:
        file = folder / mutation.file
        file.write_text(mutated(file.read_text(encoding="utf-8"), mutation), encoding="utf-8")
        status = _status(folder, ["-x", *mutation.tests])
    if status not in (PASSED, FAILED):
        raise BrokenMutation(f"{mutation}: pytest ended with status {status}")
    print(f"{'noticed ' if status == FAILED else 'SURVIVED'} {mutation}", flush=True)
    return status == FAILED


def _status_unchanged(tests: Iterable[str]) -> int:
    with _copy() as folder:
        return _status(folder, tests)


@contextmanager
def _copy() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in COPIED:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, folder / part)
        yield folder


def _status(folder: Path, arguments: Iterable[str]) -> int:
    # The copy comes before whatever is installed, and leaves its bytecode nowhere.
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    where = subprocess.run(
        [sys.executable, "-c", "import pg; print(pg.__file__)"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    if not Path(where.stdout.strip()).is_relative_to(folder):
        raise BrokenMutation(f"the tests would import {where.stdout.strip()}, not the copy")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode


def main() -> int:
    """Plant all bugs, or a few, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", action="store_true", help=f"plant the first {FEW} only")
    chosen = MUTATIONS[:FEW] if parser.parse_args().few else MUTATIONS
    left = survivors(chosen)
    print(f"{len(chosen) - len(left)} of {len(chosen)} planted bugs were noticed")
    for mutation in left:
        print(f"survived: {mutation}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
