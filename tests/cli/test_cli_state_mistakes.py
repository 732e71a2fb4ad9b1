"""A state that is not what it was: refused and never healed, by every command that reads it, and left as it is."""

import os

import pytest

from provisioner.disk import Disk
from provisioner.sandbox import PUBLIC
from provisioner.store import open_store

READERS = (
    ["plan"],
    ["show"],
    ["state", "list"],
    ["output"],
    ["apply", "--auto-approve"],
    ["destroy", "--auto-approve"],
)


def refused_by_all(cli, code: str) -> str:
    for arguments in READERS:
        ran = cli.assert_fails(*arguments, code=code)
    return ran.stderr_text


def altered(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_an_empty_state(applied) -> None:
    (applied.state / "demo.json").write_bytes(b"")
    said = refused_by_all(applied, "state-damaged")
    assert "state/demo.json is empty" in said
    assert "Put demo.backup" in said


def test_a_torn_state(applied) -> None:
    file = applied.state / "demo.json"
    file.write_bytes(file.read_bytes()[:-50])
    assert "Nothing was changed." in refused_by_all(applied, "state-damaged")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_state_of_which_one_byte_was_altered(applied, share: float) -> None:
    file = applied.state / "demo.json"
    content = file.read_bytes()
    file.write_bytes(altered(content, int(len(content) * share)))
    applied.assert_fails("plan", code="state-damaged")


def test_the_backup_puts_a_damaged_state_right(applied) -> None:
    """What the message advises."""
    (applied.state / "demo.json").write_bytes(b"")
    (applied.state / "demo.json").write_bytes((applied.state / "demo.backup").read_bytes())
    assert "No changes" in applied.run("plan").out
    assert applied.bought() == ["gateway"]


def test_a_state_that_is_missing_beside_its_journal(applied) -> None:
    (applied.state / "demo.json").unlink()
    said = refused_by_all(applied, "state-missing")
    assert "missing beside demo.journal" in said
    assert "To begin anew on purpose, move the other files away too." in said


def test_a_journal_that_is_missing_beside_its_state(applied) -> None:
    (applied.state / "demo.journal").unlink()
    assert "purchases may stand in it" in refused_by_all(applied, "journal-missing")


def test_a_journal_that_was_altered_in_the_middle(applied) -> None:
    file = applied.state / "demo.journal"
    first, second, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([first, altered(second, 20), *rest]))
    said = refused_by_all(applied, "journal-damaged")
    assert "demo.journal, line 2" in said
    assert "compare the lines from there on with the servers in the cloud" in said


def test_a_journal_whose_last_line_was_torn_by_a_crash_is_good(applied) -> None:
    with (applied.state / "demo.journal").open("ab") as journal:
        journal.write(b'{"type":"run_st')
    assert applied.run("plan").code == 0
    applied.write_specs("servers: {gateway: {}, second: {}}\n")
    applied.apply()
    assert applied.bought() == ["gateway", "second"]
    assert "No changes" in applied.run("plan").out


def test_the_state_of_another_stack(applied) -> None:
    applied.write_stack(stack="other")
    for suffix in (".json", ".journal"):
        (applied.state / f"demo{suffix}").rename(applied.state / f"other{suffix}")
    said = refused_by_all(applied, "state-foreign")
    assert "other.json is the state of demo, not of other" in said
    assert "Put it back as demo.json" in said


def test_the_state_of_another_identity(applied, monkeypatch) -> None:
    """Known before anything is asked, so that nothing in the state is judged by a stranger's cloud."""
    applied.write_stack(cloud="huaweicloud")
    for name, value in {
        "HW_ACCESS_KEY": PUBLIC.access_key,
        "HW_SECRET_KEY": PUBLIC.secret_key,
        "HW_PROJECT_ID": "another-project",
        "HW_DOMAIN_ID": PUBLIC.domain_id,
    }.items():
        monkeypatch.setenv(name, value)
    for arguments in (["plan"], ["apply", "--auto-approve"], ["destroy", "--auto-approve"]):
        said = applied.assert_fails(*arguments, code="identity-mismatch").stderr_text
        assert "another account, project or region than the state" in said
        assert PUBLIC.project_id in said
        assert "another-project" in said
        assert "use the credentials of the state's account" in said


def test_another_run_holds_the_lock(applied) -> None:
    applied.write_specs("servers: {gateway: {}, second: {}}\n")
    store = open_store(applied.state, "demo")
    with store.write(command="apply", who="ana@laptop", timeout=0):
        said = applied.assert_fails("apply", "--auto-approve", code="lock-held", exit_code=5).stderr_text
        assert "ana@laptop is at work on this state: `apply`" in said
        assert "--lock-timeout" in said
        assert applied.run("plan").code == 0, "looking needs no lock"
        assert applied.run("show").code == 0


def test_waiting_for_the_lock_is_told_and_ends(applied) -> None:
    store = open_store(applied.state, "demo")
    with store.write(command="apply", who="ana@laptop", timeout=0):
        ran = applied.assert_fails("apply", "--auto-approve", "--lock-timeout", "1s", code="lock-held", exit_code=5)
    assert "ana@laptop is at work: apply, since " in ran.stderr_text


def test_the_state_cannot_be_kept_where_it_should_be(cli, monkeypatch) -> None:
    cli.write("occupied", "a file, not a folder")
    monkeypatch.setenv("PROVISIONER_STATE", "occupied/state")
    for arguments in (["plan"], ["apply", "--auto-approve"]):
        ran = cli.run(*arguments)
        assert ran.code == 1
        assert "Error[store-unreadable]" in ran.err
        assert "occupied/state" in ran.stderr_text
        assert "help:" in ran.stderr_text
    assert cli.bought() == []


def test_a_state_folder_that_is_not_writable_stops_the_run_before_anything_is_bought(cli, monkeypatch) -> None:
    read_only(monkeypatch)
    said = cli.assert_fails("apply", "--auto-approve", code="lock-unusable").stderr_text
    assert "demo.lock: Permission denied" in said
    assert "without a lock nothing is bought" in said
    assert cli.run("plan").code == 0


def test_a_file_of_the_state_that_may_not_be_read(applied, monkeypatch) -> None:
    def closed(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Disk, "read", closed)
    said = applied.assert_fails("plan", code="store-unreadable").stderr_text
    assert "Permission denied" in said
    assert "must belong to you" in said


def read_only(monkeypatch) -> None:
    """Root may write everywhere, so the disk itself says no."""
    really_open = Disk.open

    def open_to_read(self, path, flags):
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(13, "Permission denied")
        return really_open(self, path, flags)

    monkeypatch.setattr(Disk, "open", open_to_read)


def test_a_state_folder_that_others_may_change_is_a_warning(applied) -> None:
    applied.state.chmod(0o777)
    ran = applied.run("plan")
    assert ran.code == 0
    assert "Warning[store-folder-open]" in ran.err
    assert f"chmod 700 {applied.state}" in ran.stderr_text
