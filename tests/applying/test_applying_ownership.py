"""Answers that name somebody else's server: an order, an id or a row that cannot belong to the purchase leaves it in
doubt.
"""

from __future__ import annotations

import pytest

from provisioner.model.flow import Effect
from provisioner.model.journal import Forgotten, Intended
from provisioner.model.purchase_policy import Marker, Prepaid, PurchasePolicy

PURCHASE = Effect.PURCHASE


@pytest.fixture
def stranger(harness):
    return harness.cloud.add_server("stranger", prepaid=True, order_id="CS-THEIRS", strange=True)


def test_an_order_that_was_there_before_is_no_answer(harness, servers, result_types, stranger):
    harness.cloud.answers(PURCHASE, {"order_id": stranger.order_id})
    assert result_types(harness.apply(*servers(1, prepaid=True))) == ["in_doubt"]
    assert not harness.state.resources
    assert result_types(harness.apply(*servers(1, prepaid=True))) == ["done"]
    assert [one.id for one in harness.state.resources.values()] == [one.id for one in harness.cloud.ours]


def test_an_order_that_billing_alone_knew_is_no_answer(harness, servers, only_result):
    plan = harness.plan(*servers(1, prepaid=True))
    harness.cloud.answers(PURCHASE, {"order_id": "CS-OPEN"})
    result = only_result(harness.execute(plan, orders=frozenset({"CS-OPEN"})))
    assert (result.type, result.diagnostic.code) == ("in_doubt", "in-doubt")
    assert not harness.cloud.payments


@pytest.mark.parametrize("name", ["bobs", "another one", "trainer-0-2", "trainer-02"])
def test_a_reply_under_another_name_is_no_answer(harness, servers, result_types, name):
    stranger = harness.cloud.add_server(name, strange=True, flavor="Kat1.8xlarge")
    harness.cloud.servers.pop(stranger.id)
    harness.cloud.answers(PURCHASE, {"id": stranger.id, "name": name})
    assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
    (intent,) = harness.state.intents.values()
    assert intent.answered_id == stranger.id


@pytest.mark.parametrize("name", ["TRAINER-0", "", None, 7, " trainer_0 "])
def test_a_reply_under_a_form_of_the_name_is_believed(harness, servers, result_types, name):
    harness.cloud.answers(PURCHASE, {"id": "id-1", "name": name})
    assert result_types(harness.apply(*servers(1))) == ["done"]


@pytest.mark.parametrize("marker", Marker)
def test_a_first_row_of_another_name_puts_it_in_doubt_again(harness, servers, result_types, marker):
    """The stranger's server has the flavor that was asked for."""
    harness.policy = PurchasePolicy(marker=marker)

    def add_bobs(what):
        if what.startswith("buy"):
            harness.cloud.add_server("bobs", strange=True)

    harness.cloud.arrivals.append(add_bobs)
    harness.cloud.answers(PURCHASE, {"id": "id-1"}, executed=False)
    assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
    assert [one.name for one in harness.cloud.servers.values()] == ["bobs"]
    assert not harness.state.resources
    assert any(isinstance(entry, Forgotten) for entry in harness.entries)
    (intent,) = harness.state.intents.values()
    assert intent.answered_id == "id-1"
    harness.cloud.arrivals.clear()
    harness.clock.time += 3600
    assert result_types(harness.apply(*servers(1))) == ["in_doubt"], "nothing proves absence while the server is listed"
    assert not harness.cloud.purchases


def test_a_death_while_it_is_put_in_doubt_again_forgets_no_purchase(harness, servers, result_types):
    """The write has two entries, and the second may be torn."""

    def add_bobs(what):
        if what.startswith("buy"):
            harness.cloud.add_server("bobs", strange=True)

    harness.cloud.arrivals.append(add_bobs)
    harness.cloud.answers(PURCHASE, {"id": "id-1"}, executed=False)
    assert result_types(harness.apply(*servers(1))) == ["in_doubt"]
    (at,) = (number for number, entry in enumerate(harness.entries) if isinstance(entry, Forgotten))
    assert isinstance(harness.entries[at - 1], Intended), "the purchase is in doubt before its record goes"
    del harness.entries[at:]
    assert harness.state.purchases_in_doubt
    harness.cloud.arrivals.clear()
    for _ in range(3):
        harness.clock.time += 3600
        harness.apply(*servers(1))
        assert not harness.cloud.purchases, "bought again"


@pytest.mark.parametrize("extra", [{}, {"name": None}, {"id": "id-9"}, {"name": "bobs"}])
def test_an_order_that_would_be_paid_is_believed_beside_the_name_that_was_sent_only(
    harness, servers, result_types, extra
):
    harness.policy = PurchasePolicy(prepaid=Prepaid.TWO_STEP)
    harness.cloud.answers(PURCHASE, {"order_id": "CS-NEW", **extra})
    assert result_types(harness.apply(*servers(1, prepaid=True))) == ["in_doubt"]
    assert not harness.state.resources
    assert not harness.cloud.payments
