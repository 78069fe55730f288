"""What the report flags about tuning: rates that all tie, an edge, unequal candidates."""

from __future__ import annotations

from typing import Any

import pytest
from pg.parts.optimizers.adam import Adam
from pg.report.tuning_checks import read_tuned
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


def record(place: int, rates: tuple[float, ...] = GRID) -> dict[str, Any]:
    scores = [
        {"learning_rate": rate, "seed": seed, "score": 100.0 * place + 10 * rate + seed}
        for rate in rates
        for seed in range(2)
    ]
    return {"learning_rate": 0.01, "at_edge": False, "scores": scores}


def test_choices_without_a_fault_have_no_flag(tuned: Study) -> None:
    rates = read_tuned(tuned, [record(place) for place in range(4)])

    assert [(one.candidates, one.seeds, one.flags) for one in rates] == [(3, 2, ())] * 4


def test_environments_and_variants_have_their_labels_and_levels_in_words(tuned: Study) -> None:
    named = [(one.environment, one.variant) for one in read_tuned(tuned, [record(0)] * 4)]

    assert named == [
        ("CartPole-v1", f"{name}, batch {size}") for name in ("total return", "reward-to-go") for size in (4, 8)
    ]


def test_a_choice_at_an_edge_is_flagged(tuned: Study) -> None:
    records = [record(place) for place in range(4)]
    records[1] = records[1] | {"at_edge": True}
    flags = [one.flags for one in read_tuned(tuned, records)]

    assert flags == [(), ("edge of the grid",), (), ()]


def test_a_variant_with_another_number_of_candidates_is_flagged(tuned: Study) -> None:
    records = [record(0), record(1, GRID[1:]), record(2), record(3)]
    rates = read_tuned(tuned, records)

    assert rates[1].candidates == 2
    assert [one.flags for one in rates] == [(), ("other variants have 3 candidates on 2 seeds",), (), ()]


@pytest.mark.parametrize("at_edge", [True, False])
def test_rates_that_all_tie_are_said_to_and_are_at_no_edge(tuned: Study, at_edge: bool) -> None:
    records = [record(place) for place in range(4)]
    # Rounding in the last digit decides nothing.
    level = [{**one, "score": -100.0 * (1 + 1e-15 * one["seed"])} for one in records[2]["scores"]]
    records[2] = records[2] | {"at_edge": at_edge, "scores": level}
    flags = [one.flags for one in read_tuned(tuned, records)]

    assert flags == [(), (), ("all rates tie: tuning cannot rank them",), ()]


def test_experiments_that_tune_are_found(study: Study) -> None:
    given = study.variants | {
        name: one.model_copy(update={"optimizer": Adam(learning_rate=0.1)})
        for name, one in study.variants.items()
        if name in ("to_go", "to_go_per_step")
    }

    assert tuned_experiments(study.model_copy(update={"variants": given})) == ("ladder",)
