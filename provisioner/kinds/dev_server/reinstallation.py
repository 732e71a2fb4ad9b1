"""Puts another system on the same machine: stops the DevServer, wipes it, and waits until it runs.

Source: docs/api/devserver-api.md sections 2.1 and 4. changeos is for another image, reinstallos for another password,
key pair or user data alone. Both start from STOPPED, or from where an earlier one failed, and end in RUNNING. The disk
is lost each time, so the call is recorded before it is sent, and never sent again without reading the server. The power
that the server is to have in the end is remembered before it is stopped.
"""

from __future__ import annotations

from collections.abc import Generator

from provisioner.kinds.dev_server import rows, userdata
from provisioner.kinds.dev_server.matching import CLOCK_TOLERANCE
from provisioner.kinds.dev_server.power_steps import GaveUp, Power, set_power, wait_for_status
from provisioner.model.address import Address
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Outcome, Remember, Service, Step
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.redaction import value_at
from provisioner.model.resource import Desired, Fields, Live, Phase, Recorded
from provisioner.model.state import Intent

SYSTEM = ("image_id", "admin_pass", "key_pair_name", "userdata")
"""The fields that a reinstallation writes to the system disk, by their names in a spec."""

UNDER_WAY = frozenset({"CHANGINGOS", "REINSTALLINGOS"})
FAILED = frozenset({"CHANGINGOS_FAILED", "REINSTALLINGOS_FAILED"})
_CAN_BE_STOPPED = frozenset({rows.RUNNING, rows.STOPPED, "STOP_FAILED"})
_POLLS_AFTER_AN_EARLIER_RUN = 5


def is_current(desired: Desired, changed: frozenset[str], row: Live) -> bool:
    """Returns whether the server shows every changed field as desired, whoever did it.

    A field that the API hides is never current.
    """
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
    """Stops the server, puts the desired system on it, and returns it running.

    `row` shows it with nothing under way; `rest` is the power that it is to have in the end. Raises GaveUp, and
    CallFailed where the outcome of the call is unknown: then its intent is open.
    """
    if row.status not in _CAN_BE_STOPPED | FAILED:
        raise GaveUp(
            f"it is {row.status}, and only a running or stopped server can be reinstalled; nothing was sent",
            f"look at it in the console; `provisioner apply --replace {desired.address.shell_quoted}` releases it and buys a new one",
        )
    if recorded.pending.get("power") != rest:
        yield Remember(Phase.READY, observed=row.observed, pending={"power": rest})
    stopped = row if row.status in FAILED else (yield from set_power(row, "stopped"))
    try:
        yield _call(desired, changed, row.id, policy)
    except CallFailed as failed:
        if failed.outcome is not Outcome.REFUSED:
            raise
        if (now := (yield from rows.show(row.id))) is not None and now.status in UNDER_WAY:
            if not recorded.pending:
                yield Remember(Phase.READY, observed=now.observed, pending={})
            return (yield from follow(desired, recorded, changed, now, policy))
        restored = stopped if stopped.status in FAILED else (yield from set_power(stopped, rest))
        if is_current(desired, changed, restored):
            return restored  # a call that was believed lost has arrived in the meantime
        yield Remember(Phase.READY, observed=restored.observed, pending={})
        state = restored.status if restored.status in FAILED else rest
        raise GaveUp(
            f"the cloud refused to install another system, and the server is {state} as before: {failed.message}",
            "correct what the message names, then run `provisioner apply` again",
        ) from None
    return (yield from _wait_until_installed(row.id, desired.address, was=stopped.status))


def follow(
    desired: Desired, recorded: Recorded, changed: frozenset[str], row: Live, policy: PurchasePolicy
) -> Generator[Step, Answer, Live]:
    """Follows a reinstallation that is under way already, and returns the server running.

    Where an earlier run of ours stopped the server for one, this is that run's late call: it was believed never to have
    been carried out, and it must not be made twice. Raises GaveUp for anybody else's.
    """
    if not changed or "power" not in recorded.pending:
        raise GaveUp(
            "another system is being installed on it right now, and not by this run",
            "run `provisioner plan` once that has ended; it shows what is left to do",
        )
    yield Remember(Phase.REINSTALLING, declared=_call(desired, changed, row.id, policy).declares, observed=row.observed)
    return (yield from _wait_until_installed(row.id, desired.address))


def finish(recorded: Recorded) -> Generator[Step, Answer, Live]:
    """Waits for a reinstallation that an earlier run requested.

    It may have ended long ago, and the server may be stopped since.
    """
    return (
        yield from _wait_until_installed(recorded.id or "", recorded.address, max_polls=_POLLS_AFTER_AN_EARLIER_RUN)
    )


def was_carried_out(intent: Intent, row: Live) -> bool:
    """Returns whether the server shows that a call whose answer was lost was carried out.

    It was sent to a server that rested in STOPPED, so any other status comes from it, or from a person. Only a message
    depends on the result: the call is not made again either way.
    """
    if row.status in UNDER_WAY | FAILED:
        return True
    shown = {field: value_at(row.shown, (field,)) for field in ("image_id", "key_pair_name")}
    if any(None not in {now, wanted := intent.declared.get(field)} and now != wanted for field, now in shown.items()):
        return False
    if intent.declared.get("image_id") is not None:
        return shown["image_id"] is not None
    updated = row.observed.get("update_at")
    is_updated_since = isinstance(updated, int) and updated > intent.server_time + CLOCK_TOLERANCE
    return row.status != rows.STOPPED or is_updated_since


def _call(desired: Desired, changed: frozenset[str], identifier: str, policy: PurchasePolicy) -> Call:
    """Returns the call. Its `declares` has no image where the one on the disk is kept, as that may be any."""
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
        body=userdata.with_request_key(body, policy, published="user_data"),
        declares=declares,
    )


def _wait_until_installed(
    identifier: str, address: Address, *, max_polls: int | None = None, was: str = rows.STOPPED
) -> Generator[Step, Answer, Live]:
    """Waits until the new system runs. Raises GaveUp where the cloud could not install it.

    STOPPED is the status from before, so it ends the wait only after `max_polls` polls that show nothing else. An
    earlier failure (`was`) does not end it at once either: a list may lag, or the failure may be this call's own.
    """
    if was in FAILED:
        max_polls = _POLLS_AFTER_AN_EARLIER_RUN
    row = yield from wait_for_status(identifier, rows.STABLE - {rows.STOPPED, was}, max_polls=max_polls)
    if row.status not in rows.STABLE:
        row = yield from wait_for_status(identifier, rows.STABLE - {rows.STOPPED})
    if row.status not in {rows.RUNNING, rows.STOPPED}:
        yield Remember(Phase.READY, observed=row.observed, pending={})
        raise GaveUp(
            f"the cloud could not install the system: status {row.status}; the data of its system disk may be lost",
            f"`provisioner apply --reinstall {address.shell_quoted}` installs it once more; no apply does so automatically",
        )
    return row
