"""What a kind without a capability answers: nobody asks whether it has one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.bucket_kind import KIND
from support.builders import an_intent

from provisioner.kinds import CATALOGUE
from provisioner.model.address import Address
from provisioner.model.flow import Ended
from provisioner.model.list_gap import ListGap, find_unlisted
from provisioner.model.purchase_policy import DEFAULT_POLICY
from provisioner.model.resource import Live, Phase, Recorded

SERVERS = CATALOGUE["dev_server"]
ROW = Live("bucket", "bucket-1", "archive", "ACTIVE", shown={"name": "archive", "size": 5})
RECORDED = Recorded(Address("archive"), "bucket", Phase.READY, {"name": "archive", "size": 5}, id="bucket-1")


def answer(flow):
    """Of one that asks the cloud nothing."""
    with pytest.raises(StopIteration) as stop:
        next(flow)
    return stop.value.value


def test_without_billing_it_is_never_prepaid_and_billing_is_not_asked():
    billing = KIND.billing
    assert not KIND.has_terms
    assert not billing.is_prepaid(RECORDED, ROW)
    assert not billing.loses_paid_term(RECORDED, ROW, subscribed=True)
    assert billing.sold_otherwise(RECORDED, ROW, {}, DEFAULT_POLICY) is None
    assert (billing.future_charging({}, DEFAULT_POLICY), billing.current_charging(RECORDED)) == ({}, {})
    assert answer(billing.is_subscribed(ROW)) is False


def test_without_orders_it_has_none_and_its_release_ends_none():
    orders = KIND.orders
    assert not orders.ends_its_order(RECORDED, ROW, subscribed=True)
    assert answer(orders.bought_ids("CS1")) == answer(orders.all_bought_ids("CS1")) == ()
    assert answer(orders.find_order("bucket-1", None)) is None
    assert answer(orders.possible_orders(an_intent())) == ()
    assert answer(orders.pay(RECORDED)) == Ended(Phase.READY, "it was bought without an order", code="no-order")


def test_without_stock_adoption_and_reinstallation_it_is_had_shown_and_left_as_it_is():
    assert KIND.stock.offering({}, DEFAULT_POLICY) is None
    assert KIND.adoption.draft(ROW, {}).fields == {"name": "archive", "size": 5}
    assert KIND.adoption.from_terraform({}, ROW) == {}
    assert not KIND.reinstall.was_carried_out(an_intent(), ROW)


def test_what_fits_a_purchase_is_of_its_kind():
    intent = replace(an_intent(), kind="bucket", name="archive", declared={"name": "archive", "size": 5})
    server = replace(ROW, kind="dev_server", id="server-1")
    assert KIND.match(intent, [server, ROW]) == (ROW,)
    assert KIND.match_similar(intent, [server, ROW]) == (ROW,)


def test_a_gap_of_one_kinds_list_hides_nothing_of_another():
    gap = ListGap("GET /buckets", "it ends early", kind="bucket")
    assert gap.hides("bucket", {"any"})
    assert not gap.hides(SERVERS.name, {"any"})
    assert gap.hides_from("", kind="bucket", sender="")
    assert not gap.hides_from("", kind=SERVERS.name, sender="")
    assert [one.kind for one in find_unlisted([ROW, replace(ROW, kind="dev_server", id="server-1")], (gap,))] == [
        "dev_server"
    ]
