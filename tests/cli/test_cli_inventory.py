"""inventory at the desk: read from the state alone, whole or said not to be, and bad input changes nothing."""

from __future__ import annotations

import json

import pytest
from support.stores import folder_store

from provisioner.cli.inventory import _FORMATS
from provisioner.model.address import Address
from provisioner.model.journal import Remembered, RunEnded, RunStarted
from provisioner.model.resource import Phase
from provisioner.rendering.inventory import FORMATS

FLEET = """\
servers:
  gateway: {labels: {team: vision}}
  trainer: {count: 3, labels: {team: vision, role: worker}}
"""


@pytest.fixture
def fleet(cli):
    cli.write_specs(FLEET)
    cli.apply()
    return cli


def test_the_command_offers_what_there_is():
    assert set(_FORMATS) == FORMATS.keys()


def test_every_server_is_listed_in_the_order_of_ranks(fleet):
    document = fleet.run("inventory", "--format", "json").document
    assert [host["address"] for host in document["hosts"]] == ["gateway", "trainer[0]", "trainer[1]", "trainer[2]"]
    assert document["groups"] == {"trainer": ["trainer-0", "trainer-1", "trainer-2"]}
    assert all(host["private_addresses"] and host["status"] == "RUNNING" for host in document["hosts"])


def test_no_cloud_is_asked_and_no_spec_but_stack_yaml_is_read(fleet, point_to):
    point_to("http://127.0.0.1:9")
    fleet.write_specs("servers: {gateway: {no-such-field: 1}}\n")
    ran = fleet.run("inventory", "--format", "hosts")
    assert (ran.code, ran.err) == (0, "")
    assert "\ttrainer-2\t# trainer[2]" in ran.out


def test_the_same_state_gives_the_same_text(fleet):
    for form in _FORMATS:
        assert fleet.run("inventory", "--format", form).out == fleet.run("inventory", "--format", form).out


def test_labels_choose(fleet):
    chosen = fleet.run("inventory", "--format", "json", "--selector", "team=vision", "--selector", "role=worker")
    assert [host["name"] for host in chosen.document["hosts"]] == ["trainer-0", "trainer-1", "trainer-2"]
    assert fleet.run("inventory", "--format", "json", "--selector", "team=audio").document["hosts"] == []


def test_a_server_that_is_not_ready_is_left_out_and_named(fleet):
    path = fleet.state / "demo.journal"
    assert path.exists()
    fleet.write_specs(FLEET + "  late: {flavor: sandbox.fails}\n")
    fleet.run("apply", "--auto-approve")
    ran = fleet.run("inventory", "--format", "hosts")
    assert ran.code == 0
    assert ran.out.startswith("# demo: 4 servers, 1 left out\n")
    assert "Warning[inventory-incomplete]: 1 server is left out" in ran.err
    assert "late: it has failed" in ran.err
    assert "help: " in ran.err


def test_without_a_public_address_nobody_is_reached_at_one(fleet):
    ran = fleet.run("inventory", "--format", "ssh-config", "--public")
    assert ran.out == "# demo: 0 servers, 4 left out\n"
    assert "gateway: no public address of it is recorded" in ran.err


def test_where_nothing_is_held_any_more_there_is_nobody(cli):
    cli.apply()
    assert cli.run("destroy", "--auto-approve").code == 0
    ran = cli.run("inventory", "--format", "env")
    assert (ran.code, ran.out, ran.err) == (0, "# demo: 0 servers\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--format"),
        (("--format", "csv"), "'csv' is not one of"),
        (("--format", "json", "--selector", "team"), "write one like team=vision"),
        (("--format", "json", "--selector", "=vision"), "write one like team=vision"),
        (("--format", "json", "--selector", "a=1", "--selector", "a=2"), "no server has both"),
    ],
)
def test_a_mistake_in_the_command_is_told(fleet, arguments, said):
    before = fleet.state_files()
    ran = fleet.run("inventory", *arguments)
    assert ran.code == 1
    assert said in ran.stderr_text
    assert fleet.state_files() == before


def test_a_damaged_state_is_no_empty_inventory(fleet):
    path = fleet.state / "demo.json"
    path.write_text(path.read_text()[:-20])
    fleet.assert_fails("inventory", "--format", "json", code="state-damaged")


def test_names_and_addresses_that_the_cloud_made_up_get_into_no_configuration(fleet):
    """A server renamed in the console to what a tool would obey, and an address that is none."""

    with folder_store(fleet.state, "demo").write(command="test", who="ana", timeout=0) as session:
        recorded = session.state.resources[Address("gateway")]
        declared = {**recorded.declared, "name": "x\n  ProxyCommand touch owned"}
        observed = {**recorded.observed, "endpoints": [{"uri": "fe80::1%\nProxyCommand x"}, {"uri": "10.0.0.7"}]}
        session.append(
            [
                RunStarted("run", "test", "ana", "0"),
                Remembered(Address("gateway"), Phase.READY, declared=declared, observed=observed),
                RunEnded("run", "ended"),
            ]
        )
        session.checkpoint()
    for form in _FORMATS:
        told = fleet.run("inventory", "--format", form).out
        assert "ProxyCommand" not in told
        assert "10.0.0.7" in told
    (gateway, *_) = json.loads(fleet.run("inventory", "--format", "json").out)["hosts"]
    assert gateway["name"] == gateway["id"]


def test_labels_that_collide_cost_only_their_own_groups(cli) -> None:
    cli.write_specs("servers: {a: {labels: {team: 视觉}}, b: {labels: {team: 语音}}, node: {count: 1}}\n")
    cli.apply()
    ran = cli.run("inventory", "--format", "ansible")
    assert ran.code == 0
    assert "    node:" in ran.out
    assert "label_team" not in ran.out
    assert "Warning[inventory-ambiguous]: label_team___" in ran.err
