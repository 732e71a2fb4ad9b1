"""An unpaid order over real HTTP: paid once or cancelled, whatever the wire does. The cloud's own books are the judge."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from support.fault_proxy import answering, ending_run, message, resetting, truncating

BY_HAND = "servers: {alpha: {charging_info: {charging_mode: PRE_PAID, period_type: MONTH, period_num: 1}}}\n"
PAY, CANCEL = ("orders", "pay", "alpha", "--auto-approve"), ("orders", "cancel", "alpha", "--auto-approve")
PAYING = {"method": "POST", "ending": "/customer-orders/pay"}
CANCELLING = {"method": "PUT", "ending": "/customer-orders/cancel"}
CANCELLED = 4


@pytest.fixture
def unpaid(workspace):
    workspace.write(BY_HAND)
    assert workspace.apply().code == 7
    return workspace


def order_of(workspace):
    return workspace.state()["resources"]["alpha"]["order_id"]


def statuses(workspace):
    with closing(sqlite3.connect(workspace.sandbox_db)) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM orders")]


class TestThePaymentIsMadeOnce:
    def test_in_peace(self, unpaid, proxy):
        ran = unpaid.run(*PAY, "--json")
        assert (ran.code, json.loads(ran.out)["outcome"]) == (0, "paid")
        assert unpaid.apply().code == 0
        assert unpaid.ledger_counts("payment") == unpaid.purchases == {"alpha": 1}
        assert unpaid.run_in_process("plan", "--detailed-exitcode").code == 0
        assert len(proxy.of(**PAYING)) == 1

    @pytest.mark.parametrize("fault", [resetting(executed=True), truncating], ids=["reset", "cut"])
    def test_when_the_answer_is_lost_the_order_tells_that_it_is_paid(self, unpaid, proxy, fault):
        proxy.on(fault, **PAYING)
        assert unpaid.run(*PAY).code == 0
        assert unpaid.ledger_counts("payment") == {"alpha": 1}
        assert unpaid.run_in_process("orders", "pay", "alpha").code == 0
        assert len(proxy.of(**PAYING)) == 1

    @pytest.mark.parametrize(
        "fault",
        [resetting(executed=False), answering(message("503 Service Unavailable", b"{}"), executed=False)],
        ids=["reset", "503"],
    )
    def test_when_it_never_arrived_it_says_so_and_the_next_one_pays(self, unpaid, proxy, fault):
        proxy.on(fault, **PAYING)
        first = unpaid.run(*PAY)
        assert (first.code, unpaid.ledger_counts("payment")) == (7, {})
        assert "no order's money is taken twice" in " ".join(first.err.split())
        assert unpaid.run(*PAY).code == 0
        assert unpaid.ledger_counts("payment") == {"alpha": 1}

    @pytest.mark.parametrize("when", ["before", "after", "answered"])
    @pytest.mark.parametrize("then", ["pay", "apply"])
    def test_when_the_process_dies_around_it(self, unpaid, proxy, when, then):
        process = unpaid.popen(*PAY)
        proxy.on(ending_run(process.kill, when=when), **PAYING)
        process.wait()
        proxy.clear()
        if then == "pay":
            assert unpaid.run(*PAY).code == 0
        elif unpaid.apply().code == 7:
            assert when == "before"
            assert unpaid.run_in_process(*PAY).code == 0
        assert unpaid.apply().code == 0
        assert unpaid.ledger_counts("payment") == unpaid.purchases == {"alpha": 1}
        assert not unpaid.state()["intents"]


class TestTheCancellation:
    def test_frees_the_address_and_costs_nothing(self, unpaid):
        assert unpaid.run(*CANCEL).code == 0
        assert (unpaid.state()["resources"], statuses(unpaid)) == ({}, [CANCELLED])
        assert unpaid.ledger_counts("payment") == {}
        assert unpaid.run_in_process("history", "--verify").code == 0

    @pytest.mark.parametrize("fault", [resetting(executed=True), truncating], ids=["reset", "cut"])
    def test_when_the_answer_is_lost_the_order_tells_that_it_is_done(self, unpaid, proxy, fault):
        proxy.on(fault, **CANCELLING)
        assert unpaid.run(*CANCEL).code == 0
        assert (unpaid.state()["resources"], len(proxy.of(**CANCELLING))) == ({}, 1)

    def test_when_it_never_arrived_nothing_is_forgotten(self, unpaid, proxy):
        proxy.on(resetting(executed=False), **CANCELLING)
        order = order_of(unpaid)
        assert unpaid.run(*CANCEL).code == 7
        assert order_of(unpaid) == order
        assert unpaid.run(*CANCEL).code == 0
        assert statuses(unpaid) == [CANCELLED]

    @pytest.mark.parametrize("when", ["before", "after", "answered"])
    def test_when_the_process_dies_around_it_the_same_command_goes_on(self, unpaid, proxy, when):
        process = unpaid.popen(*CANCEL)
        proxy.on(ending_run(process.kill, when=when), **CANCELLING)
        process.wait()
        proxy.clear()
        assert unpaid.run(*CANCEL).code == 0
        assert (unpaid.state()["resources"], statuses(unpaid)) == ({}, [CANCELLED])

    def test_when_the_process_dies_the_next_apply_names_the_way_on(self, unpaid, proxy):
        process = unpaid.popen(*CANCEL)
        proxy.on(ending_run(process.kill, when="after"), **CANCELLING)
        process.wait()
        proxy.clear()
        order = order_of(unpaid)
        applied = unpaid.apply()
        assert applied.code == 7
        assert f"orders cancel {order}" in applied.words
        assert not unpaid.state()["intents"]
        assert unpaid.run_in_process(*CANCEL).code == 0
        assert unpaid.apply().code == 7
        assert order_of(unpaid) != order

    def test_an_order_that_somebody_pays_first_keeps_its_address(self, unpaid, proxy):
        async def paid_by_somebody(exchange):
            with closing(sqlite3.connect(unpaid.sandbox_db)) as connection:
                connection.execute("UPDATE orders SET status = 3")
                connection.commit()
            await exchange.tell(await exchange.carry_out())

        proxy.on(paid_by_somebody, **CANCELLING)
        refused = unpaid.run(*CANCEL)
        assert refused.code == 7
        assert "destroy" in refused.err
        assert "alpha" in unpaid.state()["resources"]


def test_two_at_once_pay_once(unpaid):
    """The second finds the lock held, or the order paid."""
    first, second = unpaid.start(*PAY), unpaid.start(*PAY)
    codes = {first.end().code, second.end().code}
    assert codes in ({0, 5}, {0})
    assert unpaid.ledger_counts("payment") == {"alpha": 1}


def test_what_billing_does_not_say_changes_nothing(unpaid, proxy):
    proxy.on(
        answering(message("500 Internal Server Error", b"{}"), executed=False),
        method="GET",
        ending=order_of(unpaid),
        nth=None,
    )
    before = unpaid.state()
    for command in (PAY, CANCEL):
        refused = unpaid.run(*command)
        assert refused.code == 1
        assert "Error[cloud-error]" in refused.err
    assert (unpaid.state(), len(proxy.of(**PAYING)), len(proxy.of(**CANCELLING))) == (before, 0, 0)
