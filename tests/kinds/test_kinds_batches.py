"""Several DevServers by one call: what is sent, what of the answer is believed, and where it may not be wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_purchase_of_several
from support.flows import ok, play
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, a_live

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call, Effect, Ended, Remark, Remember, Reply
from provisioner.model.purchase_policy import DEFAULT_POLICY, Absence, Marker, Prepaid, PurchasePolicy
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
GROUP = tuple(
    replace(wanted(f"pool[{index}]", name=f"pool-{index}", charging_info=PREPAID), together=True) for index in range(3)
)


def test_the_first_ones_body_is_sent_with_a_count_and_only_the_order_is_learnt():
    played = play(KIND.batch.buy(GROUP), [ok(order_id="CS1", id=ID, charging_mode="PRE_PAID")])
    (post,) = played.of(Call)
    assert (post.effect, post.id_fields) == (Effect.PURCHASE, ("order_id",))
    assert post.body == {**GROUP[0].fields, "count": 3}
    assert played.result == Ended(Phase.ORDERING)
    assert played.of(Remember) == []


def test_a_server_that_was_sold_otherwise_is_remarked():
    (remark,) = play(KIND.batch.buy(GROUP), [ok(order_id="CS1", charging_mode="POST_PAID")]).of(Remark)
    assert remark.code == "charging-mismatch"


@pytest.mark.parametrize(("name", "renamed"), [("pool-0", True), ("pool-1", False)])
def test_a_member_goes_on_from_its_order_and_is_named_once_it_runs(name, renamed):
    member = bought(GROUP[1], id=None, order_id="CS1", phase=Phase.ORDERING, observed={})
    replies = [
        a_live(name=name, order_id="CS1"),
        *([Reply(200, a_live(name="pool-1").observed | {"id": ID})] if renamed else []),
    ]
    played = play(KIND.create(GROUP[1], member, DEFAULT_POLICY), replies)
    assert [call.body for call in played.of(Call)] == [{"name": "pool-1"}] * renamed
    first, *_, last = (*played.of(Remember), played.of(Remember)[-1])
    assert (first.id, first.phase) == (ID, Phase.CREATING if renamed else Phase.READY)
    assert last.phase is Phase.READY
    assert played.result == Ended(Phase.READY)


@pytest.mark.parametrize(
    ("fields", "policy", "says"),
    [
        ({"charging_info": PREPAID}, DEFAULT_POLICY, []),
        ({"charging_info": PREPAID}, PurchasePolicy(marker=Marker.NONCE), []),
        ({}, DEFAULT_POLICY, ["is for prepaid servers"]),
        ({"charging_info": {**PREPAID, "charging_mode": "POST_PAID"}}, DEFAULT_POLICY, ["is for prepaid servers"]),
        ({"charging_info": PREPAID}, PurchasePolicy(prepaid=Prepaid.TWO_STEP), ["exclude each other"]),
    ],
)
def test_where_it_may_not_be_wanted(fields, policy, says):
    found = list(KIND.batch.advise(fields, policy))
    assert [advice.code for advice in found] == ["order-together"] * len(says)
    assert all(words in advice.message for words, advice in zip(says, found, strict=True))


def test_silence_never_means_that_several_were_not_bought():
    assert KIND.absence(a_purchase_of_several("a", "b", declared={})) is Absence.BY_A_PERSON


@pytest.mark.parametrize(
    ("row", "is_it"),
    [
        ({}, True),
        ({"name": "pool-0-0003"}, True),
        ({"name": "pool-1"}, False),
        ({"order_id": None}, False),
        ({"flavor": "Si2.large.8"}, False),
        ({"create_at": 1}, False),
    ],
)
def test_a_row_may_be_of_a_lost_purchase_of_several(row, is_it):
    sent = 1_699_348_284_990
    intent = a_purchase_of_several("a", "b", name="pool-0", declared=bought(GROUP[0]).declared, server_time=sent)
    network = {key: GROUP[0].fields["network"][key] for key in ("vpc_id", "subnet_id")}
    known = {"name": "pool-0", "order_id": "CS1", "charging_mode": "PRE_PAID", **network}
    live = a_live(**(known | row))
    assert (KIND.match(intent, [live]) == (live,)) is is_it


@pytest.mark.parametrize(("status", "ends"), [("RUNNING", True), ("CREATE_FAILED", False), ("ERROR", False)])
def test_what_could_not_be_built_goes_without_its_order(status, ends):
    assert KIND.orders.ends_its_order(bought(GROUP[0]), a_live(status)) is ends
    assert KIND.orders.ends_its_order(bought(GROUP[0]), None)
    assert not KIND.orders.ends_its_order(bought(wanted()), a_live(status))
