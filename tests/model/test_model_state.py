"""What makes a state valid, said once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_purchase_of_several, a_recorded, a_state, an_address, an_intent

from provisioner.model.flow import Effect
from provisioner.model.resource import Phase
from provisioner.model.state import JournalHead


def problems(*recorded, **facts):
    return [*a_state(*recorded, **facts).problems()]


def test_a_sound_state_has_no_problems():
    ordering = a_recorded("ordered", id=None, order_id="CS1", phase=Phase.ORDERING)
    doubt = an_intent("new")
    assert problems(a_recorded(), ordering, intents={doubt.id: doubt}, head=JournalHead(3, "f00d")) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"lineage": ""}, "the lineage is empty"),
        ({"serial": 0}, "the serial 0 is below 1"),
        ({"head": JournalHead(1, "")}, "the journal's head has a sequence without a hash or a hash without a sequence"),
        (
            {"head": JournalHead(0, "f")},
            "the journal's head has a sequence without a hash or a hash without a sequence",
        ),
        ({"resources": {an_address("x"): a_recorded("y")}}, "the record of y is filed under x"),
        ({"intents": {"x": an_intent()}}, "the intent intent-for-trainer[0] is filed under x"),
    ],
)
def test_every_broken_invariant_is_said_in_words(facts, said):
    assert problems(**facts) == [said]


@pytest.mark.parametrize("phase", Phase)
def test_a_record_without_any_id_is_nothing_we_could_act_on(phase):
    found = problems(a_recorded("a", id=None, order_id=None, phase=phase))
    assert found[0] == "a has neither an id nor an order id"


@pytest.mark.parametrize("phase", Phase)
def test_only_what_has_an_id_can_be_ready_or_going(phase):
    has_id = {Phase.READY, Phase.REINSTALLING, Phase.DELETING}
    found = problems(a_recorded("a", id=None, order_id="CS1", phase=phase))
    assert found == ([f"a is {phase} and has no id"] if phase in has_id else [])


def test_one_id_belongs_to_one_address():
    assert problems(a_recorded("a", id="same"), a_recorded("b", id="same")) == ["the id same belongs to 2 addresses"]


@pytest.mark.parametrize("effect", [Effect.READ, Effect.REPEATABLE])
def test_only_calls_that_need_an_intent_have_one(effect):
    intent = an_intent(effect=effect)
    assert problems(intents={intent.id: intent}) == [
        f"the intent intent-for-trainer[0] is for a {effect} call, which needs none"
    ]


def test_an_address_has_one_purchase_under_way_and_a_release_beside_it_at_most():
    one, two = an_intent(id="1"), an_intent(id="2")
    release = an_intent(id="3", effect=Effect.DESTRUCTIVE)
    assert problems(intents={"1": one, "2": two}) == ["trainer[0] has 2 purchases under way"]
    assert problems(intents={"1": one, "3": release}) == []


def test_a_purchase_of_several_is_under_way_for_each_of_them():
    several = a_purchase_of_several("a", "b", "c")
    assert problems(intents={several.id: several}) == []
    again = an_intent("b")
    assert problems(intents={several.id: several, again.id: again}) == ["b has 2 purchases under way"]
    state = a_state(intents={several.id: several})
    assert [state.open_intent(an_address(text)) for text in "abc"] == [several] * 3
    assert sorted(map(str, state.doubts)) == ["a", "b", "c"]


@pytest.mark.parametrize("facts", [{"effect": Effect.DESTRUCTIVE}, {"address": an_address("z")}])
def test_members_are_those_of_a_purchase_whose_first_they_begin_with(facts):
    odd = replace(a_purchase_of_several("a", "b"), **facts)
    assert problems(intents={odd.id: odd}) == [f"the intent {odd.id} has members and is no purchase of theirs"]


def test_open_intents_are_found_by_address_and_listed_in_its_order():
    b, a = an_intent("b"), an_intent("a")
    state = a_state(intents={b.id: b, a.id: a})
    assert state.in_doubt == (a, b)
    assert state.open_intent(an_address("b")) == b
    assert state.open_intent(an_address("c")) is None
