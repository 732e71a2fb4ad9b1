"""A saved plan: data without code or secrets, and any byte that has changed since is noticed.

A reference to a secret is written as {"$secret": "env:NAME"}; a mapping's own key that begins with $ gets a second one.
Arrays come back as lists. Whether a plan may still be applied is for others to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from provisioner.disk import Disk, replace_file
from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject, JsonValue, digest
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, SourceRange, UsageError, error
from provisioner.model.document import STRICT, Damaged, FromNewerVersion, from_json, seal, to_json, unseal
from provisioner.model.guarding import Allowance
from provisioner.model.leftover import Leftover
from provisioner.model.plan import Basis, LeftOut, Mode, Plan
from provisioner.model.resource import Desired, FieldPath, Fields, FieldValue, Lifecycle, Recorded, Timeouts
from provisioner.model.secret import SecretReference, SecretSource
from provisioner.model.selection import Selection
from provisioner.model.turn import Turn

Noun = TypeVar("Noun")
_SECRET = "$secret"  # noqa: S105 - the key under which a reference is written


@dataclass(frozen=True, slots=True)
class DesiredForm:
    """`Desired` as written: its fields are open to the kinds, so their annotation cannot say how to read them."""

    address: Address
    kind: str
    fields: JsonObject
    labels: dict[str, str]
    lifecycle: Lifecycle
    timeouts: Timeouts
    source: SourceRange | None
    together: bool = False
    wave: int = 0


@dataclass(frozen=True, slots=True)
class ChangeForm:
    address: Address
    kind: str
    action: Action
    fields: tuple[FieldChange, ...]
    desired: DesiredForm | None
    recorded: Recorded | None
    after: JsonObject | None
    reason: Reason | None
    sensitive: tuple[FieldPath, ...]
    unverifiable: tuple[FieldPath, ...]
    leftovers: tuple[Leftover, ...]
    moved_from: Address | None
    let_go: bool
    create_first: bool = False
    observed: JsonObject | None = None
    charging: tuple[FieldChange, ...] = ()
    assumed: tuple[FieldPath, ...] = ()
    held: tuple[FieldPath, ...] = ()
    live_name: str = ""
    deleted_alone: bool = False
    noted: Recorded | None = None
    computed: tuple[str, ...] = ("id", "private_address")
    """Without it a plan was saved when there were only servers."""
    unbilled: bool = False


@dataclass(frozen=True, slots=True)
class PlanForm:
    mode: Mode
    basis: Basis
    changes: tuple[ChangeForm, ...]
    findings: tuple[Diagnostic, ...]
    refusals: tuple[Diagnostic, ...]
    allowed: tuple[Allowance, ...]
    lifted: tuple[Diagnostic, ...]
    selection: Selection
    left_out: tuple[LeftOut, ...]
    together: tuple[tuple[Address, ...], ...] = ()
    turns: tuple[Turn, ...] = ()
    noun: str = "server"


def plan_id(plan: Plan) -> str:
    """The same plan from the same basis has the same id, saved or not."""
    return digest(_plan_to_json(plan))


def write_plan(path: Path, plan: Plan, *, tool_version: str, created: int) -> None:
    """`created` is in milliseconds since the epoch. Raises UsageError `plan-holds-secret` or `plan-not-written`."""
    findings = [
        error(
            "plan-holds-secret",
            f"a saved plan holds no secrets, and {change.address} gives the value of {'.'.join(place)} in clear",
            hint=f'Write {place[-1]}: {{secret: "env:NAME"}} in the specs and put the value into that variable.',
            address=change.address,
        )
        for change in plan.changes
        if change.desired is not None
        for place in _literals((), change.desired.fields)
    ]
    if findings:
        raise UsageError(*findings)
    try:
        replace_file(Disk(), path, seal({"created": created, "plan": _plan_to_json(plan)}, tool=tool_version))
    except OSError as failure:
        hint = "Name a file in a folder that exists and that you may write to."
        summary = f"cannot write the plan to {path}: {failure.strerror}"
        raise UsageError(error("plan-not-written", summary, hint=hint)) from failure


def read_plan(path: Path) -> Plan:
    """Raises UsageError: `plan-unreadable`, `plan-damaged` or `plan-format`."""
    try:
        data = Disk().read(path)
    except OSError as failure:
        hint = "The file must be readable for you; symbolic links are not followed."
        summary = f"cannot read the plan {path}: {failure.strerror}"
        raise UsageError(error("plan-unreadable", summary, hint=hint)) from failure
    if data is None:
        raise UsageError(error("plan-unreadable", f"there is no plan {path}", hint="Make one with: plan --out FILE"))
    try:
        return _plan_from_json(unseal(data).get("plan"))
    except FromNewerVersion as problem:
        raise UsageError(
            error("plan-format", f"the plan {path} {problem}", hint="Use that version, or plan again with this one.")
        ) from problem
    except ValueError as problem:
        raise UsageError(
            error(
                "plan-damaged", f"the plan {path} {problem}", hint="Nothing was sent. Plan again with: plan --out FILE"
            )
        ) from problem


def _plan_to_json(plan: Plan) -> JsonObject:
    changes = tuple(_made(ChangeForm, change, desired=_desired_form(change.desired)) for change in plan.changes)
    return to_json(_plans(), _made(PlanForm, plan, changes=changes))


def _plan_from_json(content: JsonValue) -> Plan:
    if not isinstance(content, Mapping):
        raise Damaged("holds no plan")
    form = from_json(_plans(), content)
    changes = tuple(_made(Change, change, desired=_desired(change.desired)) for change in form.changes)
    return _made(Plan, form, changes=changes)


def _desired_form(desired: Desired | None) -> DesiredForm | None:
    return None if desired is None else _made(DesiredForm, desired, fields=_mapping_to_json(desired.fields))


def _desired(form: DesiredForm | None) -> Desired | None:
    return None if form is None else _made(Desired, form, fields=_value_from_json(form.fields))


def _made(noun: type[Noun], of: Any, **replaced: object) -> Noun:
    """The same fields as another dataclass, but for those that are written differently."""
    return noun(**{field.name: getattr(of, field.name) for field in fields(of)} | replaced)


def _mapping_to_json(mapping: Fields) -> JsonObject:
    return {f"${key}" if key.startswith("$") else key: _value_to_json(value) for key, value in mapping.items()}


def _value_to_json(value: FieldValue) -> JsonValue:
    match value:
        case SecretReference():
            return {_SECRET: str(value)}
        case Mapping():
            return _mapping_to_json(value)
        case list() | tuple():
            return [_value_to_json(item) for item in value]
        case _:
            return value


def _value_from_json(value: JsonValue) -> Any:
    match value:
        case {"$secret": str(text), **others} if not others:
            source, _, locator = text.partition(":")
            return SecretReference(SecretSource(source), locator)
        case Mapping():
            return {key.removeprefix("$"): _value_from_json(item) for key, item in value.items()}
        case list():
            return [_value_from_json(item) for item in value]
        case _:
            return value


def _literals(path: FieldPath, value: FieldValue) -> Iterator[FieldPath]:
    match value:
        case SecretReference(source=SecretSource.LITERAL):
            yield path
        case Mapping():
            for key, item in value.items():
                yield from _literals((*path, key), item)
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _literals((*path, str(index)), item)
        case _:
            return


@cache
def _plans() -> TypeAdapter[tuple[PlanForm]]:
    return TypeAdapter(tuple[PlanForm], config=STRICT)
