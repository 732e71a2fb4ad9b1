"""Orders that were placed earlier, or for something else, or that a person has passed over: none is taken silently, none is doubled."""

import pytest
from support.process_workspace import PREPAID, STACK

TWO_STEP = f"{STACK}purchase: {{prepaid: two-step}}\n"
MONTH = f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n"
YEAR = MONTH.replace("MONTH", "YEAR")
LOST = {"at": "CreateDevServer", "fault": "reset", "times": "always"}
QUICK = ("--resolve-timeout", "0")


@pytest.fixture
def ordered(direct_workspace, sandbox):
    """An order without an answer that a person has called absent: it is open, and of nobody's record. Answers its id."""
    direct_workspace.write(MONTH, stack=TWO_STEP)
    sandbox.arm(LOST | {"executed": True})
    assert direct_workspace.apply(*QUICK).code == 6
    (order,) = [row.order_id for row in direct_workspace.ledger if row.kind == "purchase"]
    assert direct_workspace.run_in_process("resolve", "alpha", "--absent").code == 0
    sandbox.ask("DELETE", "faults")
    return order


def test_none_is_placed_beside_an_open_one_unasked(direct_workspace, ordered):
    planned = direct_workspace.run_in_process("plan")
    said = planned.words
    assert (planned.code, "Error[open-order]" in said, ordered in said) == (4, True, True)
    assert direct_workspace.apply().code == 4
    assert direct_workspace.purchases == {"alpha": 1}
    assert direct_workspace.run_in_process("resolve", "alpha", "--adopt", ordered).code == 0, (
        "the way back that is advised"
    )
    assert direct_workspace.apply().code == 0
    assert (direct_workspace.purchases, direct_workspace.ledger_counts("payment")) == ({"alpha": 1}, {"alpha": 1})


def test_somebody_elses_is_passed_over_at_a_persons_word(direct_workspace, ordered):
    assert direct_workspace.apply("--allow", "open-order").code == 0
    assert direct_workspace.purchases == {"alpha": 2}
    assert direct_workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_one_that_is_taken_and_given_up_makes_room_for_another(direct_workspace, ordered):
    assert direct_workspace.run_in_process("resolve", "alpha", "--adopt", ordered).code == 0
    assert direct_workspace.run_in_process("orders", "cancel", "alpha", "--auto-approve").code == 0
    assert direct_workspace.apply().code == 0
    assert (direct_workspace.purchases, direct_workspace.ledger_counts("payment")) == ({"alpha": 2}, {"alpha": 1})


def test_an_earlier_order_of_another_term_is_not_taken_for_a_later_purchase(direct_workspace, sandbox, ordered):
    sandbox.advance(60)
    direct_workspace.write(YEAR, stack=TWO_STEP)
    sandbox.arm(LOST | {"executed": False})
    assert direct_workspace.apply(*QUICK, "--allow", "open-order").code == 6
    sandbox.ask("DELETE", "faults")
    refused = direct_workspace.run_in_process("resolve", "alpha", "--adopt", ordered)
    said = refused.words
    assert (refused.code, "Error[server-differs]" in said) == (1, True)
    assert "was known before it was sent" in said
    assert ordered not in direct_workspace.run_in_process("plan").text, "what differs cannot be it"
    assert direct_workspace.run_in_process("resolve", "alpha", "--absent").code == 0
    assert direct_workspace.run_in_process("resolve", "alpha", "--adopt", ordered).code == 0, (
        "of the purchase that it was placed for"
    )
    assert "ordered-otherwise" in direct_workspace.run_in_process("plan").text
    assert direct_workspace.apply().code == 7
    assert direct_workspace.ledger_counts("payment") == {}


def test_an_earlier_order_of_the_same_terms_is_not_taken_either(direct_workspace, sandbox, ordered):
    sandbox.advance(60)
    sandbox.arm(LOST | {"executed": False})
    assert direct_workspace.apply(*QUICK, "--allow", "open-order").code == 6
    sandbox.ask("DELETE", "faults")
    refused = direct_workspace.run_in_process("resolve", "alpha", "--adopt", ordered)
    assert (refused.code, "before it was sent" in refused.words) == (1, True)
    assert ordered not in direct_workspace.run_in_process("plan").text, "what was known before cannot be it"
    assert direct_workspace.run_in_process("resolve", "alpha", "--absent").code == 0
    assert direct_workspace.run_in_process("resolve", "alpha", "--adopt", ordered).code == 0
    assert direct_workspace.apply().code == 0
    assert (direct_workspace.purchases, direct_workspace.ledger_counts("payment")) == ({"alpha": 1}, {"alpha": 1})
