"""Train like `pg.learning.training`, and time rollouts and updates separately."""

from measuring import LEARNING_RATE, TRAJECTORIES, Clock, Measurement, asked
from pg.environments.copies import make_environments
from pg.learning.job import Budget
from pg.learning.learner import make_learner
from pg.learning.rollout import actor_of, collect
from pg.learning.training import improve
from workload import environment, variant


def main() -> None:
    wanted = asked()
    (seeds,), where, budget = wanted.seeds, environment(wanted.environment), Budget(steps=wanted.steps)
    learning, copies = variant(wanted.gradient_steps), make_environments(where, TRAJECTORIES)
    rollouts, updates, steps = Clock(), Clock(), 0
    for seed in range(seeds):
        learner = make_learner(learning, copies.spaces, copies.horizon, seed, LEARNING_RATE, "train")
        while not learner.has_ended(budget):
            with rollouts.running():
                batch = collect(copies, actor_of(learner.policy), learner.generators)
            with updates.running():
                improve(learner, learning, batch, where.rewards, None)
        steps += learner.steps
    wanted.measurements.append(Measurement("rollout", steps, rollouts.seconds, seeds))
    wanted.measurements.append(Measurement("update", steps, updates.seconds, seeds))
    wanted.answer()


if __name__ == "__main__":
    main()
