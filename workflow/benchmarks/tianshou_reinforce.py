"""Train CartPole-v1 with Tianshou's `Reinforce` and print how many environment steps it made in how many seconds.

Runs in an environment of its own: Tianshou 2.0.1 needs an older pandas than the study.
"""

import json
import sys
import time

import gymnasium
import torch
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy, Reinforce
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.utils.net.common import Net
from tianshou.utils.net.discrete import DiscreteActor
from tianshou.utils.torch_utils import policy_within_training_step

TRAJECTORIES = 32
HORIZON = 500


def main(budget: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    copies = DummyVectorEnv([lambda: gymnasium.make("CartPole-v1") for _ in range(TRAJECTORIES)])
    space = gymnasium.make("CartPole-v1").action_space
    network = Net(state_shape=(4,), hidden_sizes=(64, 64), activation=torch.nn.Tanh)
    actor = DiscreteActor(preprocess_net=network, action_shape=2, softmax_output=False)
    policy = DiscreteActorPolicy(actor=actor, action_space=space)
    algorithm = Reinforce(policy=policy, gamma=1.0, optim=AdamOptimizerFactory(lr=0.01))
    collector = Collector(algorithm, copies, VectorReplayBuffer(2 * TRAJECTORIES * HORIZON, TRAJECTORIES))
    collector.reset()
    steps, started = 0, time.perf_counter()
    while steps < budget:
        with policy_within_training_step(policy):
            steps += collector.collect(n_episode=TRAJECTORIES).n_collected_steps
            algorithm.update(buffer=collector.buffer, batch_size=None, repeat=1)
        collector.reset_buffer(keep_statistics=True)
    print(json.dumps({"steps": steps, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
