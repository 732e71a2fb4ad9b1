"""Orders that were placed earlier, or for something else, or that a person has passed over: none is taken silently, none is doubled."""

import pytest
from support.site import PREPAID, STACK

TWO_STEP = f"{STACK}purchase: {{prepaid: two-step}}\n"
MONTH = f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n"
YEAR = MONTH.replace("MONTH", "YEAR")
LOST = {"at": "CreateDevServer", "fault": "reset", "times": "always"}
QUICK = ("--resolve-timeout", "0")


@pytest.fixture
def ordered(served, sandbox):
    """An order without an answer that a person has called absent: it is open, and of nobody's record. Answers its id."""
    served.write(MONTH, stack=TWO_STEP)
    sandbox.arm(LOST | {"executed": True})
    assert served.apply(*QUICK).code == 6
    (order,) = [row.order_id for row in served.ledger if row.kind == "purchase"]
    assert served.here("resolve", "alpha", "--absent").code == 0
    sandbox.ask("DELETE", "faults")
    return order


def test_none_is_placed_beside_an_open_one_unasked(served, ordered):
    planned = served.here("plan")
    said = " ".join(planned.text.split())
    assert (planned.code, "Error[open-order]" in said, ordered in said) == (4, True, True)
    assert served.apply().code == 4
    assert served.purchases == {"alpha": 1}
    assert served.here("resolve", "alpha", "--adopt", ordered).code == 0, "the way back that is advised"
    assert served.apply().code == 0
    assert (served.purchases, served.entries("payment")) == ({"alpha": 1}, {"alpha": 1})


def test_somebody_elses_is_passed_over_at_a_persons_word(served, ordered):
    assert served.apply("--allow", "open-order").code == 0
    assert served.purchases == {"alpha": 2}
    assert served.here("plan", "--detailed-exitcode").code == 0


def test_one_that_is_taken_and_given_up_makes_room_for_another(served, ordered):
    assert served.here("resolve", "alpha", "--adopt", ordered).code == 0
    assert served.here("orders", "cancel", "alpha", "--auto-approve").code == 0
    assert served.apply().code == 0
    assert (served.purchases, served.entries("payment")) == ({"alpha": 2}, {"alpha": 1})


def test_an_earlier_order_of_another_term_is_not_taken_for_a_later_purchase(served, sandbox, ordered):
    sandbox.advance(60)
    served.write(YEAR, stack=TWO_STEP)
    sandbox.arm(LOST | {"executed": False})
    assert served.apply(*QUICK, "--allow", "open-order").code == 6
    sandbox.ask("DELETE", "faults")
    refused = served.here("resolve", "alpha", "--adopt", ordered)
    said = " ".join(refused.text.split())
    assert (refused.code, "Error[server-differs]" in said) == (1, True)
    assert "was known before it was sent" in said
    assert ordered not in served.here("plan").text, "what differs cannot be it"
    assert served.here("resolve", "alpha", "--absent").code == 0
    assert served.here("resolve", "alpha", "--adopt", ordered).code == 0, "of the purchase that it was placed for"
    assert "ordered-otherwise" in served.here("plan").text
    assert served.apply().code == 7
    assert served.entries("payment") == {}


def test_an_earlier_order_of_the_same_terms_is_not_taken_either(served, sandbox, ordered):
    sandbox.advance(60)
    sandbox.arm(LOST | {"executed": False})
    assert served.apply(*QUICK, "--allow", "open-order").code == 6
    sandbox.ask("DELETE", "faults")
    refused = served.here("resolve", "alpha", "--adopt", ordered)
    assert (refused.code, "before it was sent" in " ".join(refused.text.split())) == (1, True)
    assert ordered not in served.here("plan").text, "what was known before cannot be it"
    assert served.here("resolve", "alpha", "--absent").code == 0
    assert served.here("resolve", "alpha", "--adopt", ordered).code == 0
    assert served.apply().code == 0
    assert (served.purchases, served.entries("payment")) == ({"alpha": 1}, {"alpha": 1})
