"""A study with claims and figures, and its report with tiny pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pg.report.page import render
from pg.report.pictures import Picture
from pg.study.record import Study

VARIANTS = {
    "total": {"returns": "total", "label": "total return"},
    "to_go": {"label": "reward-to-go"},
    "to_go_per_step": {"baseline": "per_step", "label": "reward-to-go, per-step average"},
    "normalised": {"baseline": "per_step", "normalise_advantages": True},
}


@pytest.fixture(scope="session")
def study() -> Study:
    everywhere = {"environments": ["cartpole", "pendulum"], "variants": list(VARIANTS), "seeds": {"count": 10}}
    variance = {
        "experiment": "probe",
        "metric": "total_variance",
        "a": {"variant": "to_go", "batch": 16},
        "b": {"variant": "total", "batch": 16},
        "relation": "less",
    }
    bias = {"experiment": "probe", "metric": "relative_bias", "a": {"variant": "to_go", "batch": 16}}
    bias |= {"reference": 0, "relation": "exact", "margin": 1e-10}
    area = {"experiment": "ladder", "metric": "area", "relation": "greater"}
    return Study.model_validate(
        {
            "name": "A synthetic study",
            "environments": {
                "cartpole": {"id": "CartPole-v1", "threshold": 475.0},
                "pendulum": {"id": "InvertedPendulum-v5", "threshold": 950.0},
            },
            "variants": VARIANTS,
            "experiments": {
                "ladder": {
                    **everywhere,
                    "kind": "train",
                    "budget": {"steps": 60_000},
                    "tuning": {"grid": [0.001, 0.003, 0.01, 0.03], "seeds": 4},
                },
                "probe": {
                    **everywhere,
                    "kind": "probe",
                    "source": {"experiment": "ladder", "variant": "to_go", "stages": ["late"]},
                    "sample": {"trajectories": 128, "batches": [4, 16]},
                },
            },
            "claims": {
                name: {"statement": statement, "section": section, "primary": next(iter(parts)), "figure": figure}
                | {"parts": parts}
                for name, statement, section, figure, parts in (
                    (
                        "causality",
                        "Reward-to-go lowers the variance",
                        "Using causality",
                        "variance",
                        {"variance": variance, "bias": bias},
                    ),
                    (
                        "good_baseline",
                        "The average reward is a pretty good baseline",
                        "Introducing baselines",
                        "variance",
                        {"share": variance},
                    ),
                    (
                        "large_batches",
                        "Large batches help",
                        "Introducing baselines",
                        "learning_curves",
                        {"steps": {**area, "a": {"variant": "to_go"}, "b": {"variant": "total"}}},
                    ),
                )
            },
            "figures": {
                "variance": {"kind": "variance", "experiment": "probe", "section": "Using causality"},
                "learning_curves": {"kind": "learning_curves", "experiment": "ladder", "section": "Using causality"},
                "tuning": {"kind": "tuning", "experiment": "ladder", "section": "Introducing baselines"},
            },
        }
    )


@pytest.fixture(scope="session")
def claims() -> pd.DataFrame:
    """Rows as of claims.csv: primaries of three verdicts, and an exact part that makes its claim mixed."""
    columns = (
        "claim", "part", "primary", "statement", "section", "metric", "comparison", "effect", "ci_low", "ci_high",
        "p_value", "p_adjusted", "verdict", "n", "figure", "coverage", "lowest", "highest", "claim_verdict",
    )  # fmt: skip
    none = float("nan")
    rows = [
        ("causality", "variance", True, "Reward-to-go lowers the variance of the gradient.", "Using causality",
         "total_variance", "reward-to-go over total return, CartPole-v1, late", 0.44, 0.42, 0.47, 1e-9, 2e-9,
         "supported", 10, "variance", none, 0.41, 0.48, "mixed"),
        ("causality", "bias", False, "Reward-to-go lowers the variance of the gradient.", "Using causality",
         "relative_bias", "exactly 0, tolerance 1e-10", 3e-15, none, none, none, none, "mixed", 12,
         "variance", none, none, none, "mixed"),
        ("good_baseline", "share", True, "The average reward is a pretty good baseline.", "Introducing baselines",
         "total_variance", "share of the achievable reduction against 0.5", -0.4, -0.7, -0.1, 0.011, 0.022,
         "refuted", 10, "variance", none, none, none, "refuted"),
        ("large_batches", "steps", True, "Large batches help.", "Introducing baselines", "area",
         "batch 64 minus batch 4, CartPole-v1", 12.0, -3.0, 27.0, 0.11, 0.11, "undecided", 20,
         "learning_curves", none, none, none, "undecided"),
    ]  # fmt: skip
    # One compares runs that share selections of the learning rate.
    return pd.DataFrame(rows, columns=list(columns)).assign(
        selections=[0, 0, 5, 0],
        in_favour=[0, 0, 4, 0],
        mean_a=[44.0, none, 140.0, 212.0],
        mean_b=[100.0, none, 100.0, 200.0],
    )


def links(name: str) -> dict[str, str]:
    return {"PDF": f"figures/{name}.pdf"}


@pytest.fixture(scope="session")
def make_page(study: Study, claims: pd.DataFrame) -> Callable[..., str]:
    """Render the report with a tiny picture in the place of each figure; keyword arguments change its content."""
    picture = Figure(figsize=(0.1, 0.1))
    buffer = io.BytesIO()
    FigureCanvasAgg(picture).print_png(buffer)

    def make(**changes: Any) -> str:
        shown = changes.get("study", study).figures
        rate = {"experiment": "ladder", "environment": "CartPole-v1", "tried": "0.001 to 0.1"}
        rate |= {"selections": 5, "seeds": 3, "is_copy": False}
        content = {
            "study": study,
            "pictures": [
                Picture(name, figure.section, "one_column", buffer.getvalue(), [f"Caption of {name}."], links(name))
                for name, figure in shown.items()
            ],
            "claims": claims,
            "tuned": [
                rate | {"variant": "reward-to-go", "learning_rates": "0.01 (5)", "flags": []},
                rate
                | {
                    "variant": "normalised",
                    "learning_rates": "0.03 (4), 0.1 (1)",
                    "flags": ["edge of the rates tried"],
                },
            ],
            "places": {"claims.causality": ["study.yaml:7"], "experiments.probe": ["base/probes.yaml:3"]},
            "provenance": {"Python": "3.11", "digest of the configuration": "abc123", "wall time": "9 min"},
            "template": Path(__file__).parents[2] / "workflow" / "report" / "page.html.j2",
        }
        return render(**(content | changes))

    return make
