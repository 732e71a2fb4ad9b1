"""Orders and terms over real HTTP: what is said of them follows what is recorded, and every way out that is named leads out."""

from __future__ import annotations

import json

import pytest

MONTH = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1}"
SOLD = {"at": "CreateDevServer", "fault": "sells", "charging_mode": "PRE_PAID"}


def declared(charging="", *, flavor="Si2.large.4"):
    return f"servers: {{alpha: {{flavor: {flavor}{charging and f', charging_info: {charging}'}}}}}\n"


def pool(count, charging=""):
    return f"servers: {{pool: {{count: {count}{charging and f', charging_info: {charging}'}}}}}\n"


@pytest.fixture
def unpaid(direct_workspace):
    direct_workspace.write(declared(MONTH))
    assert direct_workspace.apply().code == 7
    return direct_workspace


class TestSpecsThatHaveMovedOn:
    def test_everybody_is_warned_before_the_old_order_is_paid_and_cancelling_it_leads_out(self, unpaid):
        unpaid.write(declared(MONTH.replace("1", "3"), flavor="Si2.xlarge.4"))
        for command in (("plan",), ("orders", "list"), ("orders", "show", "alpha")):
            said = unpaid.run_in_process(*command).words
            assert "Warning[ordered-otherwise]" in said
            assert "charging_info.period_num is 1, and the specs say 3" in said
            assert "`provisioner orders cancel 'alpha'` cancels it and costs nothing" in said
        asked = unpaid.run_in_process("orders", "pay", "alpha", "--no-input")
        assert (asked.code, "Warning[ordered-otherwise]" in asked.text) == (8, True)
        applied = unpaid.apply()
        assert (applied.code, "continues with this order" in applied.words) == (7, False)
        assert unpaid.run_in_process("orders", "cancel", "alpha", "--auto-approve").code == 0
        unpaid.write(declared(MONTH.replace("1}", "3, is_auto_pay: true}"), flavor="Si2.xlarge.4"))
        assert unpaid.apply().code == 0
        assert (unpaid.purchases, unpaid.ledger_counts("payment")) == ({"alpha": 2}, {"alpha": 1})
        assert unpaid.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_who_has_paid_the_old_one_all_the_same_is_told_to_undo_the_change_and_buys_nothing_more(self, unpaid):
        unpaid.write(declared(MONTH, flavor="Si2.xlarge.4"))
        assert unpaid.run_in_process("orders", "pay", "alpha", "--auto-approve").code == 0
        planned = unpaid.run_in_process("plan").words
        assert "it is paid" in planned
        assert "undo the change in the specs, then `provisioner apply --target 'alpha'`" in planned
        followed = unpaid.apply()
        assert (followed.code, "undo the change, or see plan" in followed.words) == (7, True)
        assert unpaid.apply().code == 4
        unpaid.write(declared(MONTH))
        assert unpaid.apply().code == 0
        assert (unpaid.purchases, unpaid.ledger_counts("payment")) == ({"alpha": 1}, {"alpha": 1})

    def test_an_order_that_left_the_specs_is_not_paid_without_a_word(self, unpaid):
        unpaid.write("servers: {}\n")
        assert "is no longer in the specs" in unpaid.run_in_process("orders", "pay", "alpha", "--no-input").words
        refused = unpaid.apply()
        assert (refused.code, "`provisioner orders cancel 'alpha'`" in refused.words) == (4, True)
        assert unpaid.run_in_process("orders", "cancel", "alpha", "--auto-approve").code == 0
        assert (unpaid.apply().code, unpaid.ledger_counts("payment")) == (0, {})


def test_a_release_of_an_unpaid_order_names_the_way_from_the_first_refusal_on(unpaid):
    way = "`provisioner orders cancel 'alpha'` cancels it and costs nothing"
    for allowed, code in (((), 4), (("--allow", "prepaid-delete"), 7)):
        refused = unpaid.run_in_process("destroy", "--auto-approve", *allowed)
        assert (refused.code, way in refused.words) == (code, True)
    assert unpaid.run_in_process("orders", "cancel", "alpha", "--auto-approve").code == 0
    assert unpaid.run_in_process("destroy", "--auto-approve").code == 0
    assert (
        unpaid.ledger_counts("payment"),
        unpaid.ledger_counts("release"),
        unpaid.ledger_counts("unsubscription"),
    ) == ({}, {}, {})


def test_what_a_plan_says_of_paying_ends_with_the_payment(unpaid):
    assert "Warning[unpaid-order]" in unpaid.run_in_process("plan").text
    assert unpaid.run_in_process("orders", "pay", "alpha", "--auto-approve").code == 0
    assert unpaid.apply().code == 0
    for command in ("plan", "apply", "drift"):
        assert "unpaid-order" not in unpaid.run_in_process(command).text
    assert unpaid.state()["resources"]["alpha"]["paid"] is True


class TestSoldOtherwise:
    @pytest.fixture
    def sold(self, direct_workspace, sandbox):
        direct_workspace.write(pool(2))
        sandbox.arm(SOLD)
        assert direct_workspace.apply().code == 7
        return direct_workspace

    def test_after_its_payment_the_next_step_follows_it_and_the_ways_are_those_of_a_paid_order(self, sold):
        paid = sold.run_in_process("orders", "pay", "pool[0]", "--auto-approve")
        assert "Next: `provisioner apply --target 'pool[0]'` waits for its server" in paid.words
        refused = sold.apply().words
        assert "its order is paid: `provisioner apply --target 'pool[0]'` goes on with it" in refused
        assert "orders cancel" not in refused
        given_up = sold.run_in_process("orders", "cancel", "pool[0]", "--auto-approve")
        assert (given_up.code, "`provisioner apply --target 'pool[0]'` goes on with it" in given_up.words) == (
            1,
            True,
        )
        assert sold.run_in_process("apply", "--auto-approve", "--target", "pool[0]").code == 7
        release = ("destroy", "--target", "pool[0]", "--allow", "prepaid-delete", "--auto-approve")
        assert f"`provisioner {' '.join(release[:2])} 'pool[0]' --allow prepaid-delete`" in sold.apply().words
        assert sold.run_in_process(*release).code == 0
        assert sold.apply().code == 0
        assert sold.purchases == {"pool-0": 2, "pool-1": 1}

    def test_one_member_is_kept_by_a_condition_and_the_rest_is_bought_as_before(self, sold):
        told = sold.apply().words
        condition = "\"{{ 'PRE_PAID' if count.index == 0 else 'POST_PAID' }}\""
        assert f"for pool[0] alone write `charging_mode: {condition}` there" in told
        sold.write(pool(2, f"{{charging_mode: {condition}, period_type: MONTH, period_num: 1}}"))
        assert sold.run_in_process("orders", "pay", "pool[0]", "--auto-approve").code == 0
        assert sold.apply().code == 0
        assert (sold.purchases, sold.ledger_counts("payment")) == ({"pool-0": 1, "pool-1": 1}, {"pool-0": 1})
        modes = {row["address"]: row["observed"]["charging_mode"] for row in records(sold)}
        assert modes == {"pool[0]": "PRE_PAID", "pool[1]": "POST_PAID"}
        assert sold.run_in_process("plan", "--detailed-exitcode").code == 0


class TestTermsThatAreStatedNewly:
    @pytest.fixture
    def sold(self, direct_workspace, sandbox):
        direct_workspace.write(pool(1))
        sandbox.arm(SOLD | {"pays": True})
        assert direct_workspace.apply().code == 7
        return direct_workspace

    def test_a_wrong_one_is_told_with_the_right_one_which_ends_it(self, sold):
        sold.write(pool(1, "{charging_mode: PRE_PAID, period_type: YEAR, period_num: 3}"))
        for _ in range(2):
            applied = sold.apply()
            assert (applied.code, "Warning[unconfirmed]" in applied.text) == (0, True)
            assert "charging_info.period_num is 1, and the specs say 3" in applied.words
        sold.write(pool(1, MONTH))
        assert "Warning" not in sold.apply().text
        assert sold.run_in_process("plan", "--detailed-exitcode").code == 0
        assert (sold.purchases, sold.ledger_counts("release"), sold.ledger_counts("unsubscription")) == (
            {"pool-0": 1},
            {},
            {},
        )

    def test_without_its_line_it_is_told_again_and_no_more_is_bought_beside_it(self, sold):
        sold.write(pool(1, MONTH))
        assert sold.apply().code == 0
        sold.write(pool(1))
        assert "Warning[unconfirmed]" in sold.run_in_process("plan").text
        sold.write(pool(2))
        refused = sold.apply()
        assert (refused.code, "Error[charging-mismatch]" in refused.text) == (4, True)
        assert sold.purchases == {"pool-0": 1}

    def test_where_billing_does_not_say_it_is_assumed_as_before(self, sold, sandbox):
        sold.write(pool(1, "{charging_mode: PRE_PAID, period_type: YEAR, period_num: 3}"))
        refusal = {"fault": "answer", "status": 403, "code": "CBC.0151", "message": "no right", "executed": False}
        sandbox.arm({"at": "ShowCustomerOrderDetails", "times": "always"} | refusal)
        applied = sold.apply()
        assert (applied.code, "Warning[assumed]" in applied.text) == (0, True)
        sandbox.ask("DELETE", "faults")
        assert "Warning[unconfirmed]" in sold.run_in_process("plan").text


@pytest.mark.parametrize("verb", ["show", "pay", "cancel", "wait"])
def test_what_has_no_order_yet_is_not_asked_about(direct_workspace, verb):
    direct_workspace.write(pool(2))
    told = direct_workspace.run_in_process("orders", verb, "pool[1]")
    assert (told.code, "Error[order-none]: pool[1] is declared and has no order yet" in told.text) == (1, True)
    group = direct_workspace.run_in_process("orders", verb, "pool")
    assert (group.code, "name one server of it: 'pool[0]', 'pool[1]'" in group.text) == (1, True)


def records(workspace):
    return json.loads(workspace.run_in_process("show", "--json").out)["resources"]
