"""Strips: where the effect, its interval and the claimed values are."""

from __future__ import annotations

from typing import Any

import pytest
from pg.report.strips import Strip, strip_of
from pg.study.record import Study
from tests.report.test_sentences import BIAS, COSINE, FAILED, RETURN, SHARE, VARIANCE, less, result_of


def laid_out(study: Study, declared: dict[str, Any], *numbers: float, verdict: str = "supported") -> Strip:
    strip = strip_of(result_of(study, declared, *numbers, verdict=verdict))
    assert strip is not None
    return strip


@pytest.mark.parametrize(
    ("declared", "numbers", "label", "tested"),
    [
        (less(VARIANCE), (0.25, 0.2, 0.3), "0.25 ×", ["equal"]),
        (less(COSINE), (0.969, 0.96, 0.97), "0.97", ["0.5"]),
        (COSINE | {"relation": "equal", "margin": 0.1}, (0.55, 0.45, 0.65), "0.55", ["0.4", "0.6"]),
        (SHARE, (-0.911, -2.5, 0.08), "−91 %", ["50 %"]),
        (RETURN | {"relation": "greater"}, (17.3, -126.2, 160.8), "+17", ["equal"]),
        (less(FAILED), (-0.3, -0.5, -0.1), "−30 points", ["equal"]),
        (BIAS | {"margin": 1e-10}, (3e-15,), "exact", ["0 % of the gradient's length"]),
    ],
)
def test_an_effect_and_the_values_that_it_is_compared_with_are_named(
    study: Study, declared: dict[str, Any], numbers: tuple[float, ...], label: str, tested: list[str]
) -> None:
    strip = laid_out(study, declared, *numbers)

    assert strip.label.replace("\N{NO-BREAK SPACE}", " ") == label
    assert [words.replace("\N{NO-BREAK SPACE}", " ").replace("’", "'") for _, words in strip.tested] == tested


def test_an_interval_beyond_the_tested_value_is_where_the_claim_holds(study: Study) -> None:
    strip = laid_out(study, COSINE | {"relation": "greater"}, 0.8, 0.7, 0.9)
    ((tested, _),), ((first, last),) = strip.tested, strip.claimed

    assert 0 < tested == pytest.approx(first, abs=0.3)
    assert last == 100
    assert strip.interval is not None
    assert tested < strip.interval[0] < strip.effect < strip.interval[1] < 100
    assert strip.effect - tested == pytest.approx(3 * (strip.interval[1] - strip.effect), abs=0.1), "a linear axis"


def test_ratios_are_on_a_logarithmic_axis(study: Study) -> None:
    strip = laid_out(study, less(VARIANCE), 0.25, 0.125, 0.5)
    ((tested, _),) = strip.tested

    assert strip.interval is not None
    assert tested - strip.interval[1] == pytest.approx(strip.interval[1] - strip.effect, abs=0.1)
    assert strip.claimed == ((0.0, pytest.approx(tested, abs=0.3)),)


def test_an_equality_is_claimed_between_the_ends_of_its_margin(study: Study) -> None:
    strip = laid_out(study, RETURN | {"relation": "equal", "margin": 50}, 12, -30, 54)
    ((first, last),) = strip.claimed
    ends = [place for place, _ in strip.tested]

    assert [first, last] == pytest.approx(ends, abs=0.3)


def test_a_deviation_is_counted_from_its_target(study: Study) -> None:
    halved = BIAS | {"metric": "relative_bias", "reference": -0.5, "margin": 1e-10}
    strip = laid_out(study, halved, 1e-16)
    ((place, _),) = strip.tested

    assert strip.effect == pytest.approx(place, abs=0.1)
    assert strip.claimed[0][0] < strip.effect < strip.claimed[0][1]


def test_an_undefined_effect_has_no_strip(study: Study) -> None:
    assert strip_of(result_of(study, less(VARIANCE), float("nan"))) is None
