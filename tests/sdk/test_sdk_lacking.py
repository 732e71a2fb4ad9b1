"""What the vendor's SDK has no method or field for, asked by raw requests over the same HTTP, signed by our own signer."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from support.document import check_answer
from support.plain_http import NO_TLS
from support.vendor import IMAGE, SECURITY_GROUP, SUBNET, VPC

from provisioner.cloud.signing import DATE_FORMAT, sign
from provisioner.model.secret import Secret
from provisioner.sandbox import PUBLIC

SERVERS = f"/v1/{PUBLIC.project_id}/dev-servers"
CREATION = {
    "name": "raw",
    "flavor": "Si2.large.4",
    "image_id": IMAGE,
    "network": {"security_group_id": SECURITY_GROUP, "subnet_id": SUBNET, "vpc_id": VPC},
    "key_pair_name": "ops",
}
MONTHLY = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1}


class RawClient:
    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, verify=NO_TLS, trust_env=False)

    def ask(self, method: str, path: str, body: dict | None = None) -> httpx.Response:
        content = b"" if body is None else json.dumps(body).encode()
        request = self._http.build_request(method, path, content=content, headers={"Content-Type": "application/json"})
        proof = sign(
            method,
            str(request.url),
            headers={"Content-Type": "application/json"},
            body=content,
            access_key=PUBLIC.access_key,
            secret_key=Secret(PUBLIC.secret_key),
            date=datetime.now(UTC).strftime(DATE_FORMAT),
        )
        request.headers.update(proof.headers)
        answer = self._http.send(request)
        check_answer(answer)
        return answer

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def raw(sandbox) -> Iterator[RawClient]:
    client = RawClient(sandbox.address)
    yield client
    client.close()


def test_list_dev_server_resource_flavors(raw):
    items = raw.ask("GET", f"{SERVERS}/resource-flavors?server_type=ECS&arch=X86").json()["data"]
    assert "Si2.large.4" in {item["flavor"] for item in items}


def test_list_dev_server_plugins(raw):
    """The vendor's Terraform provider has it as a data source."""
    (plugin,) = raw.ask("GET", f"{SERVERS}/plugins").json()["data"]
    assert plugin["infos"][0].keys() == {"id", "version", "status", "url"}
    assert raw.ask("GET", f"{SERVERS}/plugins?name=other").json()["data"] == []


def test_pay_customer_order(raw, sdk):
    """The outgoing way to pay, which the vendor's Terraform provider still takes."""
    order_id = raw.ask("POST", SERVERS, {**CREATION, "charging_info": MONTHLY}).json()["order_id"]
    payment = {"order_id": order_id, "use_coupon": "NO", "use_discount": "NO"}
    assert raw.ask("POST", "/v2/orders/customer-orders/pay", payment).status_code == 204
    assert sdk.order(order_id).status == 5


@pytest.mark.parametrize("spelling", ["userdata", "user_data"])
def test_user_data_has_two_spellings_of_which_the_sdk_knows_one(raw, spelling):
    script = base64.b64encode(b"#!/bin/sh").decode()
    assert raw.ask("POST", SERVERS, {**CREATION, spelling: script}).json()["status"] == "CREATING"
    assert raw.ask("POST", SERVERS, {**CREATION, spelling: "not Base64!"}).status_code == 400


def test_both_spellings_at_once_are_refused(raw):
    script = base64.b64encode(b"#!/bin/sh").decode()
    refused = raw.ask("POST", SERVERS, {**CREATION, "userdata": script, "user_data": script})
    assert refused.json()["error_code"] == "ModelArts.0104"
