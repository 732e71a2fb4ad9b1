"""Which servers that a state has let go are looked for before their addresses or names are bought again."""

import pytest
from support.builders import a_desired, a_recorded, a_state, an_address, an_intent

from provisioner.model.history import HistoryRecord
from provisioner.model.journal import Forgotten, Imported, Intended, Moved
from provisioner.model.resource_id import resource_id
from provisioner.workflow.forgotten_servers import forgotten_servers, former_servers

BY_HAND = "removed from the state by ana; nobody has released it"
BETA = a_desired("beta", fields={"name": "beta"})


def told(*entries):
    return lambda: (HistoryRecord(number, 0, "", entry) for number, entry in enumerate(entries))


def gone(address, identifier, reason=BY_HAND):
    return Forgotten(an_address(address), reason, identifier)


@pytest.mark.parametrize(
    ("reason", "asked"),
    [
        (BY_HAND, ["id-1"]),
        ("removed by the specs; nobody has released it", ["id-1"]),
        ("never shown by the cloud, decided by ana", ["id-1"]),
        ("gone from the cloud", ["id-1"]),
        ("released", []),
        ("its order is cancelled", []),
    ],
)
def test_all_but_what_was_released(reason, asked):
    assert forgotten_servers(told(gone("beta", "id-1", reason)), [BETA], a_state()) == asked


def test_by_its_address_or_by_its_name_wherever_it_stood():
    intent = an_intent("gamma", name="beta", declared={"name": "beta"})
    entries = [
        Intended(intent),
        Moved(an_address("gamma"), an_address("delta")),
        gone("delta", "id-1"),
        Imported(a_recorded("alpha", declared={"name": "beta"}), "named"),
        gone("alpha", "id-2"),
        gone("omega", "id-3"),
        gone("beta", None),
    ]
    assert forgotten_servers(told(*entries), [BETA], a_state()) == ["id-1", "id-2"]


def test_only_where_something_may_be_bought_and_only_the_last_of_many():
    def unread():
        raise AssertionError("the journal is not read for nothing")

    assert forgotten_servers(unread, [BETA], a_state(a_recorded("beta"))) == []
    assert forgotten_servers(unread, [BETA], None) == []
    many = told(*(gone("beta", f"id-{number}") for number in range(50)))
    assert forgotten_servers(many, [BETA], a_state()) == [f"id-{number}" for number in range(30, 50)]


def test_what_became_of_a_server_that_was_held_is_told_by_its_id_however_that_is_spelt():
    entries = [gone("beta", "ID-1", "released"), gone("gamma", "id-2"), gone("delta", "id-3")]
    found = former_servers(told(*entries), {resource_id("id-1"), "id-2", "id-4"})
    assert found == {
        "id-1": "was released from beta at 1970-01-01 00:00:00 UTC",
        "id-2": f"was forgotten ({BY_HAND}) from gamma at 1970-01-01 00:00:00 UTC",
    }
