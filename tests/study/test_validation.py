"""Messages name the key, the value, what is allowed and the nearest valid name."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pg.study.files import StudyFile, located
from pg.study.validation import load
from tests.study.studies import FILES, assert_refused, put, refusals, refused, study_of, with_added, with_reuse


@pytest.mark.parametrize("file", FILES)
def test_the_studies_of_the_repository_are_legal(file: str) -> None:
    assert study_of(file).experiments


@pytest.mark.parametrize("section", ["environments", "variants", "experiments"])
def test_a_key_that_is_no_text_is_refused_with_the_other_problems(options: dict[str, Any], section: str) -> None:
    options[section][None] = "1"
    options["claims"]["causality"]["parts"]["probed"]["relation"] = {}
    problems = refused(options)
    assert problems[0].startswith(f"{section}: should be a valid string")
    assert any(problem.startswith("claims.causality.parts.probed.relation: should be") for problem in problems)


@pytest.mark.parametrize("table", ["summary", "curves", "means", "diverged", "tuned", "across"])
def test_an_experiment_may_not_have_the_name_of_a_table(options: dict[str, Any], table: str) -> None:
    message = f"experiments.learn-{table}: has the name of a table of learn; choose another name"
    assert_refused(options, f"experiments/learn-{table}", options["experiments"]["learn"], message)


@refusals(
    r"""
variants/total/retruns: total => : unknown key; did you mean 'returns'
variants/total/rewards: {normalise: true} => : unknown key: rewards is an option of environments, not of variants
experiments/learn/section: Recap => : unknown key: section is an option of claims and figures, not of experiments
variants/total/learning_rate: 0.1 => : unknown key; write optimizer: {learning_rate: 0.1}
variants/total/lr: 0.1 => : unknown key; write optimizer: {learning_rate: 0.1}
variants/total/gamma: 0.9 => : unknown key; write discount: 0.9
claims/causality/metric: total_variance => : unknown key; write parts: {NAME: {metric: total_variance}}
claims/causality/parts/probed/a: to_go
  => : should be a mapping of keys to values; it is 'to_go'; write {variant: to_go}
experiments/learn/snapshots: [initial, late] => : should be a mapping of keys to values; it is ['initial', 'late']
variants/total/hidden: [8] => : unknown key; write policy: {hidden: [8]}
variants/total/fit_steps: 9 => : unknown key; write baseline: {name: value_network, fit_steps: 9}
variants/total/policy: {learning_rate: 0.1} => .learning_rate: unknown key; write optimizer: {learning_rate: 0.1}
variants/total/policy: {batch: 4} => .batch: unknown key: batch is an option of variants, not of policy
environments/cartpole/normalise: true
  => : unknown key; write rewards: {normalise: true} or observations: {normalise: true}
experiments/learn/steps: 9 => : unknown key; write budget: {steps: 9}
experiments/learn/clip_norm: 9 => : unknown key; write optimizer: {clip_norm: 9} in variants
experiments/learn/sweep: {variant.learning_rate: [0.1]}
  => 'variant.learning_rate' names no option; write variant.optimizer.learning_rate
experiments/learn/sweep: {variant.policy.batch: [1]} => 'variant.policy.batch' names no option; write variant.batch
experiments/learn/sample: {} => : unknown key; …allowed: kind,
experiments/learn/sweep: {variant.rewards.normalise: [true]}
  => 'variant.rewards.normalise' names no option: rewards is an option of environments, not of variants
variants/total/returns: togo => : 'togo' is not known; did you mean 'to_go'?; allowed: total, to_go, gae,
variants/total/discount: 1.5 => : should be less than or equal to 1; it is 1.5
variants/total/discount_states: true => variants.total: discount_states: true changes nothing
variants/baseline/batch: 1 => variants.baseline: baseline: average_reward … needs batch: 2
variants/total/optimizer: {learning_rate: -0.1} => .learning_rate: should be greater than 0 or
variants/total/optimizer: {learning_rate: 3e-4} => YAML reads 3e-4 as text: write 3.0e-04
variants/total/optimizer: {learning_rate: '0.1'} => it is text: leave the quotes out, as in 0.1
experiments/learn/budget/steps: 1e3 => YAML reads 1e3 as text: write 1000
variants/total/policy/hidden: [8, 0] => .1: should be greater than 0; it is 0
variants/total/policy/hidden: 8 => : should be a list; it is 8
environments/cartpole/id: CartPole-v9 => : …did you mean 'CartPole-v
environments/cartpole/id: nowhere:CartPole-v1 => : cannot import 'nowhere': No module named 'nowhere'
environments/cartpole/id: gymnasium:CartPol-v1 => : … did you mean 'gymnasium:CartPole-v1'?
environments/cartpole/id: gymnasium:Nothing-v9 => : 'gymnasium:Nothing-v9' is not known to gymnasium
environments/cartpole/kwargs: {gravity: 3} => : …gravity
environments/chain/kwargs: {lenght: 3} => : …lenght
environments/cartpole/id: CliffWalking-v1 => : …declare a horizon
environments/cartpole/id: Blackjack-v1 => : …declare a horizon
environments/cartpole/horizon: 0 => : should be greater than 0
experiments/learn/kind: trian => experiments.learn: kind: 'trian' is not known; did you mean 'train'
experiments/learn/seeds/count: 0 => : should be greater than 0; it is 0
experiments/learn/seeds: {} => .count: is missing
experiments/learn/seeds: [] => : should be
experiments/learn/sedes: {} => : unknown key; did you mean 'seeds'
experiments/learn/variants: [totall] => : 'totall' … did you mean 'total'
experiments/learn/variants: [] => : is empty, and needs at least 1 item
experiments/learn/environments: [cart] => : 'cart' …'cartpole'
experiments/learn/tuning: null => : is missing, but the learning rate of to_go
experiments/learn/tuning/grid: [] => : …at least 1 item
experiments/learn/budget/steps: many => : …integer; it is 'many'
experiments/learn/snapshots: {initial: 0.0, late: 1.5} => .late: should be less than or equal
experiments/learn/sweep: {batch: [1]} => : 'batch' must begin with
experiments/learn/sweep: {variant.bach: [1]} => 'variant.bach' names no option; did you mean 'batch'
experiments/learn/sweep: {variant.policy.hidden: [[2], [3]], variant.policy: [{hidden: [4]}, {hidden: [5]}]}
  => : 'variant.policy.hidden' has no effect, because 'variant.policy' replaces it; list 'variant.policy' first
experiments/learn/sweep: {variant.policy: [{hidden: [4]}, {hidden: [5]}], variant.policy.hidden: [[2], [3]]}
  => : 'variant.policy.hidden' replaces 'hidden' in values of 'variant.policy'; leave it out of one of them
experiments/learn/sweep: {variant.label: [a b, c8687a08]} => : two levels have the same name in folders, to
experiments/learn/sweep: {environment.kwargs.length.x.y: [2, 3]} => : cartpole@y=2: kwargs: CartPole-v1 cannot
environments/chain/kwargs: {length: 1000000000} => : length: 1,000,000,000 is too large for tables; allowed: 1,000
environments/cartpole: {id: Hopper-v5, kwargs: {frame_skip: 0}} => .kwargs: Hopper-v5 cannot be made with these arg
environments/cartpole: {id: Hopper-v5, kwargs: {xml_file: none.xml}} => .kwargs: Hopper-v5 cannot be made with these
environments/cartpole: {id: Hopper-v5, kwargs: {healthy_z_range: 3}} => .kwargs: Hopper-v5 cannot be made with these
environments/cartpole: {id: Hopper-v5, kwargs: {render_mode: human}} => .kwargs: render_mode: no job renders; leave
environments/cartpole/id: .relative:CartPole-v1 => : cannot import '.relative'
experiments/learn/sweep: {variant.batch: [0]} => : a level is not legal: batch
experiments/gradients/source/experiment: exact => : 'exact' is not known
experiments/gradients/source/variant: baseline => : 'baseline' is not known
experiments/gradients/source/stages: [ltae] => : 'ltae' … did you mean 'late'
experiments/gradients/seeds: {count: 9} => : 0 to 8 are needed, but learn trains 0 to 4
experiments/gradients/sample/batches: [48] => gradients.sample: batches: 48 does not divide trajectories: 64
experiments/gradients/sweep: {variant.batch: [2]} => : variant.batch has no effect
experiments/exact/environments: [cartpole] => : cartpole … has no tables
environments/chain/horizon: 9 => exact.limit: chain has … trajectories, and batches of 3 make … 200,000
figures/variance/kind: varience => : 'varience' … did you mean 'variance'
figures/variance/experiment: learn => : variance draws probe
figures/variance/variants: [to_go] => : 'to_go' is not known
claims/causality/figure: varianc => : 'varianc' … did you mean 'variance'
claims/causality/primary: probe => : 'probe' … did you mean 'probed'
claims/causality/headline: probe => : 'probe' … did you mean 'probed'
questions: {why: {ask: Why, answers: [claims.causalty]}} => .why.answers: … did you mean 'claims.causality'
questions: {why: {ask: Why, answers: [claims.causality.probe]}} => .why.answers: … mean 'claims.causality.probed'
questions: {why: {ask: Why, answers: [figures.varianc]}} => .why.answers: … did you mean 'figures.variance'
questions: {why: {answers: [claims.causality]}} => .why.ask: is missing
claims/causality/parts/probed/metric: variance => : 'variance' …total_variance
claims/causality/parts/probed/metric: area => : area is measured by train
claims/causality/parts/probed/a: {batch: 8} => : selects no variant
claims/causality/parts/probed/a/batch: 9 => : 9 is not one of 8, 16
claims/causality/parts/probed/a/bach: 8 => : is not a column … did you mean 'batch'
claims/causality/parts/probed/b: null => parts.probed: give either b or reference
claims/causality/parts/probed/relation: greatr => : 'greatr' is not known; did you mean 'greater'
claims/causality/parts/probed/relation: no_module:Class => : cannot import 'no_module:Class'
claims/causality/parts/probed/relation: equal => parts.probed: relation: equal needs a margin
claims/causality/parts/probed/stages: [lat] => : 'lat' … did you mean 'late'
experiments/learn/evaluate: {every_steps: 101, episodes: 3}
  => evaluate.every_steps: 101 is never reached with budget.steps: 100; allowed: 1 to 100
experiments/learn/evaluate: null => : should be a mapping
experiments/learn/evaluate: {every_steps: 9, episodes: 0} => .episodes: should be greater than 0
experiments/learn/evaluate: {thresold: 1.0} => .thresold: unknown key; did you mean 'threshold'
experiments/gradients/evaluate: {every_steps: 9, episodes: 2} => : unknown key
results: ../elsewhere => : must be a relative folder … such as results/mine
name: null => : should be a valid string; it is None
variants/total/initialise: {name: given, outputs: [0]}
  => .outputs: has 1 numbers, and policies in cartpole have 2 outputs
variants/total/initialise: {name: given} => .outputs: is missing
variants/total/optimizer: {clip_norm: 0} => .clip_norm: should be greater than 0; it is 0
variants/total/optimizer: {schedule: falling} => .schedule: should be 'constant', 'linear' or 'cosine'; it is 'falling'
claims/causality/parts/probed: {experiment: gradients, metric: total_variance, a: {variant: to_go, batch: 8},
  relation: equal, margin: 1.0, reference: {value: 0, source: S}} => .reference.value: total_variance is positive
claims/causality/parts/probed: {experiment: learn, metric: solved, a: {variant: to_go}, relation: equal, margin: 0.1,
  reference: {value: 1.5, source: S}} => .reference.value: solved is a share; allowed: 0 to 1, not 1.5
claims/causality/parts/probed: {experiment: gradients, metric: total_variance, a: {variant: to_go, batch: 8},
  relation: less, reference: {value: 1, sourc: S}} => .reference.sourc: unknown key; did you mean 'source'
environments: {} => environments: is empty, and needs at least 1 item
variants/total/baseline: leave_one_out_per_step => : …; did you mean 'per_step_leave_one_out'?; allowed:
claims/causality/parts/probed/metric: variance_least => : 'variance_least' is not known; did you mean 'least_variance'?
experiments/learn/seeds: 4 => : should be a mapping of keys to values; it is 4; its keys: count, first, per_job
variants/to_go/kl: {limit: 0.1, hold_by: early}
  => : 'early' is not known; did you mean 'early_stop'?; allowed: early_stop, penalty
experiments/gradients/environments: [chain]
  => : 'chain' is not known…: cartpole; its policies come from learn, which trains only there
"""
)
def test_an_illegal_option_is_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(options, path, value, message)


@refusals(
    """
experiments/learn/variants: [total, total] => 'total'
experiments/learn/environments: [cartpole, cartpole] => 'cartpole'
experiments/learn/tuning/grid: [0.1, 0.01, 0.1] => 0.1
experiments/gradients/source/stages: [late, initial, late] => 'late'
experiments/gradients/sample/batches: [8, 8] => 8
experiments/exact/sweep/variant.batch: [2, 2] => 2
experiments/exact/sweep/variant.policy.hidden: [[8], [], [8]] => [8]
experiments/exact/sweep/variant.returns.lambda: [1, 1.0] => 1.0
experiments/exact/sweep/variant.kl: [{limit: 0.1}, {limit: 0.1}] => {'limit': 0.1}
experiments/exact/sweep/variant.label: [[{}], [{}]] => [{}]
experiments/stale/walk/steps: [0, 4, 4] => 4
experiments/weights/horizons: [10, 10] => 10
experiments/support/left: [0.5, 0.5] => 0.5
figures/variance/environments: [cartpole, cartpole] => 'cartpole'
figures/variance/variants: [total, total] => 'total'
figures/variance/metrics: [snr, snr] => 'snr'
figures/variance/pooled: [learn, learn] => 'learn'
claims/causality/parts/probed/environments: [cartpole, cartpole] => 'cartpole'
claims/causality/parts/probed/stages: [late, late] => 'late'
"""
)
def test_a_repeated_list_item_is_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    support = {"kind": "support", "environments": ["chain"], "variants": ["total"], "seeds": {"count": 1}}
    put(with_reuse(options), "experiments/support", support | {"left": [0.5]})
    assert load(options)
    put(options, path, value)
    assert refused(options) == (f"{path.replace('/', '.')}: {message} is listed twice; remove one",)


def test_equal_layers_and_potentials_are_legal(options: dict[str, Any]) -> None:
    options["variants"]["total"]["policy"]["hidden"] = [8, 8]
    options["environments"]["chain"]["rewards"] = {"shaping": [1.0, 1.0]}
    assert load(options)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("figures/variance/kind", ("variance", "learning_curves", "docs/studies.md#figures")),
        ("claims/causality/parts/probed/metric", ("variance", "relative_bias (bias over the gradient's norm)")),
    ],
)
def test_a_question_mark_is_answered_with_all_names(options: dict[str, Any], path: str, names: tuple[str, ...]) -> None:
    put(options, path, "?")
    (problem,) = refused(options)
    assert problem.startswith(f"{path.replace('/', '.')}: '?' is not known; allowed:\n")
    assert all(name in problem for name in names)
    assert all(len(line) <= 120 for line in problem.splitlines())


def test_a_list_of_illegal_names_is_not_called_empty(options: dict[str, Any]) -> None:
    put(options, "experiments/learn/variants", ["?"])
    rule = "a name has 1 to 60 letters, digits, - and _, and begins with a letter or a digit"
    assert refused(options) == (f"experiments.learn.variants.0: {rule}; it is '?'",)


def test_comments_and_key_order_have_no_effect(options: dict[str, Any]) -> None:
    text = "# a comment\n" + yaml.safe_dump(options, sort_keys=True)
    assert load(yaml.safe_load(text)).experiments == load(options).experiments


def test_problems_of_all_stages_are_reported_at_once(options: dict[str, Any]) -> None:
    with_added(
        options,
        """
        environments:
          missing: {id: NoSuch-v1}
        variants:
          wrong: {batch: -1}
          orphan: {extends: nobody}
        experiments:
          of_wrong: {kind: train, environments: [cartpole], variants: [wrong], seeds: {count: 2}, budget: {steps: 9}}
          of_missing: {kind: exact, environments: [missing], variants: [to_go], seeds: {count: 2}}
          misnamed: {kind: exact, environments: [chain], variants: [wron], seeds: {count: 2}}
        figures:
          nowhere: {kind: variance, experiment: gradient}
          of_wrong: {kind: learning_curves, experiment: of_wrong, variants: [nobody]}
        figure_defaults: {colours: {wrong: '#ff0000'}}
        questions:
          good: {ask: Why is it so, answers: [claims.causalty]}
        """,
    )
    found = refused(options)

    assert [problem.split(": ")[0] for problem in found] == [
        "variants.orphan.extends",
        "variants.wrong.batch",
        "environments.missing.id",
        "experiments.misnamed.variants",
        "figures.nowhere.experiment",
        "questions.good.answers",
    ]
    assert "did you mean 'wrong'" in found[3], "names of entries with problems are names"


@pytest.mark.parametrize("section", ["environments", "variants", "experiments", "figures", "claims"])
def test_a_misspelt_section_hides_no_other_problem_and_makes_none(options: dict[str, Any], section: str) -> None:
    options[section[:-1]] = options.pop(section)
    (problem,) = refused(options)
    assert problem.startswith(f"{section[:-1]}: unknown key; did you mean {section!r}?; allowed:")

    options["report"] = {"author": "A"}
    first, second = refused(options)
    assert first == problem
    assert second.startswith("report.author: unknown key; did you mean 'authors'?")


def test_a_misspelt_section_is_merged_with_the_declared_one(options: dict[str, Any]) -> None:
    options["experiment"] = {"exact": options["experiments"].pop("exact")}
    options["figures"]["ladder"] = {"kind": "ladder", "experiment": "exact"}
    (problem,) = refused(options)
    assert problem.startswith("experiment: unknown key; did you mean 'experiments'?")

    options["experiment"] = "exact"
    assert refused(options)[0] == problem


def test_a_misspelt_variant_of_a_source_is_reported_once(options: dict[str, Any]) -> None:
    put(options, "experiments/learn/variants", ["total", "too_go"])
    (problem,) = refused(options)
    assert problem.startswith("experiments.learn.variants: 'too_go' is not known; did you mean 'to_go'?")


def test_a_message_is_at_the_line_of_its_own_key() -> None:
    file = StudyFile(Path("mine.yaml"), {}, {"experiments.learn": 3, "experiments.learn.evaluate.every_steps": 7})
    problems = ["experiments.learn: evaluate.every_steps: 9 is never reached", "experiments.learn: is too long"]

    assert [one.split(": ")[0] for one in located(problems, [file])] == ["mine.yaml:7", "mine.yaml:3"]
