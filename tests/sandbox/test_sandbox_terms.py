"""What becomes of a prepaid server with time: renewal, grace, frozen, released. docs/api/devserver-api.md sections 2.3, 8."""

import pytest

from provisioner.sandbox import read_ledger

DAY = 86_400
MONTH = 730 * 3600
ORDERS = "/v2/orders/customer-orders"


def renew(cloud, server_id: str, **options):
    return cloud.call("POST", f"/v2/orders/subscriptions/resources/autorenew/{server_id}", **options)


def stop_renewing(cloud, server_id: str):
    return cloud.call("DELETE", f"/v2/orders/subscriptions/resources/autorenew/{server_id}")


def advance(cloud, seconds: float) -> None:
    cloud.clock.advance(seconds)
    cloud.renew_tokens()


def subscription(cloud, server_id: str) -> dict:
    (found,) = cloud.subscriptions(resource_ids=[server_id], status_list=[2, 3, 4, 5])["data"]
    return found


class TestAutoRenewal:
    def test_it_is_switched_on_and_off(self, cloud, refusal, prepaid):
        server_id = cloud.running(charging_info=prepaid)["id"]
        answer = renew(cloud, server_id)
        assert (answer.status_code, answer.content) == (204, b"")
        assert subscription(cloud, server_id)["expire_policy"] == 3
        assert stop_renewing(cloud, server_id).status_code == 204
        assert subscription(cloud, server_id)["expire_policy"] == 0
        assert refusal(stop_renewing(cloud, server_id)) == (400, "CBC.99003605")

    @pytest.mark.parametrize(
        "body", [{}, {"auto_renew_times": 0}, {"auto_renew_times": None, "period_type": None}], ids=str
    )
    def test_without_a_number_of_times_it_has_no_end(self, cloud, prepaid, body):
        server_id = cloud.running(charging_info=prepaid)["id"]
        assert renew(cloud, server_id, json=body).status_code == 204
        advance(cloud, 5 * MONTH)
        assert subscription(cloud, server_id)["status"] == 2

    def test_it_ends_after_its_number_of_times(self, cloud, prepaid):
        server_id = cloud.running(charging_info=prepaid)["id"]
        renew(cloud, server_id, json={"auto_renew_times": 2})
        advance(cloud, 3 * MONTH - 120)
        last_term = subscription(cloud, server_id)
        assert (last_term["status"], last_term["expire_policy"]) == (2, 0)
        advance(cloud, 120)
        assert subscription(cloud, server_id)["status"] == 5

    def test_each_renewal_is_an_order_and_a_payment(self, lasting_cloud, world, prepaid):
        server = lasting_cloud.running(charging_info=prepaid | {"is_auto_renew": True})
        advance(lasting_cloud, 2 * MONTH)
        lasting_cloud.servers()
        renewals = lasting_cloud.call("GET", ORDERS, params={"order_type": 2}).json()
        assert renewals["total_count"] == 2
        payments = [entry for entry in read_ledger(world) if entry.kind == "payment"][1:]
        assert [(entry.server_id, entry.amount, entry.caller) for entry in payments] == [
            (server["id"], 61320, "billing")
        ] * 2
        assert {entry.order_id for entry in payments} == {order["order_id"] for order in renewals["order_infos"]}

    def test_a_period_of_its_own(self, cloud, prepaid):
        server_id = cloud.running(charging_info=prepaid)["id"]
        renew(cloud, server_id, json={"period_type": "YEAR"})
        advance(cloud, MONTH)
        assert subscription(cloud, server_id)["expire_time"].startswith("2027-02-01")

    @pytest.mark.parametrize(
        "body", [{"auto_renew_times": 100}, {"auto_renew_times": -1}, {"period_type": "DAY"}, []], ids=str
    )
    def test_a_request_outside_the_rules_is_refused(self, cloud, refusal, prepaid, body):
        assert refusal(renew(cloud, cloud.running(charging_info=prepaid)["id"], json=body)) == (400, "CBC.0100")

    @pytest.mark.parametrize("change", [renew, stop_renewing])
    def test_a_server_that_is_not_subscribed_to_is_unknown(self, cloud, refusal, change):
        assert refusal(change(cloud, cloud.running()["id"])) == (400, "CBC.99003012")

    @pytest.mark.parametrize("change", [renew, stop_renewing])
    def test_it_is_too_late_once_the_term_has_ended(self, cloud, refusal, prepaid, change):
        server_id = cloud.running(charging_info=prepaid)["id"]
        advance(cloud, MONTH)
        assert refusal(change(cloud, server_id)) == (400, "CBC.99003602")


class TestTheEndOfATerm:
    def test_grace_then_frozen_then_released(self, lasting_cloud, world, prepaid):
        cloud = lasting_cloud
        server_id = cloud.running(charging_info=prepaid)["id"]
        for seconds, status in ((MONTH - 61, 2), (61, 5), (15 * DAY, 4)):
            advance(cloud, seconds)
            assert subscription(cloud, server_id)["status"] == status
        advance(cloud, 15 * DAY)
        assert cloud.status(server_id) == "DELETING"
        advance(cloud, 1)
        assert cloud.show(server_id).json()["error_code"] == "ModelArts.6404"
        assert subscription(cloud, server_id)["status"] == 3
        last = read_ledger(world)[-1]
        assert (last.kind, last.server_id, last.caller) == ("release", server_id, "billing")

    @pytest.mark.parametrize("days", [0, 15])
    def test_neither_grace_nor_frozen_can_be_unsubscribed(self, cloud, refusal, prepaid, days):
        server_id = cloud.running(charging_info=prepaid)["id"]
        advance(cloud, MONTH + days * DAY)
        assert refusal(cloud.unsubscribe(server_id)) == (400, "CBC.99003656")
        assert cloud.delete(server_id).status_code == 400

    def test_a_renewed_term_is_given_back_by_what_is_left_of_it(self, lasting_cloud, world, prepaid):
        server_id = lasting_cloud.bought(charging_info=prepaid | {"is_auto_renew": True})["id"]
        advance(lasting_cloud, 1.5 * MONTH)
        lasting_cloud.unsubscribe(server_id)
        assert [entry.amount for entry in read_ledger(world) if entry.kind == "refund"] == [61320 // 2]


def test_subscriptions_are_found_by_the_end_of_their_term(cloud, prepaid):
    short = cloud.running(name="short", charging_info=prepaid)["id"]
    long = cloud.running(name="long", charging_info=prepaid | {"period_type": "YEAR"})["id"]
    border = "2026-06-01T00:00:00Z"
    for query, expected in (({"expire_time_end": border}, short), ({"expire_time_begin": border}, long)):
        assert [each["resource_id"] for each in cloud.subscriptions(**query)["data"]] == [expected]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"service_type_code": "hws.service.type.modelarts"}, 1),
        ({"service_type_code": "hws.service.type.ec2"}, 0),
        ({"only_main_resource": 1}, 1),
        ({"only_main_resource": 0}, 1),
    ],
    ids=str,
)
def test_subscriptions_are_found_by_their_service(cloud, prepaid, query, found):
    cloud.running(charging_info=prepaid)
    assert cloud.subscriptions(**query)["total_count"] == found


def test_orders_are_found_by_their_service(cloud, prepaid):
    cloud.bought(charging_info=prepaid)
    for code, found in (("hws.service.type.modelarts", 1), ("hws.service.type.ec2", 0)):
        assert cloud.call("GET", ORDERS, params={"service_type_code": code}).json()["total_count"] == found


def test_every_resource_that_could_not_be_unsubscribed_is_a_refusal(lasting_cloud, world, prepaid):
    server_id = lasting_cloud.running(charging_info=prepaid)["id"]
    lasting_cloud.unsubscribe("unknown", server_id)
    refusals = [entry.server_id for entry in read_ledger(world) if entry.kind == "refusal"]
    assert refusals == ["unknown"]
