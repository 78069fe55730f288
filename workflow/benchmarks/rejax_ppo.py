"""Train with rejax' PPO, the peer of clipped ratios with several passes over each batch.

Same policy network, optimizer, learning rate, clipping and number of environment copies as here; one minibatch, the
batch. Differences: it also fits a value network of the same size and uses normalised generalised advantages; a batch is
64 steps of each copy and may cut trajectories; it adds a bonus for entropy. Seeds
train one after the other, which was faster than `vmap`.

Runs in the environment of the JAX peers.
"""

from typing import Any

import jax
from compiled import measure
from gymnax.environments.classic_control.cartpole import CartPole
from measuring import CLIP, HIDDEN, LEARNING_RATE, TRAJECTORIES, asked
from rejax import PPO

BATCH = 64


class OneEnd(CartPole):
    """An environment of gymnax 1 as rejax 0.1 expects it: termination and truncation are one flag."""

    def step(self, *arguments: Any) -> tuple[Any, ...]:
        observation, state, reward, terminated, truncated, info = super().step(*arguments)
        return observation, state, reward, terminated | truncated, info


def main() -> None:
    wanted = asked()
    environment = OneEnd()
    algorithm = PPO.create(
        env=environment,
        env_params=environment.default_params,
        agent_kwargs={"activation": "tanh", "hidden_layer_sizes": HIDDEN},
        num_envs=TRAJECTORIES,
        num_steps=BATCH,
        num_epochs=wanted.gradient_steps,
        num_minibatches=1,
        clip_eps=CLIP,
        learning_rate=LEARNING_RATE,
        total_timesteps=wanted.steps,
        eval_freq=wanted.steps,
        skip_initial_evaluation=True,
    ).replace(eval_callback=lambda algorithm, state, key: ())

    def train(key: jax.Array) -> tuple[jax.Array, Any]:
        state, _ = algorithm.train(key)
        return state.global_step, state.actor_ts.params

    measure(wanted, lambda keys: jax.lax.map(train, keys))
    wanted.answer()


if __name__ == "__main__":
    main()
