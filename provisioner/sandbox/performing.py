"""Carries a call out: the refusals that all services share, and the world faults around an operation. Knows no HTTP.

Also brings a world up to date, with late requests at the moment when they were due, and tests whether that is
possible.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final, Literal
from uuid import NAMESPACE_OID, uuid5

from provisioner.sandbox import late, operations, orders, servers, time_shift
from provisioner.sandbox.accounts import Account, User
from provisioner.sandbox.calls import Answer, Call, Caller, Operation
from provisioner.sandbox.clock import http_date
from provisioner.sandbox.contract import BY_NAME
from provisioner.sandbox.errors import ApiError, InvalidParameterError, parameter_error
from provisioner.sandbox.faults import Lag, Late, Skew, Stranger, WireFault
from provisioner.sandbox.late import LateRequest
from provisioner.sandbox.naming import named_servers
from provisioner.sandbox.rewriting import rewrite
from provisioner.sandbox.services import terms
from provisioner.sandbox.world import Transaction

_TABLES: Final = (servers, orders, operations)


def perform(operation: Operation, call: Call, wire: WireFault | None) -> Answer | None:
    """Carries the call out and applies world faults to its answer. None if a wire fault prevents that now.

    Raises ApiError. A refused call that spends is written to the ledger.
    """
    _send_as_strangers(operation, call, "before")
    try:
        if isinstance(wire, Late):
            late.keep(call.transaction.connection, _late_request(operation, call, wire))
        if wire is not None and not wire.executed:
            return None
        return _dated(rewrite(_lagging(operation, call), call.faults), call)
    finally:
        _send_as_strangers(operation, call, "after")


def settle(transaction: Transaction) -> None:
    """Applies everything that is due by now: each late request in turn, with the world as it was at its moment."""
    while (request := late.take_due(transaction.connection, transaction.now)) is not None:
        moment = replace(transaction, now=request.due_at)
        _settle_tables(moment)
        _carry_out(moment, request)
    _settle_tables(transaction)


def rehearse(transaction: Transaction) -> None:
    """Applies everything that is due by now and everything that is still to come, so that errors are raised now and
    not later.

    It is for a copy of a world that something else may have written.
    """
    ahead = transaction.now - transaction.machine_now
    if not 0 <= ahead <= time_shift.FURTHEST:
        raise ValueError(f"its clock is {ahead / 1000:g} s ahead, and a hundred years is the most")
    late.bring_forward(transaction.connection, transaction.now)
    settle(transaction)


def _settle_tables(transaction: Transaction) -> None:
    for table in _TABLES:
        table.settle(transaction.connection, transaction.now)
    terms.settle(transaction)


def _lagging(operation: Operation, call: Call) -> Answer:
    connection, now = call.transaction.connection, call.transaction.now
    first = servers.next_sequence(connection)
    answer = _ask(operation, call)
    for lag in _lags(call):
        servers.hide(connection, since=first, until=now + lag.milliseconds, show=lag.show)
    return answer


def _dated(answer: Answer, call: Call) -> Answer:
    """Returns the answer with the times of the clocks that faults have set."""
    for fault in call.faults:
        if isinstance(fault, Skew):
            date = {"Date": "" if fault.undated else http_date(call.transaction.now + fault.milliseconds)}
            age = {} if fault.age is None else {"Age": str(fault.age)}
            answer = replace(answer, headers={**answer.headers, **date, **age})
    return answer


def _lags(call: Call) -> tuple[Lag, ...]:
    return tuple(fault for fault in call.faults if isinstance(fault, Lag))


def _ask(operation: Operation, call: Call) -> Answer:
    try:
        _check_parameters(operation, call)
        return operation.answer(call)
    except (ApiError, InvalidParameterError) as error:
        refusal = error if isinstance(error, ApiError) else parameter_error(operation.service, str(error))
        if operation.spends:
            for named in named_servers(call):
                call.record(
                    "refusal", server_id=named.id, name=named.name, order_id=named.order_id, detail=str(refusal)
                )
        raise refusal from None


def _check_parameters(operation: Operation, call: Call) -> None:
    if unknown := sorted(call.query.keys() - operation.parameters):
        known = ", ".join(sorted(operation.parameters)) or "none"
        raise InvalidParameterError(f"{', '.join(map(repr, unknown))}: no query parameter of this call; known: {known}")


def _send_as_strangers(operation: Operation, call: Call, when: Literal["before", "after"]) -> None:
    for fault in call.faults:
        if isinstance(fault, Stranger) and fault.when == when:
            with suppress(ApiError):
                _ask(operation, replace(call, caller=_stranger(call.caller, fault.user)))


def _stranger(caller: Caller, name: str) -> Caller:
    """Returns the user of that name, or one without credentials."""
    known = next((user for user in caller.account.users if user.name == name), None)
    user_id = uuid5(NAMESPACE_OID, name).hex if known is None else known.id
    return replace(caller, user_id=user_id, user_name=name, is_administrator=False)


def _late_request(operation: Operation, call: Call, fault: Late) -> LateRequest:
    return LateRequest(
        due_at=call.transaction.now + fault.milliseconds,
        operation=operation.name,
        path=dict(call.path),
        query=dict(call.query),
        body=call.body,
        lags=_lags(call),
        account=call.caller.account.id,
        user_id=call.caller.user_id,
        user_name=call.caller.user_name,
        project_id=call.caller.project_id,
        domain_id=call.caller.domain_id,
    )


def _carry_out(transaction: Transaction, request: LateRequest) -> None:
    """Carries a late request out. Only the ledger records a refusal."""
    member = transaction.rules.accounts.by_id(request.user_id)
    account, user = member or _departed(request)
    caller = Caller(
        account=account,
        user_id=user.id,
        user_name=user.name,
        is_administrator=user.is_administrator,
        project_id=request.project_id,
        domain_id=request.domain_id,
    )
    call = Call(
        transaction=transaction,
        caller=caller,
        path=request.path,
        query=request.query,
        body=request.body,
        faults=request.lags,
    )
    with suppress(ApiError):
        _lagging(BY_NAME[request.operation], call)


def _departed(request: LateRequest) -> tuple[Account, User]:
    """Returns the sender of a late request, who may no longer be in the file of accounts."""
    user = User(id=request.user_id, name=request.user_name, password="", access_key="", secret_key="")
    return Account(id=request.account, name="", projects=(), users=()), user
