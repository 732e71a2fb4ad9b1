"""Two environments of one stack, in one folder and one project: each keeps its hands off what the other holds or may have bought."""

import re

import pytest
from support.fault_proxy import resetting
from support.process_workspace import ONE, STACK

APPLY = ("apply", "--auto-approve", "--resolve-timeout", "0")
NOTHING = "servers: {}\n"


@pytest.fixture
def two_environments(workspace):
    """Environments `dev` and `prod`, which want a server of the same name."""

    def write(servers):
        workspace.write(
            servers, stack=f"{STACK}environment: dev\npurchase: {{unsafe_quiet_period: true, quiet_period: 10m}}\n"
        )

    write(ONE)
    (workspace.folder / "specs" / "environments").mkdir()
    for name in ("dev", "prod"):
        (workspace.folder / "specs" / "environments" / f"{name}.yaml").write_text("{}\n")
    workspace.declare = write
    return workspace


def held(workspace, environment):
    return {record["id"] for record in workspace.state(f"test.{environment}")["resources"].values()}


@pytest.fixture
def doubtful(two_environments, proxy):
    """The purchase of `dev` never arrived; `prod` has bought its own since."""
    proxy.on(resetting(executed=False), name="alpha")
    assert two_environments.run_in_process(*APPLY, "-e", "dev").code == 6
    assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 0
    return two_environments


def test_a_purchase_in_doubt_is_not_taken_for_a_server_that_another_state_holds(doubtful, clock):
    assert doubtful.run_in_process(*APPLY, "-e", "dev").code == 6
    clock.advance(11 * 60)
    assert doubtful.run_in_process(*APPLY, "-e", "dev").code == 6
    assert held(doubtful, "dev") == set()
    assert doubtful.purchases == {"alpha": 1}


def test_a_person_cannot_resolve_it_so_either_and_has_another_way(doubtful):
    (prods,) = held(doubtful, "prod")
    refused = doubtful.run_in_process("resolve", "-e", "dev", "alpha", "--adopt", prods)
    assert refused.code == 1
    assert "is recorded in the state test.prod" in refused.words
    assert doubtful.run_in_process("resolve", "-e", "dev", "alpha", "--absent").code == 0
    doubtful.declare("servers: {alpha: {name: omega}}\n")
    assert doubtful.run_in_process(*APPLY, "-e", "dev").code == 0
    assert doubtful.purchases == {"alpha": 1, "omega": 1}


def test_specs_cannot_import_what_another_state_holds(two_environments):
    assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 0
    (prods,) = held(two_environments, "prod")
    two_environments.declare(f"{ONE}imports: [{{to: alpha, id: {prods}}}]\n")
    refused = two_environments.run_in_process(*APPLY, "-e", "dev")
    assert refused.code == 4
    assert "is recorded in the state test.prod" in refused.words


@pytest.mark.parametrize("command", [("adopt", "--all", "--auto-approve"), ("import", "alpha")])
def test_what_another_state_may_have_bought_is_not_taken_from_it(two_environments, proxy, command):
    proxy.on(resetting(executed=True), name="alpha")
    assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 6
    (bought,) = [row.server_id for row in two_environments.ledger if row.kind == "purchase"]
    two_environments.declare(NOTHING if command[0] == "adopt" else ONE)
    told = two_environments.run_in_process(*command, *([bought] if command[0] == "import" else []), "-e", "dev")
    assert "may be the purchase in doubt of alpha in the state test.prod" in told.words
    two_environments.declare(ONE)
    assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 0
    assert held(two_environments, "prod") == {bought}
    assert not (two_environments.folder / "state" / "test.dev.json").exists()


def test_a_state_that_is_made_anew_takes_nothing_that_another_one_holds(two_environments):
    """Nor is it told to look for it as if it were lost."""
    assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 0
    refused = two_environments.run_in_process(*APPLY, "-e", "dev")
    told = refused.words
    assert "Error[name-taken]: a server named 'alpha' exists and is recorded in the state test.prod" in told
    assert "provisioner import" not in told
    rebuilt = two_environments.run_in_process("state", "rebuild", "--auto-approve", "-e", "dev")
    assert "is recorded in the state test.prod" in rebuilt.words
    assert not (two_environments.folder / "state" / "test.dev.json").exists()


def test_a_namesake_that_another_state_holds_is_not_to_be_released(two_environments, console):
    two_environments.declare("servers: {alpha: {name: '{{ env }}s'}}\n")
    for environment in ("dev", "prod"):
        assert two_environments.run_in_process(*APPLY, "-e", environment).code == 0
    (prods,) = held(two_environments, "prod")
    console.rename(prods, "devs")
    told = two_environments.run_in_process("plan", "-e", "dev").words
    assert (
        f"server {prods} (devs, RUNNING), which no address of this state holds, is recorded in the state test.prod"
        in told
    )
    assert "release it" not in told


def cut(state, _journal):
    state.write_bytes(state.read_bytes()[:100])


def of_a_newer_version(state, _journal):
    state.write_text(re.sub(r'"format": \d+', '"format": 999', state.read_text()))


def without_its_state(state, _journal):
    state.unlink()


def with_a_cut_journal(_state, journal):
    journal.write_bytes(journal.read_bytes()[:-200])


def with_its_backup_only(state, journal):
    state.rename(state.with_suffix(".backup"))
    journal.unlink()


def in_capitals(state, journal):
    for path in (state, journal):
        path.rename(path.with_name(path.name.upper()))


UNREADABLE = pytest.mark.parametrize("damage", [cut, of_a_newer_version, without_its_state, with_a_cut_journal])


class TestUnread:
    """A state beside ours that cannot be read may hold any server."""

    @pytest.fixture
    def prods(self, two_environments):
        assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 0
        (prods,) = held(two_environments, "prod")
        return prods

    @pytest.fixture
    def break_prod(self, two_environments):
        folder = two_environments.folder / "state"
        return lambda damage: damage(folder / "test.prod.json", folder / "test.prod.journal")

    @UNREADABLE
    def test_nothing_is_taken_in_that_it_may_hold(self, two_environments, prods, break_prod, damage):
        break_prod(damage)
        two_environments.declare(f"{ONE}imports: [{{to: alpha, id: {prods}}}]\n")
        refused = two_environments.run_in_process(*APPLY, "-e", "dev")
        assert refused.code == 4
        assert "may be held by the state test.prod, which cannot be read" in refused.words
        two_environments.declare(ONE)
        assert two_environments.run_in_process("import", "alpha", prods, "-e", "dev").code != 0
        two_environments.declare(NOTHING)
        adopted = two_environments.run_in_process("adopt", "--all", "--auto-approve", "-e", "dev")
        assert "may be held by the state test.prod" in adopted.words
        assert not (two_environments.folder / "state" / "test.dev.json").exists()

    @pytest.mark.parametrize("damage", [with_its_backup_only, in_capitals])
    def test_what_is_left_of_it_may_hold_anything_as_well(self, two_environments, prods, break_prod, damage):
        break_prod(damage)
        refused = two_environments.run_in_process("import", "alpha", prods, "-e", "dev")
        assert refused.code != 0
        assert "cannot be read" in refused.words
        assert not (two_environments.folder / "state" / "test.dev.json").exists()

    @UNREADABLE
    def test_nothing_is_released_that_it_may_hold_until_a_person_says_so(
        self, two_environments, prods, break_prod, damage
    ):
        two_environments.declare("servers: {alpha: {name: devs}}\n")
        assert two_environments.run_in_process(*APPLY, "-e", "dev").code == 0
        break_prod(damage)
        assert two_environments.run_in_process("plan", "-e", "dev", "--detailed-exitcode").code == 0
        refused = two_environments.run_in_process("destroy", "--auto-approve", "-e", "dev")
        assert refused.code == 4
        assert "Error[unread-sibling]: the state test.prod cannot be read" in refused.text
        assert two_environments.ledger_counts("release") == {}
        allowed = two_environments.run_in_process("destroy", "--auto-approve", "-e", "dev", "--allow", "unread-sibling")
        assert allowed.code == 0
        assert two_environments.ledger_counts("release") == {"devs": 1}

    def test_a_saved_plan_that_releases_is_held_to_it_as_well(self, two_environments, prods, break_prod):
        two_environments.declare("servers: {alpha: {name: devs}}\n")
        assert two_environments.run_in_process(*APPLY, "-e", "dev").code == 0
        assert two_environments.run_in_process("plan", "--destroy", "--out", "end.plan", "-e", "dev").code == 0
        break_prod(cut)
        assert two_environments.run_in_process("apply", "end.plan").code == 4
        assert two_environments.ledger_counts("release") == {}

    def test_no_doubt_adopts_what_it_may_hold(self, two_environments, proxy, break_prod):
        proxy.on(resetting(executed=True), name="alpha")
        assert two_environments.run_in_process(*APPLY, "-e", "dev").code == 6
        (bought,) = [row.server_id for row in two_environments.ledger if row.kind == "purchase"]
        two_environments.declare("servers: {alpha: {name: prods}}\n")
        assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 0
        two_environments.declare(ONE)
        break_prod(cut)
        assert two_environments.run_in_process(*APPLY, "-e", "dev").code == 6
        refused = two_environments.run_in_process("resolve", "alpha", "--adopt", bought, "-e", "dev")
        assert (refused.code, held(two_environments, "dev")) == (1, set())
        assert "unread-sibling" in refused.text

    def test_nothing_is_bought_beside_what_it_need_not_hold(self, two_environments, proxy, console, clock, break_prod):
        """A server renamed during the doubt: it may be prod's, and may be ours."""
        two_environments.declare("servers: {alpha: {name: prods}}\n")
        assert two_environments.run_in_process(*APPLY, "-e", "prod").code == 0
        two_environments.declare(ONE)
        proxy.on(resetting(executed=True), name="alpha")
        assert two_environments.run_in_process(*APPLY, "-e", "dev").code == 6
        bought = next(
            row.server_id for row in two_environments.ledger if row.kind == "purchase" and row.name == "alpha"
        )
        console.rename(bought, "renamed")
        break_prod(without_its_state)
        clock.advance(11 * 60)
        doubtful = two_environments.run_in_process(*APPLY, "-e", "dev")
        told = doubtful.words
        assert (doubtful.code, two_environments.purchases) == (6, {"prods": 1, "alpha": 1}), doubtful.text
        assert f"{bought} (renamed) fits it except for the name, but may be held by the state test.prod" in told
        assert f"first repair the state that cannot be read; then apply can tell whose {bought} is" in told
        assert two_environments.run_in_process("state", "rebuild", "--auto-approve", "-e", "prod").code == 0
        console.rename(bought, "alpha")
        assert two_environments.run_in_process(*APPLY, "-e", "dev").code == 0
        assert held(two_environments, "dev") == {bought}


def test_a_server_of_another_state_is_not_told_as_one_whose_name_reads_like_ours(direct_workspace, sandbox):
    (direct_workspace.folder / "specs" / "environments").mkdir()
    for name in ("dev", "prod"):
        (direct_workspace.folder / "specs" / "environments" / f"{name}.yaml").write_text("{}\n")
    assert direct_workspace.run_in_process(*APPLY, "-e", "prod").code == 0
    lists = ["ListAllDevServers", "ListDevServers"]
    sandbox.arm({"at": lists, "fault": "rewrite", "server": "alpha", "rows": {"name": "alph\u0430"}, "times": "always"})
    planned = direct_workspace.run_in_process("plan", "-e", "dev")
    assert ("1 to add" in planned.text, "name-alike" in planned.text) == (True, False), planned.text
