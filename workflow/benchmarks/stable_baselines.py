"""Train with Stable-Baselines3's A2C or PPO, which have no REINFORCE.

The same network for the policy, on 32 copies of the environment, and the same learning rate for A2C. What differs:
either fits a value network of the same size beside the policy; a batch is 64 steps of each copy, whole trajectories or
not; A2C takes one RMSprop step on it with rewards bootstrapped at its end; PPO takes ten passes in minibatches of 64,
its own default, and so does more work per step than anything else here.

Runs in the environment of the peers.
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
    model = algorithm("MlpPolicy", copies, n_steps=BATCH, policy_kwargs=network, device="cpu", seed=0, **options)
    started = time.process_time()
    model.learn(wanted.steps)
    seconds = time.process_time() - started
    wanted.measurements.append(Measurement("training", model.num_timesteps, seconds))
    wanted.answer()


if __name__ == "__main__":
    main()
