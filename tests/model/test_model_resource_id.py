"""Ids are the same id in any letter case, however they are held; what is sent is the spelling that a cloud is surest to take."""

import orjson
import pytest
from support.builders import a_recorded, an_intent

from provisioner.model.address import Address
from provisioner.model.flow import Effect, Remember, Wait
from provisioner.model.journal import Adopted, Answered, Forgotten, Remembered
from provisioner.model.refactoring import Import
from provisioner.model.resource import Live, Phase
from provisioner.model.resource_id import request_spelling, resource_id, resource_ids

LOWER, UPPER, MIXED = "0a-bc", "0A-BC", "0A-bc"
SPELLINGS = [LOWER, UPPER, MIXED]


@pytest.mark.parametrize("one", SPELLINGS)
@pytest.mark.parametrize("other", SPELLINGS)
def test_every_way_of_comparing_finds_it(one, other):
    one, other = resource_id(one), resource_id(other)
    assert (one == other, one != other) == (True, False)
    assert one in {other, "another"}
    assert {one: 1}[other] == 1
    assert not {one} - {other}
    assert (one, 1) == (other, 1)
    assert one in ("another", other)


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_another_id_is_another(spelt):
    assert resource_id(spelt) != resource_id("0A-BD")
    assert resource_id(spelt) != 7
    assert resource_id(spelt) not in {resource_id("0A-BD"), None}


def test_the_spelling_is_kept_and_lower_case_is_plain_text():
    assert type(resource_id(LOWER)) is str
    assert (str(resource_id(UPPER)), f"{resource_id(MIXED)}") == (UPPER, MIXED)
    assert orjson.dumps(resource_ids(SPELLINGS)) == orjson.dumps(SPELLINGS)


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        ("6F0C9B1E-0D7C-4BB9-9D3E-3F3A7D1F5A11", "6f0c9b1e-0d7c-4bb9-9d3e-3f3a7d1f5a11"),
        ("6f0c9b1e-0d7c-4bb9-9d3e-3f3a7d1f5a11", "6f0c9b1e-0d7c-4bb9-9d3e-3f3a7d1f5a11"),
        (MIXED, MIXED),
    ],
)
def test_requests_bear_a_uuid_in_lower_case_and_any_other_id_as_it_is_known(known, sent):
    spelt = request_spelling(resource_id(known))
    assert (type(spelt), str(spelt)) == (str, sent)


HOLDERS = {
    "a row": lambda spelt: Live("dev_server", spelt, "a", "RUNNING").id,
    "a record": lambda spelt: a_recorded("a", id=spelt).id,
    "what is answered": lambda spelt: Answered("i", 200, id=spelt).id,
    "what is adopted": lambda spelt: Adopted("i", spelt, "seen").id,
    "what is remembered": lambda spelt: Remembered(Address("a"), Phase.READY, id=spelt).id,
    "what is forgotten": lambda spelt: Forgotten(Address("a"), "gone", spelt).id,
    "a fact": lambda spelt: Remember(Phase.READY, id=spelt).id,
    "what is waited for": lambda spelt: Wait(bool, id=spelt).id,
    "what billing names": lambda spelt: Wait(bool, ids=(spelt,)).ids[0],
    "what is imported": lambda spelt: Import(Address("a"), spelt).id,
    "what bore the name before": lambda spelt: next(iter(an_intent(earlier_ids=(spelt,)).known_before)),
    "what was listed before": lambda spelt: next(iter(an_intent(earlier_ids=(), listed=(spelt,)).known_before)),
    "what a release is about": lambda spelt: an_intent(effect=Effect.DESTRUCTIVE, target_id=spelt).target_id,
}


@pytest.mark.parametrize("held", HOLDERS.values(), ids=HOLDERS)
def test_whatever_holds_an_id_is_found_by_it(held):
    assert held(UPPER) in {LOWER, "another"}
    assert LOWER in {held(UPPER), "another"}
    assert str(held(UPPER)) == UPPER


def test_the_id_of_an_order_is_as_it_is_spelt():
    assert an_intent(effect=Effect.PAYMENT, target_id="CS1").target_id in {"CS1", "another"}
