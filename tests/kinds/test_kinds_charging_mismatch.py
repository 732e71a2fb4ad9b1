"""A purchase that the cloud sells under another charging mode than was asked for: what is remembered, and that nobody pays for it."""

from __future__ import annotations

import pytest
from support.flows import ok, play, refused
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, a_live, a_row

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Ended, Remember, Reply
from provisioner.model.purchase_policy import Prepaid, PurchasePolicy
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
POST = "POST /v1/{project_id}/dev-servers"
ORDER = "GET /v2/orders/customer-orders/details/CS2311"
ORDERED = {"id": None, "order_id": "CS2311"}
PREPAID_SERVER = wanted(charging_info=PREPAID)


def create(desired=None, recorded=None, replies=()):
    return play(KIND.create(desired or wanted(), recorded), replies)


def order(status):
    return ok(order_info={"order_id": "CS2311", "status": status})


MISSOLD = Reply(200, a_row(charging_mode="PRE_PAID", **ORDERED))
TWO_STEP = PurchasePolicy(prepaid=Prepaid.TWO_STEP)


def test_what_is_sold_otherwise_is_remembered_before_anything_else_is_done():
    """A death after it leaves a record that says so."""
    played = create(replies=[MISSOLD, None, order(6)])
    first, *_ = played.of(Remember)
    assert (first.phase, first.sold) == (Phase.ORDERING, "PRE_PAID")
    by_row = create(replies=[Reply(200, a_row(charging_mode=None)), a_live("RUNNING", charging_mode="PRE_PAID")])
    assert [facts.sold for facts in by_row.of(Remember)] == ["PRE_PAID", None]


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("status", [6, 1])
def test_an_unpaid_order_that_was_sold_otherwise_is_to_be_cancelled(resumed, status):
    record = bought(wanted(), phase=Phase.ORDERING, id=None, order_id="CS2311", observed={}, sold="PRE_PAID")
    played = create(
        recorded=record if resumed else None, replies=[*([] if resumed else [MISSOLD]), None, order(status)]
    )
    ended = played.result
    assert (ended.phase, ended.code) == (Phase.AWAITING_PAYMENT, "charging-mismatch")
    assert ended.hint.startswith("do not pay it: `provisioner orders cancel 'gateway'`")
    assert ended.hint.endswith("then `provisioner orders pay 'gateway'` and `provisioner apply --target 'gateway'`")


@pytest.mark.parametrize("sold", ["PRE_PAID", None])
@pytest.mark.parametrize("resumed", [False, True])
def test_no_policy_pays_by_itself_for_what_was_sold_otherwise(resumed, sold):
    server = wanted(charging_info=PREPAID | {"charging_mode": "POST_PAID"})
    record = bought(server, phase=Phase.ORDERING, id=None, order_id="CS2311", observed={}, sold=sold)
    replies = [*([] if resumed else [MISSOLD]), None, order(6)]
    played = play(KIND.create(server, record if resumed else None, TWO_STEP), replies)
    assert played.calls == [*([] if resumed else [POST]), ORDER]
    assert played.result.code == "charging-mismatch"


def test_specs_that_want_it_as_it_was_sold_by_now_let_it_go_on():
    record = bought(wanted(), phase=Phase.ORDERING, id=None, order_id="CS2311", observed={}, sold="PRE_PAID")
    row = a_live("RUNNING", charging_mode="PRE_PAID", order_id="CS2311")
    assert create(PREPAID_SERVER, record, [row]).result == Ended(Phase.READY)
    unpaid = create(PREPAID_SERVER, record, [None, order(6)]).result
    assert (unpaid.code, "orders pay CS2311" in unpaid.hint) == ("", True)


def test_a_disk_that_is_refused_hides_no_other_mode():
    server = wanted(volumes=[ID])
    gone = refused("ModelArts.7000", message="only A3 machines take disks")
    replies = [Reply(200, a_row(charging_mode="PRE_PAID")), a_live(), a_live(), gone, a_live()]
    played = create(server, replies=replies)
    assert (played.result.phase, played.result.code) == (Phase.READY, "charging-mismatch")
    assert "refuses volumes" in played.result.problem
