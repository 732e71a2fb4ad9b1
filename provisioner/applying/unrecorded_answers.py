"""Describes what was answered and could not be journaled, above all by a run that has lost its lock.

Where another place keeps an answer, the next run reads it there. Where none does, the person who reads this has the only
copy of it, so it is told in full.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from provisioner.applying.address_progress import AddressProgress, UnrecordedAnswer
from provisioner.model.address import Address
from provisioner.model.diagnostic import LOCK_LOST, Diagnostic, error
from provisioner.model.event import ResultType
from provisioner.model.journal import Answered

if TYPE_CHECKING:
    from provisioner.applying.flow_runner import FlowRunner

_AGAIN = "then run the same command again; its journal knows that the request was sent"


def describe_unrecorded(
    runner: FlowRunner, unrecorded: UnrecordedAnswer, failure: Diagnostic
) -> tuple[ResultType, Diagnostic]:
    """Returns what became of a change whose call has an outcome that the journal has not taken, because of
    `failure`.
    """
    address, noun, ids = runner.change.address, runner.kind.noun, runner.progress.ids
    happened, request_id = _happened(runner.progress, unrecorded), unrecorded.answer.request_id
    if unrecorded.kept_in:
        summary = f"{happened}{ids}; this is kept in {unrecorded.kept_in}, because {failure.summary}"
        hint = "run the same command again: it reads there what was answered, goes on, and does nothing twice"
        is_open = isinstance(unrecorded.answer, Answered)
        kind = ResultType.INCOMPLETE if is_open else ResultType.FAILED
        return kind, error(failure.code, summary, hint=hint, address=address, request_id=request_id)
    if unrecorded.is_purchase:
        repair = "" if failure.code == LOCK_LOST else " and repair the disk"
        return ResultType.FAILED, error(
            "bought-unrecorded",
            f"{happened}{ids}, but it could not be recorded: {failure.summary}",
            hint=f"keep these ids{repair}, then run `provisioner apply`; its journal knows that the request was sent, so it looks for the {noun}",
            address=address,
            request_id=request_id,
        )
    kind = ResultType.INCOMPLETE if runner.progress.under_way else ResultType.FAILED
    summary = f"{happened}{ids}, but it could not be recorded: {failure.summary}"
    return kind, error(
        failure.code, summary, detail=failure.detail, hint=failure.hint, address=address, request_id=request_id
    )


def lost_answers(address: Address, progress: AddressProgress) -> Iterator[Diagnostic]:
    """Yields in full what was answered for the address and is kept nowhere."""
    unrecorded = progress.unrecorded
    if unrecorded is None or unrecorded.kept_in or not isinstance(unrecorded.answer, Answered):
        return
    answer, noun = unrecorded.answer, unrecorded.intent.effect.noun
    facts = {
        "server id": answer.id or unrecorded.intent.target_id,
        "order id": answer.order_id,
        "request id": answer.request_id,
        "name": unrecorded.intent.name,
    }
    told = ", ".join(f"{name} {value}" for name, value in facts.items() if value)
    keep = "keep this message, because nothing else holds it"
    is_bought = unrecorded.is_purchase and answer.id is not None
    adopt = (
        f"; if it does not find it, `provisioner resolve {address.shell_quoted} --adopt {answer.id}`"
        if is_bought
        else ""
    )
    yield error(
        "answer-unrecorded",
        f"{address}: the {noun} was carried out and answered ({told}), and that could be written nowhere",
        hint=f"{keep}; {_AGAIN}{adopt}",
        address=address,
        request_id=answer.request_id,
    )


def _happened(progress: AddressProgress, unrecorded: UnrecordedAnswer) -> str:
    """Returns what happened, to which ids can be added."""
    noun, answer = unrecorded.intent.effect.noun, unrecorded.answer
    if unrecorded.is_purchase:
        return "ORDERED" if progress.order_id else "BOUGHT"
    if isinstance(answer, Answered):
        return f"the {noun} was carried out"
    return f"the {noun} was not sent" if answer.outcome == "not_sent" else f"the {noun} was refused: {answer.evidence}"
