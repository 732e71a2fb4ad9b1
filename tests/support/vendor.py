"""The vendor's SDK as it comes, pointed at `provisioner sandbox serve`: its own clients, models, signer and HTTP stack. Every
answer that it gets is held against docs/api/openapi.yaml on the way.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.document import check_answer

from provisioner.sandbox import PUBLIC, read_ledger

with pytest.MonkeyPatch.context() as patch:
    patch.delenv("HOME", raising=False)  # whoever imports the SDK gets a file of its in their home, if they have one
    import huaweicloudsdkbss.v2 as bss
    import huaweicloudsdkiam.v3 as iam
    import huaweicloudsdkmodelarts.v1 as modelarts
    from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
    from huaweicloudsdkcore.http.http_handler import HttpHandler

# The SDK is a hundred thousand objects. A collection that walks them pauses for longer than hypothesis lets an example of
# any other test of this process take.
gc.freeze()

TIMEOUT_SECONDS = 30
IMAGE = "c90fb553-2cdb-4b81-b56a-ef68812c6cf7"
VPC = "05982b48-a70f-43a1-a2b0-1fe36a236172"
SUBNET = "38cf274a-98f9-4f6f-b622-5ed0e4a3db54"
SECURITY_GROUP = "150a2c76-1334-45f6-b28f-419f9b1d1742"


@dataclass(frozen=True)
class Keys:
    access_key: str
    secret_key: str
    project_id: str
    domain_id: str
    security_token: str | None = None


PUBLIC_KEYS = Keys(PUBLIC.access_key, PUBLIC.secret_key, PUBLIC.project_id, PUBLIC.domain_id)


@dataclass(frozen=True)
class Sdk:
    """The vendor's three clients, as one user has them."""

    servers: modelarts.ModelArtsClient
    billing: bss.BssClient
    identity: iam.IamClient

    def close(self) -> None:
        for client in (self.servers, self.billing, self.identity):
            client.close()
            client.get_http_client().executor.shutdown()

    def show(self, server_id: str) -> modelarts.ShowDevServerResponse:
        return self.servers.show_dev_server(modelarts.ShowDevServerRequest(id=server_id))

    def create(self, **changes) -> modelarts.CreateDevServerResponse:
        return self.servers.create_dev_server(modelarts.CreateDevServerRequest(body=server_request(**changes)))

    def order(self, order_id: str) -> bss.CustomerOrderV3:
        asked = bss.ShowCustomerOrderDetailsRequest(order_id=order_id)
        return self.billing.show_customer_order_details(asked).order_info


def server_request(**changes) -> modelarts.ServerCreateRequest:
    network = modelarts.ServerNetwork(security_group_id=SECURITY_GROUP, subnet_id=SUBNET, vpc_id=VPC)
    wanted = {"name": "trainer", "flavor": "Si2.large.4", "image_id": IMAGE, "network": network, "key_pair_name": "ops"}
    return modelarts.ServerCreateRequest(**wanted | changes)


@dataclass(frozen=True)
class Served:
    """A sandbox that another process serves, and its world."""

    address: str
    world: Path

    def connect(self, keys: Keys) -> Sdk:
        project = BasicCredentials(keys.access_key, keys.secret_key, keys.project_id)
        account = GlobalCredentials(keys.access_key, keys.secret_key, keys.domain_id)
        for credentials in (project, account):
            credentials.with_security_token(keys.security_token)
        handler = HttpHandler().add_response_handler(lambda response, **_: check_answer(response))

        def client(kind, credentials):
            builder = kind.new_builder().with_credentials(credentials).with_http_handler(handler)
            return builder.with_endpoints([self.address]).build()

        return Sdk(
            client(modelarts.ModelArtsClient, project), client(bss.BssClient, account), client(iam.IamClient, account)
        )

    def kinds(self, **wanted: str) -> Counter[str]:
        """How many rows of each kind the ledger has, of those in which these fields are so."""
        rows = (row for row in read_ledger(self.world) if all(getattr(row, key) == wanted[key] for key in wanted))
        return Counter(row.kind for row in rows)


@contextmanager
def serve(folder: Path, *options: str) -> Iterator[Served]:
    """Building takes no time, so that no test waits: what was begun has happened by the next call."""
    world = folder / "world.db"
    command = [sys.executable, "-m", "provisioner", "sandbox", "serve", "--port", "0", "--build-seconds", "0"]
    process = subprocess.Popen([*command, "--world", world, *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        announced = process.stdout.readline()
        assert announced.startswith("listening on "), "the sandbox did not start"
        yield Served(announced.removeprefix("listening on ").strip(), world)
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_SECONDS)
