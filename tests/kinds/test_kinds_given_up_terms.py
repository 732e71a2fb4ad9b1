"""Whether the release of a DevServer gives up a paid term, and which order it would end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.flows import ok, play, refused
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, a_live

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import EndsTerm
from provisioner.model.resource import Phase
from provisioner.model.term import Term

KIND = CATALOGUE["dev_server"]
HOURLY = bought(wanted(), id=ID)
PAID = bought(wanted(charging_info=PREPAID), id=ID)
UNBUILT = replace(PAID, phase=Phase.FAILED, observed={"status": "ERROR"})
TERM = Term(1_800_000_000_000, renews=None, seen_at=0)
SUBSCRIBED = ok(data=[{"resource_id": ID, "status": 2}], total_count=1)


@pytest.mark.parametrize(
    ("recorded", "status", "gives_up"),
    [
        (PAID, "RUNNING", True),
        (PAID, "CREATE_FAILED", False),
        (PAID, "ERROR", True),
        (UNBUILT, "ERROR", False),
        (replace(UNBUILT, term=TERM), "ERROR", True),
        (replace(UNBUILT, observed={"status": "STOPPED"}), "ERROR", True),
        (HOURLY, "ERROR", False),
        (HOURLY, "RUNNING", False),
        (replace(HOURLY, term=TERM), "RUNNING", True),
    ],
)
def test_an_error_alone_does_not_say_that_nothing_was_built(recorded, status, gives_up):
    assert KIND.billing.loses_paid_term(recorded, a_live(status, charging_mode="COMMON")) is gives_up


@pytest.mark.parametrize(("status", "gives_up"), [("RUNNING", True), ("ERROR", True), ("CREATE_FAILED", False)])
def test_billing_may_be_the_only_one_that_knows_a_term(status, gives_up):
    for recorded in (HOURLY, UNBUILT):
        assert KIND.billing.loses_paid_term(recorded, a_live(status), subscribed=True) is gives_up


@pytest.mark.parametrize(
    ("status", "steps"),
    [
        ("RUNNING", [EndsTerm(ID, ends_order=True, order_id="CS1", created_at=7)]),
        ("ERROR", [EndsTerm(ID, ends_order=False, order_id="CS1", created_at=7)]),
        ("CREATE_FAILED", []),
    ],
)
def test_the_release_says_that_it_ends_a_term_right_before_it_does(status, steps):
    live = replace(a_live(status, charging_mode="POST_PAID"), order_id="CS1", created_at=7)
    played = play(KIND.delete(HOURLY, live), [SUBSCRIBED, ok(), None, refused("ModelArts.6404")])
    assert played.of(EndsTerm) == steps
    assert not steps or [type(step).__name__ for step in played.steps[:3]] == ["Call", "EndsTerm", "Call"]


def test_a_row_that_describes_its_flavor_leaves_what_is_recorded_of_the_mode():
    assert "charging_mode" not in a_live(charging_mode="COMMON").observed
    assert a_live(charging_mode="POST_PAID").observed["charging_mode"] == "POST_PAID"


def orders(*ids):
    return ok(order_infos=[{"order_id": each, "status": 5} for each in ids], total_count=len(ids))


def bought_ids(*ids):
    return ok(data=[{"resource_id": each} for each in ids], total_count=len(ids))


class TestOrderOf:
    def test_it_is_the_latest_order_before_the_server_that_billing_knows_it_by(self):
        played = play(
            KIND.orders.find_order(ID, 1_700_000_000_000), [orders("CS2", "CS1"), bought_ids("x"), bought_ids(ID, "y")]
        )
        assert played.result == "CS1"
        assert played.steps[0].query["create_time_end"] == "2023-11-14T22:28:20Z"

    @pytest.mark.parametrize(
        "replies",
        [[orders()], [orders("CS1"), bought_ids("x")], [refused()], [ok()], [orders("CS1"), refused()]],
        ids=["no order", "another's", "orders refused", "unreadable", "resources refused"],
    )
    def test_it_is_not_known_where_billing_does_not_say(self, replies):
        assert play(KIND.orders.find_order(ID, 1_700_000_000_000), replies).result is None

    def test_nobody_is_asked_about_a_server_of_no_known_age(self):
        assert play(KIND.orders.find_order(ID, None)).steps == ()
