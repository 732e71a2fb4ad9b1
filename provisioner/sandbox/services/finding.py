"""What the services of ModelArts share: the server that a path or body names, and a page of everything."""

from collections.abc import Sequence

from provisioner.sandbox import servers
from provisioner.sandbox.calls import Answer, Call
from provisioner.sandbox.errors import server_not_found
from provisioner.sandbox.servers import Server


def existing(call: Call, server_id: str) -> Server:
    """Raises ApiError (400, not found)."""
    if (server := visible(call, server_id)) is None:
        raise server_not_found(server_id)
    return server


def visible(call: Call, server_id: str) -> Server | None:
    """None when there is none, not yet or no longer one, or one of another project."""
    server = servers.find(call.transaction.connection, server_id)
    if server is None or server.status == "DELETED" or server.project_id != call.path["project_id"]:
        return None
    return server if server.unshown_until is None else None


def paged(data: Sequence[object], *, whole: bool = True) -> Answer:
    """All of it on one page, as the calls without paging parameters answer. What is not `whole` counts one row that never comes."""
    size = len(data)
    total = size if whole else size + 1
    return Answer({"current": 1, "data": data, "pages": min(1, total), "size": size, "total": total})
