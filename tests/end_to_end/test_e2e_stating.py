"""Specs that are completed by what is true already, over real HTTP: the sandbox's ledger says that nothing came of it."""

from __future__ import annotations

import pytest

MEANT = (
    'enterprise_project_id: "0", charging_info: {charging_mode: POST_PAID, period_type: MONTH, period_num: 1}, '
    'network: {ipv6_enable: false}, userdata: ""'
)


CHOSEN = "arch: X86, server_type: ECS, root_volume: {type: SSD, size: 100}"


def cost(workspace):
    """Everything in the ledger but what bought the server."""
    return [row.kind for row in workspace.ledger if row.kind != "purchase"]


@pytest.mark.parametrize(("first", "then"), [("", f"{MEANT}, {CHOSEN}"), (f"{MEANT}, {CHOSEN}", "")])
def test_what_leaving_it_out_says_may_be_stated_and_left_out_again(workspace, first, then):
    for specs in (first, then):
        workspace.write(f"servers: {{alpha: {{{specs}}}}}\n")
        applied = workspace.run_in_process("apply", "--auto-approve")
        assert applied.code == 0, applied.out + applied.err
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert (workspace.purchases, cost(workspace)) == ({"alpha": 1}, [])


def test_what_nothing_shows_is_assumed_told_and_not_sent(workspace):
    workspace.apply()
    workspace.write("servers: {alpha: {availability_zone: az-1}}\n")
    planned = workspace.run_in_process("plan", "--detailed-exitcode")
    assert (planned.code, "Warning[assumed]: alpha: availability_zone is assumed" in planned.out) == (0, True)
    assert workspace.run_in_process("apply", "--auto-approve").code == 0
    assert (workspace.purchases, cost(workspace)) == ({"alpha": 1}, [])


def test_a_choice_that_the_cloud_shows_otherwise_is_another_machine_and_is_shown_as_such(workspace):
    workspace.apply()
    workspace.write("servers: {alpha: {arch: ARM}}\n")
    planned = workspace.run_in_process("plan", "--detailed-exitcode")
    assert planned.code == 2
    assert "arch" in planned.out
    assert "forces replacement" in planned.out


def test_a_line_that_is_taken_out_wipes_nothing_and_the_next_value_is_compared_with_what_was_sent(workspace):
    for specs, planned in (("userdata: one", 2), ("", 0), ("userdata: one", 0), ("userdata: two", 2)):
        workspace.write(f"servers: {{alpha: {{{specs}}}}}\n")
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == planned
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
    assert (workspace.purchases, cost(workspace)) == ({"alpha": 1}, ["wipe"])
