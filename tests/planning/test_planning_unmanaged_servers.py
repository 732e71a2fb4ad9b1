"""Which servers are nobody's, and why some of these are left to somebody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_intent
from support.planning_builders import bought, shown, wanted

from provisioner.kinds import CATALOGUE
from provisioner.model.marker import add_marker
from provisioner.model.resource import Phase
from provisioner.planning import find_unmanaged_servers

OURS = bought(wanted())
EDGE = shown(bought(wanted("edge")))


def found(*rows, state=None, claims=None):
    return find_unmanaged_servers(state, {row.id: row for row in rows}, CATALOGUE, claims=claims or {})


def test_what_another_state_holds_is_not_taken_from_it():
    problems = [one.problem for one in found(EDGE, claims={EDGE.id: "is recorded in the state demo.prod"})]
    assert problems == ["it is recorded in the state demo.prod"]


def test_what_is_recorded_or_ordered_is_somebodys():
    ordered = bought(wanted("paid"), id=None, order_id="CS1", phase=Phase.ORDERING, observed={})
    rows = (shown(OURS), EDGE, replace(EDGE, id="id-2", name="paid", order_id="CS1"))
    assert [one.row for one in found(*rows, state=a_state(OURS, ordered))] == [EDGE]


def test_before_the_first_apply_all_are_nobodys():
    assert [one.problem for one in found(shown(OURS), EDGE)] == ["", ""]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (replace(EDGE, status="DELETING"), "being released"),
        (replace(EDGE, status="CREATING"), "not built yet"),
        (
            replace(EDGE, name=add_marker("edge", lineage=a_state().lineage, salt=b"8 bytes!", longest=64)),
            "bought from this state",
        ),
    ],
)
def test_what_cannot_be_taken_over_is_told_why(row, problem):
    (one,) = found(row, state=a_state())
    assert problem in one.problem


def test_what_may_be_a_purchase_in_doubt_is_left_to_its_address():
    intent = an_intent("edge", name="edge", declared={"name": "edge"}, earlier_ids=())
    row = replace(EDGE, created_at=intent.server_time)
    (one,) = found(row, state=a_state(intents={intent.id: intent}))
    assert "purchase in doubt of edge" in one.problem


def test_servers_of_one_name_are_not_taken_over():
    assert all("another server has its name" in one.problem for one in found(EDGE, replace(EDGE, id="id-2")))
