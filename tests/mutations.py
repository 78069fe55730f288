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
COPIED = ("pg", "tests", "workflow", "config.yaml", "pyproject.toml")
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


DISCOUNTING = "pg/parts/discounting.py"
GAE = "pg/parts/returns/gae.py"
BASELINES = "pg/parts/baselines"
NORMALISATION = "pg/parts/normalisation.py"
COMPOSE = "pg/parts/estimator.py"
CORRECTIONS = "pg/parts/corrections"
BATCH = "pg/parts/batch.py"
EXACT = "pg/environments/exact.py"
ENUMERATION = "pg/environments/enumeration.py"
MDP = "pg/environments/mdp.py"
TABULAR = "pg/environments/tabular.py"
REWARDS = "pg/environments/rewards.py"
OBSERVATIONS = "pg/environments/observations.py"
HUMANOID = "pg/environments/humanoid.py"
GAIT = "pg/experiments/gait/measure.py"
LIMIT = "pg/parts/limits/base.py"
PENALTY = "pg/parts/limits/penalty.py"
NATURAL_GRADIENT = "pg/parts/limits/natural_gradient.py"
CRITIC = "pg/parts/critic.py"
ADVANTAGES = "pg/learning/advantages.py"
SCALING = "pg/learning/scaling.py"
TRAINING = "pg/learning/training.py"
FROZEN = "pg/laboratory/frozen.py"
HORIZONS = "pg/experiments/horizon/measure.py"
EVALUATION = "pg/learning/evaluation.py"
STATISTICS = "pg/statistics/estimates.py"
UPDATES = "pg/learning/updates.py"
SCORES = "pg/learning/scores.py"
TABLES = "pg/learning/tabular.py"
ROLLOUT = "pg/learning/rollout.py"
NUMPY_TANH = "pg/parts/activations/numpy_tanh.py"
ELU = "pg/parts/activations/elu.py"
_TEST_ACTIVATIONS = "tests/parts/test_activations.py"
ACROSS = "pg/statistics/across_environments.py"
ACROSS_TABLES = "pg/experiments/train/across_tables.py"
COVERAGE = "pg/statistics/coverage.py"
POWER = "pg/statistics/power.py"
IMITATION = "pg/learning/imitation.py"
CLONING = "pg/parts/starts/cloning.py"
ADAM = "pg/parts/optimizers/adam.py"
SLICING = "pg/study/slicing.py"
PROBING = "pg/experiments/probe/measure.py"
REFERENCE = "pg/laboratory/reference.py"
GRADIENTS = "pg/laboratory/gradients.py"
EXPECTATIONS = "pg/experiments/exact/measure.py"
CURVES = "pg/experiments/train/curves.py"
TRAIN_TABLES = "pg/experiments/train/tables.py"
TUNING = "pg/experiments/train/tuning.py"
SELECTION = "pg/claims/selection.py"
COMPARISONS = "pg/claims/comparisons.py"
FAMILIES = "pg/study/problems/families.py"
DISTANCES = "pg/laboratory/distances.py"
MOVES = "pg/experiments/update/moves.py"
SINGLE_UPDATES = "pg/experiments/update/measure.py"
BIAS = "pg/experiments/staleness/bias.py"
REUSE = "pg/laboratory/reuse.py"
STALENESS = "pg/experiments/staleness/measure.py"
SUPPORT = "pg/experiments/support/measure.py"
_TESTS_ELSEWHERE = {
    "pg/experiments/exact/measure.py": "tests/experiments/test_exact.py",
    "pg/experiments/gait/measure.py": "tests/experiments/test_gait.py",
    "pg/experiments/horizon/measure.py": "tests/experiments/test_horizon.py",
    "pg/experiments/probe/measure.py": "tests/experiments/test_probe.py",
    "pg/experiments/staleness/measure.py": "tests/experiments/test_staleness.py",
    "pg/experiments/support/measure.py": "tests/experiments/test_support.py",
    "pg/experiments/train/tables.py": "tests/experiments/test_train_tables.py",
    "pg/experiments/update/measure.py": "tests/experiments/test_update.py",
}
_TEST_EXPECTATIONS = "tests/experiments/test_exact.py"
_ROWS = f"{_TEST_EXPECTATIONS}::test_rows_say_what_was_found"
_MOMENTS = f"{_TEST_EXPECTATIONS}::test_moments_are_those_of_the_list_of_all_estimates"
_BY_HAND = "tests/environments/test_rewards.py::test_what_is_paid_by_hand"
_STEP_BY_STEP = "tests/environments/test_rewards.py::test_tables_pay_step_by_step_what_trajectories_are_paid"
_SIDE_BY_SIDE = (
    "tests/environments/test_observations.py::test_the_last_observations_stand_side_by_side_oldest_first_after_zeros"
)
_RETURNS_LOGGED = "tests/learning/test_training.py::test_logged_returns_are_the_environments"
_AS_ONE = "tests/learning/test_scaling.py::test_running_moments_are_those_of_all_observations"
_PROBED = (
    "tests/laboratory/test_transformed_rewards.py::"
    "test_a_probe_measures_one_policy_on_the_same_trajectories_whatever_is_paid"
)
_TEST_LIMITS = "tests/parts/test_limits.py"
_TEST_RETURNS = "tests/parts/test_returns.py"
_TEST_BASELINES = "tests/parts/test_baselines.py"
_TEST_ESTIMATOR = "tests/parts/test_estimator.py"
_TEST_SURROGATE = "tests/parts/test_surrogate.py"
_TEST_IMPORTANCE = "tests/parts/test_importance.py"
_TEST_EVALUATION = "tests/learning/test_evaluation.py"
_POWER = "tests/statistics/test_power.py::test_power_is_the_frequency_of_support_of_a_true_claim"
_TEST_PROBING = "tests/experiments/test_probe.py"
_SAMPLES = "tests/laboratory/test_monte_carlo.py::test_samples_deviate_from_exact_moments_by_their_standard_errors"


def _tests_of(file: str) -> str:
    """Name the tests that stand where the file stands in `pg`."""
    package, *_, name = Path(file).parts[1:]
    return _TESTS_ELSEWHERE.get(file, f"tests/{package}/test_{name}")


def _mutation(file: str, old: str, new: str, why: str, *tests: str) -> Mutation:
    return Mutation(file, old, new, why, tests or (_tests_of(file),))


MUTATIONS = (
    _mutation(
        DISCOUNTING,
        "    return to_go\n",
        "    return later(to_go, 1)\n",
        "the reward-to-go begins with the next step's reward",
        _TEST_RETURNS,
    ),
    _mutation(DISCOUNTING, "to_go = rewards * mask", "to_go = rewards", "rewards after the end count", _TEST_RETURNS),
    _mutation(
        DISCOUNTING, "discount**reach", "discount ** (reach - 1)", "a discount's exponent is 1 less", _TEST_RETURNS
    ),
    _mutation(DISCOUNTING, "discount**steps", "discount ** (steps + 1)", "the first step is discounted", _TEST_RETURNS),
    _mutation(DISCOUNTING, "present_value.sum(", "present_value.mean(", "the total return is a mean", _TEST_RETURNS),
    _mutation(DISCOUNTING, "+ discount * rest", "+ rest", "what follows is not discounted", _TEST_RETURNS),
    _mutation(GAE, "discount * decay)", "decay)", "errors fade by λ alone", _TEST_RETURNS),
    _mutation(GAE, "later(known, 1)", "known", "the next state's value is this one's", _TEST_RETURNS),
    _mutation(GAE, "known = values * mask", "known = values", "values count after the end", _TEST_RETURNS),
    _mutation(
        GAE,
        "if self.bootstrap_at_truncation:\n            rewards =",
        "if True:\n            rewards =",
        "what follows the horizon counts unasked",
        _TEST_ESTIMATOR,
    ),
    _mutation(
        f"{BASELINES}/others.py",
        "/ (values.shape[1] - 1)",
        "/ values.shape[1]",
        "the mean divides by N",
        _TEST_BASELINES,
    ),
    _mutation(
        f"{BASELINES}/others.py",
        "(values.sum(1, keepdim=True) - values)",
        "values.sum(1, keepdim=True)",
        "nobody is left out",
        _TEST_BASELINES,
    ),
    _mutation(
        f"{BASELINES}/average_reward.py", "totals.mean(-1)[", "totals.sum(-1)[", "the average is a sum", _TEST_BASELINES
    ),
    _mutation(
        f"{BASELINES}/optimal.py",
        ".fill_diagonal_(0)",
        "",
        "a trajectory's own scores make its optimal baseline",
        _TEST_BASELINES,
    ),
    _mutation(
        f"{BASELINES}/optimal.py",
        "weighted / squared",
        "squared / weighted",
        "the optimal baseline is upside down",
        _TEST_BASELINES,
    ),
    _mutation(
        NORMALISATION,
        "(advantages * mask).sum(",
        "advantages.sum(",
        "steps after the end move the mean",
        _TEST_BASELINES,
    ),
    _mutation(COMPOSE, "(self.returns - self.baseline)", "(self.returns + self.baseline)", "the baseline is added"),
    _mutation(
        COMPOSE,
        "(weighted * Batch(variant, trajectories).state_weights).detach()",
        "(weighted * trajectories.mask).detach()",
        "states are not discounted",
    ),
    _mutation(
        COMPOSE,
        "(weighted * Batch(variant, trajectories).state_weights).detach()",
        "weighted * Batch(variant, trajectories).state_weights",
        "gradients flow through the advantages",
    ),
    _mutation(
        BATCH, "if not self.variant.discount_states:", "if False:", "states are discounted unasked", _TEST_ESTIMATOR
    ),
    _mutation(
        BATCH,
        "total_return(self.rewards, self.mask, self.discount)[..., 0]",
        "total_return(self.rewards, self.mask, 1.0)[..., 0]",
        "the average reward is one of undiscounted returns",
        _TEST_ESTIMATOR,
    ),
    _mutation(
        COMPOSE,
        "weights.detach() * trajectories.mask)",
        "weights.detach())",
        "steps after the end count",
        _TEST_SURROGATE,
    ),
    _mutation(
        COMPOSE,
        "log_probs * weights.detach()",
        "log_probs * weights",
        "gradients flow through the baseline",
        _TEST_SURROGATE,
    ),
    _mutation(COMPOSE, ".sum(-1).mean(-1)", ".mean(-1).mean(-1)", "the sum over time is a mean", _TEST_SURROGATE),
    _mutation(COMPOSE, ".sum(-1).mean(-1)", ".sum(-1).sum(-1)", "the mean over trajectories is a sum", _TEST_SURROGATE),
    _mutation(COMPOSE, "return (log_probs", "return -(log_probs", "the surrogate has the wrong sign", _TEST_SURROGATE),
    _mutation(
        f"{CORRECTIONS}/trajectory.py",
        "products[..., -1:].exp()",
        "products[..., :1].exp()",
        "a product has one factor",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/per_decision.py",
        "finite(products.where(ratios.mask, -math.inf).exp())",
        "finite(products.exp())",
        "weights count after the end",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/per_step.py",
        "finite(ratios.log_ratios.where(",
        "finite((-ratios.log_ratios).where(",
        "the ratio is upside down",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/future.py",
        "-math.inf), 1, -math.inf)",
        "-math.inf), 2, -math.inf)",
        "a return skips a ratio",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/future.py",
        "+ math.log(discount)",
        "- math.log(discount)",
        "corrected returns grow with time",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/truncation.py",
        "clamp(max=limit)",
        "clamp(min=limit)",
        "small weights are cut",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/self_normalisation.py",
        "scaled * live.sum(1, keepdim=True) / sums",
        "scaled / sums",
        "weights sum to 1",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/clipping.py",
        "ratios > 1 + clip",
        "ratios > 1 - clip",
        "clipping begins early",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/clipping.py",
        "(advantages < 0) & (ratios <",
        "(advantages < 0) & (ratios >",
        "clipping looks the other way",
        _TEST_IMPORTANCE,
    ),
    _mutation(
        f"{CORRECTIONS}/sample_size.py",
        "/ (count > 0).sum(-1)",
        "/ count.shape[-1]",
        "steps that nobody reached count",
        _TEST_IMPORTANCE,
    ),
    _mutation(COMPOSE, "(earned - by * fixed.baseline)", "(earned - fixed.baseline)", "the weight spares the baseline"),
    _mutation(
        f"{CORRECTIONS}/per_decision.py",
        "reward_to_go(weights * ratios.trajectories.rewards,",
        "weights * reward_to_go(ratios.trajectories.rewards,",
        "rewards have the weight of the step before them",
        "tests/laboratory/test_corrections.py",
    ),
    _mutation(
        f"{CORRECTIONS}/future.py",
        "return weights * future_corrected(",
        "return future_corrected(",
        "corrected returns lack the step's own weight",
        "tests/laboratory/test_corrections.py",
    ),
    _mutation(
        COMPOSE,
        "correction.keeps(ratios, fixed.advantages)",
        "correction.keeps(ratios, fixed.returns)",
        "clipping looks at returns",
    ),
    _mutation(
        GAIT,
        "fallen & (moved > 0), fallen & (moved < 0)",
        "fallen & (moved < 0), fallen & (moved > 0)",
        "forward is backward",
    ),
    _mutation(GAIT, "terminated & (sunk > 0)", "sunk > 0", "an episode that the horizon ends counts as a fall"),
    _mutation(GAIT, "terminated & (sunk > 0)", "terminated", "a leap counts as a fall"),
    _mutation(GAIT, "on_floor[on_floor.sum(axis=1) == 1]", "on_floor", "both feet on the floor end a stance"),
    _mutation(GAIT, "torso[np.arange(len(lengths)), lengths]", "torso[:, -1]", "an episode ends with the longest"),
    _mutation(GAIT, "np.linspace(0, length, frames)", "np.linspace(0, length - 1, frames)", "the end is not shown"),
    _mutation(HUMANOID, "for name in FEET]", "for name in reversed(FEET)]", "the feet change sides"),
    _mutation(HUMANOID, "pairs[(pairs == self._floor).any(axis=1)]", "pairs", "feet stand on each other"),
    _mutation(HUMANOID, "self._watch(alive[0])", "self._watch(np.ones_like(alive[0]))", "the fallen are watched on"),
    _mutation(CRITIC, ".where(trajectories.truncated, 0)", "", "what follows termination counts"),
    _mutation(CRITIC, "powers.cumsum(0).flip(0)", "powers.cumsum(0)", "more and more steps are left"),
    _mutation(CRITIC, "network(last.flatten(0, 1)", "network(0 * last.flatten(0, 1)", "nothing is seen at the end"),
    _mutation(CRITIC, "/ (len(self.left) - 1)", "* 0", "every step is the first"),
    _mutation(
        TRAINING,
        "    explained = critic.explained_variance(batch)\n    critic.fit(batch)\n",
        "    critic.fit(batch)\n    explained = critic.explained_variance(batch)\n",
        "the critic is judged by what it was fitted to",
        "tests/learning/test_training.py",
    ),
    _mutation(
        "pg/laboratory/critics.py",
        "variant.discount, variant.returns.bootstraps",
        "variant.returns.bootstraps",
        "returns of other discounts share a network",
        "tests/laboratory/test_critics.py",
    ),
    _mutation(PENALTY, "kl > self.limit * _BAND", "kl < self.limit", "the penalty adapts backwards", _TEST_LIMITS),
    _mutation(LIMIT, "longest / 2**halvings", "longest", "a step is never shortened", _TEST_LIMITS),
    _mutation(
        NATURAL_GRADIENT,
        "(2 * limit / (solved @ flat)) ** 0.5",
        "(limit / (solved @ flat)) ** 0.5",
        "δ is halved",
        _TEST_LIMITS,
    ),
    _mutation(TABLES, ".where(trajectories.mask, 0)", "", "state ratios stand behind the end"),
    _mutation(EXACT, "expected + discount * transitions", "expected + transitions", "values forget the discount"),
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
    _mutation(ENUMERATION, "mdp.start[states[:, 0]] * chances", "chances", "the start's probability is not multiplied"),
    _mutation(
        ENUMERATION,
        "rewards=_one_batch(rewards * mask)",
        "rewards=_one_batch(rewards)",
        "enumerated rewards go on behind the end",
    ),
    _mutation(MDP, "self.probabilities * ~self.terminates", "self.probabilities", "nothing ends in expectation"),
    _mutation(TABULAR, "self._steps >= self.horizon", "self._steps > self.horizon", "the horizon is a step late"),
    _mutation(TABULAR, "cumulative / cumulative[..., -1:]", "cumulative", "outcomes that are only padding happen"),
    _mutation(TABULAR, "[..., None] >= distribution", "[..., None] < distribution", "probabilities are swapped"),
    _mutation(
        ROLLOUT, "transition.terminated | transition.truncated", "transition.truncated", "what has terminated lives on"
    ),
    _mutation(
        ROLLOUT,
        "_Step(observations,",
        "_Step(transition.observations,",
        "actions are recorded beside what they led to",
    ),
    _mutation(
        ROLLOUT,
        "noise[step % _NOISE_STEPS]",
        "noise[0]",
        "every step acts by the same noise",
        f"{_SAMPLES}[to_go-none]",
    ),
    _mutation(ROLLOUT, "return -np.log(", "return np.log(", "Gumbel noise has the wrong sign"),
    _mutation(ROLLOUT, "(heads + noise).argmax", "(heads - noise).argmax", "Gumbel noise is subtracted"),
    _mutation(
        ROLLOUT,
        "heads + self.deviation * noise",
        "heads + noise",
        "real actions deviate by the logarithm of their deviation",
    ),
    _mutation(
        UPDATES,
        "kl_new_old=kl_divergence(reached, self._start)",
        "kl_new_old=kl_divergence(self._start, reached)",
        "the KL is swapped",
    ),
    _mutation(UPDATES, "start.log_prob(actions)", "start.log_prob(actions.flip(0))", "likelihoods of other actions"),
    _mutation(ADAM, "maximize=True", "maximize=False", "updates go downhill", "tests/learning/test_updates.py"),
    _mutation(
        UPDATES,
        "self._start.entropy()",
        "reached.entropy()",
        "the entropy is that of the new policy",
    ),
    _mutation(ADVANTAGES, "trajectories, variant.discount)", "trajectories)", "exact values forget the discount"),
    _mutation(
        UPDATES,
        "baseline[:, members]",
        "baseline[:, : len(members)]",
        "a part has the baseline of others",
        "tests/learning/test_minibatches.py",
    ),
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
        TABLES,
        "return table.to(trajectories.rewards)[steps,",
        "return table.to(trajectories.rewards)[0 * steps,",
        "all values are those of step 0",
        _tests_of(ADVANTAGES),
    ),
    _mutation(
        EVALUATION,
        "is_deterministic=self._options",
        "is_deterministic=not self._options",
        "the ways of acting are mixed up",
        f"{_TEST_EVALUATION}::test_mean_return_of_episodes_is_the_objective",
    ),
    _mutation(
        EVALUATION,
        "(learner.steps // self._options.every_steps + 1)",
        "(self._due[learner.seed] // self._options.every_steps + 1)",
        "multiples that a batch has skipped are made up for",
        f"{_TEST_EVALUATION}::test_batch_passing_several_multiples_is_evaluated_once",
    ),
    _mutation(
        EVALUATION,
        "make_environments(options.judged_in(environment),",
        "make_environments(environment,",
        "evaluated episodes are as long as those trained on",
        f"{_TEST_EVALUATION}::test_episodes_have_the_evaluations_horizon",
    ),
    _mutation(
        EVALUATION,
        "self._generators[learner.seed] for",
        "self._generators[due[0].seed] for",
        "seeds share a generator",
        f"{_TEST_EVALUATION}::test_evaluations_are_bit_identical_in_any_block",
    ),
    _mutation(
        EVALUATION,
        "learner.steps >= self._due",
        "learner.steps > self._due",
        "an evaluation is one step late",
        f"{_TEST_EVALUATION}::test_batch_passing_several_multiples_is_evaluated_once",
    ),
    _mutation(CURVES, "passed[1:] & passed[:-1]", "passed[1:] | passed[:-1]", "one passed evaluation is enough"),
    _mutation(CURVES, "& (steps[1:] <= budget)", "", "passing after the budget counts"),
    _mutation(
        TRAIN_TABLES,
        '(own["return"] >= required).groupby(own["steps"]).all()',
        '(own["return"] >= required).groupby(own["steps"]).any()',
        "one episode of an evaluation is enough",
    ),
    _mutation(STATISTICS, "q=null, p=0.5", "q=null, p=0.4", "the median's test is of another quantile"),
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
        "for name, variant in variants.items():",
        "for name, variant in zip(variants, [*variants.values()][::-1]):",
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
    _mutation(
        REWARDS, "rewards.offset) * mask", "rewards.offset)", "steps behind the end are paid the offset", _BY_HAND
    ),
    _mutation(
        REWARDS,
        "is_last = mask & (mask.cumsum",
        "is_last = (mask.cumsum",
        "payment repeats behind the end",
        _BY_HAND,
    ),
    _mutation(REWARDS, "reached[..., -1] = 0", "pass", "the horizon reaches the first state's potential", _BY_HAND),
    _mutation(REWARDS, "return reached - held", "return held - reached", "potentials have the wrong sign", _BY_HAND),
    _mutation(
        REWARDS,
        "last_rewards=mdp.rewards_at(mdp.horizon - 1))",
        "last_rewards=None)",
        "tables pay nothing at the horizon to those who are paid in the end",
        _STEP_BY_STEP,
    ),
    _mutation(
        MDP,
        "np.where(mdp.terminates, 0, potential[mdp.next_states])",
        "potential[mdp.next_states]",
        "an end keeps its potential",
        _STEP_BY_STEP,
    ),
    _mutation(MDP, "step < self.horizon - 1", "step < self.horizon", "the last step pays as others do", _STEP_BY_STEP),
    _mutation(
        OBSERVATIONS,
        "[self._window[:, :, 1:], newest]",
        "[newest, self._window[:, :, :-1]]",
        "the newest observation comes first",
        _SIDE_BY_SIDE,
    ),
    _mutation(
        OBSERVATIONS,
        "self._window = np.zeros((*",
        "_ = np.zeros((*",
        "a window shows the trajectory before",
        _SIDE_BY_SIDE,
    ),
    _mutation(SCALING, " + step.square() * before * share", "", "means that differ make no variance", _AS_ONE),
    _mutation(SCALING, "share * step", "step", "the last batch's mean is the mean", _AS_ONE),
    _mutation(
        ROLLOUT,
        "(self.seen[0][seeds], self.seen[1][seeds])",
        "self.seen",
        "seeds that are left scale by those that are through",
        "tests/learning/test_scaling.py::test_actors_scale_separately",
    ),
    _mutation(
        NUMPY_TANH,
        "tanh_backward(slopes[0], values)",
        "tanh_backward(slopes[0], values * values)",
        "the activation has the slope of another function",
        _TEST_ACTIVATIONS,
    ),
    _mutation(
        ELU,
        "where=values < 0",
        "where=values < 1",
        "whoever acts has another activation than whoever learns",
        _TEST_ACTIVATIONS,
    ),
    _mutation(TRAINING, "paid(rewards, batch)", "batch", "learners are paid what is earned", _RETURNS_LOGGED),
    _mutation(
        TRAINING,
        "returns = batch.returns",
        "returns = seen.returns",
        "logged returns are those that were paid",
        _RETURNS_LOGGED,
    ),
    _mutation(
        FROZEN,
        "paid(rewards, collect(environments, actor_of([policy]), [generators]))",
        "collect(environments, actor_of([policy]), [generators])",
        "the laboratory measures what is earned",
        _PROBED,
    ),
    _mutation(
        HORIZONS,
        "paid(environment.rewards, collected.until(horizon))",
        "paid(environment.rewards, collected).until(horizon)",
        "rewards are paid before trajectories are cut",
        "tests/laboratory/test_transformed_rewards.py::"
        "test_rewards_are_paid_where_a_shorter_horizon_ends_the_trajectory",
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
    _mutation(
        EXPECTATIONS,
        "squares[name] - mean.square().sum().item()",
        "squares[name]",
        "a variance is a mean square",
        _MOMENTS,
    ),
    _mutation(
        EXPECTATIONS,
        "regrouped(batch), mdp, critics)",
        "regrouped(1), mdp, critics)",
        "sampled batches are single trajectories",
        "tests/laboratory/test_monte_carlo.py::test_the_sampled_variance_is_the_enumerated_one",
    ),
    _mutation(
        CLONING,
        "values[:, :-validated]), shown",
        "values), shown",
        "a policy is fitted to what it is judged by",
    ),
    _mutation(CLONING, "found < least", "found > 0", "the last epoch is kept, not the best"),
    _mutation(
        IMITATION,
        "zip(job.seeds, job.demonstrators.seeds, strict=True)",
        "zip(job.seeds, job.demonstrators.seeds[:1] * len(job.seeds), strict=True)",
        "every seed is shown the first demonstrator",
    ),
    _mutation(
        IMITATION,
        "generator(seed, stream, purpose)",
        'generator(seed, "train", purpose)',
        "tuning is shown what training is shown",
    ),
    _mutation(
        TRAINING,
        "= beginning, beginning.demonstration_steps",
        "= beginning, 0",
        "the steps of demonstrations do not count",
        f"{_tests_of(TRAINING)}::test_demonstrations_count_in_the_budget",
    ),
    _mutation(
        TRAINING,
        "            other.policy.load_state_dict(first.policy.state_dict())\n",
        "            pass\n",
        "only the first learning rate begins with the clone",
        f"{_tests_of(TRAINING)}::test_tuning_starts_every_rate_from_the_same_clone",
    ),
    _mutation(
        TRAINING,
        '_run(job, "tune", assignments',
        '_run(job, "train", assignments',
        "the runs that chose a learning rate are evaluated as well",
        f"{_tests_of(TRAINING)}::test_tuning_and_training_seeds_are_independent",
    ),
    _mutation(
        SLICING,
        "held.first + seed % held.count",
        "held.first + seed",
        "a clone asks for demonstrators that were never trained",
        "tests/study/test_demonstrators.py",
    ),
    _mutation(SELECTION, "scores.index(max(scores))", "scores.index(min(scores))", "the worst of a family is judged"),
    _mutation(
        SELECTION,
        'if one["learning_rate"] == choice["learning_rate"]]',
        "]",
        "candidates are ranked by rates that were not chosen",
    ),
    _mutation(
        SELECTION,
        '{"environment": environment} | candidate, tuned)',
        "candidate, tuned.drop_duplicates(list(candidate)))",
        "one environment chooses for all",
    ),
    _mutation(
        COMPARISONS,
        'ratio_of_means(values["a"], values["b"]',
        'ratio_of_means(values["b"], values["a"]',
        "b is held over a",
        "tests/claims/test_judge.py",
    ),
    _mutation(
        FAMILIES,
        'if (len(part.a.best_of), rates["a"]) != (len(part.b.best_of), rates["b"]):',
        'if (len(part.a.best_of), rates["a"]) < (len(part.b.best_of), rates["b"]):',
        "a may have more candidates than b",
        "tests/study/problems/test_families.py",
    ),
    _mutation(CURVES, 'np.isnan(last["kl_new_old"] + last["kl_old_new"])', "False", "a lost policy has not diverged"),
    _mutation(CURVES, "np.append(known, worst)", "np.append(known, known[-1])", "a lost run keeps its last return"),
    _mutation(TUNING, "    if curves.has_diverged(run):", "    if False:", "a rate that loses policies has a score"),
    _mutation(
        TRAIN_TABLES,
        "for diverged, last in found if not diverged]",
        "for diverged, last in found]",
        "a lost run ends all",
    ),
    _mutation(TRAIN_TABLES, '"final_return": worst if diverged else', '"final_return":', "failures keep their return"),
    _mutation(DISTANCES, ".sum(-1) + ended.abs())", ".sum(-1))", "what has ended is in no state"),
    _mutation(DISTANCES, 'direction == "new_old" else', 'direction == "old_new" else', "the divergence is swapped"),
    _mutation(MOVES, "on_fresh / kl.limit", "on_batch / kl.limit", "the limit is judged on the batch alone"),
    _mutation(
        SINGLE_UPDATES,
        "improved, rate = copy.deepcopy(policy),",
        "improved, rate = policy,",
        "each update begins where the last one ended",
    ),
    _mutation(
        SINGLE_UPDATES,
        "self.shuffling, self.limit_state, self.critic)",
        "self.shuffling, {}, self.critic)",
        "a penalty forgets its factor",
    ),
    _mutation(BIAS, "(old - new).unsqueeze(-1)", "(new - old).unsqueeze(-1)", "the state part has the wrong sign"),
    _mutation(
        REUSE,
        "scores(chunk.target, *valid_steps",
        "scores(chunk.behaviour, *valid_steps",
        "estimates of the behaviour policy's gradient",
    ),
    _mutation(
        HORIZONS,
        "np.percentile(logs.numpy(), _QUANTILES)",
        "np.percentile(weights.log().numpy(), _QUANTILES)",
        "quantiles are of weights that are cut and normalised",
    ),
    _mutation(STALENESS, "state_part, return_part =", "return_part, state_part =", "the parts of the bias are swapped"),
    _mutation(
        STALENESS,
        "exact_divergence(reuse.behaviour, reuse.target,",
        "exact_divergence(reuse.target, reuse.behaviour,",
        "the divergence along a walk is swapped",
    ),
    _mutation(STALENESS, "weights.max().item()", "weights.mean().item()", "the largest weight is the average one"),
    _mutation(STALENESS, '"minibatches": 1, "kl": None', '"minibatches": 1', "a limit ends the walk"),
    _mutation(SUPPORT, "variance.item() / batch", "variance.item()", "the mean of N varies as one estimate does"),
    _mutation(SUPPORT, "* (1 - left)", "", "a proposal's probabilities sum to more than one"),
    _mutation(
        SUPPORT,
        "table[chosen].log() - behaviour[chosen].log()",
        "behaviour[chosen].log() - table[chosen].log()",
        "the ratio is upside down",
    ),
    _mutation(SUPPORT, "(repetitions, batch)).mean(1)", "(repetitions, batch)).sum(1)", "estimates are added up"),
    _mutation(SUPPORT, ".norm(dim=-1).median()", ".norm(dim=-1).mean()", "the median error is the mean one"),
    _mutation(ACROSS, "(x - initial) /", "x /", "a score of 0 is a return of 0"),
    _mutation(ACROSS, "(a == b)", "(a >= b)", "a tie counts as much as a win"),
    _mutation(ACROSS, "pooled > tau", "pooled >= tau", "a profile counts runs at the score itself"),
    _mutation(
        ACROSS, "math.sqrt(n / (n - 1)) * stats", "stats", "percentiles are not expanded for resamples that spread less"
    ),
    _mutation(ACROSS_TABLES, "min(mean, initial", "max(mean, initial", "a clone passes for a random policy"),
    _mutation(
        ACROSS_TABLES, "_level(strand), strand", "(), strand", "levels are compared with the first level's variant"
    ),
    _mutation(COVERAGE, "if row.n <= n]", "if row.n >= n]", "the coverage said is that of larger samples"),
    _mutation(COVERAGE, "and not row.holds]", "and row.holds]", "what is said is the coverage of intervals that hold"),
    _mutation(POWER, "(2 * claims)", "claims", "power is that of a one-sided verdict", _POWER),
    _mutation(POWER, "effect * math.sqrt(n)", "effect", "more seeds bring no power", _POWER),
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
