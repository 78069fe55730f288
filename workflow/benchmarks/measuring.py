"""Arguments, clock and output of all benchmark programs.

A program is called with a system, an environment, numbers of seeds, gradient steps per batch and environment steps per
seed. The last line that it prints is JSON: measurements (steps and seconds) and its peak memory. Seconds are the
processor's, which other processes on a busy machine change less than wall time.
"""

import argparse
import json
import math
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

TRAJECTORIES = 32
HIDDEN = (64, 64)
LEARNING_RATE = 0.01
CLIP = 0.2


@dataclass
class Clock:
    """Counts the processor's seconds inside its `with` blocks, together."""

    seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        started = time.process_time()
        yield
        self.seconds += time.process_time() - started


@dataclass(frozen=True)
class Measurement:
    benchmark: str
    steps: float
    seconds: float
    seeds: int = 1
    compile_seconds: float = math.nan


@dataclass(frozen=True)
class Asked:
    system: str
    environment: str
    seeds: tuple[int, ...]
    gradient_steps: int
    steps: int
    measurements: list[Measurement] = field(default_factory=list)

    def answer(self) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Kilobytes, but bytes on macOS.
        megabytes = peak / 2**20 if sys.platform == "darwin" else peak / 2**10
        found = [asdict(measurement) for measurement in self.measurements]
        print(json.dumps({"measurements": found, "peak_memory_mb": megabytes}))


def asked() -> Asked:
    parser = argparse.ArgumentParser()
    parser.add_argument("system")
    parser.add_argument("environment")
    parser.add_argument("seeds", type=lambda text: tuple(int(one) for one in text.split(",")))
    parser.add_argument("gradient_steps", type=int)
    parser.add_argument("steps", type=int)
    return Asked(**vars(parser.parse_args()))
