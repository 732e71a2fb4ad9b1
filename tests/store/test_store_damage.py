"""A file that cannot be trusted is refused with its name, what was found and what to do; it never means "nothing owned"."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import pytest
from support.builders import IDENTITY, a_purchase, a_recorded, a_state

from provisioner.model.canonical import canonical, digest, readable
from provisioner.model.diagnostic import StoreError
from provisioner.model.document import seal
from provisioner.store import open_store
from provisioner.store.codec import state_to_json


@pytest.fixture
def state_file(kept):
    return kept / "demo.dev.json"


@pytest.fixture
def journal(kept):
    return kept / "demo.dev.journal"


@pytest.fixture
def refused(store, writing, kept):
    """Loading and writing refuse alike and leave every file as it is; gives the finding."""

    def refuse(code):
        before = {path.name: path.read_bytes() for path in kept.iterdir() if path.suffix != ".lock"}
        with pytest.raises(StoreError) as caught:
            store.load()
        with pytest.raises(StoreError) as again, writing():
            pytest.fail("a damaged state was opened for writing")
        assert {path.name: path.read_bytes() for path in kept.iterdir() if path.suffix != ".lock"} == before
        assert again.value.diagnostics == caught.value.diagnostics
        (finding,) = caught.value.diagnostics
        assert finding.code == code
        assert "Nothing was changed" in finding.hint
        return finding

    return refuse


def resealed(data, **changed):
    document = json.loads(data) | changed
    document.pop("checksum")
    return readable({**document, "checksum": digest(document)})


def relinked(line, **changed):
    """The same record with other content and a hash that fits it."""
    fields = json.loads(line) | changed
    fields.pop("hash")
    body = canonical(fields)
    return body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"\0" * 512, "NUL"),
        (b"{}", "format"),
        (b"[]", "no object"),
        (b"not json", "no JSON"),
        (b'{"format": "1"}', "format"),
        (b'{"format": true}', "format"),
        (b'{"format": 4.5}', "format"),
        (b'{"format": -1}', "format"),
        (b'{"format": 1}', "checksum"),
        (b'{"format": 1, "a": ' + b"[" * 500 + b"]" * 500 + b"}", "never writes"),
        (b'{"format": 1, "a": ' + b"[" * 100_000, "no JSON"),
        (b"\xff\xfe", "no JSON"),
    ],
)
def test_a_state_file_that_is_none_is_damage(state_file, refused, content, word):
    state_file.write_bytes(content)
    finding = refused("state-damaged")
    assert str(state_file) in finding.summary
    assert word in finding.summary
    assert "demo.dev.backup" in finding.hint


def test_half_a_state_file_is_damage(state_file, refused):
    state_file.write_bytes(state_file.read_bytes()[:300])
    refused("state-damaged")


def test_something_after_the_end_is_damage(state_file, refused):
    state_file.write_bytes(state_file.read_bytes() + b"{}")
    refused("state-damaged")


def test_an_altered_id_is_noticed(state_file, refused):
    state_file.write_bytes(state_file.read_bytes().replace(b"id-of-trainer[0]", b"id-of-trainer[1]"))
    assert "checksum" in refused("state-damaged").summary


def test_a_second_empty_list_of_resources_is_noticed_by_its_name(state_file, refused):
    state_file.write_bytes(state_file.read_bytes().replace(b'"serial":', b'"resources": {},\n  "serial":'))
    assert "'resources' twice" in refused("state-damaged").summary


def test_the_same_content_in_another_layout_is_noticed(state_file, refused):
    state_file.write_bytes(json.dumps(json.loads(state_file.read_bytes())).encode())
    assert "layout" in refused("state-damaged").summary


def test_a_newer_format_is_refused_with_the_version_that_wrote_it(state_file, refused):
    state_file.write_bytes(resealed(state_file.read_bytes(), format=99, tool="9.9.9"))
    finding = refused("state-format")
    assert "9.9.9" in finding.summary
    assert "that version" in finding.hint


def test_a_key_that_this_version_does_not_know_is_refused(state_file, refused):
    state_file.write_bytes(resealed(state_file.read_bytes(), novelty=1))
    assert "novelty" in refused("state-format").summary


@pytest.mark.parametrize(
    "changed", [{"serial": "2"}, {"serial": 0}, {"resources": {"no address": {}}}, {"lineage": ""}]
)
def test_a_sealed_state_that_is_no_valid_state_is_damage(state_file, refused, changed):
    state_file.write_bytes(resealed(state_file.read_bytes(), **changed))
    refused("state-damaged")


def test_one_server_under_two_addresses_is_damage(state_file, journal, refused):
    state = a_state(a_recorded("one", id="same"), a_recorded("two", id="same"))
    state_file.write_bytes(seal(state_to_json(state), tool="0.1.0"))
    assert "same belongs to 2 addresses" in refused("state-damaged").summary


@pytest.mark.parametrize("changed", [{"stack": "other"}, {"environment": "prod"}, {"environment": None}])
def test_the_state_of_something_else_is_foreign(state_file, refused, changed):
    state_file.write_bytes(resealed(state_file.read_bytes(), **changed))
    assert "not of demo.dev" in refused("state-foreign").summary


def test_a_missing_state_beside_a_journal_is_not_a_first_run(state_file, refused):
    state_file.unlink()
    finding = refused("state-missing")
    assert "demo.dev.journal" in finding.summary
    assert "demo.dev.backup" in finding.hint


def test_nor_is_a_missing_state_beside_its_backup(state_file, journal, refused):
    state_file.unlink()
    journal.unlink()
    assert "demo.dev.backup" in refused("state-missing").summary


@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_a_missing_journal_is_noticed_by_the_state(journal, refused, how):
    if how == "removed":
        journal.unlink()
    else:
        journal.write_bytes(b"")
    assert str(journal) in refused("journal-missing").summary


def test_a_journal_that_is_shorter_than_the_state_remembers_is_damage(journal, refused):
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:3]))
    finding = refused("journal-damaged")
    assert "line 3" in finding.summary
    assert "first 6 records" in finding.summary


def test_a_record_in_the_middle_that_was_altered_is_named_by_its_line(journal, refused):
    journal.write_bytes(journal.read_bytes().replace(b'"status":200', b'"status":201', 1))
    finding = refused("journal-damaged")
    assert "line 4" in finding.summary
    assert (finding.source.file, finding.source.line) == (str(journal), 4)


@pytest.mark.parametrize("insert", [b"\n", b"hello\n", b"{}\n", b"\0" * 100 + b"\n"])
def test_a_line_that_is_no_record_is_damage(journal, refused, insert):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:6], insert, *lines[6:]]))
    assert "line 7" in refused("journal-damaged").summary


def test_a_removed_record_is_noticed_by_the_next(journal, refused):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:1] + lines[2:]))
    assert "record 3 where record 2 belongs" in refused("journal-damaged").summary


def test_a_repeated_record_is_noticed(journal, refused):
    journal.write_bytes(journal.read_bytes() + journal.read_bytes().splitlines(keepends=True)[-1])
    refused("journal-damaged")


def test_a_record_with_a_fitting_hash_of_its_own_breaks_the_chain(journal, refused):
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[1] = relinked(lines[1], time=1)
    journal.write_bytes(b"".join(lines))
    assert "does not follow from the record on line 2" in refused("journal-damaged").summary


def test_the_journal_of_another_state_is_noticed_at_its_first_line(tmp_path, journal, writing, refused):
    other = open_store(tmp_path / "other", "demo.dev")
    with writing(other) as session:
        session.append(a_purchase())
    shutil.copy(tmp_path / "other" / "demo.dev.journal", journal)
    assert "line 1: does not follow from this state's lineage" in refused("journal-damaged").summary


def test_a_history_that_went_another_way_is_noticed(tmp_path, kept, store, writing, refused):
    """Two copies of one state, each with a run of its own: neither journal fits the other's state."""
    shutil.copytree(kept, tmp_path / "copy")
    for folder in (kept, tmp_path / "copy"):
        with writing(open_store(folder, "demo.dev")) as session:
            session.append(a_purchase(f"from-{folder.name}"))
            session.checkpoint()
    shutil.copy(tmp_path / "copy" / "demo.dev.journal", kept / "demo.dev.journal")
    assert "not of one history" in refused("journal-damaged").summary


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type": "teleported"}, "journal-format"),
        ({"type": 7}, "journal-format"),
        ({"novelty": True}, "journal-format"),
        ({"phase": "asleep"}, "journal-damaged"),
        ({"address": "no address"}, "journal-damaged"),
        ({"address": "ghost"}, "journal-damaged"),
        ({"id": "id-of-trainer[0]"}, "journal-damaged"),
    ],
)
def test_a_well_linked_record_that_makes_no_sense_is_refused(journal, refused, store, changed, code):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + relinked(lines[-1], **changed))
    assert "line 9" in refused(code).summary


def test_history_names_the_line_it_cannot_read(journal, store):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + relinked(lines[-1], type="teleported"))
    with pytest.raises(StoreError):
        list(store.history())


def test_a_symbolic_link_is_not_followed(state_file, refused, tmp_path):
    state_file.rename(tmp_path / "elsewhere.json")
    state_file.symlink_to(tmp_path / "elsewhere.json")
    assert "symbolic links" in refused("store-unreadable").hint


def test_a_pipe_in_the_place_of_a_file_is_not_waited_on(state_file, store):
    state_file.unlink()
    os.mkfifo(state_file)
    with pytest.raises(StoreError):
        store.load()


def test_a_record_torn_by_a_crash_is_ignored_and_cut_off_by_the_next_run(journal, store, writing):
    whole = journal.read_bytes()
    known = store.load()
    journal.write_bytes(whole + whole.splitlines()[-1][:50])
    assert store.load() == known
    with writing() as session:
        assert session.state == known
        session.append(a_purchase("two"))
    assert journal.read_bytes().startswith(whole)
    assert [record.sequence for record in store.history()] == list(range(1, 13))


def test_a_last_record_that_lacks_only_its_newline_counts_and_gets_it(journal, store, writing):
    whole = journal.read_bytes()
    known = store.load()
    journal.write_bytes(whole[:-1])
    assert store.load() == known
    with writing() as session:
        session.append(a_purchase("two"))
        session.append(a_purchase("three"))
    assert journal.read_bytes().startswith(whole)
    assert [record.sequence for record in store.history()] == list(range(1, 16))


@pytest.mark.parametrize(
    "garbage", [b"x", b"{}", b"hello", b"\0\0\0\0", b'{"a":x', b'{"a":"\0\0\0', b'{"a":1}', b"[1", b"1"]
)
def test_garbage_at_the_end_is_no_torn_record(journal, refused, garbage):
    journal.write_bytes(journal.read_bytes() + garbage)
    assert "line 10" in refused("journal-damaged").summary


def test_a_state_without_a_journal_is_fine_before_anything_happened(store, folder, writing):
    with writing():
        pass
    assert store.load().serial == 1
    assert store.load().identity == IDENTITY
