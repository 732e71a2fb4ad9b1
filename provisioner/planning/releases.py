"""Guards against the losses of a release: a paid term, other servers of the same order, and a replacement that cannot
be bought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.dependency import Dependency
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.outcome import purchase_records
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import Phase, Recorded
from provisioner.model.shared_orders import find_surplus, group_by_order
from provisioner.model.time_text import format_time
from provisioner.planning.paid_until import forfeits_term, is_prepaid, term_has_ended
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.triggers import is_cause
from provisioner.planning.unpaid_orders import is_unpaid, unpaid_order_detail

_RELEASING = frozenset({Action.DELETE, Action.REPLACE})
ALLOWED_BY_ADDRESS = "prepaid-replace"
"""The one refusal that is allowed by naming the address."""
_REFUND_UNKNOWN = "the refund is not known in advance, because the API publishes no estimate"


def release_has_begun(change: Change) -> bool:
    """Whether the release was sent by an earlier run, which had it allowed."""
    return change.recorded is not None and change.recorded.phase is Phase.DELETING


def loss_was_allowed(change: Change) -> bool:
    """Whether the loss of the term was allowed before: when the release was sent, or when the successor of an address
    that a person named was bought.
    """
    return release_has_begun(change) or (change.recorded is not None and change.recorded.term_given_up)


def forcing_fields(change: Change) -> str:
    """Returns the names of the changed fields that take a replacement or a reinstallation."""
    return ", ".join(".".join(item.path) for item in change.fields if item.forces_replacement or item.reinstalls)


def prepaid_replacement(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to replace a prepaid server unless a person named its address. Its release gives up a paid term, and
    buying again after a release that was under way pays for another.
    """
    for change in plan.changes:
        if change.action is not Action.REPLACE or change.recorded is None:
            continue
        if not is_prepaid(change.recorded, inputs, catalogue[change.kind]):
            continue
        if term_has_ended(change.recorded, inputs, catalogue[change.kind]) and not loss_was_allowed(change):
            continue  # `term-ended` refuses it
        what, instead, lost = _describe_replacement(change)
        if is_unpaid(change.recorded, inputs):
            yield error(
                "prepaid-replace",
                f"{change.address} cannot be replaced before its order is given up",
                detail=f"{unpaid_order_detail(change.recorded)}, and the next apply orders what the specs say",
                hint="then run `provisioner apply` again without --replace",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )
            continue
        hint = f"{instead}, or name the address: --replace {change.address.shell_quoted}"
        has_term = forfeits_term(change.recorded, inputs, catalogue[change.kind])
        yield error(
            "prepaid-replace",
            f"{change.address} is prepaid; {what}",
            detail=f"{_describe_term(change.recorded, inputs)}; {_REFUND_UNKNOWN}" if lost and has_term else "",
            hint=hint + _wrong_import_hint(change, catalogue[change.kind]),
            source=change.desired.source if change.desired else None,
            address=change.address,
        )


def _describe_replacement(change: Change) -> tuple[str, str, bool]:
    """Returns what would happen, what to do instead, and whether a term is lost."""
    if change.reason is Reason.UNDER_WAY:
        return (
            "it is being released, and a new one would be bought",
            f"end the release: `provisioner destroy --target {change.address.shell_quoted}`",
            False,
        )
    if not (fields := forcing_fields(change)):
        return "it would be released, and a new one bought", "keep it", change.reason is not Reason.VANISHED
    if cause := next((item.after for item in change.fields if is_cause(item)), None):
        return f"{cause} triggers its replacement", "remove it from lifecycle.replace_triggered_by", True
    instead = f"undo the change, name it in lifecycle.ignore_changes: [{fields}]"
    return f"changing {fields} would release it and buy a new one", instead, True


def _wrong_import_hint(change: Change, kind: Kind) -> str:
    """Returns how to correct a wrong record. Where no row shows the fields that force the replacement, the record may
    have been wrong from the import on, because it holds what the specs said then.
    """
    forcing = [item for item in change.fields if item.forces_replacement]
    recorded = change.recorded
    if not forcing or recorded is None or recorded.id is None or any(kind.rule(item.path).shown for item in forcing):
        return ""
    fields = ", ".join(".".join(item.path) for item in forcing)
    return (
        f". If {fields} was only declared wrongly when it was taken over: `provisioner state rm {change.address.shell_quoted}`, then "
        f"`provisioner import {change.address.shell_quoted} {recorded.id}`, which releases nothing"
    )


def _end_of_term(recorded: Recorded, inputs: PlanInput) -> int | None:
    """Returns the end of the current term, also of one that renews itself, in milliseconds since the epoch."""
    recorded_end = recorded.term.expires_at if recorded.term else None
    return inputs.release_facts.paid_until.get(recorded.id or "", recorded_end)


def _describe_term(recorded: Recorded, inputs: PlanInput) -> str:
    until = _end_of_term(recorded, inputs)
    if until is None:
        return "you would lose the rest of its term; billing did not say when it ends"
    is_over = inputs.server_time is not None and until <= inputs.server_time
    return f"its term ended {format_time(until)}" if is_over else f"you would lose its term until {format_time(until)}"


def _way_to_keep(recorded: Recorded, *, is_over: bool) -> str:
    if is_over:
        return "keep it"
    if recorded.term is not None and recorded.term.renews:
        return "it renews automatically: declare it with `is_auto_renew: false`, and remove it once its term has ended"
    return "keep it declared until its term has ended"


def prepaid_delete(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to release a prepaid server: nobody knows in advance how much of its price comes back. A server that
    could not be built has no term.
    """
    doubts = inputs.state.doubts if inputs.state else {}
    for change in plan.changes:
        released = change.recorded if change.action is Action.DELETE and not loss_was_allowed(change) else None
        is_sought = change.reason is Reason.IN_DOUBT and change.address in doubts and plan.selects(change)
        if plan.mode is Mode.DESTROY and is_sought and not change.let_go:
            # its server is released as soon as it is found
            released, *_ = purchase_records(doubts[change.address], identifier=None, order_id=None)
        if released is not None and term_has_ended(released, inputs, catalogue[change.kind]):
            continue  # `term-ended` refuses it
        if released is not None and is_unpaid(released, inputs):
            yield error(
                "prepaid-delete",
                f"{change.address} has an unpaid order, so there is nothing to release; --allow does not change that",
                detail=unpaid_order_detail(released),
                hint="then run this again",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )
        elif released is not None and forfeits_term(released, inputs, catalogue[change.kind]):
            end = _end_of_term(released, inputs)
            is_over = end is not None and inputs.server_time is not None and end <= inputs.server_time
            yield error(
                "prepaid-delete",
                f"{change.address} is prepaid, and would be released{'' if is_over else ' before its term ends'}",
                detail=f"{_describe_term(released, inputs)}; {_REFUND_UNKNOWN}",
                hint=f"{_way_to_keep(released, is_over=is_over)}, or for this run: --allow prepaid-delete",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


def shared_order(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to release a server by ending its order while the plan keeps another server of that order: ending an
    order releases all that it bought (API reference section 2.3).
    """
    kept = _kept_by_order(plan, inputs, catalogue)
    for change in plan.changes:
        recorded = change.recorded
        if recorded is None or change.action not in _RELEASING:
            continue
        companions = kept.get(recorded.order_id or "", [])
        if companions and catalogue[change.kind].orders.ends_its_order(recorded, inputs.live.get(recorded.id or "")):
            yield error(
                "order-shared",
                f"{change.address} was bought by order {recorded.order_id} together with {', '.join(companions)}",
                detail="releasing one of them ends the order, which releases all of them",
                hint="release or replace all of them, or keep this one",
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


def split_order(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to release the servers of one order at different times: the first release takes the others along before
    their turn, which may never come. Servers whose replacements are bought first are left out, because their releases
    wait for all of those.
    """
    dependencies: defaultdict[Address, set[Dependency]] = defaultdict(set)
    for dependency in plan.dependencies:
        for address in dependency.addresses:
            dependencies[address].add(dependency)
    releases = [
        change.recorded
        for change in plan.changes
        if change.recorded is not None
        and change.action in _RELEASING
        and not (change.create_first or release_has_begun(change))
        and catalogue[change.kind].orders.ends_its_order(change.recorded, inputs.live.get(change.recorded.id or ""))
    ]
    for records in group_by_order(releases):
        if len({frozenset(dependencies[one.address]) for one in records}) > 1:
            yield error(
                "order-shared",
                f"{', '.join(str(one.address) for one in records)} were bought by order {records[0].order_id}, and the plan would not release them together",
                detail="releasing one of them ends the order, which releases all of them before their turn",
                hint="remove rollout, or the trigger of one of them, from the specs for this change",
                address=records[0].address,
            )


def _kept_by_order(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> dict[str, list[str]]:
    """Returns, by order, what the plan keeps of it: addresses, and live servers that no address holds."""
    kept: defaultdict[str, list[str]] = defaultdict(list)
    for change in plan.changes:
        is_going = change.action in {*_RELEASING, Action.FORGET} and not change.let_go
        is_kept = not is_going and change.reason not in {Reason.VANISHED, Reason.LEAVING}
        if change.recorded is not None and change.recorded.order_id is not None and is_kept:
            kept[change.recorded.order_id].append(str(change.address))
    held = inputs.state.resources.values() if inputs.state else ()
    for row in sorted(find_surplus(held, inputs.live.values()), key=lambda row: row.id):
        if row.order_id is not None and row.status not in catalogue[row.kind].statuses.releasing:
            kept[row.order_id].append(f"{catalogue[row.kind].noun} {row.id}, which is in no state")
    return kept
