"""Train with JAX as its users do: environment, policy, gradient and optimizer in one compiled program (as PureJaxRL).

Same network, optimizer, learning rate and batch as here: 32 whole trajectories, rewards-to-go less the average of each
step, and with several gradient steps per batch PPO's clipped ratios. Differences: gymnax' environment and its random
numbers; the log has the mean return of each batch, no KL divergence, entropy or gradient norm.

As the system `jax-vmap`, all seeds train together (`vmap`), as is usual. The system `jax` is what was fastest on one
core: one seed after the other (`lax.map`), because with `vmap` all seeds wait for the longest trajectory, and products
of stacked matrices are slow. Both take gradients of `ROWS` steps at a time, without those after a trajectory's end.

Runs in the environment of the JAX peers.
"""

from functools import partial
from typing import Any, NamedTuple

import gymnax
import jax
import jax.numpy as jnp
import optax
from compiled import measure
from jax import lax
from jax.nn.initializers import orthogonal
from measuring import CLIP, HIDDEN, LEARNING_RATE, TRAJECTORIES, asked

ROWS = 512
GAINS = (2**0.5,) * len(HIDDEN) + (0.01,)
OPTIMIZER = optax.adam(LEARNING_RATE)


class Steps(NamedTuple):
    """A time step of all trajectories or, with a leading axis, a batch."""

    observation: jax.Array
    action: jax.Array
    log_prob: jax.Array
    reward: jax.Array
    alive: jax.Array


class Run(NamedTuple):
    """The state of one seed's training."""

    key: jax.Array
    parameters: Any
    moments: Any
    steps: jax.Array
    batches: jax.Array
    returns: jax.Array


def main() -> None:
    wanted = asked()
    train = partial(train_seed, wanted.environment, wanted.gradient_steps, wanted.steps)
    returns = measure(wanted, jax.vmap(train) if wanted.system == "jax-vmap" else lambda keys: lax.map(train, keys))
    print("mean returns of the batches of the first seed:", *(f"{one:.0f}" for one in returns[0] if one > 0))
    wanted.answer()


def train_seed(name: str, gradient_steps: int, budget: int, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Train one seed; return the number of its environment steps and the mean return of each batch."""
    environment, limits = gymnax.make(name)

    def iteration(run: Run) -> Run:
        key, drawn = jax.random.split(run.key)
        batch = collect(environment, limits, run.parameters, drawn)
        parameters, moments = update(run.parameters, run.moments, batch, gradient_steps)
        returns = run.returns.at[run.batches].set(batch.reward.sum() / TRAJECTORIES)
        return Run(key, parameters, moments, run.steps + batch.alive.sum(), run.batches + 1, returns)

    key, *keys = jax.random.split(key, 2 + len(HIDDEN))
    sizes = (*environment.observation_space(limits).shape, *HIDDEN, environment.num_actions)
    parameters = [
        (orthogonal(gain)(drawn, (before, after)), jnp.zeros(after))
        for drawn, gain, before, after in zip(keys, GAINS, sizes[:-1], sizes[1:], strict=True)
    ]
    returns = jnp.zeros(budget // TRAJECTORIES + 1)
    run = Run(key, parameters, OPTIMIZER.init(parameters), jnp.array(0), jnp.array(0), returns)
    run = lax.while_loop(lambda run: run.steps < budget, iteration, run)
    return run.steps, run.returns


def collect(environment: Any, limits: Any, parameters: Any, key: jax.Array) -> Steps:
    """Sample trajectories until all have ended; the batch has an axis T of the horizon's length in front."""

    def step(carry: tuple) -> tuple:
        time, key, observation, state, alive, batch = carry
        key, drawn = jax.random.split(key)
        scores = logits(parameters, observation)
        action = jax.random.categorical(drawn, scores)
        after, state, reward, terminated, _ = jax.vmap(environment.step_env, (None, 0, 0, None))(
            drawn, state, action, limits
        )
        now = Steps(observation, action, log_prob(scores, action), reward * alive, alive)
        batch = jax.tree.map(lambda steps, one: steps.at[time].set(one), batch, now)
        return time + 1, key, after, state, alive & ~(terminated | environment.is_truncated(state, limits)), batch

    key, drawn = jax.random.split(key)
    observation, state = jax.vmap(environment.reset_env, (0, None))(jax.random.split(drawn, TRAJECTORIES), limits)
    alive, zeros = jnp.ones(TRAJECTORIES, bool), jnp.zeros(TRAJECTORIES)
    empty = Steps(observation, zeros.astype(int), zeros, zeros, ~alive)
    batch = jax.tree.map(lambda one: jnp.zeros((limits.max_steps_in_episode, *one.shape), one.dtype), empty)
    return lax.while_loop(lambda carry: carry[4].any(), step, (0, key, observation, state, alive, batch))[-1]


def update(parameters: Any, moments: Any, batch: Steps, gradient_steps: int) -> tuple[Any, Any]:
    """Take gradient steps on the clipped surrogate of a batch."""
    to_go = jnp.cumsum(batch.reward[::-1], 0)[::-1]
    advantages = to_go - to_go.mean(1, keepdims=True)
    rows = -(-batch.alive.size // ROWS) * ROWS
    (valid,) = jnp.nonzero(batch.alive.reshape(-1), size=rows, fill_value=-1)
    *columns, advantage = (
        values.reshape(-1, *values.shape[2:])[valid]
        for values in (batch.observation, batch.action, batch.log_prob, advantages)
    )
    data = (*columns, jnp.where(valid >= 0, advantage, 0.0))

    def surrogate(parameters, observation, action, behaviour, advantage):
        ratio = jnp.exp(log_prob(logits(parameters, observation), action) - behaviour)
        return jnp.minimum(ratio * advantage, ratio.clip(1 - CLIP, 1 + CLIP) * advantage).sum() / TRAJECTORIES

    def step(_, learner):
        parameters, moments = learner

        def add(carry):
            row, total = carry
            part = (lax.dynamic_slice_in_dim(values, row, ROWS) for values in data)
            return row + ROWS, jax.tree.map(jnp.subtract, total, jax.grad(surrogate)(parameters, *part))

        none = jax.tree.map(jnp.zeros_like, parameters)
        _, descent = lax.while_loop(lambda carry: carry[0] < batch.alive.sum(), add, (0, none))
        updates, moments = OPTIMIZER.update(descent, moments)
        return optax.apply_updates(parameters, updates), moments

    return lax.fori_loop(0, gradient_steps, step, (parameters, moments))


def logits(parameters: Any, observation: jax.Array) -> jax.Array:
    *hidden, (weight, bias) = parameters
    for weights, biases in hidden:
        observation = jnp.tanh(observation @ weights + biases)
    return observation @ weight + bias


def log_prob(logits: jax.Array, action: jax.Array) -> jax.Array:
    return jnp.take_along_axis(jax.nn.log_softmax(logits), action[..., None], -1)[..., 0]


if __name__ == "__main__":
    main()
