"""import, state mv, state rm, state unprotect, and slips with them: each is told, and changes nothing."""

from __future__ import annotations

import pytest
from support.cli_runner import GATEWAY

from provisioner.model.address import Address
from provisioner.sandbox import read_ledger
from provisioner.store import open_store

NOBODYS_ID = "11111111-2222-4333-8444-555555555555"
PROTECTED = "servers: {gateway: {lifecycle: {prevent_destroy: true}}}\n"


def identifier(cli, name="gateway"):
    world = cli.state / ".sandbox" / "world.db"
    return next(entry.server_id for entry in read_ledger(world) if entry.kind == "purchase" and entry.name == name)


@pytest.fixture
def unowned(applied):
    """The server is there, and no state knows of it."""
    for file in applied.state.glob("demo*"):
        file.unlink()
    return applied


def test_a_server_that_exists_is_taken_over_and_never_planned_anew(unowned) -> None:
    hidden = 'root_volume: {type: SSD, size: 500}, userdata: "#!/bin/sh", availability_zone: az-9'
    unowned.write_specs(f"servers: {{gateway: {{{hidden}}}}}\n")
    ran = unowned.run("import", "gateway", identifier(unowned), "--reason", "bought by hand in May")
    assert ran.code == 0, ran.text
    assert "gateway will be adopted" in ran.out
    assert "never shown by the cloud, taken from the specs" in ran.out
    assert "userdata" in ran.out
    assert "a plan changes nothing of it" in ran.out
    assert unowned.run("plan", "--detailed-exitcode").code == 0
    assert "reason: bought by hand in May" in unowned.run("history").out
    assert unowned.bought() == ["gateway"]


def test_its_name_is_changed_by_the_next_apply(unowned) -> None:
    unowned.write_specs("servers: {gateway: {name: portal}}\n")
    assert "the next apply changes in place: name" in unowned.run("import", "gateway", identifier(unowned)).out
    unowned.apply()
    assert unowned.run("output", "--raw", "gateway.name").out == "portal\n"
    assert unowned.bought() == ["gateway"]


def test_a_password_that_cannot_be_had_keeps_nobody_from_taking_over(unowned, monkeypatch) -> None:
    unowned.write_specs('servers: {gateway: {key_pair_name: null, admin_pass: {secret: "env:GATEWAY_PASSWORD"}}}\n')
    assert unowned.run("import", "gateway", identifier(unowned)).code == 0
    monkeypatch.setenv("GATEWAY_PASSWORD", "Canary-7q!Xw9Zt")
    assert unowned.run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize(
    ("specs", "address", "given", "code"),
    [
        (GATEWAY, "gateway", NOBODYS_ID, "unknown-server"),
        (GATEWAY, "gateway", "no id at all", "unknown-server"),
        (GATEWAY, "edge", None, "unknown-address"),
        ("servers: {gateway: {flavor: Si2.xlarge.4}}\n", "gateway", None, "import-differs"),
    ],
)
def test_a_slip_in_an_import_changes_nothing(unowned, specs, address, given, code) -> None:
    unowned.write_specs(specs)
    unowned.assert_fails("import", address, given or identifier(unowned), code=code)
    assert unowned.state_files() == {}


def test_a_server_has_one_address_and_an_address_one_server(applied) -> None:
    applied.write_specs("servers: {gateway: {}, edge: {}}\n")
    applied.assert_fails("import", "edge", identifier(applied), code="server-owned")
    applied.assert_fails("import", "gateway", identifier(applied), code="address-taken")


def test_what_another_state_of_the_folder_holds_is_not_taken_over(applied) -> None:
    """Each of the two would release it under the other."""
    server = identifier(applied)
    applied.write_stack(stack="other")
    applied.write_specs(f"servers: {{gateway: {{}}}}\nimports: [{{to: gateway, id: {server}}}]\n")
    refused = applied.assert_fails("apply", "--auto-approve", code="server-owned", exit_code=4)
    assert f"server {server} is recorded in the state demo" in refused.stderr_text
    assert "Error[server-owned]" in applied.run("plan").out
    applied.write_specs(GATEWAY)
    refused = applied.assert_fails("import", "gateway", server, code="server-owned")
    assert f"server {server} is recorded in the state demo" in refused.stderr_text


def test_a_saved_plan_does_not_take_over_what_another_state_has_taken_over_since(unowned) -> None:
    importing = f"servers: {{gateway: {{}}}}\nimports: [{{to: gateway, id: {identifier(unowned)}}}]\n"
    unowned.write_specs(importing)
    assert unowned.run("plan", "--out", "p").code == 0
    unowned.write_stack(stack="other")
    unowned.apply()
    unowned.write_stack()
    before = unowned.ledger()
    refused = unowned.run("apply", "p")
    assert (refused.code, "Error[server-owned]" in refused.err) == (4, True), refused.text
    assert unowned.ledger() == before


def test_an_address_that_is_none_is_a_wrong_use(applied) -> None:
    ran = applied.run("import", "a b", NOBODYS_ID)
    assert (ran.code, "is not an address" in ran.err) == (1, True)


def test_nobody_imports_while_another_run_is_at_work(unowned) -> None:
    store = open_store(unowned.state, "demo")
    with store.write(command="apply", who="ana@laptop", timeout=0):
        assert unowned.run("import", "gateway", identifier(unowned)).code == 5


def test_a_renamed_key_keeps_its_server(applied) -> None:
    applied.write_specs("servers: {portal: {name: gateway}}\n")
    assert applied.run("plan").code == 4
    assert applied.run("state", "mv", "gateway", "portal").out == "gateway -> portal\n"
    assert applied.run("plan", "--detailed-exitcode").code == 0
    assert "was gateway" in applied.run("history", "gateway").out


def test_a_move_to_what_the_specs_do_not_declare_is_warned_of(applied) -> None:
    assert "Warning[undeclared-address]" in applied.run("state", "mv", "gateway", "portal").err


@pytest.mark.parametrize(
    ("origin", "address", "code"),
    [
        ("nobody", "portal", "unknown-address"),
        ("gateway", "gateway", "address-taken"),
        ("gateway", "pool[0]", "address-taken"),
        ("pool", "edge[0]", "address-taken"),
    ],
)
def test_a_slip_in_a_move_changes_nothing(cli, origin, address, code) -> None:
    cli.write_specs("servers: {gateway: {}, pool: {count: 2}}\n")
    cli.apply()
    cli.assert_fails("state", "mv", origin, address, code=code)


@pytest.mark.parametrize("command", [("mv", "gateway", "portal"), ("rm", "gateway"), ("unprotect", "gateway")])
def test_where_nothing_is_recorded_nothing_is_changed(cli, command) -> None:
    cli.assert_fails("state", *command, code="unknown-address")
    assert cli.state_files() == {}


def test_what_is_removed_is_forgotten_and_goes_on(applied) -> None:
    ran = applied.run("state", "rm", "gateway", "--auto-approve")
    assert ran.code == 0
    assert "The specs still declare gateway" in ran.err
    assert f"provisioner import 'gateway' {identifier(applied)}" in ran.err
    assert f"{identifier(applied)} keeps costing money" in ran.out
    assert applied.ledger() == [("purchase", "gateway")]
    assert "name-taken" in applied.run("plan").out, "it is not bought again while it is there"


def test_a_removal_that_nobody_approves_changes_nothing(applied) -> None:
    applied.assert_fails("state", "rm", "gateway", code="no-approval", exit_code=8)
    applied.assert_fails("state", "rm", "gateway", "nobody", "--auto-approve", code="unknown-address")


def test_a_protection_outlives_its_line_until_it_is_lifted(cli) -> None:
    cli.write_specs(PROTECTED)
    cli.apply()
    cli.write_specs(GATEWAY)
    assert cli.run("plan", "--detailed-exitcode").code == 0
    cli.write_specs("servers: {}\n")
    cli.assert_fails("apply", "--auto-approve", code="protected", exit_code=4)
    assert cli.run("state", "unprotect", "gateway").out == "gateway: not protected any more\n"
    cli.apply()
    assert cli.ledger() == [("purchase", "gateway"), ("release", "gateway")]


def test_lifting_what_the_specs_still_want_is_warned_of(cli) -> None:
    cli.write_specs(PROTECTED)
    cli.apply()
    assert "Warning[still-protected]" in cli.run("state", "unprotect", "gateway").err
    assert "None of these is protected" in cli.run("state", "unprotect", "gateway").out


def test_a_saved_plan_takes_over_moves_and_lets_go(unowned) -> None:
    unowned.write_specs(f"servers: {{gateway: {{}}}}\nimports: [{{to: gateway, id: {identifier(unowned)}}}]\n")
    unowned.run("plan", "--out", "p")
    assert "1 adopted" in unowned.run("apply", "p").out
    unowned.write_specs("servers: {portal: {name: gateway}}\nmoved: [{from: gateway, to: portal}]\n")
    unowned.run("plan", "--out", "p")
    assert "1 moved" in unowned.run("apply", "p").out
    unowned.write_specs("servers: {}\nremoved: [{from: portal}]\n")
    unowned.run("plan", "--out", "p")
    assert "1 forgotten" in unowned.run("apply", "p").out
    assert unowned.ledger() == [("purchase", "gateway")]
    document = unowned.run("plan", "--json").document
    assert document["summary"] == dict.fromkeys(document["summary"], 0)


@pytest.fixture
def deposed(cli):
    """Of a group of two, the first was replaced, and what was bought in its place failed."""
    pool = "servers: {pool: {count: 2, lifecycle: {create_before_destroy: true}}}\n"
    cli.write_specs(pool)
    cli.apply()
    cli.write_specs(
        pool.replace("count: 2", "count: 2, flavor: \"{{ 'sandbox.fails' if count.index == 0 else 'Si2.large.4' }}\"")
    )
    assert cli.run("apply", "--auto-approve").code == 7
    assert cli.run("state", "list").out.count("@deposed") == 1
    return cli


@pytest.mark.parametrize(
    ("origin", "address"),
    [("pool", "fleet"), ("pool[0]", "gateway"), ("pool[1]", "pool[0]@deposed"), ("pool[1]", "gateway@deposed")],
)
def test_a_deposed_server_and_its_successor_stay_together(deposed, origin, address) -> None:
    deposed.assert_fails("state", "mv", origin, address, code="address-taken")
    assert deposed.run("history", "--verify").code == 0


def test_a_deposed_server_may_be_kept_under_an_address_of_its_own(deposed) -> None:
    assert deposed.run("state", "mv", "pool[0]@deposed", "gateway").code == 0
    assert "@deposed" not in deposed.run("state", "list").out


def test_an_address_that_a_deposed_server_gets_back_is_not_given_away(deposed) -> None:
    assert deposed.run("state", "rm", "pool[0]", "--auto-approve").code == 0
    deposed.assert_fails("state", "mv", "pool[1]", "pool[0]", code="address-taken")
    deposed.assert_fails("import", "pool[0]", NOBODYS_ID, code="address-taken")


def test_no_edit_is_written_that_no_state_could_be_read_from(cli, monkeypatch) -> None:
    """Whatever slips through the checks: a journal that contradicts itself could never be read again."""
    cli.write_specs("servers: {alpha: {}, beta: {}}\n")
    cli.apply()
    onto_another = ((Address("alpha"), Address("beta")),)
    with monkeypatch.context() as patch:
        patch.setattr("provisioner.workflow.state_edits._pairs", lambda *_: onto_another)
        refused = cli.assert_fails("state", "mv", "alpha", "gamma", code="state-invalid")
    assert "beta, which holds one already" in refused.stderr_text
    assert cli.run("state", "list").code == 0


def test_protection_is_lifted_where_the_specs_lack_values(cli) -> None:
    """Who destroys without variables is sent here by the refusal."""
    stack = (cli.path / "specs/stack.yaml").read_text()
    cli.write_specs("servers: {gateway: {lifecycle: {prevent_destroy: true}}}\n")
    cli.apply()
    cli.write("specs/stack.yaml", stack + "variables: {key: {type: string}}\n")
    cli.write_specs('servers: {gateway: {key_pair_name: "{{ var.key }}"}}\n')
    assert cli.run("destroy", "--auto-approve").code == 4
    assert cli.run("state", "unprotect", "gateway").out == "gateway: not protected any more\n"
    assert cli.run("destroy", "--auto-approve").code == 0
