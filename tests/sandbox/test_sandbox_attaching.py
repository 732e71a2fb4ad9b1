"""Disks, public addresses and ports: docs/api/devserver-api.md section 2.4."""

import pytest

DISK = "5f8b3c1e-2a4d-4e6f-8a9b-0c1d2e3f4a5b"


def attach(cloud, server_id: str, volume_id: str = DISK):
    return cloud.call("POST", f"{cloud.SERVERS}/{server_id}/attachvolume", json={"volume_id": volume_id})


def detach(cloud, server_id: str, volume_id: str = DISK):
    return cloud.call("DELETE", f"{cloud.SERVERS}/{server_id}/detachvolume/{volume_id}")


def operation(cloud, server_id: str, begun) -> dict:
    path = f"{cloud.SERVERS}/{server_id}/operation/{begun.json()['operation_id']}"
    return cloud.call("GET", path).json()


def disks(cloud, server_id: str) -> list[str]:
    return [disk["evs_id"] for disk in cloud.show(server_id).json()["volumes"]]


def bind(cloud, server_id: str, address_id: str = "eip-1"):
    return cloud.call("POST", f"{cloud.SERVERS}/{server_id}/publicips", json={"public_ip_id": address_id})


class TestDisks:
    def test_an_operation_runs_and_succeeds_and_then_the_disk_is_there(self, cloud):
        server_id = cloud.running()["id"]
        begun = attach(cloud, server_id)
        assert (begun.json()["operation_status"], begun.json()["operation_type"]) == ("pending", "node_attach_volume")
        cloud.clock.advance(0.5)
        assert operation(cloud, server_id, begun)["operation_status"] == "running"
        assert disks(cloud, server_id) == []
        cloud.clock.advance(0.5)
        assert operation(cloud, server_id, begun)["operation_status"] == "success"
        assert disks(cloud, server_id) == [DISK]

    def test_a_disk_is_detached_and_may_be_attached_elsewhere(self, cloud):
        first, second = cloud.running()["id"], cloud.stopped()["id"]
        attach(cloud, first)
        cloud.clock.advance(1)
        detach(cloud, first, DISK.upper())
        cloud.clock.advance(1)
        assert disks(cloud, first) == []
        assert attach(cloud, second).status_code == 200

    @pytest.mark.parametrize("seconds", [0, 60])
    def test_a_disk_is_of_one_server_at_a_time(self, cloud, refusal, seconds):
        first, second = cloud.running()["id"], cloud.running()["id"]
        attach(cloud, first)
        cloud.clock.advance(seconds)
        assert refusal(attach(cloud, second)) == (400, "ModelArts.7000")

    def test_a_disk_bought_with_the_server_can_be_detached_but_the_system_cannot(self, cloud, refusal):
        server = cloud.running(root_volume={"size": 100}, data_volume={"type": "SSD", "size": 100, "count": 1})
        system, data = disks(cloud, server["id"])
        assert refusal(detach(cloud, server["id"], system)) == (400, "ModelArts.7000")
        assert detach(cloud, server["id"], data).status_code == 200

    def test_bare_metal_lets_no_disk_go(self, cloud):
        answer = detach(cloud, cloud.running(server_type="BMS")["id"])
        assert answer.json()["error_msg"].endswith("type is BMS, does not support detach volume device.")

    def test_a_disk_that_is_not_there_cannot_be_detached(self, cloud, refusal):
        assert refusal(detach(cloud, cloud.running()["id"])) == (400, "ModelArts.7000")

    def test_a_server_on_its_way_takes_no_disk(self, cloud, refusal):
        assert refusal(attach(cloud, cloud.bought()["id"])) == (400, "ModelArts.7000")

    @pytest.mark.parametrize("body", [{}, {"volume_id": "no uuid"}, {"volume_id": DISK, "device": "/dev/sdb"}])
    def test_a_request_outside_the_rules_is_refused(self, cloud, refusal, body):
        answer = cloud.call("POST", f"{cloud.SERVERS}/{cloud.running()['id']}/attachvolume", json=body)
        assert refusal(answer) == (400, "ModelArts.0104")

    def test_an_operation_is_its_servers_own(self, cloud, refusal):
        first, second = cloud.running()["id"], cloud.running()["id"]
        path = f"{cloud.SERVERS}/{second}/operation/{attach(cloud, first).json()['operation_id']}"
        assert refusal(cloud.call("GET", path)) == (400, "ModelArts.6404")


class TestAddresses:
    def test_an_address_is_bound_shown_and_unbound(self, cloud):
        server_id = cloud.running()["id"]
        path = f"{cloud.SERVERS}/{server_id}/publicips"
        assert cloud.call("GET", path).json() == {"public_ips": []}
        bound = bind(cloud, server_id).json()
        assert bound == cloud.call("GET", path).json()
        assert [address["id"] for address in bound["public_ips"]] == ["eip-1"]
        assert bound["public_ips"][0]["address"].startswith("203.0.113.")
        gone = cloud.call("DELETE", f"{path}/eip-1")
        assert (gone.status_code, gone.content) == (200, b"")
        assert cloud.call("GET", path).json() == {"public_ips": []}

    def test_it_takes_a_running_server(self, cloud, refusal):
        assert refusal(bind(cloud, cloud.stopped()["id"])) == (400, "ModelArts.7000")

    def test_an_address_is_of_one_server_until_that_is_deleted(self, cloud, refusal):
        first, second = cloud.running()["id"], cloud.running()["id"]
        bind(cloud, first)
        assert refusal(bind(cloud, second)) == (400, "ModelArts.7000")
        cloud.delete(first)
        assert bind(cloud, second).status_code == 200

    def test_what_is_not_bound_cannot_be_unbound(self, cloud, refusal):
        first, second = cloud.running()["id"], cloud.running()["id"]
        bind(cloud, first)
        assert refusal(cloud.call("DELETE", f"{cloud.SERVERS}/{second}/publicips/eip-1")) == (400, "ModelArts.7000")

    @pytest.mark.parametrize("body", [{}, {"public_ip_id": ""}, {"public_ip_id": "x" * 65}], ids=str)
    def test_a_request_outside_the_rules_is_refused(self, cloud, refusal, body):
        answer = cloud.call("POST", f"{cloud.SERVERS}/{cloud.running()['id']}/publicips", json=body)
        assert refusal(answer) == (400, "ModelArts.0104")


class TestPorts:
    @staticmethod
    def attach(cloud, server_id: str, **body):
        return cloud.call("POST", f"{cloud.SERVERS}/{server_id}/attach-ports", json=body)

    def test_a_port_that_exists(self, cloud, refusal):
        server_id = cloud.running()["id"]
        port = self.attach(cloud, server_id, port_id="port-1").json()
        assert (port["port_id"], port["port_state"]) == ("port-1", "ACTIVE")
        assert port["mac_addr"].startswith("fa:16:3e:")
        assert refusal(self.attach(cloud, server_id, port_id="port-1")) == (400, "ModelArts.7000")
        gone = cloud.call("DELETE", f"{cloud.SERVERS}/{server_id}/detach-ports/port-1")
        assert gone.json() == {"port_id": "port-1"}
        assert cloud.call("DELETE", f"{cloud.SERVERS}/{server_id}/detach-ports/port-1").status_code == 400

    def test_a_new_port_in_a_network(self, cloud):
        body = {"network_id": "net-1", "name": "storage", "ip_address": "192.168.9.9", "security_groups": ["sg"]}
        port = self.attach(cloud, cloud.running()["id"], **body, enable_efi=False).json()
        assert (port["virsubnet_id"], len(port["port_id"])) == ("net-1", 36)

    @pytest.mark.parametrize("body", [{}, {"port_id": "a", "network_id": "b"}, {"name": "c"}], ids=str)
    def test_a_request_outside_the_rules_is_refused(self, cloud, refusal, body):
        assert refusal(self.attach(cloud, cloud.running()["id"], **body)) == (400, "ModelArts.0104")
