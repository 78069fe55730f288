"""Check an estimator of a user's own against exact gradients."""

from __future__ import annotations

import inspect
import timeit
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pg.checking.arrays import LARGE, arrays_of, as_sample, large_batch, sample_of, with_ratios
from pg.checking.demands import Demand, declared
from pg.checking.diagnosis import Diagnosis, Observed, diagnose
from pg.checking.findings import Bias, Findings, Property, Spread, Variance
from pg.checking.moments import bias_of, multiple_of, own_future, spread_of, variance_of
from pg.checking.properties import NEEDED, Trial, equality, of_one_trajectory, properties
from pg.checking.sandbox import Loaded, sandbox
from pg.checking.submissions import (
    Arrays,
    Declared,
    EstimatorSubmission,
    Fault,
    Submission,
    fault_of,
    submission_of,
)
from pg.checking.worker import described
from pg.checking.worlds import DISCOUNT, Batches, World, further, worlds
from pg.core.randomness import generator as generator_of
from pg.parts.discounting import reward_to_go

SIZES = (1, 2, 3)
"""Numbers of trajectories of the batches that are listed."""
_VALUED = ("baseline", "returns")  # kinds of parts that may read values
_ROUNDING = 1e-9  # weights below it are 0
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


def check_here(
    found: Callable[..., Any], *, options: Mapping[str, Any] = MappingProxyType({}), seed: int = 0
) -> Findings:
    """Check a function or a class of this process, as `check` does one in a file, without a process of its own."""
    module, name = found.__module__, found.__name__
    try:
        # A class in a notebook has no file, and its method has one.
        here = Here(submission_of(found, options), inspect.getfile(found.__call__ if inspect.isclass(found) else found))
        return examine(here, here.loaded, module, seed)
    except Fault as fault:
        return Findings(module, name, fault=fault.sentence, line=fault.line)


def examine(
    source: Source,
    loaded: Loaded,
    path: str,
    seed: int,
    demand: Demand | None = None,
    sizes: Sequence[int] = SIZES,
    *,
    is_thorough: bool = True,
) -> Findings:
    """Check a submission that is loaded; a Fault is raised where it fails, or is not what is demanded.

    `is_thorough` adds batches of more trajectories, and of longer ones.
    """
    demand = demand or declared(loaded)
    if demand.kind != loaded.kind:
        raise Fault(f"{loaded.name} should be of kind {demand.kind}, and is of kind {loaded.kind}")
    return _Check(source, loaded, seed, demand).findings(path, sizes, is_thorough=is_thorough)


class Source(Protocol):
    """Gives the weights of a submission; a sandbox does."""

    def weights(self, arrays: Arrays, discount: float, /) -> NDArray[np.float64]:
        """Return the weights of S batches."""
        ...

    def seconds(self, arrays: Arrays, discount: float, /) -> float:
        """Return how long one batch takes."""
        ...


class Here:
    """A submission in this process.

    Parameters
    ----------
    submission, file
        The submission, and the file that defines it: a fault names its last line there.
    """

    def __init__(self, submission: Submission, file: str | Path) -> None:
        self._submission, self._file = submission, Path(file)

    @property
    def loaded(self) -> Loaded:
        """What the submission is."""
        return Loaded.model_validate(described(self._submission))

    def weights(self, arrays: Arrays, discount: float, /) -> NDArray[np.float64]:
        """Return the weights of S batches; as in a process, warnings are not shown."""
        with warnings.catch_warnings(action="ignore"):
            try:
                return self._submission.weights(arrays, discount)
            except Exception as error:
                raise fault_of(error, self._file) from error

    def seconds(self, arrays: Arrays, discount: float, /) -> float:
        """Return how long one batch takes, of a few tries the fastest."""
        return min(timeit.repeat(lambda: self.weights(arrays, discount), number=1))


class _Check:
    """The steps of a check, of one submission."""

    def __init__(self, source: Source, loaded: Loaded, seed: int, demand: Demand) -> None:
        self._source, self._loaded, self._seed, self._demand = source, loaded, seed, demand

    def findings(self, path: str, sizes: Sequence[int], *, is_thorough: bool) -> Findings:
        loaded, demand = self._loaded, self._demand
        valued = demand.equals is None and self._may_read_values
        everywhere = list(
            worlds(self._seed, off_policy=demand.off_policy, discounted=self._is_discounted, valued=valued)
        )
        smallest = self._smallest(everywhere[0])
        found = Findings(
            file=path,
            name=loaded.name,
            kind=loaded.kind,
            expects=demand.expects,
            equals=demand.equals.words if demand.equals else "",
            properties=tuple(self._properties(everywhere, smallest)),
        )
        if any(one.name in NEEDED and not one.holds for one in found.properties):
            return found
        legal = [Batches.every(world, n) for world in everywhere for n in sizes if n >= smallest]
        averaged = replace(self._averaged(found, legal), cost=self._cost())
        if is_thorough:
            others = further(self._seed, off_policy=demand.off_policy, valued=valued)
            biases = (bias_of(one, self.weights(one), demand) for one in others if one.n >= smallest)
            averaged = replace(averaged, biases=(*averaged.biases, *biases))
        if not found.depends_on_rewards:
            return averaged
        diagnosed = replace(averaged, diagnosis=self._diagnosis(everywhere))
        return replace(diagnosed, hint=self._hint(diagnosed, legal))

    def _averaged(self, found: Findings, everywhere: Sequence[Batches]) -> Findings:
        """Add expectations and variances."""
        biases, variances, spreads = list[Bias](), list[Variance](), list[Spread]()
        for batches in everywhere:
            world, weights = batches.world, self.weights(batches)
            biases.append(bias_of(batches, weights, self._demand))
            if not world.is_on_policy:
                spreads.append(spread_of(batches, weights))
            elif world.is_tabular and world.has_exact_values and world.discount == 1 and batches.n > 1:
                variances.append(variance_of(batches, weights, self._demand.compared))
        return replace(found, biases=tuple(biases), variances=tuple(variances), spreads=tuple(spreads))

    def _hint(self, found: Findings, everywhere: Sequence[Batches]) -> str:
        """Say what is known of a mistake that has no name."""
        if found.is_unbiased or (found.diagnosis is not None and found.diagnosis.is_exact):
            return ""
        if multiple := multiple_of(found.biases):
            return multiple
        plain = (one for one in everywhere if one.world.is_tabular and one.world.is_on_policy and one.n > 1)
        batches = next((one for one in plain if one.world.discount == 1 and one.world.has_exact_values), None)
        if batches is None:
            return ""
        weights = self.weights(batches)
        return own_future(batches, weights) if bool(weights.isfinite().all()) else ""

    @property
    def _is_discounted(self) -> bool:
        return "discount" in self._loaded.parameters

    @property
    def _may_read_values(self) -> bool:
        return "values" in self._loaded.parameters or self._loaded.kind in _VALUED

    def weights(self, batches: Batches) -> Tensor:
        """Return the submission's weights of batches, (S, N, T)."""
        return self._ask(arrays_of(batches), batches.world.discount)

    def _ask(self, arrays: Arrays, discount: float) -> Tensor:
        return torch.as_tensor(self._source.weights(arrays, discount).copy())

    def _smallest(self, world: World) -> int:
        """Return 1 if batches of one trajectory are legal, else 2: a baseline may need another trajectory."""
        alone = Batches.every(world, 1)
        try:
            found = self.weights(alone)[alone.trajectories.mask]
        except Fault:
            return 2
        return 1 if bool(found.isfinite().all()) and bool(found.abs().max() > _ROUNDING) else 2

    def _some(self, world: World, n: int) -> Batches:
        every = Batches.every(world, n)
        picked = generator_of(self._seed, "check", "some", world.name).permutation(len(every.members))[:_SAMPLED]
        return Batches(world, every.members[picked.copy()])

    def _properties(self, everywhere: Sequence[World], smallest: int) -> Iterator[Property]:
        some = self._some(everywhere[0], 3)
        trial = Trial(some, partial(self._ask, discount=some.world.discount), lambda: self._large)
        yield of_one_trajectory(smallest)
        yield from properties(self._demand.kind, trial)
        if self._demand.equals is not None:
            yield equality(self._demand.equals, self._every_few(everywhere), self._large)

    def _every_few(self, everywhere: Sequence[World]) -> Iterator[tuple[Arrays, float, Tensor]]:
        """Ask for the weights of a few batches of each world, also with ratios on all sides of a clip."""
        for world in everywhere:
            for n in (2, 3):
                arrays = arrays_of(self._some(world, n))
                for given in (arrays, with_ratios(arrays, self._seed)) if self._demand.off_policy else (arrays,):
                    yield given, world.discount, self._ask(given, world.discount)

    @cached_property
    def _large(self) -> list[tuple[Arrays, float, Tensor]]:
        """Ask for the weights of large batches with random numbers."""
        discount = DISCOUNT if self._is_discounted else 1.0
        batches = (large_batch(self._seed, n, steps) for n, steps in LARGE)
        given = [with_ratios(one, self._seed) if self._demand.off_policy else one for one in batches]
        return [(arrays, discount, self._ask(arrays, discount)) for arrays in given]

    def _diagnosis(self, everywhere: Sequence[World]) -> Diagnosis | None:
        off_policy = self._demand.off_policy
        # The last world of its kind: without a discount where there is none, else with the discount.
        exact = (one for one in everywhere if one.is_tabular and one.has_exact_values)
        *_, world = (one for one in exact if one.is_on_policy != off_policy)
        observed, padding = list[Observed](), self._loaded.kind == "estimator"
        for n in (2, 3):
            some = self._some(world, n)
            weights = self.weights(some)
            finite = (weights.isfinite() | ~some.trajectories.mask).flatten(1).all(1)
            if not finite.any():
                return None
            known = Batches(world, some.members[finite])
            observed.append(Observed(sample_of(known), weights[finite].numpy(), padding))
        return diagnose(
            observed,
            [Observed(as_sample(arrays, one), weights.numpy(), padding) for arrays, one, weights in self._large],
            off_policy=off_policy,
            discounted=world.discount < 1,
            has_values=self._may_read_values,
            wanted=self._demand.choices,
        )

    def _cost(self) -> float:
        arrays = large_batch(self._seed, *LARGE[0])
        built_in = EstimatorSubmission(_loss, Declared("estimator"))
        seconds = timeit.repeat(lambda: built_in.weights(arrays, 1.0), number=1)
        return self._source.seconds(arrays, 1.0) / min(seconds)


def _loss(log_probs: Tensor, rewards: Tensor, mask: Tensor) -> Tensor:
    """REINFORCE with rewards-to-go and the other trajectories' average return."""
    total = rewards.sum(-1, keepdim=True)
    baseline = (total.sum(0) - total) / (len(rewards) - 1)
    advantages = reward_to_go(rewards[None], mask[None])[0] - baseline
    return -(log_probs * advantages * mask).sum(-1).mean()
