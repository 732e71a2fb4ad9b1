"""Reads and writes plan files: a plan with its approval, the options and variables that it was made with, and a
signature.

A file has no code and no secrets, and every changed byte is noticed. It is never executed: apply makes the plan again
and compares the two (docs/decisions/0030). Whether it may still be applied is decided elsewhere.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Final

from provisioner.disk import Disk, describe_obstacle, place_file
from provisioner.model.approval import Approval
from provisioner.model.approved_content import ApprovalScope, approved_content
from provisioner.model.canonical import JsonObject, JsonValue, canonical, parse_json
from provisioner.model.diagnostic import Refused, UsageError, error
from provisioner.model.document import Damaged, FromNewerVersion, seal, unseal
from provisioner.model.plan import Plan
from provisioner.saved_plans.plan_json import literal_secrets, plan_from_json, plan_to_json
from provisioner.saved_plans.signing import is_signed, sign

_LARGEST: Final = 256 * 1024 * 1024
_NO_PLAN: Final = "a file that is not a plan"
_KINDS: Final = {".journal": "a journal", ".backup": "a backup", ".yaml": "a YAML file", ".yml": "a YAML file"}
"""Names for files, by their endings."""
_PLAN_AGAIN: Final = "Nothing was sent. Plan again, to another file: `provisioner plan --out tonight.plan`"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan file that was read.

    `approval` is None in a file of an older version, which can be shown but not applied. `is_signed`: the file is
    signed with the key that it was read with.
    """

    plan: Plan
    approval: Approval | None = None
    scope: ApprovalScope = field(default_factory=ApprovalScope)
    is_signed: bool = False


def write_plan(
    path: Path, plan: Plan, approval: Approval, scope: ApprovalScope, *, tool_version: str, key: bytes | None
) -> None:
    """Writes the plan to `path` in one step, signed with `key` unless that is None.

    Raises UsageError `plan-holds-secret`, and `plan-not-written`, for example if something other than a plan is at
    `path`.
    """
    findings = [
        error(
            "plan-holds-secret",
            f"a saved plan holds no secrets, and {change.address} gives the value of {'.'.join(place)} in clear",
            hint=f'Write {place[-1]}: {{secret: "env:NAME"}} in the specs and put the value into that variable.',
            address=change.address,
        )
        for change in plan.changes
        if change.desired is not None
        for place in literal_secrets((), change.desired.fields)
    ]
    if findings:
        raise UsageError(*findings)
    content: dict[str, JsonValue] = {
        "approval": str(approval),
        "options": {"replace": list(scope.replace), "reinstall": list(scope.reinstall)},
        "variables": scope.variables,
        "place": scope.place,
        "plan": plan_to_json(plan),
    }
    signature = "" if key is None else sign(canonical(content), key)
    data = seal({**content, "signature": signature}, tool=tool_version)
    target, older = find_target(path)
    try:
        place_file(Disk(), target, data, replaces=older)
    except OSError as failure:
        raise _not_written(path, failure) from failure


def find_target(path: Path) -> tuple[Path, tuple[int, int, int] | None]:
    """Returns where a plan file at `path` is written, and the stamp of the plan file that it replaces; None where there is none.

    The folder may be reached by links; the file itself is none. Raises UsageError `plan-not-written` where anything else stands there.
    """
    disk = Disk()
    try:
        target = path.parent.resolve(strict=True) / path.name
        obstacle, stamp = describe_obstacle(target), disk.stamp(target)
        if not obstacle and stamp is not None:
            obstacle = _what_else(target, disk.read(target) or b"") if stamp[1] <= _LARGEST else _NO_PLAN
    except OSError as failure:
        raise _not_written(path, failure) from failure
    if obstacle:
        summary = f"the plan was not written to {path}: {obstacle} stands there, and is left as it is"
        hint = "Name a file that does not exist yet, or a plan file, which is replaced."
        raise UsageError(error("plan-not-written", summary, hint=hint))
    return target, stamp


def _not_written(path: Path, failure: OSError) -> UsageError:
    hint = "Name a file in a folder that exists and that you may write to. What stood there is as it was."
    summary = f"cannot write the plan to {path}: {failure.strerror}"
    return UsageError(error("plan-not-written", summary, hint=hint))


def _what_else(path: Path, data: bytes) -> str:
    """Returns what kind of file it is, in words; empty for a plan file of any version, altered or not."""
    try:
        content = parse_json(data)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, Mapping) and {"format", "checksum"} <= content.keys():
        if "plan" in content:
            return ""
        if "lineage" in content:
            return "the state of a stack"
    return _KINDS.get(path.suffix, _NO_PLAN) if data else "an empty file"


def read_plan(path: Path, *, key: bytes | None = None) -> SavedPlan:
    """Reads a plan file. Raises UsageError `plan-unreadable`, `plan-damaged` or `plan-format`, and Refused
    `plan-altered` if its plan is not the approved one.
    """
    data = _read(path)
    try:
        content = unseal(data)
        plan = plan_from_json(content.get("plan"))
        if "approval" not in content:
            return SavedPlan(plan)
        signature = str(content.pop("signature", ""))
        approval, scope = _approval(content), _scope(content)
    except FromNewerVersion as problem:
        raise UsageError(
            error("plan-format", f"the plan {path} {problem}", hint="Use that version, or plan again with this one.")
        ) from problem
    except ValueError as problem:
        raise UsageError(error("plan-damaged", f"the plan {path} {problem}", hint=_PLAN_AGAIN)) from problem
    if not approval.fits(approved_content(plan, scope)):
        summary = f"the plan {path} was altered: what it shows is not what its approval is of"
        raise Refused(error("plan-altered", summary, hint=_PLAN_AGAIN))
    return SavedPlan(plan, approval, scope, is_signed(canonical(content), signature, key))


def _read(path: Path) -> bytes:
    disk = Disk()
    try:
        found = path.lstat() if path.is_symlink() or path.exists() else None
        if found is not None and not stat.S_ISREG(found.st_mode):
            hint = "Name the file that `provisioner plan --out` has written. Symbolic links are not followed."
            raise UsageError(error("plan-unreadable", f"{path} is not a regular file", hint=hint))
        if found is not None and found.st_size > _LARGEST:
            summary = f"{path} has {found.st_size:,} bytes, and no plan has more than {_LARGEST:,}"
            raise UsageError(error("plan-damaged", summary, hint=_PLAN_AGAIN))
        data = disk.read(path)
    except OSError as failure:
        hint = "The file must be readable for you; symbolic links are not followed."
        summary = f"cannot read the plan {path}: {failure.strerror}"
        raise UsageError(error("plan-unreadable", summary, hint=hint)) from failure
    if data is None:
        raise UsageError(
            error(
                "plan-unreadable",
                f"there is no plan {path}",
                hint=f"Make one: `provisioner plan --out {quote(str(path))}`",
            )
        )
    return data


def _approval(content: JsonObject) -> Approval:
    try:
        return Approval.parse(str(content.get("approval")))
    except ValueError as problem:
        raise Damaged(f"has an approval that {problem}") from None


def _scope(content: JsonObject) -> ApprovalScope:
    options, variables, place = content.get("options"), content.get("variables"), content.get("place")
    if not isinstance(options, Mapping) or not isinstance(variables, Mapping) or not isinstance(place, str):
        raise Damaged("does not say what it was made with")
    return ApprovalScope(_texts(options.get("replace")), _texts(options.get("reinstall")), variables, place)


def _texts(value: JsonValue) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Damaged("has options that are not addresses")
    return tuple(value)
