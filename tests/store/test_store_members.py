"""A purchase of several whose story has lines that cannot be read: each of its addresses is kept, in doubt or with its order."""

from __future__ import annotations

from support.builders import a_purchase, a_purchase_of_several, an_address, an_intent

from provisioner.model.journal import Answered, Intended, Remembered
from provisioner.model.resource import Phase
from provisioner.store.partial_replay import PartialReplay

THREE = a_purchase_of_several("a", "b", "c", id="several")


def told(*entries):
    story = PartialReplay(None)
    for entry in entries:
        story.apply(entry)
    return story


def test_a_fact_about_one_with_its_order_tells_of_all():
    story = told(Intended(THREE), Remembered(an_address("b"), Phase.CREATING, id="2", order_id="CS1"))
    assert {str(key): (one.id, one.order_id) for key, one in story.state.resources.items()} == {
        "a": (None, "CS1"),
        "b": ("2", "CS1"),
        "c": (None, "CS1"),
    }
    assert not story.state.intents
    assert story.unattributed_ids == ()


def test_an_id_alone_tells_nothing_of_the_others():
    story = told(Intended(THREE), Remembered(an_address("b"), Phase.CREATING, id="2"))
    assert [intent.id for intent in story.state.in_doubt] == [THREE.id]
    assert [facts.id for facts in story.unplaced] == ["2"]


def test_another_purchase_for_one_of_them_leaves_the_others_in_doubt():
    story = told(Intended(THREE), *a_purchase("a"))
    (left,) = story.state.in_doubt
    assert [str(address) for address in left.addresses] == ["b", "c"]
    assert str(left.address) == "b"
    assert list(map(str, story.state.resources)) == ["a"]
    story = told(Intended(THREE), *(Intended(an_intent(text)) for text in "abc"))
    assert [intent.id for intent in story.state.in_doubt] == [f"intent-for-{text}" for text in "abc"]


def test_a_call_that_is_noted_again_is_the_same_one():
    story = told(Intended(THREE), Intended(THREE), Answered(THREE.id, 200, order_id="CS1"))
    assert list(map(str, story.state.resources)) == ["a", "b", "c"]
    assert not story.state.intents
