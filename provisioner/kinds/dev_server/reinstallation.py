"""How a DevServer gets another system on the same machine: stopped, wiped, followed until it runs.

Source: docs/api/devserver-api.md sections 2.1 and 4: changeos for another image, reinstallos for another password, key pair or
user data alone; both start from STOPPED, or from where an earlier one failed, and end in RUNNING. The disk is lost each time, so that the call is noted before it is
sent, and never sent again without a look at the server. What power it is to have in the end is remembered before it is stopped.
"""

from __future__ import annotations

from collections.abc import Generator

from provisioner.kinds.dev_server import rows, userdata
from provisioner.kinds.dev_server.matching import CLOCK_TOLERANCE
from provisioner.kinds.dev_server.power_steps import GaveUp, Power, bring, until
from provisioner.model.address import Address
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Outcome, Remember, Service, Step
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.redaction import value_at
from provisioner.model.resource import Desired, Fields, Live, Phase, Recorded
from provisioner.model.state import Intent

SYSTEM = ("image_id", "admin_pass", "key_pair_name", "userdata")
"""The fields that are put on the system disk, by their names in a spec."""

UNDER_WAY = frozenset({"CHANGINGOS", "REINSTALLINGOS"})
FAILED = frozenset({"CHANGINGOS_FAILED", "REINSTALLINGOS_FAILED"})
_CAN_BE_STOPPED = frozenset({rows.RUNNING, rows.STOPPED, "STOP_FAILED"})
_LOOKS_AT_AN_EARLIER_ONE = 5


def is_current(desired: Desired, changed: frozenset[str], row: Live) -> bool:
    """Whether the server shows all that was to change, whoever put it there. What the API hides is never current."""
    hidden = {"admin_pass", "userdata"}
    return (
        row.status not in FAILED
        and not changed & hidden
        and all(value_at(row.shown, (field,)) == desired.fields.get(field) for field in changed & set(SYSTEM))
    )


def reinstall(
    desired: Desired,
    recorded: Recorded,
    changed: frozenset[str],
    row: Live,
    *,
    rest: Power,
    policy: PurchasePolicy,
) -> Generator[Step, Answer, Live]:
    """The server running with its new system; `rest` is the power that it is to have in the end, and `row` it at rest.

    Raises GaveUp, and CallFailed where nothing is known of the call: then its intent is open.
    """
    if row.status not in _CAN_BE_STOPPED | FAILED:
        raise GaveUp(
            f"it is {row.status}, and only what runs or is stopped can be reinstalled; nothing was sent",
            f"look at it in the console; `apply --replace {desired.address.shell_quoted}` releases it and buys a new one",
        )
    if recorded.pending.get("power") != rest:
        yield Remember(Phase.READY, observed=row.observed, pending={"power": rest})
    stopped = row if row.status in FAILED else (yield from bring(row, "stopped"))
    try:
        yield _call(desired, changed, row.id, policy)
    except CallFailed as failed:
        if failed.outcome is not Outcome.REFUSED:
            raise
        if (now := (yield from rows.show(row.id))) is not None and now.status in UNDER_WAY:
            if not recorded.pending:
                yield Remember(Phase.READY, observed=now.observed, pending={})
            return (yield from follow(desired, recorded, changed, now, policy))
        left = stopped if stopped.status in FAILED else (yield from bring(stopped, rest))
        if is_current(desired, changed, left):
            return left  # a call that was believed lost has arrived in the meantime
        yield Remember(Phase.READY, observed=left.observed, pending={})
        raise GaveUp(
            f"the cloud refused to put another system on it, and it is {_as_before(left, rest)} as before: {failed.message}",
            "mend what it names, then run apply again",
        ) from None
    return (yield from _installed(row.id, desired.address, was=stopped.status))


def _as_before(row: Live, rest: Power) -> str:
    return row.status if row.status in FAILED else rest


def follow(
    desired: Desired, recorded: Recorded, changed: frozenset[str], row: Live, policy: PurchasePolicy
) -> Generator[Step, Answer, Live]:
    """As `reinstall`, of one on which another system is being put already. Where an earlier run of ours has stopped it for that, it
    is that run's call, late: believed never to have been carried out, and not to be made twice. Raises GaveUp for anybody else's.
    """
    if not changed or "power" not in recorded.pending:
        raise GaveUp(
            "another system is being put on it right now, and not by this run",
            "run plan once that has ended: it shows what is left to do",
        )
    yield Remember(Phase.REINSTALLING, declared=_call(desired, changed, row.id, policy).declares, observed=row.observed)
    return (yield from _installed(row.id, desired.address))


def finish(recorded: Recorded) -> Generator[Step, Answer, Live]:
    """As `reinstall`, of one that an earlier run has asked for. It may have ended long ago, and have been stopped since."""
    return (yield from _installed(recorded.id or "", recorded.address, looks=_LOOKS_AT_AN_EARLIER_ONE))


def wiped(intent: Intent, row: Live) -> bool:
    """Whether the server shows that a call whose answer was lost was carried out. It was sent to a server at rest in STOPPED, so
    that any other status comes of it, or of a person. Only a word to people hangs on this: the call is not made again either way.
    """
    if row.status in UNDER_WAY | FAILED:
        return True
    shown = {field: value_at(row.shown, (field,)) for field in ("image_id", "key_pair_name")}
    if any(None not in {now, wanted := intent.declared.get(field)} and now != wanted for field, now in shown.items()):
        return False
    if intent.declared.get("image_id") is not None:
        return shown["image_id"] is not None
    updated = row.observed.get("update_at")
    since = isinstance(updated, int) and updated > intent.server_time + CLOCK_TOLERANCE
    return row.status != rows.STOPPED or since


def _call(desired: Desired, changed: frozenset[str], identifier: str, policy: PurchasePolicy) -> Call:
    """`declares` has no image where the one on the disk is kept, whichever that is."""
    action = "changeos" if "image_id" in changed else "reinstallos"
    sent = SYSTEM if action == "changeos" else SYSTEM[1:]
    body = {field: value for field in sent if (value := desired.fields.get(field)) is not None}
    declares: Fields = {field: desired.fields.get(field) for field in sent}
    path = f"{rows.server_path(identifier)}/{action}"
    return Call(
        Service.MODELARTS,
        "POST",
        path,
        Effect.WIPE,
        body=userdata.spelt(body, policy, published="user_data"),
        declares=declares,
    )


def _installed(
    identifier: str, address: Address, *, looks: int | None = None, was: str = rows.STOPPED
) -> Generator[Step, Answer, Live]:
    """The status from before, STOPPED, is no end, unless so many looks show nothing else. Nor is an earlier failure at once: it may
    be a late list, or this one's own.
    """
    if was in FAILED:
        looks = _LOOKS_AT_AN_EARLIER_ONE
    row = yield from until(identifier, rows.STABLE - {rows.STOPPED, was}, looks=looks)
    if row.status not in rows.STABLE:
        row = yield from until(identifier, rows.STABLE - {rows.STOPPED})
    if row.status not in {rows.RUNNING, rows.STOPPED}:
        yield Remember(Phase.READY, observed=row.observed, pending={})
        raise GaveUp(
            f"the cloud could not put the system on it: status {row.status}; its system disk may be lost",
            f"`apply --reinstall {address.shell_quoted}` puts it on once more; no apply does so by itself",
        )
    return row
