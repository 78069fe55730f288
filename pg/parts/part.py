"""The base class of a variant's parts, and how an entry of a study file becomes one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, Union, cast

from pydantic import BeforeValidator, ConfigDict

from pg.core.choices import load_class
from pg.core.record import Record
from pg.core.suggestions import listed, nearest

if TYPE_CHECKING:
    from pg.parts.variant import Variant


def _fix_name(schema: dict[str, Any]) -> None:
    """Let editors accept this part's name only; the name is the first field, whatever its key."""
    key = next(iter(schema["properties"]))
    schema["properties"][key] = {"const": schema["properties"][key]["default"]}


class Part(Record):
    """One choice of a variant, with its options as fields.

    A study file gives the name alone (`baseline: leave_one_out`) or the name with options (`baseline: {name: constant,
    value: 1}`). A user's own part is a subclass in a module next to the study file, and its name is `module:Class`.

    A module of parts must import neither torch nor gymnasium at its top: validation, claims and figures read variants
    too. Use the methods of the tensors (`values.new_full`, `values.where`), or import torch inside a function.
    """

    model_config = ConfigDict(json_schema_extra=_fix_name)

    name: str = ""

    label: ClassVar[str | None] = None
    """The part in labels of variants. Default: its name in words."""
    expects: ClassVar[Literal["gradient", "shrunk", "surrogate", "surrogate_of_target_states"]] = "gradient"
    r"""What the estimate is on average, by which `python -m pg check` judges the part.

    It is the gradient of the target policy, $\nabla J(\theta')$; or shrunk, $(1 - 1/N) \nabla J$; or a surrogate's,
    $\sum_t \sum_s d_t(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$, with the distributions $d_t$ of the
    states under the behaviour policy, or under the target policy.
    """

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse what pydantic would refuse without saying what to do instead."""
        if name.startswith("_"):
            super().__setattr__(name, value)
            return
        raise TypeError(
            f"{type(self).__name__} sets its attribute {name}, and no part may keep something itself, because runs "
            "share it. What it learns from earlier batches belongs to make_critic: see docs/checking.md, "
            '"A baseline that learns"'
        )

    @property
    def words(self) -> str:
        """The part in labels of variants; empty if labels omit it."""
        return self.name.rpartition(":")[2].replace("_", " ") if self.label is None else self.label

    def problems(self, _variant: Variant, /) -> Iterable[str]:
        """Return the reasons, one sentence each, why this part is illegal in this variant."""
        return ()

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Return LaTeX equations, without dollar signs, that define the symbols of this part."""
        return ()

    def _named(self, symbol: str) -> tuple[str, ...]:
        """Define a symbol by the name of the class."""
        name = type(self).__name__.replace("_", r"\_")
        return (rf"{symbol} = \text{{{name}}}",)


AnyPart = TypeVar("AnyPart", bound=Part)


def one_of(
    family: type[AnyPart], built_in: Sequence[type[AnyPart]], key: str = "name", default: str | None = None
) -> BeforeValidator:
    """Return the annotation of a field that holds a part of a family, such as `one_of(Baseline, BASELINES)`.

    Parameters
    ----------
    family
        Base class of the parts that are allowed.
    built_in
        The parts that are found by their names; any other is named `module:Class`.
    key
        The key of a study file that holds the name.
    default
        Name of the part for a mapping without the key. By default the key is required.
    """
    by_name = {str(part.model_fields["name"].default): part for part in built_in}

    def read(given: Any) -> AnyPart:
        if isinstance(given, family):
            return given
        if not isinstance(given, str | dict):
            raise ValueError(f"should be a name, or a mapping with a name and options; allowed:{listed(by_name)}")
        options = {key: given} if isinstance(given, str) else cast("dict[str, Any]", given)
        if default is not None and key not in options:
            options = {key: default, **options}
        if key not in options:
            raise ValueError(f"{key}: is missing; allowed:{listed(by_name)}, or module:Class for a part of your own")
        name = str(options[key])
        part = load_class(name, family) if ":" in name else by_name.get(name)
        if part is None:
            raise ValueError(f"{name!r} is not known{nearest(name, by_name)}, or module:Class for a part of your own")
        return part.model_validate(options)

    # Editors see the names and the options of every built-in part.
    return BeforeValidator(read, json_schema_input_type=Union[(Literal[tuple(by_name)], str, *built_in)])
