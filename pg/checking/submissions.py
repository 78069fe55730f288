r"""What a file may define, and the weights of the scores that it gives: a part, an estimator, or advantages.

All that follows needs one thing of a submission: the weight $c_{i,t}$ of the score $\psi_{i,t}$ in its estimate
$\hat g = \frac{1}{N} \sum_i \sum_t c_{i,t} \psi_{i,t}$. An estimator's are the derivatives of its loss by the
log-probabilities, advantages are the weights, and parts are composed as in training.
"""

from __future__ import annotations

import importlib.util
import inspect
import linecache
import sys
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Literal, TypeVar, get_args, overload

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from pg.core.suggestions import nearest
from pg.core.trajectories import Trajectories
from pg.learning.scores import products_of
from pg.parts import estimator as compose
from pg.parts.baselines.base import Baseline
from pg.parts.batch import Batch, StateValues
from pg.parts.corrections.base import Correction, Ratios
from pg.parts.part import Part
from pg.parts.returns.base import Returns
from pg.parts.variant import Variant

Arrays = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]
Kind = Literal["baseline", "returns", "importance", "estimator", "advantages"]
Layout = Literal["padded", "list"]
Expectation = Literal["gradient", "shrunk", "surrogate", "surrogate_of_target_states"]
AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

_OF_STEPS = ("log_probs", "old_log_probs", "rewards", "mask", "values")
_ALLOWED: Mapping[Kind, tuple[str, ...]] = {
    "estimator": (*_OF_STEPS, "discount"),
    "advantages": ("rewards", "mask", "values", "discount"),
}
_REQUIRED: Mapping[Kind, tuple[str, ...]] = {"estimator": ("log_probs", "rewards"), "advantages": ("rewards",)}
_OTHER_NAMES = {"gamma": "discount", "logp": "log_probs", "old_logp": "old_log_probs"}
_MARK = "__pg_submission__"


class Fault(Exception):
    """What is wrong with a submission, in a sentence, with the line of its file where there is one."""

    def __init__(self, sentence: str, line: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.line = sentence, line


def problems_of(error: ValidationError) -> str:
    """Say what is wrong with options, each problem with its key."""
    places = ((".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")) for one in error.errors())
    return "; ".join(f"{place}: {words}" if place else words for place, words in places)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the decorator says about a function."""

    kind: Kind
    maximise: bool = False
    trajectories: Layout = "padded"
    expects: Expectation = "gradient"
    equals: Mapping[str, Any] = field(default_factory=dict)


@overload
def estimator(function: AnyFunction, /) -> AnyFunction: ...


@overload
def estimator(
    *,
    maximise: bool = False,
    trajectories: Layout = "padded",
    expects: Expectation = "gradient",
    equals: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[AnyFunction], AnyFunction]: ...


def estimator(
    function: AnyFunction | None = None,
    /,
    *,
    maximise: bool = False,
    trajectories: Layout = "padded",
    expects: Expectation = "gradient",
    equals: Mapping[str, Any] = MappingProxyType({}),
) -> AnyFunction | Callable[[AnyFunction], AnyFunction]:
    r"""Mark a function `(log_probs, rewards, mask, ...) -> loss` as an estimator to be checked.

    A plain function is one as well if `log_probs` is among its parameters. Parameters are recognised by their names:

    - `log_probs`: $\log \pi_{\theta'}(a_t \mid s_t)$, the loss is differentiated by them;
    - `old_log_probs`: $\log \pi_\theta(a_t \mid s_t)$ of the policy that collected the batch;
    - `rewards`, and `values` $V_t(s_t)$ of each step: the exact ones, and then those of another function;
    - `mask`: true at the steps of a trajectory. After its last step rewards and values are 0, and log-probabilities
      arbitrary;
    - `discount`: γ, a number.

    Parameters
    ----------
    maximise
        Whether the result is an objective to be maximised. Default: a loss to be minimised.
    trajectories
        "padded": tensors (N, T), with a mask. "list": lists of N tensors (T_i,), and no mask.
    expects
        What the estimate is on average. "gradient": $\nabla J(\theta')$. "shrunk": $(1 - 1/N) \nabla J(\theta')$.
        "surrogate": $\sum_t \sum_s d_{\theta,t}(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$, that of
        ratios per step. "surrogate_of_target_states": the same with $d_{\theta',t}$.
    equals
        The built-in estimator whose weights it has in every batch, such as `{"importance": {"name": "per_step", "clip":
        0.2}}`: the returns, baseline and importance of a variant in a study file. Then `expects` is ignored.
    """
    return _marked(function, Declared("estimator", maximise, trajectories, expects, equals))


@overload
def advantages(function: AnyFunction, /) -> AnyFunction: ...


@overload
def advantages(
    *,
    trajectories: Layout = "padded",
    expects: Expectation = "gradient",
    equals: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[AnyFunction], AnyFunction]: ...


def advantages(
    function: AnyFunction | None = None,
    /,
    *,
    trajectories: Layout = "padded",
    expects: Expectation = "gradient",
    equals: Mapping[str, Any] = MappingProxyType({}),
) -> AnyFunction | Callable[[AnyFunction], AnyFunction]:
    r"""Mark a NumPy function `(rewards, mask, values, ...) -> weights` as advantages to be checked.

    The weights (N, T) multiply the scores: $\hat g = \frac{1}{N} \sum_i \sum_t A_{i,t} \psi_{i,t}$. Parameters are
    those of `estimator`, without log-probabilities. With `trajectories: list` it returns a list of arrays (T_i,).
    """
    return _marked(function, Declared("advantages", False, trajectories, expects, equals))


def _marked(function: AnyFunction | None, declared: Declared) -> AnyFunction | Callable[[AnyFunction], AnyFunction]:
    """Mark a function; without one, as where a decorator has options, return what will mark it."""

    def marked(function: AnyFunction) -> AnyFunction:
        setattr(function, _MARK, declared)
        return function

    return marked if function is None else marked(function)


class Submission(ABC):
    """Something that gives weights."""

    name: str
    kind: Kind
    expects: Expectation = "gradient"
    equals: Mapping[str, Any] = MappingProxyType({})
    parameters: tuple[str, ...] = ()

    @property
    @abstractmethod
    def line(self) -> str:
        """Where it is defined: file, line and text."""

    @property
    def is_off_policy(self) -> bool:
        """Whether it is for data of another policy."""
        return "old_log_probs" in self.parameters

    @abstractmethod
    def weights(self, arrays: Arrays, discount: float) -> NDArray[np.float64]:
        """Return the weights (S, N, T) of S batches; a Fault is raised where there are none."""


class PartSubmission(Submission):
    """A baseline, returns or an importance weight, composed with built-in parts as in training."""

    def __init__(self, part: type[Part], kind: Kind, options: Mapping[str, Any]) -> None:
        self.name, self.kind = part.__name__, kind
        try:
            self.part = part.model_validate(dict(options))
        except ValidationError as error:
            raise Fault(f"{self.name}: {problems_of(error)} (--options)") from error
        # Of the instance, because with an annotation, `expects: str = ...`, it is a field.
        self.expects = self.part.expects

    @property
    def line(self) -> str:
        """Where the part's `__call__` is defined."""
        return _line_of(type(self.part).__call__)

    @property
    def is_off_policy(self) -> bool:
        """Whether it weights data of another policy."""
        return isinstance(self.part, Correction) and self.part.corrects

    def variant(self, batch: int, discount: float) -> Variant:
        """Return the estimator that the part is checked in."""
        given: dict[str, Any] = {"batch": batch, "discount": discount, "returns": "to_go", self.kind: self.part}
        if isinstance(self.part, Returns) and self.part.needs_values:
            given["baseline"] = "exact"
        try:
            return Variant.model_validate(given)
        except ValidationError as error:
            raise Fault(problems_of(error)) from error

    def weights(self, arrays: Arrays, discount: float) -> NDArray[np.float64]:
        """Compose the variant's weights, on the S axis as in training and enumeration."""
        variant = self.variant(arrays["mask"].shape[1], discount)
        try:
            return composed(variant, arrays)
        except (TypeError, ValueError, RuntimeError, AttributeError) as error:
            own = inspect.getfile(type(self.part))
            if any(frame.filename == own for frame in traceback.extract_tb(error.__traceback__)):
                raise
            problem = self._wrong_shape(variant, arrays) or str(error)
            raise Fault(f"what {self.name} returns cannot be used: {problem}", self.line) from error

    def _wrong_shape(self, variant: Variant, arrays: Arrays) -> str:
        """Say which shape the part's result has and which it should have; nothing if that is right."""
        batch, ratios = _batch(variant, arrays), _ratios(arrays)
        found: Any = self.part(ratios if isinstance(self.part, Correction) else batch)  # type: ignore[operator]
        if not isinstance(found, Tensor):
            return f"it is {type(found).__name__}, not a tensor"
        full, shape = tuple(batch.mask.shape), tuple(found.shape)
        varies = {"baseline": (0, 1, 2), "importance": (2,)}.get(self.kind, ())  # dimensions whose length may be 1
        if len(shape) == 3 and all(own in (full[i], 1 if i in varies else full[i]) for i, own in enumerate(shape)):
            return ""
        lengths = "(S, N, T), the numbers of batches, of trajectories and of steps"
        shorter = {"baseline": ", or has 1 in place of any of them", "importance": ", or (S, N, 1)"}.get(self.kind, "")
        return f"its shape is {shape}, and should be {full}: {lengths}{shorter}"


def _batch(variant: Variant, arrays: Arrays) -> Batch:
    trajectories = _trajectories(arrays)
    values, aligned = torch.as_tensor(arrays["values"]), torch.as_tensor(arrays["alignments"])
    return Batch(
        variant,
        trajectories,
        find_score_products=lambda batch: products_of(aligned, batch.returns),
        find_state_values=lambda _: StateValues(values, torch.zeros_like(values[..., 0])),
    )


def _ratios(arrays: Arrays) -> Ratios:
    trajectories = _trajectories(arrays)
    log_ratios = torch.as_tensor(arrays["log_probs"] - arrays["old_log_probs"]).where(trajectories.mask, 0)
    return Ratios(trajectories, log_ratios, torch.as_tensor(arrays["state_ratios"]))


def _trajectories(arrays: Arrays) -> Trajectories:
    return Trajectories(
        **{name: torch.as_tensor(arrays[name]) for name in ("observations", "actions", "rewards")},
        **{name: torch.as_tensor(arrays[name]) > 0 for name in ("mask", "terminated", "truncated")},
    )


def composed(variant: Variant, arrays: Arrays) -> Floats:
    """Return a variant's weights (S, N, T) of batches, composed as in training."""
    batch, ratios = _batch(variant, arrays), _ratios(arrays)
    found = compose.weights(
        variant,
        batch.trajectories,
        compose.fixed(batch),
        ratios.log_ratios if variant.importance.corrects else None,
        ratios.state_ratios,
    )
    return found.double().numpy()


class FunctionSubmission(Submission):
    """A function of a batch; subclasses say what its result means."""

    def __init__(self, function: Callable[..., Any], declared: Declared) -> None:
        self.function, self.declared = function, declared
        self.name, self.kind, self.expects = function.__name__, declared.kind, declared.expects
        self.equals = declared.equals
        self.parameters = tuple(inspect.signature(function).parameters)
        if declared.trajectories not in (layouts := get_args(Layout)):
            near = nearest(declared.trajectories, layouts)
            raise Fault(f"{self.name}: trajectories={declared.trajectories!r} is unknown{near}", self.line)
        # A function without a decorator may be meant as an estimator.
        known = _ALLOWED[self.kind if hasattr(function, _MARK) else "estimator"]
        allowed = [name for name in known if declared.trajectories == "padded" or name != "mask"]
        for name in self.parameters:
            if name not in allowed:
                near = nearest(_OTHER_NAMES.get(name, name), allowed)
                raise Fault(f"{self.name}: no parameter {name!r}{near}", self.line)
        required = [*_REQUIRED[self.kind], *(["mask"] if declared.trajectories == "padded" else [])]
        for name in required:
            if name not in self.parameters:
                lists = ', or the decorator\'s trajectories="list"' if name == "mask" else ""
                raise Fault(f"{self.name} lacks the parameter {name!r}{lists}", self.line)

    @property
    def line(self) -> str:
        """Where the function is defined."""
        return _line_of(self.function)

    def weights(self, arrays: Arrays, discount: float) -> NDArray[np.float64]:
        """Call the function once per batch."""
        return np.stack([self.of_batch(arrays, index, discount) for index in range(len(arrays["mask"]))])

    @abstractmethod
    def of_batch(self, arrays: Arrays, index: int, discount: float) -> NDArray[np.float64]:
        """Return the weights (N, T) of one batch."""

    def arguments(self, arrays: Mapping[str, Any], lengths: NDArray[np.int64], discount: float) -> dict[str, Any]:
        """Return the arguments of the function, from those of one batch (N, T)."""
        found: dict[str, Any] = {"discount": discount}
        for name in _OF_STEPS:
            values = arrays[name]
            is_list = self.declared.trajectories == "list"
            found[name] = [row[:length] for row, length in zip(values, lengths, strict=True)] if is_list else values
        return {name: found[name] for name in self.parameters}


class EstimatorSubmission(FunctionSubmission):
    """A torch function that returns a loss."""

    def of_batch(self, arrays: Arrays, index: int, discount: float) -> NDArray[np.float64]:
        """Differentiate the loss of one batch by the log-probabilities."""
        mask = arrays["mask"][index] > 0
        given = {name: torch.as_tensor(arrays[name][index].copy()) for name in _OF_STEPS if name != "mask"}
        given["mask"] = torch.as_tensor(mask)
        log_probs, values = given["log_probs"].requires_grad_(), given["values"].requires_grad_()
        kept = {name: tensor.detach().numpy().copy() for name, tensor in given.items()}
        loss = self.function(**self.arguments(given, mask.sum(-1), discount))
        self._check(loss)
        for name, tensor in given.items():
            if not _are_equal(tensor.detach().numpy(), kept[name]):
                raise Fault(f"{self.name} changes its argument {name}; work on a copy", self.line)
        try:
            by_log_probs, by_values = torch.autograd.grad(loss.sum(), [log_probs, values], allow_unused=True)
        except RuntimeError as error:
            why = f"what {self.name} returns cannot be differentiated, as after a call of backward()"
            raise Fault(f"{why}: {str(error).partition('. ')[0]}", self.line) from error
        if by_values is not None and by_values.abs().max() > 0:
            raise Fault(f"a gradient flows through the values in {self.name}; detach them", self.line)
        if by_log_probs is None:
            raise Fault(f"what {self.name} returns does not depend on log_probs", self.line)
        sign = len(mask) if self.declared.maximise else -len(mask)
        return sign * by_log_probs.double().numpy()

    def _check(self, loss: object) -> None:
        if problem := self._problem(loss):
            raise Fault(problem, self.line)

    def _problem(self, loss: object) -> str:
        if not isinstance(loss, Tensor):
            return f"{self.name} returns {type(loss).__name__}, not a scalar tensor"
        if loss.numel() != 1:
            return f"{self.name} returns a tensor of shape {tuple(loss.shape)}, not a scalar"
        if not loss.requires_grad:
            return f"no gradient flows from what {self.name} returns to log_probs: they were detached"
        return ""


class AdvantageSubmission(FunctionSubmission):
    """A NumPy function that returns the weights."""

    def of_batch(self, arrays: Arrays, index: int, discount: float) -> NDArray[np.float64]:
        """Return the weights of one batch, in float64."""
        mask = arrays["mask"][index] > 0
        given = {name: arrays[name][index].copy() for name in _OF_STEPS if name != "mask"} | {"mask": mask.copy()}
        kept = {name: values.copy() for name, values in given.items()}
        found = self.function(**self.arguments(given, mask.sum(-1), discount))
        for name, values in given.items():
            if not _are_equal(values, kept[name]):
                raise Fault(f"{self.name} changes its argument {name}; work on a copy", self.line)
        return self._laid_out(found, mask)

    def _laid_out(self, found: Any, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        line = self.line
        if self.declared.trajectories == "padded":
            weights = _as_floats(self.name, found, line)
            if weights.shape != mask.shape:
                raise Fault(f"{self.name} returns shape {weights.shape}, not {mask.shape}, that of the rewards", line)
            return weights
        if not isinstance(found, Sequence) or len(found) != len(mask):
            raise Fault(f"{self.name} should return a list of {len(mask)} arrays, one per trajectory", line)
        weights = np.zeros(mask.shape)
        for row, (own, length) in enumerate(zip(found, mask.sum(-1), strict=True)):
            values = _as_floats(self.name, own, line)
            if values.shape != (length,):
                raise Fault(f"{self.name} returns shape {values.shape} for a trajectory of {length} steps", line)
            weights[row, :length] = values
        return weights


def _are_equal(values: NDArray[Any], others: NDArray[Any]) -> bool:
    """Tell whether two arrays are equal, with NaN equal to NaN. Nearly all are, byte for byte, which is fast to see."""
    return values.tobytes() == others.tobytes() or np.array_equal(values, others, equal_nan=True)


def _as_floats(name: str, found: Any, line: str) -> NDArray[np.float64]:
    if found is None or np.iscomplexobj(found):
        raise Fault(f"{name} returns {'nothing' if found is None else 'complex numbers'}", line)
    try:
        return np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Fault(f"{name} returns {type(found).__name__}, which is no array of numbers: {error}", line) from error


# Loading ------------------------------------------------------------------------------------------------------------

_FAMILIES: Mapping[type[Part], Kind] = {Baseline: "baseline", Returns: "returns", Correction: "importance"}


def load(path: Path, name: str | None = None, options: Mapping[str, Any] = MappingProxyType({})) -> Submission:
    """Import a file and return what it defines under a name; without one, the only submission of the file.

    The options are those of a part.

    Raises
    ------
    Fault
        If the file cannot be imported, has no such submission, or has several and no name is given.
    """
    module = _imported(path)
    own = {key: value for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__}
    if name is not None:
        if name not in own:
            raise Fault(f"{path.name} defines no {name!r}{nearest(name, _names(own))}")
        return submission_of(own[name], options)
    names = _names(own)
    if len(names) > 1:
        near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        raise Fault(f"{path.name} defines {', '.join(names)}; name one, such as {near}:{names[0]}")
    if not names:
        raise Fault(f"{path.name} defines no part, estimator or advantages{_instead(own)}")
    return submission_of(own[names[0]], options)


def _instead(own: Mapping[str, Any]) -> str:
    """Say which parameters the functions of a file would need."""
    functions = [key for key, value in own.items() if inspect.isfunction(value) and not key.startswith("_")]
    needed = "an estimator has the parameters log_probs, rewards and mask; advantages have rewards and mask"
    return f" ({', '.join(functions)} is none: {needed})" if functions else ""


def _names(own: Mapping[str, Any]) -> list[str]:
    """Return the names of parts and marked functions; without any, those of functions that look like estimators."""
    marked = [key for key, value in own.items() if hasattr(value, _MARK) or _kind_of_part(value)]
    return marked or [key for key, value in own.items() if not key.startswith("_") and _looks_like(value)]


def _looks_like(value: Any) -> Kind | None:
    if not inspect.isfunction(value):
        return None
    parameters = inspect.signature(value).parameters
    return "estimator" if "log_probs" in parameters else "advantages" if "rewards" in parameters else None


def _kind_of_part(value: Any) -> Kind | None:
    if not isinstance(value, type) or inspect.isabstract(value):
        return None
    return next((kind for family, kind in _FAMILIES.items() if issubclass(value, family)), None)


def submission_of(found: Any, options: Mapping[str, Any] = MappingProxyType({})) -> Submission:
    """Return a function, or a part with options, as a submission; a Fault is raised if it is none."""
    if (kind := _kind_of_part(found)) is not None:
        return PartSubmission(found, kind, options)
    if options:
        raise Fault("only parts have options")
    if not callable(found):
        raise Fault(f"it is {type(found).__name__}, not a function or a part")
    declared = getattr(found, _MARK, None) or Declared(_looks_like(found) or "estimator")
    return (EstimatorSubmission if declared.kind == "estimator" else AdvantageSubmission)(found, declared)


def _imported(path: Path) -> ModuleType:
    name = path.stem
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise Fault(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    sys.path.append(str(path.parent))
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise fault_of(error, path) from error
    return module


def fault_of(error: BaseException, path: Path) -> Fault:
    """Return what a submission raised, with the last line of its file that was running."""
    if isinstance(error, Fault):
        return error
    sentence = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return Fault(sentence, f"{path.name}, line {error.lineno}: {(error.text or '').strip()}")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return Fault(sentence, f"{path.name}, line {frames[-1].lineno}: {frames[-1].line}" if frames else "")


def _line_of(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    start = code.co_firstlineno
    lines = ((number, linecache.getline(code.co_filename, number)) for number in range(start, start + 20))
    number, text = next(((number, text) for number, text in lines if text.lstrip().startswith("def ")), (start, ""))
    return f"{Path(code.co_filename).name}, line {number}: {text.strip()}"
