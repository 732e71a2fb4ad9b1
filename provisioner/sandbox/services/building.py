"""Builds servers from a blueprint: the content of a create request without its secrets, which a prepaid order keeps
until somebody pays.

Knows neither money nor rules; both were checked before.
"""

import json
from dataclasses import asdict, dataclass
from typing import Self
from uuid import uuid4

from provisioner.sandbox import servers
from provisioner.sandbox.market import Arch, ServerType
from provisioner.sandbox.orders import Order
from provisioner.sandbox.requests.dev_servers import CreateServer
from provisioner.sandbox.servers import Server
from provisioner.sandbox.world import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What to build. `price` is the price of one server in cents; `volumes` has role, kind and gigabytes of each
    disk. `lacking` servers are ordered and never built.
    """

    account: str
    project_id: str
    owner: str
    name: str
    flavor: str | None
    resource_flavor: str | None
    image_id: str
    image_name: str
    arch: Arch
    server_type: ServerType
    vpc_id: str
    subnet_id: str
    key_pair_name: str | None
    volumes: list[tuple[str, str, int]]
    count: int
    price: int
    fails: bool
    auto_renew: bool
    lacking: int = 0

    @property
    def spec(self) -> str:
        name = self.flavor or self.resource_flavor
        assert name is not None
        return name

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(**json.loads(text))


def disks(request: CreateServer) -> list[tuple[str, str, int]]:
    root, data = request.root_volume, request.data_volume
    listed: list[tuple[str, str, int]] = []
    if root is not None:
        listed.append(("ROOT", root.type, root.size))
    if data is not None:
        listed += [("DATA", data.type, data.size)] * data.count
    return listed


def build(transaction: Transaction, blueprint: Blueprint, *, order: Order | None) -> list[Server]:
    """Starts building all servers. Those of an order get its term."""
    first = servers.next_sequence(transaction.connection)
    built = [
        _server(transaction, blueprint, first + index, order) for index in range(blueprint.count - blueprint.lacking)
    ]
    for server in built:
        servers.add(transaction.connection, server)
    return built


def _server(transaction: Transaction, blueprint: Blueprint, sequence: int, order: Order | None) -> Server:
    return Server(
        sequence=sequence,
        id=str(uuid4()),
        account=blueprint.account,
        project_id=blueprint.project_id,
        owner=blueprint.owner,
        name=blueprint.name,
        flavor=blueprint.flavor,
        resource_flavor=blueprint.resource_flavor,
        image_id=blueprint.image_id,
        image_name=blueprint.image_name,
        arch=blueprint.arch,
        server_type=blueprint.server_type,
        vpc_id=blueprint.vpc_id,
        subnet_id=blueprint.subnet_id,
        key_pair_name=blueprint.key_pair_name,
        volumes=json.dumps(
            [
                {"type": role, "evs_type": kind, "size": size, "evs_id": str(uuid4())}
                for role, kind, size in blueprint.volumes
            ]
        ),
        charging_mode="POST_PAID" if order is None else "PRE_PAID",
        order_id=None if order is None else order.id,
        price=blueprint.price,
        effective_at=None if order is None else order.effective_at,
        expire_at=None if order is None else order.expire_at,
        auto_renew=blueprint.auto_renew,
        renewals_left=None,
        renewal_period=None,
        cloud_server_id=str(uuid4()),
        built=False,
        status="CREATING",
        create_at=transaction.now,
        update_at=transaction.now,
        due_status="CREATE_FAILED" if blueprint.fails else "RUNNING",
        due_at=transaction.now + transaction.rules.build_milliseconds,
    )
