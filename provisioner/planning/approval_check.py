"""Compares a plan with an approval. Pure: it returns the differences, and the caller refuses.

The first run of an approval must plan exactly what was approved. A later run may only continue: it sends what is not
used up yet, or finishes what an earlier run has begun (docs/decisions/0030).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from provisioner.model import change as variants
from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.approval import ApprovalUse, ApprovedChange
from provisioner.model.approved_content import body_digest, identifier_of
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.plan import Plan
from provisioner.model.resource import Recorded
from provisioner.model.state import Intent, State

PLAN_AGAIN: Final = "Nothing was sent. Review the plan as it is now, and approve that one: `provisioner plan`"

_MOST_NAMED: Final = 20
_GUARDS: Final = frozenset({"mass_change_percent", "mass_change_from", "max_servers"})
_PLACE: Final = {
    "stack": "another stack",
    "environment": "another environment",
    "account": "another account",
    "project": "another project",
    "region": "another region",
    "state": "another state",
}
_GENTLE: Final = frozenset({Action.UPDATE, Action.ADOPT, Action.RESUME, Action.MOVE, Action.PAY})
"""Actions that keep a server and its data."""
_ENDING: Final = frozenset({Action.DELETE, Action.REPLACE, Action.FORGET, Action.RESUME})


def differences(approved: JsonObject, now: JsonObject) -> Iterator[Diagnostic]:
    """Yields an error for each thing in which a plan made now differs from the approved one, as `approved_content` gives them."""
    for key, what in _PLACE.items():
        if approved.get(key) != now.get(key):
            summary = (
                f"the plan was approved for {what}: {_named(approved.get(key))}, and this is {_named(now.get(key))}"
            )
            yield error("plan-foreign", summary, hint="check -e, the credentials, the specs directory and --state")
    for key in sorted(_different(approved.get("settings"), now.get("settings"))):
        section = "guards" if key in _GUARDS else "purchase"
        summary = f"{section}: in stack.yaml has changed since the plan was approved ({key})"
        yield error("plan-stale", summary, hint=PLAN_AGAIN)
    for key, what in (("options", "the option"), ("variables", "the variable")):
        for name in sorted(_different(approved.get(key), now.get(key))):
            summary = f"{what} {name} has changed since the plan was approved"
            yield error("plan-differs", summary, hint=PLAN_AGAIN)
    yield from _changed(_object(approved.get("changes")), _object(now.get("changes")))
    for key, what in (("order", "the order of the changes"), ("together", "the servers that are bought in one order")):
        if approved.get(key) != now.get(key):
            summary = f"{what} has changed since the plan was approved"
            yield error("plan-differs", summary, hint=PLAN_AGAIN)


def uncovered(use: ApprovalUse, plan: Plan, state: State | None) -> Iterator[Diagnostic]:
    """Yields an error for each change of `plan` that is neither left of the approval nor goes on with what its runs have begun, and for each
    approved change that is neither planned nor done.
    """
    left = _Remainder(use, plan, state)
    for change in plan.work:
        if not left.covers(change):
            summary = f"{change.address}: the plan would {change.action.value} it now, and the approval has nothing left for that"
            yield error("plan-differs", summary, hint=PLAN_AGAIN, address=change.address)
    for approved in use.changes:
        if left.is_open(approved) and not left.is_planned(approved):
            summary = f"{approved.address}: to {approved.action.value} it was approved and is not done, and the plan no longer wants it"
            yield error("plan-differs", summary, hint=PLAN_AGAIN, address=approved.address)


class _Remainder:
    """What is left of an approval, and how much of that a plan still does."""

    def __init__(self, use: ApprovalUse, plan: Plan, state: State | None) -> None:
        self._use, self._state = use, state
        self._bought, self._wiped, self._released = set(use.bought), set(use.wiped), set(use.released)
        self._approved: defaultdict[Address, list[ApprovedChange]] = defaultdict(list)
        for one in use.changes:
            self._approved[one.address].append(one)
        self._releasing = {one.id: one for one in use.changes if one.releases and one.id is not None}
        self._doubts = state.doubts if state else {}
        self._planned = {change.address: change for change in plan.changes}
        self._planned_releases = {
            name
            for change in plan.work
            if change.action in _ENDING and change.recorded
            for name in _names(change.recorded)
        }
        records = state.resources.values() if state else ()
        self._held = {name for recorded in records for name in _names(recorded)}

    def covers(self, change: Change) -> bool:
        """Returns whether a later run of the approval may do this."""
        here = self._approved[change.address]
        body, identifier = body_digest(change.desired), identifier_of(change)
        if not _may_move(change, here):
            return False
        wants_the_same = any(one.body == body for one in here)
        release = None if change.recorded is None else self._release_of(change.address, change.recorded)
        match change:
            case variants.CreateChange():
                is_left = change.address not in self._bought and any(one.buys and one.body == body for one in here)
            case variants.ReplaceChange():
                manner = "create-first" if change.create_first else ""
                is_left = change.address not in self._bought and _allows(here, Action.REPLACE, identifier, body, manner)
            case variants.ReinstallChange():
                is_left = change.address not in self._wiped and _allows(here, Action.REINSTALL, identifier, body)
            case variants.DeleteChange():
                is_left = release is not None and self._may_only_release(release)
            case variants.ResolveChange():
                is_left = is_begun(self._use, change, self._doubts) and (change.desired is None or wants_the_same)
            case variants.ResumeChange():
                is_left = wants_the_same and (release is not None or self._is_ours(change.address))
            case variants.UpdateChange():
                is_left = wants_the_same and self._is_ours(change.address)
            case variants.ForgetChange() | variants.RecordChange():
                manner = "let-go" if change.let_go else ""
                same = any((one.action, one.id, one.manner) == (change.action, identifier, manner) for one in here)
                is_left = same or (release is not None and not change.let_go)
            case _:
                is_left = _allows(here, change.action, identifier, body)
        return is_left

    def is_open(self, approved: ApprovedChange) -> bool:
        """Returns whether something approved is not known to be done."""
        recorded = self._state.resources.get(approved.address) if self._state else None
        if approved.buys and approved.address not in self._bought:
            return True
        if approved.wipes:
            return approved.address not in self._wiped
        if approved.releases:
            return approved.id not in self._released and approved.id in self._held
        if approved.action in {Action.FORGET, Action.RECORD}:
            return approved.action is Action.FORGET and recorded is not None and recorded.id == approved.id
        return approved.action in _GENTLE and (recorded is None or recorded.id != approved.id)

    def is_planned(self, approved: ApprovedChange) -> bool:
        """Returns whether the plan still does the approved change, or omits it for a temporary reason."""
        if self._may_only_release(approved) and approved.id in self._planned_releases:
            return True
        change = self._planned.get(approved.address)
        return change is not None and body_digest(change.desired) == approved.body

    def _release_of(self, address: Address, recorded: Recorded) -> ApprovedChange | None:
        """Returns the approved release of the server: by its id, or by its order where it was approved at this address before it had an id.
        An order may have bought other servers as well, of whose release nothing was said.
        """
        here = (*self._approved[address], *self._approved[address.successor])
        by_order = (one for one in here if one.releases and one.id is not None and one.id == recorded.order_id)
        by_id = None if recorded.id is None else self._releasing.get(recorded.id)
        return by_id or next(by_order, None)

    def _may_only_release(self, approved: ApprovedChange) -> bool:
        """Returns whether the server may be released without a purchase, because that was approved or its successor
        exists.
        """
        is_replaced = approved.action is Action.REPLACE and approved.address in self._bought
        return approved.action is Action.DELETE or is_replaced

    def _is_ours(self, address: Address) -> bool:
        """Returns whether the server at the address was bought, wiped or changed in place for this approval."""
        is_changed = any(one.action in _GENTLE for one in self._approved[address])
        return address in self._bought or address in self._wiped or is_changed


def is_begun(use: ApprovalUse, change: Change, doubts: Mapping[Address, Intent]) -> bool:
    """Returns whether a run of the approval has begun this change. It is then looked for and recorded even if the
    specs have changed. `doubts` are those of the state.
    """
    intent = doubts.get(change.address) if isinstance(change, variants.ResolveChange) else None
    return intent is not None and intent.approval == use.approval


def is_used_up(use: ApprovalUse, plan: Plan, state: State | None) -> bool:
    """Returns whether nothing is left to do: everything was sent and answered, and no call or change is open at its
    addresses.
    """
    addresses = {one.address for one in use.changes}
    has_open_call = state is not None and any(
        not addresses.isdisjoint(intent.addresses) for intent in state.intents.values()
    )
    return use.is_spent and not has_open_call and not any(change.address in addresses for change in plan.work)


def _may_move(change: Change, here: list[ApprovedChange]) -> bool:
    """Returns whether the record may come from its present address. A server that a dead run has deposed returns to
    its own address.
    """
    origin = change.moved_from
    return origin is None or origin == change.address.as_deposed or any(one.moved_from == origin for one in here)


def _names(recorded: Recorded) -> tuple[str, ...]:
    """Returns the id of a record and the id of its order, as far as they are known."""
    return tuple(name for name in (recorded.id, recorded.order_id) if name is not None)


def _allows(
    here: list[ApprovedChange], action: Action, identifier: str | None, body: str, manner: str | None = None
) -> bool:
    return any(
        (one.action, one.id, one.body) == (action, identifier, body) and manner in {None, one.manner} for one in here
    )


def _changed(approved: Mapping[str, JsonValue], now: Mapping[str, JsonValue]) -> Iterator[Diagnostic]:
    different = [address for address in dict.fromkeys((*approved, *now)) if approved.get(address) != now.get(address)]
    for text in different[:_MOST_NAMED]:
        then, today, address = approved.get(text), now.get(text), _address(text)
        if today is None:
            summary = f"{text}: to {_action(then)} it was approved, and the plan would do nothing to it now"
        elif then is None:
            summary = f"{text}: the plan would {_action(today)} it now, which was not approved"
        elif _action(then) != _action(today):
            summary = f"{text}: to {_action(then)} it was approved, and the plan would {_action(today)} it now"
        else:
            paths = ", ".join(_paths(then, today))
            summary = f"{text}: to {_action(then)} it was approved with other values: {paths}"
        yield error("plan-differs", summary, hint=PLAN_AGAIN, address=address)
    if (more := len(different) - _MOST_NAMED) > 0:
        yield error("plan-differs", f"and {more} more addresses differ from what was approved", hint=PLAN_AGAIN)


def _address(text: str) -> Address | None:
    """Parses an address; None for one that nobody can type, such as that of a deposed server."""
    try:
        return Address.parse(text)
    except ValueError:
        return None


def _action(change: JsonValue) -> str:
    return str(_object(change).get("action"))


def _paths(then: JsonValue, today: JsonValue, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yields the dotted paths at which two values differ."""
    if isinstance(then, Mapping) and isinstance(today, Mapping):
        for key in sorted({*then, *today}):
            if then.get(key) != today.get(key):
                yield from _paths(then.get(key), today.get(key), (*path, key))
    else:
        yield ".".join(path)


def _different(then: JsonValue, today: JsonValue) -> set[str]:
    one, other = _object(then), _object(today)
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, Mapping) else {}


def _named(value: JsonValue) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(item) for item in value.values())
    return "none" if value is None else str(value)
