"""Train with Stable-Baselines3's A2C or PPO; the library has no REINFORCE.

Same policy network and number of environment copies as here, and for A2C the same learning rate. Differences: both also
fit a value network of the same size; a batch is 64 steps of each copy and may cut trajectories; A2C takes one RMSprop
step with bootstrapped rewards; PPO takes minibatches of 64, and its ratios are clipped as here.

Runs in the environment of the other libraries.
"""

import time

import gymnasium
from measuring import HIDDEN, LEARNING_RATE, TRAJECTORIES, Measurement, asked
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.vec_env import DummyVecEnv

BATCH = 64
ALGORITHMS = {"sb3-a2c": (A2C, {"learning_rate": LEARNING_RATE}), "sb3-ppo": (PPO, {})}


def main() -> None:
    wanted = asked()
    algorithm, options = ALGORITHMS[wanted.system]
    copies = DummyVecEnv([lambda: gymnasium.make(wanted.environment) for _ in range(TRAJECTORIES)])
    network = {"net_arch": list(HIDDEN)}
    if algorithm is PPO:
        options = {**options, "n_epochs": wanted.gradient_steps}
    model = algorithm("MlpPolicy", copies, n_steps=BATCH, policy_kwargs=network, device="cpu", seed=0, **options)
    started = time.process_time()
    model.learn(wanted.steps)
    seconds = time.process_time() - started
    wanted.measurements.append(Measurement("training", model.num_timesteps, seconds))
    wanted.answer()


if __name__ == "__main__":
    main()
