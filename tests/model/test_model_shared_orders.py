"""Several servers by one order: what is recorded when it is answered, and which of its servers is whose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_purchase_of_several, a_recorded, a_state, an_address, an_intent

from provisioner.model.audit_event import AuditEventType
from provisioner.model.audit_events import audit_events
from provisioner.model.history import HistoryRecord, with_context
from provisioner.model.journal import Adopted, Answered, Forgotten, Intended, Remembered, Settled
from provisioner.model.replay import replay
from provisioner.model.resource import Live, Phase
from provisioner.model.shared_orders import assign_servers, find_by_order, find_surplus
from provisioner.model.state import Member

THREE = a_purchase_of_several("a", "b", "c", declared={"name": "a", "flavor": "large"})


def ordered(address, **facts):
    known = {"id": None, "order_id": "CS1", "phase": Phase.ORDERING, "observed": {}, "declared": {"name": address}}
    return a_recorded(address, **(known | facts))


def row(identifier, name="a", order_id="CS1"):
    return Live("dev_server", identifier, name, "RUNNING", order_id=order_id)


@pytest.mark.parametrize(
    "entry", [Answered(THREE.id, 200, id="one-of-them", order_id="CS1"), Adopted(THREE.id, None, "", "CS1")]
)
def test_the_order_is_everybodys_and_an_id_nobodys(entry):
    state = replay(a_state(), [Intended(THREE), entry])
    assert {(str(key), one.id, one.order_id, one.phase) for key, one in state.resources.items()} == {
        (text, None, "CS1", Phase.ORDERING) for text in "abc"
    }
    assert [one.declared for one in state.resources.values()] == [{"name": text, "flavor": "large"} for text in "abc"]
    assert list(state.problems()) == []
    assert not state.intents


def test_what_is_each_ones_own_is_kept_for_each():
    members = (Member(an_address("a"), "a", {"rack": "1"}), Member(an_address("b"), "b", protected=True))
    intent = an_intent("a", members=members)
    state = replay(a_state(), [Intended(intent), Answered(intent.id, 200, order_id="CS1")])
    kept = [(dict(one.labels), one.protected) for one in state.resources.values()]
    assert kept == [({"rack": "1"}, False), ({}, True)]


def test_what_became_of_none_is_absent_for_all():
    state = replay(a_state(), [Intended(THREE), Settled(THREE.id, "absent", "decided by ana")])
    assert (state.resources, dict(state.absent)) == ({}, {THREE.id: THREE})


@given(
    st.dictionaries(st.integers(0, 9).map(lambda key: an_address(f"pool[{key}]")), st.sampled_from("abcd")),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcd")), unique_by=lambda pair: pair[0]),
)
def test_each_row_goes_to_one_address_as_far_as_they_go_and_in_any_order_alike(wanted, listed):
    rows = [row(str(number), name) for number, name in listed]
    assigned = assign_servers(wanted, rows)
    assert assign_servers(dict(reversed(wanted.items())), reversed(rows)) == assigned
    assert len({one.id for one in assigned.values()}) == len(assigned) == min(len(wanted), len(rows))
    misnamed = [one for address, one in assigned.items() if one.name != wanted[address]]
    left = {one.name for one in (*misnamed, *(one for one in rows if one not in assigned.values()))}
    assert not left & {
        name for address, name in wanted.items() if address in assigned and assigned[address].name != name
    }


def test_a_server_that_is_recorded_is_not_dealt_out_again():
    records = [ordered("a"), ordered("b", id="2", phase=Phase.CREATING), ordered("c")]
    rows = [row("1", "x"), row("2", "a"), row("3", "x")]
    assert {str(key): one.id for key, one in find_by_order(records, rows).items()} == {"a": "1", "c": "3"}
    assert find_surplus(records, rows) == ()


def test_what_is_of_an_order_and_nobodys_is_left_over():
    records = [ordered("a"), ordered("b", id="2", phase=Phase.READY, observed={"status": "RUNNING"})]
    rows = [row("1"), row("2"), row("3"), row("4", order_id="CS2")]
    assert [one.id for one in find_surplus(records, rows)] == ["3"]


def the_story(*entries):
    records = tuple(HistoryRecord(number, 0, "", entry) for number, entry in enumerate(entries, start=1))
    return [
        (deed.type, str(deed.address), deed.id, deed.order_id) for deed in audit_events(tuple(with_context(records)))
    ]


def test_history_tells_the_one_call_of_each():
    bought = Intended(THREE), Answered(THREE.id, 200, order_id="CS1")
    assert the_story(*bought) == [(AuditEventType.ORDERED, text, None, "CS1") for text in "abc"]
    assert the_story(*bought, Remembered(an_address("b"), Phase.CREATING, id="2"))[3:] == [
        (AuditEventType.FOUND, "b", "2", "CS1")
    ]
    gone = Forgotten(an_address("c"), "never shown by the cloud, decided by ana")
    assert the_story(*bought, gone)[3:] == [(AuditEventType.FORGOT, "c", None, "CS1")]
    assert the_story(Intended(THREE)) == [(AuditEventType.IN_DOUBT, text, None, None) for text in "abc"]
