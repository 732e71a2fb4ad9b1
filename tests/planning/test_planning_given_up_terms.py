"""Guards of paid terms by every sign there is, and of deposed servers that nobody named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address
from support.planning_builders import PREPAID, bought, codes, planned, shown, surveyed, wanted

from provisioner.model.guards import Allowance
from provisioner.model.journal import Moved
from provisioner.model.plan import Mode
from provisioner.model.release_facts import ReleaseFacts
from provisioner.model.replay import replay

GATEWAY = an_address("gateway")
HOURLY = bought(wanted())
BIGGER = wanted(flavor="Si2.xlarge.4")
SUBSCRIBED = ReleaseFacts(subscribed=frozenset({HOURLY.id}))
OLD = replace(bought(wanted(charging_info=PREPAID), id="old"), address=GATEWAY.as_deposed)
NEW = bought(BIGGER, id="new")


@pytest.mark.parametrize(("desired", "code"), [((), "prepaid-delete"), ((BIGGER,), "prepaid-replace")])
def test_what_only_billing_knows_as_prepaid_is_guarded(desired, code):
    survey = surveyed(*desired, state=a_state(HOURLY), live=(shown(HOURLY),), release_facts=SUBSCRIBED)
    assert codes(planned(survey).refusals) == [code]
    assert codes(planned(replace(survey, release_facts=ReleaseFacts())).refusals) == []


def deposed(record):
    return surveyed(BIGGER, state=a_state(record, NEW), live=(shown(record), shown(NEW)))


def test_a_deposed_server_is_released_unasked_only_where_its_address_was_named():
    assert codes(planned(deposed(OLD)).refusals) == ["prepaid-delete"]
    assert codes(planned(deposed(replace(OLD, term_given_up=True))).refusals) == []
    allowed = replace(deposed(OLD), allowed=frozenset({Allowance.PREPAID_DELETE}))
    assert codes(planned(allowed).refusals) == []


def test_who_gets_its_address_back_has_to_be_named_once_more():
    there = bought(wanted(charging_info=PREPAID))
    away = replay(a_state(there), [Moved(GATEWAY, GATEWAY.as_deposed, term_given_up=True)])
    assert away.resources[GATEWAY.as_deposed].term_given_up
    back = replay(away, [Moved(GATEWAY.as_deposed, GATEWAY)])
    assert back.resources[GATEWAY] == there
    survey = surveyed(wanted(charging_info=PREPAID), state=away, live=(shown(there),))
    (change,) = planned(survey).changes
    assert change.recorded is not None and not change.recorded.term_given_up  # noqa: PT018 - one fact


def test_a_fault_of_what_was_ready_takes_no_guard_away():
    there = bought(wanted(charging_info=PREPAID))
    survey = surveyed(state=a_state(there), live=(shown(there, "ERROR"),))
    assert codes(planned(survey, mode=Mode.DESTROY).refusals) == ["prepaid-delete"]
