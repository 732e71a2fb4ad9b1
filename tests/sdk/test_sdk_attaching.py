"""Disks, public addresses and ports that come to a server and go, through the vendor's SDK."""

from uuid import uuid4

import huaweicloudsdkmodelarts.v1 as modelarts
import pytest


@pytest.fixture
def server_id(sdk) -> str:
    return sdk.create(name="with-things").id


def test_a_disk_comes_and_goes_by_operations(sdk, server_id):
    volume_id = str(uuid4())

    def status_of(operation) -> str:
        asked = modelarts.GetDevServerOperationRequest(id=server_id, operation_id=operation.operation_id)
        return sdk.servers.get_dev_server_operation(asked).operation_status

    def disks() -> list[str]:
        return [disk.evs_id for disk in sdk.show(server_id).volumes or []]

    body = modelarts.AttachServerVolumeRequest(volume_id=volume_id)
    attaching = sdk.servers.attach_dev_server_volume(modelarts.AttachDevServerVolumeRequest(id=server_id, body=body))
    assert (attaching.operation_type, attaching.operation_status) == ("node_attach_volume", "pending")
    assert status_of(attaching) == "success"
    assert disks() == [volume_id]

    detach = modelarts.DetachDevServerVolumeRequest(id=server_id, volume_id=volume_id)
    assert status_of(sdk.servers.detach_dev_server_volume(detach)) == "success"
    assert disks() == []


def test_a_public_address_comes_and_goes(sdk, server_id):
    address_id = f"eip-{uuid4()}"

    def bound() -> list[str]:
        asked = modelarts.ListDevServerPublicIPRequest(id=server_id)
        return [each.id for each in sdk.servers.list_dev_server_public_ip(asked).public_ips]

    body = modelarts.ServerBindPublicIPRequest(public_ip_id=address_id)
    (address,) = sdk.servers.bind_dev_server_public_ip(
        modelarts.BindDevServerPublicIPRequest(id=server_id, body=body)
    ).public_ips
    assert address.address.startswith("203.0.113.")
    assert bound() == [address_id]
    sdk.servers.unbind_dev_server_public_ip(
        modelarts.UnbindDevServerPublicIPRequest(id=server_id, publicip_id=address_id)
    )
    assert bound() == []


def test_a_port_comes_and_goes(sdk, server_id):
    port_id = f"port-{uuid4()}"
    body = modelarts.AttachDevServerPortsRequestBody(port_id=port_id)
    attach = modelarts.AttachDevServerPortRequest(id=server_id, body=body)
    assert sdk.servers.attach_dev_server_port(attach).port_state == "ACTIVE"
    detach = modelarts.DetachDevServerPortRequest(id=server_id, port_id=port_id)
    assert sdk.servers.detach_dev_server_port(detach).port_id == port_id
    assert sdk.servers.attach_dev_server_port(attach).port_id == port_id  # it is free again
