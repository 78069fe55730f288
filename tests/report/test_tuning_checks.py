"""What the report says of tuning: chosen rates, rates that all tie, an edge."""

from __future__ import annotations

from typing import Any

import pytest
from pg.parts.corrections.per_step import PerStep
from pg.parts.optimizers.adam import Adam
from pg.report.descriptions import tuned_rows
from pg.study.expansion import tuned_experiments
from pg.study.record import Study

GRID = (0.001, 0.01, 0.1)


@pytest.fixture
def tuned(study: Study) -> Study:
    """Two variants, one experiment, a level that is swept."""
    ladder = study.experiments["ladder"].model_copy(
        update={"environments": ("cartpole",), "variants": ("total", "to_go"), "sweep": {"variant.batch": (4, 8)}}
    )
    return study.model_copy(update={"experiments": {"ladder": ladder}})


def record(place: int, chosen: tuple[float, ...] = (0.01, 0.1, 0.01)) -> list[dict[str, Any]]:
    """Return three selections with two tuning seeds each."""
    return [
        {
            "learning_rate": best,
            "at_edge": False,
            "scores": [
                {"learning_rate": rate, "seed": seed, "share": 1.0, "score": 100.0 * place + 10 * rate + seed}
                for rate in GRID
                for seed in (2 * selection, 2 * selection + 1)
            ],
        }
        for selection, best in enumerate(chosen)
    ]


def test_rates_without_a_fault_have_labels_levels_and_no_flag(tuned: Study) -> None:
    rates = tuned_rows(tuned, [record(place) for place in range(4)])

    assert [(one["environment"], one["variant"]) for one in rates] == [
        ("CartPole-v1", f"{name}, batch {size}") for name in ("total return", "reward-to-go") for size in (4, 8)
    ]
    said = ("learning_rates", "tried", "selections", "seeds", "flags")
    assert {tuple(map(str, (one[name] for name in said))) for one in rates} == {
        ("0.01 (2), 0.1 (1)", "0.001 to 0.1", "3", "2", "[]")
    }


# Rounding in the last digit decides nothing.
TIED = {"scores": [{**one, "score": -100.0 * (1 + 1e-15 * one["seed"])} for one in record(2)[0]["scores"]]}


@pytest.mark.parametrize(
    ("changed", "flag"),
    [
        ({"at_edge": True}, "edge of the rates tried in 1 of 3 selections"),
        (TIED | {"at_edge": True}, "all rates tie: tuning cannot rank them in 1 of 3 selections"),
        (TIED | {"at_edge": False}, "all rates tie: tuning cannot rank them in 1 of 3 selections"),
    ],
)
def test_choices_with_a_fault_are_flagged(tuned: Study, changed: dict[str, Any], flag: str) -> None:
    records = [record(place) for place in range(4)]
    records[1][2] |= changed

    assert [one["flags"] for one in tuned_rows(tuned, records)] == [[], [flag], [], []]


def test_experiments_that_tune_are_found(study: Study) -> None:
    given = study.variants | {
        name: one.model_copy(update={"optimizer": Adam(learning_rate=0.1)})
        for name, one in study.variants.items()
        if name in ("to_go", "to_go_per_step")
    }

    assert tuned_experiments(study.model_copy(update={"variants": given})) == ("ladder",)


def test_equal_learners_are_one_choice(study: Study) -> None:
    idle = study.variants["to_go"].model_copy(update={"importance": PerStep(), "label": "idle"})
    ladder = study.experiments["ladder"].model_copy(
        update={"environments": ("cartpole",), "variants": ("total", "to_go", "idle")}
    )
    twice = study.model_copy(
        update={"variants": {**study.variants, "idle": idle}, "experiments": {"ladder": ladder}, "claims": {}}
    )
    rates = tuned_rows(twice, [record(place) for place in (0, 1, 1)])

    assert [(one["variant"], one["is_copy"]) for one in rates] == [
        *(("total return", False), ("reward-to-go", False), ("idle", True))
    ]
