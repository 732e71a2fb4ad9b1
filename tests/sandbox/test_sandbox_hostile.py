"""Whatever is sent, the sandbox answers, and never with 500: raw requests, as no client of ours would make them."""

import copy
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from provisioner.sandbox import PUBLIC
from provisioner.sandbox.contract import OPERATIONS
from provisioner.sandbox.errors import Service

ID = "62383738-e52a-450a-9f84-f9e705402be8"
KEY = {"key_pair_name": "ops"}
PAYMENT = {"order_id": "CS1", "use_coupon": "NO", "use_discount": "NO", "coupon_infos": [], "discount_infos": []}
PRODUCT = {"id": "1", "cloud_service_type": "c", "resource_type": "r", "resource_spec": "s", "region": "r"}
PERIOD = {**PRODUCT, "period_type": 2, "period_num": 1, "subscription_num": 1}
USAGE = {**PRODUCT, "usage_factor": "Duration", "usage_value": 1.5, "usage_measure_id": 4, "subscription_num": 1}
LOG_IN = {"domain": {"name": PUBLIC.domain_name}, "name": PUBLIC.user_name, "password": PUBLIC.user_password}
CREATION = {
    "name": "trainer",
    "flavor": "Si2.large.4",
    "image_id": ID,
    "network": {"security_group_id": ID, "subnet_id": ID, "vpc_id": ID, "allowed_address_pairs": [{}]},
    "charging_info": {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True},
    "root_volume": {"type": "SSD", "size": 100},
    "data_volume": {"type": "SSD", "size": 100, "count": 1},
    "userdata": "",
    "count": 2,
    **KEY,
}
BODIES = {
    "CreateDevServer": CREATION,
    "UpdateDevServer": {"name": "renamed"},
    "StartDevServer": {"arch": "X86"},
    "ChangeDevServerOS": {"image_id": ID, **KEY},
    "ReinstallDevServerOS": {"image_id": ID, **KEY},
    "BatchDevServersAction": {"type": "STOP", "servers": [{"id": ID}], "extend_param": {"image_id": ID, **KEY}},
    "AttachDevServerVolume": {"volume_id": ID},
    "BindDevServerPublicIP": {"public_ip_id": "eip"},
    "AttachDevServerPort": {"port_id": "port", "security_groups": ["sg"]},
    "CreateHyperCluster": {"name": "cluster"},
    "ChangeHyperinstanceOS": {"image_id": ID, **KEY},
    "PayOrders": PAYMENT,
    "PayCustomerOrder": PAYMENT,
    "CancelCustomerOrder": {"order_id": "CS1"},
    "CancelResourcesSubscription": {"resource_ids": [ID], "unsubscribe_type": 1},
    "AutoRenewalResources": {"auto_renew_times": 1, "period_type": "MONTH"},
    "ListPayPerUseCustomerResources": {"resource_ids": [ID], "status_list": [2], "limit": 1, "offset": 0},
    "ListRateOnPeriodDetail": {"project_id": PUBLIC.project_id, "product_infos": [PERIOD]},
    "ListOnDemandResourceRatings": {"project_id": PUBLIC.project_id, "product_infos": [USAGE]},
    "KeystoneCreateUserTokenByPassword": {
        "auth": {"identity": {"methods": ["password"], "password": {"user": LOG_IN}}, "scope": {"domain": {"id": "d"}}}
    },
    "CreateTemporaryAccessKeyByToken": {
        "auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}
    },
}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([ID, 10**30, -1, "", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
QUERIES = st.dictionaries(
    st.sampled_from([
        "limit", "offset", "sort_key", "owner", "status", "create_time_begin", "create_time_end", "page", "type", "name",
    ]),
    st.text(max_size=12) | st.integers().map(str) | st.just("2026-01-02T03:04:05Z"),
    max_size=3,
)  # fmt: skip
WORDS = ["all", "sync", "x", "%00", "%ff", "..", "%2F", "é", "a" * 300, "%F0%9F%92%A9", "the server's", "the order's"]
quick = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def places(body: object, here: tuple = ()) -> list[tuple]:
    """Where a value of a body stands: the keys that lead to it."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return [here, *(place for key, value in inner for place in places(value, (*here, key)))]


@st.composite
def requests(draw):
    """An operation with a body that is right but for one value, or with bytes that are none."""
    operation = draw(st.sampled_from(OPERATIONS))
    whole = {"body": copy.deepcopy(BODIES.get(operation.name, {}))}
    *path, last = ("body", *draw(st.sampled_from(places(whole["body"]))))
    holder = whole
    for key in path:
        holder = holder[key]
    holder[last] = draw(JSON)
    body = json.dumps(whole["body"]).encode()
    return operation, draw(st.just(body) | st.binary(max_size=40))


@pytest.fixture
def ids(cloud, prepaid) -> dict[str, str]:
    """A server and an order that are there, so that requests find something."""
    server = cloud.running(charging_info=prepaid)
    return {"the server's": server["id"], "the order's": server["order_id"]}


@quick
@given(request=requests(), word=st.sampled_from(WORDS), query=QUERIES)
def test_no_operation_breaks(cloud, ids, request, word, query):
    operation, body = request
    path = operation.path.replace("{project_id}", PUBLIC.project_id)
    path = "/".join(ids.get(word, word) if part.startswith("{") else part for part in path.split("/"))
    token = cloud.project_token if operation.service is Service.MODELARTS else cloud.account_token
    answer = cloud.send(operation.method, path, headers={"X-Auth-Token": token}, params=query, content=body)
    assert answer.status_code < 500, answer.text
    assert answer.headers["X-Request-Id"]
    if answer.status_code >= 400:
        assert {"error_code", "error_msg"} <= answer.json().keys() or "error" in answer.json()


@quick
@given(
    headers=st.dictionaries(
        st.sampled_from(["Authorization", "X-Sdk-Date", "X-Auth-Token", "X-Security-Token", "X-Domain-Id"]),
        st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)
        | st.sampled_from([
            "SDK-HMAC-SHA256 Access=a, SignedHeaders=host;host;, Signature=" + "0" * 64,
            f"SDK-HMAC-SHA256 Access={PUBLIC.access_key}, SignedHeaders=x-sdk-date, Signature=" + "f" * 64,
            "20260102T030405Z", "99991231T235959Z", "00010101T000000Z",
        ]),
        max_size=4,
    ),
    path=st.sampled_from([f"/v1/{PUBLIC.project_id}/dev-servers", "/v2/orders/customer-orders", "/v3/projects"]),
)  # fmt: skip
@example(headers={"Authorization": "é", "X-Sdk-Date": "ÿ"}, path="/v3/projects")
def test_no_credential_breaks_the_gateway(cloud, headers, path):
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = cloud.send("GET", path, headers=raw)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIG.0301")
