"""The ledger: what a test may believe about money that was spent."""

import sqlite3

import pytest

from provisioner.sandbox import PUBLIC, read_ledger

MONTH = round(1_40 * 730 * 0.6)


def kinds(world) -> list[str]:
    return [entry.kind for entry in read_ledger(world)]


def test_a_world_not_yet_made_has_spent_nothing(tmp_path):
    assert read_ledger(tmp_path / "none") == []
    assert list(tmp_path.iterdir()) == []


def test_every_server_bought_is_one_purchase(lasting_cloud, world):
    bought = [lasting_cloud.bought(name=f"server-{number}") for number in range(3)]
    entries = read_ledger(world)
    assert [entry.kind for entry in entries] == ["purchase"] * 3
    assert [(entry.server_id, entry.name) for entry in entries] == [(server["id"], server["name"]) for server in bought]
    assert {(entry.amount, entry.currency, entry.caller) for entry in entries} == {(1_40, "CNY", PUBLIC.user_name)}
    assert [entry.sequence for entry in entries] == [1, 2, 3]


def test_a_count_is_as_many_purchases_and_one_payment(lasting_cloud, world, prepaid):
    order_id = lasting_cloud.bought(count=3, charging_info=prepaid)["order_id"]
    entries = read_ledger(world)
    assert [(entry.kind, entry.amount) for entry in entries] == [("purchase", MONTH)] * 3 + [("payment", 3 * MONTH)]
    assert {entry.order_id for entry in entries} == {order_id}


def test_an_order_that_is_not_paid_is_purchased_and_not_paid(lasting_cloud, world, prepaid):
    lasting_cloud.bought(count=2, charging_info=prepaid | {"is_auto_pay": False})
    assert [(entry.kind, entry.server_id) for entry in read_ledger(world)] == [("purchase", None)] * 2


def test_a_refused_create_is_a_refusal_and_no_purchase(lasting_cloud, world):
    lasting_cloud.create(flavor=None)
    (entry,) = read_ledger(world)
    assert (entry.kind, entry.amount) == ("refusal", 0)
    assert "flavor" in entry.detail


def test_a_deletion_is_a_release(lasting_cloud, world):
    server_id = lasting_cloud.running()["id"]
    lasting_cloud.delete(server_id)
    entry = read_ledger(world)[-1]
    assert (entry.kind, entry.server_id, entry.amount) == ("release", server_id, 0)
    assert entry.time == lasting_cloud.clock.now()


def test_a_refused_deletion_is_a_refusal(lasting_cloud, world, prepaid):
    server = lasting_cloud.running(charging_info=prepaid)
    lasting_cloud.delete(server["id"])
    lasting_cloud.unsubscribe("unknown")
    assert kinds(world) == ["purchase", "payment", "refusal", "refusal"]


def test_unsubscribing_gives_back_what_is_left_of_the_period(lasting_cloud, world, prepaid):
    server = lasting_cloud.bought(count=2, charging_info=prepaid)
    lasting_cloud.clock.advance(365 * 3600)
    lasting_cloud.renew_tokens()
    assert lasting_cloud.unsubscribe(server["id"]).status_code == 200
    refunds = [entry.amount for entry in read_ledger(world) if entry.kind == "refund"]
    assert refunds == [MONTH // 2] * 2
    assert kinds(world).count("release") == 2


def test_what_was_never_built_is_given_back_in_full(lasting_cloud, world, prepaid):
    server = lasting_cloud.running(flavor="sandbox.fails", charging_info=prepaid)
    lasting_cloud.delete(server["id"])
    purchase, _payment, _release, refund = read_ledger(world)
    assert refund.kind == "refund"
    assert refund.amount == purchase.amount


def test_looking_leaves_no_trace(lasting_cloud, world):
    server = lasting_cloud.running()
    lasting_cloud.servers()
    lasting_cloud.show(server["id"])
    lasting_cloud.show("unknown")
    assert kinds(world) == ["purchase"]


@pytest.mark.parametrize("statement", ["DELETE FROM ledger", "UPDATE ledger SET amount = 0"])
def test_a_row_once_written_stays(lasting_cloud, world, statement):
    lasting_cloud.bought()
    connection = sqlite3.connect(world)
    try:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    finally:
        connection.close()


def refusals(world) -> list[tuple[str | None, str | None, str | None]]:
    entries = [entry for entry in read_ledger(world) if entry.kind == "refusal"]
    return [(entry.server_id, entry.name, entry.order_id) for entry in entries]


@pytest.mark.parametrize(
    "wrong", [{"flavor": None}, {"image_id": "x"}, {"admin_pass": "short"}, {"unknown": 1}], ids=str
)
def test_a_refused_create_names_the_server_that_it_asked_for(lasting_cloud, world, wrong):
    lasting_cloud.create(name="wanted", **wrong)
    assert refusals(world) == [(None, "wanted", None)]


def test_a_refused_release_names_its_server(lasting_cloud, world, prepaid):
    server = lasting_cloud.running(name="paid", charging_info=prepaid)
    named = (server["id"], "paid", server["order_id"])
    lasting_cloud.delete(server["id"])
    lasting_cloud.delete("unknown")
    lasting_cloud.call(
        "POST", f"{lasting_cloud.SERVERS}/action", json={"type": "DELETE", "servers": [{"id": server["id"]}]}
    )
    lasting_cloud.unsubscribe(server["id"], kind=2)
    lasting_cloud.unsubscribe("neither", "nor")
    assert refusals(world) == [
        named, ("unknown", None, None), named, named, ("neither", None, None), ("nor", None, None),
    ]  # fmt: skip


def test_a_resource_that_stays_is_named_beside_the_one_that_goes(lasting_cloud, world, prepaid):
    server = lasting_cloud.running(charging_info=prepaid)
    other = lasting_cloud.running(name="hourly")
    assert lasting_cloud.unsubscribe(server["id"], other["id"]).status_code == 200
    assert refusals(world) == [(other["id"], "hourly", None)]


def test_a_refused_payment_names_what_it_would_have_paid(lasting_cloud, world, prepaid):
    def pay(order_id):
        body = {"order_id": order_id, "use_coupon": "NO", "use_discount": "NO"}
        assert lasting_cloud.call("POST", "/v3/orders/customer-orders/pay", json=body).status_code == 400

    unpaid = lasting_cloud.bought(name="never", charging_info=prepaid | {"is_auto_pay": False})["order_id"]
    lasting_cloud.call("PUT", "/v2/orders/customer-orders/cancel", json={"order_id": unpaid})
    pay(unpaid)
    paid = lasting_cloud.running(name="paid", charging_info=prepaid)
    pay(paid["order_id"])
    pay("CS0")
    assert refusals(world) == [(None, None, unpaid), (paid["id"], "paid", paid["order_id"]), (None, None, "CS0")]


@pytest.mark.parametrize("body", ["[]", "{", '{"name": "\\ud800"}', '{"name": 7}', '{"name": ""}'])
def test_a_refused_create_that_names_nothing_readable_is_a_row_all_the_same(lasting_cloud, world, body):
    lasting_cloud.call("POST", lasting_cloud.SERVERS, content=body)
    assert refusals(world) == [(None, None, None)]


def test_an_unknown_query_parameter_of_a_purchase_buys_nothing(lasting_cloud, world, request_for_server):
    body = request_for_server(name="careful")
    refused = lasting_cloud.call("POST", lasting_cloud.SERVERS, json=body, params={"dry_run": "true"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "ModelArts.0104")
    assert "'dry_run'" in refused.json()["error_msg"]
    assert refusals(world) == [(None, "careful", None)]
    assert kinds(world) == ["refusal"]
