"""How volumes that exist already are attached to a DevServer and detached from it, each by its id.

Source: docs/api/devserver-api.md section 2.4. The server's own list of disks tells what came of a call; the operation that the
call answers with is asked only why nothing did. Nothing is detached that was not declared here before.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from provisioner.kinds.dev_server import rows
from provisioner.kinds.dev_server.power_steps import GaveUp, until_shown
from provisioner.kinds.dev_server.refused_fields import RefusedForGood, is_for_good
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Outcome, Reply, Service, Step
from provisioner.model.resource import Live

_LOOKS = 4


def arrange(row: Live, *, wanted: Iterable[str], declared: Iterable[str]) -> Generator[Step, Answer, Live]:
    """The server with every wanted volume, and without those that were `declared` and are not wanted any more.

    Raises GaveUp, RefusedForGood, and CallFailed for what else the cloud refuses.
    """
    wanted, declared, path = tuple(wanted), tuple(declared), rows.server_path(row.id)
    try:
        for volume in declared:
            if volume in attached(row) and volume not in wanted:
                call = Call(Service.MODELARTS, "DELETE", f"{path}/detachvolume/{volume}", Effect.REPEATABLE)
                row = yield from _carried_out(row, call, volume, present=False)
        for volume in wanted:
            if volume not in attached(row):
                body = {"volume_id": volume}
                call = Call(Service.MODELARTS, "POST", f"{path}/attachvolume", Effect.REPEATABLE, body=body)
                row = yield from _carried_out(row, call, volume, present=True)
    except CallFailed as failed:
        if not is_for_good(failed):
            raise
        ours = dict.fromkeys((*declared, *wanted))
        raise RefusedForGood(failed, row, (volume for volume in ours if volume in attached(row))) from failed
    return row


def attached(row: Live) -> tuple[str, ...]:
    volumes = row.shown.get("volumes")
    return tuple(map(str, volumes)) if isinstance(volumes, list) else ()


def _carried_out(row: Live, call: Call, volume: str, *, present: bool) -> Generator[Step, Answer, Live]:
    """A refusal may mean that an earlier call of the same kind is being carried out: the server tells in time."""
    operation, failure = None, None
    try:
        reply = yield call
        operation = _operation(reply)
    except CallFailed as failed:
        if failed.outcome not in {Outcome.REFUSED, Outcome.UNKNOWN}:
            raise
        failure = failed
    while True:
        row = yield from until_shown(row.id, lambda now: (volume in attached(now)) is present, looks=_LOOKS)
        if (volume in attached(row)) is present:
            return row
        if failure is not None:
            raise failure
        if operation is not None:
            yield from _check(row.id, operation, volume)


def _operation(reply: Answer) -> str | None:
    answered = reply.object().get("operation_id") if isinstance(reply, Reply) else None
    return answered if isinstance(answered, str) and rows.is_id(answered) else None


def _check(identifier: str, operation: str, volume: str) -> Generator[Step, Answer, None]:
    """Raises GaveUp when the cloud says that it failed."""
    path = f"{rows.server_path(identifier)}/operation/{operation}"
    reply = yield Call(Service.MODELARTS, "GET", path, Effect.READ)
    answered = reply.object() if isinstance(reply, Reply) else {}
    if str(answered.get("operation_status")).lower() == "failed":
        error = answered.get("operation_error")
        reason = error.get("message") if isinstance(error, dict) else None
        raise GaveUp(
            f"the cloud could not do it to volume {volume}: {reason or 'it gives no reason'}",
            "look at the volume in the console, then run apply again",
        )
