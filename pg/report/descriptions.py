"""Describe experiments, environments and variants for the report."""

from __future__ import annotations

from collections.abc import Iterable

from latex2mathml.converter import convert
from markupsafe import Markup

from pg.core.signs import signed
from pg.experiments.kind import Experiment
from pg.parts.equation import definitions, equation
from pg.plotting.style import looks
from pg.plotting.text import listed
from pg.statistics import coverage
from pg.study.record import Study


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


def environment_rows(study: Study) -> Iterable[dict[str, str]]:
    """Describe the environments of a study."""
    for name, environment in study.environments.items():
        yield {
            "name": study.environment_label(name),
            "id": environment.id,
            "horizon": "the environment’s own" if environment.horizon is None else str(environment.horizon),
            "threshold": "" if environment.threshold is None else signed(environment.threshold),
        }


def variant_rows(study: Study) -> Iterable[dict[str, object]]:
    """Describe the variants of a study, each with its equation in MathML and the colour of its curves."""
    look_of = looks(tuple(study.variants))
    for name, variant in study.variants.items():
        yield {
            "name": name,
            "label": study.variant_label(name),
            "colour": look_of[name].colour,
            "equation": _mathml(equation(variant)),
            "definitions": [_mathml(line) for line in definitions(variant)],
            "batch": variant.batch,
            "optimizer": variant.optimizer.name,
        }


def coverage_rows() -> list[dict[str, object]]:
    """Describe how often each kind of interval contains the truth at the largest measured n, by the kind of data."""
    largest = max(row.n for row in coverage.measured())
    rows: dict[str, list[coverage.Measured]] = {}
    for row in coverage.measured():
        if row.n == largest:
            rows.setdefault(row.statistic, []).append(row)
    return [
        {
            "statistic": statistic.replace("_", " "),
            "method": found[0].method,
            "n": largest,
            "found": [{"data": one.data, "share": f"{100 * one.coverage:.1f} %", "holds": one.holds} for one in found],
        }
        for statistic, found in rows.items()
    ]


def _mathml(latex: str) -> Markup:
    # Limits go above and below sums inside brackets as well. HTML needs no namespace of MathML, and the page must
    # contain no address.
    displayed = convert(latex.replace(r"\sum_", r"\sum\limits_"), display="block")
    # Without a font for mathematics, a superscript prime would look like a dot.
    displayed = displayed.replace(
        "<msup><mi>t</mi><mi>&#x02032;</mi></msup>", '<mrow><mi>t</mi><mtext class="prime">&#x02032;</mtext></mrow>'
    )
    return Markup(displayed.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
