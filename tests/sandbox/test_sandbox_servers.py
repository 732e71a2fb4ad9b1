"""Showing, listing, renaming and deleting servers, and what time does to them: docs/api/devserver-api.md sections 2 and 4."""

import itertools

import pytest

RESERVED = ["sync", "action", "jobs", "flavors", "images", "networks", "hyper-clusters", "hyperinstance"]


def test_a_server_runs_once_it_is_built(cloud):
    server_id = cloud.bought(
        root_volume={"type": "SSD", "size": 200}, data_volume={"type": "SAS", "size": 500, "count": 2}
    )["id"]
    cloud.clock.advance(1.9)
    assert cloud.show(server_id).json()["status"] == "CREATING"
    cloud.clock.advance(0.1)
    server = cloud.show(server_id).json()
    assert server["status"] == "RUNNING"
    assert server["endpoints"][0]["uri"].startswith("192.168.")
    assert server["cloud_server"]["id"] != server_id
    assert [(disk["type"], disk["size"]) for disk in server["volumes"]] == [("ROOT", 200), ("DATA", 500), ("DATA", 500)]
    assert server["update_at"] == server["create_at"] + 2000


def test_building_takes_no_time_when_told_so(open_cloud):
    cloud = open_cloud(build_seconds=0)
    assert cloud.show(cloud.bought()["id"]).json()["status"] == "RUNNING"


def test_a_failing_flavor_leaves_a_server_behind_that_can_be_deleted(cloud):
    server = cloud.running(flavor="sandbox.fails")
    assert server["status"] == "CREATE_FAILED"
    assert "endpoints" not in server
    assert cloud.delete(server["id"]).json()["status"] == "DELETING"


def test_any_flavor_can_be_made_to_fail(open_cloud):
    assert open_cloud(failing_flavors=["Si2.large.4"]).running()["status"] == "CREATE_FAILED"


def test_a_deleted_server_goes_away(cloud):
    server_id = cloud.running()["id"]
    assert cloud.delete(server_id).json()["status"] == "DELETING"
    assert cloud.servers()["total"] == 1
    cloud.clock.advance(1)
    assert cloud.show(server_id).json()["error_code"] == "ModelArts.6404"
    assert cloud.servers() == {"current": 1, "data": [], "pages": 0, "size": 10, "total": 0}
    assert cloud.delete(server_id).json()["error_code"] == "ModelArts.6404"


def test_a_server_on_its_way_cannot_be_deleted(cloud):
    server_id = cloud.bought()["id"]
    assert cloud.delete(server_id).status_code == 400
    cloud.clock.advance(60)
    cloud.delete(server_id)
    assert cloud.delete(server_id).status_code == 400


def test_a_prepaid_server_is_not_for_deleting(cloud, prepaid):
    server = cloud.running(charging_info=prepaid)
    answer = cloud.delete(server["id"])
    assert answer.status_code == 400
    assert cloud.show(server["id"]).json()["status"] == "RUNNING"


def test_a_prepaid_server_that_failed_can_be_deleted(cloud, prepaid):
    server = cloud.running(flavor="sandbox.fails", charging_info=prepaid)
    assert cloud.delete(server["id"]).json()["status"] == "DELETING"


@pytest.mark.parametrize("server_id", ["62383738-e52a-450a-9f84-f9e705402be8", "x", "é", "%00", "a" * 200])
def test_an_unknown_server_is_not_found_with_400(cloud, server_id):
    answer = cloud.show(server_id)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "ModelArts.6404"


def test_the_id_of_the_machine_beneath_is_not_a_servers_id(cloud):
    server = cloud.running()
    assert cloud.show(server["cloud_server"]["id"]).json()["error_code"] == "ModelArts.6404"


def test_renaming_changes_the_name_at_once_and_nothing_else(cloud):
    server = cloud.running(name="before")
    cloud.clock.advance(5)
    renamed = cloud.call("PUT", f"{cloud.SERVERS}/{server['id']}", json={"name": "after"}).json()
    assert renamed == {**server, "name": "after", "update_at": cloud.clock.now()}
    assert cloud.show(server["id"]).json() == renamed


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a b"}, {"name": None}, {"name": "ok", "flavor": "other"}, []]
)
def test_renaming_needs_a_name_and_nothing_more(cloud, body):
    server = cloud.running()
    assert cloud.call("PUT", f"{cloud.SERVERS}/{server['id']}", json=body).status_code == 400


@pytest.mark.parametrize("word", RESERVED)
def test_a_word_of_the_api_is_never_taken_for_a_server(cloud, word):
    answer = cloud.call("DELETE", f"{cloud.SERVERS}/{word}")
    assert answer.status_code == 404
    assert answer.json()["error_code"] == "APIG.0101"


class TestListing:
    @pytest.fixture
    def names(self, cloud) -> list[str]:
        names = [f"server-{number:02}" for number in range(12)]
        for name in names:
            cloud.bought(name=name)
            cloud.clock.advance(0.001)
        return names

    @staticmethod
    def listed(page) -> list[str]:
        return [server["name"] for server in page["data"]]

    def test_a_page_holds_ten_unless_told_otherwise(self, cloud, names):
        page = cloud.servers()
        assert self.listed(page) == names[:10]
        assert (page["total"], page["size"], page["pages"], page["current"]) == (12, 10, 2, 1)

    def test_offset_counts_records(self, cloud, names):
        assert self.listed(cloud.servers(limit=5, offset=3)) == names[3:8]
        assert self.listed(cloud.servers(limit=5, offset=12)) == []

    def test_newest_first(self, cloud, names):
        assert self.listed(cloud.servers(sort_dir="DESC", limit=1024)) == names[::-1]

    def test_by_last_change(self, cloud, names):
        first = cloud.servers(limit=1)["data"][0]
        cloud.clock.advance(60)
        cloud.call("PUT", f"{cloud.SERVERS}/{first['id']}", json={"name": "changed"})
        assert self.listed(cloud.servers(sort_key="updateTime", sort_dir="DESC"))[0] == "changed"

    def test_all_pages_like_the_list(self, cloud, names):
        page = cloud.call("GET", f"{cloud.SERVERS}/all", params={"limit": 5, "offset": 10}).json()
        assert self.listed(page) == names[10:]
        assert page["total"] == 12

    def test_another_users_list_is_another(self, cloud, names):
        assert cloud.servers(owner="somebody-else")["total"] == 0
        refused = cloud.call("GET", f"{cloud.SERVERS}/all", params={"owner": "somebody-else"})
        assert refused.json()["error_code"] == "ModelArts.0104", "all knows no owner, and must not seem to"

    def test_servers_of_one_millisecond_keep_their_order_across_pages(self, cloud):
        for number in range(7):
            cloud.bought(name=f"twin-{number}")
        pages = [self.listed(cloud.servers(limit=2, offset=offset)) for offset in range(0, 7, 2)]
        assert list(itertools.chain(*pages)) == [f"twin-{number}" for number in range(7)]

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": 1025}, {"limit": -1}, {"limit": "ten"}, {"limit": ""}, {"offset": -1}, {"offset": 2**31},
            {"sort_key": "name"}, {"sort_dir": "asc"}, {"owner": "UPPER"},
        ],
        ids=str,
    )  # fmt: skip
    def test_a_query_outside_the_rules_is_refused(self, cloud, query):
        answer = cloud.call("GET", cloud.SERVERS, params=query)
        assert answer.status_code == 400
        assert answer.json()["error_code"] == "ModelArts.0104"
