"""Servers that exist are taken over, over real HTTP, and judged by the ledger: nothing is bought or released for it."""

from __future__ import annotations

import json

import pytest

PREPAID = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
FLEET = f"servers: {{node: {{count: 198}}, big: {{flavor: Si2.xlarge.4}}, paid: {{charging_info: {PREPAID}}}}}\n"
NOTHING = "servers: {}\n"


@pytest.fixture
def inherited(site):
    """200 servers that somebody bought, and no state or spec that knows of them."""
    site.write(FLEET)
    assert site.apply("--parallelism", "64").code == 0
    for file in (site.folder / "state").glob("test*"):
        file.unlink()
    site.write(NOTHING)
    return site


def bought_and_released(site):
    return len([row for row in site.ledger if row.kind == "purchase"]), [
        row for row in site.ledger if row.kind == "release"
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
    assert inherited.here("adopt", "--match", "paid", "--match", "big", "--auto-approve").code == 0
    assert {*inherited.state()["resources"]} == {"paid", "big"}
    assert inherited.here("destroy", "--auto-approve", "--allow", "prepaid-delete").code == 0
    assert inherited.entries("release") == {"paid": 1, "big": 1}
    assert inherited.entries("refund") == {"paid": 1}


def test_adopting_twice_changes_nothing(inherited):
    assert inherited.here("adopt", "--match", "node-1?", "--auto-approve").code == 0
    before = inherited.state()
    again = inherited.here("adopt", "--match", "node-1?", "--auto-approve")
    assert (again.code, "unknown-server" in again.err) == (1, True)
    assert inherited.state() == before
    assert not (inherited.folder / "specs" / "adopted-2.yaml").exists()


def test_whoever_dies_between_the_specs_and_the_record_has_only_to_apply(inherited, monkeypatch):
    """The state is what the death took; the specs are what it left."""
    assert inherited.here("adopt", "--match", "node-1*", "--auto-approve").code == 0
    for file in (inherited.folder / "state").glob("test*"):
        file.unlink()
    applied = inherited.apply()
    assert applied.code == 0, applied.text
    assert "109 adopted" in applied.out
    assert inherited.here("plan", "--detailed-exitcode").code == 0
    assert bought_and_released(inherited) == (200, [])


def test_two_machines_that_adopt_at_once_do_it_once(inherited):
    first = inherited.start("adopt", "--all", "--auto-approve", "--lock-timeout", "30s")
    second = inherited.start("adopt", "--all", "--auto-approve", "--lock-timeout", "30s")
    ended = [first.end(), second.end()]
    assert sorted(one.code for one in ended) == [0, 0], [one.text for one in ended]
    assert sum("Took over 200" in one.out for one in ended) == 1
    assert len(inherited.state()["resources"]) == 200


def test_an_import_by_specs_is_planned_reviewed_and_carried_out(site):
    site.write("servers: {old: {}}\n")
    site.apply()
    identifier = site.state()["resources"]["old"]["id"]
    site.here("state", "rm", "old", "--auto-approve")
    site.write(f"servers: {{alpha: {{userdata: hidden}}}}\nimports: [{{to: alpha, id: {identifier}}}]\n")
    document = json.loads(site.here("plan", "--json").out)
    (change,) = document["resource_changes"]
    assert change["change"]["actions"] == ["adopt"]
    assert change["id"] == identifier
    assert ["userdata"] in change["unverifiable"]
    assert site.apply().code == 0
    assert site.here("plan", "--detailed-exitcode").code == 0
    assert site.purchases == {"old": 1}
    assert site.entries("release") == {}


def test_a_renamed_group_keeps_its_servers(site):
    site.write("servers: {trainer: {count: 3}}\n")
    site.apply()
    ids = {one["id"] for one in site.state()["resources"].values()}
    site.write("servers: {worker: {count: 3}}\n")
    offered = site.here("plan")
    assert "likely-move" in offered.out
    site.write("servers: {worker: {count: 3}}\nmoved: [{from: trainer, to: worker}]\n")
    applied = site.apply()
    assert applied.code == 0
    assert {one["id"] for one in site.state()["resources"].values()} == ids
    assert {*site.state()["resources"]} == {"worker[0]", "worker[1]", "worker[2]"}
    assert sum(site.purchases.values()) == 3
    assert site.entries("release") == {}
    assert site.here("plan", "--detailed-exitcode").code == 0


def test_what_is_let_go_stays_and_destroy_leaves_it(site):
    site.write("servers: {alpha: {}, beta: {}}\n")
    site.apply()
    site.write("servers: {alpha: {}}\nremoved: [{from: beta}]\n")
    assert site.here("destroy", "--auto-approve").code == 0
    assert site.entries("release") == {"alpha": 1}
    assert site.state()["resources"] == {}
