"""What is bought over real HTTP is handed on from the state alone: outputs and inventories ask nobody and cost nothing."""

import json

import pytest

SPECS = """\
servers:
  alpha: {labels: {team: vision}}
  trainer: {count: 3}
outputs:
  master: "{{ servers.trainer[0].private_address }}"
  trainers: "{{ servers.trainer | map(attribute='id') }}"
"""


@pytest.fixture
def fleet(workspace):
    workspace.write(SPECS)
    assert workspace.run("apply", "--auto-approve").code == 0
    return workspace


def test_outputs_and_inventories_agree_and_send_nothing(fleet, proxy):
    ledger, sent = fleet.ledger, len(proxy.exchanges)
    outputs = json.loads(fleet.run("output", "--json").out)
    inventory = json.loads(fleet.run("inventory", "--format", "json").out)
    ranks = [host for host in inventory["hosts"] if host["rank"] is not None]
    assert [host["id"] for host in ranks] == outputs["trainers"]["value"]
    assert outputs["master"]["value"] == ranks[0]["private_addresses"][0]
    bought = {row.server_id for row in ledger if row.kind == "purchase"}
    assert {host["id"] for host in inventory["hosts"]} == bought
    assert (fleet.ledger, len(proxy.exchanges)) == (ledger, sent)


def test_a_server_that_is_gone_is_reached_by_nobody_once_that_is_recorded(fleet, console):
    (gone,) = (row.server_id for row in fleet.ledger if row.name == "trainer-1")
    console.delete(gone)
    assert "trainer-1" in fleet.run_in_process("inventory", "--format", "hosts").out
    assert fleet.run_in_process("apply", "--refresh-only", "--auto-approve").code == 0
    told = fleet.run_in_process("inventory", "--format", "hosts")
    assert "trainer-1" not in told.out
    assert "trainer[1]: it is gone from the cloud" in told.err
    assert fleet.purchases == {"alpha": 1, "trainer-0": 1, "trainer-1": 1, "trainer-2": 1}


def test_a_server_renamed_outside_bears_its_new_name_once_that_is_recorded(fleet, console):
    (alpha,) = (row.server_id for row in fleet.ledger if row.name == "alpha")
    console.rename(alpha, "omega")
    assert fleet.run_in_process("apply", "--refresh-only", "--auto-approve").code == 0
    hosts = json.loads(fleet.run_in_process("inventory", "--format", "json").out)["hosts"]
    assert [host["name"] for host in hosts] == ["omega", "trainer-0", "trainer-1", "trainer-2"]


def test_public_addresses_are_asked_for_by_a_refresh_and_recorded(fleet, console, proxy):
    (alpha,) = (row.server_id for row in fleet.ledger if row.name == "alpha")
    console.bind(alpha, "eip-1")
    told = fleet.run_in_process("inventory", "--format", "hosts", "--public")
    assert "alpha: no public address of it is recorded" in told.err
    assert "No drift." in fleet.run_in_process("drift").out
    assert not [each for each in proxy.exchanges if each.target.endswith("/publicips")]
    planned = fleet.run_in_process("plan", "--refresh-only")
    assert "+ public_addresses" in planned.out
    assert fleet.run("apply", "--refresh-only", "--auto-approve").code == 0
    assert "No changes" in fleet.run_in_process("apply", "--refresh-only", "--auto-approve").out
    public = fleet.run("inventory", "--format", "hosts", "--public")
    assert public.out.splitlines()[1].startswith("203.0.113.")
    assert public.out.splitlines()[1].endswith("\talpha\t# alpha")
    assert "trainer[0]: no public address of it is recorded" in public.err
    assert fleet.run_in_process("plan", "--detailed-exitcode").code == 0
