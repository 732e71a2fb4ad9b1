"""Two environments of one stack, in one folder and one project: each keeps its hands off what the other holds or may have bought."""

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
    """A new environment, in which the name is taken, is told of rebuilding."""
    assert household.here(*APPLY, "-e", "prod").code == 0
    refused = household.here(*APPLY, "-e", "dev")
    assert "provisioner state rebuild" in " ".join(refused.text.split())
    rebuilt = household.here("state", "rebuild", "--auto-approve", "-e", "dev")
    assert "is recorded in the state test.prod" in " ".join(rebuilt.text.split())
    assert not (household.folder / "state" / "test.dev.json").exists()
