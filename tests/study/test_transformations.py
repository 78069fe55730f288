"""Transformations of rewards and observations: legal declarations, sweeps and measurements, and the jobs."""

from typing import Any

import pytest
from pg.core.errors import InvalidStudy
from pg.environments.record import Observations, Rewards
from pg.study.expansion import cells
from pg.study.slicing import measurement_job, train_job
from pg.study.sources import source_cell
from pg.study.validation import load
from tests.study.studies import put

HIDDEN = {"hide": ["velocity", "angular_velocity"]}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("environments/cartpole/rewards", {"scale": 0}, r"cartpole\.rewards\.scale: should be greater than 0; it is 0"),
        ("environments/cartpole/rewards", {"paid": "end"}, r"rewards\.paid: should be 'when_earned', 'at_end' or 'ter"),
        ("environments/cartpole/rewards", {"ofset": 1}, r"rewards\.ofset: unknown key; did you mean 'offset'"),
        ("environments/cartpole/rewards", {"shaping": [1.0]}, r"cartpole\.rewards\.shaping: .* has no table of states"),
        ("environments/chain/rewards", {"shaping": [1.0]}, r"chain\.rewards\.shaping: 1 potentials .* allowed: 2, one"),
        ("environments/chain/rewards", {"shaping": []}, r"chain\.rewards\.shaping: .*at least 1 item"),
        (
            "environments/chain/rewards",
            {"shaping": [1.0, 2.0], "paid": "terminal_only"},
            r"chain\.rewards: shaping with paid: terminal_only .* allowed: paid: when_earned or at_end",
        ),
        ("environments/cartpole/observations", {"hide": ["angel"]}, r"observations\.hide: 'angel' .* mean 'angle'"),
        ("environments/cartpole/observations", {"hide": [4]}, r"cartpole\.observations\.hide: 4 .*0 to 3"),
        ("environments/cartpole/observations", {"hide": [-1]}, r"observations\.hide\.0.*greater than or equal to 0"),
        ("environments/cartpole/observations", {"stack": 0}, r"observations\.stack: should be greater than 0; it is 0"),
        ("environments/chain/observations", {"stack": 2}, r"chain\.observations\.stack: .*allowed: 1, not 2"),
        ("environments/chain/observations", {"normalise": True}, r"chain\.observations\.normalise: .*allowed: false"),
        (
            "experiments/learn/sweep",
            {"environment.observations.hide": [[], ["velocty"]]},
            r"experiments\.learn\.sweep: cartpole@hide=\w+: observations\.hide: 'velocty' .* did you mean 'velocity'",
        ),
        (
            "experiments/exact/sweep",
            {"environment.rewards.shaping": [[1.0, 2.0, 3.0]]},
            r"experiments\.exact\.sweep: chain@shaping=\w+: rewards\.shaping: 3 potentials",
        ),
        ("experiments/learn/sweep", {"environment.rewards.scale": [0]}, r"learn\.sweep: a level is not legal: rewards"),
        ("experiments/learn/sweep", {"environment.reward.scale": [1]}, r"names no option; did you mean 'rewards'"),
        (
            "experiments/gradients/sweep",
            {"environment.observations.hide": [["velocity"]]},
            r"gradients\.sweep: environment\.observations\.hide: .* cannot be swept; allowed: environment\.rewards",
        ),
        ("experiments/gradients/sweep", {"environment.horizon": [9]}, r"environment\.horizon: .* cannot be swept"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(options, path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_exact_values_of_late_payments_are_refused(options: dict[str, Any]) -> None:
    options["variants"]["known"] = {"extends": "to_go", "baseline": "exact"}
    options["experiments"]["exact"] |= {"variants": ["known"], "sweep": {"variant.batch": [2]}}
    assert load(options)
    options["experiments"]["exact"]["sweep"]["environment.rewards.paid"] = ["when_earned", "terminal_only"]
    assert load(options)
    options["experiments"]["exact"]["sweep"]["environment.rewards.paid"].append("at_end")
    with pytest.raises(
        InvalidStudy, match=r"exact\.variants: known subtracts exact values, and with paid: at_end in chain"
    ):
        load(options)


def test_random_policies_have_seen_nothing_to_normalise_by(options: dict[str, Any]) -> None:
    options["environments"]["cartpole"]["observations"] = {"normalise": True}
    assert load(options)
    options["experiments"]["forms"] = {
        "kind": "identity",
        "environments": ["cartpole"],
        "variants": ["to_go"],
        "seeds": {"count": 1},
    }
    with pytest.raises(InvalidStudy, match=r"forms\.environments: cartpole normalises .* random policies of identity"):
        load(options)


@pytest.mark.parametrize(
    "sweep", [{}, {"environment.rewards.offset": [0, 1]}, {"environment.rewards.paid": ["at_end"]}]
)
def test_a_figure_against_rewards_needs_levels_of_them(options: dict[str, Any], sweep: dict[str, Any]) -> None:
    del options["claims"]
    options["experiments"]["gradients"]["sweep"] = sweep
    options["figures"]["offsets"] = {"kind": "against_rewards", "experiment": "gradients", "section": "Estimating"}
    with pytest.raises(
        InvalidStudy, match=r"figures\.offsets\.experiment: gradients must sweep one of .*over 3 values"
    ):
        load(options)
    options["experiments"]["gradients"]["sweep"] = {"environment.rewards.offset": [0, 1, 2]}
    assert load(options)


def test_levels_of_rewards_are_probed_on_the_policies_of_the_environment_as_it_is(options: dict[str, Any]) -> None:
    del options["claims"]
    options["experiments"]["gradients"]["sweep"] = {"environment.rewards.offset": [0, 2.5]}
    study = load(options)
    found = {cell.environment_id: cell.environment.rewards for cell in cells(study, "gradients")}
    assert found == {"cartpole@offset=0": Rewards(), "cartpole@offset=2.5": Rewards(offset=2.5)}
    (block,) = study.experiments["gradients"].seeds.blocks
    for id, rewards in found.items():
        job = measurement_job(study, "gradients", id, "late", block)
        assert job.environment.rewards == rewards
        source = source_cell(study, "gradients", id)
        assert (source.experiment, source.environment_id, source.variant_id) == ("learn", "cartpole", "to_go")
        assert source.environment.rewards == Rewards()


def test_rewards_and_observations_are_part_of_what_a_job_is(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["sweep"] = {"environment.observations": [{}, HIDDEN, {**HIDDEN, "stack": 2}]}
    del options["experiments"]["gradients"], options["figures"], options["claims"]
    study = load(options)
    jobs = [train_job(study, cell, study.experiments["learn"].seeds.blocks[0]) for cell in cells(study, "learn")]
    assert len({job.canonical() for job in jobs}) == len(jobs)
    hidden = Observations(hide=("velocity", "angular_velocity"))
    assert [job.environment.observations for job in jobs[:2]] == [Observations(), hidden]
