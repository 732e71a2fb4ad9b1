"""Buying a DevServer as a conversation: what is sent, in which order, what is remembered, how it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.flows import Unfinished, ok, play, refused
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, SEED_ROW, a_live, a_row

from provisioner.kinds import CATALOGUE
from provisioner.kinds.dev_server.creation import request_body
from provisioner.model.flow import Call, CallFailed, Effect, Ended, Outcome, Remark, Remember, Reply, Service, Wait
from provisioner.model.purchase_policy import ChargingDefault, PurchasePolicy
from provisioner.model.resource import Desired, Phase
from provisioner.model.secret import SecretReference, SecretSource

KIND = CATALOGUE["dev_server"]
POST = "POST /v1/{project_id}/dev-servers"
ORDER = "GET /v2/orders/customer-orders/details/CS2311"
PREPAID_SERVER = wanted(charging_info=PREPAID)
RESOURCES = "POST /v2/orders/suscriptions/resources/query"
NOTHING_YET = ok(data=[], total_count=0)
ORDERED = {"id": None, "order_id": "CS2311"}


def create(desired=None, recorded=None, replies=()):
    return play(KIND.create(desired or wanted(), recorded), replies)


def order(status):
    return ok(order_info={"order_id": "CS2311", "status": status})


def phases(played):
    return [facts.phase for facts in played.of(Remember)]


def test_a_pay_per_use_server_is_ordered_listed_and_built():
    played = create(replies=[Reply(200, a_row()), a_live("CREATING"), a_live("RUNNING")])
    assert played.calls == [POST]
    assert played.result == Ended(Phase.READY)
    creating, ready = played.of(Remember)
    assert (creating.phase, creating.id) == (Phase.CREATING, ID)
    assert (ready.phase, ready.observed["status"]) == (Phase.READY, "RUNNING")
    assert not played.of(Remark)


def test_the_post_is_a_purchase_that_learns_id_and_order():
    (post,) = create(replies=[Reply(200, a_row()), a_live("RUNNING")]).of(Call)
    assert (post.service, post.effect) == (Service.MODELARTS, Effect.PURCHASE)
    assert post.id_fields == ("id", "order_id")


def test_the_reference_request_goes_out_as_it_stands_in_the_reference():
    """docs/api/devserver-api.md section 3.2: nothing is added that was not declared, but how it is charged."""
    body = {
        "name": "EI-evs-1107",
        "flavor": "Si2.large.4",
        "image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7",
        "network": {
            "vpc_id": "05982b48-a70f-43a1-a2b0-1fe36a236172",
            "subnet_id": "38cf274a-98f9-4f6f-b622-5ed0e4a3db54",
            "security_group_id": "150a2c76-1334-45f6-b28f-419f9b1d1742",
        },
        "admin_pass": SecretReference(SecretSource.ENVIRONMENT, "PASSWORD"),
    }
    server = Desired(wanted().address, "dev_server", body)
    played = create(server, replies=[Reply(200, SEED_ROW), a_live("CREATING"), a_live("RUNNING")])
    flags = {"is_auto_pay": False, "is_auto_renew": False}
    charged = {"charging_mode": "POST_PAID", "period_type": "MONTH", "period_num": 1, **flags}
    assert played.of(Call)[0].body == {**body, "charging_info": charged}
    assert request_body(body, PurchasePolicy(charging_default=ChargingDefault.CLOUD)) == body
    assert "charging_info" not in played.of(Call)[0].declares


def test_the_references_answer_is_remarked_on_because_it_says_prepaid_unasked():
    played = create(replies=[Reply(200, SEED_ROW), a_live("CREATING"), a_live("RUNNING")])
    (remark,) = played.of(Remark)
    assert remark.code == "charging-mismatch"
    assert remark.summary == "the cloud sold this server as PRE_PAID, not POST_PAID"


@pytest.mark.parametrize(
    ("asked", "answered", "remarks"),
    [
        (PREPAID, "PRE_PAID", 0),
        (PREPAID, "POST_PAID", 1),
        (None, "POST_PAID", 0),
        (None, "COMMON", 0),
        (None, None, 0),
        (None, ["PRE_PAID"], 0),
    ],
)
def test_only_another_charging_mode_than_the_wanted_one_is_remarked_on(asked, answered, remarks):
    reply = Reply(200, a_row(charging_mode=answered))
    played = create(wanted(charging_info=asked), replies=[reply, a_live("RUNNING")])
    assert len(played.of(Remark)) == remarks


@pytest.mark.parametrize("flags", [{}, {"is_auto_pay": True}, {"is_auto_renew": True}])
def test_both_payment_flags_are_always_spelt_out(flags):
    charging = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, **flags}
    with pytest.raises(Unfinished) as unfinished:
        create(wanted(charging_info=charging))
    (post,) = unfinished.value.steps
    assert post.body["charging_info"] == {"is_auto_pay": False, "is_auto_renew": False, **charging}


def test_a_prepaid_answer_with_id_and_order_waits_for_that_id():
    reply = Reply(200, a_row(charging_mode="PRE_PAID", order_id="CS2311"))
    played = create(PREPAID_SERVER, replies=[reply, a_live("CREATING"), a_live("RUNNING")])
    assert [(wait.id, wait.order_id) for wait in played.of(Wait)] == [(ID, "CS2311"), (ID, None)]
    assert played.result == Ended(Phase.READY)


def test_a_prepaid_answer_with_an_order_only_waits_until_the_list_shows_a_server_of_it():
    reply = Reply(200, a_row(charging_mode="PRE_PAID", **ORDERED))
    row = a_live("CREATING", order_id="CS2311")
    played = create(
        PREPAID_SERVER,
        replies=[reply, None, order(3), NOTHING_YET, None, order(5), NOTHING_YET, row, a_live("RUNNING")],
    )
    assert played.calls == [POST, ORDER, RESOURCES, ORDER, RESOURCES]
    remembered = played.of(Remember)[0]
    assert (remembered.id, remembered.order_id) == (ID, "CS2311")
    assert played.result == Ended(Phase.READY)


@pytest.mark.parametrize("auto", [False, True])
def test_a_short_balance_is_supposed_only_of_an_order_that_was_to_pay_itself(auto):
    server = wanted(charging_info=PREPAID | {"is_auto_pay": auto})
    record = bought(server, phase=Phase.ORDERING, id=None, order_id="CS2311", observed={})
    for recorded in (None, record):
        first = [] if recorded else [Reply(200, a_row(charging_mode="PRE_PAID", **ORDERED))]
        told = create(server, recorded, [*first, None, order(6)]).result
        assert ("balance" in told.problem, "orders pay CS2311" in told.hint) == (auto, True)


@pytest.mark.parametrize("status", [6, 1])
def test_an_order_that_the_specs_have_moved_on_from_is_given_up(status):
    record = bought(wanted(charging_info=PREPAID), phase=Phase.ORDERING, id=None, order_id="CS2311", observed={})
    ended = create(wanted(charging_info=PREPAID, flavor="other"), record, [None, order(status)]).result
    assert "the specs have changed since it was placed: `provisioner orders cancel CS2311`" in ended.hint
    assert "continues with this order" not in ended.hint


@pytest.mark.parametrize(
    ("status", "phase", "said"),
    [
        (6, Phase.AWAITING_PAYMENT, "awaits payment"),
        (1, Phase.AWAITING_PAYMENT, "awaits approval"),
        (4, Phase.FAILED, "was cancelled"),
    ],
)
def test_an_order_that_waits_for_a_person_ends_the_wait_and_stays_recorded(status, phase, said):
    reply = Reply(200, a_row(charging_mode="PRE_PAID", **ORDERED))
    played = create(PREPAID_SERVER, replies=[reply, None, order(status)])
    assert played.of(Remember) == [Remember(phase, order_id="CS2311")]
    assert played.result.phase is phase
    assert said in played.result.problem
    assert "CS2311" in played.result.problem
    assert played.result.hint


@pytest.mark.parametrize(
    "answer",
    [
        order(2),
        order(9),
        order("6"),
        order([6]),
        order(None),
        ok(order_info="none"),
        ok(),
        Reply(200, None),
        refused(status=403),
        CallFailed(Outcome.UNKNOWN, "time-out"),
    ],
)
def test_billing_that_leaves_the_outcome_open_is_no_reason_to_act(answer):
    reply = Reply(200, a_row(charging_mode="PRE_PAID", **ORDERED))
    row = a_live("RUNNING", order_id="CS2311")
    played = create(PREPAID_SERVER, replies=[reply, None, answer, NOTHING_YET, row])
    assert played.result == Ended(Phase.READY)


def test_an_order_that_no_row_names_is_looked_for_by_what_billing_says_it_has_bought():
    reply = Reply(200, a_row(charging_mode="PRE_PAID", **ORDERED))
    told = ok(data=[{"resource_id": ID}, {"resource_id": ID}, {"resource_id": "other-1"}], total_count=3)
    row = a_live("RUNNING", order_id="CS2311")
    played = create(PREPAID_SERVER, replies=[reply, None, order(5), told, row])
    asked = played.of(Call)[-1]
    assert (asked.service, asked.effect) == (Service.BILLING, Effect.READ)
    assert (asked.body["order_id"], asked.body["only_main_resource"]) == ("CS2311", 1)
    assert [wait.ids for wait in played.of(Wait)] == [(), (ID, "other-1")]
    assert played.of(Remember)[-1].id == ID
    assert played.result == Ended(Phase.READY)


@pytest.mark.parametrize(
    "answer",
    [
        ok(),
        ok(data=None),
        ok(data={}),
        ok(data="none"),
        ok(data=[None, 7, {}, {"resource_id": None}, {"resource_id": ["x"]}, {"resource_id": "../../pay"}]),
        ok(data=[{"resource_id": ""}, {"resource_id": "a" * 65}]),
        Reply(200, None),
        refused("CBC.0151", status=403),
        CallFailed(Outcome.UNKNOWN, "time-out"),
    ],
)
def test_billing_that_names_no_usable_id_leaves_all_as_it_was(answer):
    reply = Reply(200, a_row(charging_mode="PRE_PAID", **ORDERED))
    row = a_live("RUNNING", order_id="CS2311")
    played = create(PREPAID_SERVER, replies=[reply, None, order(5), answer, row])
    assert [wait.ids for wait in played.of(Wait)] == [(), ()]
    assert played.result == Ended(Phase.READY)


def test_a_pay_per_use_server_is_waited_for_without_asking_billing():
    (wait,) = [*create(replies=[Reply(200, a_row()), a_live("RUNNING")]).of(Wait)][:1]
    assert (wait.id, wait.order_id, wait.max_polls) == (ID, None, None)


def test_an_order_id_that_could_lead_elsewhere_is_never_put_into_a_path():
    recorded = bought(PREPAID_SERVER, phase=Phase.ORDERING, id=None, order_id="../../pay")
    with pytest.raises(Unfinished) as unfinished:
        create(PREPAID_SERVER, recorded, [None, None])
    assert all(isinstance(step, Wait) for step in unfinished.value.steps)


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ERROR"])
def test_a_build_that_failed_is_remembered_and_named(status):
    played = create(replies=[Reply(200, a_row()), a_live("CREATING"), a_live(status)])
    assert phases(played) == [Phase.CREATING, Phase.FAILED]
    assert played.result.phase is Phase.FAILED
    assert status in played.result.problem
    assert "--replace" in played.result.hint


@pytest.mark.parametrize("status", ["RUNNING", "STOPPED", "START_FAILED", "REBOOT_FAILED"])
def test_any_other_stable_status_counts_as_built(status):
    played = create(replies=[Reply(200, a_row()), a_live("CREATING"), a_live(status)])
    assert played.result == Ended(Phase.READY)


@pytest.mark.parametrize("status", ["CREATING", "STARTING", "REINSTALLINGOS", "SOMETHING_NEW", ""])
def test_a_build_is_followed_through_every_status_that_may_still_change(status):
    (_, wait) = create(replies=[Reply(200, a_row()), a_live("CREATING"), a_live("RUNNING")]).of(Wait)
    assert not wait.settled(a_live(status))


def test_a_build_whose_row_is_gone_is_left_as_creating_once_the_cloud_knows_it_no_more():
    flow = KIND.create(wanted(), bought(wanted(), phase=Phase.CREATING, id=ID))
    next(flow)
    flow.send(a_live("CREATING"))
    wait = flow.send(None)
    assert wait.settled(None), "waiting out the timeout would tell nobody anything"
    assert flow.send(None).path == f"/v1/{{project_id}}/dev-servers/{ID}"
    assert isinstance(flow.send(Reply(200, a_row(status="CREATING"))), Wait), "it is there, and the list lacks it"
    assert isinstance(flow.send(None), Call)
    with pytest.raises(StopIteration) as stop:
        flow.throw(refused("ModelArts.6404"))
    assert stop.value.value.phase is Phase.CREATING
    assert "no longer exists" in stop.value.value.problem


def test_a_refused_purchase_is_the_drivers_to_judge():
    with pytest.raises(CallFailed):
        create(replies=[refused("ModelArts.0104")])


@pytest.mark.parametrize(
    ("phase", "facts"),
    [
        (Phase.ORDERING, {"id": None, "order_id": "CS2311"}),
        (Phase.AWAITING_PAYMENT, {"id": None, "order_id": "CS2311"}),
        (Phase.CREATING, {"id": ID, "order_id": "CS2311"}),
        (Phase.CREATING, {"id": ID}),
        (Phase.FAILED, {"id": ID}),
    ],
)
def test_a_flow_that_starts_again_goes_on_where_the_facts_end(phase, facts):
    recorded = bought(PREPAID_SERVER, phase=phase, **facts)
    row = a_live("RUNNING", order_id="CS2311")
    played = create(PREPAID_SERVER, recorded, [row])
    assert played.calls == []
    assert played.result == Ended(Phase.READY)


recorded_facts = st.fixed_dictionaries(
    {
        "phase": st.sampled_from(Phase),
        "id": st.none() | st.just(ID),
        "order_id": st.none() | st.text("CS123", min_size=1, max_size=8),
    }
).filter(lambda facts: facts["id"] or facts["order_id"])
answers = st.lists(
    st.sampled_from([None, order(3), order(5), order(6), order(4), refused(), a_live("CREATING"), a_live("RUNNING")]),
    max_size=6,
)


@given(recorded_facts, answers)
def test_nothing_is_ever_bought_when_an_id_or_an_order_is_known(facts, replies):
    flow = KIND.create(PREPAID_SERVER, bought(PREPAID_SERVER, **facts))
    steps = []
    answer = None
    rest = iter(replies)
    try:
        while True:
            steps.append(flow.throw(answer) if isinstance(answer, CallFailed) else flow.send(answer))
            answer = next(rest, None)
            if isinstance(steps[-1], Call) and not isinstance(answer, Reply | CallFailed):
                answer = refused()
            if len(steps) > len(replies) + 2:
                break
    except (StopIteration, CallFailed):
        pass
    assert all(step.effect is Effect.READ for step in steps if isinstance(step, Call))
