"""Train with Tianshou's `Reinforce`, and time rollouts and updates separately as well.

Same network, optimizer, learning rate and batch as here: 32 trajectories, one per copy of the environment. Differences:
rewards-to-go without a baseline; a loss that is a mean over steps; torch's default initial weights; continuous actions
are scaled from [-1, 1] to the action space. It logs no KL divergence, entropy or gradient norm.

Runs in the environment of the other libraries: Tianshou 2.0.1 needs pandas < 3.
"""

import gymnasium
import torch
from measuring import HIDDEN, LEARNING_RATE, TRAJECTORIES, Clock, Measurement, asked
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy, ProbabilisticActorPolicy, Reinforce
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.utils.net.common import Net
from tianshou.utils.net.continuous import ContinuousActorProbabilistic
from tianshou.utils.net.discrete import DiscreteActor
from tianshou.utils.torch_utils import policy_within_training_step
from torch.distributions import Independent, Normal


def main() -> None:
    wanted = asked()
    torch.manual_seed(0)
    horizon = gymnasium.spec(wanted.environment).max_episode_steps
    copies = DummyVectorEnv([lambda: gymnasium.make(wanted.environment) for _ in range(TRAJECTORIES)])
    policy = policy_for(gymnasium.make(wanted.environment))
    algorithm = Reinforce(policy=policy, gamma=1.0, optim=AdamOptimizerFactory(lr=LEARNING_RATE))
    collector = Collector(algorithm, copies, VectorReplayBuffer(2 * TRAJECTORIES * horizon, TRAJECTORIES))
    collector.reset()
    steps, rollouts, updates = 0, Clock(), Clock()
    while steps < wanted.steps:
        with policy_within_training_step(policy):
            with rollouts.running():
                steps += collector.collect(n_episode=TRAJECTORIES).n_collected_steps
            with updates.running():
                algorithm.update(buffer=collector.buffer, batch_size=None, repeat=1)
        collector.reset_buffer(keep_statistics=True)
    wanted.measurements.append(Measurement("training", steps, rollouts.seconds + updates.seconds))
    wanted.measurements.append(Measurement("rollout", steps, rollouts.seconds))
    wanted.measurements.append(Measurement("update", steps, updates.seconds))
    wanted.answer()


def policy_for(copy: gymnasium.Env) -> ProbabilisticActorPolicy:
    network = Net(state_shape=copy.observation_space.shape, hidden_sizes=HIDDEN, activation=torch.nn.Tanh)
    if isinstance(copy.action_space, gymnasium.spaces.Discrete):
        count = int(copy.action_space.n)
        actor = DiscreteActor(preprocess_net=network, action_shape=count, softmax_output=False)
        return DiscreteActorPolicy(actor=actor, action_space=copy.action_space)
    actor = ContinuousActorProbabilistic(
        preprocess_net=network, action_shape=copy.action_space.shape, unbounded=True, conditioned_sigma=False
    )
    return ProbabilisticActorPolicy(actor=actor, dist_fn=gaussian, action_space=copy.action_space)


def gaussian(of_actor: tuple[torch.Tensor, torch.Tensor]) -> Independent:
    return Independent(Normal(*of_actor), 1)


if __name__ == "__main__":
    main()
