"""Commands that were mistyped or name what does not exist: the nearest word where there is one, and nothing is done."""

import pytest


def usage(cli, *arguments: str) -> str:
    """What click says of a command line that cannot be; it has exit code 1, because 2 means differences here."""
    before = cli.state_files(), cli.ledger()
    ran = cli.run(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert "Traceback" not in ran.err
    assert (cli.state_files(), cli.ledger()) == before
    return ran.stderr_text


def test_an_unknown_command(cli) -> None:
    assert "There is no command 'aply'. Did you mean 'apply'?" in usage(cli, "aply")
    said = usage(cli, "zzz")
    assert "No such command 'zzz'" in said
    assert "provisioner --help" in said
    assert "Did you mean 'list'?" in usage(cli, "state", "lst")


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_an_unknown_option(cli, dashes: str) -> None:
    said = usage(cli, "destroy", f"{dashes}auto-aprove")
    assert "No such option '--auto-aprove'. Did you mean '--auto-approve'?" in said


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["plan", "-lock=false"], "There is no option '--lock': plan takes no lock, and apply always does"),
        (["apply", "-refresh=false"], "the live list is always read"),
        (["destroy", "--compact-warnings"], "There is no option '--compact-warnings': "),
    ],
)  # fmt: skip
def test_what_terraform_has_and_we_have_not_is_answered_with_advice(cli, words: list[str], advice: str) -> None:
    said = usage(cli, *words)
    assert advice in said
    assert "Did you mean" not in said


def test_no_command_at_all_shows_what_there_is(cli) -> None:
    ran = cli.run()
    assert ran.code == 1
    assert "First steps:" in ran.err


@pytest.mark.parametrize("value", ["0", "-1", "513", "many"])
def test_a_parallelism_that_cannot_be(cli, value: str) -> None:
    said = usage(cli, "apply", "--auto-approve", "--parallelism", value)
    assert "Invalid value for '--parallelism'" in said
    assert value in said


def test_a_lock_timeout_that_is_no_duration(cli) -> None:
    assert "'soon' is not a duration; write one like 30s, 5m, 1h30m or 30d" in usage(
        cli, "apply", "--lock-timeout", "soon"
    )


def test_an_option_that_lacks_its_value(cli) -> None:
    assert "'--var' requires an argument" in usage(cli, "plan", "-var")


def test_a_directory_to_work_in_that_does_not_exist(cli) -> None:
    assert "'nowhere' does not exist" in usage(cli, "-C", "nowhere", "plan")


def test_an_address_to_replace_that_is_no_address(cli) -> None:
    assert "'a b[' is not an address; write one like gateway, trainer[0]" in usage(cli, "plan", "--replace", "a b[")


def test_a_group_to_replace_is_answered_with_its_servers(applied) -> None:
    applied.write_specs("servers: {pool: {count: 2}}\n")
    said = applied.assert_fails("plan", "--replace", "pool", code="unknown-address").stderr_text
    assert "--replace names pool, which is a group of 2" in said
    assert "--replace 'pool[0]' --replace 'pool[1]'" in said


def test_an_address_to_replace_that_is_not_declared(applied) -> None:
    said = applied.assert_fails("apply", "--auto-approve", "--replace", "gatway", code="unknown-address").stderr_text
    assert "--replace names gatway, which the specs do not declare" in said
    assert "did you mean gateway?" in said


def test_a_plan_that_is_refused_says_why_and_exits_4(applied) -> None:
    applied.write_specs("servers: {gateway: {lifecycle: {prevent_destroy: true}}}\n")
    ran = applied.run("plan", "--destroy")
    assert ran.code == 4
    assert "Error[protected]" in ran.out


def test_an_address_that_is_not_recorded(applied) -> None:
    said = applied.assert_fails("state", "show", "gatway", code="unknown-address").stderr_text
    assert "gatway is not in the state at" in said
    assert "`provisioner state list`" in said


@pytest.mark.parametrize("name", ["gatway", "gateway.idd", "gatway.id", "."])
def test_an_unknown_output(applied, name: str) -> None:
    said = applied.assert_fails("output", name, code="unknown-output").stderr_text
    assert f"there is no output '{name}'" in said
    assert "gateway.id" in said


def test_a_bare_output_needs_a_name(applied) -> None:
    assert "--raw needs the NAME of one value, such as 'gateway.id'" in usage(applied, "output", "--raw")


def test_a_refusal_is_told_once_by_apply(applied) -> None:
    ran = applied.run("apply", "--auto-approve", "--replace", "gatway")
    assert ran.text.count("Error[unknown-address]") == 1


def test_a_ledger_that_is_none(cli) -> None:
    world = cli.write("world.db", "no database")
    ran = cli.run("sandbox", "ledger", "--world", str(world))
    assert (ran.code, ran.out) == (1, "")
    assert "Error[sandbox-world]" in ran.err
    assert "world.db is not a sandbox's world" in ran.stderr_text
    assert "Choose another path, or move the file away" in ran.stderr_text


def test_there_is_no_sandbox_before_the_first_run(cli) -> None:
    ran = cli.run("sandbox", "ledger")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"There is no sandbox world at {cli.path}/state/.sandbox/world.db yet.")
    assert "--world FILE" in ran.out
    assert cli.run("sandbox", "ledger", "--json").document == {"ledger": []}


def test_a_sandbox_that_is_served_is_not_taken_for_an_empty_one(cli, monkeypatch) -> None:
    monkeypatch.setenv("PROVISIONER_ENDPOINT_MODELARTS", "http://127.0.0.1:1")
    for flags in ((), ("--json",)):
        ran = cli.run("sandbox", "ledger", *flags)
        assert ran.code == 1
        assert "Error[sandbox-world]" in ran.text
        assert "--world FILE" in " ".join(ran.text.split())


def test_a_sandbox_that_is_named_and_not_there(cli) -> None:
    said = cli.assert_fails("sandbox", "ledger", "--world", "wrld.db", code="sandbox-world").stderr_text
    assert "There is no sandbox world at wrld.db yet." in said
    assert "check --world" in said
