"""Servers from purchase to release, as a user of the vendor's SDK lives through it; the sandbox's ledger is the witness."""

import base64

import huaweicloudsdkbss.v2 as bss
import huaweicloudsdkmodelarts.v1 as modelarts
import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

OTHER_IMAGE = "0f6d5c3a-7b1e-4c55-9a37-6d2f8e1b4a90"


@pytest.fixture
def monthly():
    return modelarts.ChargingInfo(
        charging_mode="PRE_PAID", period_type="MONTH", period_num=1, is_auto_pay=True, is_auto_renew=False
    )


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def network_with(**more) -> modelarts.ServerNetwork:
    ids = dict.fromkeys(("security_group_id", "subnet_id", "vpc_id"), OTHER_IMAGE)
    return modelarts.ServerNetwork(**ids, **more)


def subscriptions(sdk, order_id: str) -> list[bss.OrderInstanceV2]:
    asked = bss.ListPayPerUseCustomerResourcesRequest(body=bss.QueryResourcesReq(order_id=order_id))
    return sdk.billing.list_pay_per_use_customer_resources(asked).data


def members(sdk, order_id: str) -> list[modelarts.ServerResponse]:
    listed = sdk.servers.list_dev_servers(modelarts.ListDevServersRequest(limit=1024)).data
    return [server for server in listed if server.order_id == order_id]


def unsubscribe(sdk, *server_ids: str) -> bss.CancelResourcesSubscriptionResponse:
    body = bss.UnsubscribeResourcesReq(resource_ids=[*server_ids], unsubscribe_type=1)
    return sdk.billing.cancel_resources_subscription(bss.CancelResourcesSubscriptionRequest(body=body))


def is_gone(sdk, server_id: str) -> bool:
    with pytest.raises(ClientRequestException) as refused:
        sdk.show(server_id)
    return refused.value.error_code == "ModelArts.6404"


def test_the_life_of_a_pay_per_use_server(sdk, sandbox):
    servers = sdk.servers
    bought = sdk.create(name="gateway")
    assert (bought.status, bought.charging_mode, bought.order_id) == ("CREATING", "POST_PAID", None)
    built = servers.show_dev_server(modelarts.ShowDevServerRequest(id=bought.id))
    assert (built.status, built.name, built.cloud_server.type) == ("RUNNING", "gateway", "ECS")

    renamed = modelarts.UpdateServerRequest(name="gateway-1")
    servers.update_dev_server(modelarts.UpdateDevServerRequest(id=bought.id, body=renamed))
    assert sdk.show(bought.id).name == "gateway-1"

    assert servers.reboot_dev_server(modelarts.RebootDevServerRequest(id=bought.id)).status == "REBOOTING"
    assert sdk.show(bought.id).status == "RUNNING"
    assert servers.stop_dev_server(modelarts.StopDevServerRequest(id=bought.id)).status == "STOPPING"
    assert sdk.show(bought.id).status == "STOPPED"
    start = modelarts.StartDevServerRequest(id=bought.id, body=modelarts.ServerStartRequest())
    assert servers.start_dev_server(start).status == "STARTING"
    assert sdk.show(bought.id).status == "RUNNING"

    servers.stop_dev_server(modelarts.StopDevServerRequest(id=bought.id))
    change = modelarts.ServerOsRequest(
        image_id=OTHER_IMAGE, admin_pass="Canary-7q!Xw9Zt", user_data=encoded("#!/bin/sh")
    )
    changing = servers.change_dev_server_os(modelarts.ChangeDevServerOSRequest(id=bought.id, body=change))
    assert (changing.status, changing.image.image_id) == ("CHANGINGOS", OTHER_IMAGE)
    assert sdk.show(bought.id).status == "RUNNING"

    servers.stop_dev_server(modelarts.StopDevServerRequest(id=bought.id))
    fresh = modelarts.ServerOsRequest(key_pair_name="other-keys")
    reinstalling = servers.reinstall_dev_server_os(modelarts.ReinstallDevServerOSRequest(id=bought.id, body=fresh))
    assert (reinstalling.status, reinstalling.image.image_id) == ("REINSTALLINGOS", OTHER_IMAGE)
    assert sdk.show(bought.id).key_pair_name == "other-keys"

    assert servers.delete_dev_server(modelarts.DeleteDevServerRequest(id=bought.id)).status == "DELETING"
    assert is_gone(sdk, bought.id)
    assert sandbox.kinds(server_id=bought.id) == {"purchase": 1, "wipe": 2, "release": 1}


def test_the_life_of_a_prepaid_server(sdk, sandbox, monthly):
    bought = sdk.create(name="trainer", charging_info=monthly)
    assert (bought.status, bought.charging_mode) == ("CREATING", "PRE_PAID")
    assert sdk.order(bought.order_id).status == 5
    assert [server.id for server in members(sdk, bought.order_id)] == [bought.id]

    (subscription,) = subscriptions(sdk, bought.order_id)
    assert (subscription.resource_id, subscription.status, subscription.expire_policy) == (bought.id, 2, 0)
    yearly = bss.AutoRenewalResourcesReq(auto_renew_times=2, period_type="YEAR")
    sdk.billing.auto_renewal_resources(bss.AutoRenewalResourcesRequest(resource_id=bought.id, body=yearly))
    assert subscriptions(sdk, bought.order_id)[0].expire_policy == 3
    sdk.billing.cancel_auto_renewal_resources(bss.CancelAutoRenewalResourcesRequest(resource_id=bought.id))
    assert subscriptions(sdk, bought.order_id)[0].expire_policy == 0

    with pytest.raises(ClientRequestException) as refused:  # a subscription is billing's to end
        sdk.servers.delete_dev_server(modelarts.DeleteDevServerRequest(id=bought.id))
    assert refused.value.error_code == "ModelArts.7000"

    ended = unsubscribe(sdk, bought.id)
    assert [sdk.order(order_id).order_type for order_id in ended.order_ids] == [4]
    assert ended.fail_resource_infos == []
    assert is_gone(sdk, bought.id)
    assert subscriptions(sdk, bought.order_id) == []
    kinds = {"purchase": 1, "payment": 1, "refusal": 1, "refund": 1, "release": 1}
    assert sandbox.kinds(order_id=bought.order_id) == kinds


@pytest.mark.parametrize("prepaid", [False, True], ids=["pay-per-use", "prepaid"])
def test_three_servers_by_one_call(sdk, sandbox, monthly, prepaid):
    name = f"pool-{prepaid}"
    bought = sdk.create(name=name, count=3, charging_info=monthly if prepaid else None)
    listed = sdk.servers.list_dev_servers(modelarts.ListDevServersRequest(limit=1024)).data
    pool = [server for server in listed if server.name == name]
    assert len({server.id for server in pool}) == 3
    assert bought.id in {server.id for server in pool}
    assert {server.order_id for server in pool} == {bought.order_id}
    assert sandbox.kinds(name=name) == {"purchase": 3} | ({"payment": 1} if prepaid else {})

    if prepaid:
        assert sdk.order(bought.order_id).order_type == 1
        unsubscribe(sdk, bought.id)  # one of them ends the whole order
    else:
        for server in pool:
            sdk.servers.delete_dev_server(modelarts.DeleteDevServerRequest(id=server.id))
    assert all(is_gone(sdk, server.id) for server in pool)
    assert sandbox.kinds(name=name, kind="release") == {"release": 3}


def test_a_server_with_all_that_can_be_asked_for(sdk, monthly):
    network = network_with(
        ipv6_enable=False,
        roce_id=OTHER_IMAGE,
        allowed_address_pairs=[modelarts.AllowedAddressPairs(ip_address="1.1.1.1/0", mac_address="fa:16:3e:00:00:01")],
    )
    bought = sdk.create(
        network=network,
        charging_info=monthly,
        key_pair_name=None,
        admin_pass="Canary-7q!Xw9Zt",
        arch="X86",
        server_type="ECS",
        availability_zone="cn-north-4a",
        enterprise_project_id="0",
        count=1,
        root_volume=modelarts.EvsVolume(size=200, type="ESSD"),
        data_volume=modelarts.ServerDataVolume(size=500, type="SSD", count=2),
        user_data=encoded("#cloud-config"),
    )
    shown = sdk.show(bought.id)
    assert [(disk.type, disk.evs_type, disk.size) for disk in shown.volumes] == [
        ("ROOT", "ESSD", 200),
        ("DATA", "SSD", 500),
        ("DATA", "SSD", 500),
    ]
    assert (shown.vpc_id, shown.subnet_id) == (network.vpc_id, network.subnet_id)
    assert shown.key_pair_name is None


def test_a_server_of_a_resource_flavor(sdk):
    assert sdk.show(sdk.create(flavor=None, resource_flavor="modelarts.vm.cpu.8u").id).status == "RUNNING"


def test_a_server_that_never_comes_up_must_still_be_deleted(sdk, sandbox):
    bought = sdk.create(flavor="sandbox.fails")
    assert sdk.show(bought.id).status == "CREATE_FAILED"
    sdk.servers.delete_dev_server(modelarts.DeleteDevServerRequest(id=bought.id))
    assert is_gone(sdk, bought.id)
    assert sandbox.kinds(server_id=bought.id) == {"purchase": 1, "release": 1}
