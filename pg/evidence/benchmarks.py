"""Measure programs against each other: in turn, so that a machine that slows down slows all of them."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Mapping, Sequence

import pandas as pd

_log = logging.getLogger("pg")


def compare_all(benchmarks: Mapping[str, Mapping[tuple[str, int], Sequence[str]]], repetitions: int) -> pd.DataFrame:
    """Compare the systems of several benchmarks, each with the first of its own, as `compare` does for one."""
    return pd.concat([compare(systems, repetitions, name) for name, systems in benchmarks.items()], ignore_index=True)


def compare(
    systems: Mapping[tuple[str, int], Sequence[str]], repetitions: int, benchmark: str = "training"
) -> pd.DataFrame:
    """Run programs in turn and summarise how fast each was.

    Parameters
    ----------
    systems
        Commands by name and number of seeds; each prints JSON with `steps` and `seconds` as its last line. The first
        one is what the others are compared with.
    repetitions
        How often each is run.
    benchmark
        What they do.

    Returns
    -------
    DataFrame
        Columns benchmark, system, environment, seeds, steps_per_second (median), lowest, highest and
        ratio_to_<the first system> (median of the ratios of each round).

    Raises
    ------
    subprocess.CalledProcessError
        If a program fails.
    """
    speeds = pd.DataFrame(
        [{system: _steps_per_second(command) for system, command in systems.items()} for _ in range(repetitions)]
    )
    (first, _), *_ = systems
    ratios = speeds.div(speeds.iloc[:, 0], axis=0)
    return pd.DataFrame(
        [
            {
                "benchmark": benchmark,
                "system": system,
                "environment": "CartPole-v1",
                "seeds": seeds,
                "steps_per_second": speeds[system, seeds].median(),
                "lowest": speeds[system, seeds].min(),
                "highest": speeds[system, seeds].max(),
                f"ratio_to_{first}": ratios[system, seeds].median(),
            }
            for system, seeds in systems
        ]
    )


def _steps_per_second(command: Sequence[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    speed = measured["steps"] / measured["seconds"]
    _log.info("%s: %.0f steps/s", " ".join(command[1:]), speed)
    return speed
