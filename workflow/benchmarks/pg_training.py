"""Train with this project's code. The copies of the environment are made before the clock starts, as for the peers."""

import time

from measuring import LEARNING_RATE, Measurement, asked
from pg.experiments.records import Budget
from pg.learning.training import train
from pg.runs.recorder import RunRecorder
from pg.study.jobs import TrainJob
from workload import VARIANT, environment


class _Started(RunRecorder):
    """Knows when the first snapshots came: everything was made by then, and nothing had been sampled."""

    started: float

    def snapshot(self, seed, stage, policy) -> None:
        self.started = time.process_time()


def main() -> None:
    wanted = asked()
    (seeds,) = wanted.seeds
    job = TrainJob(
        environment=environment(wanted.environment),
        variant=VARIANT,
        budget=Budget(steps=wanted.steps),
        snapshots={"initial": 0.0},
        seeds=tuple(range(seeds)),
    )
    # A first short run pays for what torch loads when it is first used, as a long study would once.
    train(job.model_copy(update={"budget": Budget(steps=1), "seeds": (0,)}), LEARNING_RATE, RunRecorder(1))
    recorder = _Started(wanted.steps * seeds)
    train(job, LEARNING_RATE, recorder)
    seconds = time.process_time() - recorder.started
    steps = int(recorder.frame().groupby("seed")["steps"].max().sum())
    wanted.measurements.append(Measurement("training", steps, seconds, seeds))
    wanted.answer()


if __name__ == "__main__":
    main()
