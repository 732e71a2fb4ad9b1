"""Changes in place over real HTTP: what the sandbox's ledger says was wiped, and that nothing was bought or released for it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from support.fault_proxy import answering, hanging_up, message, resetting, truncating
from support.process_workspace import ONE, PREPAID
from support.stack_text import PASSWORD

IMAGE, OTHER = "c90fb553-2cdb-4b81-b56a-ef68812c6cf7", "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
VOLUME, ADDRESS = "0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7", "1c6b2e3f-2cdb-4b81-956a-ef68812c6cf7"
LOST = [
    (resetting(executed=True), 1),
    (resetting(executed=False), 0),
    (truncating, 1),
    (answering(message("503 Service Unavailable", b"{}"), executed=True), 1),
]
REIMAGED = f"servers: {{alpha: {{image_id: {OTHER}}}}}\n"


def in_the_cloud(workspace):
    """Status and image, by the sandbox's own table."""
    with closing(sqlite3.connect(workspace.sandbox_db)) as connection:
        return connection.execute("SELECT status, image_id FROM servers").fetchall()


def public_addresses(workspace):
    """As the inventory has them, which asks no cloud."""
    (host,) = json.loads(workspace.run_in_process("inventory", "--format", "json").out)["hosts"]
    return host["public_addresses"]


def spent(workspace):
    """Everything in the ledger but what bought the first server."""
    return [row.kind for row in workspace.ledger if row.kind not in {"purchase", "payment"}]


def changing(proxy):
    return [each.path.rsplit("/", 1)[-1] for each in proxy.exchanges if each.method in {"PUT", "POST", "DELETE"}]


class TestAnotherSystem:
    @pytest.mark.parametrize("charging", ["", f"charging_info: {PREPAID}, "])
    def test_another_image_is_put_on_the_same_server_prepaid_or_not(self, workspace, charging):
        """The peer releases and rebuys, and the rest of a paid term is lost."""
        workspace.write(f"servers: {{alpha: {{{charging}}}}}\n")
        workspace.apply()
        before = workspace.outputs["alpha"]
        workspace.write(f"servers: {{alpha: {{{charging}image_id: {OTHER}}}}}\n")
        planned = workspace.run_in_process("plan", "--detailed-exitcode")
        assert planned.code == 2
        assert "~! dev_server" in planned.out
        assert "will be reinstalled, its system disk is wiped" in planned.out
        assert "wipes the system disk" in planned.out.splitlines()[-1]
        applied = workspace.run("apply", "--auto-approve")
        assert (applied.code, applied.out.splitlines()[-1]) == (
            0,
            "Apply complete! Servers: 0 added, 1 changed, 0 destroyed.",
        )
        assert workspace.outputs["alpha"] == before
        assert in_the_cloud(workspace) == [("RUNNING", OTHER)]
        assert (workspace.purchases, spent(workspace)) == ({"alpha": 1}, ["wipe"])
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_password_alone_is_installed_and_stands_nowhere(self, workspace):
        workspace.apply()
        workspace.environment["ALPHA_PASSWORD"] = PASSWORD
        workspace.write('servers: {alpha: {key_pair_name: null, admin_pass: {secret: "env:ALPHA_PASSWORD"}}}\n')
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert [row.detail for row in workspace.ledger if row.kind == "wipe"] == ["reinstallos"]
        assert in_the_cloud(workspace) == [("RUNNING", IMAGE)]
        assert not [file for file in (workspace.folder / "state").rglob("*.j*") if PASSWORD in file.read_text()]
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_password_that_is_not_at_hand_stops_nothing(self, workspace):
        workspace.apply()
        workspace.write('servers: {alpha: {key_pair_name: null, admin_pass: {secret: "env:ALPHA_PASSWORD"}}}\n')
        refused = workspace.run_in_process("apply", "--auto-approve")
        assert refused.code == 1, refused.text
        assert "ALPHA_PASSWORD" in refused.err
        assert (in_the_cloud(workspace), spent(workspace)) == ([("RUNNING", IMAGE)], [])

    def test_where_the_lifecycle_says_so_another_machine_is_bought(self, workspace):
        workspace.apply()
        workspace.write(f"servers: {{alpha: {{image_id: {OTHER}, lifecycle: {{on_os_change: replace}}}}}}\n")
        assert "# forces replacement" in workspace.run_in_process("plan").out
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert spent(workspace) == ["release"]

    @pytest.mark.parametrize(("fault", "wipes_at_first"), LOST)
    def test_a_lost_answer_counts_as_carried_out_and_the_disk_is_wiped_once(
        self, workspace, proxy, fault, wipes_at_first
    ):
        workspace.apply()
        workspace.write(REIMAGED)
        proxy.on(fault, method="POST", ending="/changeos")
        lost = workspace.run_in_process("apply", "--auto-approve")
        assert lost.code == 7
        assert "run `provisioner apply` again" in lost.words
        assert workspace.ledger_counts("wipe") == ({"alpha": 1} if wipes_at_first else {})
        shown = workspace.run_in_process("plan", "--detailed-exitcode")
        assert "reinstallation" in shown.text
        resumed = workspace.run_in_process("apply", "--auto-approve")
        assert resumed.code == 0
        assert [status for status, _ in in_the_cloud(workspace)] == ["RUNNING"]
        for _ in range(2 * (not wipes_at_first)):
            told = workspace.run_in_process("apply", "--auto-approve")
            assert (told.code, "Warning[unconfirmed]: alpha" in told.text) == (0, True)
            assert workspace.ledger_counts("wipe") == {}
        assert ("Warning[unconfirmed]: alpha" in resumed.text) is not bool(wipes_at_first)
        if not wipes_at_first:
            assert workspace.run_in_process("apply", "--auto-approve", "--reinstall", "alpha").code == 0
        assert (workspace.ledger_counts("wipe"), workspace.purchases) == ({"alpha": 1}, {"alpha": 1})
        assert in_the_cloud(workspace) == [("RUNNING", OTHER)]
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_saved_plan_says_it_and_does_it(self, workspace):
        workspace.apply()
        workspace.write(REIMAGED)
        assert workspace.run_in_process("plan", "--out", "plan.json").code == 0
        assert workspace.run_in_process("apply", "plan.json").code == 0
        assert in_the_cloud(workspace) == [("RUNNING", OTHER)]

    def test_the_machine_readable_plan_has_an_action_of_its_own_for_it(self, workspace):
        workspace.apply()
        workspace.write(REIMAGED)
        document = json.loads(workspace.run_in_process("plan", "--json").out)
        (change,) = document["resource_changes"]
        assert change["change"]["actions"] == ["reinstall"]
        assert [field["reinstalls"] for field in change["fields"]] == [True]
        assert (document["summary"]["change"], document["summary"]["reinstall"]) == (1, 1)

    def test_the_history_tells_of_it(self, workspace):
        workspace.apply()
        workspace.write(REIMAGED)
        workspace.apply()
        assert "reinstalled" in workspace.run_in_process("history", "alpha").out


class TestPower:
    def test_off_and_on_and_mended_where_somebody_has_turned_it_off(self, workspace, proxy):
        workspace.apply()
        workspace.write("servers: {alpha: {power: stopped}}\n")
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert in_the_cloud(workspace) == [("STOPPED", IMAGE)]
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
        workspace.write("servers: {alpha: {power: running}}\n")
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert in_the_cloud(workspace) == [("RUNNING", IMAGE)]
        with closing(sqlite3.connect(workspace.sandbox_db)) as connection, connection:
            connection.execute("UPDATE servers SET status = 'STOPPED'")
        assert "# changed outside of the specs" in workspace.run_in_process("plan").out
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert in_the_cloud(workspace) == [("RUNNING", IMAGE)]
        assert changing(proxy) == ["dev-servers", "stop", "start", "start"]
        assert spent(workspace) == []

    def test_what_is_stopped_stays_stopped_when_its_system_and_its_name_change(self, workspace):
        workspace.write("servers: {alpha: {power: stopped}}\n")
        workspace.apply()
        workspace.write(f"servers: {{alpha: {{power: stopped, name: omega, image_id: {OTHER}}}}}\n")
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert in_the_cloud(workspace) == [("STOPPED", OTHER)]
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    @pytest.mark.parametrize("fault", [resetting(executed=True), resetting(executed=False), hanging_up])
    def test_a_stop_without_an_answer_is_read_back(self, workspace, proxy, fault):
        workspace.apply()
        workspace.write("servers: {alpha: {power: stopped}}\n")
        proxy.on(fault, method="PUT", ending="/stop")
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert in_the_cloud(workspace) == [("STOPPED", IMAGE)]


class TestAttachments:
    SPECS = f"servers: {{alpha: {{volumes: [{VOLUME}], public_ips: [{ADDRESS}]}}}}\n"

    def test_volumes_and_addresses_come_and_go(self, workspace, proxy):
        workspace.apply()
        workspace.write(self.SPECS)
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
        workspace.write("servers: {alpha: {volumes: [], public_ips: []}}\n")
        detached = workspace.run_in_process("apply", "--auto-approve")
        assert detached.code == 0, detached.text
        assert changing(proxy)[1:] == ["attachvolume", "publicips", VOLUME, ADDRESS]
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
        assert spent(workspace) == []

    def test_they_are_given_to_a_server_that_is_bought(self, workspace):
        workspace.write(self.SPECS)
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
        assert workspace.purchases == {"alpha": 1}

    def test_the_inventory_knows_a_public_address_whatever_is_done_to_its_server_afterwards(self, workspace):
        workspace.write(self.SPECS)
        workspace.apply()
        (address,) = public_addresses(workspace)
        for then in (
            "name: omega",
            "name: omega, power: stopped",
            "name: omega, power: running",
            f"name: omega, power: running, image_id: {OTHER}",
        ):
            workspace.write(self.SPECS.replace("alpha: {", f"alpha: {{{then}, "))
            workspace.apply()
            assert public_addresses(workspace) == [address]
        workspace.write("servers: {alpha: {name: omega, public_ips: []}}\n")
        workspace.apply()
        assert public_addresses(workspace) == []

    def test_what_another_server_has_is_refused_and_the_rest_is_done(self, workspace):
        workspace.write(self.SPECS)
        workspace.apply()
        workspace.write(
            f"servers: {{alpha: {{volumes: [{VOLUME}], public_ips: [{ADDRESS}]}}, beta: {{volumes: [{VOLUME}]}}}}\n"
        )
        refused = workspace.run_in_process("apply", "--auto-approve")
        assert refused.code == 7
        assert "attached already" in refused.words
        workspace.write(self.SPECS.replace("}}", "}, beta: {}}"))
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert workspace.purchases == {"alpha": 1, "beta": 1}
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


class TestTriggers:
    SPECS = "servers: {{alpha: {{name: {}}}, beta: {{lifecycle: {{replace_triggered_by: [alpha]}}}}}}\n"

    def test_a_server_is_replaced_with_another_ones_change_and_once(self, workspace):
        workspace.write(self.SPECS.format("alpha"))
        workspace.apply()
        workspace.write(self.SPECS.format("omega"))
        assert "# forces replacement" in workspace.run_in_process("plan").out
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert (workspace.purchases, workspace.ledger_counts("release")) == ({"alpha": 1, "beta": 2}, {"beta": 1})
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_death_after_the_cause_and_before_the_replacement_does_not_lose_it(self, workspace, proxy):
        workspace.write(self.SPECS.format("alpha"))
        workspace.apply()
        workspace.write(self.SPECS.format("omega"))
        gate = proxy.gate()
        proxy.on(gate.never, ending="/resources/query", nth=2)  # the plan asks, and the release once more
        dying = workspace.start("apply", "--auto-approve", "--parallelism", "2")
        gate.await_arrival()
        while not [row for row in workspace.journal_records if "omega" in json.dumps(row)]:
            pass
        dying.kill()
        gate.open()
        assert workspace.ledger_counts("release") == {}
        assert "replace_triggered_by" in workspace.run_in_process("plan").out
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert (workspace.purchases, workspace.ledger_counts("release")) == ({"alpha": 1, "beta": 2}, {"beta": 1})
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize(
    ("specs", "code"),
    [
        ("{alpha: {lifecycle: {replace_triggered_by: [omega]}}}", "unknown-trigger"),
        ("{alpha: {lifecycle: {replace_triggered_by: [alpha]}}}", "trigger-cycle"),
        ("{alpha: {volumes: [a]}}", "invalid-value"),
        (f"{{alpha: {{volumes: [{VOLUME}, {VOLUME}]}}}}", "invalid-value"),
        ("{alpha: {power: paused}}", "invalid-value"),
        ("{alpha: {lifecycle: {on_os_change: wipe}}}", "invalid-value"),
        ("{alpha: {lifecycle: {create_before_destroy: perhaps}}}", "wrong-type"),
    ],
)
def test_a_mistake_is_said_and_changes_nothing(workspace, proxy, specs, code):
    workspace.apply()
    sent = len(proxy.exchanges)
    workspace.write(f"servers: {specs}\n")
    refused = workspace.run_in_process("apply", "--auto-approve")
    assert (refused.code, f"Error[{code}]" in refused.err) == (1, True), refused.text
    assert len(proxy.exchanges) == sent


def test_a_plan_that_only_an_older_version_would_have_made_buys_nothing(workspace):
    """Before, another image was another server: what is recorded from then goes on as it is."""
    workspace.apply()
    workspace.write(ONE)
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0


class TestASuccessorFirst:
    FIRST = "lifecycle: {create_before_destroy: true}"

    def test_the_new_server_is_bought_before_the_old_one_is_released(self, workspace):
        workspace.write(f"servers: {{alpha: {{{self.FIRST}}}}}\n")
        workspace.apply()
        old = workspace.outputs["alpha"]
        workspace.write(f"servers: {{alpha: {{flavor: Si2.xlarge.4, {self.FIRST}}}}}\n")
        assert "+/- dev_server" in workspace.run_in_process("plan").out
        (change,) = json.loads(workspace.run_in_process("plan", "--json").out)["resource_changes"]
        assert change["change"]["actions"] == ["create", "delete"]
        applied = workspace.run("apply", "--auto-approve")
        assert (applied.code, applied.out.splitlines()[-1]) == (
            0,
            "Apply complete! Servers: 1 added, 0 changed, 1 destroyed.",
        )
        assert workspace.outputs["alpha"] != old
        kinds = [row.kind for row in workspace.ledger]
        assert kinds.count("purchase") == 2
        assert kinds[-1] == "release"
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_new_server_that_fails_leaves_the_old_one_in_service(self, workspace):
        workspace.write(f"servers: {{alpha: {{{self.FIRST}}}}}\n")
        workspace.apply()
        old = workspace.outputs["alpha"]
        workspace.write(f"servers: {{alpha: {{flavor: sandbox.fails, {self.FIRST}}}}}\n")
        failed = workspace.run("apply", "--auto-approve")
        assert failed.code == 7
        assert "release" not in [row.kind for row in workspace.ledger]
        listed = workspace.run_in_process("state", "list").out
        assert "alpha@deposed" in listed
        (host,) = json.loads(workspace.run_in_process("inventory", "--format", "json").out)["hosts"]
        assert (host["address"], host["id"]) == ("alpha", old if isinstance(old, str) else old["id"])
        workspace.write(f"servers: {{alpha: {{flavor: Si2.xlarge.4, {self.FIRST}}}}}\n")
        assert "deposed-kept" in workspace.run("plan").out
        assert workspace.run("apply", "--auto-approve", "--replace=alpha").code == 0
        assert "alpha@deposed" not in workspace.run_in_process("state", "list").out
        assert [status for status, _ in in_the_cloud(workspace) if status != "DELETED"] == ["RUNNING"]
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_who_puts_the_specs_back_can_keep_the_old_server_by_hand(self, workspace):
        workspace.write(f"servers: {{alpha: {{{self.FIRST}}}}}\n")
        workspace.apply()
        old = workspace.outputs["alpha"]
        workspace.write(f"servers: {{alpha: {{flavor: sandbox.fails, {self.FIRST}}}}}\n")
        assert workspace.run("apply", "--auto-approve").code == 7
        workspace.write(f"servers: {{alpha: {{{self.FIRST}}}}}\n")
        for origin, address in (("alpha@deposed", "spare"), ("alpha", "unwanted"), ("spare", "alpha")):
            assert workspace.run_in_process("state", "mv", origin, address).code == 0
        released = workspace.run("apply", "--auto-approve")
        assert (released.code, released.out.splitlines()[-1]) == (
            0,
            "Apply complete! Servers: 0 added, 0 changed, 1 destroyed.",
        )
        assert workspace.outputs["alpha"] == old
        assert workspace.purchases == {"alpha": 2}
