"""Servers that stand in no state and are ours all the same, or look like it: named, and never touched."""

from __future__ import annotations

from dataclasses import replace

from support.builders import a_state, an_address, an_intent
from support.planning_builders import bought, codes, planned, shown, surveyed, wanted

from provisioner.model.journal import Answered, Forgotten, Intended, Settled, replay
from provisioner.model.marker import marked
from provisioner.model.state import State

STATE = a_state(bought(wanted()))
OURS = shown(bought(wanted()))


def a_stray(name: str, identifier: str = "stray"):
    return shown(bought(wanted(name=name), id=identifier))


def swept(state: State, *strays):
    return planned(surveyed(wanted(), state=state, live=(OURS, *strays))).findings


def a_marked_name(lineage: str = STATE.lineage) -> str:
    return marked("gateway", lineage=lineage, salt=b"12345678", longest=64)


def believed_absent(address: str = "gateway"):
    intent = an_intent(address, name="gateway", declared={"name": "gateway"}, server_time=0, earlier_ids=())
    return {intent.id: intent}


def test_a_strangers_server_is_nobodys_business():
    assert swept(STATE, a_stray("somebody-elses")) == ()


def test_a_server_with_our_marker_is_ours():
    (finding,) = swept(STATE, a_stray(a_marked_name()))
    assert finding.code == "untracked"
    assert "stray" in finding.summary
    assert "release it in the console" in finding.hint


def test_the_marker_of_another_state_is_not_ours():
    assert swept(STATE, a_stray(a_marked_name("another-lineage"))) == ()


def test_a_namesake_of_a_recorded_server_may_have_been_bought_twice():
    (finding,) = swept(STATE, a_stray("gateway"))
    assert (finding.code, finding.address) == ("namesake", an_address("gateway"))


def test_a_ghost_of_a_purchase_that_was_bought_again_is_named_as_that():
    state = a_state(bought(wanted()), absent=believed_absent())
    (finding,) = swept(state, a_stray("gateway"))
    assert finding.code == "bought-twice"
    assert "id-of-gateway" in finding.detail


def test_a_ghost_whose_address_is_free_can_be_adopted():
    state = a_state(absent=believed_absent())
    found = planned(surveyed(wanted(), state=state, live=(a_stray("gateway"),))).findings
    assert codes(found) == ["untracked"]
    assert "resolve 'gateway' --adopt stray" in found[0].hint


def test_what_an_open_purchase_may_be_is_told_once():
    intents = {"i": an_intent("other", id="i", name="gateway", declared={"name": "gateway"}, server_time=0)}
    found = swept(a_state(bought(wanted()), intents=intents), a_stray("gateway"))
    assert codes(found) == ["in-doubt"]


def test_nothing_is_judged_while_another_run_is_at_work():
    survey = surveyed(wanted(), state=STATE, live=(OURS, a_stray("gateway")), at_work=True)
    assert planned(survey).findings == ()


def test_what_is_listed_by_its_order_is_tracked():
    ordered = bought(wanted(), id=None, order_id="CS1")
    row = shown(bought(wanted(), id="its-id", order_id="CS1"))
    assert planned(surveyed(wanted(), state=a_state(ordered), live=(row,))).findings == ()


def test_a_server_that_was_bought_again_and_then_let_go_is_not_taken_for_the_ghost():
    """To adopt it, as was advised, would have led to its release."""
    first = replace(an_intent("gateway", id="first", name="gateway", declared={"name": "gateway"}), earlier_ids=())
    second = replace(first, id="second")
    state = replay(
        a_state(),
        [
            Intended(first),
            Settled("first", "absent", "a complete list has no server that fits"),
            Intended(second),
            Answered("second", 200, "r", id="stray"),
            Forgotten(an_address("gateway"), "removed from the state", "stray"),
        ],
    )
    assert "first" in state.absent
    assert codes(planned(surveyed(state=state, live=(a_stray("gateway"),))).findings) == []
