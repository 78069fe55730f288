"""Find what is legal in a study, but hardly meant: before the run, because a run takes hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Tuple

from pg.claims.relations.relation import Tested
from pg.core.suggestions import hint
from pg.environments.catalogue import earned_mdp_of, horizon_of, make_copy
from pg.environments.mdp import MDP
from pg.environments.record import Environment, Rewards
from pg.experiments.exact.record import ExactExperiment
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.train.record import TrainExperiment
from pg.parts.variant import Variant
from pg.plotting.record import Figure
from pg.plotting.text import counted, listed
from pg.study.expansion import cells
from pg.study.files import StudyFile, located, with_base
from pg.study.record import Study, declared_section
from pg.study.sources import selections_of
from pg.study.validation import TUNING_SECTION

# The largest reward of a step in environments without tables, by the beginning of their ids.
_LARGEST_REWARDS = {"CartPole-v": 1.0, "InvertedPendulum-v": 1.0, "Acrobot-v": 0.0, "Pendulum-v": 0.0}

# So many independent values leave Student's t one degree of freedom: t / √n is 9.0 of two values, and 1.2 of five.
_FEW = 2

# Trajectories of untrained policies are assumed to last no longer: many environments end them early.
_LONGEST = 200


def warnings(study: Study, options: Mapping[str, Any], files: Sequence[StudyFile]) -> list[str]:
    """Return what to warn of, with file and line; options and files are those that the study was loaded from."""
    return located(warnings_of(study), with_base(options, files)[1])


def warnings_of(study: Study) -> Iterator[str]:
    """Yield a message per budget, grid, threshold, number of seeds, variant, label or section that is hardly meant."""
    for name, experiment in study.training.items():
        yield from _small_budgets(study, name, experiment)
        if experiment.tuning is not None and len(experiment.tuning.grid) == 1:
            rate = experiment.tuning.grid[0]
            yield (
                f"experiments.{name}.tuning.grid: has one rate, so that only its neighbours are tried as well; add "
                f"rates, or give the variants optimizer.learning_rate: {rate:g}"
            )
    yield from dict.fromkeys(_high_thresholds(study))
    yield from _wide_intervals(study)
    yield from dict.fromkeys(_equal_estimators(study))
    yield from _equal_labels(study)
    for name, environment in study.environments.items():
        copy = make_copy(environment.id, environment.kwargs, horizon=1)
        copy.close()
        if (shape := _shape_of_images(copy.observation_space)) is not None:
            size = " x ".join(map(str, shape))
            yield (
                f"environments.{name}.id: observations of {environment.id} are images of {size}; policies "
                "see them as one vector in fully connected layers, which learn little from pixels"
            )
        if environment.rewards.normalise_discount != Rewards().normalise_discount and not environment.rewards.normalise:
            yield f"environments.{name}.rewards.normalise_discount: has no effect without normalise: true"
    yield from _undeclared_sections(study)


def _shape_of_images(space: Space[Any]) -> tuple[int, ...] | None:
    """Return the shape of the images in a space of observations; None if it has none."""
    if isinstance(space, Dict | Tuple):
        inner = space.spaces.values() if isinstance(space, Dict) else space.spaces
        return next((shape for one in inner if (shape := _shape_of_images(one)) is not None), None)
    is_image = isinstance(space, Box) and (len(space.shape) == 3 or (len(space.shape) == 2 and space.dtype == np.uint8))
    return space.shape if is_image else None


def _small_budgets(study: Study, name: str, experiment: TrainExperiment) -> Iterator[str]:
    # A budget of one step is meant: the policies are wanted as they begin.
    steps = experiment.budget.steps
    for cell in cells(study, name) if steps > 1 else ():
        horizon = horizon_of(cell.environment)
        if steps < cell.variant.batch * min(horizon, _LONGEST):
            yield (
                f"experiments.{name}.budget.steps: {steps:,} are less than a batch of {cell.variant_id} in "
                f"{cell.environment_id}, which has {cell.variant.batch} trajectories of up to {horizon:,} steps: a run "
                "may end after its first update"
            )
            return


def _high_thresholds(study: Study) -> Iterator[str]:
    for name, experiment in study.training.items():
        for key in experiment.environments:
            environment, own = study.environments[key], experiment.evaluate.threshold
            at = f"environments.{key}.threshold" if own is None else f"experiments.{name}.evaluate.threshold"
            threshold = experiment.level("threshold", environment)
            horizon = experiment.evaluate.horizon or environment.horizon
            greatest = greatest_return(environment.model_copy(update={"horizon": horizon}))
            if threshold is not None and greatest is not None and threshold > greatest:
                yield f"{at}: no run can reach {threshold:g}: the greatest possible return in {key} is {greatest:g}"


def _wide_intervals(study: Study) -> Iterator[str]:
    """Yield a message per number of seeds or selections that leaves tests one degree of freedom, with their claims."""
    claims: dict[tuple[str, str, int], dict[str, None]] = {}
    for name, claim in study.claims.items():
        for part in claim.parts.values():
            if isinstance(part.decision, Tested):
                for experiment in part.experiments.values():
                    claims.setdefault(_independent(study, experiment), {})[name] = None
    for (at, what, size), names in claims.items():
        if size <= _FEW:
            width = "has no interval" if size == 1 else "give intervals about 7 times as wide as 5 do"
            yield f"{at}: {counted(size, what)} {width}; {listed([*names])} can hardly be decided"


def _independent(study: Study, experiment: str) -> tuple[str, str, int]:
    """Return where the number of an experiment's independent values is declared, what they are, and how many."""
    declared, training, selections = study.experiments[experiment], study.training.get(experiment), 1
    at = f"experiments.{experiment}"
    if (source := declared.policies_from) is not None:
        at, selections = f"experiments.{source.experiment}", max(selections_of(study, experiment).values())
    elif training is not None and training.tuning is not None:
        is_tuned = any(cell.variant.is_tuned for cell in cells(study, experiment))
        selections = training.tuning.selections if is_tuned else 1
    if 1 < selections <= declared.seeds.count:
        return f"{at}.tuning.selections", "selection", selections
    return f"experiments.{experiment}.seeds.count", "seed", declared.seeds.count


def _equal_estimators(study: Study) -> Iterator[str]:
    for name, experiment in study.experiments.items():
        if not isinstance(experiment, ProbeExperiment | ExactExperiment):
            continue
        equal: dict[tuple[str, str], list[str]] = {}
        for cell in cells(study, name):
            key = _first_gradient(experiment.estimator_of(cell.variant)).model_dump_json()
            equal.setdefault((cell.environment_id, key), []).append(cell.variant_id)
        for names in equal.values():
            if len(names) > 1:
                yield (
                    f"experiments.{name}.variants: {listed(names)} have the same numbers, because only the first "
                    "gradient of an update is measured, at the policy of its batch; leave "
                    f"{names[-1]} out, or compare them by staleness, update or train"
                )


def _first_gradient(variant: Variant) -> Variant:
    """Return a variant with the defaults of all options that do not change the first gradient of an update."""
    unused = ("gradient_steps", "minibatches", "kl", "window", "entropy_bonus", "optimizer")
    changes = {option: getattr(Variant(), option) for option in unused}
    changes["normalise_advantages"] = bool(variant.normalise_advantages)
    return variant.model_copy(update=changes).without_idle_correction


def _equal_labels(study: Study) -> Iterator[str]:
    """Yield a message per label of several variants or environments that one experiment or figure shows."""
    shown = {
        **{f"experiments.{name}": (one.variants, one.environments) for name, one in study.experiments.items()},
        **{f"figures.{name}": _drawn(study, figure) for name, figure in study.figures.items()},
    }
    for index, section in enumerate(("variants", "environments")):
        by_label: dict[str, list[str]] = {}
        for name, record in getattr(study, section).items():
            by_label.setdefault(record.label, []).append(name)
        for label, names in by_label.items():
            for place, entries in shown.items():
                equal = [name for name in names if name in entries[index]]
                if len(equal) > 1:
                    yield (
                        f"{section}.{equal[-1]}.label: {label!r} is the label of {listed(equal)}, and {place} shows "
                        "them together; give them labels that differ"
                    )
                    break


def _drawn(study: Study, figure: Figure) -> tuple[Sequence[str], Sequence[str]]:
    """Return the variants and the environments of a figure."""
    pool = [study.experiments[name] for name in figure.pool]
    variants = figure.variants or [name for one in pool for name in one.variants]
    environments = figure.environments or [name for one in pool for name in one.environments]
    return [*variants, *(str(one["variant"]) for one in figure.compared)], environments


def _undeclared_sections(study: Study) -> Iterator[str]:
    declared = study.report.sections
    shown = {
        **{f"figures.{name}": figure.section for name, figure in study.figures.items()},
        **{f"claims.{name}": claim.section for name, claim in study.claims.items()},
    }
    for at, section in shown.items() if declared else ():
        if section not in ("", TUNING_SECTION) and declared_section(section, declared) is None:
            yield f"{at}.section: {section!r} is not in report.sections, and comes after those{hint(section, declared)}"


def greatest_return(environment: Environment) -> float | None:
    """Return the greatest return of a trajectory, in the environment's own rewards; None if it is not known."""
    if (mdp := earned_mdp_of(environment)) is not None:
        return _greatest_of_tables(mdp)
    if environment.kwargs:
        return None
    known = (reward for prefix, reward in _LARGEST_REWARDS.items() if environment.id.startswith(prefix))
    largest = next(known, None)
    return None if largest is None else largest * horizon_of(environment)


def _greatest_of_tables(mdp: MDP) -> float:
    possible = mdp.probabilities > 0
    future = np.zeros(mdp.states)
    for step in reversed(range(mdp.horizon)):
        outcomes = mdp.rewards_at(step) + np.where(mdp.terminates, 0.0, future[mdp.next_states])
        future = np.where(possible, outcomes, -np.inf).max(axis=(1, 2))
    return float(future[mdp.start > 0].max())
