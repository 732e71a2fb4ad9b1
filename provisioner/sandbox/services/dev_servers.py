"""ModelArts: shows, renames and deletes servers, and changes their status (docs/api/devserver-api.md section 2).
Buying is in purchasing.py.

The effects of time on a server are applied before these functions see it.
"""

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Final

from provisioner.sandbox import servers
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.errors import ApiError, Service, operation_refused, parameter_error
from provisioner.sandbox.faults import Cap, Filtered, Shift, Short
from provisioner.sandbox.naming import named_server
from provisioner.sandbox.requests.dev_servers import (
    BatchAction,
    ChangeOs,
    ReinstallOs,
    RenameServer,
    ServersQuery,
    StartServer,
)
from provisioner.sandbox.requests.reading import read_body, read_parameters, read_query
from provisioner.sandbox.servers import Server
from provisioner.sandbox.services import acting
from provisioner.sandbox.services.finding import existing, paged, visible
from provisioner.sandbox.services.purchasing import create
from provisioner.sandbox.services.releasing import release

_SORT_COLUMNS: Final[dict[str, servers.SortColumn]] = {"createTime": "create_at", "updateTime": "update_at"}


def list_own(call: Call) -> Answer:
    """Lists the caller's servers. An administrator may name another owner; for others `owner` is ignored (section
    2.2).
    """
    query = read_query(ServersQuery, call.query)
    owner = query.owner if call.caller.is_administrator else None
    return _page(call, query, owner=owner or call.caller.user_id)


def list_all(call: Call) -> Answer:
    filters = [fault.hides for fault in call.faults if isinstance(fault, Filtered)]
    owner = None if all(filters) else call.caller.user_id
    return _page(call, read_query(ServersQuery, call.query), owner=owner, hidden=tuple(chain(*filters)))


def show(call: Call) -> Answer:
    return Answer(existing(call, call.path["id"]).wire())


def rename(call: Call) -> Answer:
    server = existing(call, call.path["id"])
    request = read_body(RenameServer, call.body)
    servers.change(call.transaction.connection, server, name=request.name, update_at=call.transaction.now)
    return show(call)


def delete(call: Call) -> Answer:
    _delete(call, existing(call, call.path["id"]))
    return show(call)


def start(call: Call) -> Answer:
    server = existing(call, call.path["id"])
    read_body(StartServer, call.body)
    acting.act(call, server, "start")
    return show(call)


def stop(call: Call) -> Answer:
    acting.act(call, existing(call, call.path["id"]), "stop")
    return show(call)


def reboot(call: Call) -> Answer:
    acting.act(call, existing(call, call.path["id"]), "reboot")
    return show(call)


def change_os(call: Call) -> Answer:
    server = existing(call, call.path["id"])
    acting.install(call, server, "changeos", read_body(ChangeOs, call.body))
    return show(call)


def reinstall_os(call: Call) -> Answer:
    server = existing(call, call.path["id"])
    acting.install(call, server, "reinstallos", read_body(ReinstallOs, call.body))
    return show(call)


def batch(call: Call) -> Answer:
    """Does the same for several servers. The API has no field for the error of one server, so a server that refuses
    keeps its status in the answer, and unknown ones are left out. The call is refused only if every server refuses.
    """
    request = read_body(BatchAction, call.body)
    act = _single_action(call, request)
    refusals: dict[str, ApiError] = {}
    asked = list(dict.fromkeys(server.id for server in request.servers))
    for server_id in asked:
        try:
            act(existing(call, server_id))
        except ApiError as refusal:
            refusals[server_id] = refusal
            if request.type == "DELETE":
                named = named_server(call, server_id)
                call.record(
                    "refusal", server_id=named.id, name=named.name, order_id=named.order_id, detail=str(refusal)
                )
    if len(refusals) == len(asked):
        raise refusals[asked[0]]
    found = (visible(call, server_id) for server_id in asked)
    return paged([server.wire() for server in found if server is not None])


def _single_action(call: Call, request: BatchAction) -> Callable[[Server], None]:
    """Returns the action for one server. The parameters are read before anything is done."""
    match request.type:
        case "START":
            return lambda server: acting.act(call, server, "start")
        case "STOP":
            return lambda server: acting.act(call, server, "stop")
        case "REBOOT":
            return lambda server: acting.act(call, server, "reboot")
        case "CHANGEOS":
            change = read_parameters(ChangeOs, request.extend_param)
            return lambda server: acting.install(call, server, "changeos", change)
        case "REINSTALLOS":
            reinstallation = read_parameters(ReinstallOs, request.extend_param)
            return lambda server: acting.install(call, server, "reinstallos", reinstallation)
        case "DELETE":
            return lambda server: _delete(call, server)


def _delete(call: Call, server: Server) -> None:
    """Deletes a server. Billing ends prepaid ones, unless the server never ran or is broken (section 2.3)."""
    if server.charging_mode == "PRE_PAID" and server.status not in {"CREATE_FAILED", "ERROR"}:
        raise operation_refused(server.id, "is PRE_PAID: unsubscribe it instead of deleting it.")
    if server.status in servers.TRANSITIONAL:
        raise operation_refused(server.id, f"is {server.status}: wait until that has ended.")
    release(call.transaction, server, by=call.caller.actor, reason="deleted", faults=call.faults)


def _page(call: Call, query: ServersQuery, *, owner: str | None, hidden: tuple[str, ...] = ()) -> Answer:
    moved = sum(fault.rows for fault in call.faults if isinstance(fault, Shift))
    missing = sum(fault.rows for fault in call.faults if isinstance(fault, Short))
    caps = [fault for fault in call.faults if isinstance(fault, Cap)]
    if any(fault.refused and query.limit > fault.rows for fault in caps):
        raise parameter_error(Service.MODELARTS, "limit is too large.")
    limit = min([query.limit, *(fault.rows for fault in caps)])
    offset = max(0, query.offset + moved) if query.offset else 0
    rows, total = servers.page(
        call.transaction.connection,
        call.path["project_id"],
        owner=owner,
        hidden=hidden,
        sort=(_SORT_COLUMNS[query.sort_key], query.sort_dir),
        limit=limit,
        offset=offset,
    )
    # limit=0 has no documented meaning: a page of nothing.
    pages, current = (-(-total // query.limit), query.offset // query.limit + 1) if query.limit else (0, 1)
    data = [server.wire() for server in rows[: max(0, total - missing - offset)]]
    return Answer({"current": current, "data": data, "pages": pages, "size": query.limit, "total": total})


_LIST: Final = frozenset(ServersQuery.model_fields)
_SERVERS: Final = "/v1/{project_id}/dev-servers"
_SERVER: Final = f"{_SERVERS}/{{id}}"
_operation = partial(Operation, service=Service.MODELARTS)

OPERATIONS: Final = (
    _operation("CreateDevServer", "POST", _SERVERS, create, spends=True),
    _operation("ListDevServers", "GET", _SERVERS, list_own, parameters=_LIST),
    _operation("ListAllDevServers", "GET", f"{_SERVERS}/all", list_all, parameters=_LIST - {"owner"}),
    # It would refresh what list shows; here list is never behind.
    _operation("SyncDevServers", "PUT", f"{_SERVERS}/sync", list_own, parameters=_LIST),
    _operation("BatchDevServersAction", "POST", f"{_SERVERS}/action", batch),
    _operation("ShowDevServer", "GET", _SERVER, show),
    _operation("UpdateDevServer", "PUT", _SERVER, rename),
    _operation("DeleteDevServer", "DELETE", _SERVER, delete, spends=True),
    _operation("StartDevServer", "PUT", f"{_SERVER}/start", start),
    _operation("StopDevServer", "PUT", f"{_SERVER}/stop", stop),
    _operation("RebootDevServer", "PUT", f"{_SERVER}/reboot", reboot),
    _operation("ChangeDevServerOS", "POST", f"{_SERVER}/changeos", change_os),
    _operation("ReinstallDevServerOS", "POST", f"{_SERVER}/reinstallos", reinstall_os),
)
