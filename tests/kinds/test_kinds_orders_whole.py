"""What an order has bought, before it is ended: all of it, or no answer."""

from __future__ import annotations

import pytest
from support.flows import ok, play
from support.rows import ID

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call, CallFailed, Effect, Outcome

KIND = CATALOGUE["dev_server"]
OTHER = "0f7cb2f5-2a0e-4a5e-9a55-0d7d3d5b2a11"
DENIED = CallFailed(Outcome.REFUSED, "denied", status=403, code="CBC.0151")


def asked(reply, order="CS2311"):
    return play(KIND.orders.all_bought_ids(order), [reply])


@pytest.mark.parametrize("extra", [{}, {"total_count": 2}])
def test_all_that_it_names_is_answered_each_once(extra):
    data = [{"resource_id": one} for one in (ID, OTHER)]
    played = asked(ok(data=data, **extra))
    assert played.result == (ID, OTHER)
    (call,) = played.of(Call)
    assert (call.effect, call.body["order_id"]) == (Effect.READ, "CS2311")


@pytest.mark.parametrize(
    "reply",
    [
        DENIED,
        ok(),
        ok(data=None, total_count=0),
        ok(data={}),
        ok(data=[{"resource_id": ID}], total_count=2),
        ok(data=[{"resource_id": ID}, {}]),
        ok(data=[{"resource_id": ID}, None]),
        ok(data=[{"resource_id": "../../x"}]),
        ok(data=[{"resource_id": f"{ID}-{number}"} for number in range(100)]),
    ],
)
def test_an_answer_that_may_leave_something_out_is_none(reply):
    with pytest.raises(CallFailed):
        asked(reply)


def test_an_id_that_is_none_is_not_sent():
    with pytest.raises(CallFailed):
        play(KIND.orders.all_bought_ids("../pay"), [])
