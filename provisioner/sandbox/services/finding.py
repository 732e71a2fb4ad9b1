"""Functions for all services of ModelArts: find the server of a path or body, and return a list on one page."""

from collections.abc import Sequence

from provisioner.sandbox import servers
from provisioner.sandbox.calls import Answer, Call
from provisioner.sandbox.errors import server_not_found
from provisioner.sandbox.servers import Server


def existing(call: Call, server_id: str) -> Server:
    """Returns the server. Raises ApiError (400, not found)."""
    if (server := visible(call, server_id)) is None:
        raise server_not_found(server_id)
    return server


def visible(call: Call, server_id: str) -> Server | None:
    """Returns the server; None if it does not exist, not yet or no longer, or belongs to another project."""
    server = servers.find(call.transaction.connection, server_id)
    if server is None or server.status == "DELETED" or server.project_id != call.path["project_id"]:
        return None
    return server if server.unshown_until is None else None


def paged(data: Sequence[object], *, whole: bool = True) -> Answer:
    """Returns the list on one page, as calls without paging do. If it is not `whole`, the total counts one row more."""
    size = len(data)
    total = size if whole else size + 1
    return Answer({"current": 1, "data": data, "pages": min(1, total), "size": size, "total": total})
