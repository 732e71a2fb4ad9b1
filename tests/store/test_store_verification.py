"""A history that can be believed is told from one that cannot, also where every run would still go on."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import IDENTITY, a_purchase, a_run

from provisioner.model.canonical import canonical, digest, readable
from provisioner.model.diagnostic import StoreError
from provisioner.store import open_store


def resealed(data, change):
    document = json.loads(data)
    document.pop("checksum")
    change(document)
    return readable({**document, "checksum": digest(document)})


def rechained(lines, change):
    """The records from the first on, changed and linked anew, as whoever can compute SHA-256 could."""
    previous = json.loads(lines[0])["previous"]
    for number, line in enumerate(lines):
        record = json.loads(line)
        record.pop("hash")
        change(number, record)
        body = canonical({**record, "previous": previous})
        previous = hashlib.sha256(body).hexdigest()
        yield body[:-1] + b',"hash":"' + previous.encode() + b'"}\n'


def test_a_whole_history_is_told_by_its_ends(kept, store):
    verified = store.verify()
    records = list(store.history())
    assert (verified.records, verified.first, verified.last) == (9, records[0].time, records[-1].time)
    assert verified.head == store.load().head
    assert (verified.serial, verified.checkpoint.sequence) == (2, 6)
    assert verified.lineage == store.load().lineage
    assert verified.torn == 0


def test_the_head_is_the_hash_of_the_last_record(kept, store):
    assert store.verify().head.hash == list(store.history())[-1].hash


def test_a_state_without_a_run_has_an_empty_history(store, writing):
    with writing():
        pass
    verified = store.verify()
    assert (verified.records, verified.first, verified.last, verified.head.sequence) == (0, None, None, 0)


def test_nothing_recorded_is_no_proof_of_anything(store):
    with pytest.raises(StoreError) as caught:
        store.verify()
    assert caught.value.diagnostics[0].code == "nothing-recorded"


def test_a_torn_record_is_told_and_is_no_damage(kept, store):
    with (kept / "demo.dev.journal").open("ab") as journal:
        journal.write(b'{"type":"run_st')
    assert store.verify().torn == 15


def test_a_sealed_state_that_the_journal_does_not_lead_to_is_found(kept, store):
    """Every run believes it: the seal fits."""
    state = kept / "demo.dev.json"

    def move(document):
        document["resources"]["trainer[0]"]["id"] = "id-of-another"

    state.write_bytes(resealed(state.read_bytes(), move))
    assert store.load() is not None
    with pytest.raises(StoreError) as caught:
        store.verify()
    (finding,) = caught.value.diagnostics
    assert finding.code == "journal-contradicts"
    assert f"{state} tells trainer[0] otherwise than the first 6 records of demo.dev.journal" in finding.summary
    assert "state rebuild" in finding.hint


def test_a_chain_that_was_forged_as_a_whole_does_not_lead_to_the_state(kept, store):
    journal, state = kept / "demo.dev.journal", kept / "demo.dev.json"

    def erase(number, record):
        if number == 2:
            record["intent"]["address"] = "other"

    lines = list(rechained(journal.read_bytes().splitlines(), erase))
    journal.write_bytes(b"".join(lines))
    head = json.loads(lines[5])["hash"]
    state.write_bytes(resealed(state.read_bytes(), lambda document: document["head"].update(hash=head)))
    with pytest.raises(StoreError) as caught:
        store.verify()
    (finding,) = caught.value.diagnostics
    assert finding.code == "journal-contradicts"
    assert (finding.source.file, finding.source.line) == (str(journal), 5)
    assert "which nobody bought" in finding.summary


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder, and the bytes of its whole state and journal."""
    folder = tmp_path_factory.mktemp("small")
    with open_store(folder, "demo.dev").write(command="apply", who="ana", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(a_run(*a_purchase()))
        session.checkpoint()
    files = [folder / "demo.dev.json", folder / "demo.dev.journal"]
    return folder, {path: path.read_bytes() for path in files}


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_whatever_is_altered_is_found_and_named(small, data):
    folder, whole = small
    for path, content in whole.items():
        path.write_bytes(content)
    path = data.draw(st.sampled_from(sorted(whole)))
    content = whole[path]
    at = data.draw(st.integers(0, len(content) - 1))
    how = data.draw(st.sampled_from(["flip", "cut", "insert", "drop"]))
    altered = {
        "flip": content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :],
        "cut": content[:at],
        "insert": content[:at] + data.draw(st.binary(min_size=1, max_size=9)) + content[at:],
        "drop": content[:at] + content[at + data.draw(st.integers(1, 99)) :],
    }[how]
    path.write_bytes(altered)
    store = open_store(folder, "demo.dev")
    if altered == content or (path.suffix == ".journal" and altered == content.removesuffix(b"\n")):
        assert store.verify().records == whole[folder / "demo.dev.journal"].count(b"\n")
        return
    if path.suffix == ".journal" and altered.startswith(content):
        return  # a torn record after the last, or damage: both are told elsewhere
    with pytest.raises(StoreError) as caught:
        store.verify()
    (finding,) = caught.value.diagnostics
    assert path.name in finding.summary
    assert "Nothing was changed" in finding.hint
