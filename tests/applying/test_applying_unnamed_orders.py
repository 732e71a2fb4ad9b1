"""Orders that no row names: billing is asked what they have bought before a server counts as missing or is bought
again.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.model.flow import Effect
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase, Timeouts

QUERY = "POST /v2/orders/suscriptions/resources/query"
SOON = Timeouts(create=120)


@pytest.fixture
def silent(harness):
    harness.cloud.hides_orders = True
    return harness


def recorded_ids(harness):
    return sorted(str(one.id) for one in harness.state.resources.values())


def cloud_ids(harness):
    return sorted(server.id for server in harness.cloud.ours)


def billing_queries(harness):
    return [sent.call.body["order_id"] for sent in harness.cloud.log if "order_id" in (sent.call.body or {})]


def test_each_order_leads_to_its_own_server(silent, servers, result_types):
    wanted = servers(3, prepaid=True)
    assert result_types(silent.apply(*wanted)) == ["done"] * 3
    assert set(billing_queries(silent)) == {"CS1", "CS2", "CS3"}
    assert recorded_ids(silent) == cloud_ids(silent)
    for record in silent.state.resources.values():
        assert silent.cloud.servers[record.id].order_id == record.order_id
    assert not silent.plan(*wanted).work


def test_the_servers_of_one_order_are_dealt_out_once(silent, servers, result_types):
    wanted = tuple(replace(one, together=True) for one in servers(3, prepaid=True))
    assert result_types(silent.apply(*wanted)) == ["done"] * 3
    assert recorded_ids(silent) == cloud_ids(silent)
    assert len(set(recorded_ids(silent))) == 3
    assert len(silent.cloud.sent(Effect.PURCHASE)) == 1


def test_a_row_that_shows_its_order_is_not_asked_about(harness, servers):
    harness.apply(*servers(2, prepaid=True))
    assert billing_queries(harness) == []


@pytest.mark.parametrize("billed", [[], ["../../x"], ["another-1"]])
def test_billing_that_names_nothing_usable_leaves_it_ordered_and_nothing_is_bought_again(silent, servers, billed):
    wanted = tuple(replace(one, timeouts=SOON) for one in servers(1, prepaid=True))
    silent.cloud.billed["CS1"] = billed
    silent.apply(*wanted)
    silent.apply(*wanted)
    (record,) = silent.state.resources.values()
    assert (record.id, record.order_id, record.phase) == (None, "CS1", Phase.ORDERING)
    assert silent.cloud.purchases == {"trainer-0": 1}
    del silent.cloud.billed["CS1"]
    silent.apply(*wanted)
    assert recorded_ids(silent) == cloud_ids(silent)
    assert silent.cloud.purchases == {"trainer-0": 1}


def test_a_server_that_is_recorded_is_no_other_addresss_whatever_billing_says(silent, servers):
    wanted = tuple(replace(one, timeouts=SOON) for one in servers(2, prepaid=True))
    silent.apply(wanted[0])
    (first,) = recorded_ids(silent)
    silent.cloud.billed["CS2"] = [first]
    silent.apply(*wanted)
    held = {str(record.address): record.id for record in silent.state.resources.values()}
    assert held == {"trainer[0]": first, "trainer[1]": None}


def test_a_server_of_another_state_is_not_taken(silent, servers):
    (wanted,) = (replace(one, timeouts=SOON) for one in servers(1, prepaid=True))
    plan = silent.plan(wanted)
    silent.execute(plan, other_states=lambda rows: {row.id for row in rows})
    (record,) = silent.state.resources.values()
    assert (record.id, record.order_id) == (None, "CS1")
    silent.apply(wanted)
    assert recorded_ids(silent) == cloud_ids(silent)


def test_a_row_that_names_another_order_is_not_the_one_that_billing_means(silent, servers):
    silent.cloud.hides_orders = False
    stranger = silent.cloud.add_server("trainer-9", prepaid=True, order_id="CS9", strange=True)
    silent.cloud.billed["CS1"] = [stranger.id]
    silent.cloud.lags = {"id-2": 10_000}
    (wanted,) = (replace(one, timeouts=SOON) for one in servers(1, prepaid=True))
    silent.apply(wanted)
    (record,) = silent.state.resources.values()
    assert record.id is None


def test_what_no_list_shows_is_looked_at_by_the_id_that_billing_names(silent, servers, result_types):
    silent.cloud.lags = {"id-1": 10_000}
    assert result_types(silent.apply(*servers(1, prepaid=True))) == ["done"]
    assert recorded_ids(silent) == cloud_ids(silent) == ["id-1"]


def test_what_nobody_has_seen_is_released_by_the_id_that_billing_names(silent, servers):
    wanted = tuple(replace(one, timeouts=SOON) for one in servers(1, prepaid=True))
    silent.cloud.billed["CS1"] = []
    silent.apply(*wanted)
    del silent.cloud.billed["CS1"]
    silent.apply(*wanted, mode=Mode.DESTROY)
    assert silent.state.resources == {}
    assert silent.cloud.ours == []


def test_a_death_at_any_step_buys_nothing_twice_and_loses_nothing(new_harness, servers):
    wanted = servers(2, prepaid=True)
    step = 0
    while True:
        step += 1
        harness = new_harness()
        harness.cloud.hides_orders = True
        ended = harness.apply(*wanted, die_at=step)
        if ended is not None:
            break
        harness.apply(*wanted)
        assert max(harness.cloud.purchases.values()) == 1
        assert len(set(recorded_ids(harness))) == len(recorded_ids(harness))
    assert step > 10
