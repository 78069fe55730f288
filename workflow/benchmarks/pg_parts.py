"""Train like `pg.learning.training`, and time rollouts and updates separately."""

from measuring import LEARNING_RATE, Clock, Measurement, asked
from pg.environments.copies import make_environments
from pg.learning.job import Budget
from pg.learning.learner import make_learner
from pg.learning.rollout import actor_of, collect
from pg.learning.training import improve
from workload import VARIANT, environment


def main() -> None:
    wanted = asked()
    (seeds,), where, budget = wanted.seeds, environment(wanted.environment), Budget(steps=wanted.steps)
    copies, rollouts, updates, steps = make_environments(where, VARIANT.batch), Clock(), Clock(), 0
    for seed in range(seeds):
        learner = make_learner(VARIANT, copies.spaces, copies.horizon, seed, LEARNING_RATE, "train")
        while not learner.has_ended(budget):
            with rollouts.running():
                batch = collect(copies, actor_of(learner.policy), learner.generators)
            with updates.running():
                improve(learner, VARIANT, batch, where.rewards, None)
        steps += learner.steps
    wanted.measurements.append(Measurement("rollout", steps, rollouts.seconds, seeds))
    wanted.measurements.append(Measurement("update", steps, updates.seconds, seeds))
    wanted.answer()


if __name__ == "__main__":
    main()
