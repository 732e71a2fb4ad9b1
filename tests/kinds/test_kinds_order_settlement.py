"""Paying and giving up an order as conversations: the order is asked first, one call is sent at most, the order is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.flows import ok, play, refused
from support.planning_builders import PREPAID, bought, wanted
from support.rows import ID, a_live

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call, CallFailed, Effect, Ended, Outcome, Remember, Reply, Wait
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
READ = "GET /v2/orders/customer-orders/details/CS2311"
PAY = "POST /v3/orders/customer-orders/pay"
CANCEL = "PUT /v2/orders/customer-orders/cancel"
UNPAID = bought(wanted(charging_info=PREPAID), phase=Phase.AWAITING_PAYMENT, id=None, order_id="CS2311")
LOST = CallFailed(Outcome.UNKNOWN, "time-out")
UNREADABLE = CallFailed(Outcome.REFUSED, "no", status=403)
DONE = Reply(204, None)
RESOURCES = "POST /v2/orders/suscriptions/resources/query"
NOTHING = ok(data=[], total_count=0)


def order(status):
    return ok(order_info={"order_id": "CS2311", "status": status})


def pay(*replies, recorded=UNPAID):
    return play(KIND.orders.pay(recorded), replies)


def cancel(*replies, recorded=UNPAID):
    return play(KIND.orders.cancel(recorded), replies)


class TestPaying:
    def test_an_unpaid_order_is_paid_once_and_read_again(self):
        played = pay(order(6), DONE, order(3))
        assert played.calls == [READ, PAY, READ]
        assert played.result == Ended(Phase.ORDERING)
        assert played.of(Remember) == [Remember(Phase.ORDERING, order_id="CS2311", paid=True)]

    def test_it_is_a_payment_without_coupons(self):
        (_, call, _) = pay(order(6), DONE, order(3)).of(Call)
        assert call.effect is Effect.PAYMENT
        assert call.body == {"order_id": "CS2311", "use_coupon": "NO", "use_discount": "NO"}

    @pytest.mark.parametrize(
        ("lines", "is_paid"),
        [
            ([{"period_type": 2, "period_num": 1}], True),
            ([{"period_type": 2, "period_num": 12}], False),
            ([{"period_type": 3, "period_num": 1}], False),
            ([{"period_type": 9, "period_num": 1}], True),
            ([{"period_type": "2", "period_num": True}], True),
            ([], True),
        ],
    )
    def test_an_order_of_another_term_than_was_asked_for_is_not_paid(self, lines, is_paid):
        """A person may have named the order of another purchase. What billing does not tell in the published words says nothing."""
        month = {**PREPAID, "period_type": "MONTH", "period_num": 1}
        recorded = bought(wanted(charging_info=month), phase=Phase.AWAITING_PAYMENT, id=None, order_id="CS2311")
        first = ok(order_info={"order_id": "CS2311", "status": 6}, order_line_items=lines)
        played = pay(first, *([DONE, order(3)] if is_paid else []), recorded=recorded)
        assert (PAY in played.calls) is is_paid
        if not is_paid:
            assert (played.result.phase, played.result.code) == (Phase.AWAITING_PAYMENT, "ordered-otherwise")
            assert "12 month(s), and 1 month(s) were requested" in played.result.problem

    @pytest.mark.parametrize("status", [3, 5])
    def test_what_is_paid_already_is_not_paid_again(self, status):
        played = pay(order(status))
        assert (played.calls, played.result) == ([READ], Ended(Phase.ORDERING))

    @pytest.mark.parametrize("answer", [LOST, refused("CBC.0100")])
    def test_after_an_answer_that_is_lost_or_a_refusal_the_order_is_believed(self, answer):
        assert pay(order(6), answer, order(3)).result == Ended(Phase.ORDERING)

    def test_a_lost_answer_of_an_order_that_still_waits_says_that_trying_again_is_safe(self):
        played = pay(order(6), LOST, order(6))
        assert played.result.phase is Phase.AWAITING_PAYMENT
        assert "no order's money is taken twice" in played.result.hint

    def test_a_refusal_is_told_in_the_clouds_words(self):
        played = pay(order(6), refused("CBC.30050006", message="the balance is short"), order(6))
        assert played.result.problem == "order CS2311 awaits payment: the balance is short"
        assert "balance" in played.result.hint

    @pytest.mark.parametrize(
        ("answer", "phase", "said"),
        [
            (order(1), Phase.AWAITING_PAYMENT, "awaits approval"),
            (order(4), Phase.FAILED, "is cancelled"),
            (order(9), Phase.AWAITING_PAYMENT, "cannot be read"),
            (UNREADABLE, Phase.AWAITING_PAYMENT, "cannot be read"),
        ],
    )
    def test_nothing_is_sent_for_an_order_that_does_not_wait_for_money(self, answer, phase, said):
        played = pay(answer)
        assert played.calls == [READ]
        assert played.result.phase is phase
        assert said in played.result.problem

    @pytest.mark.parametrize(
        ("before", "after"), [(Phase.AWAITING_PAYMENT, Phase.CREATING), (Phase.READY, Phase.READY)]
    )
    def test_a_server_that_is_known_goes_on_from_where_it_was(self, before, after):
        recorded = bought(wanted(), phase=before, id=ID, order_id="CS2311")
        assert pay(order(5), recorded=recorded).result == Ended(after)


class TestCancelling:
    @pytest.mark.parametrize("status", [1, 6])
    def test_an_unpaid_order_is_cancelled_and_the_list_is_looked_at(self, status):
        played = cancel(order(status), DONE, order(4), NOTHING, None)
        assert played.calls == [READ, CANCEL, READ, RESOURCES]
        assert played.result == Ended(None)

    def test_it_is_a_cancellation_of_that_order(self):
        (_, call, _, _) = cancel(order(6), DONE, order(4), NOTHING, None).of(Call)
        assert (call.effect, call.body) == (Effect.CANCELLATION, {"order_id": "CS2311"})

    def test_what_is_cancelled_already_is_forgotten_without_another_call(self):
        played = cancel(order(4), NOTHING, None)
        assert (played.calls, played.result) == ([READ, RESOURCES], Ended(None))

    def test_after_a_lost_answer_the_order_is_believed(self):
        assert cancel(order(6), LOST, order(4), NOTHING, None).result == Ended(None)
        assert cancel(order(6), LOST, order(6)).result.phase is Phase.ORDERING

    @pytest.mark.parametrize("status", [3, 5])
    def test_a_paid_order_is_left_alone_and_the_way_out_is_named(self, status):
        played = cancel(order(status))
        assert played.calls == [READ]
        assert "is paid" in played.result.problem
        assert "destroy" in played.result.hint

    def test_an_order_that_is_paid_in_the_moment_before_is_not_forgotten(self):
        played = cancel(order(6), refused("CBC.99005010", message="the status does not allow it"), order(3))
        assert played.result.phase is Phase.ORDERING
        assert "nothing is forgotten" in played.result.problem

    def test_a_server_whose_id_is_known_is_forgotten_only_when_a_show_says_not_found(self):
        """The list of whoever may see their own servers only lacks those of others."""
        known = replace(UNPAID, id=ID)
        gone = refused("ModelArts.6404", status=404)
        assert cancel(order(4), NOTHING, None, gone, recorded=known).result == Ended(None)
        there = cancel(order(4), NOTHING, None, ok(id=ID, name="gateway", status="CREATING"), recorded=known)
        assert there.result.phase is Phase.CREATING

    def test_a_server_of_a_cancelled_order_is_recorded_and_not_forgotten(self):
        played = cancel(order(4), NOTHING, a_live("CREATING", order_id="CS2311"))
        assert played.result.phase is Phase.CREATING
        assert [facts.id for facts in played.of(Remember)] == [ID]

    def test_billing_names_what_a_cancelled_order_has_bought_where_no_row_names_the_order(self):
        played = cancel(order(4), ok(data=[{"resource_id": ID}]), a_live("CREATING", order_id="CS2311"))
        assert [wait.ids for wait in played.of(Wait)] == [(ID,)]
        assert played.result.phase is Phase.CREATING


any_answer = st.sampled_from([order(n) for n in (1, 2, 3, 4, 5, 6, 9)] + [LOST, UNREADABLE, DONE, refused()])


@given(st.lists(any_answer, max_size=4), st.sampled_from(["pay", "cancel"]))
def test_whatever_the_cloud_answers_one_call_is_sent_at_most_and_only_a_cancelled_order_is_forgotten(answers, verb):
    flow = getattr(KIND.orders, verb)(UNPAID)
    sent, ended, answer, last_read = [], None, None, None
    rest = iter(answers)
    try:
        while True:
            step = flow.throw(answer) if isinstance(answer, CallFailed) else flow.send(answer)
            answer = next(rest, None) if isinstance(step, Call) else None
            if isinstance(step, Call) and step.effect.is_journaled:
                sent.append(step)
            elif isinstance(step, Call) and step.method == "GET":
                last_read = answer
    except StopIteration as stop:
        ended = stop.value
    assert len(sent) <= 1
    if ended.phase is None:
        assert last_read.object()["order_info"]["status"] == 4
