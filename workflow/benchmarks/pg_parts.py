"""Train like `pg.learning.training`, and time rollouts and updates separately."""

from measuring import LEARNING_RATE, Clock, Measurement, asked
from pg.environments.stacked import make_environments
from pg.learning.job import Budget
from pg.learning.learner import make_learner
from pg.learning.rollout import actor_of, collect
from pg.learning.training import improve
from workload import environment, variant


def main() -> None:
    wanted = asked()
    (seeds,), where, budget = wanted.seeds, environment(wanted.environment), Budget(steps=wanted.steps)
    learning = variant(wanted.gradient_steps)
    copies = make_environments(where, seeds, learning.batch)
    learners = [
        make_learner(learning, copies.spaces, copies.horizon, seed, LEARNING_RATE, "train") for seed in range(seeds)
    ]
    everyone, rollouts, updates = list(learners), Clock(), Clock()
    while learners:
        with rollouts.running():
            actor = actor_of([one.policy for one in learners], learning.batch)
            batch = collect(copies, actor, [one.generators for one in learners])
        with updates.running():
            for index, learner in enumerate(learners):
                improve(learner, learning, batch.of_seed(index), where.rewards, None)
        remaining = [learner for learner in learners if not learner.has_ended(budget)]
        if remaining and len(remaining) < len(learners):
            copies = copies.resized(len(remaining))
        learners = remaining
    steps = sum(learner.steps for learner in everyone)
    wanted.measurements.append(Measurement("rollout", steps, rollouts.seconds, seeds))
    wanted.measurements.append(Measurement("update", steps, updates.seconds, seeds))
    wanted.answer()


if __name__ == "__main__":
    main()
