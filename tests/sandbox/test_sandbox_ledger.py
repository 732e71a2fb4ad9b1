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
