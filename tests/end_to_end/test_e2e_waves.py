"""A group in waves over real HTTP: the sandbox's ledger says how far it came, and that nothing is bought beyond a failure."""

from __future__ import annotations

import json

BROKEN = "\"{{ 'sandbox.fails' if count.index == 3 else 'Si2.large.4' }}\""


def fleet(flavor: str) -> str:
    return f"servers: {{fleet: {{count: 10, rollout: [1, 3, 50%], flavor: {flavor}}}}}\n"


def bought(*numbers: int) -> dict[str, int]:
    return {f"fleet-{number}": 1 for number in numbers}


def test_a_failure_in_the_second_wave_leaves_the_others_unbought_and_is_gone_on_from(workspace):
    workspace.write(fleet(BROKEN))
    planned = workspace.run_in_process("plan")
    assert "# wave 2 of fleet begins when fleet[0] is done: fleet[1], fleet[2], fleet[3]" in planned.out
    assert "# wave 4 of fleet begins when" in planned.out
    applied = workspace.run("apply", "--auto-approve")
    assert applied.code == 7
    assert "fleet: 3 of 10 are as declared." in applied.out
    assert "because fleet[3] is not done" in applied.out
    assert workspace.purchases == bought(0, 1, 2, 3)
    again = workspace.run("apply", "--auto-approve")
    assert (again.code, "blocked" in again.out + again.err) == (7, True)
    assert workspace.purchases == bought(0, 1, 2, 3)
    workspace.write(fleet("Si2.large.4"))
    mended = workspace.run("apply", "--auto-approve", "--replace=fleet[3]")
    assert (mended.code, mended.out.splitlines()[-1]) == (
        0,
        "Apply complete! Servers: 7 added, 0 changed, 1 destroyed.",
    )
    assert workspace.purchases == {**bought(*range(10)), "fleet-3": 2}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_a_saved_plan_keeps_its_waves_and_the_stream_says_how_many(workspace):
    workspace.write(fleet(BROKEN))
    workspace.run_in_process("plan", "--out", "saved")
    waits = json.loads(workspace.run_in_process("show", "--json", "saved").out)["dependencies"]
    assert [(each["description"], len(each["addresses"]), len(each["after"])) for each in waits] == [
        ("wave 2 of fleet", 3, 1),
        ("wave 3 of fleet", 5, 3),
        ("wave 4 of fleet", 1, 5),
    ]
    applied = workspace.run("apply", "--json", "saved")
    assert applied.code == 7
    assert json.loads(applied.out.splitlines()[-1])["fleets"] == [{"group": "fleet", "ready": 3, "wanted": 10}]
    assert workspace.purchases == bought(0, 1, 2, 3)
    assert workspace.run("apply", "--auto-approve", "--target=fleet[9]").code == 0
    assert workspace.purchases == bought(0, 1, 2, 3, 9)


def test_waves_that_do_not_add_up_change_nothing(workspace):
    workspace.write("servers: {fleet: {count: 3, rollout: [1, 3, 1]}}\n")
    refused = workspace.run("apply", "--auto-approve")
    assert refused.code == 1
    assert "wave 3 of 3 has no members" in refused.err
    assert "rollout" in refused.err
    assert "Traceback" not in refused.err
    assert not workspace.purchases
