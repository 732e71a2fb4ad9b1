"""What the vendor's SDK makes of each refusal: its own exception, with the status, the code and the request's id."""

import huaweicloudsdkbss.v2 as bss
import huaweicloudsdkiam.v3 as iam
import huaweicloudsdkmodelarts.v1 as modelarts
import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

NOBODY = "62383738-e52a-450a-9f84-f9e705402be8"


def show(sdk):
    return sdk.show(NOBODY)


def start_a_running_one(sdk):
    body = modelarts.ServerStartRequest()
    return sdk.servers.start_dev_server(modelarts.StartDevServerRequest(id=sdk.create().id, body=body))


def change_the_os_of_a_running_one(sdk):
    body = modelarts.ServerOsRequest(image_id=NOBODY, key_pair_name="ops")
    return sdk.servers.change_dev_server_os(modelarts.ChangeDevServerOSRequest(id=sdk.create().id, body=body))


def ask_for_too_long_a_page(sdk):
    return sdk.servers.list_dev_servers(modelarts.ListDevServersRequest(limit=1025))


def look_at_no_order(sdk):
    return sdk.order("CS0")


def unsubscribe_from_nothing(sdk):
    body = bss.UnsubscribeResourcesReq(resource_ids=[NOBODY], unsubscribe_type=1)
    return sdk.billing.cancel_resources_subscription(bss.CancelResourcesSubscriptionRequest(body=body))


def stop_renewing_nothing(sdk):
    return sdk.billing.cancel_auto_renewal_resources(bss.CancelAutoRenewalResourcesRequest(resource_id=NOBODY))


def assert_refused(call, status: int, code: str) -> None:
    with pytest.raises(ClientRequestException) as refused:
        call()
    assert (refused.value.status_code, refused.value.error_code) == (status, code)
    assert refused.value.error_msg
    assert refused.value.request_id


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (show, "ModelArts.6404"),
        (start_a_running_one, "ModelArts.7000"),
        (change_the_os_of_a_running_one, "ModelArts.7000"),
        (ask_for_too_long_a_page, "ModelArts.0104"),
        (look_at_no_order, "CBC.0100"),
        (unsubscribe_from_nothing, "CBC.99003012"),
        (stop_renewing_nothing, "CBC.99003012"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_call_that_cannot_be_done_is_refused(sdk, attempt, code):
    assert_refused(lambda: attempt(sdk), 400, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "no spaces"},
        {"count": 11},
        {"admin_pass": "Canary-7q!Xw9Zt"},  # beside the key pair
        {"key_pair_name": None, "admin_pass": "weak"},
        {"flavor": None},
        {"image_id": "latest"},
        {"server_type": "HPS"},
        {"root_volume": modelarts.EvsVolume(size=99, type="SSD")},
        {"charging_info": modelarts.ChargingInfo(charging_mode="PRE_PAID")},
        {"user_data": "not Base64!"},
    ],
    ids=str,
)
def test_a_server_that_breaks_a_rule_is_not_bought(sdk, sandbox, changes):
    bought = sandbox.kinds(kind="purchase")
    assert_refused(lambda: sdk.create(**changes), 400, "ModelArts.0104")
    assert sandbox.kinds(kind="purchase") == bought


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"flavor": "gone"}, "ModelArts.0118"),
        ({"availability_zone": "cn-north-4b"}, "ModelArts.0118"),
        ({"availability_zone": "elsewhere"}, "ModelArts.0104"),
        ({"flavor": "unheard-of"}, "ModelArts.0104"),
        ({"image_id": NOBODY}, "ModelArts.0104"),
        ({"count": 3}, "ModelArts.0113"),
    ],
    ids=str,
)
def test_what_is_not_to_be_had_is_not_bought(sdk_of, strict_sandbox, changes, code):
    bought = strict_sandbox.kinds(kind="purchase")
    assert_refused(lambda: sdk_of("ada", "team", project="lab").create(**changes), 400, code)
    assert strict_sandbox.kinds(kind="purchase") == bought


@pytest.mark.parametrize(
    ("keys", "status", "code"),
    [
        ({"secret_key": "wrong"}, 401, "APIG.0301"),
        ({"access_key": "NOBODYSKEY"}, 401, "APIG.0301"),
        ({"project_id": "anothers"}, 403, "APIG.0302"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_a_stranger_is_refused(sdk, sdk_with, keys, status, code):
    assert_refused(lambda: show(sdk_with(**keys)), status, code)
    sdk.create()  # nobody else is shut out


def test_billing_is_for_its_own_account(sdk_with):
    other = sdk_with(domain_id="anothers")
    assert_refused(lambda: other.billing.list_customer_orders(bss.ListCustomerOrdersRequest()), 403, "CBC.0151")


def test_identity_refuses_in_its_own_words(sdk_with):
    stranger = sdk_with(secret_key="wrong")
    asked = iam.KeystoneListAuthDomainsRequest()
    assert_refused(lambda: stranger.identity.keystone_list_auth_domains(asked), 401, "APIG.0301")
