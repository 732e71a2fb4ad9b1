from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.disk import Disk
from provisioner.model.diagnostic import StoreError, UsageError
from provisioner.store import find_location, locate, make_state_folder, open_store
from provisioner.store.folder.files import label_of


def test_a_path_and_its_file_url_are_the_same_place(tmp_path):
    folder = tmp_path / "our state"
    expected = str(folder / "demo.json")
    for location in (folder, str(folder), folder.as_uri(), f"file://localhost{folder.as_uri()[7:]}"):
        assert open_store(location, "demo").location == expected


@pytest.mark.parametrize(
    "location", ["s3://bucket/key", "gs://user:word@host/db", "https://host/state", "file://host/x"]
)
def test_other_places_are_refused_by_name_and_without_their_password(location):
    with pytest.raises(UsageError) as caught:
        open_store(location, "demo")
    (finding,) = caught.value.diagnostics
    assert finding.code == "store-unsupported"
    assert location.split(":")[0] in finding.summary
    assert "word" not in finding.summary


@pytest.mark.parametrize("label", ["../demo", "a/b", "", ".."])
def test_a_label_cannot_lead_out_of_the_folder(tmp_path, label):
    with pytest.raises(UsageError):
        open_store(tmp_path, label)


def test_the_nearest_state_folder_above_the_stack_is_taken(tmp_path):
    stack = tmp_path / "team" / "stack" / "specs"
    stack.mkdir(parents=True)
    (tmp_path / "state").mkdir()
    assert locate(stack) == tmp_path / "state"
    (tmp_path / "team" / "state").mkdir()
    assert locate(stack) == tmp_path / "team" / "state"
    (stack / "state").mkdir()
    assert locate(stack) == stack / "state"


def test_without_one_it_is_to_be_made_beside_the_stack(tmp_path, monkeypatch):
    stack = tmp_path / "stack" / "specs"
    stack.mkdir(parents=True)
    (tmp_path / "state").write_text("a file is no folder")
    assert locate(stack) == tmp_path / "stack" / "state"
    monkeypatch.chdir(stack)
    assert locate(Path()) == tmp_path / "stack" / "state"


@pytest.fixture
def stack(tmp_path):
    """A stack with a state folder beside it and another one above."""
    for folder in ("repo/team/specs", "repo/team/state", "repo/state"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path / "repo" / "team" / "specs"


def codes(location):
    return [finding.code for finding in location.warnings]


def test_an_empty_folder_never_hides_one_above_that_holds_the_state(stack):
    near, above = stack.parent / "state", stack.parent.parent / "state"
    assert find_location(stack, "demo").folder == near
    (near / ".gitignore").write_text("*")
    (near / ".sandbox").mkdir()
    (near / "demo.lock").touch()
    (above / "demo.json").write_text("{}")
    found = find_location(stack, "demo")
    assert (found.folder, codes(found)) == (above, ["state-folder-empty"])
    assert str(near) in found.warnings[0].summary
    assert locate(stack) == near


def test_what_another_stack_keeps_nearer_hides_it_as_little(stack):
    near, above = stack.parent / "state", stack.parent.parent / "state"
    (near / "other.json").write_text("{}")
    (above / "demo.dev.journal").write_text("")
    assert find_location(stack, "demo.dev").folder == above
    assert find_location(stack, "demo.prod").folder == above
    assert find_location(stack, "third").folder == near
    (near / "demo.prod.backup").write_text("{}")
    assert find_location(stack, "demo.prod").folder == near
    assert find_location(stack, "demo.dev").folder == above


def test_of_two_that_hold_it_the_nearer_one_is_taken_and_the_other_named(stack):
    near, above = stack.parent / "state", stack.parent.parent / "state"
    for folder in (near, above):
        (folder / "demo.json").write_text("{}")
    found = find_location(stack, "demo")
    assert (found.folder, codes(found)) == (near, ["state-twice"])
    assert str(above) in found.warnings[0].summary


def test_a_folder_is_found_through_links_and_dots(stack, monkeypatch, tmp_path):
    above = stack.parent.parent / "state"
    (above / "demo.json").write_text("{}")
    (tmp_path / "link").symlink_to(stack)
    assert find_location(tmp_path / "link", "demo").folder == above
    monkeypatch.chdir(stack.parent)
    assert find_location(stack.parent / "state" / ".." / "specs", "demo").folder == above
    (stack.parent / "state").rmdir()
    (stack.parent / "state").symlink_to(above)
    assert find_location(stack, "demo").folder == stack.parent / "state"
    (stack.parent / "state").unlink()
    (stack.parent / "state").symlink_to(stack.parent / "gone")
    assert find_location(stack, "demo").folder == above


def test_a_folder_that_cannot_be_read_may_hold_the_state(stack, monkeypatch):
    (stack.parent.parent / "state" / "demo.json").write_text("{}")
    near = stack.parent / "state"
    listed = Path.iterdir

    def refuse(path):
        if path == near:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert find_location(stack, "demo").folder == near
    with pytest.raises(StoreError, match="cannot read"):
        open_store(near, "demo").siblings()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("demo.prod.json", "demo.prod"),
        ("demo.prod.backup", "demo.prod"),
        ("demo.prod.reserve", "demo.prod"),
        ("DEMO.PROD.JOURNAL", "DEMO.PROD"),
        ("demo.prod.journal-1", "demo.prod"),
        ("demo.prod.journal.1.gz", "demo.prod"),
        ("demo.prod.json~", "demo.prod"),
        ("demo.prod.json.before-20261128T070000.000Z", "demo.prod"),
        ("my.journal.dev.json", "my.journal.dev"),
        (".demo.json", ".demo"),
        ("demo.prod.lock", None),
        (".demo.prod.json.new", None),
        ("demo.jsonnet", None),
        ("...json", None),
        ("notes.txt", None),
    ],
)
def test_what_is_left_of_a_state_names_it(name, label):
    assert label_of(name) == label


@pytest.mark.parametrize("name", ["demo.prod.backup", "DEMO.PROD.JSON", "demo.prod.journal-1", "demo.prod.reserve"])
def test_a_state_of_which_only_something_is_left_may_hold_anything(tmp_path, name):
    (tmp_path / name).write_text("{}")
    assert open_store(tmp_path, "demo.dev").siblings().unread.keys() == {label_of(name)}


def test_a_lock_alone_is_of_a_run_that_recorded_nothing(tmp_path):
    (tmp_path / "demo.prod.lock").touch()
    assert open_store(tmp_path, "demo.dev").siblings() == open_store(tmp_path / "nowhere", "demo.dev").siblings()


@pytest.mark.parametrize("is_there", [False, True])
def test_a_state_folder_that_is_new_or_empty_keeps_its_files_out_of_git(tmp_path, is_there):
    folder = tmp_path / "a" / "state"
    if is_there:
        folder.mkdir(parents=True)
    make_state_folder(Disk(), folder)
    assert (folder / ".gitignore").read_text() == "*\n!.gitignore\n"
    (folder / ".gitignore").unlink()
    (folder / "demo.json").write_text("{}")
    make_state_folder(Disk(), folder)
    assert [path.name for path in folder.iterdir()] == ["demo.json"], "whoever took it away wants it so"
