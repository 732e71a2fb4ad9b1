"""Userdata has one name in specs and records, and the one that the stack chooses in requests."""

from __future__ import annotations

import json

import pytest
from support.flows import Unfinished, play
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, a_live

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call
from provisioner.model.purchase_policy import PurchasePolicy, UserdataField

KIND = CATALOGUE["dev_server"]
SCRIPT = "aGVsbG8gdGhlcmU="
SPELLINGS = [
    (UserdataField.AS_PUBLISHED, "userdata", "user_data"),
    (UserdataField.USERDATA, "userdata", "userdata"),
    (UserdataField.USER_DATA, "user_data", "user_data"),
]


def sent(flow, replies=()):
    """The call that a flow ends at for want of a reply."""
    with pytest.raises(Unfinished) as unfinished:
        play(flow, replies)
    (*_, call) = unfinished.value.steps
    assert isinstance(call, Call)
    return call


def check(call, name):
    assert {key: call.body[key] for key in call.body.keys() & {"userdata", "user_data"}} == {name: SCRIPT}
    assert call.declares["userdata"] == SCRIPT
    assert "user_data" not in call.declares


@pytest.mark.parametrize(("field", "at_purchase", "at_installation"), SPELLINGS)
class TestSpelling:
    def test_of_a_purchase(self, field, at_purchase, at_installation):
        check(sent(KIND.create(wanted(userdata=SCRIPT), None, PurchasePolicy(userdata_field=field))), at_purchase)

    def test_of_a_purchase_of_several(self, field, at_purchase, at_installation):
        group = (wanted(userdata=SCRIPT, charging_info=PREPAID),) * 2
        check(sent(KIND.batch.buy(group, PurchasePolicy(userdata_field=field))), at_purchase)

    @pytest.mark.parametrize("changed", ["image_id", "userdata"])
    def test_of_another_system(self, field, at_purchase, at_installation, changed):
        desired = wanted(userdata=SCRIPT, image_id="another", key_pair_name="ops")
        recorded = bought(desired, id=ID, pending={"power": "stopped"})
        flow = KIND.update(desired, recorded, frozenset({(changed,)}), PurchasePolicy(userdata_field=field))
        check(sent(flow, [a_live("STOPPED")]), at_installation)


def test_without_userdata_no_name_of_it_is_sent():
    for field, _, _ in SPELLINGS:
        body = sent(KIND.create(wanted(), None, PurchasePolicy(userdata_field=field))).body
        assert not body.keys() & {"userdata", "user_data"}


@pytest.mark.parametrize("name", ["userdata", "user_data"])
@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"extend_param": body}, lambda body: {"all": [body]}])
def test_what_is_written_down_of_a_request_has_a_digest_under_either_name(name, wrap):
    written = json.dumps(KIND.redact(wrap({name: SCRIPT}), lambda _reference: None))
    assert SCRIPT not in written
    assert "sha256" in written
