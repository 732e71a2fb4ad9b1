"""What other tools ask of a DevServer, read from what is kept of it; and the one question that no list answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.flows import NOT_FOUND, ok, play, refused
from support.rows import ID

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import CallFailed, Effect, Outcome

KIND = CATALOGUE["dev_server"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_addresses_are_told_once_each_in_the_clouds_order():
    observed = {
        "status": "RUNNING",
        "charging_mode": "PRE_PAID",
        "endpoints": [{"service": "SSH", "uri": "10.0.0.7"}, {"service": "NOTEBOOK", "uri": "10.0.0.7"}, {"uri": "10.0.0.6"}],
        "public_ips": [{"id": "1", "address": "80.1.2.3"}],
    }  # fmt: skip
    assert KIND.facts.read(observed) == {
        "status": "RUNNING",
        "charging_info": {"charging_mode": "PRE_PAID"},
        "private_addresses": ["10.0.0.7", "10.0.0.6"],
        "public_addresses": ["80.1.2.3"],
    }


def test_what_was_never_shown_is_absent():
    assert KIND.facts.read({}) == {}


@given(st.dictionaries(st.sampled_from(["status", "endpoints", "public_ips", "charging_mode"]), JSON))
def test_whatever_the_cloud_sends_it_is_read_without_a_mishap(observed):
    told = KIND.facts.read(observed)
    for key in ("private_addresses", "public_addresses"):
        assert all(isinstance(text, str) and text for text in told.get(key, []))


def test_public_addresses_are_asked_for_by_the_id():
    listed = [{"id": "eip-1", "address": "80.1.2.3"}]
    played = play(KIND.read_detail(ID), [ok(public_ips=listed)])
    assert played.result == {"public_ips": listed}
    assert played.calls == [f"GET /v1/{{project_id}}/dev-servers/{ID}/publicips"]
    assert played.steps[0].effect is Effect.READ


@pytest.mark.parametrize("reply", [refused(status=403), refused(NOT_FOUND), ok(something="else")])
def test_a_cloud_that_does_not_say_leaves_it_unknown(reply):
    assert play(KIND.read_detail(ID), [reply]).result == {}


def test_an_answer_that_is_lost_is_no_answer():
    with pytest.raises(CallFailed):
        play(KIND.read_detail(ID), [CallFailed(Outcome.UNKNOWN, "reset")])
