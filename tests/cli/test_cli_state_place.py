"""Where a stack keeps its state: who decides, which hosts a repository may lead to, and what is refused."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from support.cli_runner import STACK

from provisioner import store
from provisioner.model.state_url import StateUrl
from provisioner.store import open_store
from provisioner.store.folder import FolderStore
from provisioner.workflow.completion import StackPlace, addresses

DATABASE = "postgres://db.team/state"
CANARY = "canary-5up3r"
APPLY = ("apply", "--auto-approve")
_LINES = len(STACK.splitlines())
PLACED = f"specs/stack.yaml:{_LINES + 1}:8"
"""Where the value of `state:` stands, as the last line of stack.yaml."""


@pytest.fixture
def place(cli, monkeypatch):
    """Writes `state:` into stack.yaml. No test here may resolve a name or open a socket."""

    def refuse(*_arguments: object, **_named: object) -> None:
        raise AssertionError("something was connected to")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)

    def write(text: str) -> None:
        cli.write_stack(f"{STACK}state: {json.dumps(text)}\n")

    return write


@pytest.fixture
def unknown_hosts(place, monkeypatch):
    """Lets the resolver know no host. Returns those that were asked for."""
    asked: list[str] = []

    def resolve(host: str, *_arguments: object, **_named: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize(
    "command", [("plan",), APPLY, ("show",), ("state", "list"), ("history",), ("force-unlock", "a1b2c3")]
)
def test_nothing_is_sent_to_a_host_that_only_the_specs_name(cli, place, command):
    place(f"{DATABASE}?sslmode=require")
    said = cli.assert_fails(*command, code="state-host-untrusted")
    assert PLACED in said.err, said.err
    assert 'config.yaml: `state: {hosts: ["db.team"]}`' in said.stderr_text
    assert "PROVISIONER_STATE_HOSTS='db.team'" in said.stderr_text


def test_each_host_of_a_list_has_to_be_trusted(cli, place, monkeypatch):
    monkeypatch.setenv("PROVISIONER_STATE_HOSTS", "db.team")
    place("postgres://db.team,evil.example:1/state")
    said = cli.assert_fails("show", code="state-host-untrusted").stderr_text
    assert "only the specs name evil.example:1 as" in said
    assert "PROVISIONER_STATE_HOSTS='db.team,evil.example:1'" in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROVISIONER_STATE_HOSTS", "other, DB.team:5432"),
        ("PGHOST", "db.team"),
        ("PGHOST", "other,db.team"),
        (None, None),
    ],
)
def test_a_host_that_the_user_names_is_connected_to(cli, place, unknown_hosts, monkeypatch, variable, value):
    if variable:
        monkeypatch.setenv(variable, value)
    else:
        cli.configure("state: {hosts: [db.team]}\n")
    place(DATABASE)
    said = cli.assert_fails("show", code="store-unreachable")
    assert DATABASE in said.stderr_text
    assert unknown_hosts == ["db.team"]


@pytest.mark.parametrize("value", ["*.team", "https://db.team", "db team"])
def test_an_entry_that_is_no_host_is_an_error(cli, place, monkeypatch, value):
    monkeypatch.setenv("PROVISIONER_STATE_HOSTS", value)
    place(DATABASE)
    cli.assert_fails("show", code="state-place-invalid")
    monkeypatch.delenv("PROVISIONER_STATE_HOSTS")
    cli.configure(f"state: {{hosts: [{json.dumps(value)}]}}\n")
    assert "config.yaml:1:17" in cli.assert_fails("show", code="invalid-value").err


def test_a_database_without_a_host_is_the_users_own(cli, place, monkeypatch):
    monkeypatch.setenv("PGHOST", "/nonexistent")
    place("postgres:///state")
    assert "/nonexistent" in cli.assert_fails("show", code="store-unreachable").stderr_text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"postgres://ana:{CANARY}@db.team/state", "state-password"),
        (f"postgres://db.team/state?password={CANARY}", "state-password"),
        (f"postgres://ana:{CANARY}@x@db.team/state", "state-place-invalid"),
        ("postgres://db.team/state?sslmode=disable", "state-option-untrusted"),
        ("postgres://db.team", "state-place-invalid"),
        ("s3://bucket/key", "store-unsupported"),
        ("file:///srv/state", "state-outside"),
        ("/srv/state", "state-outside"),
        ("../../state", "state-outside"),
        ("~/state", "state-outside"),
        ("../link/state", "state-outside"),
        ("old.tfstate", "state-place-invalid"),
        ("postgres:db/state", "state-place-invalid"),
        ("{{ env }}/state", "template-forbidden"),
        ("", "state-place-invalid"),
    ],
)
@pytest.mark.parametrize("is_of_environment", [False, True])
def test_a_place_that_specs_may_not_name_is_refused_where_it_stands(cli, place, text, code, is_of_environment):
    (cli.path / "link").symlink_to(cli.path.parent)
    if is_of_environment:
        cli.write_stack(f"{STACK}environment: dev\nenvironments:\n  dev:\n  prod: {{state: {json.dumps(text)}}}\n")
    else:
        place(text)
    said = cli.assert_fails("show", code=code)
    assert (f"specs/stack.yaml:{_LINES + 4}:17" if is_of_environment else PLACED) in said.err, said.err
    assert CANARY not in said.text


def test_a_place_of_another_type_is_refused(cli):
    cli.write_stack(f"{STACK}state: {{url: x}}\n")
    assert f"specs/stack.yaml:{_LINES + 1}:1\n" in cli.assert_fails("show", code="wrong-type").err


@pytest.mark.parametrize("written", ["../other", "kept/here"])
def test_a_folder_of_the_specs_keeps_the_state(cli, place, written):
    place(written)
    cli.apply()
    assert (cli.path / "specs" / written / "demo.json").exists()
    assert not (cli.state / "demo.json").exists()
    assert "No changes" in cli.run("plan").out
    assert cli.bought() == ["gateway"]


def test_a_folder_may_be_anywhere_in_the_repository(cli):
    (cli.path / ".git").mkdir()
    deep = cli.path / "stacks" / "vision" / "specs"
    cli.write("stacks/vision/specs/stack.yaml", f"{STACK}state: ../../../kept\n")
    cli.write("stacks/vision/specs/servers.yaml", "servers: {gateway: {}}\n")
    assert cli.run(*APPLY, "--specs", str(deep)).code == 0
    assert (cli.path / "kept" / "demo.json").exists()


def test_who_decides(cli, place, monkeypatch):
    """Each place is taken before those after it: option, variable, configuration, environment, stack, nearest folder."""

    def shown() -> tuple[str, str]:
        values = {one["name"]: one for one in cli.run("config", "show", "-e", "prod", "--json").document["values"]}
        place_of_origin = values["state"]["origin"]["place"]
        return Path(values["state"]["value"]).parent.name, place_of_origin

    environments = "environments:\n  dev: {}\n  prod: {}\n"
    cli.write_stack(STACK + environments)
    assert shown() == ("state", None)
    cli.write_stack(f"{STACK}state: ../of-stack\n{environments}")
    assert shown() == ("of-stack", PLACED)
    cli.write_stack(
        f"{STACK}state: ../of-stack\n{environments.replace('prod: {}', 'prod: {state: ../of-environment}')}"
    )
    assert shown() == ("of-environment", f"specs/stack.yaml:{_LINES + 4}:17")
    file = cli.configure("stacks: {demo: {state: ~/mine}}\n")
    assert shown() == ("mine", "home/.config/provisioner/config.yaml:1:24")
    cli.configure("stacks: {demo: {state: ~/mine, environments: {prod: {state: beside}}}}\n")
    assert shown()[0] == "beside"
    assert cli.run("config", "show", "-e", "prod", "--json").document["values"][1]["value"].startswith(str(file.parent))
    monkeypatch.setenv("PROVISIONER_STATE", str(cli.path / "of-variable"))
    assert shown() == ("of-variable", "PROVISIONER_STATE")
    given = cli.run("config", "show", "-e", "prod", "--json", "--state", "of-option").document["values"]
    assert next(one["origin"]["place"] for one in given if one["name"] == "state") == "--state"


def test_the_configuration_is_shown_without_a_connection_and_without_a_password(cli, place, monkeypatch):
    place(DATABASE)
    cli.configure("state: {hosts: ['db.team:5432']}\n")
    monkeypatch.setenv("PROVISIONER_STATE_HOSTS", "pool.team")
    shown = cli.run("config", "show", "--origin").out
    assert DATABASE in shown
    assert "db.team:5432" in shown
    assert "pool.team" in shown
    monkeypatch.setenv("PROVISIONER_STATE", f"postgres://ana:{CANARY}@db.team/other?sslpassword={CANARY}")
    shown = cli.run("config", "show", "--origin").text
    assert "postgres://db.team/other" in shown
    assert CANARY not in shown


COMMANDS = [
    ("plan",),
    ("plan", "--json"),
    ("plan", "--out", "tonight.plan"),
    APPLY,
    ("apply", "--auto-approve", "--json"),
    ("show", "--json"),
    ("state", "list"),
    ("history",),
    ("config", "show", "--origin"),
    ("config", "show", "--json"),
    ("state", "rename", "demo", "vision"),
    ("drift",),
    ("validate",),
]


@pytest.mark.parametrize(
    "value",
    [
        f"postgres://ana:{CANARY}@db.team/state",
        f"postgres://db.team/state?password={CANARY}",
        f"postgres://ana:{CANARY}@x@db.team/state",  # what cannot be read is not repeated
        f"postgres://ana:12/{CANARY}@db.team/state",
        f"postgres://ana:{CANARY}",
        f"postgres:ana:{CANARY}@db.team/state",
        f"https://ana:{CANARY}@db.team/state",
    ],
)
@pytest.mark.parametrize("level", [None, "debug"])
def test_a_password_of_the_environment_is_in_no_output_and_no_file(
    cli, place, unknown_hosts, monkeypatch, caplog, value, level
):
    place("postgres://other.team/state")
    monkeypatch.setenv("PROVISIONER_STATE", value)
    if level:
        monkeypatch.setenv("PROVISIONER_LOG", level)
    for command in COMMANDS:
        ran = cli.run(*command)
        assert CANARY not in ran.text + caplog.text, command
        assert "Traceback" not in ran.text
    for path in cli.path.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    "value",
    [
        f"postgres://ana:{CANARY}@db.team/state",
        f"postgres://db.team/state?password={CANARY}",
        f"postgres://ana:{CANARY}@db.team/old.tfstate",
    ],
)
def test_a_password_in_an_option_is_refused_and_not_repeated(cli, value):
    said = cli.assert_fails("show", "--state", value, code="state-password")
    assert "PGPASSWORD" in said.stderr_text
    assert CANARY not in said.text


@pytest.mark.parametrize("way", ["option", "variable"])
def test_another_place_than_the_specs_name_is_said_and_buys_nothing(cli, place, monkeypatch, way):
    place("../kept")
    cli.apply()
    arguments: tuple[str, ...] = ("--state", "mistyped")
    if way == "variable":
        monkeypatch.setenv("PROVISIONER_STATE", "mistyped")
        arguments = ()
    said = cli.assert_fails(*APPLY, *arguments, code="state-elsewhere", exit_code=4).stderr_text
    assert "Warning[state-elsewhere]" in said
    assert PLACED in said
    assert "1 server would be bought, perhaps for the second time" in said
    assert cli.run(*APPLY, *arguments, "--allow", "all").code == 4
    planned = cli.run("plan", *arguments, "--json").document
    assert [one["code"] for one in planned["refusals"]] == ["state-elsewhere", "name-taken"]
    assert cli.bought() == ["gateway"]


def test_another_place_than_the_specs_name_is_used_where_it_is_allowed(cli, place):
    place("../kept")
    ran = cli.run(*APPLY, "--state", "second", "--allow", "state-elsewhere")
    assert ran.code == 0, ran.text
    ran = cli.run("plan", "--state", "second")
    assert "No changes" in ran.out
    assert "Warning[state-elsewhere]" in ran.err
    assert "state-elsewhere" not in cli.run("plan").text.replace("Error[name-taken]", "")


@pytest.mark.parametrize("same", ["kept", "./kept", "specs/../kept"])
def test_the_same_place_by_another_path_is_no_other_place(cli, place, same):
    place("../kept")
    cli.apply()
    assert "state-elsewhere" not in cli.run("plan", "--state", same).text
    assert "state-elsewhere" not in cli.run("plan", "--state", (cli.path / same).resolve().as_uri()).text


def test_another_place_in_the_configuration_than_in_the_specs_buys_nothing_where_no_state_is(cli, place):
    """It is the user's lasting word, so nothing warns while a state is there."""
    place("../kept")
    cli.apply()
    cli.configure("stacks: {demo: {state: ~/mistyped}}\n")
    said = cli.assert_fails(*APPLY, code="state-elsewhere", exit_code=4).stderr_text
    assert f"is kept at {cli.path / 'kept'}" in said
    (cli.path / "kept").rename(cli.path / "home" / "moved")
    cli.configure("stacks: {demo: {state: ~/moved}}\n")
    ran = cli.run("plan")
    assert ("No changes" in ran.out, "state-elsewhere" in ran.text) == (True, False), ran.text


def test_a_place_that_is_declared_later_does_not_buy_everything_again(applied):
    """The state is still in the folder where it was, and the specs name another place now."""
    applied.write_stack(f"{STACK}state: ../new\n")
    said = applied.assert_fails(*APPLY, code="state-elsewhere", exit_code=4).stderr_text
    assert f"is kept at {applied.state}" in said
    assert applied.bought() == ["gateway"]
    (applied.path / "new").mkdir(mode=0o700, exist_ok=True)
    for file in applied.state.glob("demo.*"):
        file.rename(applied.path / "new" / file.name)
    assert "No changes" in applied.run("plan").out


@pytest.fixture
def database(cli, place, monkeypatch):
    """A store that stands in for a database, in a folder. Its states are those of one database name."""
    opened: list[StateUrl] = []

    def open_database(url: StateUrl, label: str) -> FolderStore:
        opened.append(url)
        return FolderStore(cli.path / "server" / url.path, label)

    monkeypatch.setitem(store._BY_SCHEME, "postgres", open_database)
    return opened


def test_one_line_is_all_that_a_store_needs(cli, place, database, monkeypatch):
    """With a password in the environment: from a plan to the history, it is given to the store and stands nowhere else."""
    place(DATABASE)
    monkeypatch.setenv("PROVISIONER_STATE", f"postgresql://ana:{CANARY}@DB.team:5432/state?options=-cx%3D1")
    monkeypatch.setenv("PROVISIONER_LOG", "debug")
    texts = [cli.run("plan", "--out", "tonight.plan").text]
    assert json.loads((cli.path / "tonight.plan").read_text())["place"] == DATABASE
    for command in (("apply", "tonight.plan"), *COMMANDS):
        texts.append(cli.run(*command).text)
        assert "state-elsewhere" not in texts[-1]  # it is the place that the specs name
    assert cli.bought() == ["gateway"]
    assert {one.secrets["password"].reveal() for one in database} == {CANARY}
    assert CANARY not in "".join(texts)
    for path in cli.path.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_a_plan_that_is_made_by_the_specs_is_applied_by_the_variable(cli, place, database, monkeypatch):
    """Two machines reach one database in two ways, and the approval is for the same place."""
    place(f"{DATABASE}?sslmode=require")
    cli.configure("state: {hosts: [db.team]}\n")
    assert cli.run("plan", "--out", "tonight.plan").code == 0
    monkeypatch.setenv("PROVISIONER_STATE", f"postgres://bob:{CANARY}@db.team:5432/state?sslmode=verify-full")
    ran = cli.run("apply", "tonight.plan")
    assert ran.code == 0, ran.text
    assert cli.bought() == ["gateway"]


@pytest.mark.parametrize("other", ["postgres://db.team/mistyped", "mistyped"])
def test_a_mistyped_database_buys_nothing(cli, place, database, other):
    place(DATABASE)
    cli.configure("state: {hosts: [db.team]}\n")
    cli.apply()
    cli.assert_fails(*APPLY, "--state", other, code="state-elsewhere", exit_code=4)


def test_the_hosts_are_checked_before_a_store_is_opened(cli, place, database):
    place(DATABASE)
    cli.assert_fails(*APPLY, code="state-host-untrusted")
    assert database == []


def test_the_sandboxs_world_stays_in_the_nearest_state_folder(cli, place, database):
    place("postgres:///state")
    cli.apply()
    assert (cli.state / ".sandbox" / "world.db").exists()
    assert "No changes" in cli.run("plan").out


def test_completion_connects_to_nothing(cli, place, database):
    """Neither to a database, nor is its path taken for a folder of this machine."""
    cli.apply()
    assert addresses(StackPlace(cli.path / "specs")) == ["gateway"]
    named = StackPlace(cli.path / "specs", state_location=f"postgres://db.team{cli.state}")
    assert addresses(named) == []
    place(f"postgres://db.team{cli.state}")
    assert addresses(StackPlace(cli.path / "specs")) == []
    cli.write_stack(f"{STACK}environments:\n  dev: {{state: ../state}}\n")
    assert addresses(StackPlace(cli.path / "specs", "dev")) == []
    place("../state")
    assert addresses(StackPlace(cli.path / "specs")) == ["gateway"]
    place(str(cli.state))
    assert addresses(StackPlace(cli.path / "specs")) == []
    assert database == []


def test_a_renaming_stays_in_the_place_that_is_declared(cli, place):
    place("../kept")
    cli.apply()
    cli.write_stack(f"{STACK}state: ../kept\n", stack="vision")
    assert "vision" in cli.run("state", "rename", "demo", "vision").text
    assert open_store(cli.path / "kept", "vision").load() is not None
    assert "No changes" in cli.run("plan").out


def test_a_renaming_between_two_places_is_refused(cli, place):
    cli.write_stack(f"{STACK}environments: {{dev: {{state: ../one}}, prod: {{state: ../two}}}}\n")
    said = cli.assert_fails("state", "rename", "demo.dev", "demo.prod", code="state-elsewhere").stderr_text
    assert "two places" in said


def test_a_renaming_asks_no_host_that_only_the_specs_name(cli, place):
    place(DATABASE)
    cli.assert_fails("state", "rename", "old", "demo", code="state-host-untrusted")
    cli.assert_fails("state", "rename", "old", "new", code="state-host-untrusted")


def test_an_approval_names_the_place_as_every_machine_does(cli, place):
    place("../kept")
    assert cli.run("plan", "--out", "tonight.plan").code == 0
    assert json.loads((cli.path / "tonight.plan").read_text())["place"] == "../kept"


def test_a_plan_is_not_written_into_a_declared_folder(cli, place):
    place("../kept")
    (cli.path / "kept").mkdir(mode=0o700)
    cli.assert_fails("plan", "--out", "kept/demo.json", code="plan-not-written")
