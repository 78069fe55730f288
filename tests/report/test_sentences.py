"""Findings as sentences: a table of relations, metrics and verdicts with the sentence of each."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pg.claims.record import ClaimPart
from pg.parts.variant import Variant
from pg.plotting.text import percent, times
from pg.report.sentences import Result, finding, measured, signed_amount
from pg.report.sides import _singular
from pg.study.record import Study

TO_GO, TOTAL = {"variant": "to_go", "batch": 16}, {"variant": "total", "batch": 16}
LEAST = {**TOTAL, "metric": "least_variance"}
VARIANCE: dict[str, Any] = {"experiment": "probe", "metric": "total_variance", "a": TO_GO, "b": TOTAL}
COSINE = {"experiment": "probe", "metric": "cosine", "a": TO_GO, "reference": 0.5}
BIAS = {"experiment": "probe", "metric": "relative_bias", "a": TO_GO, "reference": 0, "relation": "exact"}
SHARE = {"experiment": "probe", "metric": "total_variance", "a": TO_GO, "reference": 0.5, "relation": "greater"}
SHARE |= {"share_of": {"zero": TOTAL, "one": LEAST}}
TRAINED = {"experiment": "ladder", "a": {"variant": "to_go"}, "b": {"variant": "total"}}
STEPS, FAILED = TRAINED | {"metric": "steps_to_threshold"}, TRAINED | {"metric": "failed"}
RETURN = TRAINED | {"metric": "final_return"}
RETURN_ALONE = {name: value for name, value in RETURN.items() if name != "b"}
PUBLISHED = {"value": 320, "se": 5, "source": "Doe (2020)"}
SIZES = RETURN | {"a": {"variant": "to_go", "variant.batch": 64}, "b": {"variant": "to_go", "variant.batch": 4}}
AT = "(CartPole-v1; late policies; batch 16)"
MEANS = {"a": 0.67, "b": 0.5, "zero": 4.9, "one": 0.32}


def result_of(study: Study, declared: dict[str, Any], effect: float, *ends: float, **others: Any) -> Result:
    low, high = ends or (float("nan"), float("nan"))
    return Result(study, ClaimPart.model_validate(declared), effect, low, high, **{"n": 12, "means": MEANS, **others})


def less(declared: dict[str, Any]) -> dict[str, Any]:
    return declared | {"relation": "less"}


@pytest.mark.parametrize(
    ("declared", "numbers", "verdict", "said"),
    [
        (
            less(VARIANCE),
            (0.249, 0.193, 0.321),
            "supported",
            (
                "The variance of the gradient estimate with “reward-to-go” is a quarter (19 % to 32 %) of that "
                f"with “total return”: 0.67 instead of 0.50 {AT}."
            ),
        ),
        (
            less(VARIANCE),
            (3.5, 2.74, 4.23),
            "refuted",
            (
                "The variance of the gradient estimate with “reward-to-go” is 3.5 times (2.7 to 4.2) that with "
                f"“total return”: 0.67 instead of 0.50 {AT}. The claim needs less than with “total return”."
            ),
        ),
        (
            less(COSINE),
            (0.969, 0.9637, 0.9742),
            "refuted",
            (
                "With “reward-to-go”, the cosine between the estimate of a batch and the true gradient is 0.97 "
                f"(0.96 to 0.97) {AT}. The claim needs less than 0.5."
            ),
        ),
        (
            COSINE | {"relation": "equal", "margin": 0.1},
            (0.55, 0.45, 0.65),
            "undecided",
            (
                "With “reward-to-go”, the cosine between the estimate of a batch and the true gradient is 0.55 "
                f"(0.45 to 0.65) {AT}. Too uncertain to decide: the claim needs 0.4 to 0.6."
            ),
        ),
        (
            COSINE | {"relation": "greater", "shown": {"environment": "pendulum"}},
            (0.51, 0.41, 0.61),
            "mixed",
            (
                "With “reward-to-go”, the cosine between the estimate of a batch and the true gradient is 0.51 "
                "(0.41 to 0.61) (InvertedPendulum-v5; late policies; batch 16; 0.20 to 0.80 over all environments). "
                "The cases disagree: the claim needs more than 0.5."
            ),
        ),
        (
            BIAS | {"margin": 1e-10},
            (3e-15,),
            "supported",
            (
                "With “reward-to-go”, the bias of the gradient estimate is 0 up to "
                "rounding in all of 12 measurements (CartPole-v1; InvertedPendulum-v5; batch 16)."
            ),
        ),
        (
            BIAS | {"margin": 1e-10},
            (0.5,),
            "refuted",
            (
                "With “reward-to-go”, the bias of the gradient estimate is up to 50 % of the gradient’s "
                "length, not 0 (CartPole-v1; InvertedPendulum-v5; batch 16). The claim needs 0 up to "
                "rounding."
            ),
        ),
        (
            VARIANCE | {"relation": "exact", "margin": 0.25},
            (0.1,),
            "supported",
            (
                "The variance of the gradient estimate is the same with “reward-to-go” as with “total return” "
                "within 0.25 in all of 12 measurements (CartPole-v1; InvertedPendulum-v5; batch 16)."
            ),
        ),
        (
            RETURN_ALONE | {"reference": PUBLISHED, "relation": "equal", "margin": 25},
            (11, -2.04, 24.1),
            "supported",
            (
                "With “reward-to-go”, the return of evaluations at the end of the budget is 0.67, and 320 in "
                "Doe (2020): higher by 11 (2.0 lower to 24 higher) (CartPole-v1). The claim needs a difference of at "
                "most 25."
            ),
        ),
        (
            RETURN_ALONE | {"reference": PUBLISHED, "relation": "greater"},
            (-11, -24, -2),
            "refuted",
            (
                "With “reward-to-go”, the return of evaluations at the end of the budget is 0.67, and 320 in "
                "Doe (2020): lower by 11 (2.0 to 24) (CartPole-v1). The claim needs more than published."
            ),
        ),
        (
            SHARE,
            (1.037, 0.956, 1.13),
            "supported",
            (
                "“reward-to-go” lowers the variance of the gradient estimate from 4.9 (“total return”) to 0.67, where "
                "the best unbiased constant gives 0.32: 104 % (96 % to 113 %) of the possible change, averaged "
                "over seeds "
                f"{AT}. The claim needs more than 50 % of the change."
            ),
        ),
        (
            SHARE,
            (-0.911, -2.562, 0.085),
            "refuted",
            (
                "“reward-to-go” lowers the variance of the gradient estimate from 4.9 (“total return”) to 0.67, where "
                "the best unbiased constant gives 0.32: −91 % (−256 % to 8.5 %) of the possible change, averaged "
                "over seeds, so "
                f"away from it {AT}. The claim needs more than 50 % of the change."
            ),
        ),
        (
            less(STEPS),
            (-3362.3, -5000.0, -1200.0),
            "supported",
            (
                "The time to the threshold is lower by 3,360 environment steps (1,200 to 5,000) with "
                "“reward-to-go” than with “total return”: 0.67 instead of 0.50 (CartPole-v1)."
            ),
        ),
        (
            less(STEPS) | {"ratio_of_means": True},
            (0.62, 0.48, 0.79),
            "supported",
            (
                "The time to the threshold with “reward-to-go” is 62 % (48 % to 79 %) of that with “total "
                "return”: 0.67 instead of 0.50 (CartPole-v1)."
            ),
        ),
        (
            FAILED | {"relation": "greater"},
            (0.8, 0.51, 0.92),
            "supported",
            (
                "The share of failed runs is higher by 80 percentage points (51 to 92) with “reward-to-go” "
                "than with “total return”: 67 % instead of 50 % (CartPole-v1)."
            ),
        ),
        (
            SIZES | {"relation": "greater"},
            (17.3, -126.2, 160.8),
            "undecided",
            (
                "The return of evaluations at the end of the budget is higher by 17 (126 lower to 161 higher) with "
                "batch 64 than with batch 4: 0.67 instead of 0.50 (CartPole-v1; “reward-to-go”). Too uncertain to "
                "decide: the claim needs more than with batch 4."
            ),
        ),
        (
            RETURN | {"relation": "equal", "margin": 50},
            (-12.0, -33.0, 9.3),
            "supported",
            (
                "The return of evaluations at the end of the budget is lower by 12 (33 lower to 9.3 higher) with "
                "“reward-to-go” than with “total return”: 0.67 instead of 0.50 (CartPole-v1). The claim needs a "
                "difference of at most 50."
            ),
        ),
        (
            RETURN | {"relation": "equal", "margin": 50},
            (0.0, 0.0, 0.0),
            "supported",
            (
                "The return of evaluations at the end of the budget is the same with “reward-to-go” as with “total "
                "return” (CartPole-v1). The claim needs a difference of at most 50."
            ),
        ),
        (
            COSINE | {"relation": "greater"},
            (0.9, 0.8, 1.0),
            "supported",
            (
                "With “reward-to-go”, the cosine between the estimate of a batch and the true gradient is 0.90 "
                f"(0.80 to 1.0) {AT}. The claim needs more than 0.5."
            ),
        ),
        (
            less(STEPS) | {"ratio_of_means": True, "b": {"best_of": [{"variant": "total"}]}},
            (1.5, 1.2, 1.9),
            "refuted",
            (
                "The time to the threshold with “reward-to-go” is 1.5 times (1.2 to 1.9) that with the best of “total "
                "return”: 0.67 instead of 0.50 (CartPole-v1). The claim needs less than with the latter."
            ),
        ),
        (
            less(STEPS) | {"a": {"best_of": [{"variant": "to_go"}, {"variant": "normalised"}]}},
            (float("nan"),),
            "undecided",
            (
                "With the best of “reward-to-go” and “normalised”, the time to the threshold is not defined in "
                "every run (CartPole-v1). Too uncertain to decide: the claim needs less than with “total return”."
            ),
        ),
    ],
)
def test_a_finding_is_a_sentence(
    study: Study, declared: dict[str, Any], numbers: tuple[float, ...], verdict: str, said: str
) -> None:
    cases = {"lowest": 0.2, "highest": 0.8} if verdict == "mixed" else {"lowest": math.nan, "highest": math.nan}
    found = result_of(study, declared, *numbers, verdict=verdict, **cases)

    assert finding(found).replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.parametrize(
    ("declared", "cases"),
    [
        (less(VARIANCE), "0.20 to 0.80 times"),
        (SHARE, "20 % to 80 %"),
        (less(STEPS), "0.20 to 0.80"),
        (FAILED | {"relation": "greater"}, "20 % to 80 %"),
    ],
)
def test_the_range_over_all_cases_is_told(study: Study, declared: dict[str, Any], cases: str) -> None:
    found = measured(result_of(study, declared, 0.5, 0.4, 0.6, lowest=0.2, highest=0.8))

    assert found.replace("\N{NO-BREAK SPACE}", " ").endswith(f"; {cases} over all environments).")


@pytest.mark.parametrize(
    ("found", "highest", "cases"),
    [
        ("; the least certain of 8 is in cartpole, middle: undefined: 2 of 6 values not positive", 0.8, "0.20 to 0.80"),
        ("; the least certain of 8 is in cartpole, middle: undefined: 2 of 6 values not positive", 0.2, "0.20"),
        ("; undefined: 2 of 6 values not positive", 0.8, "0.20 to 0.80"),
    ],
)
def test_a_range_is_not_said_to_be_over_cases_that_are_undefined(
    study: Study, found: str, highest: float, cases: str
) -> None:
    comparison = f"to_go / total < 1 in cartpole, late{found}"
    of = {"lowest": 0.2, "highest": highest, "verdict": "undecided"}
    words = measured(result_of(study, less(VARIANCE), 0.3, 0.2, 0.4, comparison=comparison, **of))
    elsewhere = f"a < 1 in cartpole, late; the least certain of 2 is in pendulum, late: 2; demanded of kl: b{found}"
    other = measured(result_of(study, less(VARIANCE), 0.3, 0.2, 0.4, comparison=elsewhere, **of))

    assert words.endswith(f"; {cases} times over the environments where it is defined).")
    assert other.endswith("times over all environments).")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("0.957", "also in CartPole-v1, middle (0.96 times)."),
        ("undefined: 3 of 4 values not finite", "also in CartPole-v1, middle (undefined, 3 of 4 values not finite)."),
        (
            "undefined: 2 of 6 values not positive",
            (
                "also in CartPole-v1, middle (the variance of the gradient estimate is 0 in 2 of 6 policies, so that a "
                "ratio is undefined)."
            ),
        ),
    ],
)
def test_an_undecided_finding_names_the_case_that_decides_against_it(study: Study, found: str, said: str) -> None:
    comparison = f"to_go / total < 1 in cartpole, late; the least certain of 3 is in cartpole, middle: {found}"
    result = result_of(study, less(VARIANCE), 0.3, 0.2, 0.4, verdict="undecided", comparison=comparison)

    assert finding(result).endswith(f"the claim needs less than with “total return”, {said}")


HOLDS_0 = "undefined: the denominator's 95% interval holds 0"


@pytest.mark.parametrize(
    ("declared", "selections", "method", "said"),
    [
        (
            SHARE,
            2,
            HOLDS_0,
            (
                "With “reward-to-go”, the share of the possible change is undefined, because the 95 % interval of the "
                "change of the variance of the gradient estimate from “total return” to the best unbiased constant "
                f"holds 0; more selections of the learning rate would make that interval narrower {AT}."
            ),
        ),
        (
            less(STEPS) | {"ratio_of_means": True},
            0,
            f"{HOLDS_0}; the least certain of 3 is in cartpole: 0.1",
            (
                "With “reward-to-go”, a ratio is undefined, because the 95 % interval of the mean with “total return” "
                "holds 0; more seeds would make that interval narrower (CartPole-v1)."
            ),
        ),
        (
            less(VARIANCE),
            0,
            "undefined: 5 of 6 values not positive",
            f"The variance of the gradient estimate is 0 in 5 of 6 policies, so that a ratio is undefined {AT}.",
        ),
        (
            less(VARIANCE),
            0,
            "undefined: 5 of 6 values not finite",
            f"With “reward-to-go”, the variance of the gradient estimate is not defined in every run {AT}.",
        ),
    ],
)
def test_a_part_without_an_effect_says_why(
    study: Study, declared: dict[str, Any], selections: int, method: str, said: str
) -> None:
    result = result_of(study, declared, math.nan, selections=selections, comparison=f"a in b, late; {method}")

    assert measured(result).replace("\N{NO-BREAK SPACE}", " ") == said


def test_a_family_is_named_with_the_levels_that_its_candidates_share(study: Study) -> None:
    family = {"best_of": [{"variant": one, "variant.gradient_steps": 8} for one in ("to_go", "total")]}
    found = measured(result_of(study, less(STEPS) | {"a": family, "b": family}, 0.5))

    assert "with the best of “reward-to-go” and “total return”, 8 gradient steps" in found
    named = {"a": family | {"label": "the best of two"}, "b": family}
    assert "50 environment steps with the best of two than with the best of “" in measured(
        result_of(study, less(STEPS) | named, 50)
    )


def test_ends_of_a_difference_are_in_ascending_order_of_size(study: Study) -> None:
    def ends(low: float, high: float) -> str:
        return measured(result_of(study, less(RETURN), (low + high) / 2, low, high))

    assert " by 2.5 (0 to 5.0) " in ends(0.0, 5.0)
    assert " by 2.5 (0 to 5.0) " in ends(-5.0, 0.0)
    assert " by 3.0 (1.0 to 5.0) " in ends(-5.0, -1.0)


@pytest.mark.parametrize(
    ("declared", "written"), [(FAILED, "−12 points"), (RETURN, "−0.12"), (VARIANCE, "−0.12 times")]
)
def test_differences_of_shares_are_in_points(study: Study, declared: dict[str, Any], written: str) -> None:
    assert signed_amount(result_of(study, less(declared), 1.0), -0.12) == written


def test_sizes_that_distinguish_the_sides_are_not_those_of_the_case(study: Study) -> None:
    swept = study.experiments["ladder"].model_copy(update={"sweep": {"variant.batch": (4, 64)}})
    sizes = study.model_copy(update={"experiments": {**study.experiments, "ladder": swept}})
    said = measured(result_of(sizes, less(SIZES), -12.0, -20.0, -4.0))
    assert said.endswith(" with batch 64 than with batch 4: 0.67 instead of 0.50 (CartPole-v1; “reward-to-go”).")


@pytest.mark.parametrize(
    ("words", "count", "written"),
    [
        ("steps", 0, "steps"),
        ("steps", 1, "step"),
        ("steps", 1.5, "steps"),
        ("batches", 1, "batch"),
        ("passes", 2, "passes"),
    ],
)
def test_one_alone_is_singular(words: str, count: float, written: str) -> None:
    assert _singular(words, count) == written


def test_of_many_candidates_three_are_named_and_the_others_counted(study: Study) -> None:
    more = {name: Variant(label=name) for name in ("fifth", "sixth")}
    larger = study.model_copy(update={"variants": {**study.variants, **more}})

    def named(*names: str) -> str:
        family = {"best_of": [{"variant": name} for name in names]}
        return measured(result_of(larger, less(STEPS) | {"a": family, "b": {"variant": "total"}}, 0.5))

    four = ("total", "to_go", "to_go_per_step", "normalised")
    first = "the best of “total return”, “reward-to-go”, “reward-to-go, per-step average” and "
    assert f"{first}“normalised” than" in named(*four)
    assert f"{first}2 more than" in named(*four, "fifth")
    assert f"{first}3 more than" in named(*four, "fifth", "sixth")


def test_a_derived_label_names_the_batch_of_training_and_not_where_another_was_measured(study: Study) -> None:
    variants = {**study.variants, "to_go": Variant(batch=8, label="to-go, N = 8")}
    derived = study.model_copy(update={"variants": variants})

    assert "with “to-go” is half of that with “total return”" in measured(result_of(derived, less(VARIANCE), 0.5))
    assert "with “to-go, N = 8” " in measured(result_of(derived, less(STEPS), 0.5))
    best = less(VARIANCE) | {"a": {"best_of": [TO_GO, TOTAL]}, "b": TOTAL}
    assert "the best of “to-go” and “total return”" in measured(result_of(derived, best, 0.5))


@pytest.mark.parametrize(
    ("provided", "found", "said"),
    [
        (
            {"metric": "steps_to_threshold", "relation": "less", "reference": 500},
            "612 (refuted)",
            (
                "the time to the threshold had to be less than 500 environment steps; found: 612 environment steps "
                "(refuted)."
            ),
        ),
        (
            {"metric": "failed", "relation": "less", "reference": 0.5},
            "0.25 (mixed, 0 to 0.7 over all cases)",
            "the share of failed runs had to be less than 50 %; found: 25 % (mixed, 0 % to 70 % over all cases).",
        ),
        (
            {"metric": "solved", "relation": "greater", "reference": 0.5},
            "1 (undecided)",
            (
                "the share of runs that reach the threshold had to be more than 50 %; found: 100 % of 8 runs "
                "(undecided; even if all agree, at least 6 selections of the learning rate are needed)."
            ),
        ),
        (
            {"metric": "steps_to_threshold", "relation": "less", "reference": 500},
            "612 (mixed, 480 to 612 over all cases)",
            (
                "the time to the threshold had to be less than 500 environment steps; found: 612 environment steps "
                "(mixed, 480 to 612 over all cases)."
            ),
        ),
        (
            {"metric": "final_return", "relation": "less", "b": {"variant": "total"}},
            "-3 (undecided)",
            (
                "the return of evaluations at the end of the budget had to be less than with “total return”; found: -3 "
                "(undecided)."
            ),
        ),
    ],
)
def test_an_untested_part_says_what_it_needed_and_what_was_found(
    study: Study, provided: dict[str, Any], found: str, said: str
) -> None:
    part = ClaimPart.model_validate(less(STEPS) | {"provided": provided})
    comparison = f"a − b < 0; found: {found}"
    untested = Result(study, part, n=8, selections=2, verdict="not tested", comparison=comparison)

    assert finding(untested).replace("\N{NO-BREAK SPACE}", " ") == f"Not tested: with “reward-to-go”, {said}"


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ({"variant.gradient_steps": 8}, "with 8 gradient steps"),
        ({"variant.gradient_steps": 1}, "with 1 gradient step"),
        ({"environment.rewards.paid": "at_end"}, "with rewards paid at end"),
        ({"environment.observations": {"hide": ["velocity"]}}, "with observations (hide velocity)"),
        ({"environment.rewards.shaping": None}, "with no shaping"),
        ({"stage": "two_fifths"}, "with two fifths policies"),
    ],
)
def test_a_side_is_named_by_what_distinguishes_it(study: Study, levels: dict[str, Any], words: str) -> None:
    declared = less(RETURN) | {"a": {"variant": "to_go"} | levels, "b": {"variant": "to_go", "variant.batch": 4}}

    assert f" {words} than with batch 4" in measured(result_of(study, declared, -1.0, -2.0, -0.5))


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.249, "a quarter of"),
        (0.49, "half of"),
        (0.62, "62 % of"),
        (0.0031, "0.31 % of"),
        (1, "1.0 times"),
        (3.484, "3.5 times"),
        (20574.4, "20,600 times"),
    ],
)
def test_ratios_are_named(ratio: float, words: str) -> None:
    assert times(ratio).replace("\N{NO-BREAK SPACE}", " ") == words


def test_a_share_is_written_in_per_cent() -> None:
    shares = [percent(share).split("\N{NO-BREAK SPACE}") for share in (0.05, 0.968, 1.0373, 0, -0.5)]

    assert shares == [["5", "%"], ["97", "%"], ["104", "%"], ["0", "%"], ["−50", "%"]]
