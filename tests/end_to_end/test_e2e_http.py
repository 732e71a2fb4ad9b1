"""The main job over real HTTP, as a user does it: plan, apply, look, edit, apply, destroy. The ledger is the judge."""

import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.process_workspace import ONE, PREPAID, STACK, THREE

from provisioner.sandbox import PUBLIC

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture
def demo(workspace):
    """The stack that newcomers start with."""
    shutil.rmtree(workspace.folder / "specs")
    shutil.copytree(SPECS, workspace.folder / "specs")
    return workspace


class TestTheWholeWay:
    def test_the_demo_is_planned_bought_found_unchanged_and_released(self, demo):
        planned = demo.run("plan", "--detailed-exitcode")
        assert planned.code == 2
        assert "Plan: 5 to add, 0 to change, 0 to destroy." in planned.out
        assert demo.run_in_process("plan").code == 0
        assert not demo.ledger

        applied = demo.run("apply", "--auto-approve")
        assert (applied.code, applied.out.splitlines()[-1]) == (
            0,
            "Apply complete! Servers: 5 added, 0 changed, 0 destroyed.",
        )
        assert set(demo.purchases.values()) == {1}
        outputs = demo.outputs
        assert len(outputs) == 5
        assert all(server["id"] and server["private_addresses"] for server in outputs.values())
        assert outputs["gateway"]["order_id"] in {row.order_id for row in demo.ledger if row.kind == "payment"}
        recorded = demo.state("demo.dev")["resources"]
        assert json.dumps(recorded).count('"uri"') == 5

        again = demo.run("plan", "--detailed-exitcode")
        assert (again.code, again.out) == (0, "No changes. Your servers match the specs.\n")

        destroyed = demo.run("destroy", "--auto-approve", "--allow", "prepaid-delete")
        assert (destroyed.code, destroyed.out.splitlines()[-1]) == (0, "Destroy complete! Servers: 5 destroyed.")
        assert demo.ledger_counts("release") == demo.purchases
        assert set(demo.ledger_counts("refund")) == {"vision-dev-gateway"}
        assert demo.outputs == {}

    def test_an_edited_spec_is_exactly_that_change(self, workspace, proxy):
        workspace.write(THREE)
        workspace.apply()
        bought = workspace.outputs
        workspace.write(THREE.replace("gamma: {}", "gamma: {name: delta}"))
        planned = workspace.run_in_process("plan", "--json")
        changes = {
            change["address"]: change["change"]["actions"] for change in json.loads(planned.out)["resource_changes"]
        }
        assert changes == {"alpha": ["no-op"], "beta": ["no-op"], "gamma": ["update"]}
        sent = len(proxy.exchanges)
        applied = workspace.run("apply", "--auto-approve")
        assert applied.out.splitlines()[-1] == "Apply complete! Servers: 0 added, 1 changed, 0 destroyed."
        changing = [(each.method, each.document) for each in proxy.exchanges[sent:] if each.method != "GET"]
        assert changing == [("PUT", {"name": "delta"})]
        assert workspace.outputs == {**bought, "gamma": {**bought["gamma"], "name": "delta"}}
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_server_added_to_the_specs_is_the_only_one_bought(self, workspace):
        workspace.apply()
        workspace.write("servers: {alpha: {}, beta: {}}\n")
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        workspace.write("servers: {beta: {}}\n")
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert workspace.purchases == {"alpha": 1, "beta": 1}
        assert workspace.ledger_counts("release") == {"alpha": 1}

    def test_a_field_that_cannot_change_replaces_the_server_and_the_old_one_is_released_once(self, workspace):
        workspace.apply()
        workspace.write("servers: {alpha: {flavor: Si2.xlarge.4}}\n")
        assert "# forces replacement" in workspace.run_in_process("plan").out
        assert workspace.run_in_process("apply", "--auto-approve").code == 0
        assert [row.kind for row in workspace.ledger] == ["purchase", "release", "purchase"]
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_saved_plan_is_carried_out_once(self, workspace):
        assert workspace.run_in_process("plan", "--out", "plan.json").code == 0
        assert workspace.run("apply", "plan.json").code == 0
        again = workspace.run_in_process("apply", "plan.json")
        assert (again.code, workspace.purchases) == (1, {"alpha": 1})
        assert "carried out before" in again.err


class TestTheQuestion:
    """Asked on a terminal, and only `yes` is a yes."""

    def ask(self, workspace, answer: str, *arguments: str):
        terminal, theirs = pty.openpty()
        os.write(terminal, f"{answer}\n".encode())
        try:
            return workspace.run(*arguments, stdin=theirs)
        finally:
            os.close(terminal)
            os.close(theirs)

    def test_no_releases_nothing(self, workspace):
        workspace.write(THREE)
        workspace.apply()
        before = workspace.ledger, workspace.state()
        refused = self.ask(workspace, "no", "destroy", "--allow", "prepaid-delete")
        assert refused.code == 8
        assert "Only 'yes' will be accepted" in refused.err
        assert (workspace.ledger, workspace.state()) == before

    def test_yes_empties_the_sandbox(self, workspace):
        workspace.write(THREE)
        workspace.apply()
        assert self.ask(workspace, "yes", "destroy", "--allow", "prepaid-delete").code == 0
        assert workspace.ledger_counts("release") == workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
        assert workspace.ledger_counts("refund") == {"beta": 1}
        assert workspace.outputs == {}

    def test_almost_yes_buys_nothing(self, workspace):
        assert self.ask(workspace, "y", "apply").code == 8
        assert not workspace.ledger

    def test_where_nobody_can_be_asked_nothing_happens_and_the_flag_is_named(self, workspace):
        refused = workspace.run("apply")
        assert (refused.code, workspace.ledger) == (8, [])
        assert "--auto-approve" in refused.err

    def test_a_whole_terminal_shows_progress_and_ends_as_any_run(self, workspace):
        """Colours and the live table are drawn only here."""
        terminal, theirs = pty.openpty()
        os.write(terminal, b"yes\n")
        process = workspace.popen("apply", stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b"".join(iter(lambda: read_terminal(terminal), b""))
        os.close(terminal)
        assert (process.wait(), workspace.purchases) == (0, {"alpha": 1})
        assert b"Apply complete!" in shown
        assert b"Traceback" not in shown


def read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the last of the other side has gone
        return b""


class TestTheRealCloudsWays:
    """`cloud: huaweicloud`, with the sandbox in the place of the vendor's endpoints."""

    KEYS = {"HW_ACCESS_KEY": PUBLIC.access_key, "HW_SECRET_KEY": PUBLIC.secret_key}  # noqa: RUF012 - never changed
    USER = {  # noqa: RUF012 - never changed
        "HW_USER_NAME": PUBLIC.user_name,
        "HW_USER_PASSWORD": PUBLIC.user_password,
        "HW_DOMAIN_NAME": PUBLIC.domain_name,
    }

    @pytest.mark.parametrize("credentials", [KEYS, USER], ids=["access key", "user and password"])
    def test_prepaid_and_pay_per_use_are_bought_and_released(self, workspace, proxy, credentials):
        workspace.write(THREE, stack=STACK.replace("cloud: sandbox", "cloud: huaweicloud"))
        workspace.environment |= credentials
        assert workspace.run("apply", "--auto-approve").code == 0
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0
        assert workspace.run_in_process("destroy", "--auto-approve", "--allow", "all").code == 0
        assert workspace.ledger_counts("release") == workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
        sent = json.dumps([[each.headers, each.target] for each in proxy.exchanges])
        assert PUBLIC.secret_key not in sent
        assert sum("authorization" in each.headers for each in proxy.exchanges) in {0, len(proxy.exchanges)}

    def test_one_way_of_being_somebody_goes_on_where_the_other_stopped(self, workspace):
        """Keys and user are one account and one project, so the state is the same state."""
        workspace.write(ONE, stack=STACK.replace("cloud: sandbox", "cloud: huaweicloud"))
        workspace.environment = dict(self.KEYS)
        assert workspace.apply().code == 0
        workspace.environment = dict(self.USER)
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_wrong_key_buys_nothing_and_says_so(self, workspace):
        workspace.write(ONE, stack=STACK.replace("cloud: sandbox", "cloud: huaweicloud"))
        workspace.environment = {**self.KEYS, "HW_SECRET_KEY": "wrong"}
        refused = workspace.run("apply", "--auto-approve")
        assert (refused.code, workspace.purchases) == (1, {})
        assert "HW_ACCESS_KEY" in refused.err
        assert "Traceback" not in refused.err


class TestServedByTheTool:
    def test_what_serve_prints_is_all_a_shell_needs(self, workspace, tmp_path):
        sandbox_db = tmp_path / "served.db"
        server = workspace.popen("sandbox", "serve", "--port", "0", "--build-seconds", "0", "--world", str(sandbox_db))
        assert server.stdout.readline().startswith("listening on http://127.0.0.1:")
        exports = [server.stdout.readline() for _ in range(2)]
        workspace.write(ONE, stack=STACK.replace("cloud: sandbox", "cloud: huaweicloud"))
        program = f"{shlex.quote(sys.executable)} -m provisioner"
        shell = f"{''.join(exports)} {program} apply --auto-approve && {program} sandbox ledger --world {sandbox_db}"
        ran = subprocess.run(
            ["sh", "-c", shell],
            cwd=workspace.folder,
            env=workspace.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        workspace.sandbox_db = sandbox_db
        assert workspace.purchases == {"alpha": 1}
        assert "purchase" in ran.stdout


class TestEnvironments:
    def test_two_environments_are_two_states_of_one_world(self, demo):
        assert demo.run_in_process("apply", "--auto-approve", "-e", "dev").code == 0
        assert demo.run_in_process("apply", "--auto-approve", "-e", "prod").code == 0
        assert len(demo.state("demo.dev")["resources"]) == 5
        assert len(demo.state("demo.prod")["resources"]) == 11
        assert len(demo.purchases) == 16
        assert set(demo.purchases.values()) == {1}
        for environment in ("dev", "prod"):
            assert demo.run_in_process("plan", "--detailed-exitcode", "-e", environment).code == 0
        assert demo.run_in_process("destroy", "--auto-approve", "-e", "dev", "--allow", "all").code == 0
        assert all("-dev-" in name for name in demo.ledger_counts("release"))
        assert demo.run_in_process("plan", "--detailed-exitcode", "-e", "prod").code == 0

    def test_a_saved_plan_of_one_environment_is_refused_in_the_other(self, demo):
        assert demo.run_in_process("plan", "-e", "prod", "--out", "plan.json").code == 0
        refused = demo.run_in_process("apply", "-e", "dev", "plan.json")
        assert (refused.code, demo.ledger) == (4, [])
        assert "environment" in refused.err


class TestEconomy:
    """A thousand servers cost a handful of reads, however many there are."""

    @pytest.mark.slow
    def test_a_thousand_servers(self, workspace, proxy):
        workspace.write('servers: {node: {count: 1000, name: "node-{{ count.index }}"}}\n')
        assert workspace.run("apply", "--auto-approve", "--parallelism", "16").code == 0
        assert len(workspace.purchases) == 1000
        assert set(workspace.purchases.values()) == {1}
        assert len(proxy.purchases) == 1000
        reads = proxy.of("GET")
        assert {each.path.rsplit("/", 1)[1] for each in reads} <= {
            "all",
            "dev-servers",
            "domains",
            "projects",
            "flavors",
            "images",
        }
        assert len(reads) < 60

        sent = len(proxy.exchanges)
        planned = workspace.run("plan", "--detailed-exitcode")
        assert (planned.code, planned.out) == (0, "No changes. Your servers match the specs.\n")
        assert len(proxy.exchanges) - sent <= 12
        assert {each.method for each in proxy.exchanges[sent:]} == {"GET"}

    def test_waiting_costs_one_read_for_all(self, workspace, proxy):
        """Ten prepaid servers: a list page for the plan and few while they appear, fewer than servers; no order is asked about, and
        billing once, at the end, until when all of them are paid for.
        """
        workspace.write(
            f'servers: {{node: {{count: 10, name: "node-{{{{ count.index }}}}", charging_info: {PREPAID}}}}}\n'
        )
        assert workspace.apply().code == 0
        lists = [each for each in proxy.of("GET") if each.path.endswith("/all")]
        assert 2 <= len(lists) < 10
        assert [each.path.rsplit("/", 1)[1] for each in proxy.exchanges if "/orders/" in each.path] == [
            "customer-orders",
            "query",
        ]

    @pytest.mark.slow
    def test_the_renewals_of_as_many_as_a_plan_asks_about(self, workspace, proxy):
        charging = PREPAID.replace("}", ", is_auto_renew: false}")
        workspace.write(f"servers: {{hour: {{count: 600}}, month: {{count: 400, charging_info: {charging}}}}}\n")
        assert workspace.run("apply", "--auto-approve", "--parallelism", "16").code == 0
        sent = len(proxy.exchanges)
        planned = workspace.run("plan", "--detailed-exitcode")
        assert (planned.code, planned.err) == (0, "")
        assert len(proxy.of("POST", "/resources/query")) == 8 + 8
        assert len(proxy.exchanges) - sent <= 12
