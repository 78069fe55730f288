"""Describe experiments, environments, variants, tuned learning rates and kinds of interval for the report."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from latex2mathml.converter import convert
from markupsafe import Markup

from pg.core.signs import signed
from pg.experiments.figures.concepts import concept
from pg.experiments.kind import Experiment
from pg.experiments.metrics import metrics_of
from pg.experiments.train.choice import all_tie, final_scores
from pg.parts.equation import definitions, equation
from pg.plotting.style import look_of
from pg.plotting.text import at_levels, counted, listed
from pg.statistics import coverage
from pg.study.expansion import cells, tuned_experiments
from pg.study.record import Study
from pg.study.repeats import first_runs
from pg.study.wording import flow


def experiment_row(study: Study, name: str, experiment: Experiment) -> dict[str, str]:
    """Describe an experiment."""
    last = experiment.seeds.first + experiment.seeds.count - 1
    extent = experiment.extent
    if (source := experiment.policies_from) is not None:
        extent += f"; policies of {source.experiment}, {listed(source.stages)}"
    levels = "; ".join(f"{path}: {', '.join(map(str, values))}" for path, values in experiment.sweep.items())
    return {
        "name": name,
        "kind": experiment.kind,
        "environments": listed([study.environment_label(one) for one in experiment.environments]),
        "variants": str(len(experiment.variants)),
        "seeds": f"{experiment.seeds.count} ({experiment.seeds.first}–{last})",
        "extent": f"{extent}; {levels}" if levels else extent,
    }


def environment_rows(study: Study) -> Iterable[dict[str, Any]]:
    """Describe the environments of a study; `options` are those that no other column has, as in a study file."""
    for name, environment in study.environments.items():
        others = environment.model_dump(
            mode="json", exclude_defaults=True, exclude={"id", "label", "horizon", "threshold"}
        )
        yield {
            "name": study.environment_label(name),
            "id": environment.id,
            "horizon": "the environment’s own" if environment.horizon is None else str(environment.horizon),
            "threshold": "" if environment.threshold is None else signed(environment.threshold),
            "options": [f"{option}: {flow(value)}" for option, value in others.items()],
        }


@dataclass(frozen=True)
class Equation:
    """A variant's estimator in MathML, and the definitions of its symbols."""

    variant: str
    label: str
    colour: str
    estimator: Markup
    definitions: tuple[Markup, ...]


def equation_of(study: Study, name: str) -> Equation:
    """Write the equation of a variant, with its colour in the first figure that has it."""
    variant = study.variants[name]
    chosen = (figure.colours[name] for figure in study.figures.values() if name in figure.colours)
    return Equation(
        variant=name,
        label=study.variant_label(name),
        colour=next(chosen, look_of(concept(variant)).colour),
        estimator=_mathml(equation(variant)),
        definitions=tuple(map(_mathml, definitions(variant))),
    )


def metric_rows(study: Study, parts: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Describe the metrics of claims; definitions name other metrics by their labels."""
    metrics = metrics_of(*study.experiments.values())
    labels = {name: f"“{metric.label}”" for name, metric in metrics.items()}
    return [
        {
            "name": name,
            "label": metrics[name].label,
            "definition": re.sub(r"`(\w+)`", lambda found: labels.get(found[1], found[1]), metrics[name].definition),
        }
        for name in dict.fromkeys(part["metric"] for part in parts)
    ]


def tuned_rows(study: Study, choices: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Describe the learning rates that tuning chose.

    Flagged are selections in which all rates tie, or the best rate is at an edge of those tried. `is_copy` marks a
    learner that is tuned once under an earlier name.

    Parameters
    ----------
    study
        The study.
    choices
        The choices of each cell, one per selection, in the order of experiments and cells.
    """
    tuned = [cell for name in tuned_experiments(study) for cell in cells(study, name) if cell.variant.is_tuned]
    rows, first = [], first_runs(study)
    for cell, selections in zip(tuned, choices, strict=True):
        scores = [one for choice in selections for one in choice["scores"]]
        ties = [all_tie(final_scores(choice).values()) for choice in selections]
        edges = [choice["at_edge"] and not tied for choice, tied in zip(selections, ties, strict=True)]
        of_all = f"of {counted(len(selections), 'selection')}"
        found = (("all rates tie: tuning cannot rank them", sum(ties)), ("edge of the rates tried", sum(edges)))
        chosen = Counter(choice["learning_rate"] for choice in selections)
        tried = sorted({one["learning_rate"] for one in scores})
        levels = {
            of: {path: value for path, value in cell.levels.items() if path.startswith(f"{of}.")}
            for of in ("environment", "variant")
        }
        rows.append(
            {
                "experiment": cell.experiment,
                "environment": at_levels(study.environment_label(cell.environment_name), levels["environment"]),
                "variant": at_levels(study.variant_label(cell.variant_name, cell.experiment), levels["variant"]),
                "learning_rates": ", ".join(f"{rate:g} ({times})" for rate, times in sorted(chosen.items())),
                "tried": f"{tried[0]:g} to {tried[-1]:g}",
                "selections": len(selections),
                "seeds": len({one["seed"] for one in scores}) // len(selections),
                "flags": [f"{flag} in {times} {of_all}" for flag, times in found if times],
                "is_copy": first[cell, None] != (cell, None),
            }
        )
    return rows


def coverage_rows() -> list[dict[str, object]]:
    """Describe how often each kind of interval contains the truth at the largest measured n, by the kind of data.

    `groups` is the number of groups of the sample; 0 if every value is independent.
    """
    largest = max(row.n for row in coverage.measured())
    rows: dict[tuple[str, int], list[coverage.Measured]] = {}
    for row in coverage.measured():
        if row.n == largest:
            rows.setdefault((row.statistic, row.groups), []).append(row)
    return [
        {
            "statistic": statistic.replace("_", " "),
            "method": found[0].method,
            "n": largest,
            "groups": groups,
            "found": [{"data": one.data, "share": f"{100 * one.coverage:.1f} %", "holds": one.holds} for one in found],
        }
        for (statistic, groups), found in rows.items()
    ]


@cache
def _mathml(latex: str) -> Markup:
    # Limits go above and below sums inside brackets as well. HTML needs no namespace of MathML, and the page must
    # contain no address.
    displayed = convert(latex.replace(r"\sum_", r"\sum\limits_"), display="block")
    # Without a font for mathematics, a superscript prime would look like a dot.
    displayed = displayed.replace(
        "<msup><mi>t</mi><mi>&#x02032;</mi></msup>", '<mrow><mi>t</mi><mtext class="prime">&#x02032;</mtext></mrow>'
    )
    # A character has a third of the bytes of its number.
    displayed = re.sub(r"&#x(\w+);", lambda found: escape(chr(int(found[1], 16))), displayed)
    return Markup(displayed.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
