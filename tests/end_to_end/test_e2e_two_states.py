"""Two environments of one stack, in one folder and one project: each keeps its hands off what the other holds or may have bought."""

import re

import pytest
from support.fault_proxy import resetting
from support.site import ONE, STACK

APPLY = ("apply", "--auto-approve", "--resolve-timeout", "0")
NOTHING = "servers: {}\n"


@pytest.fixture
def household(site):
    """Environments `dev` and `prod`, which want a server of the same name."""

    def write(servers):
        site.write(
            servers, stack=f"{STACK}environment: dev\npurchase: {{unsafe_quiet_period: true, quiet_period: 10m}}\n"
        )

    write(ONE)
    (site.folder / "specs" / "environments").mkdir()
    for name in ("dev", "prod"):
        (site.folder / "specs" / "environments" / f"{name}.yaml").write_text("{}\n")
    site.declare = write
    return site


def held(site, environment):
    return {record["id"] for record in site.state(f"test.{environment}")["resources"].values()}


@pytest.fixture
def doubtful(household, proxy):
    """The purchase of `dev` never arrived; `prod` has bought its own since."""
    proxy.on(resetting(executed=False), name="alpha")
    assert household.here(*APPLY, "-e", "dev").code == 6
    assert household.here(*APPLY, "-e", "prod").code == 0
    return household


def test_a_purchase_in_doubt_is_not_taken_for_a_server_that_another_state_holds(doubtful, clock):
    assert doubtful.here(*APPLY, "-e", "dev").code == 6
    clock.advance(11 * 60)
    assert doubtful.here(*APPLY, "-e", "dev").code == 6
    assert held(doubtful, "dev") == set()
    assert doubtful.purchases == {"alpha": 1}


def test_a_person_cannot_resolve_it_so_either_and_has_another_way(doubtful):
    (prods,) = held(doubtful, "prod")
    refused = doubtful.here("resolve", "-e", "dev", "alpha", "--adopt", prods)
    assert refused.code == 1
    assert "is recorded in the state test.prod" in " ".join(refused.text.split())
    assert doubtful.here("resolve", "-e", "dev", "alpha", "--absent").code == 0
    doubtful.declare("servers: {alpha: {name: omega}}\n")
    assert doubtful.here(*APPLY, "-e", "dev").code == 0
    assert doubtful.purchases == {"alpha": 1, "omega": 1}


def test_specs_cannot_import_what_another_state_holds(household):
    assert household.here(*APPLY, "-e", "prod").code == 0
    (prods,) = held(household, "prod")
    household.declare(f"{ONE}imports: [{{to: alpha, id: {prods}}}]\n")
    refused = household.here(*APPLY, "-e", "dev")
    assert refused.code == 4
    assert "is recorded in the state test.prod" in " ".join(refused.text.split())


@pytest.mark.parametrize("command", [("adopt", "--all", "--auto-approve"), ("import", "alpha")])
def test_what_another_state_may_have_bought_is_not_taken_from_it(household, proxy, command):
    proxy.on(resetting(executed=True), name="alpha")
    assert household.here(*APPLY, "-e", "prod").code == 6
    (bought,) = [row.server_id for row in household.ledger if row.kind == "purchase"]
    household.declare(NOTHING if command[0] == "adopt" else ONE)
    told = household.here(*command, *([bought] if command[0] == "import" else []), "-e", "dev")
    assert "may be the purchase in doubt of alpha in the state test.prod" in " ".join(told.text.split())
    household.declare(ONE)
    assert household.here(*APPLY, "-e", "prod").code == 0
    assert held(household, "prod") == {bought}
    assert not (household.folder / "state" / "test.dev.json").exists()


def test_a_state_that_is_made_anew_takes_nothing_that_another_one_holds(household):
    """Nor is it told to look for it as if it were lost."""
    assert household.here(*APPLY, "-e", "prod").code == 0
    refused = household.here(*APPLY, "-e", "dev")
    told = " ".join(refused.text.split())
    assert "Error[name-taken]: a server named 'alpha' exists and is recorded in the state test.prod" in told
    assert "provisioner import" not in told
    rebuilt = household.here("state", "rebuild", "--auto-approve", "-e", "dev")
    assert "is recorded in the state test.prod" in " ".join(rebuilt.text.split())
    assert not (household.folder / "state" / "test.dev.json").exists()


def test_a_namesake_that_another_state_holds_is_not_to_be_released(household, console):
    household.declare("servers: {alpha: {name: '{{ env }}s'}}\n")
    for environment in ("dev", "prod"):
        assert household.here(*APPLY, "-e", environment).code == 0
    (prods,) = held(household, "prod")
    console.rename(prods, "devs")
    told = " ".join(household.here("plan", "-e", "dev").text.split())
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
    def prods(self, household):
        assert household.here(*APPLY, "-e", "prod").code == 0
        (prods,) = held(household, "prod")
        return prods

    @pytest.fixture
    def break_prod(self, household):
        folder = household.folder / "state"
        return lambda damage: damage(folder / "test.prod.json", folder / "test.prod.journal")

    @UNREADABLE
    def test_nothing_is_taken_in_that_it_may_hold(self, household, prods, break_prod, damage):
        break_prod(damage)
        household.declare(f"{ONE}imports: [{{to: alpha, id: {prods}}}]\n")
        refused = household.here(*APPLY, "-e", "dev")
        assert refused.code == 4
        assert "may be held by the state test.prod, which cannot be read" in " ".join(refused.text.split())
        household.declare(ONE)
        assert household.here("import", "alpha", prods, "-e", "dev").code != 0
        household.declare(NOTHING)
        adopted = household.here("adopt", "--all", "--auto-approve", "-e", "dev")
        assert "may be held by the state test.prod" in " ".join(adopted.text.split())
        assert not (household.folder / "state" / "test.dev.json").exists()

    @pytest.mark.parametrize("damage", [with_its_backup_only, in_capitals])
    def test_what_is_left_of_it_may_hold_anything_as_well(self, household, prods, break_prod, damage):
        break_prod(damage)
        refused = household.here("import", "alpha", prods, "-e", "dev")
        assert refused.code != 0
        assert "cannot be read" in " ".join(refused.text.split())
        assert not (household.folder / "state" / "test.dev.json").exists()

    @UNREADABLE
    def test_nothing_is_released_that_it_may_hold_until_a_person_says_so(self, household, prods, break_prod, damage):
        household.declare("servers: {alpha: {name: devs}}\n")
        assert household.here(*APPLY, "-e", "dev").code == 0
        break_prod(damage)
        assert household.here("plan", "-e", "dev", "--detailed-exitcode").code == 0
        refused = household.here("destroy", "--auto-approve", "-e", "dev")
        assert refused.code == 4
        assert "Error[unread-sibling]: the state test.prod cannot be read" in refused.text
        assert household.entries("release") == {}
        allowed = household.here("destroy", "--auto-approve", "-e", "dev", "--allow", "unread-sibling")
        assert allowed.code == 0
        assert household.entries("release") == {"devs": 1}

    def test_a_saved_plan_that_releases_is_held_to_it_as_well(self, household, prods, break_prod):
        household.declare("servers: {alpha: {name: devs}}\n")
        assert household.here(*APPLY, "-e", "dev").code == 0
        assert household.here("plan", "--destroy", "--out", "end.plan", "-e", "dev").code == 0
        break_prod(cut)
        assert household.here("apply", "end.plan").code == 4
        assert household.entries("release") == {}

    def test_no_doubt_adopts_what_it_may_hold(self, household, proxy, break_prod):
        proxy.on(resetting(executed=True), name="alpha")
        assert household.here(*APPLY, "-e", "dev").code == 6
        (bought,) = [row.server_id for row in household.ledger if row.kind == "purchase"]
        household.declare("servers: {alpha: {name: prods}}\n")
        assert household.here(*APPLY, "-e", "prod").code == 0
        household.declare(ONE)
        break_prod(cut)
        assert household.here(*APPLY, "-e", "dev").code == 6
        refused = household.here("resolve", "alpha", "--adopt", bought, "-e", "dev")
        assert (refused.code, held(household, "dev")) == (1, set())
        assert "unread-sibling" in refused.text

    def test_nothing_is_bought_beside_what_it_need_not_hold(self, household, proxy, console, clock, break_prod):
        """A server renamed during the doubt: it may be prod's, and may be ours."""
        household.declare("servers: {alpha: {name: prods}}\n")
        assert household.here(*APPLY, "-e", "prod").code == 0
        household.declare(ONE)
        proxy.on(resetting(executed=True), name="alpha")
        assert household.here(*APPLY, "-e", "dev").code == 6
        bought = next(row.server_id for row in household.ledger if row.kind == "purchase" and row.name == "alpha")
        console.rename(bought, "renamed")
        break_prod(without_its_state)
        clock.advance(11 * 60)
        doubtful = household.here(*APPLY, "-e", "dev")
        told = " ".join(doubtful.text.split())
        assert (doubtful.code, household.purchases) == (6, {"prods": 1, "alpha": 1}), doubtful.text
        assert f"{bought} (renamed) is like it but for the name, and may be held by the state test.prod" in told
        assert f"mend the state that cannot be read first: then apply can tell whose {bought} is" in told
        assert household.here("state", "rebuild", "--auto-approve", "-e", "prod").code == 0
        console.rename(bought, "alpha")
        assert household.here(*APPLY, "-e", "dev").code == 0
        assert held(household, "dev") == {bought}


def test_a_server_of_another_state_is_not_told_as_one_whose_name_reads_like_ours(served, sandbox):
    (served.folder / "specs" / "environments").mkdir()
    for name in ("dev", "prod"):
        (served.folder / "specs" / "environments" / f"{name}.yaml").write_text("{}\n")
    assert served.here(*APPLY, "-e", "prod").code == 0
    lists = ["ListAllDevServers", "ListDevServers"]
    sandbox.arm({"at": lists, "fault": "rewrite", "server": "alpha", "rows": {"name": "alph\u0430"}, "times": "always"})
    planned = served.here("plan", "-e", "dev")
    assert ("1 to add" in planned.text, "name-alike" in planned.text) == (True, False), planned.text
