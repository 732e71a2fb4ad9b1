"""Attaches volumes that already exist to a DevServer and detaches them, each by its id.

Source: docs/api/devserver-api.md section 2.4. The server's own list of disks shows the outcome of a call. The operation
that the call answers with is read only to learn why it had none. Only volumes that were declared before are detached.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from provisioner.kinds.dev_server import rows
from provisioner.kinds.dev_server.power_steps import GaveUp, wait_until
from provisioner.kinds.dev_server.refused_fields import PermanentRefusal, is_permanent
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Outcome, Reply, Service, Step
from provisioner.model.resource import Live

_POLLS = 4
"""Polls until the operation of a call is read."""


def reconcile(row: Live, *, wanted: Iterable[str], declared: Iterable[str]) -> Generator[Step, Answer, Live]:
    """Attaches every wanted volume, and detaches those that were `declared` and are no longer wanted.

    Returns the server. Raises GaveUp, PermanentRefusal, and CallFailed for any other refusal.
    """
    wanted, declared, path = tuple(wanted), tuple(declared), rows.server_path(row.id)
    try:
        for volume in declared:
            if volume in attached(row) and volume not in wanted:
                call = Call(Service.MODELARTS, "DELETE", f"{path}/detachvolume/{volume}", Effect.REPEATABLE)
                row = yield from _send(row, call, volume, present=False)
        for volume in wanted:
            if volume not in attached(row):
                body = {"volume_id": volume}
                call = Call(Service.MODELARTS, "POST", f"{path}/attachvolume", Effect.REPEATABLE, body=body)
                row = yield from _send(row, call, volume, present=True)
    except CallFailed as failed:
        if not is_permanent(failed):
            raise
        ours = dict.fromkeys((*declared, *wanted))
        raise PermanentRefusal(failed, row, (volume for volume in ours if volume in attached(row))) from failed
    return row


def attached(row: Live) -> tuple[str, ...]:
    """Returns the ids of the data disks that the row shows."""
    volumes = row.shown.get("volumes")
    return tuple(map(str, volumes)) if isinstance(volumes, list) else ()


def _send(row: Live, call: Call, volume: str, *, present: bool) -> Generator[Step, Answer, Live]:
    """Sends the call, and waits until the server shows its outcome.

    A refusal may mean that an earlier call of the same kind is still being carried out, so it counts only once the
    server was read.
    """
    operation, failure = None, None
    try:
        reply = yield call
        operation = _operation(reply)
    except CallFailed as failed:
        if failed.outcome not in {Outcome.REFUSED, Outcome.UNKNOWN}:
            raise
        failure = failed
    while True:
        row = yield from wait_until(row.id, lambda now: (volume in attached(now)) is present, max_polls=_POLLS)
        if (volume in attached(row)) is present:
            return row
        if failure is not None:
            raise failure
        if operation is not None:
            yield from _raise_if_failed(row.id, operation, volume)


def _operation(reply: Answer) -> str | None:
    identifier = reply.object().get("operation_id") if isinstance(reply, Reply) else None
    return identifier if isinstance(identifier, str) and rows.is_id(identifier) else None


def _raise_if_failed(identifier: str, operation: str, volume: str) -> Generator[Step, Answer, None]:
    """Reads the operation, and raises GaveUp when it failed."""
    path = f"{rows.server_path(identifier)}/operation/{operation}"
    reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ)
    body = reply.object() if isinstance(reply, Reply) else {}
    if str(body.get("operation_status")).lower() == "failed":
        error = body.get("operation_error")
        reason = error.get("message") if isinstance(error, dict) else None
        raise GaveUp(
            f"the cloud refused this for volume {volume}: {reason or 'it gave no reason'}",
            "look at the volume in the console, then run `provisioner apply` again",
        )
