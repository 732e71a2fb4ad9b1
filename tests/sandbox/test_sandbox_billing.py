"""Orders, subscriptions and unsubscribing: docs/api/devserver-api.md sections 2.3 and 8."""

import pytest

ORDERS = "/v2/orders/customer-orders"


def test_an_order_paid_automatically_completes_by_itself(cloud, prepaid):
    order_id = cloud.bought(charging_info=prepaid)["order_id"]
    assert cloud.order(order_id)["status"] == 3
    cloud.clock.advance(1)
    assert cloud.order(order_id)["status"] == 5


def test_an_order_completes_though_its_server_fails(cloud, prepaid):
    server = cloud.running(flavor="sandbox.fails", charging_info=prepaid)
    assert cloud.order(server["order_id"])["status"] == 5
    assert server["status"] == "CREATE_FAILED"


def test_an_order_tells_its_period_and_its_price(cloud, prepaid):
    order_id = cloud.bought(count=2, charging_info=prepaid)["order_id"]
    detail = cloud.call("GET", f"{ORDERS}/details/{order_id}").json()
    (line,) = detail["order_line_items"]
    assert (line["period_type"], line["period_num"], line["subscription_num"]) == (2, 1, 2)
    assert detail["order_info"]["currency"] == "CNY"
    assert detail["order_info"]["official_amount"] == 1226.40
    assert detail["order_info"]["create_time"] == "2026-01-02T03:04:05Z"


def test_an_unknown_order_is_refused(cloud):
    answer = cloud.call("GET", f"{ORDERS}/details/CS0000000000NONE")
    assert answer.status_code == 400
    assert answer.json()["error_code"].startswith("CBC.")


class TestOrderList:
    @pytest.fixture
    def order_ids(self, cloud, prepaid) -> list[str]:
        """Three orders, a minute apart; the last is not paid."""
        ids = []
        for paid in (True, True, False):
            ids.append(cloud.bought(charging_info=prepaid | {"is_auto_pay": paid})["order_id"])
            cloud.clock.advance(60)
        return ids

    @staticmethod
    def listed(cloud, **query) -> list[str]:
        return [order["order_id"] for order in cloud.call("GET", ORDERS, params=query).json()["order_infos"]]

    def test_in_either_direction(self, cloud, order_ids):
        assert self.listed(cloud, order_by="createTime") == order_ids
        assert self.listed(cloud, order_by="-createTime") == order_ids[::-1]

    def test_by_id_status_and_time(self, cloud, order_ids):
        assert self.listed(cloud, order_id=order_ids[1]) == [order_ids[1]]
        assert self.listed(cloud, status=6) == [order_ids[2]]
        window = {"create_time_begin": "2026-01-02T03:04:30Z", "create_time_end": "2026-01-02T03:05:30Z"}
        assert self.listed(cloud, **window) == [order_ids[1]]

    def test_in_pages(self, cloud, order_ids):
        page = cloud.call("GET", ORDERS, params={"limit": 2, "offset": 2, "order_by": "createTime"}).json()
        assert page["total_count"] == 3
        assert [order["order_id"] for order in page["order_infos"]] == order_ids[2:]

    @pytest.mark.parametrize(
        "query",
        [
            {"status": 7},
            {"limit": 0},
            {"create_time_begin": "yesterday"},
            {"create_time_begin": "2024-01-01T00:00:00Z", "create_time_end": "2026-01-01T00:00:00Z"},
            {"order_by": "name"},
        ],
        ids=str,
    )
    def test_a_query_outside_the_rules_is_refused(self, cloud, query):
        answer = cloud.call("GET", ORDERS, params=query)
        assert answer.status_code == 400
        assert answer.json()["error_code"] == "CBC.0100"


class TestSubscriptions:
    def test_a_prepaid_server_is_subscribed_to_once_it_is_built(self, cloud, prepaid):
        server = cloud.bought(charging_info=prepaid | {"is_auto_renew": True})
        assert cloud.subscriptions(resource_ids=[server["id"]]) == {"data": [], "total_count": 0}
        cloud.clock.advance(60)
        (subscription,) = cloud.subscriptions(resource_ids=[server["id"]])["data"]
        assert subscription["resource_id"] == server["id"]
        assert subscription["status"] == 2
        assert subscription["expire_policy"] == 3
        assert subscription["expire_time"] == "2026-02-01T13:04:05Z"

    def test_pay_per_use_and_failed_servers_have_none(self, cloud, prepaid):
        ids = [cloud.running()["id"], cloud.running(flavor="sandbox.fails", charging_info=prepaid)["id"], "unknown"]
        assert cloud.subscriptions(resource_ids=ids)["total_count"] == 0

    def test_by_order_and_in_pages(self, cloud, prepaid):
        order_id = cloud.running(count=3, charging_info=prepaid)["order_id"]
        cloud.running(charging_info=prepaid)
        page = cloud.subscriptions(order_id=order_id, limit=2, offset=2)
        assert page["total_count"] == 3
        assert len(page["data"]) == 1
        assert cloud.subscriptions()["total_count"] == 4

    def test_a_closed_one_is_shown_only_on_request(self, cloud, prepaid):
        server = cloud.running(charging_info=prepaid)
        cloud.unsubscribe(server["id"])
        assert cloud.subscriptions(resource_ids=[server["id"]])["total_count"] == 0
        (closed,) = cloud.subscriptions(resource_ids=[server["id"]], status_list=[3])["data"]
        assert closed["status"] == 3

    @pytest.mark.parametrize(
        "body", [{"resource_ids": "one"}, {"resource_ids": ["x"] * 51}, {"status_list": [9]}, []], ids=str
    )
    def test_a_question_outside_the_rules_is_refused(self, cloud, body):
        answer = cloud.call("POST", "/v2/orders/suscriptions/resources/query", json=body)
        assert answer.status_code == 400


class TestUnsubscribing:
    def test_it_ends_the_whole_order(self, cloud, prepaid):
        cloud.running(count=3, charging_info=prepaid)
        other = cloud.running(name="other", charging_info=prepaid)
        server = cloud.servers()["data"][1]
        answer = cloud.unsubscribe(server["id"])
        assert answer.status_code == 200
        (ending,) = answer.json()["order_ids"]
        cloud.clock.advance(1)
        assert [left["id"] for left in cloud.servers()["data"]] == [other["id"]]
        assert cloud.order(ending)["order_type"] == 4
        assert cloud.order(ending)["status"] == 5

    def test_two_servers_of_one_order_end_it_once(self, cloud, prepaid):
        cloud.running(count=2, charging_info=prepaid)
        answer = cloud.unsubscribe(*(server["id"] for server in cloud.servers()["data"]))
        assert len(answer.json()["order_ids"]) == 1
        assert answer.json()["fail_resource_infos"] == []

    def test_what_cannot_be_unsubscribed_is_named_beside_what_could(self, cloud, prepaid):
        server = cloud.running(charging_info=prepaid)
        answer = cloud.unsubscribe("unknown", server["id"]).json()
        assert [failure["error_code"] for failure in answer["fail_resource_infos"]] == ["CBC.99003012"]
        assert cloud.show(server["id"]).json()["status"] == "DELETING"

    def test_a_pay_per_use_server_is_unknown_to_billing(self, cloud):
        answer = cloud.unsubscribe(cloud.running()["id"])
        assert (answer.status_code, answer.json()["error_code"]) == (400, "CBC.99003012")

    def test_a_server_still_being_built_is_not_yet_known(self, cloud, prepaid):
        answer = cloud.unsubscribe(cloud.bought(charging_info=prepaid)["id"])
        assert (answer.status_code, answer.json()["error_code"]) == (400, "CBC.30000067")

    def test_a_server_already_released_is_gone(self, cloud, prepaid):
        server = cloud.running(charging_info=prepaid)
        cloud.unsubscribe(server["id"])
        cloud.clock.advance(60)
        answer = cloud.unsubscribe(server["id"])
        assert (answer.status_code, answer.json()["error_code"]) == (400, "CBC.30000067")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"resource_ids": [], "unsubscribe_type": 1},
            {"resource_ids": ["x"] * 11, "unsubscribe_type": 1},
            {"resource_ids": ["x"], "unsubscribe_type": 3},
            {"resource_ids": ["x"], "unsubscribe_type": 2},
            {"resource_ids": [7], "unsubscribe_type": 1},
        ],
        ids=str,
    )
    def test_a_request_outside_the_rules_is_refused(self, cloud, body):
        answer = cloud.call("POST", "/v2/orders/subscriptions/resources/unsubscribe", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "CBC.0100")
