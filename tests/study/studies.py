"""The studies of the repository, each read once, and changes to the small study that more than one file begins with."""

from functools import cache
from pathlib import Path
from typing import Any

from pg.study.record import Study
from pg.study.validation import read

ROOT = Path(__file__).parents[2]
FILES = ("config.yaml", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "workflow/studies").glob("*.yaml")))


@cache
def study_of(file: str) -> Study:
    """Read a study of the repository; it is frozen, and tests share it."""
    return read(ROOT / file)


def put(options: dict[str, Any], path: str, value: Any) -> None:
    *parents, key = path.split("/")
    for parent in parents:
        options = options.setdefault(parent, {})
    options[key] = value


def with_reuse(options: dict[str, Any]) -> dict[str, Any]:
    """Add experiments on data of an earlier policy, and a claim on one of them."""
    options["environments"]["short"] = {"id": "CartPole-v1", "horizon": 50}
    options["variants"] |= {
        "walker": {"optimizer": {"name": "sgd", "learning_rate": 0.1}},
        "per_step": {"importance": "per_step"},
        "exact_state": {"importance": "exact_state"},
        "natural": {"kl": {"limit": 0.01, "hold_by": "natural_gradient"}},
    }
    options["experiments"]["learn"]["environments"] = ["cartpole", "short"]
    measured = {"environments": ["short"], "variants": ["per_step"], "seeds": {"count": 2}}
    measured["source"] = {"experiment": "learn", "variant": "to_go", "stages": ["late"]}
    options["experiments"] |= {
        "stale": {
            "kind": "staleness",
            **measured,
            "walk": {"variant": "walker", "steps": [0, 4]},
            "sample": {"trajectories": 64, "batches": [8], "reference": 64, "reference_limit": 64},
        },
        "weights": {"kind": "horizon", **measured, "horizons": [10, 50], "kl": 0.01},
    }
    options["claims"]["causality"]["parts"] |= {
        "far": {
            "experiment": "stale",
            "metric": "cosine",
            "a": {"variant": "per_step", "steps": 4},
            "b": {"variant": "per_step", "steps": 0},
            "relation": "less",
        },
        "long": {
            "experiment": "weights",
            "metric": "effective_share",
            "a": {"variant": "per_step", "horizon": 50},
            "b": {"variant": "per_step", "horizon": 10},
            "relation": "less",
        },
    }
    return options
