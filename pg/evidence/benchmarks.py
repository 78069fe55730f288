"""Measure programs against each other: in turn, so that a machine that slows down slows all of them."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Mapping, Sequence

import pandas as pd

_log = logging.getLogger("pg")


def compare(systems: Mapping[tuple[str, int], Sequence[str]], repetitions: int) -> pd.DataFrame:
    """Run training programs in turn and summarise how fast each was.

    Parameters
    ----------
    systems
        Commands by name and number of seeds; each prints JSON with `steps` and `seconds` as its last line. The first
        one is what the others are compared with.
    repetitions
        How often each is run.

    Returns
    -------
    DataFrame
        Columns benchmark, system, environment, seeds, steps_per_second (median), lowest, highest and
        ratio_to_tianshou (median of the ratios of each round).

    Raises
    ------
    subprocess.CalledProcessError
        If a program fails.
    """
    speeds = pd.DataFrame(
        [{system: _steps_per_second(command) for system, command in systems.items()} for _ in range(repetitions)]
    )
    ratios = speeds.div(speeds.iloc[:, 0], axis=0)
    return pd.DataFrame(
        [
            {
                "benchmark": "training",
                "system": system,
                "environment": "CartPole-v1",
                "seeds": seeds,
                "steps_per_second": speeds[system, seeds].median(),
                "lowest": speeds[system, seeds].min(),
                "highest": speeds[system, seeds].max(),
                "ratio_to_tianshou": ratios[system, seeds].median(),
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
