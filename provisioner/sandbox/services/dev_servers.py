"""ModelArts: servers are shown, renamed and deleted here (docs/api/devserver-api.md section 2); buying has a file of its
own. Sees a server's state as it is now: what time has done to it has been settled before.
"""

from typing import Final

from provisioner.sandbox import servers
from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.errors import Service, operation_refused, server_not_found
from provisioner.sandbox.requests.dev_servers import RenameServer, ServersQuery
from provisioner.sandbox.requests.reading import read_body, read_query
from provisioner.sandbox.servers import Server
from provisioner.sandbox.services.purchasing import create
from provisioner.sandbox.services.releasing import release

_SORT_COLUMNS: Final[dict[str, servers.SortColumn]] = {"createTime": "create_at", "updateTime": "update_at"}


def list_own(call: Call) -> Answer:
    """The caller's, or with `owner` another's: the sandbox's user is an administrator."""
    query = read_query(ServersQuery, call.query)
    return _page(call, query, owner=query.owner or call.caller.user_id)


def list_all(call: Call) -> Answer:
    return _page(call, read_query(ServersQuery, call.query), owner=None)


def show(call: Call) -> Answer:
    return Answer(_existing(call).wire())


def rename(call: Call) -> Answer:
    server = _existing(call)
    request = read_body(RenameServer, call.body)
    servers.rename(call.transaction.connection, server.id, request.name, now=call.transaction.now)
    return show(call)


def delete(call: Call) -> Answer:
    """Section 2.3: a prepaid server is billing's to end, unless it never came up or is broken."""
    server = _existing(call)
    if server.charging_mode == "PRE_PAID" and server.status not in {"CREATE_FAILED", "ERROR"}:
        raise operation_refused(server.id, "is PRE_PAID: unsubscribe it instead of deleting it.")
    if server.status in servers.TRANSITIONAL:
        raise operation_refused(server.id, f"is {server.status}: wait until that has ended.")
    release(call.transaction, server, caller=call.caller.user_name, reason="deleted")
    return show(call)


def _existing(call: Call) -> Server:
    server_id = call.path["id"]
    server = servers.find(call.transaction.connection, server_id)
    if server is None or server.status == "DELETED" or server.project_id != call.path["project_id"]:
        raise server_not_found(server_id)
    return server


def _page(call: Call, query: ServersQuery, *, owner: str | None) -> Answer:
    rows, total = servers.page(
        call.transaction.connection,
        call.path["project_id"],
        owner=owner,
        sort=(_SORT_COLUMNS[query.sort_key], query.sort_dir),
        limit=query.limit,
        offset=query.offset,
    )
    # limit=0 has no documented meaning: a page of nothing.
    pages, current = (-(-total // query.limit), query.offset // query.limit + 1) if query.limit else (0, 1)
    data = [server.wire() for server in rows]
    return Answer({"current": current, "data": data, "pages": pages, "size": query.limit, "total": total})


_SERVERS: Final = "/v1/{project_id}/dev-servers"
_SERVER: Final = f"{_SERVERS}/{{id}}"

OPERATIONS: Final = (
    Operation(method="POST", path=_SERVERS, service=Service.MODELARTS, answer=create, spends=True),
    Operation(method="GET", path=_SERVERS, service=Service.MODELARTS, answer=list_own),
    Operation(method="GET", path=f"{_SERVERS}/all", service=Service.MODELARTS, answer=list_all),
    Operation(method="GET", path=_SERVER, service=Service.MODELARTS, answer=show),
    Operation(method="PUT", path=_SERVER, service=Service.MODELARTS, answer=rename),
    Operation(method="DELETE", path=_SERVER, service=Service.MODELARTS, answer=delete, spends=True),
)
