"""`state pull`, `state push` and `state migrate` over folders: nothing is bought twice, and the messages name the next step."""

from __future__ import annotations

import json
import shutil
import stat

import pytest
from support.builders import an_intent

from provisioner.model.document import unseal
from provisioner.model.journal import Intended
from provisioner.store import open_store


@pytest.fixture
def moved(applied):
    ran = applied.run("state", "migrate", "--to", "team", "--reason", "a team now")
    assert ran.code == 0, ran.text
    return applied


def test_a_moved_state_is_used_at_its_new_place_and_nothing_is_bought_again(moved):
    assert "No changes" in moved.run("plan", "--state", "team").out
    assert moved.run("apply", "--auto-approve", "--state", "team").code == 0
    moved.write_specs("servers: {gateway: {}, second: {}}\n")
    assert moved.run("apply", "--auto-approve", "--state", "team").code == 0
    assert moved.bought() == ["gateway", "second"]


REFUSED = """
    plan; apply --auto-approve; destroy --auto-approve; drift; show; output; inventory --format json; expiring; orders list;
    state list; state show gateway; state mv gateway other; state rm gateway --auto-approve; state unprotect gateway;
    state rename demo vision; state rebuild --auto-approve; state rebuild --force --auto-approve; state pull;
    state migrate --to third; import gateway 8dcc135a-cea7-4f46-b4a1-2b86a0748500; resolve gateway --absent; adopt
"""


def test_every_command_is_refused_at_the_old_place_and_names_the_new_one(moved):
    for command in REFUSED.split(";"):
        refused = moved.assert_fails(*command.split(), code="state-relocated")
        assert f"--state {moved.path / 'team'}" in refused.stderr_text
    assert not (moved.path / "third").exists()


def test_the_history_is_shown_at_both_places(moved):
    old, new = moved.run("history").out, moved.run("history", "--state", "team").out
    assert "bought" in old
    assert "state moved" in old
    assert f"to {moved.path / 'team'}" in old
    assert f"from {moved.path / 'state'}" in new
    assert "reason: a team now" in old
    assert "not recorded" not in old
    for place in ("state", "team"):
        assert moved.run("history", "--verify", "--state", place).code == 0
    assert moved.run("history", "--json").code == 0


def test_a_lock_of_the_old_place_is_explained_and_the_move_too(moved):
    said = moved.assert_fails("force-unlock", "1234", code="lock-free").stderr_text
    assert "state-relocated" in said


def test_the_output_says_what_is_open_and_what_to_write(applied):
    with open_store(applied.state, "demo").write(command="apply", who="ana", timeout=0) as session:
        session.append([Intended(an_intent("second"))])
    said = applied.run("state", "migrate", "--to", "team").out
    assert "1 purchase in doubt" in said
    assert "in doubt: purchase of second" in said
    assert "`state: ../team`" in said
    applied.write_stack("state: ../team\n" + (applied.path / "specs/stack.yaml").read_text())
    assert applied.run("state", "list").code == 0
    assert applied.run("state", "migrate", "--state", "state", "--to", "team").code == 0
    elsewhere = applied.run("state", "migrate", "--to", str(applied.path.parent / f"{applied.path.name}-elsewhere"))
    assert "Specs may not name this folder" in elsewhere.out


def test_moving_again_is_no_error(moved):
    again = moved.run("state", "migrate", "--to", "team")
    assert again.code == 0
    assert "(moved already)" in again.out


def test_a_dry_run_changes_nothing(applied):
    before = applied.state_files()
    said = applied.run("state", "migrate", "--to", "team", "--dry-run")
    assert (said.code, "nothing was changed" in said.out) == (0, True)
    assert applied.state_files() == before
    assert not (applied.path / "team").exists()
    applied.assert_fails("state", "migrate", "--to", "state", code="migrate-same-place")


def test_a_place_that_is_taken_stays_as_it_is(applied):
    shutil.copytree(applied.state, applied.path / "team")
    applied.assert_fails("state", "migrate", "--to", "team", code="state-exists")
    applied.assert_fails("state", "migrate", "--to", "team", "--dry-run", code="state-exists")
    assert "No changes" in applied.run("plan").out


def test_a_place_that_holds_the_name_in_other_letters_is_taken(applied):
    (applied.path / "team").mkdir()
    (applied.path / "team" / "DEMO.json").write_text("{}")
    applied.assert_fails("state", "migrate", "--to", "team", code="state-exists")


def test_an_unfinished_copy_is_refused_and_taken_over_only_by_force(applied, monkeypatch):
    """The migration dies right before it closes the old place."""
    with monkeypatch.context() as patch:
        patch.setattr("provisioner.store.migration.Migration._close", lambda *_: 1 / 0)
        assert applied.run("state", "migrate", "--to", "team").code != 0
    said = applied.assert_fails("plan", "--state", "team", code="state-arriving").stderr_text
    assert f"state migrate --state {applied.state} --to {applied.path / 'team'}" in said
    assert "No changes" in applied.run("plan").out
    applied.assert_fails("state", "rebuild", "--auto-approve", "--state", "team", code="state-arriving")
    shutil.copytree(applied.path / "team", applied.path / "lost")
    assert applied.run("state", "rebuild", "--force", "--auto-approve", "--state", "lost").code == 0
    assert "No changes" in applied.run("plan", "--state", "lost").out


def test_an_unfinished_copy_is_completed_by_the_same_command(applied, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("provisioner.store.migration.Migration._close", lambda *_: 1 / 0)
        applied.run("state", "migrate", "--to", "team")
    assert applied.run("state", "migrate", "--to", "team").code == 0
    assert "No changes" in applied.run("plan", "--state", "team").out


def test_a_plan_that_was_saved_before_is_carried_out_only_at_the_new_place(applied):
    applied.write_specs("servers: {gateway: {}, second: {}}\n")
    assert applied.run("plan", "--out", "tonight.plan").code == 0
    assert applied.run("state", "migrate", "--to", "team").code == 0
    applied.assert_fails("apply", "tonight.plan", code="state-relocated")
    assert applied.run("apply", "tonight.plan", "--state", "team").code == 0
    assert applied.bought() == ["gateway", "second"]


# Pulling and pushing


def test_a_pulled_state_is_one_document_that_other_tools_can_read(applied):
    ran = applied.run("state", "pull")
    document = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert (document["label"], document["pull"], document["serial"]) == ("demo", 1, 2)
    assert document["state"]["resources"]["gateway"]["id"]
    assert [json.loads(line)["sequence"] for line in document["journal"]] == list(
        range(1, document["head"]["sequence"] + 1)
    )
    journal = "".join(f"{line}\n" for line in document["journal"]).encode()
    assert journal == (applied.state / "demo.journal").read_bytes()
    unseal(ran.out.encode())


def test_a_pull_is_private_and_replaces_only_an_older_pull_of_the_same_state(applied):
    file = applied.path / "demo.pull"
    assert applied.run("state", "pull", "--out", "demo.pull").code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_bytes()
    applied.write_specs("servers: {gateway: {}, second: {}}\n")
    applied.apply()
    assert applied.run("state", "pull", "--out", "demo.pull").code == 0
    assert file.read_bytes() != first
    newer = file.read_bytes()
    shutil.copy(file, applied.path / "newer.pull")
    file.write_bytes(first.replace(b'"lineage": "', b'"lineage": "x'))
    for name in ("demo.pull", "specs/stack.yaml", "state/demo.json", "state/new.json", "missing/demo.pull"):
        applied.assert_fails("state", "pull", "--out", name, code="pull-not-written")
    assert (applied.path / "newer.pull").read_bytes() == newer


def test_a_lost_state_is_restored_from_its_pull_and_nothing_is_bought_again(applied):
    applied.run("state", "pull", "--out", "demo.pull")
    for file in applied.state.glob("demo.*"):
        file.unlink()
    ran = applied.run("state", "push", "demo.pull", "--reason", "the disk is gone")
    assert ran.code == 0, ran.text
    assert "No changes" in applied.run("plan").out
    assert "reason: the disk is gone" in applied.run("history").out
    assert applied.run("history", "--verify").code == 0
    assert applied.bought() == ["gateway"]


def test_a_pull_that_another_program_has_printed_anew_is_still_one(applied):
    document = json.loads(applied.run("state", "pull").out)
    for file in applied.state.glob("demo.*"):
        file.unlink()
    applied.write("demo.pull", json.dumps(document, indent=4))
    assert applied.run("state", "push", "demo.pull").code == 0
    assert "No changes" in applied.run("plan").out


def test_a_state_that_is_in_use_where_it_was_pulled_is_not_pushed_elsewhere(applied):
    applied.run("state", "pull", "--out", "demo.pull")
    said = applied.assert_fails("state", "push", "demo.pull", "--state", "team", code="state-in-use").stderr_text
    assert "state migrate" in said
    assert not (applied.path / "team").exists()


def test_what_must_not_be_pushed_is_refused(applied):
    applied.run("state", "pull", "--out", "demo.pull")
    applied.assert_fails("state", "push", "demo.pull", code="state-exists")
    applied.assert_fails("state", "push", "missing.pull", code="pull-unreadable")
    applied.assert_fails("state", "push", "specs", code="pull-unreadable")
    applied.assert_fails("state", "push", "specs/stack.yaml", code="pull-damaged")
    applied.assert_fails("state", "push", "state/demo.json", code="pull-damaged")
    applied.write_stack(region="cn-southwest-2")
    applied.assert_fails("state", "push", "demo.pull", "--state", "other", code="identity-mismatch")
    applied.write_stack(stack="vision")
    applied.assert_fails("state", "push", "demo.pull", "--state", "other", code="state-foreign")


def test_a_pull_of_a_newer_version_is_not_misread(applied):
    from provisioner.model.document import seal

    content = unseal(applied.run("state", "pull").out.encode())
    (applied.path / "newer.pull").write_bytes(seal(content | {"pull": 2}, tool="9.9.9"))
    applied.assert_fails("state", "push", "newer.pull", "--state", "other", code="pull-format")


def test_an_older_pull_is_refused_with_what_is_newer(applied):
    applied.run("state", "pull", "--out", "demo.pull")
    applied.write_specs("servers: {gateway: {}, second: {}}\n")
    applied.apply()
    for file in applied.state.glob("demo.*"):
        file.unlink()
    said = applied.assert_fails("state", "push", "demo.pull", code="pull-older").stderr_text
    assert "state rebuild --force" in said
    assert applied.bought() == ["gateway", "second"]
