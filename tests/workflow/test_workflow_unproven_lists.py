"""A list may leave out what one user has: what is known to be his has to stand in it before it is believed of his calls."""

from __future__ import annotations

import pytest
from support.builders import a_recorded, a_state, an_intent

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Effect
from provisioner.model.identity import TEMPORARY_KEY_PREFIX
from provisioner.model.resource import Phase
from provisioner.workflow.cloud_snapshot import gaps_of_senders

TEMPORARY = f"{TEMPORARY_KEY_PREFIX}key"
SHOWN = {"status": "RUNNING"}


def his(address, sender="ana", **facts):
    return a_recorded(address, id=f"id-of-{address}", **({"bought_by": sender, "observed": SHOWN} | facts))


def findings(intent, *records, live=(), **others):
    state = a_state(*records, intents={one.id: one for one in (intent, *others.values())})
    return [gap.finding for gap in gaps_of_senders([intent], state, set(live), CATALOGUE["dev_server"])]


def a_purchase(sender="ana"):
    return an_intent("alpha", sender=sender)


def a_release(address, sender="ana", **facts):
    return an_intent(address, sender=sender, effect=Effect.DESTRUCTIVE, target_id=f"id-of-{address}", **facts)


NONE = ["no server that he is known to have bought is listed"]
SOME = ["not every server that he is known to have bought is listed"]


@pytest.mark.parametrize("sender", ["ana", TEMPORARY, ""])
def test_of_a_sender_of_whom_nothing_is_listed_nothing_is_concluded_however_he_is_known(sender):
    assert (
        findings(a_purchase(sender), his("beta", "carol"), his("gamma", ""), live=["id-of-beta", "id-of-gamma"]) == NONE
    )


@pytest.mark.parametrize("sender", ["ana", TEMPORARY])
def test_a_list_is_believed_that_shows_all_that_he_is_known_to_have_bought(sender):
    records = (his("beta", sender), his("gamma", sender))
    assert findings(a_purchase(sender), *records, live=["id-of-beta", "id-of-gamma"]) == []
    assert findings(a_purchase(sender), *records, live=["id-of-beta"]) == SOME


@pytest.mark.parametrize("facts", [{"phase": Phase.DELETING}, {"observed": {}}], ids=["leaving", "never seen"])
def test_what_need_not_be_listed_is_not_missed(facts):
    assert findings(a_purchase(), his("beta"), his("gamma", **facts), live=["id-of-beta"]) == []


def test_what_is_released_is_no_proof_either_way():
    gone = a_release("beta")
    assert findings(gone, his("beta")) == NONE
    assert findings(gone, his("beta"), his("gamma"), live=["id-of-gamma"]) == []
    assert findings(a_purchase(), his("beta"), his("gamma"), live=["id-of-gamma"], gone=gone) == []


def test_a_release_whose_server_is_listed_or_not_recorded_needs_no_proof():
    assert findings(a_release("beta"), his("beta"), live=["id-of-beta"]) == []
    assert findings(a_release("beta")) == []
