"""Paying and cancelling orders, and asking for prices: docs/api/devserver-api.md section 8."""

import pytest

from provisioner.sandbox import PUBLIC, read_ledger

PAY = "/v3/orders/customer-orders/pay"
CANCEL = "/v2/orders/customer-orders/cancel"
MONTH = 613.20
PRODUCT = {
    "id": "1",
    "cloud_service_type": "hws.service.type.modelarts",
    "resource_type": "hws.resource.type.devserver",
    "resource_spec": "Si2.large.4",
    "region": "cn-north-4",
    "subscription_num": 2,
}
PERIOD = {**PRODUCT, "period_type": 2, "period_num": 1}
USAGE = {**PRODUCT, "usage_factor": "Duration", "usage_value": 1.5, "usage_measure_id": 4}


@pytest.fixture
def unpaid(prepaid) -> dict:
    return prepaid | {"is_auto_pay": False}


def pay(cloud, order_id: str, path: str = PAY, changes: dict | None = None):
    body = {"order_id": order_id, "use_coupon": "NO", "use_discount": "NO"} | (changes or {})
    return cloud.call("POST", path, json=body)


def cancel(cloud, order_id: str):
    return cloud.call("PUT", CANCEL, json={"order_id": order_id})


class TestPaying:
    @pytest.mark.parametrize("path", [PAY, "/v2/orders/customer-orders/pay"])
    def test_a_paid_order_builds_what_it_ordered(self, cloud, unpaid, path):
        order_id = cloud.bought(
            name="later", count=2, data_volume={"type": "SAS", "size": 500, "count": 1}, charging_info=unpaid
        )["order_id"]
        cloud.clock.advance(3600)
        answer = pay(cloud, order_id, path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert cloud.order(order_id)["status"] == 3
        cloud.clock.advance(60)
        assert cloud.order(order_id)["status"] == 5
        servers = cloud.servers()["data"]
        assert {(each["name"], each["status"], each["order_id"]) for each in servers} == {
            ("later", "RUNNING", order_id)
        }
        assert [[disk["size"] for disk in each["volumes"]] for each in servers] == [[500], [500]]

    def test_the_term_begins_with_the_payment(self, cloud, unpaid):
        order_id = cloud.bought(charging_info=unpaid)["order_id"]
        cloud.clock.advance(3600)
        pay(cloud, order_id)
        cloud.clock.advance(60)
        (subscription,) = cloud.subscriptions(order_id=order_id)["data"]
        assert subscription["effective_time"] == "2026-01-02T04:04:05Z"
        assert cloud.order(order_id)["payment_time"] == "2026-01-02T04:04:05Z"

    def test_the_ledger_has_one_purchase_a_server_and_one_payment(self, lasting_cloud, world, unpaid):
        order_id = lasting_cloud.bought(count=2, charging_info=unpaid)["order_id"]
        pay(lasting_cloud, order_id)
        entries = read_ledger(world)
        assert [(entry.kind, entry.amount) for entry in entries] == [
            ("purchase", 61320), ("purchase", 61320), ("payment", 122640),
        ]  # fmt: skip
        assert {entry.order_id for entry in entries} == {order_id}

    def test_no_order_is_paid_twice(self, cloud, refusal, unpaid):
        order_id = cloud.bought(charging_info=unpaid)["order_id"]
        pay(cloud, order_id)
        assert refusal(pay(cloud, order_id)) == (400, "CBC.0100")
        assert cloud.servers()["total"] == 1

    def test_an_order_can_outlive_the_process_that_took_it(self, world, open_cloud, unpaid):
        order_id = open_cloud(world).bought(name="kept", charging_info=unpaid)["order_id"]
        later = open_cloud(world)
        pay(later, order_id)
        assert [server["name"] for server in later.servers()["data"]] == ["kept"]

    def test_a_refused_payment_is_a_refusal(self, lasting_cloud, world):
        pay(lasting_cloud, "CS0000000000NONE")
        assert [entry.kind for entry in read_ledger(world)] == ["refusal"]

    def test_an_order_keeps_no_secret(self, lasting_cloud, world, unpaid):
        lasting_cloud.bought(
            key_pair_name=None, admin_pass="@DevServer9", userdata="c2VjcmV0LXRleHQ=", charging_info=unpaid
        )
        files = [each.read_bytes() for each in world.parent.iterdir()]
        assert not any(b"@DevServer9" in content or b"c2VjcmV0LXRleHQ" in content for content in files)

    @pytest.mark.parametrize(
        "changes",
        [
            {"use_coupon": "YES", "coupon_infos": [{"id": "c", "type": 300}]},
            {"use_discount": "YES", "discount_infos": [{"id": "d", "type": 2}]},
            {"coupon_infos": [{"id": "c", "type": 300}]},
            {"discount_infos": [{"id": "d", "type": 2}]},
            {"use_coupon": "MAYBE"},
            {"order_id": ""},
            {"order_id": 7},
        ],
        ids=str,
    )
    def test_a_payment_outside_the_rules_is_refused(self, cloud, refusal, unpaid, changes):
        order_id = cloud.bought(charging_info=unpaid)["order_id"]
        assert refusal(pay(cloud, order_id, changes=changes)) == (400, "CBC.0100")
        assert cloud.order(order_id)["status"] == 6


class TestCancelling:
    def test_a_cancelled_order_is_never_built(self, cloud, refusal, unpaid):
        order_id = cloud.bought(charging_info=unpaid)["order_id"]
        answer = cancel(cloud, order_id)
        assert (answer.status_code, answer.content) == (204, b"")
        assert cloud.order(order_id)["status"] == 4
        assert refusal(pay(cloud, order_id)) == (400, "CBC.0100")
        assert refusal(cancel(cloud, order_id)) == (400, "CBC.99005010")

    def test_a_paid_order_cannot_be_cancelled(self, cloud, refusal, prepaid):
        assert refusal(cancel(cloud, cloud.bought(charging_info=prepaid)["order_id"])) == (400, "CBC.99005010")

    def test_an_unknown_order_is_refused(self, cloud, refusal):
        assert refusal(cancel(cloud, "CS0000000000NONE")) == (400, "CBC.0100")


class TestPrices:
    @staticmethod
    def rate(cloud, kind: str, *products: dict, project_id: str = PUBLIC.project_id, **more):
        path = {"period": "period-resources/subscribe-rate", "usage": "on-demand-resources"}[kind]
        body = {"project_id": project_id, "product_infos": list(products)} | more
        return cloud.call("POST", f"/v2/bills/ratings/{path}", json=body)

    def test_a_period_costs_what_a_purchase_of_it_costs(self, cloud, prepaid):
        answer = self.rate(cloud, "period", PERIOD, PERIOD | {"id": "2", "subscription_num": 1}).json()
        rating = answer["official_website_rating_result"]
        assert answer["currency"] == "CNY"
        assert rating["official_website_amount"] == pytest.approx(3 * MONTH)
        assert [(each["id"], each["official_website_amount"]) for each in rating["product_rating_results"]] == [
            ("1", 2 * MONTH), ("2", MONTH),
        ]  # fmt: skip
        assert cloud.order(cloud.bought(charging_info=prepaid)["order_id"])["official_amount"] == MONTH

    def test_a_usage_costs_its_hours(self, cloud):
        answer = self.rate(cloud, "usage", USAGE).json()
        assert (answer["amount"], answer["official_website_amount"], answer["discount_amount"]) == (4.2, 4.2, 0)

    def test_a_usage_can_be_rated_exactly(self, cloud):
        product = USAGE | {"usage_value": 0.0001}
        assert self.rate(cloud, "usage", product).json()["amount"] == 0
        assert self.rate(cloud, "usage", product, inquiry_precision=1).json()["amount"] == pytest.approx(0.00028)

    @pytest.mark.parametrize(
        ("kind", "product"),
        [
            ("period", PERIOD | {"period_type": 1}),
            ("period", PERIOD | {"period_num": 0}),
            ("period", PERIOD | {"subscription_num": "2"}),
            ("period", {"id": "1"}),
            ("usage", USAGE | {"usage_value": 0}),
            ("usage", USAGE | {"usage_factor": "Size"}),
        ],
        ids=str,
    )
    def test_a_question_outside_the_rules_is_refused(self, cloud, refusal, kind, product):
        assert refusal(self.rate(cloud, kind, product)) == (400, "CBC.0100")

    def test_another_accounts_project_is_refused(self, cloud, refusal):
        assert refusal(self.rate(cloud, "period", PERIOD, project_id="f" * 32)) == (400, "CBC.0100")
