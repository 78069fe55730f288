"""Clock of the JAX programs: time of compilation apart from time of training."""

import time
from collections.abc import Callable
from typing import Any

import jax
from measuring import Asked, Measurement


def measure(wanted: Asked, train: Callable[[jax.Array], tuple[jax.Array, Any]]) -> Any:
    """Compile and run `train`, which maps the seeds' keys to their steps and results; return the results."""
    (seeds,) = wanted.seeds
    keys = jax.random.split(jax.random.key(0), seeds)
    started = time.process_time()
    compiled = jax.jit(train).lower(keys).compile()
    ready = time.process_time()
    steps, results = jax.block_until_ready(compiled(keys))
    seconds = time.process_time() - ready
    wanted.measurements.append(Measurement("training", int(steps.sum()), seconds, seeds, ready - started))
    return results
