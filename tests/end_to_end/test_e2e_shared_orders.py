"""One unpaid order behind several addresses: each of them names it, it is paid once or cancelled for all. The cloud's own books judge."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from support.fault_proxy import ending_run, resetting

POOL = (
    "servers: {pool: {count: 3, order: together, "
    "charging_info: {charging_mode: PRE_PAID, period_type: MONTH, period_num: 1}}}\n"
)
ADDRESSES = ["pool[0]", "pool[1]", "pool[2]"]
ALL = "pool[0], pool[1], pool[2]"
PAYING = {"method": "POST", "ending": "/customer-orders/pay"}
CANCELLING = {"method": "PUT", "ending": "/customer-orders/cancel"}
CANCELLED = 4


@pytest.fixture
def unpaid(workspace):
    workspace.write(POOL)
    assert workspace.apply().code == 7
    assert sorted(workspace.state()["resources"]) == ADDRESSES
    return workspace


def order_of(workspace):
    (order,) = {one["order_id"] for one in workspace.state()["resources"].values()}
    return order


def statuses(workspace):
    with closing(sqlite3.connect(workspace.sandbox_db)) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM orders")]


def paid_orders(workspace):
    return [row.order_id for row in workspace.ledger if row.kind == "payment"]


@pytest.mark.parametrize("target", [*ADDRESSES, "its id"])
def test_each_of_its_addresses_shows_it_with_all_of_them(unpaid, target):
    order = order_of(unpaid)
    shown = unpaid.run_in_process("orders", "show", order if target == "its id" else target)
    assert shown.code == 0
    assert order in shown.out
    assert ALL in shown.out
    assert "3 x Si2.large.4" in shown.out
    document = json.loads(
        unpaid.run_in_process("orders", "show", target if target != "its id" else order, "--json").out
    )
    assert document["order"]["addresses"] == ADDRESSES
    (listed,) = json.loads(unpaid.run_in_process("orders", "list", "--json").out)["orders"]
    assert (listed["id"], listed["addresses"]) == (order, ADDRESSES)


class TestPaying:
    @pytest.mark.parametrize("target", ["pool[0]", "pool[2]"])
    def test_it_is_paid_once_for_all_and_apply_follows_every_server(self, unpaid, proxy, target):
        order = order_of(unpaid)
        paid = unpaid.run("orders", "pay", target, "--auto-approve")
        assert paid.code == 0
        assert ALL in paid.out
        for address in ADDRESSES:
            again = unpaid.run_in_process("orders", "pay", address, "--auto-approve")
            assert (again.code, "paid already" in again.out) == (0, True)
        assert unpaid.apply().code == 0
        assert (paid_orders(unpaid), len(proxy.of(**PAYING))) == ([order], 1)
        assert len({one["id"] for one in unpaid.state()["resources"].values()}) == 3
        assert unpaid.run_in_process("plan", "--detailed-exitcode").code == 0

    @pytest.mark.parametrize("when", ["before", "after", "answered"])
    def test_a_death_around_the_payment_is_made_good_by_another_address_of_it(self, unpaid, proxy, when):
        process = unpaid.popen("orders", "pay", "pool[0]", "--auto-approve")
        proxy.on(ending_run(process.kill, when=when), **PAYING)
        process.wait()
        proxy.clear()
        assert unpaid.run("orders", "pay", "pool[1]", "--auto-approve").code == 0
        assert unpaid.apply().code == 0
        assert len(paid_orders(unpaid)) == 1
        assert not unpaid.state()["intents"]


class TestCancelling:
    @pytest.mark.parametrize("target", ["pool[0]", "pool[2]"])
    def test_it_is_cancelled_and_forgotten_by_all_of_its_addresses(self, unpaid, target):
        cancelled = unpaid.run("orders", "cancel", target, "--auto-approve")
        assert cancelled.code == 0
        assert ALL in cancelled.out
        assert (unpaid.state()["resources"], statuses(unpaid), paid_orders(unpaid)) == ({}, [CANCELLED], [])
        assert unpaid.run_in_process("history", "--verify").code == 0
        assert unpaid.apply().code == 7
        assert sorted(unpaid.state()["resources"]) == ADDRESSES

    def test_whoever_is_not_sure_is_told_all_that_goes_with_it(self, unpaid, proxy):
        before = unpaid.state()
        asked = unpaid.run_in_process("orders", "cancel", "pool[1]")
        assert asked.code == 8
        assert ALL in asked.text
        assert (unpaid.state(), len(proxy.of(**CANCELLING))) == (before, 0)

    @pytest.mark.parametrize("when", ["before", "after", "answered"])
    def test_a_death_around_it_is_made_good_by_whichever_address_is_left(self, unpaid, proxy, when):
        process = unpaid.popen("orders", "cancel", "pool[0]", "--auto-approve")
        proxy.on(ending_run(process.kill, when=when), **CANCELLING)
        process.wait()
        proxy.clear()
        left = sorted(unpaid.run_in_process("state", "list").out.splitlines())
        assert left
        assert unpaid.run("orders", "cancel", "pool[2]", "--auto-approve").code == 0
        assert (unpaid.state()["resources"], statuses(unpaid)) == ({}, [CANCELLED])
        assert not unpaid.state()["intents"]

    def test_when_it_never_arrived_no_address_is_forgotten(self, unpaid, proxy):
        proxy.on(resetting(executed=False), nth=None, **CANCELLING)
        assert unpaid.run("orders", "cancel", "pool[0]", "--auto-approve").code == 7
        assert sorted(unpaid.state()["resources"]) == ADDRESSES
        assert paid_orders(unpaid) == []

    def test_a_paid_one_is_not_cancelled_and_everything_that_would_go_is_named(self, unpaid):
        assert unpaid.run_in_process("orders", "pay", "pool[0]", "--auto-approve").code == 0
        refused = unpaid.run_in_process("orders", "cancel", "pool[1]", "--auto-approve")
        assert (refused.code, "Error[order-paid]" in refused.err) == (1, True)
        assert ALL in " ".join(refused.err.split())
        assert sorted(unpaid.state()["resources"]) == ADDRESSES


def test_one_of_its_addresses_is_not_given_up_alone(unpaid):
    """To end the order ends it for the others, too: the plan says so, and what to do instead."""
    unpaid.write(POOL.replace("count: 3", "count: 2"))
    refused = unpaid.apply("--allow", "all")
    assert refused.code == 4, refused.text
    assert "Error[order-shared]" in refused.text
    assert sorted(unpaid.state()["resources"]) == ADDRESSES
    assert paid_orders(unpaid) == []
