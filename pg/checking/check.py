"""Check an estimator of a user's own against exact gradients."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pg.checking.demands import Demand, Known, declared
from pg.checking.diagnosis import Diagnosis, Observed, diagnose
from pg.checking.findings import TOLERANCE, Bias, Findings, Property, Variance
from pg.checking.mistakes import BUILT_IN, Sample, with_baseline
from pg.checking.sandbox import Loaded, sandbox
from pg.checking.submissions import Arrays, Declared, EstimatorSubmission, Fault
from pg.checking.worlds import Batches, World, worlds
from pg.core.randomness import generator as generator_of
from pg.parts.discounting import reward_to_go

_SIZES = (1, 2, 3)
_AFTER_THE_END = -1.3  # a log-probability after the last step
_TIMED = (32, 200)
_FLOAT32 = 1e-4
_SAMPLED = 24  # batches that a mistake is looked for in, and that properties are tried on


def check(
    path: str | Path,
    name: str | None = None,
    *,
    options: Mapping[str, Any] = MappingProxyType({}),
    seed: int = 0,
    timeout: float = 60.0,
    demand: Demand | None = None,
    user: str | None = None,
) -> Findings:
    r"""Check a baseline, returns, an importance weight, an estimator or advantages in a file of one's own.

    Its estimate $\hat g$ is computed for every batch of small decision processes, so that $\mathbb{E}[\hat g]$ and
    $\operatorname{tr Cov}(\hat g)$ are exact. The file runs in a process of its own.

    Parameters
    ----------
    path, name
        The file, and the name of the class or function in it. Default: the only one.
    options
        Options of a part, as in a study file.
    seed
        Decides the decision processes and the policies.
    timeout
        Seconds that the file may take in all.
    demand
        What it should be. Default: what the file declares.
    user
        The user of the file's process, if this one may change it. Default: the same user.

    Returns
    -------
    Findings
        With a `fault` if it could not be checked; no exception is raised for what a file does.

    Examples
    --------
    >>> findings = check("mine.py")                                                         # doctest: +SKIP
    >>> findings.passes, findings.diagnosis.words                                           # doctest: +SKIP
    (False, "The estimator has the wrong sign: it descends (−ĝ).")
    """
    file, found = Path(path), None
    if not file.is_file():
        return Findings(str(path), name or "", fault=f"{path} is no file")
    with sandbox(file.resolve(), name, options, timeout, user) as process:
        try:
            loaded = process.load()
            found = examine(process, loaded, str(path), seed, demand)
        except Fault as fault:
            found = Findings(str(path), name or "", fault=fault.sentence, line=fault.line)
        return replace(found, printed=process.printed)


def examine(source: Source, loaded: Loaded, path: str, seed: int, demand: Demand | None = None) -> Findings:
    """Check a submission that is loaded; a Fault is raised where it fails, or is not what is demanded."""
    demand = demand or declared(loaded)
    if demand.kind != loaded.kind:
        raise Fault(f"{loaded.name} should be of kind {demand.kind}, and is of kind {loaded.kind}")
    return _Check(source, loaded, seed, demand).findings(path)


class Source(Protocol):
    """Gives the weights of a submission; a sandbox does."""

    def weights(self, arrays: Arrays, discount: float, /) -> NDArray[np.float64]:
        """Return the weights of S batches."""
        ...

    def seconds(self, arrays: Arrays, discount: float, /) -> float:
        """Return how long one batch takes."""
        ...


class _Check:
    """The steps of a check, of one submission."""

    def __init__(self, source: Source, loaded: Loaded, seed: int, demand: Demand) -> None:
        self._source, self._loaded, self._seed, self._demand = source, loaded, seed, demand

    def findings(self, path: str) -> Findings:
        loaded, demand = self._loaded, self._demand
        has_discount = "discount" in loaded.parameters
        everywhere = list(worlds(self._seed, off_policy=demand.off_policy, discounted=has_discount))
        smallest, biases, variances = self._smallest(everywhere[0]), list[Bias](), list[Variance]()
        for world in everywhere:
            for n in _SIZES:
                if n >= smallest:
                    batches = Batches.every(world, n)
                    weights = self.weights(batches)
                    biases.append(_bias(batches, weights, demand))
                    if world.is_tabular and world.is_on_policy and world.discount == 1 and n > 1:
                        variances.append(_variance(batches, weights, demand.compared))
        properties = [self._one_trajectory(smallest), *self._properties(everywhere)]
        return Findings(
            file=path,
            name=loaded.name,
            kind=loaded.kind,
            expects=demand.expects,
            equals=demand.equals.words if demand.equals else "",
            biases=tuple(biases),
            variances=tuple(variances),
            properties=tuple(properties),
            diagnosis=self._diagnosis(everywhere),
            cost=self._cost(),
        )

    def weights(self, batches: Batches, **changes: Any) -> Tensor:
        """Return the submission's weights of batches, (S, N, T)."""
        given = _arrays(batches) | changes
        return torch.as_tensor(self._source.weights(given, batches.world.discount).copy())

    def _smallest(self, world: World) -> int:
        """Return 1 if batches of one trajectory are legal, else 2: a baseline may need another trajectory."""
        try:
            weights = self.weights(Batches.every(world, 1))
        except Fault:
            return 2
        valid = Batches.every(world, 1).trajectories.mask
        return 1 if bool(weights[valid].isfinite().all()) and bool(weights[valid].any()) else 2

    @staticmethod
    def _one_trajectory(smallest: int) -> Property:
        words = "is checked as well" if smallest == 1 else "gives no estimate: two are needed"
        return Property("one trajectory", holds=True, sentence=f"a batch of one trajectory {words}")

    def _some(self, world: World, n: int) -> Batches:
        every = Batches.every(world, n)
        picked = generator_of(self._seed, "check", "some", world.name).permutation(len(every.members))[:_SAMPLED]
        return Batches(world, every.members[picked.copy()])

    def _properties(self, everywhere: Sequence[World]) -> Iterator[Property]:
        some = self._some(everywhere[0], 3)
        mask, found = some.trajectories.mask, self.weights(some)
        finite = bool(found[mask].isfinite().all())
        yield Property("finite", finite, "all weights are finite" if finite else "some weights are NaN or infinite")
        again = self.weights(some)
        yield _same(
            "same batch, same weights", found, again, mask, "the same batch", "draws random numbers, or keeps state"
        )
        shuffle = torch.tensor([2, 0, 1])
        permuted = Batches(some.world, some.members[:, shuffle])
        restored = self.weights(permuted)[:, shuffle.argsort()]
        # A baseline of the earlier trajectories, or of the other half of the batch, depends on it without a bias.
        order = _same("order of trajectories", found, restored, mask, "another order of the trajectories")
        yield replace(order, is_required=False)
        longer = self._source.weights(_padded(_arrays(some), 2), some.world.discount)
        inside = torch.as_tensor(longer.copy())[..., : mask.shape[-1]]
        yield _same("padding", found, inside, mask, "more padding", "the mask is ignored somewhere")
        if self._loaded.kind == "estimator":
            outside = torch.as_tensor(longer.copy())[~torch.nn.functional.pad(mask, (0, 2))]
            quiet = not bool(outside.abs().max() > 0)
            words = (
                "no log-probability after the last step matters"
                if quiet
                else "log-probabilities after the last step matter"
            )
            yield Property("mask", quiet, words)
        if self._loaded.kind in ("baseline", "returns", "importance"):
            alone = torch.cat([self.weights(Batches(some.world, members[None])) for members in some.members[:4]])
            yield _same("separate batches", found[:4], alone, mask[:4], "each batch alone", "batches are mixed")
        if self._loaded.kind != "advantages":
            single = {
                name: values.astype(np.float32) if values.dtype == np.float64 else values
                for name, values in _arrays(some).items()
            }
            in_single = torch.as_tensor(self._source.weights(single, some.world.discount).copy())
            yield _same("float32", found, in_single, mask, "single precision", tolerance=_FLOAT32)
        equal = {"rewards": np.zeros(mask.shape)}
        flat = self.weights(some, **equal)[mask]
        holds = bool(flat.isfinite().all())
        yield Property(
            "equal returns",
            holds,
            "finite if all returns are equal" if holds else "NaN or infinite if all returns are equal",
        )
        matter = not torch.equal(flat, found[mask])
        words = "depends on the rewards" if matter else "does not depend on the rewards"
        yield Property("rewards", matter, f"the estimate {words}")
        if self._demand.equals is not None:
            yield _equality(self._demand.equals, ((one, self.weights(one)) for one in self._every_few(everywhere)))

    def _every_few(self, everywhere: Sequence[World]) -> Iterator[Batches]:
        return (self._some(world, n) for world in everywhere for n in (2, 3))

    def _diagnosis(self, everywhere: Sequence[World]) -> Diagnosis | None:
        discounted = "discount" in self._loaded.parameters
        off_policy = self._demand.off_policy
        world = (
            next(
                world
                for world in reversed(everywhere)
                if world.is_tabular and (world.discount < 1) == discounted and world.is_on_policy != off_policy
            )
            if not (discounted and off_policy)
            else next(world for world in everywhere if not world.is_on_policy)
        )
        observed = []
        for n in (2, 3):
            some = self._some(world, n)
            weights = self.weights(some)
            finite = (weights.isfinite() | ~some.trajectories.mask).flatten(1).all(1)
            if not finite.any():
                return None
            known = Batches(world, some.members[finite])
            observed.append(Observed(_sample(known), weights[finite].numpy(), self._loaded.kind == "estimator"))
        return diagnose(
            observed,
            off_policy=off_policy,
            discounted=world.discount < 1,
            has_values="values" in self._loaded.parameters,
            wanted=self._demand.equals.choices if self._demand.equals else {},
        )

    def _cost(self) -> float:
        arrays = _timed(self._seed)
        own, declared = self._source.seconds(arrays, 1.0), Declared("estimator")
        built_in, seconds = EstimatorSubmission(_loss, declared), []
        for _ in range(5):
            start = time.perf_counter()
            built_in.weights(arrays, 1.0)
            seconds.append(time.perf_counter() - start)
        return own / min(seconds)


def _loss(log_probs: Tensor, rewards: Tensor, mask: Tensor) -> Tensor:
    """REINFORCE with rewards-to-go and the other trajectories' average return."""
    total = rewards.sum(-1, keepdim=True)
    baseline = (total.sum(0) - total) / (len(rewards) - 1)
    advantages = reward_to_go(rewards[None], mask[None])[0] - baseline
    return -(log_probs * advantages * mask).sum(-1).mean()


def _arrays(batches: Batches) -> dict[str, NDArray[Any]]:
    world, trajectories = batches.world, batches.trajectories
    mask = trajectories.mask
    return {
        "rewards": trajectories.rewards.numpy(),
        "mask": mask.numpy().astype(np.uint8),
        "log_probs": batches.along(world.log_probs).where(mask, _AFTER_THE_END).numpy(),
        "old_log_probs": batches.along(world.old_log_probs).where(mask, _AFTER_THE_END).numpy(),
        "values": batches.along(world.values).numpy(),
        "state_ratios": batches.along(world.state_ratios).numpy(),
        "alignments": batches.along(torch.einsum("mtd,mud->mt", world.scores, world.scores)).numpy(),
        "observations": trajectories.observations.numpy(),
        "actions": trajectories.actions.numpy(),
        "terminated": trajectories.terminated.numpy().astype(np.uint8),
        "truncated": trajectories.truncated.numpy().astype(np.uint8),
    }


def _padded(arrays: Arrays, steps: int) -> dict[str, NDArray[Any]]:
    """Return the arrays with more steps after the last ones."""
    after = {"log_probs": _AFTER_THE_END, "old_log_probs": _AFTER_THE_END}
    found = dict(arrays)
    for name, values in arrays.items():
        if values.ndim >= 3:
            width = [(0, 0), (0, 0), (0, steps), *[(0, 0)] * (values.ndim - 3)]
            found[name] = np.pad(values, width, constant_values=after.get(name, 0))
    return found


def _sample(batches: Batches) -> Sample:
    given = _arrays(batches)
    names = ("rewards", "log_probs", "old_log_probs", "values")
    return Sample(mask=given["mask"] > 0, discount=batches.world.discount, **{name: given[name] for name in names})


def _timed(seed: int) -> dict[str, NDArray[Any]]:
    generator, (n, steps) = generator_of(seed, "check", "timed"), _TIMED
    mask = np.arange(steps) < generator.integers(1, steps + 1, size=(1, n, 1))
    noise = {name: generator.normal(size=(1, n, steps)) * mask for name in ("rewards", "values")}
    log_probs = np.log(generator.uniform(0.2, 0.8, size=(1, n, steps)))
    return {
        **noise,
        "mask": mask.astype(np.uint8),
        "log_probs": log_probs,
        "old_log_probs": log_probs,
        "state_ratios": mask.astype(np.float64),
        "alignments": mask.astype(np.float64),
        "observations": np.ones((1, n, steps, 1)),
        "actions": np.zeros((1, n, steps), dtype=np.int64),
        "terminated": np.ones((1, n), dtype=np.uint8),
        "truncated": np.zeros((1, n), dtype=np.uint8),
    }


def _targets(batches: Batches, demand: Demand) -> list[Tensor]:
    """Return what the expectation may be; with a discount, the gradient of the discounted objective is as right."""
    world, n = batches.world, batches.members.shape[1]
    if demand.equals is not None:
        with suppress(Fault):  # where it needs more trajectories, it has no expectation
            return [batches.moments(torch.as_tensor(demand.equals.weights(_arrays(batches), world.discount)))[0]]
    target = world.gradients["gradient" if demand.expects == "shrunk" else demand.expects]
    targets = [target * (1 - 1 / n) if demand.expects == "shrunk" else target]
    return targets + [world.gradients[name] for name in ("discounted_objective",) if name in world.gradients]


def _bias(batches: Batches, weights: Tensor, demand: Demand) -> Bias:
    """Compare the expectation with the nearest of those that it may be."""
    world, n = batches.world, batches.members.shape[1]
    mean, _ = batches.moments(weights)
    targets = _targets(batches, demand)
    nearest = min(targets, key=lambda one: float((mean - one).norm().nan_to_num(torch.inf)))
    error, scale = mean - nearest, float(world.gradients["gradient"].norm())
    worst = int(error.abs().argmax())
    words = f"{world.coordinates[worst]}: {float(mean[worst]):.4g}, should be {float(nearest[worst]):.4g}"
    return Bias(world.name, n, float(error.norm()) / scale, words)


def _variance(batches: Batches, weights: Tensor, compared: Known) -> Variance:
    world, n = batches.world, batches.members.shape[1]
    sample = _sample(batches)

    def variance(weights: Tensor) -> float:
        return batches.moments(weights)[1]

    def of(name: str) -> float:
        return variance(torch.as_tensor(with_baseline(name).weights(sample).copy()))

    others = {name: of(name) for name in BUILT_IN}
    other = variance(torch.as_tensor(compared.weights(_arrays(batches), world.discount)))
    return Variance(world.name, n, variance(weights), of("none"), others, _least_variance(world) / n, other)


def _equality(known: Known, given: Iterable[tuple[Batches, Tensor]]) -> Property:
    """Compare weights with those of a built-in estimator, in the batches of a few worlds."""
    largest, scale = 0.0, 0.0
    for batches, weights in given:
        mask = batches.trajectories.mask
        expected = torch.as_tensor(known.weights(_arrays(batches), batches.world.discount))
        largest = max(largest, float((weights - expected)[mask].abs().max().nan_to_num(torch.inf)))
        scale = max(scale, float(expected[mask].abs().max()))
    holds = largest <= TOLERANCE * scale
    words = f"those of {known.words}"
    found = f"are {words}" if holds else f"differ from {words}, by {largest / scale:.2g} of the largest"
    return Property("equals", holds, f"the weights {found}")


def _least_variance(world: World) -> float:
    r"""Return the total variance of one trajectory's estimate with the best baseline of step and state.

    $b_t(s) = \mathbb{E}[\lVert \psi_t \rVert^2 G_t \mid s_t = s] / \mathbb{E}[\lVert \psi_t \rVert^2 \mid s_t = s]$ is
    best here, because scores of different steps and states have no entry in common; after Greensmith, Bartlett &
    Baxter 2004, section 4.
    """
    batches = Batches.every(world, 1)
    to_go = reward_to_go(batches.trajectories.rewards, batches.trajectories.mask, world.discount)[:, 0]
    squares = world.scores.square().sum(-1) * world.probabilities[:, None]
    baseline = torch.zeros_like(to_go)
    states = world.trajectories.states
    assert states is not None, "tabular worlds have states"
    for step in range(to_go.shape[1]):
        for state in states[0, :, step].unique():
            here = (states[0, :, step] == state) & world.trajectories.mask[0, :, step]
            if here.any():
                baseline[here, step] = (squares[here, step] @ to_go[here, step]) / squares[here, step].sum()
    return batches.moments((to_go - baseline)[:, None])[1]


def _same(
    name: str, found: Tensor, other: Tensor, mask: Tensor, what: str, otherwise: str = "", tolerance: float = TOLERANCE
) -> Property:
    scale = found[mask].abs().max()
    difference = float(((found - other)[mask]).abs().max() / scale.clamp(min=1e-300))
    holds = difference <= tolerance
    words = (
        f"{what} gives the same weights" if holds else f"{what} gives other weights, by {difference:.2g} of the largest"
    )
    return Property(name, holds, words + (f": {otherwise}" if otherwise and not holds else ""))
