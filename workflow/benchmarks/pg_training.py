"""Train with this project. As for the other libraries, copies of the environment are made before the clock starts."""

import time

from measuring import LEARNING_RATE, Measurement, asked
from pg.learning.job import Budget, TrainJob
from pg.learning.training import train
from pg.runs.recorder import RunRecorder
from workload import environment, variant


class _Started(RunRecorder):
    """Notes when the first snapshot arrives: after setup, before the first sample."""

    started: float | None = None

    def snapshot(self, seed, stage, policy) -> None:
        if self.started is None:
            self.started = time.process_time()


def main() -> None:
    wanted = asked()
    (seeds,) = wanted.seeds
    job = TrainJob(
        environment=environment(wanted.environment),
        variant=variant(wanted.gradient_steps),
        budget=Budget(steps=wanted.steps),
        snapshots={"initial": 0.0},
        seeds=tuple(range(seeds)),
    )
    # A short first run imports what torch loads at its first use; a study pays for it once.
    train(job.model_copy(update={"budget": Budget(steps=1), "seeds": (0,)}), {0: LEARNING_RATE}, RunRecorder(1))
    recorder = _Started(wanted.steps * seeds)
    train(job, dict.fromkeys(job.seeds, LEARNING_RATE), recorder)
    assert recorder.started is not None
    seconds = time.process_time() - recorder.started
    steps = int(recorder.frame().groupby("seed")["steps"].max().sum())
    wanted.measurements.append(Measurement("training", steps, seconds, seeds))
    wanted.answer()


if __name__ == "__main__":
    main()
