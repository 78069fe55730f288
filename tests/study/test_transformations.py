"""Transformations of rewards and observations: legal declarations, sweeps and measurements, and the jobs."""

from typing import Any

from pg.environments.record import Observations, Rewards
from pg.study.expansion import cells
from pg.study.slicing import measurement_job, train_job
from pg.study.sources import measured_policies
from pg.study.validation import load
from tests.study.studies import assert_refused, put, refusals


@refusals(
    """
environments/cartpole/rewards: {scale: 0} => .scale: should be greater than 0; it is 0
environments/cartpole/rewards: {paid: end} => .paid: should be 'when_earned', 'at_end' or 'ter
environments/cartpole/rewards: {ofset: 1} => .ofset: unknown key; did you mean 'offset'
environments/cartpole/rewards: {shaping: [1.0]} => .shaping: … has no table of states
environments/chain/rewards: {shaping: [1.0]} => .shaping: 1 potentials … allowed: 2, one
environments/chain/rewards: {shaping: []} => .shaping: …at least 1 item
environments/chain/rewards: {shaping: [1.0, 2.0], paid: terminal_only}
  => : shaping with paid: terminal_only … allowed: paid: when_earned or at_end
environments/cartpole/rewards: {normalise_discount: 0} => .normalise_discount: should be greater than 0; it is 0
environments/chain/rewards: {normalise: true} => exact.environments: chain normalises rewards, and exact experiments
  have no earlier batches … to measure without, write sweep: {environment.rewards.normalise: [false]}
environments/cartpole/rewards: {normalise: true} => gradients.environments: cartpole normalises rewards, and probe
environments/cartpole/observations: {hide: [angel]} => .hide: 'angel' … mean 'angle'
environments/cartpole/observations: {hide: [4]} => .hide: 4 …0 to 3
environments/cartpole/observations: {hide: [0, 1, 2, 3]} => .hide: hides all 4 components
environments/chain/observations: {hide: [4]} => .hide: 4 is not a component of pg/Chain-v0; allowed: 0 to 1
environments/cartpole: {id: Acrobot-v1, observations: {hide: [angle]}}
  => .observations.hide: 'angle' is not a component of Acrobot-v1; allowed: 0 to 5
environments/cartpole/observations: {hide: [-1]} => .hide.0…greater than or equal to 0
environments/cartpole/observations: {stack: 0} => .stack: should be greater than 0; it is 0
environments/chain/observations: {stack: 2} => .stack: …allowed: 1, not 2
environments/chain/observations: {normalise: true} => .normalise: …allowed: false
experiments/learn/sweep: {environment.observations.hide: [[], [velocty]]}
  => : cartpole@hide=…: observations.hide: 'velocty' … did you mean 'velocity'
experiments/exact/sweep: {environment.rewards.shaping: [[1.0, 2.0, 3.0]]}
  => : chain@shaping=…: rewards.shaping: 3 potentials
experiments/learn/sweep: {environment.rewards.scale: [0]} => : a level is not legal: rewards
experiments/learn/sweep: {environment.reward.scale: [1]} => names no option; did you mean 'rewards'
experiments/gradients/sweep: {environment.observations.hide: [[velocity]]}
  => : environment.observations.hide: … cannot be swept; allowed: environment.rewards
experiments/gradients/sweep: {environment.horizon: [9]} => environment.horizon: … cannot be swept
"""
)
def test_illegal_transformations_are_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(options, path, value, message)


def test_a_figure_against_rewards_needs_three_levels(options: dict[str, Any]) -> None:
    options["claims"] = {}
    options["figures"] = {"offsets": {"kind": "against_rewards", "experiment": "gradients", "section": "Estimating"}}
    put(options, "experiments/gradients/sweep", {"environment.rewards.offset": [0, 1, 2]})
    assert load(options)
    for sweep in ({"environment.rewards.offset": [0, 1]}, {"environment.rewards.paid": ["at_end"]}):
        message = "figures.offsets.experiment: gradients must sweep one of … over 3 values"
        assert_refused(options, "experiments/gradients/sweep", sweep, message)


def test_exact_values_of_late_payments_are_refused(options: dict[str, Any]) -> None:
    options["variants"]["known"] = {"extends": "to_go", "baseline": "exact"}
    options["experiments"]["exact"] |= {"variants": ["known"], "sweep": {"variant.batch": [2]}}
    assert load(options)
    path = "experiments/exact/sweep/environment.rewards.paid"
    put(options, path, ["when_earned", "terminal_only"])
    assert load(options)
    message = "exact.variants: known subtracts exact values, and with paid: at_end in chain"
    assert_refused(options, path, ["when_earned", "terminal_only", "at_end"], message)


def test_random_policies_cannot_normalise_observations(options: dict[str, Any]) -> None:
    put(options, "environments/cartpole/observations", {"normalise": True})
    assert load(options)
    forms = {"kind": "identity", "environments": ["cartpole"], "variants": ["to_go"], "seeds": {"count": 1}}
    message = ".environments: cartpole normalises … random policies of identity"
    assert_refused(options, "experiments/forms", forms, message)


def test_rewards_are_swept_on_policies_trained_as_declared(options: dict[str, Any]) -> None:
    del options["claims"]
    put(options, "experiments/gradients/sweep", {"environment.rewards.offset": [0, 2.5]})
    study = load(options)
    found = {cell.environment_id: cell.environment.rewards for cell in cells(study, "gradients")}
    assert found == {"cartpole@offset=0": Rewards(), "cartpole@offset=2.5": Rewards(offset=2.5)}
    (block,) = study.experiments["gradients"].seeds.blocks
    for id, rewards in found.items():
        assert measurement_job(study, "gradients", id, "late", block).environment.rewards == rewards
        source, _ = measured_policies(study, "gradients", id, block)[0]
        assert source.folder == "learn/cartpole/to_go"
        assert source.environment.rewards == Rewards()


def test_jobs_differ_by_rewards_and_observations(options: dict[str, Any]) -> None:
    hidden = {"hide": ["velocity", "angular_velocity"]}
    options["experiments"]["learn"]["sweep"] = {"environment.observations": [{}, hidden, {**hidden, "stack": 2}]}
    del options["experiments"]["gradients"], options["figures"], options["claims"]
    study = load(options)
    block = study.experiments["learn"].seeds.blocks[0]
    jobs = [train_job(study, cell, block) for cell in cells(study, "learn")]
    assert len({job.canonical() for job in jobs}) == len(jobs)
    seen = [job.environment.observations for job in jobs[:2]]
    assert seen == [Observations(), Observations(hide=("velocity", "angular_velocity"))]


def test_policies_of_normalised_rewards_are_measured_without(options: dict[str, Any]) -> None:
    put(options, "environments/cartpole/rewards", {"normalise": True})
    put(options, "experiments/gradients/sweep", {"environment.rewards.normalise": [False]})
    study = load(options)
    (cell, *_) = cells(study, "gradients")
    assert not cell.environment.rewards.normalise
    assert cells(study, "learn")[0].environment.rewards.normalise
