"""How a change's way ended, as a result with a sentence and a next step for the person who must act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.applying.poll import Detached, TimedOut
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, ProvisionerError, StoreError, error, warning
from provisioner.model.event import Result, ResultType
from provisioner.model.flow import CallFailed, Ended
from provisioner.model.resource import Live, Phase

if TYPE_CHECKING:
    from provisioner.applying.driver import Driver

_AGAIN = "run apply again: it goes on from what is recorded and buys nothing twice"


class NameTaken(Exception):  # noqa: N818 - a decision, not a malfunction
    """A stranger has borne the wanted name since before this run."""

    def __init__(self, stranger: Live) -> None:
        super().__init__(stranger.id)
        self.stranger = stranger


class StillInDoubt(Exception):  # noqa: N818 - a decision, not a malfunction
    """An earlier purchase of this address has an unknown outcome, so nothing is sent."""


EXPECTED = (CallFailed, Detached, NameTaken, ProvisionerError, StillInDoubt, TimedOut)


def arrived(change: Change, ended: Ended) -> Result:
    if not ended.problem:
        return Result(change.address, change.action, ResultType.DONE)
    failed = ended.phase in {Phase.FAILED, Phase.READY}
    code = f"server-{(ended.phase or Phase.FAILED).replace('_', '-')}"
    finding = error(code, f"{change.address}: {ended.problem}", hint=ended.hint, address=change.address)
    return Result(change.address, change.action, ResultType.FAILED if failed else ResultType.INCOMPLETE, finding)


def broken_off(change: Change, driver: Driver, reason: Exception) -> Result:
    kind, finding = _judge(change, driver, reason)
    return Result(change.address, change.action, kind, finding)


def _judge(change: Change, driver: Driver, reason: Exception) -> tuple[ResultType, Diagnostic]:
    address = change.address
    match reason:
        case StillInDoubt():
            return ResultType.IN_DOUBT, error(
                "in-doubt",
                f"{address}: an earlier purchase has an unknown outcome, so nothing was sent",
                hint="run apply again later: it adopts the server if one appears; nothing is bought until this is known",
                address=address,
            )
        case NameTaken(stranger=stranger):
            return ResultType.FAILED, error(
                "name-taken",
                f"{address}: a server of this name exists and is not ours ({stranger.id}); nothing was bought",
                hint="choose another name in the specs, or have that server renamed or released",
                address=address,
            )
        case Detached():
            if driver.identifier is None and driver.bought is None:
                return ResultType.NOT_STARTED, warning(
                    "not-started", f"{address}: not started", hint=_AGAIN, address=address
                )
            return ResultType.INCOMPLETE, warning(
                "detached", f"{address}: under way in the cloud{_ids(driver)}", hint=_AGAIN, address=address
            )
        case TimedOut():
            return ResultType.INCOMPLETE, error(
                "timed-out",
                f"{address}: not settled after {driver.timeout:.0f} s{_ids(driver)}",
                hint=_AGAIN,
                address=address,
            )
        case CallFailed():
            return _judge_call(change, driver, reason)
        case ProvisionerError():
            return ResultType.FAILED, _own_failure(driver, change, reason)
        case _:
            raise reason


def _judge_call(change: Change, driver: Driver, failed: CallFailed) -> tuple[ResultType, Diagnostic]:
    address = change.address
    detail = f"{failed.code}: {failed.message}" if failed.code else failed.message
    if driver.doubt is not None and driver.bought is None and driver.doubt.target_id is None:
        return ResultType.IN_DOUBT, error(
            "in-doubt",
            f"{address}: sent, and the outcome is not known",
            detail=detail,
            hint="run apply again: it looks for the server and adopts it; nothing is bought until this is known",
            address=address,
            request_id=failed.request_id,
        )
    if driver.bought is not None or driver.doubt is not None:
        return ResultType.INCOMPLETE, error(
            "broken-off",
            f"{address}: recorded, and not followed to its end{_ids(driver)}",
            detail=detail,
            hint=_AGAIN,
            address=address,
            request_id=failed.request_id,
        )
    return ResultType.FAILED, error(
        "cloud-refused",
        f"{address}: the cloud refused",
        detail=detail,
        hint="mend what it names, then run apply again",
        address=address,
        request_id=failed.request_id,
    )


def _own_failure(driver: Driver, change: Change, reason: ProvisionerError) -> Diagnostic:
    """When the journal fails after a purchase, these ids stand nowhere else."""
    first = reason.diagnostics[0]
    if isinstance(reason, StoreError) and driver.bought is not None:
        return error(
            "bought-unrecorded",
            f"{change.address}: BOUGHT{_ids(driver)}, and it could not be recorded: {first.summary}",
            hint="keep these ids; mend the disk, then run apply: its journal knows that the request was sent and looks for the server",
            address=change.address,
        )
    return error(
        first.code, f"{change.address}: {first.summary}", detail=first.detail, hint=first.hint, address=change.address
    )


def _ids(driver: Driver) -> str:
    order_id = driver.bought.order_id if driver.bought else None
    known = [
        text for text in (driver.identifier and f"id {driver.identifier}", order_id and f"order {order_id}") if text
    ]
    return f" ({', '.join(known)})" if known else ""
