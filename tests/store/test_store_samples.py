"""A state and journal of every format ever released stay readable. The files in samples/ are never edited."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import get_args

import pytest
from support.builders import IDENTITY, a_purchase, a_recorded, a_release, a_run, an_address, an_intent

from provisioner.model.action import Action
from provisioner.model.approval import Approval, ApprovedChange
from provisioner.model.diagnostic import StoreError
from provisioner.model.flow import Effect
from provisioner.model.journal import (
    Adopted,
    Approved,
    Arrived,
    Arriving,
    Created,
    Entry,
    Fenced,
    Imported,
    Intended,
    Listed,
    Moved,
    Relocated,
    Renamed,
    RunStarted,
    Settled,
    Stated,
)
from provisioner.model.resource import Phase
from provisioner.model.state import Member
from provisioner.store import open_store
from provisioner.store.chain import CHAIN_KEYS

SAMPLES = Path(__file__).parent / "samples"
NEWEST = "10"
"""1: the first. 2: each line of the journal names the serial beside it, and the first one the lineage; an intent names members.
3: servers are taken over and moved. 4: specs state what is true already.
5: a run notes what was listed before it bought. 6: the journal says what it is of, and each batch who wrote it.
7: a run says which approval it carries out.
8: a state was renamed. 9: a run took over the lock of another, and a run says how much it has planned.
10: it was moved to another place.
"""
CREATED = Created("demo", "dev", IDENTITY)
FIRST_RUN = a_run(
    *a_purchase('module.vision.pool["größe"]'),
    *a_purchase("trainer[0]"),
    Intended(an_intent("trainer[1]")),
    Adopted("intent-for-trainer[1]", "id-7", "the only match", order_id="CS7"),
    Intended(an_intent("trainer[2]")),
    Settled("intent-for-trainer[2]", "refused", "sold out", status=400, code="ModelArts.50005015", request_id="r"),
    plan="plan-1",
)
SECOND_RUN = (
    a_release("trainer[0]"),
    Intended(an_intent('module.vision.pool["größe"]', id="release-1", effect=Effect.DESTRUCTIVE, target_id="id-1")),
    Intended(an_intent("gateway")),
)
SINCE_2 = (
    Intended(
        an_intent(
            "pool[0]", members=(Member(an_address("pool[0]"), "a", {"rack": "1"}), Member(an_address("pool[1]"), "b"))
        )
    ),
)
SINCE_3 = (
    Imported(a_recorded("edge", order_id="CS9", protected=True), "named by imports in the specs"),
    Moved(an_address("trainer[1]"), an_address("worker[1]")),
)
SINCE_4 = (
    Stated(an_address("edge"), {"name": "edge", "arch": "X86"}, {"availability_zone": "az-1"}, {"flavor": "SI2"}),
)
SINCE_5 = (Listed(("id-7", "id-of-edge")), Intended(an_intent("late")))
APPROVAL = str(Approval.of({"changes": {}}, created=1_700_000_000, expires=1_700_086_400, head="0"))
SINCE_7 = (
    RunStarted("run-7", "apply", "ana@laptop", "0.1.0", approval=APPROVAL),
    Approved(
        APPROVAL,
        (
            ApprovedChange(an_address("approved"), Action.CREATE, None, "digest"),
            ApprovedChange(an_address("edge"), Action.MOVE, "id-of-edge", "digest", an_address("border")),
        ),
    ),
    Intended(an_intent("approved", approval=APPROVAL)),
)
SINCE_8 = (Renamed("demo", "dev", "demo"),)
SINCE_9 = (
    Fenced(2, "0b" * 16, "bob@build", "ana@laptop: `apply`, process 7 on laptop, since 2026-11-28T10:00:00Z"),
    RunStarted("run-9", "apply", "bob@build", "0.1.0", planned={"create": 500}),
)

SINCE_10 = (Arriving("/home/ana/state"), Arrived("/home/ana/state"))


def tell(store):
    """How a sample was made: a run with its checkpoint, and one that died before its own."""
    with store.write(command="apply", who="ana@laptop", timeout=0) as session:
        session.create("demo", "dev", identity=IDENTITY)
        session.append(FIRST_RUN)
        session.checkpoint()
        session.append((*SECOND_RUN, *SINCE_2, *SINCE_3, *SINCE_4, *SINCE_5, *SINCE_7, *SINCE_8, *SINCE_9, *SINCE_10))


@pytest.mark.parametrize(
    ("version", "rest", "moved_to"),
    [
        ("1", (), "trainer"),
        ("2", SINCE_2, "trainer"),
        ("3", (*SINCE_2, *SINCE_3), "worker"),
        ("4", (*SINCE_2, *SINCE_3, *SINCE_4), "worker"),
        ("5", (*SINCE_2, *SINCE_3, *SINCE_4, *SINCE_5), "worker"),
        ("6", (*SINCE_2, *SINCE_3, *SINCE_4, *SINCE_5), "worker"),
        ("7", (*SINCE_2, *SINCE_3, *SINCE_4, *SINCE_5, *SINCE_7), "worker"),
        ("8", (*SINCE_2, *SINCE_3, *SINCE_4, *SINCE_5, *SINCE_7, *SINCE_8), "worker"),
        ("9", (*SINCE_2, *SINCE_3, *SINCE_4, *SINCE_5, *SINCE_7, *SINCE_8, *SINCE_9), "worker"),
        ("10", (*SINCE_2, *SINCE_3, *SINCE_4, *SINCE_5, *SINCE_7, *SINCE_8, *SINCE_9, *SINCE_10), "worker"),
    ],
)
def test_a_sample_is_read_as_it_was_meant(tmp_path, version, rest, moved_to):
    for file in (SAMPLES / version).iterdir():
        shutil.copy(file, tmp_path)
    store = open_store(tmp_path, "demo.dev")
    state = store.load()
    assert state.serial == 2
    assert {address: (one.id, one.phase) for address, one in state.resources.items()} == {
        an_address('module.vision.pool["größe"]'): ('id-of-module.vision.pool["größe"]', Phase.READY),
        an_address(f"{moved_to}[1]"): ("id-7", Phase.CREATING),
    } | ({an_address("edge"): ("id-of-edge", Phase.READY)} if int(version) >= 3 else {})
    new = [] if version == "1" else ["intent-for-pool[0]"]
    late = ["intent-for-late"] if int(version) >= 5 else []
    approved = ["intent-for-approved"] if int(version) >= 7 else []
    assert [intent.id for intent in state.in_doubt] == [*approved, "intent-for-gateway", *late, *new, "release-1"]
    assert [use.changes for use in state.approvals.values()] == [SINCE_7[1].changes] * len(approved)
    assert [intent.listed for intent in state.in_doubt if intent.listed] == [("id-7", "id-of-edge")] * len(late)
    created = (CREATED,) if int(version) >= 6 else ()
    assert tuple(record.entry for record in store.history()) == (*created, *FIRST_RUN, *SECOND_RUN, *rest)


@pytest.mark.parametrize("version", ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"])
def test_a_run_goes_on_with_a_sample_and_notes_once_what_it_is_of(tmp_path, version):
    for file in (SAMPLES / version).iterdir():
        shutil.copy(file, tmp_path)
    store = open_store(tmp_path, "demo.dev")
    before = store.load()
    for address in ("one", "two"):
        with store.write(command="apply", who="ana@laptop", timeout=0) as session:
            session.append(a_run(*a_purchase(address)))
            session.checkpoint()
    after = store.load()
    assert set(after.resources) == {*before.resources, an_address("one"), an_address("two")}
    assert (after.lineage, after.serial) == (before.lineage, before.serial + 2)
    assert [record.entry for record in store.history() if isinstance(record.entry, Created)] == [CREATED]
    assert store.verify().torn == 0


def test_the_newest_sample_is_what_this_version_writes(tmp_path):
    """Fails when the written form changes: then add a sample; and where old readers would misread it, a new format number."""
    store = open_store(tmp_path, "demo.dev")
    tell(store)
    for file in (SAMPLES / NEWEST).iterdir():
        assert keys_of(tmp_path / file.name) == keys_of(file)


def test_the_sample_holds_an_entry_of_every_type_that_may_be_followed_by_another():
    samples = (CREATED, *FIRST_RUN, *SECOND_RUN, *SINCE_3, *SINCE_4, *SINCE_5, *SINCE_7, *SINCE_8, *SINCE_9, *SINCE_10)
    assert {type(entry) for entry in samples} == set(get_args(Entry)) - {Relocated}


def test_the_sample_of_a_state_that_was_moved_is_refused_with_its_new_place_and_its_history_is_read(tmp_path):
    for file in (SAMPLES / "relocated").iterdir():
        shutil.copy(file, tmp_path)
    store = open_store(tmp_path, "demo.dev")
    with pytest.raises(StoreError) as caught:
        store.load()
    (finding,) = caught.value.diagnostics
    assert finding.code == "state-relocated"
    assert "/srv/states" in finding.summary
    assert [record.entry for record in store.history()][-1] == Relocated("/srv/states")
    assert store.verify().torn == 0


def test_no_entry_has_a_field_that_every_record_has():
    for entry in get_args(Entry):
        assert not CHAIN_KEYS & entry.__dataclass_fields__.keys(), entry


def keys_of(path):
    """Every key that stands in the file, in order; values such as hashes and times differ from day to day."""
    return re.findall(rb'"[^"]+":', path.read_bytes())
