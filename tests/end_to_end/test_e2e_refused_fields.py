"""A machine that takes no disks and no addresses, over real HTTP: bought once, told of in every plan, and asked for them once."""

from __future__ import annotations

import json

import pytest
from support.process_workspace import STACK

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import LoopbackOnly

VOLUME, OTHER = "0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7", "2d7c3f40-2cdb-4b81-956a-ef68812c6cf7"
ADDRESS = "1c6b2e3f-2cdb-4b81-956a-ef68812c6cf7"
MARKET = """\
zones: [cn-north-4a]
other_flavors_hourly_price: 10.00
other_images: true
a3_flavors: [big.a3]
flavors:
  - {name: told.small, hourly_price: 1.00, server_type: BMS}
"""


@pytest.fixture
def sandbox_db(server, tmp_path, clock):
    sandbox_db, market = tmp_path / "world" / "world.db", tmp_path / "market.yml"
    market.write_text(MARKET)
    server.app = LoopbackOnly(create_app(sandbox_db, build_seconds=0.0, clock=clock, market=market), clock)
    return sandbox_db


def sent(proxy):
    """What was to change something, since the last look."""
    asked = [each.path.rsplit("/", 1)[-1] for each in proxy.exchanges if each.method in {"PUT", "POST", "DELETE"}]
    proxy.exchanges.clear()
    return asked


def the_record(workspace):
    (record,) = workspace.state()["resources"].values()
    return record


def test_the_first_apply_buys_and_exits_7_and_the_second_sends_nothing_and_exits_0(workspace, proxy):
    workspace.write(f"servers: {{alpha: {{volumes: [{VOLUME}], public_ips: [{ADDRESS}], power: stopped}}}}\n")
    first = workspace.run("apply", "--auto-approve")
    assert first.code == 7
    assert "Creation failed" not in first.text
    assert "Creation complete after" in first.text
    assert "1 added, 0 changed, 0 destroyed; 1 not as declared" in first.text
    assert "refuses public_ips and volumes" in " ".join((first.out + first.err).split())
    assert "stop" in sent(proxy)
    record = the_record(workspace)
    assert record["refused"]["volumes"]["value"] == [VOLUME]
    assert record["refused"]["volumes"]["code"] == "ModelArts.7000"

    second = workspace.run("apply", "--auto-approve")
    assert (second.code, sent(proxy)) == (0, [])
    assert "refused-before" in second.out + second.err
    planned = json.loads(workspace.run_in_process("plan", "--json").out)
    told = [one for one in planned["findings"] if one["code"] == "refused-before"]
    assert [one["severity"] for one in told] == ["warning", "warning"]
    assert workspace.purchases == {"alpha": 1}

    again = workspace.run_in_process("apply", "--auto-approve", "--allow", "refused-before")
    assert again.code == 7
    assert "attachvolume" in sent(proxy)
    assert workspace.run_in_process("apply", "--auto-approve").code == 0
    assert (sent(proxy), workspace.purchases) == ([], {"alpha": 1})


def test_another_value_is_tried_and_a_removed_field_is_forgotten(workspace, proxy):
    workspace.write(f"servers: {{alpha: {{volumes: [{VOLUME}]}}}}\n")
    assert workspace.apply().code == 7
    sent(proxy)
    workspace.write(f"servers: {{alpha: {{volumes: [{OTHER}]}}}}\n")
    assert workspace.apply().code == 7
    assert sent(proxy) == ["attachvolume"]
    workspace.write("servers: {alpha: {}}\n")
    assert workspace.apply().code == 0
    assert "refused" not in the_record(workspace)
    workspace.write(f"servers: {{alpha: {{volumes: [{OTHER}]}}}}\n")
    assert workspace.apply().code == 7
    assert sent(proxy) == ["attachvolume"]
    assert workspace.purchases == {"alpha": 1}


def test_a_machine_that_takes_them_gets_them_and_nothing_is_recorded_of_it(workspace):
    workspace.write(
        f"servers: {{alpha: {{volumes: [{VOLUME}], public_ips: [{ADDRESS}]}}}}\n",
        stack=STACK.replace("Si2.large.4", "big.a3"),
    )
    assert workspace.apply().code == 0
    assert "refused" not in the_record(workspace)


@pytest.mark.parametrize(("flavor", "is_told"), [("told.small", True), ("untold", False)])
def test_the_plan_says_so_before_anything_is_bought_where_the_catalogue_tells_the_machine(workspace, flavor, is_told):
    workspace.write(f"servers: {{alpha: {{flavor: {flavor}, volumes: [{VOLUME}]}}}}\n")
    assert "only-a3" not in workspace.run_in_process("validate").text
    planned = workspace.run_in_process("plan")
    assert ("Warning[only-a3]: alpha: volumes may be refused" in planned.text, "type BMS" in planned.text) == (
        is_told,
        is_told,
    )
    assert (planned.code, workspace.purchases) == (0, {})
    assert workspace.apply().code == 7
    assert "only-a3" not in workspace.run_in_process("plan").text
