"""`state rebuild` at a desk: what it shows and asks, and what it refuses without touching a file."""

from __future__ import annotations

import io
import json
import os

import pytest

from provisioner.disk import Disk
from provisioner.model.canonical import digest, readable
from provisioner.model.document import FORMAT
from provisioner.sandbox import PUBLIC
from provisioner.store import open_store

REBUILD = ("state", "rebuild")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def damaged(applied):
    """One byte of the state is another one."""
    flip(applied.state / "demo.json")
    return applied


def flip(file) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])


def every_file(cli) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in cli.state.glob("demo.*") if file.suffix != ".lock"}


def resealed(data: bytes, **changed) -> bytes:
    document = json.loads(data) | changed
    document.pop("checksum")
    return readable({**document, "checksum": digest(document)})


def test_it_shows_what_is_left_and_how_sure_it_is_before_it_asks(damaged, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    identifier = json.loads((damaged.state / "demo.json").read_bytes())["resources"]["gateway"]["id"]
    before = every_file(damaged)
    ran = damaged.run(*REBUILD, "--reason", "a disk that lies")
    assert ran.code == 0, ran.text
    assert "demo.json     damaged: nothing of it is used" in ran.out
    assert "demo.backup   whole, serial 1" in ran.out
    assert "has a checksum that does not fit its content" in " ".join(ran.out.split())
    assert f"certain    gateway  {identifier}" in ran.out
    assert "Only 'yes' will be accepted" in ran.stderr_text
    assert "Rebuilt: 1 server, serial 3." in ran.out
    aside = {
        name.partition(".before-")[0]: content for name, content in every_file(damaged).items() if ".before-" in name
    }
    assert aside == before
    assert "No changes" in damaged.run("plan").out
    first = json.loads((damaged.state / "demo.journal").read_text().splitlines()[1])
    assert first["command"] == "state rebuild"
    assert "demo.backup: whole, serial 1" in first["reason"]
    assert "a disk that lies" in first["reason"]
    assert first["who"]


@pytest.mark.parametrize("answer", ["no\n", "y\n", "", "YES\n"])
def test_anything_but_yes_changes_nothing(damaged, monkeypatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    before = every_file(damaged)
    ran = damaged.run(*REBUILD)
    assert ran.code == 8
    assert "Not approved. Nothing was changed." in ran.stderr_text
    assert every_file(damaged) == before


@pytest.mark.parametrize("more", [(), ("--json",), ("--no-input",)])
def test_where_nobody_can_be_asked_the_refusal_names_the_flag(damaged, monkeypatch, more: tuple[str, ...]) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("yes\n") if more else io.StringIO("yes\n"))
    assert "--auto-approve" in damaged.assert_fails(*REBUILD, *more, code="no-approval", exit_code=8).stderr_text


def test_the_same_as_a_document(damaged) -> None:
    shown = damaged.run(*REBUILD, "--json").document
    written = damaged.run(*REBUILD, "--json", "--auto-approve").document
    assert (shown["written"], written["written"]) == (False, True)
    assert shown["rows"] == written["rows"]
    (row,) = written["rows"]
    assert (row["address"], row["confidence"], row["kept"], row["phase"]) == ("gateway", "certain", True, "ready")
    assert [finding["code"] for finding in written["damage"]] == ["state-damaged"]
    assert [part["name"] for part in written["parts"]] == ["demo.json", "demo.journal", "demo.backup"]
    assert len(written["kept_aside"]) == 3
    assert all((damaged.state / name).exists() for name in written["kept_aside"])


def test_nothing_is_changed_where_nothing_is_damaged(applied) -> None:
    before = every_file(applied)
    ran = applied.run(*REBUILD, "--auto-approve")
    assert ran.code == 0
    assert "Nothing is damaged" in ran.out
    assert "--force" in ran.out
    assert applied.run(*REBUILD, "--json", "--auto-approve").document["written"] is False
    forced = applied.run(*REBUILD, "--auto-approve", "--force")
    assert "There is nothing to write." in forced.out
    assert every_file(applied) == before


def test_nothing_is_written_before_anything_was_bought(cli) -> None:
    ran = cli.run(*REBUILD, "--auto-approve")
    assert ran.code == 0
    assert "There is nothing to write." in ran.out
    assert cli.state_files() == {}


def test_it_buys_and_releases_nothing(damaged) -> None:
    before = damaged.ledger()
    damaged.write_specs("servers: {second: {}}\n")
    assert damaged.run(*REBUILD, "--auto-approve").code == 0
    assert damaged.ledger() == before
    assert "1 to add, 0 to change, 1 to destroy" in damaged.run("plan").out


def test_a_state_of_a_newer_version_is_not_damaged(applied) -> None:
    file = applied.state / "demo.json"
    file.write_bytes(resealed(file.read_bytes(), format=FORMAT + 1, tool="9.9.9"))
    said = applied.assert_fails(*REBUILD, "--auto-approve", code="state-format").stderr_text
    assert "9.9.9" in said


def test_the_state_of_another_stack_is_not_damaged(applied) -> None:
    file = applied.state / "demo.json"
    file.write_bytes(resealed(file.read_bytes(), stack="other"))
    applied.assert_fails(*REBUILD, "--auto-approve", code="state-foreign")


def test_the_journal_of_another_history_is_not_mixed_in(applied, tmp_path) -> None:
    """Somebody else's journal under the name of ours."""
    ours = every_file(applied)
    for file in applied.state.glob("demo.*"):
        file.unlink()
    applied.write_specs("servers: {other: {}}\n")
    assert applied.run("apply", "--auto-approve", "--allow", "state-replaced").code == 0
    for name in ("demo.json", "demo.backup"):
        (applied.state / name).write_bytes(ours[name])
    said = applied.assert_fails(*REBUILD, "--auto-approve", code="rebuild-conflict").stderr_text
    assert "move demo.journal, or demo.json and demo.backup, out of the folder" in said


def test_credentials_of_another_account_are_refused(damaged, monkeypatch) -> None:
    damaged.write_stack(cloud="huaweicloud")
    for name, value in {
        "HW_ACCESS_KEY": PUBLIC.access_key,
        "HW_SECRET_KEY": PUBLIC.secret_key,
        "HW_PROJECT_ID": "another-project",
        "HW_DOMAIN_ID": PUBLIC.domain_id,
    }.items():
        monkeypatch.setenv(name, value)
    damaged.assert_fails(*REBUILD, "--auto-approve", code="identity-mismatch")


def test_specs_with_a_mistake_are_refused(damaged) -> None:
    damaged.write_specs("servers: {gateway: {flavour: x}}\n")
    damaged.assert_fails(*REBUILD, "--auto-approve", code="unknown-field")


def test_another_run_holds_the_lock(applied) -> None:
    store = open_store(applied.state, "demo")
    with store.write(command="apply", who="ana@laptop", timeout=0):
        flip(applied.state / "demo.json")
        said = applied.assert_fails(*REBUILD, "--auto-approve", code="lock-held", exit_code=5).stderr_text
    assert "ana@laptop is at work on this state" in said


def test_a_file_that_may_not_be_read_is_not_taken_for_lost(damaged) -> None:
    journal = damaged.state / "demo.journal"
    journal.rename(damaged.state / "elsewhere")
    journal.symlink_to(damaged.state / "elsewhere")
    damaged.assert_fails(*REBUILD, "--auto-approve", code="store-unreadable")


@pytest.mark.parametrize("name", ["rename", "sync", "write"])
def test_a_disk_that_fails_leaves_the_old_files(damaged, monkeypatch, name: str) -> None:
    really = getattr(Disk, name)

    def fail(self, first, *rest):
        if name != "write" or len(rest[0]) > 300:  # the lock is small
            raise OSError(28, os.strerror(28))
        return really(self, first, *rest)

    monkeypatch.setattr(Disk, name, fail)
    said = damaged.assert_fails(*REBUILD, "--auto-approve", code="rebuild-not-written").stderr_text
    assert "No space left on device" in said
    assert "No server was changed" in said
    monkeypatch.setattr(Disk, name, really)
    assert damaged.run(*REBUILD, "--auto-approve").code == 0
    assert "No changes" in damaged.run("plan").out


def test_a_reason_that_is_no_unicode_is_refused(damaged) -> None:
    damaged.assert_fails(*REBUILD, "--auto-approve", "--reason", "\udcff", code="entry-unwritable")


def test_a_failure_is_a_document_too(damaged) -> None:
    damaged.write_specs("servers: {gateway: {flavour: x}}\n")
    assert damaged.run(*REBUILD, "--json").document["errored"] is True
