"""Train CartPole-v1 with this project's code and print how many environment steps it made in how many seconds."""

import json
import sys
import time

import torch
from pg.evidence.records import RunRecorder
from pg.learning.training import train
from pg.study.jobs import TrainJob
from pg.study.model import Budget, Environment, Optimizer, Variant

TRAJECTORIES = 32


def main(seeds: int, budget: int) -> None:
    torch.set_num_threads(1)
    job = TrainJob(
        environment=Environment(id="CartPole-v1"),
        variant=Variant(
            returns="to_go", baseline="per_step", batch=TRAJECTORIES, optimizer=Optimizer(learning_rate=0.01)
        ),
        budget=Budget(steps=budget),
        snapshots={"late": 1.0},
        seeds=tuple(range(seeds)),
    )
    # A first short run pays for what torch loads when it is first used, as a long study would once.
    train(job.model_copy(update={"budget": Budget(steps=1)}), 0.01, RunRecorder(1))
    recorder = RunRecorder(budget * seeds)
    started = time.perf_counter()
    train(job, 0.01, recorder)
    seconds = time.perf_counter() - started
    steps = int(recorder.frame().groupby("seed")["steps"].max().sum())
    print(json.dumps({"steps": steps, "seconds": seconds}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
