"""Servers that exist are taken over, over real HTTP, and judged by the ledger: nothing is bought or released for it."""

from __future__ import annotations

import json

import pytest

PREPAID = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
FLEET = f"servers: {{node: {{count: 198}}, big: {{flavor: Si2.xlarge.4}}, paid: {{charging_info: {PREPAID}}}}}\n"
NOTHING = "servers: {}\n"


@pytest.fixture
def inherited(workspace):
    """200 servers that somebody bought, and no state or spec that knows of them."""
    workspace.write(FLEET)
    assert workspace.apply("--parallelism", "64").code == 0
    for file in (workspace.folder / "state").glob("test*"):
        file.unlink()
    workspace.write(NOTHING)
    return workspace


def bought_and_released(workspace):
    return len([row for row in workspace.ledger if row.kind == "purchase"]), [
        row for row in workspace.ledger if row.kind == "release"
    ]


def test_200_servers_are_taken_over_and_planned_in_at_most_10_requests(inherited, server):
    asked = []
    app = server.app

    async def counted(scope, receive, send):
        asked.append(f"{scope['method']} {scope['path']}")
        await app(scope, receive, send)

    server.app = counted
    adopted = inherited.run("adopt", "--all", "--auto-approve")
    assert adopted.code == 0, adopted.text
    assert "Took over 200 servers, declared in specs/adopted.yaml." in adopted.out
    assert "it has nothing to do for any of them" in adopted.out
    planned = inherited.run("plan", "--detailed-exitcode")
    assert planned.code == 0, planned.text
    assert planned.out.startswith("No changes.")
    assert len(asked) <= 10, asked
    assert bought_and_released(inherited) == (200, [])
    assert len(inherited.state()["resources"]) == 200


def test_what_was_adopted_is_released_as_it_was_bought(inherited):
    assert inherited.run_in_process("adopt", "--match", "paid", "--match", "big", "--auto-approve").code == 0
    assert {*inherited.state()["resources"]} == {"paid", "big"}
    assert inherited.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 0
    assert inherited.ledger_counts("release") == {"paid": 1, "big": 1}
    assert inherited.ledger_counts("refund") == {"paid": 1}


def test_adopting_twice_changes_nothing(inherited):
    assert inherited.run_in_process("adopt", "--match", "node-1?", "--auto-approve").code == 0
    before = inherited.state()
    again = inherited.run_in_process("adopt", "--match", "node-1?", "--auto-approve")
    assert (again.code, "unknown-server" in again.err) == (1, True)
    assert inherited.state() == before
    assert not (inherited.folder / "specs" / "adopted-2.yaml").exists()


def test_whoever_dies_between_the_specs_and_the_record_has_only_to_apply(inherited, monkeypatch):
    """The state is what the death took; the specs are what it left."""
    assert inherited.run_in_process("adopt", "--match", "node-1*", "--auto-approve").code == 0
    for file in (inherited.folder / "state").glob("test*"):
        file.unlink()
    applied = inherited.apply()
    assert applied.code == 0, applied.text
    assert "109 adopted" in applied.out
    assert inherited.run_in_process("plan", "--detailed-exitcode").code == 0
    assert bought_and_released(inherited) == (200, [])


def test_two_machines_that_adopt_at_once_do_it_once(inherited):
    first = inherited.start("adopt", "--all", "--auto-approve", "--lock-timeout", "30s")
    second = inherited.start("adopt", "--all", "--auto-approve", "--lock-timeout", "30s")
    ended = [first.end(), second.end()]
    assert sorted(one.code for one in ended) == [0, 0], [one.text for one in ended]
    assert sum("Took over 200" in one.out for one in ended) == 1
    assert len(inherited.state()["resources"]) == 200


def test_an_import_by_specs_is_planned_reviewed_and_carried_out(workspace):
    workspace.write("servers: {old: {}}\n")
    workspace.apply()
    identifier = workspace.state()["resources"]["old"]["id"]
    workspace.run_in_process("state", "rm", "old", "--auto-approve")
    workspace.write(f"servers: {{alpha: {{userdata: hidden}}}}\nimports: [{{to: alpha, id: {identifier}}}]\n")
    document = json.loads(workspace.run_in_process("plan", "--json").out)
    (change,) = document["resource_changes"]
    assert change["change"]["actions"] == ["adopt"]
    assert change["id"] == identifier
    assert ["userdata"] in change["unverifiable"]
    assert workspace.apply().code == 0
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert workspace.purchases == {"old": 1}
    assert workspace.ledger_counts("release") == {}


def test_a_renamed_group_keeps_its_servers(workspace):
    workspace.write("servers: {trainer: {count: 3}}\n")
    workspace.apply()
    ids = {one["id"] for one in workspace.state()["resources"].values()}
    workspace.write("servers: {worker: {count: 3}}\n")
    offered = workspace.run_in_process("plan")
    assert "likely-move" in offered.out
    workspace.write("servers: {worker: {count: 3}}\nmoved: [{from: trainer, to: worker}]\n")
    applied = workspace.apply()
    assert applied.code == 0
    assert {one["id"] for one in workspace.state()["resources"].values()} == ids
    assert {*workspace.state()["resources"]} == {"worker[0]", "worker[1]", "worker[2]"}
    assert sum(workspace.purchases.values()) == 3
    assert workspace.ledger_counts("release") == {}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


def test_what_is_let_go_stays_and_destroy_leaves_it(workspace):
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    workspace.apply()
    workspace.write("servers: {alpha: {}}\nremoved: [{from: beta}]\n")
    assert workspace.run_in_process("destroy", "--auto-approve").code == 0
    assert workspace.ledger_counts("release") == {"alpha": 1}
    assert workspace.state()["resources"] == {}
