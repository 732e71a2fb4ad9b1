"""Orders and terms as they are shown: money to the digit, nothing made up, nothing that steers a terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from rendering.samples import PLAIN
from support.builders import an_address

from provisioner.model.action import Action
from provisioner.model.billing import OrderStatus
from provisioner.model.placed_order import PlacedItem, PlacedOrder, Settlement
from provisioner.model.term import Expiry
from provisioner.rendering.expiring import expiring_document, render_expiring
from provisioner.rendering.orders import (
    format_money,
    order_document,
    outcome_document,
    render_order,
    render_orders,
    render_settlement,
    settle_question,
    wait_line,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOSTILE = "\x1b[31mred\u202e\nnext: yes"
ORDER = PlacedOrder(
    id="CS1",
    status=OrderStatus.AWAITING_PAYMENT,
    addresses=(an_address("gateway"),),
    amount=Decimal("613.2"),
    currency="CNY",
    created_at=NOON,
    pay_until=NOON + timedelta(days=7),
    items=(PlacedItem(specification="Si2.large.4", quantity=1, term="1 month", amount=Decimal(613), expires_at=None),),
)
UNTOLD = PlacedOrder(id="CS2", status=OrderStatus.UNKNOWN)
EXPIRY = Expiry(an_address("gateway"), "id-1", "gateway", NOON, NOON + timedelta(days=3), False, "in use")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("613.2"), "613.20 CNY"),
        (Decimal(86400), "86,400.00 CNY"),
        (Decimal("0.125"), "0.125 CNY"),
        (Decimal("1E+5"), "100,000.00 CNY"),
        (None, "unknown"),
    ],
)
def test_money_keeps_every_digit_of_the_clouds(amount, text):
    assert format_money(amount, "CNY") == text


def test_machines_read_money_as_text():
    document = order_document(ORDER)["order"]
    assert (document["amount"], document["items"][0]["amount"]) == ("613.2", "613")


def test_what_billing_does_not_tell_is_told_as_that():
    line = render_orders([UNTOLD], PLAIN).splitlines()[1]
    assert " ".join(line.split()) == "(not in this state) CS2 not shown by billing unknown unknown"
    shown = render_order(UNTOLD, PLAIN)
    assert "billing does not say what was ordered" in shown
    assert "next:" not in shown
    assert order_document(UNTOLD)["order"]["items"] is None


def test_the_prompt_of_a_payment_says_what_is_bought_and_that_it_is_paid_at_once():
    assert settle_question(Action.PAY, ORDER) == (
        "Do you want to pay this order?\n  It buys 1 Si2.large.4 prepaid for 1 month.\n"
        "  613.20 CNY will be taken from the account, at once.\n"
    )
    assert "\x1b" not in settle_question(
        Action.PAY,
        replace(
            ORDER, items=(PlacedItem(specification=HOSTILE, quantity=1, term=HOSTILE, amount=None, expires_at=None),)
        ),
    )
    assert "It cannot be paid any more" in settle_question(Action.CANCEL, ORDER)


def test_an_unpaid_order_without_a_deadline_does_not_look_as_if_it_had_none():
    assert "unknown" in render_orders([replace(ORDER, pay_until=None)], PLAIN)


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (OrderStatus.AWAITING_PAYMENT, "orders pay CS1"),
        (OrderStatus.AWAITING_APPROVAL, "approved in the console"),
        (OrderStatus.PROCESSING, "provisioner apply"),
        (OrderStatus.CANCELLED, "orders cancel CS1"),
    ],
)
def test_each_status_names_what_goes_on(status, step):
    assert step in render_order(replace(ORDER, status=status), PLAIN)
    assert step not in render_order(replace(ORDER, status=status), PLAIN, advise=False)


@pytest.mark.parametrize("settlement", [Settlement.PAID, Settlement.ALREADY_PAID, Settlement.CANCELLED])
def test_what_was_settled_is_a_sentence(settlement):
    assert render_settlement(ORDER, settlement).startswith("gateway: order CS1 is ")


@pytest.mark.parametrize("settlement", [Settlement.OPEN, Settlement.NOT_APPROVED])
def test_what_was_not_is_told_by_findings(settlement):
    assert render_settlement(ORDER, settlement) == ""


def test_the_end_of_a_command_is_a_document():
    document = outcome_document(ORDER, "paid", (), exit_code=0)
    assert (document["outcome"], document["exit_code"], document["order"]["id"]) == ("paid", 0, "CS1")


def test_what_the_cloud_says_cannot_paint_the_terminal():
    item = replace(ORDER.items[0], specification=HOSTILE, term=HOSTILE)
    hostile = replace(ORDER, status=HOSTILE, currency=HOSTILE, servers=(HOSTILE,), items=(item,))
    expiry = replace(EXPIRY, id=HOSTILE, status=HOSTILE)
    texts = [
        render_orders([hostile], PLAIN),
        render_order(hostile, PLAIN),
        wait_line(hostile, 5.0),
        render_expiring([expiry], PLAIN, prepaid=1, days=30),
    ]
    for text in texts:
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\nnext: yes" not in text


class TestExpiring:
    @pytest.mark.parametrize(
        ("left", "told"),
        [
            (timedelta(days=3), "3 days"),
            (timedelta(hours=30), "1 day 6 hours"),
            (timedelta(0), "0 hours"),
            (timedelta(hours=-1), "1 day ago"),
        ],
    )
    def test_how_much_is_left_to_the_hour(self, left, told):
        row = render_expiring([replace(EXPIRY, expires_at=NOON + left)], PLAIN, prepaid=1, days=30).splitlines()[1]
        assert f"  {told}  " in row

    @pytest.mark.parametrize(
        ("expires_at", "renews", "ending"),
        [
            (NOON + timedelta(days=3), False, True),
            (NOON + timedelta(days=3), None, True),
            (NOON + timedelta(days=3), True, False),
            (NOON - timedelta(days=3), False, True),
            (NOON + timedelta(days=31), False, False),
            (None, None, False),
        ],
    )
    def test_what_is_not_known_to_renew_in_time_is_ending(self, expires_at, renews, ending):
        one = replace(EXPIRY, expires_at=expires_at, renews=renews)
        month = 30 * 86_400
        document = expiring_document([one], [], [], prepaid=1, within=month, exit_code=0)
        assert document["servers"][0]["ending"] is one.ends_within(month) is ending

    def test_the_window_is_told_as_it_was_asked_for(self):
        assert "within 1 day." in render_expiring([], PLAIN, prepaid=2, days=1)
        assert "within 1.50 days." in render_expiring([], PLAIN, prepaid=2, days=1.5)
