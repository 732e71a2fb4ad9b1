"""What two states hold: told for each server, and lost to neither."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_plan, a_recorded, a_state, an_intent, change_of

from provisioner.kinds import CATALOGUE
from provisioner.model.action import Action
from provisioner.model.guards import ALL, Allowance
from provisioner.model.held_twice import HeldTwice, SharedPurchase
from provisioner.planning.held_twice import held_twice, held_twice_warnings
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.refusals import apply_guards

PREPAID = {"name": "a", "charging_info": {"charging_mode": "PRE_PAID"}}
ID, ORDER = HeldTwice({"id-1": "demo.prod"}), HeldTwice({"CS1": "demo.prod"})


def inputs_of(recorded, held, allowed=frozenset()):
    return PlanInput((), a_state(recorded), {}, held_twice=held, allowed=allowed)


@pytest.fixture
def server():
    return a_recorded("a", id="id-1", order_id="CS1", declared=PREPAID)


@pytest.mark.parametrize(("held", "told"), [(ID, "server id-1 is recorded"), (ORDER, "its order CS1 is recorded")])
def test_each_server_is_told(server, held, told):
    (finding,) = held_twice_warnings(inputs_of(server, held), CATALOGUE)
    assert finding.summary == f"a: {told} in the state demo.prod as well"
    assert "provisioner state rm 'a'" in finding.hint
    assert list(held_twice_warnings(inputs_of(a_recorded("b", id="id-2"), held), CATALOGUE)) == []


@pytest.mark.parametrize(
    ("held", "action", "refused"),
    [
        *((ID, action, True) for action in (Action.DELETE, Action.REPLACE, Action.REINSTALL)),
        *((ID, action, False) for action in (Action.NO_OP, Action.UPDATE, Action.FORGET)),
        *((ORDER, action, True) for action in (Action.DELETE, Action.REPLACE)),
        (ORDER, Action.REINSTALL, False),
        (HeldTwice(), Action.DELETE, False),
    ],
)
def test_what_would_be_lost_is_refused(server, held, action, refused):
    plan = a_plan(change_of(server.address, "dev_server", action, recorded=server))
    assert [one.code for one in held_twice(plan, inputs_of(server, held), CATALOGUE)] == ["held-twice"] * refused


def test_a_common_order_that_a_release_does_not_end_is_no_loss(server):
    hourly = replace(server, declared={"name": "a", "charging_info": {"charging_mode": "POST_PAID"}}, order_id="CS1")
    change = change_of(server.address, "dev_server", Action.DELETE, recorded=hourly)
    ends = CATALOGUE["dev_server"].orders.ends_its_order(hourly, None)
    assert bool([*held_twice(a_plan(change), inputs_of(hourly, ORDER), CATALOGUE)]) == ends


def test_a_server_that_is_gone_may_be_replaced(server):
    change = change_of(server.address, "dev_server", Action.REPLACE, recorded=server, vanished=True)
    assert list(held_twice(a_plan(change), inputs_of(server, ID), CATALOGUE)) == []


def test_a_person_lifts_it_by_its_own_name_only(server):
    plan = a_plan(change_of(server.address, "dev_server", Action.DELETE, recorded=server))
    for allowed, lifted in ((ALL, 0), (frozenset({Allowance.HELD_TWICE}), 1)):
        guarded = apply_guards(plan, inputs_of(server, ID, allowed), CATALOGUE, (held_twice,))
        assert (len(guarded.refusals), len(guarded.lifted)) == (1 - lifted, lifted)


def test_two_open_purchases_of_one_name_are_told():
    ours, theirs = an_intent("a"), an_intent("b", name="a")
    held = HeldTwice(purchases=(SharedPurchase(ours, "a", theirs, "demo.prod"),))
    (finding,) = held_twice_warnings(inputs_of(a_recorded("z"), held), CATALOGUE)
    assert "the state demo.prod has a purchase of the same name 'a' whose outcome is open too, for b" in finding.summary
