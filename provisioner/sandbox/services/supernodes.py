"""ModelArts: hyper clusters and supernodes (docs/api/devserver-api.md section 2.6), for reading only.

There is one hyper cluster, which can be shown. None can be created or deleted, and there are no supernodes, because
the sandbox sells none.
"""

from functools import partial
from typing import Final

from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.errors import ApiError, Service
from provisioner.sandbox.requests.dev_servers import (
    ChangeOs,
    HyperClusterCreation,
    HyperClustersQuery,
    ServersQuery,
)
from provisioner.sandbox.requests.reading import read_body, read_query
from provisioner.sandbox.services.finding import paged

_CLUSTER_ID: Final = "6a1f7e0c-93d2-4b7e-8c55-2f0d9b3a7e11"
_CLUSTER: Final = {
    "id": _CLUSTER_ID,
    "name": "sandbox-hyper-cluster",
    "network_info": [{"hyper_cluster_subnet_id": "b0c4a2d8-1e6f-4c39-9d07-5a8e2c71f360", "is_default": True}],
}


def list_clusters(call: Call) -> Answer:
    """Lists the one cluster, which is of type HPS."""
    query = read_query(HyperClustersQuery, call.query)
    return Answer({"hyper_clusters": [_CLUSTER] if query.type == "HPS" else []})


def show_cluster(call: Call) -> Answer:
    query = read_query(HyperClustersQuery, call.query)
    if call.path["id"] != _CLUSTER_ID or query.type != "HPS":
        raise _not_found("Hyper cluster", call)
    return Answer(_CLUSTER)


def create_cluster(call: Call) -> Answer:
    read_body(HyperClusterCreation, call.body)
    raise ApiError(400, "ModelArts.7000", "Hyper clusters cannot be made here.")


def delete_cluster(call: Call) -> Answer:
    show_cluster(call)
    raise ApiError(400, "ModelArts.7000", "The hyper cluster is part of the scenery and cannot be deleted.")


def list_supernodes(call: Call) -> Answer:
    read_query(ServersQuery, call.query)
    return paged([])


def refuse(call: Call) -> Answer:
    raise _not_found("Hyperinstance", call)


def refuse_change_os(call: Call) -> Answer:
    read_body(ChangeOs, call.body)
    return refuse(call)


def _not_found(kind: str, call: Call) -> ApiError:
    return ApiError(400, "ModelArts.6404", f"{kind} '{call.path['id']}' not found.")


_TYPE: Final = frozenset(HyperClustersQuery.model_fields)
_LIST: Final = frozenset(ServersQuery.model_fields) - {"owner"}
_SERVERS: Final = "/v1/{project_id}/dev-servers"
_CLUSTERS: Final = f"{_SERVERS}/hyper-clusters"
_SUPERNODES: Final = f"{_SERVERS}/hyperinstance"
_SUPERNODE: Final = f"{_SUPERNODES}/{{id}}"
_operation = partial(Operation, service=Service.MODELARTS)

OPERATIONS: Final = (
    _operation("ListHyperCluster", "GET", _CLUSTERS, list_clusters, parameters=_TYPE),
    _operation("CreateHyperCluster", "POST", _CLUSTERS, create_cluster),
    _operation("GetHyperCluster", "GET", f"{_CLUSTERS}/{{id}}", show_cluster, parameters=_TYPE),
    _operation("DeleteHyperCluster", "DELETE", f"{_CLUSTERS}/{{id}}", delete_cluster, parameters=_TYPE),
    _operation("ListHyperinstances", "GET", _SUPERNODES, list_supernodes, parameters=_LIST),
    _operation("ListAllHyperinstances", "GET", f"{_SUPERNODES}/all", list_supernodes, parameters=_LIST),
    _operation("GetHyperinstance", "GET", _SUPERNODE, refuse),
    _operation("DeleteHyperinstance", "DELETE", _SUPERNODE, refuse),
    _operation("ListHyperinstanceServers", "GET", f"{_SUPERNODE}/servers", refuse),
    _operation("StartHyperinstance", "PUT", f"{_SUPERNODE}/start", refuse),
    _operation("StopHyperinstance", "PUT", f"{_SUPERNODE}/stop", refuse),
    _operation("ChangeHyperinstanceOS", "POST", f"{_SUPERNODE}/changeos", refuse_change_os),
    _operation("GetHyperinstanceOperation", "GET", f"{_SUPERNODE}/operation/{{operation_id}}", refuse),
)
