"""Reads the meta-arguments of a resource: labels, lifecycle, timeouts, order and rollout.

They control this tool and are not sent to the cloud. The other keys of a body are fields of its kind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from provisioner.loading.durations import Seconds
from provisioner.loading.rollout import Size
from provisioner.loading.schemas import field_names
from provisioner.loading.tree import Path
from provisioner.loading.unplaced_error import UnplacedError, suggest
from provisioner.loading.validation import Problem, validate
from provisioner.model.address import Address
from provisioner.model.resource import Lifecycle, OnOsChange, Timeouts

EXPANSION_KEYS = ("count", "for_each")
META_ARGUMENTS = ("labels", "lifecycle", "timeouts", "order", "rollout")
COMMON_FIELDS = (*EXPANSION_KEYS, *META_ARGUMENTS)
"""The fields of every declaration, whatever its kind."""
_IGNORABLE_STATUS = ("status",)
"""Not a field of any spec, but compared with the record like one, so ignore_changes may name it, too."""


def declaration_fields(schema: object) -> tuple[str, ...]:
    """Returns the fields that a declaration of this schema may have."""
    return (*(field_names(schema, ()) or ()), *COMMON_FIELDS)


def _declarable_address(text: str) -> str:
    if Address.parse(text).deposed:
        raise ValueError(f"{text!r} is declared by no spec")
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class _Lifecycle(_Strict):
    prevent_destroy: bool | None = None
    ignore_changes: list[str] | None = None
    on_os_change: Literal["reinstall", "replace"] = "reinstall"
    create_before_destroy: bool = False
    replace_triggered_by: list[Annotated[str, AfterValidator(_declarable_address)]] | None = None


class _Timeouts(_Strict):
    create: Seconds = Timeouts().create
    delete: Seconds = Timeouts().delete


class _MetaArguments(_Strict):
    labels: dict[str, str] | None = None
    lifecycle: _Lifecycle | None = None
    timeouts: _Timeouts | None = None
    order: Literal["separate", "together"] = "separate"
    rollout: list[Size] | None = None


@dataclass(frozen=True, slots=True)
class MetaArguments:
    """The meta-arguments of one resource. `together`: the instances of its group are bought with one order."""

    labels: Mapping[str, str]
    lifecycle: Lifecycle
    timeouts: Timeouts
    together: bool = False
    rollout: tuple[int | str, ...] | None = None
    """Sizes of the waves as written: numbers and percentages. None when the resource has no `rollout`."""


_DEFAULTS = MetaArguments({}, Lifecycle(), Timeouts())


def read_meta_arguments(
    body: Mapping[str, Any], schema: type[BaseModel], omitted: Collection[Path]
) -> MetaArguments | list[Problem]:
    """Returns the meta-arguments of `body`, or the problems found in them.

    `schema` is the kind's, whose fields ignore_changes must name. `omitted`: paths whose values were invalid and have been
    reported. The list of problems is empty when those are the only ones.
    """
    data = _written(body)
    if not data:
        return _DEFAULTS
    found = validate_meta_arguments(body, omitted)
    if found or any(path[0] in META_ARGUMENTS for path in omitted):
        return found
    read = _MetaArguments.model_validate(data)
    lifecycle, timeouts = read.lifecycle or _Lifecycle(), read.timeouts or _Timeouts()
    ignored = tuple(tuple(path.split(".")) for path in lifecycle.ignore_changes or ())
    unknown = [*_unknown_paths(schema, ignored)]
    if unknown:
        return unknown
    return MetaArguments(
        read.labels or {},
        Lifecycle(
            lifecycle.prevent_destroy,
            ignored,
            OnOsChange(lifecycle.on_os_change),
            lifecycle.create_before_destroy,
            tuple(map(Address.parse, lifecycle.replace_triggered_by or ())),
        ),
        Timeouts(timeouts.create, timeouts.delete),
        together=read.order == "together",
        rollout=None if read.rollout is None else tuple(read.rollout),
    )


def validate_meta_arguments(body: Mapping[str, Any], omitted: Collection[Path] = ()) -> list[Problem]:
    """Returns the problems that the meta-arguments of `body` have whatever its kind is."""
    return validate(_MetaArguments, _written(body), omitted)


def _written(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in META_ARGUMENTS if key in body}


def kind_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of `body` that belong to its kind."""
    reserved = {*COMMON_FIELDS}
    return {key: value for key, value in body.items() if key not in reserved}


def _unknown_paths(schema: type[BaseModel], ignored: tuple[Path, ...]) -> Iterator[Problem]:
    for index, path in enumerate(ignored):
        for depth, step in enumerate(path):
            known = (field_names(schema, path[:depth]) or ()) + (() if depth else _IGNORABLE_STATUS)
            if step not in known:
                summary = f"ignore_changes names {'.'.join(map(str, path))}, which is no field"
                mistake = UnplacedError(
                    "unknown-field", summary, hint=suggest(str(step), known, title="the fields are")
                )
                yield Problem(("lifecycle", "ignore_changes", index), mistake)
                break
