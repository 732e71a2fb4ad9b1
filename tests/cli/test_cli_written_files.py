"""What the tool writes at a path that a person names replaces nothing but its own."""

from __future__ import annotations

import errno
import json
import os
import socket
from contextlib import closing

import pytest

from provisioner.disk import Disk

OUT = ("plan", "--out")


def content_of(folder) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def a_pipe(path):
    os.mkfifo(path)


def a_socket(path):
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))


def a_link(path):
    path.symlink_to(path.with_name("state") / "demo.json")


def a_dangling_link(path):
    path.symlink_to(path.with_name("nowhere"))


def a_file_of_a_person(path):
    path.write_text("all that I know\n")


def an_empty_file(path):
    path.touch()


@pytest.mark.parametrize(
    ("obstacle", "named"),
    [
        (a_pipe, "a named pipe"),
        (a_socket, "a socket"),
        (a_link, "a symbolic link"),
        (a_dangling_link, "a symbolic link"),
        (a_file_of_a_person, "a file that is not a plan"),
        (an_empty_file, "an empty file"),
    ],
)
def test_a_plan_is_not_written_over_what_is_no_plan(applied, obstacle, named) -> None:
    obstacle(applied.path / "out")
    before = content_of(applied.path)
    refused = applied.assert_fails(*OUT, "out", code="plan-not-written")
    assert f"the plan was not written to out: {named} stands there" in refused.stderr_text
    assert content_of(applied.path) == before


def test_a_directory_is_no_file(cli) -> None:
    assert "is a directory" in cli.run(*OUT, "state").stderr_text


def test_a_device_is_refused_at_once(cli) -> None:
    assert "a device stands there" in cli.assert_fails(*OUT, "/dev/null", code="plan-not-written").stderr_text


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("state/demo.json", "the state of a stack stands there"),
        ("state/demo.journal", "a journal stands there"),
        ("specs/stack.yaml", "a YAML file stands there"),
        ("specs/servers.yaml", "a YAML file stands there"),
        ("state/other.json", "it is in a state folder"),
        ("state/demo.dev.lock", "it is in a state folder"),
        ("here/other.json", "it is in a state folder"),
        ("specs/tonight.yaml", "it is among the specs"),
        ("specs/deeper/tonight.yml", "it is among the specs"),
    ],
)
def test_neither_a_state_nor_a_spec_is_replaced_or_made(applied, path, named) -> None:
    (applied.path / "specs" / "deeper").mkdir()
    (applied.path / "here").symlink_to("state")
    before = content_of(applied.path)
    assert named in applied.assert_fails(*OUT, path, code="plan-not-written").stderr_text
    assert content_of(applied.path) == before
    assert applied.run("plan").code == 0


def test_a_plan_file_is_replaced_and_its_folder_may_be_a_link(cli) -> None:
    (cli.path / "plans").mkdir()
    (cli.path / "latest").symlink_to("plans")
    assert cli.run(*OUT, "latest/one.plan").code == 0
    first = (cli.path / "plans" / "one.plan").read_bytes()
    assert cli.run(*OUT, "latest/one.plan", "--replace", "gateway").code == 0
    second = (cli.path / "plans" / "one.plan").read_bytes()
    assert second != first
    assert (cli.path / "plans" / "one.plan").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (cli.path / "plans").iterdir()] == ["one.plan"]


def test_a_plan_of_another_version_or_one_that_was_altered_is_replaced_too(cli) -> None:
    assert cli.run(*OUT, "one.plan").code == 0
    path = cli.path / "one.plan"
    document = json.loads(path.read_text()) | {"format": 999}
    path.write_text(json.dumps(document))
    assert cli.run(*OUT, "one.plan").code == 0
    assert cli.run("apply", "one.plan").code == 0


def test_a_full_disk_leaves_the_older_plan(cli, monkeypatch) -> None:
    assert cli.run(*OUT, "one.plan").code == 0
    before = (cli.path / "one.plan").read_bytes()

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Disk, "write", full)
    refused = cli.assert_fails(*OUT, "one.plan", code="plan-not-written")
    assert "No space left on device" in refused.stderr_text
    assert (cli.path / "one.plan").read_bytes() == before
    assert not list(cli.path.glob(".one.plan*"))


def test_what_comes_to_stand_there_meanwhile_is_left(cli, monkeypatch) -> None:
    """The look at the path and the writing are two steps: another process may be faster than both."""
    place = Disk.link

    def link_too_late(self, source, target):
        target.write_text("mine\n")
        place(self, source, target)

    monkeypatch.setattr(Disk, "link", link_too_late)
    cli.assert_fails(*OUT, "one.plan", code="plan-not-written")
    assert (cli.path / "one.plan").read_text() == "mine\n"
    assert not list(cli.path.glob(".one.plan*"))


def test_a_plan_that_changes_meanwhile_is_left(cli, monkeypatch) -> None:
    assert cli.run(*OUT, "one.plan").code == 0
    sync = Disk.sync

    def sync_too_late(self, descriptor):
        (cli.path / "one.plan").write_text("mine\n")
        sync(self, descriptor)

    monkeypatch.setattr(Disk, "sync", sync_too_late)
    cli.assert_fails(*OUT, "one.plan", code="plan-not-written")
    assert (cli.path / "one.plan").read_text() == "mine\n"


def test_a_file_system_where_a_file_has_one_name_takes_plans_too(cli, monkeypatch) -> None:
    def unsupported(*_arguments):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Disk, "link", unsupported)
    assert cli.run(*OUT, "one.plan").code == 0
    assert cli.run("show", "one.plan").code == 0


class TestLocksAndReserves:
    def test_a_lock_of_something_else_is_left_as_it_is(self, cli) -> None:
        """A stack called `poetry` beside a project's own poetry.lock, with --state ."""
        lock = cli.state / "demo.lock"
        lock.write_text("# This file is @generated by Poetry\n")
        refused = cli.assert_fails("apply", "--auto-approve", code="lock-unusable")
        assert "a file of something else stands there" in refused.stderr_text
        assert lock.read_text() == "# This file is @generated by Poetry\n"
        assert cli.bought() == []

    @pytest.mark.parametrize("torn", ["", "{", '{"who": "ana@lap'])
    def test_a_lock_that_a_death_has_cut_is_taken(self, cli, torn) -> None:
        (cli.state / "demo.lock").write_text(torn)
        cli.apply()
        assert cli.bought() == ["gateway"]

    def test_a_reserve_of_something_else_is_left_as_it_is(self, cli) -> None:
        reserve = cli.state / "demo.reserve"
        reserve.write_text("for a rainy day\n")
        assert cli.run("apply", "--auto-approve").code != 0
        assert reserve.read_text() == "for a rainy day\n"
        assert cli.bought() == []

    def test_a_reserve_that_a_death_has_left_is_replaced(self, cli) -> None:
        (cli.state / "demo.reserve").write_bytes(bytes(4096))
        cli.apply()
        assert cli.bought() == ["gateway"]


class TestInit:
    def test_what_stands_in_the_way_is_left_and_nothing_is_written_beside_it(self, cli) -> None:
        for name in ("stack.yaml", "servers.yaml"):
            (cli.path / "specs" / name).unlink()
        (cli.path / "specs" / "servers.yaml").symlink_to(cli.path / "elsewhere")
        refused = cli.assert_fails("init", code="init-failed")
        assert "a symbolic link stands there" in refused.stderr_text
        assert [path.name for path in (cli.path / "specs").iterdir()] == ["servers.yaml"]
        assert not (cli.path / "elsewhere").exists()

    def test_a_disk_that_fills_up_leaves_no_half_of_a_stack(self, cli, monkeypatch) -> None:
        for name in ("stack.yaml", "servers.yaml"):
            (cli.path / "specs" / name).unlink()
        write, written = Disk.write, []

        def fill_up(self, descriptor, data):
            written.append(data)
            if len(written) > 1:
                raise OSError(errno.ENOSPC, "No space left on device", "servers.yaml")
            return write(self, descriptor, data)

        monkeypatch.setattr(Disk, "write", fill_up)
        cli.assert_fails("init", code="init-failed")
        assert list((cli.path / "specs").iterdir()) == []


class TestSandbox:
    def test_a_pipe_is_no_world(self, cli) -> None:
        os.mkfifo(cli.path / "world")
        refused = cli.run("sandbox", "ledger", "--world", "world")
        assert (refused.code, "is not a regular file" in refused.stderr_text) == (1, True)

    def test_files_that_would_be_taken_for_parts_of_a_world_are_left(self, cli) -> None:
        wal = cli.path / "world.db-wal"
        wal.write_text("mine\n")
        refused = cli.run("sandbox", "serve", "--world", "world.db")
        assert (refused.code, "world.db-wal stands there" in refused.stderr_text) == (1, True)
        assert wal.read_text() == "mine\n"
        assert not (cli.path / "world.db").exists()

    def test_a_lock_of_something_else_is_left(self, cli) -> None:
        lock = cli.path / "poetry.lock"
        lock.write_text("# This file is @generated by Poetry\n")
        refused = cli.run("sandbox", "serve", "--world", "poetry")
        assert (refused.code, "is no lock of a sandbox's world" in refused.stderr_text) == (1, True)
        assert lock.read_text() == "# This file is @generated by Poetry\n"
