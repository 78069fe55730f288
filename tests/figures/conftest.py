"""A synthetic study with tables as the pipeline writes them: two environments, six variants, known effects."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pg.experiments.cells import Cell
from pg.experiments.figures import FIGURES
from pg.experiments.summaries import summarise
from pg.experiments.train.tuning import tuned_table
from pg.plotting.request import FigureRequest
from pg.report.page import Report, ReportFigure
from pg.report.tuning_checks import TunedRate
from pg.study.expansion import cells
from pg.study.record import Study

SEEDS = 10
BUDGET = 60_000
STAGES = ("initial", "middle", "late")
SIZES = (4, 16, 64)

VARIANTS = {
    "total": {"returns": "total", "label": "total return"},
    "to_go": {"label": "reward-to-go"},
    "total_average": {"returns": "total", "baseline": "average_reward", "label": "total return, average reward"},
    "to_go_average": {"baseline": "average_reward", "label": "reward-to-go, average reward"},
    "to_go_per_step": {"baseline": "per_step", "label": "reward-to-go, per-step average"},
    "normalised": {"baseline": "per_step", "normalise_advantages": True},
}
_STRENGTH = dict(zip(VARIANTS, (1.0, 0.45, 0.5, 0.4, 0.2, 0.25), strict=True))


@pytest.fixture(scope="session")
def study() -> Study:
    everywhere = {"environments": ["cartpole", "pendulum"], "variants": list(VARIANTS), "seeds": {"count": SEEDS}}
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
                    "budget": {"steps": BUDGET},
                    "tuning": {"grid": [0.001, 0.003, 0.01, 0.03], "seeds": 4},
                    "evaluate": {"every_steps": 1000, "episodes": 3},
                },
                "sizes": {
                    "kind": "train",
                    "environments": ["cartpole"],
                    "variants": ["to_go", "to_go_per_step"],
                    "sweep": {"variant.batch": [4, 16, 64]},
                    "seeds": {"count": SEEDS},
                    "budget": {"steps": BUDGET},
                },
                "probe": {
                    **everywhere,
                    "kind": "probe",
                    "source": {"experiment": "ladder", "variant": "to_go", "stages": list(STAGES)},
                    "sample": {"trajectories": 128, "batches": list(SIZES), "reference": 64, "reference_limit": 256},
                },
            },
            "claims": {
                "causality": {
                    "statement": "Reward-to-go lowers the variance",
                    "section": "Using causality",
                    "parts": {
                        "variance": {
                            "experiment": "probe",
                            "metric": "total_variance",
                            "a": {"variant": "to_go", "batch": 16},
                            "b": {"variant": "total", "batch": 16},
                            "relation": "less",
                        }
                    },
                    "primary": "variance",
                    "figure": "variance",
                }
            },
            "figures": {
                kind: {"kind": kind, "experiment": experiment, "section": "Using causality"}
                for kind, experiment in {
                    "variance": "probe",
                    "batch_size": "probe",
                    "learning_curves": "ladder",
                    "steps_to_threshold": "ladder",
                    "steps_to_pass": "ladder",
                    "tuning": "ladder",
                }.items()
            }
            | {"sizes": {"kind": "learning_curves", "experiment": "sizes", "section": "Introducing baselines"}},
        }
    )


@pytest.fixture(scope="session")
def tables_of(study: Study) -> Callable[[str], Mapping[str, pd.DataFrame]]:
    """Give the tables of an experiment by its name."""
    made = {
        "ladder": _training(study, "ladder") | {"tuned": _tuned(study)},
        "sizes": _training(study, "sizes"),
        "probe": _probe(),
    }
    return made.__getitem__


@pytest.fixture(scope="session")
def request_for(study: Study, tables_of: Callable[[str], Mapping[str, pd.DataFrame]]) -> Callable[..., FigureRequest]:
    """Make the request of a declared figure, with options of its declaration changed."""

    def make(name: str, **changes: object) -> FigureRequest:
        figure = study.figures[name].model_copy(update=changes)
        wanted = FIGURES[figure.kind].tables
        return FigureRequest(study, figure, {table: tables_of(figure.experiment)[table] for table in wanted})

    return make


def _training(study: Study, experiment: str) -> dict[str, pd.DataFrame]:
    curves = pd.concat([_curves(place, cell) for place, cell in enumerate(cells(study, experiment))])
    keys = [column for column in curves.columns if column not in ("steps", "return", "diverged_at")]
    rows = []
    for _, curve in curves.groupby(keys, sort=False):
        names = {key: curve[key].iloc[0] for key in keys}
        threshold = study.environments[names["environment"]].threshold or np.inf
        reached, passed = (curve["steps"][curve["return"] >= level] for level in (threshold, 0.95 * threshold))
        values = {
            "final_return": curve["return"].iloc[-10:].mean(),
            "steps_to_threshold": reached.min() if len(reached) else BUDGET,
            "censored": float(reached.empty),
            "solved": float(not reached.empty),
            "steps_to_pass": passed.min() if len(passed) else BUDGET,
            "passed": float(not passed.empty),
        }
        rows += [{**names, "stage": "", "metric": metric, "value": value} for metric, value in values.items()]
    long = pd.DataFrame(rows)
    return {"long": long, "summary": summarise(long), "curves": curves}


def _curves(place: int, cell: Cell) -> pd.DataFrame:
    generator = np.random.default_rng(place)
    best = 500.0 if cell.environment_name == "cartpole" else 1000.0
    steps = np.arange(1, 101) * BUDGET // 100
    frames = []
    for seed in range(SEEDS):
        pace = BUDGET * _STRENGTH[cell.variant_name] * generator.lognormal(-0.4, 0.35)
        curve = best / (1 + np.exp(-8 * (steps - pace) / BUDGET)) * 1.03 + generator.normal(0, best / 40, 100)
        names = {"environment": cell.environment_name, "variant": cell.variant_name, **cell.levels, "seed": seed}
        frames.append(pd.DataFrame({**names, "steps": steps, "return": curve.clip(9, best), "diverged_at": np.nan}))
    return pd.concat(frames, ignore_index=True)


def _probe() -> dict[str, pd.DataFrame]:
    generator = np.random.default_rng(99)
    rows = []
    for environment in ("cartpole", "pendulum"):
        for rank, stage in enumerate(STAGES):
            for seed in range(SEEDS):
                level = 10.0 ** (3 + rank) * generator.lognormal(0, 0.5)
                for variant, strength in _STRENGTH.items():
                    own = strength * generator.lognormal(0, 0.1)
                    for size in SIZES:
                        variance = level * own * 16 / size
                        snr = 0.3 * level / variance / (1 + rank)
                        values = {"total_variance": variance, "snr": snr, "cosine": (snr / (1 + snr)) ** 0.5}
                        # Three references stay noisy, at the last stage of the pendulum.
                        noisy = environment == "pendulum" and stage == STAGES[-1] and seed < 3
                        values["reference_flagged"] = float(noisy)
                        names = {"environment": environment, "variant": variant, "batch": size, "stage": stage}
                        rows += [
                            {**names, "seed": seed, "metric": metric, "value": value}
                            for metric, value in values.items()
                        ]
    long = pd.DataFrame(rows)
    return {"long": long, "summary": summarise(long)}


def _tuned(study: Study) -> pd.DataFrame:
    generator = np.random.default_rng(7)
    grid = (0.001, 0.003, 0.01, 0.03)
    choices = []
    for cell in cells(study, "ladder"):
        best = generator.choice(grid)
        scores = [
            {"learning_rate": rate, "seed": seed, "score": 400 - 60 * abs(np.log(rate / best)) + noise}
            for rate in grid
            for seed, noise in enumerate(generator.normal(0, 20, 4))
        ]
        choices.append((cell, {"learning_rate": best, "at_edge": bool(best in (grid[0], grid[-1])), "scores": scores}))
    return tuned_table(choices)


@pytest.fixture(scope="session")
def claims() -> pd.DataFrame:
    """Rows as of claims.csv: a primary of each verdict, a part that is not primary, and an exact one."""
    columns = (
        "claim", "part", "primary", "statement", "section", "metric", "comparison", "effect", "ci_low", "ci_high",
        "p_value", "p_adjusted", "verdict", "n", "figure",
    )  # fmt: skip
    none = float("nan")
    rows = [
        ("causality", "variance", True, "Reward-to-go lowers the variance of the gradient.", "Using causality",
         "total_variance", "reward-to-go over total return, CartPole-v1, late", 0.44, 0.42, 0.47, 1e-9, 2e-9,
         "supported", 10, "variance"),
        ("causality", "bias", False, "Reward-to-go lowers the variance of the gradient.", "Using causality",
         "relative_bias", "exactly 0, tolerance 1e-10", 3e-15, none, none, none, none, "supported", 12, "variance"),
        ("good_baseline", "share", True, "The average reward is a pretty good baseline.", "Introducing baselines",
         "total_variance", "share of the achievable reduction against 0.5", -0.4, -0.7, -0.1, 0.011, 0.022,
         "refuted", 10, "variance"),
        ("large_batches", "steps", True, "Large batches help.", "Introducing baselines", "area",
         "batch 64 minus batch 4, CartPole-v1", 12.0, -3.0, 27.0, 0.11, 0.11, "inconclusive", 20, "learning_curves"),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(columns))


@pytest.fixture(scope="session")
def make_report(study: Study, claims: pd.DataFrame) -> Callable[..., Report]:
    """Make a report with a tiny picture in the place of each figure, and parts of it changed."""
    picture = Figure(figsize=(0.1, 0.1))
    buffer = io.BytesIO()
    FigureCanvasAgg(picture).print_png(buffer)

    def make(**changes: Any) -> Report:
        report = Report(
            study=study,
            figures=tuple(
                ReportFigure(
                    name, buffer.getvalue(), f"Caption of {name}.", "one_column", {"PDF": f"figures/{name}.pdf"}
                )
                for name in study.figures
            ),
            claims=claims,
            tuned=(
                TunedRate("ladder", "CartPole-v1", "reward-to-go", 0.01, 4, 3, ()),
                TunedRate("ladder", "CartPole-v1", "normalised", 0.03, 4, 3, ("edge of the grid",)),
            ),
            provenance={"Python": "3.11", "digest of the configuration": "abc123", "wall time": "9 min"},
            template=Path(__file__).parents[2] / "workflow" / "report" / "page.html.j2",
        )
        return replace(report, **changes)

    return make
