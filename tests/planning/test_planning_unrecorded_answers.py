"""An address is not bought again while an unrecorded answer names its living server."""

from __future__ import annotations

import pytest
from support.builders import an_intent
from support.planning_builders import bought, planned, shown, surveyed, wanted

from provisioner.model.journal import Answered
from provisioner.planning import unrecorded_answer_refusals

GATEWAY = wanted("gateway")
SERVER = shown(bought(GATEWAY, id="id-of-gateway", order_id="CS1"), name="gateway-x1")
LIVE = {SERVER.id: SERVER}


def refusals(answer, *, address="gateway", live=LIVE):
    plan = planned(surveyed(GATEWAY))
    return tuple(unrecorded_answer_refusals(plan, live, [(an_intent(address), answer)]))


@pytest.mark.parametrize(
    "named", [{"id": "id-of-gateway"}, {"order_id": "CS1"}, {"id": "id-of-gateway", "order_id": "CS1"}]
)
def test_a_living_server_that_an_answer_names_keeps_its_address_from_being_bought_again(named):
    (refusal,) = refusals(Answered("intent", 200, **named))
    assert refusal.code == "unrecorded-purchase"
    assert "provisioner import 'gateway' id-of-gateway" in refusal.hint


def test_one_that_is_gone_and_one_of_another_address_keep_nothing():
    answer = Answered("intent", 200, id="id-of-gateway")
    assert refusals(answer, live={}) == ()
    assert refusals(answer, address="trainer[0]") == ()
    assert refusals(Answered("intent", 200, id="id-of-another")) == ()


def test_nothing_is_refused_without_an_answer():
    assert tuple(unrecorded_answer_refusals(planned(surveyed(GATEWAY)), LIVE, [])) == ()
