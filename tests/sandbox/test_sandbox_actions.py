"""Start, stop, reboot, changing the system, and many servers at once: docs/api/devserver-api.md sections 2.1 and 4."""

import pytest

from provisioner.sandbox import read_ledger

IMAGE = "0f6d5c3a-7b1e-4c55-9a37-6d2f8e1b4a90"
KEY = {"key_pair_name": "rescue"}


def batch(cloud, kind: str, *server_ids: str, **parameters):
    body = {"type": kind, "servers": [{"id": server_id} for server_id in server_ids]}
    return cloud.call(
        "POST", f"{cloud.SERVERS}/action", json=body | ({"extend_param": parameters} if parameters else {})
    )


class TestTheWayOfAServer:
    @pytest.mark.parametrize(
        ("action", "body", "via", "end"),
        [
            ("start", {}, "STARTING", "RUNNING"),
            ("changeos", {"image_id": IMAGE, **KEY}, "CHANGINGOS", "RUNNING"),
            ("reinstallos", KEY, "REINSTALLINGOS", "RUNNING"),
        ],
    )
    def test_from_stopped(self, cloud, action, body, via, end):
        server = cloud.stopped()
        assert cloud.act(server["id"], action, body).json()["status"] == via
        cloud.clock.advance(0.9)
        assert cloud.status(server["id"]) == via
        cloud.clock.advance(0.1)
        assert cloud.status(server["id"]) == end

    @pytest.mark.parametrize(
        ("action", "via", "end"), [("stop", "STOPPING", "STOPPED"), ("reboot", "REBOOTING", "RUNNING")]
    )
    def test_from_running(self, cloud, action, via, end):
        server = cloud.running()
        assert cloud.act(server["id"], action).json()["status"] == via
        cloud.clock.advance(1)
        shown = cloud.show(server["id"]).json()
        assert (shown["status"], shown["update_at"]) == (end, cloud.clock.now())

    @pytest.mark.parametrize(
        ("action", "body"), [("start", {}), ("changeos", {"image_id": IMAGE, **KEY}), ("reinstallos", KEY)]
    )
    def test_what_needs_a_stopped_server_fails_on_a_running_one(self, cloud, refusal, action, body):
        server = cloud.running()
        assert refusal(cloud.act(server["id"], action, body)) == (400, "ModelArts.7000")
        assert cloud.status(server["id"]) == "RUNNING"

    @pytest.mark.parametrize("action", ["stop", "reboot"])
    def test_what_needs_a_running_server_fails_on_a_stopped_one(self, cloud, refusal, action):
        server = cloud.stopped()
        assert refusal(cloud.act(server["id"], action)) == (400, "ModelArts.7000")
        assert cloud.status(server["id"]) == "STOPPED"

    @pytest.mark.parametrize("action", ["start", "stop", "reboot"])
    def test_nothing_is_accepted_on_the_way(self, cloud, refusal, action):
        assert refusal(cloud.act(cloud.bought()["id"], action)) == (400, "ModelArts.7000")

    @pytest.mark.parametrize("action", ["start", "stop", "reboot"])
    def test_an_unknown_server_is_not_found(self, cloud, refusal, action):
        assert refusal(cloud.act("unknown", action)) == (400, "ModelArts.6404")

    def test_a_stopped_server_can_be_deleted(self, cloud):
        assert cloud.delete(cloud.stopped()["id"]).json()["status"] == "DELETING"


class TestWhatTheBodiesSay:
    @pytest.mark.parametrize("content", [b"", b"null", b"[]", b'{"unknown": 1}', b'{"arch": "x86"}', b'{"arch": null}'])
    def test_starting_needs_a_body(self, cloud, refusal, content):
        server = cloud.stopped()
        answer = cloud.call("PUT", f"{cloud.SERVERS}/{server['id']}/start", content=content)
        assert refusal(answer) == (400, "ModelArts.0104")
        assert cloud.status(server["id"]) == "STOPPED"

    def test_starting_takes_what_is_optional(self, cloud):
        body = {"arch": "X86", "charging_mode": "POST_PAID", "server_type": "ECS"}
        assert cloud.act(cloud.stopped()["id"], "start", body).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"image_id": IMAGE},
            KEY,
            {"image_id": IMAGE, **KEY, "admin_pass": "@DevServer"},
            {"image_id": "no uuid", **KEY},
            {"image_id": IMAGE, "admin_pass": "weak"},
            {"image_id": IMAGE, **KEY, "user_data": "not base64!"},
            {"image_id": IMAGE, **KEY, "userdata": "not base64!"},
            {"image_id": IMAGE, **KEY, "userdata": "aGk=", "user_data": "aGk="},
        ],
        ids=str,
    )
    def test_changing_the_system_has_rules(self, cloud, refusal, body):
        server = cloud.stopped()
        assert refusal(cloud.act(server["id"], "changeos", body)) == (400, "ModelArts.0104")
        assert cloud.status(server["id"]) == "STOPPED"

    @pytest.mark.parametrize(
        "body", [{}, {"image_id": IMAGE}, {**KEY, "admin_pass": "@DevServer"}, {"key_pair_name": ""}]
    )
    def test_reinstalling_has_rules(self, cloud, refusal, body):
        assert refusal(cloud.act(cloud.stopped()["id"], "reinstallos", body)) == (400, "ModelArts.0104")

    def test_another_system_shows_in_the_server(self, cloud):
        server = cloud.stopped()
        changed = cloud.act(server["id"], "changeos", {"image_id": IMAGE.upper(), **KEY}).json()
        assert (changed["image"]["image_id"], changed["image"]["name"]) == (IMAGE, "EulerOS2.10_aarch64_NPU")
        assert changed["key_pair_name"] == "rescue"

    def test_a_password_takes_the_place_of_the_key_pair(self, cloud):
        answer = cloud.act(cloud.stopped()["id"], "reinstallos", {"admin_pass": "@DevServer"})
        assert "key_pair_name" not in answer.json()
        assert "@DevServer" not in answer.text

    def test_reinstalling_keeps_the_image(self, cloud):
        server = cloud.stopped()
        assert cloud.act(server["id"], "reinstallos", KEY).json()["image"] == server["image"]


class TestFailing:
    """Flavors whose servers never get where they are sent."""

    def test_a_start_that_fails_can_be_tried_again(self, cloud):
        server = cloud.stopped(flavor="sandbox.start-fails")
        for _ in range(2):
            assert cloud.act(server["id"], "start").status_code == 200
            cloud.clock.advance(1)
            assert cloud.status(server["id"]) == "START_FAILED"

    def test_a_stop_that_fails_can_be_tried_again_or_undone(self, cloud):
        server = cloud.running(flavor="sandbox.stop-fails")
        for action in ("stop", "stop"):
            assert cloud.act(server["id"], action).status_code == 200
            cloud.clock.advance(1)
            assert cloud.status(server["id"]) == "STOP_FAILED"
        cloud.act(server["id"], "start")
        cloud.clock.advance(1)
        assert cloud.status(server["id"]) == "RUNNING"

    def test_a_failed_reboot_leaves_only_deletion(self, cloud, refusal):
        server = cloud.running(flavor="sandbox.reboot-fails")
        cloud.act(server["id"], "reboot")
        cloud.clock.advance(1)
        assert cloud.status(server["id"]) == "REBOOT_FAILED"
        assert refusal(cloud.act(server["id"], "reboot")) == (400, "ModelArts.7000")
        assert cloud.delete(server["id"]).status_code == 200

    @pytest.mark.parametrize(
        ("action", "body", "end"),
        [
            ("changeos", {"image_id": IMAGE, **KEY}, "CHANGINGOS_FAILED"),
            ("reinstallos", KEY, "REINSTALLINGOS_FAILED"),
        ],
    )
    def test_a_system_that_cannot_be_installed(self, cloud, action, body, end):
        server = cloud.stopped(flavor="sandbox.os-fails")
        cloud.act(server["id"], action, body)
        cloud.clock.advance(1)
        assert cloud.status(server["id"]) == end


class TestBatch:
    def test_every_server_as_in_the_single_call(self, cloud):
        ids = [cloud.running(name=name)["id"] for name in ("one", "two")]
        page = batch(cloud, "STOP", *ids).json()
        assert [(server["id"], server["status"]) for server in page["data"]] == [(each, "STOPPING") for each in ids]
        assert (page["total"], page["current"], page["pages"], page["size"]) == (2, 1, 1, 2)

    def test_what_refuses_keeps_its_state_and_what_is_unknown_is_left_out(self, cloud):
        running, stopped = cloud.running()["id"], cloud.stopped()["id"]
        page = batch(cloud, "STOP", stopped, "unknown", running).json()
        assert [server["status"] for server in page["data"]] == ["STOPPED", "STOPPING"]

    def test_it_is_refused_when_every_server_refuses(self, cloud, refusal):
        assert refusal(batch(cloud, "START", cloud.running()["id"], "unknown")) == (400, "ModelArts.7000")

    def test_the_same_server_twice_is_one(self, cloud):
        server_id = cloud.running()["id"]
        assert batch(cloud, "REBOOT", server_id, server_id).json()["total"] == 1

    @pytest.mark.parametrize(("kind", "via"), [("CHANGEOS", "CHANGINGOS"), ("REINSTALLOS", "REINSTALLINGOS")])
    def test_a_new_system_for_all(self, cloud, kind, via):
        server = cloud.stopped()
        (changed,) = batch(cloud, kind, server["id"], image_id=IMAGE, **KEY).json()["data"]
        assert (changed["status"], changed["key_pair_name"]) == (via, "rescue")

    @pytest.mark.parametrize("kind", ["CHANGEOS", "REINSTALLOS"])
    def test_a_new_system_needs_its_parameters(self, cloud, refusal, kind):
        server_id = cloud.stopped()["id"]
        assert refusal(batch(cloud, kind, server_id)) == (400, "ModelArts.0104")
        assert cloud.status(server_id) == "STOPPED"

    def test_deleting_leaves_prepaid_servers_alone(self, cloud, prepaid):
        usage, subscribed = cloud.running()["id"], cloud.running(charging_info=prepaid)["id"]
        page = batch(cloud, "DELETE", usage, subscribed).json()
        assert [server["status"] for server in page["data"]] == ["DELETING", "RUNNING"]

    @pytest.mark.parametrize("with_another", [True, False])
    def test_a_refused_deletion_is_a_refusal_in_the_ledger(self, lasting_cloud, world, prepaid, with_another):
        subscribed = lasting_cloud.running(charging_info=prepaid)["id"]
        others = [lasting_cloud.running()["id"]] if with_another else []
        batch(lasting_cloud, "DELETE", subscribed, *others)
        kinds = {entry.server_id: entry.kind for entry in read_ledger(world)}
        assert kinds == {None: "payment", subscribed: "refusal"} | dict.fromkeys(others, "release")

    def test_nothing_is_done_when_its_parameters_are_wrong(self, cloud):
        ids = [cloud.stopped()["id"] for _ in range(2)]
        assert batch(cloud, "REINSTALLOS", *ids, key_pair_name="ok", admin_pass="@DevServer").status_code == 400
        assert [cloud.status(each) for each in ids] == ["STOPPED", "STOPPED"]

    @pytest.mark.parametrize(
        "body",
        [{}, {"type": "EXPLODE", "servers": [{"id": "x"}]}, {"type": "STOP", "servers": []}, {"type": "STOP"}],
        ids=str,
    )
    def test_a_request_outside_the_rules_is_refused(self, cloud, refusal, body):
        assert refusal(cloud.call("POST", f"{cloud.SERVERS}/action", json=body)) == (400, "ModelArts.0104")


def test_sync_answers_as_the_list_does(cloud):
    for name in ("one", "two", "three"):
        cloud.running(name=name)
    query = {"limit": 2, "offset": 1, "sort_dir": "DESC"}
    assert cloud.call("PUT", f"{cloud.SERVERS}/sync", params=query).json() == cloud.servers(**query)
