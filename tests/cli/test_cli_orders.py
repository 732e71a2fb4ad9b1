"""orders list, show, pay, cancel, wait: what is shown, what each mistake is told, and that no mistake changes anything."""

from __future__ import annotations

import pytest
from crash.crash_environment import Account
from support.builders import a_state, an_intent

from provisioner.cli.exit_codes import ExitCode
from provisioner.workflow.order_settlement import _untracked
from provisioner.workflow.system_clock import SystemClock

CHARGING = "charging_mode: PRE_PAID, period_type: MONTH, period_num: 1"
STACK_OF_THREE = f"""\
servers:
  by-hand: {{charging_info: {{{CHARGING}}}}}
  paid: {{charging_info: {{{CHARGING}, is_auto_pay: true}}}}
  hourly: {{}}
"""
DAY = 86_400


@pytest.fixture
def ordered(cli, clock):
    """`by-hand` waits for its payment, `paid` and `hourly` run."""
    cli.write_specs(STACK_OF_THREE)
    cli.run("apply", "--auto-approve")
    assert len(cli.bought()) == 3
    return cli


def orders(cli, *flags):
    ran = cli.run("orders", "list", "--json", *flags)
    assert ran.code == 0, ran.text
    return {order["addresses"][0] if order["addresses"] else None: order for order in ran.document["orders"]}


def payments(cli):
    return [name for kind, name in cli.ledger() if kind == "payment"]


class TestLooking:
    def test_the_list_tells_status_amount_times_and_server(self, ordered):
        ran = ordered.run("orders", "list")
        assert ran.code == 0
        heading, first, second = ran.out.splitlines()
        assert heading.split() == ["address", "order", "status", "amount", "created", "pay", "by", "server"]
        assert {first.split()[0], second.split()[0]} == {"by-hand", "paid"}
        assert "awaiting payment  613.20 CNY" in ran.out
        assert "hourly" not in ran.out

    def test_and_for_machines(self, ordered):
        listed = orders(ordered)
        unpaid, paid = listed["by-hand"], listed["paid"]
        assert (unpaid["status"], unpaid["servers"], unpaid["tracked"]) == ("awaiting payment", [], True)
        assert unpaid["pay_until"] > unpaid["created_at"]
        assert paid["status"] in {"processing", "completed"}
        assert len(paid["servers"]) == 1
        assert (paid["amount"], paid["currency"]) == ("613.2", "CNY")

    def test_an_order_of_nobody_here_is_shown_with_all_and_marked(self, ordered):
        stranger = orders(ordered)["by-hand"]["id"]
        assert ordered.run("orders", "cancel", "by-hand", "--auto-approve").code == 0
        assert stranger not in ordered.run("orders", "list").out
        ran = ordered.run("orders", "list", "--all")
        (line,) = [line for line in ran.out.splitlines() if stranger in line]
        assert line.startswith("(not in this state)")
        assert "cancelled" in line

    def test_without_orders_there_is_nothing_to_ask(self, cli, clock):
        cli.assert_fails("orders", "list", code="no-state")
        assert cli.run("orders", "list", "--all").out == "No orders.\n"

    @pytest.mark.parametrize("count", [9, 12])
    def test_few_are_asked_for_one_by_one_and_many_are_looked_up_in_a_list(self, cli, clock, count):
        cli.write_specs(f"servers: {{node: {{count: {count}, charging_info: {{{CHARGING}, is_auto_pay: true}}}}}}\n")
        cli.apply()
        ran = cli.run("orders", "list", "--json")
        assert len(ran.document["orders"]) == count
        assert {order["currency"] for order in ran.document["orders"]} == {"CNY"}

    def test_show_tells_what_was_ordered_and_what_to_do(self, ordered):
        order = orders(ordered)["by-hand"]["id"]
        by_address, by_id = ordered.run("orders", "show", "by-hand"), ordered.run("orders", "show", order)
        assert by_address.out == by_id.out
        assert "1 x Si2.large.4, for 1 month, 613.20 CNY" in by_address.out
        assert f"`provisioner orders pay {order}` pays it" in by_address.out

    def test_show_for_machines(self, ordered):
        (item,) = ordered.run("orders", "show", "paid", "--json").document["order"]["items"]
        assert (item["specification"], item["quantity"], item["term"]) == ("Si2.large.4", 1, "1 month")


class TestMistakes:
    @pytest.mark.parametrize("verb", ["show", "wait", "pay", "cancel"])
    @pytest.mark.parametrize("target", ["trainer[0]", "no/such", "CS 1"])
    def test_what_names_neither_an_address_nor_an_order(self, ordered, verb, target):
        ordered.assert_fails("orders", verb, target, code="order-unknown")

    @pytest.mark.parametrize("verb", ["show", "wait"])
    def test_an_order_that_billing_does_not_know(self, ordered, verb):
        assert "CS404" in ordered.assert_fails("orders", verb, "CS404", code="order-unknown").err

    @pytest.mark.parametrize("verb", ["pay", "cancel"])
    def test_an_order_that_no_address_here_was_ordered_by(self, ordered, verb):
        said = ordered.assert_fails("orders", verb, "CS404", "--auto-approve", code="order-untracked").stderr_text
        assert ("console; nothing was changed" in " ".join(said.split()), "--adopt" in said) == (True, False)

    def test_of_purchases_in_doubt_it_names_the_way_with_their_addresses(self):
        doubts = [an_intent(f'pool["{key}"]') for key in "abcd"]
        (told,) = _untracked("CS404", a_state(intents={one.id: one for one in doubts}), "here").diagnostics
        ways = (f"`provisioner resolve 'pool[\"{key}\"]' --adopt CS404`" for key in "abc")
        assert told.hint.endswith(f"if it belongs to a purchase in doubt: {' or '.join(ways)}")

    @pytest.mark.parametrize("verb", ["show", "wait", "pay", "cancel"])
    def test_an_address_that_is_paid_by_the_hour(self, ordered, verb):
        ordered.assert_fails("orders", verb, "hourly", code="order-none")

    @pytest.mark.parametrize("verb", ["show", "wait"])
    def test_a_declared_address_is_no_order_of_billings(self, ordered, verb):
        ordered.write_specs("servers: {gw: {}}\n")
        assert (
            "gw is declared and has no order yet"
            in ordered.assert_fails("orders", verb, "gw", code="order-none").stderr_text
        )

    @pytest.mark.parametrize("verb", ["pay", "cancel"])
    def test_before_the_first_apply(self, cli, clock, verb):
        assert (
            "gateway is declared and has no order yet"
            in cli.assert_fails("orders", verb, "gateway", code="order-none").err
        )
        cli.assert_fails("orders", verb, "CS404", code="order-untracked")

    def test_a_paid_order_is_not_cancelled_and_the_way_to_release_it_is_named(self, ordered):
        assert (
            "destroy"
            in ordered.assert_fails("orders", "cancel", "paid", "--auto-approve", code="order-paid").stderr_text
        )

    def test_a_cancelled_order_is_not_paid(self, ordered, clock):
        order = orders(ordered)["by-hand"]["id"]
        clock.advance(8 * DAY)
        assert (
            f"orders cancel {order}"
            in ordered.assert_fails("orders", "pay", "by-hand", code="order-cancelled").stderr_text
        )

    @pytest.mark.parametrize("verb", ["pay", "cancel"])
    def test_where_nobody_can_be_asked_nothing_happens(self, ordered, verb):
        assert (
            "--auto-approve"
            in ordered.assert_fails("orders", verb, "by-hand", code="no-approval", exit_code=8).stderr_text
        )

    def test_under_json_nobody_is_asked_and_the_document_says_so(self, ordered):
        ran = ordered.run("orders", "pay", "by-hand", "--json")
        assert (ran.code, ran.document["outcome"], ran.document["exit_code"]) == (8, "not_approved", 8)
        assert payments(ordered) == ["paid"]

    def test_a_failure_is_a_document_too(self, ordered):
        ran = ordered.run("orders", "cancel", "paid", "--auto-approve", "--json")
        assert (ran.code, ran.document["errored"]) == (1, True)
        assert ran.document["diagnostics"][0]["code"] == "order-paid"


class TestPaying:
    def test_it_is_paid_once_and_apply_follows_its_server(self, ordered):
        ran = ordered.run("orders", "pay", "by-hand", "--auto-approve", "--reason", "approved by Ana")
        assert ran.code == 0
        assert "is paid. Next: `provisioner apply`" in ran.out
        assert payments(ordered) == ["paid", "by-hand"]
        again = ordered.run("orders", "pay", "by-hand")
        assert (again.code, payments(ordered)) == (0, ["paid", "by-hand"])
        assert "paid already" in again.out
        assert ordered.apply().out.splitlines()[-1].endswith("1 resumed.")
        assert sorted(ordered.bought()) == ["by-hand", "hourly", "paid"]

    def test_the_history_tells_who_paid_and_why(self, ordered):
        order = orders(ordered)["by-hand"]["id"]
        ordered.run("orders", "pay", order, "--auto-approve", "--reason", "approved by Ana")
        told = " ".join(ordered.run("history", "by-hand").out.split())
        assert "orders pay by " in told
        assert "reason: approved by Ana" in told
        assert f"paid by-hand order={order}" in told
        assert ordered.run("history", "--verify").code == 0

    @pytest.mark.parametrize("account", [Account(balance=700.0)])
    def test_where_the_money_is_short_it_says_so_and_nothing_is_lost(self, ordered):
        ran = ordered.run("orders", "pay", "by-hand", "--auto-approve", "--json")
        assert (ran.code, ran.document["outcome"], ran.document["exit_code"]) == (7, "open", 7)
        (finding,) = ran.document["diagnostics"]
        assert finding["code"] == "server-awaiting-payment"
        assert "balance" in finding["summary"]
        assert ordered.run("state", "show", "by-hand", "--json").document["resource"]["phase"] == "awaiting_payment"

    @pytest.mark.parametrize("account", [Account(approval_seconds=3600)])
    def test_an_order_that_awaits_approval_cannot_be_paid_yet(self, ordered):
        before = ordered.state_files()
        ran = ordered.run("orders", "pay", "by-hand", "--auto-approve")
        assert (ran.code, ordered.state_files()) == (7, before)
        assert "Error[order-unapproved]" in ran.err
        assert payments(ordered) == []


class TestCancelling:
    def test_it_is_forgotten_and_the_next_apply_orders_it_again(self, ordered):
        first = orders(ordered)["by-hand"]["id"]
        ran = ordered.run("orders", "cancel", "by-hand", "--auto-approve")
        assert (ran.code, "its address forgotten" in ran.out) == (0, True)
        assert "by-hand" not in ordered.run("state", "list").out
        assert f"cancelled by-hand order={first}" in " ".join(ordered.run("history").out.split())
        ordered.run("apply", "--auto-approve")
        assert orders(ordered)["by-hand"]["id"] != first
        assert payments(ordered) == ["paid"]

    @pytest.mark.parametrize("account", [Account(approval_seconds=3600)])
    def test_an_order_that_awaits_approval_can_be_given_up(self, ordered):
        assert ordered.run("orders", "cancel", "by-hand", "--auto-approve", "--json").document["outcome"] == "cancelled"

    def test_an_order_that_has_lapsed_is_forgotten_without_a_call(self, ordered, clock):
        clock.advance(8 * DAY)
        assert ordered.run("orders", "cancel", "by-hand", "--auto-approve").code == 0
        assert "by-hand" not in ordered.run("state", "list").out
        assert (
            "intended" not in [record["type"] for record in ordered.run("history", "--json").document["records"]][-4:]
        )


class TestWaiting:
    def test_a_complete_one_is_not_waited_for(self, ordered, clock):
        clock.advance(600)
        ran = ordered.run("orders", "wait", "paid", "--json")
        assert (ran.code, ran.document["outcome"]) == (0, "completed")

    def test_one_that_still_waits_is_told_of_and_exits_7(self, ordered):
        ran = ordered.run("orders", "wait", "by-hand", "--timeout", "27s")
        assert ran.code == ExitCode.INCOMPLETE
        assert [line.split("[")[1] for line in ran.err.splitlines()] == [
            "0s elapsed]",
            "5s elapsed]",
            "15s elapsed]",
            "25s elapsed]",
        ]
        assert "status   = awaiting payment" in ran.out

    def test_looking_once_waits_for_nothing(self, ordered):
        ran = ordered.run("orders", "wait", "by-hand", "--timeout", "0", "--json")
        assert (ran.code, ran.document["outcome"], ran.document["exit_code"]) == (7, "waiting", 7)
        assert ran.err == ""

    def test_a_cancelled_one_is_an_error(self, ordered, clock):
        clock.advance(8 * DAY)
        ran = ordered.run("orders", "wait", "by-hand", "--json")
        assert (ran.code, ran.document["outcome"]) == (1, "cancelled")

    def test_it_ends_as_soon_as_the_order_does(self, ordered, clock, monkeypatch):
        async def sleep(_clock, _seconds):
            clock.advance(8 * DAY)

        monkeypatch.setattr(SystemClock, "sleep", sleep)
        ran = ordered.run("orders", "wait", "by-hand")
        assert (ran.code, len(ran.err.splitlines())) == (1, 1)
        assert "status   = cancelled" in ran.out
