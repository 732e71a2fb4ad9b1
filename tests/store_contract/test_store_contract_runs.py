"""Runs on every store: the next run knows everything that was confirmed, even after a crash."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.builders import IDENTITY, a_purchase, a_release, a_run, an_address, an_intent

from provisioner.model.action import Action
from provisioner.model.approval import Approval, ApprovedChange
from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Approved, Created, Intended, Remembered, RunEnded, RunStarted
from provisioner.model.resource import Phase
from provisioner.model.state import State
from provisioner.store import StateStore
from provisioner.store.chain import link
from provisioner.store.codec import entry_to_json
from provisioner.store.contract import JOURNAL, START

from .conftest import HOLDER, parts_of


@pytest.fixture
def bought(store, writing):
    """A store after a run that reached its checkpoint, and one that did not."""
    with writing(store) as session:
        session.append(a_run(*a_purchase("trainer[0]"), *a_purchase("trainer[1]"), plan="plan-1"))
        session.checkpoint()
    with writing(store) as session:
        session.append(a_run(a_release("trainer[1]"), *a_purchase("gateway"), plan="plan-2"))
    return StateStore(store)


def addresses(state):
    return {str(address) for address in state.resources}


def test_nothing_is_known_of_a_state_that_was_never_begun(store):
    assert StateStore(store).load() is None
    assert tuple(StateStore(store).history()) == ()
    with pytest.raises(StoreError, match="nothing is recorded"):
        StateStore(store).verify()


def test_what_was_appended_is_known_with_and_without_a_checkpoint(bought):
    state = bought.load()
    assert addresses(state) == {"trainer[0]", "gateway"}
    assert (state.stack, state.environment, state.serial) == ("demo", "dev", 2)


def test_a_journal_begins_with_what_it_is_of(bought):
    first, *others = (record.entry for record in bought.history())
    assert first == Created("demo", "dev", IDENTITY)
    assert not any(isinstance(entry, Created) for entry in others)


def test_every_batch_says_who_wrote_it_and_is_like_no_other(store, writing):
    with writing(store) as session:
        session.append([RunStarted("run-1", "apply", "ana", "0.1.0"), *a_purchase("one")])
        for _ in range(2):
            session.append([Remembered(an_address("one"), Phase.READY)])
        session.append([RunEnded("run-1", "ended")])
    with writing(store) as session:
        session.append([Remembered(an_address("one"), Phase.READY)])
    lines = b"".join(store.log(JOURNAL).read()).splitlines()
    batches = [json.loads(line)["batch"] for line in lines if b'"batch":' in line]
    if not store.requires_checkpoint:
        assert "run" not in batches.pop(0), "the state was created before any run began"
    assert [batch.get("run") for batch in batches] == ["run-1"] * 4 + [None]
    assert [batch["writer"] == batches[0]["writer"] for batch in batches] == [True] * 4 + [False]
    assert len({batch["nonce"] for batch in batches}) == len(batches)


def test_a_journal_that_was_begun_for_another_account_is_refused(store, writing):
    with writing(store) as session:
        session.append(a_run(*a_purchase("one")))
        lineage = session.checkpoint().lineage
    others = entry_to_json(Created("demo", "dev", replace(IDENTITY, account="another")))
    lines, _ = link([others], lineage=lineage, serial=1, head=START, time=1)
    with store.lock(HOLDER, timeout=0) as hold:
        before = parts_of(hold)
        hold.replace(before, lines, before.state)
    if not store.requires_checkpoint:  # the journal is what counts, and a run of the first account is refused later
        assert StateStore(store).load().identity.account == "another"
        return
    with pytest.raises(StoreError, match="was begun for another"):
        StateStore(store).load()
    assert "was begun for another" in StateStore(store.sibling("other")).siblings().unread["demo.dev"]


def test_a_state_that_only_comes_to_the_same_label_is_refused_wherever_it_is_read(store):
    with StateStore(store).write(command="apply", who="ana", timeout=0) as session:
        session.create("demo.dev", None, identity=IDENTITY)
        session.append(a_run(*a_purchase("one")))
        session.checkpoint()
    assert StateStore(store, owner=("demo.dev", None)).load() is not None
    theirs = StateStore(store, owner=("demo", "dev"))
    for read in (
        theirs.load,
        theirs.verify,
        lambda: list(theirs.history()),
        lambda: theirs.write(command="apply", who="ana", timeout=0).__enter__(),
        lambda: theirs.repair(command="state rebuild", who="ana", timeout=0).__enter__(),
    ):
        with pytest.raises(StoreError) as caught:
            read()
        assert caught.value.diagnostics[0].code == "state-foreign"


def test_the_history_is_whole_and_verified(bought):
    history = tuple(bought.history())
    verified = bought.verify()
    assert verified.records == len(history) == bought.load().head.sequence
    assert verified.head == bought.load().head
    assert verified.torn == 0


def test_an_approval_that_a_run_has_begun_is_known_from_then_on(bought, store, writing):
    approval = Approval.of({"changes": {}}, created=1_700_000_000, expires=1_700_086_400, head="0")
    begun = Approved(str(approval), (ApprovedChange(an_address("gateway"), Action.CREATE),))
    with writing(store) as session:
        assert session.state.approvals == {}
        session.append(a_run(begun))
    assert set(bought.load().approvals) == {str(approval)}
    with writing(store) as session:
        session.checkpoint()
        assert not session.state.approvals[str(approval)].is_spent
    assert bought.load().approvals[str(approval)].changes == begun.changes


def test_a_checkpoint_is_written_only_when_something_has_happened(bought, store, writing):
    with writing(store) as session:
        first = session.checkpoint()
        assert session.checkpoint() == first
    assert bought.load() == first


def test_the_lock_keeps_a_second_run_out(bought, store):
    with (
        bought.write(command="apply", who="ana@laptop", timeout=0),
        pytest.raises(StoreError, match="at work"),
        StateStore(store).write(command="apply", who="bob@build", timeout=0),
    ):
        pytest.fail("two runs at once")


def test_a_session_that_is_over_writes_nothing(bought, store, writing):
    with writing(store) as session:
        pass
    with pytest.raises(StoreError):
        session.append(a_purchase("late"))
    assert addresses(bought.load()) == {"trainer[0]", "gateway"}


def test_siblings_are_known_by_what_they_hold_now(bought, opened, writing):
    with writing(opened("demo.prod")) as session:
        session.append(a_purchase("theirs"))
    with writing(opened("demo.test")) as session:
        session.append(a_purchase("tested"))
        session.checkpoint()
        session.append(a_purchase("more"))
    siblings = bought.siblings()
    assert siblings.unread == {}
    assert {label: addresses(state) for label, state in siblings.states.items()} == {
        "demo.prod": {"theirs"},
        "demo.test": {"tested", "more"},
    }


def test_of_siblings_only_what_follows_their_checkpoint_is_read(bought, opened, writing, monkeypatch):
    with writing(opened("demo.prod")) as session:
        for number in range(300):
            session.append(a_purchase(f"server-{number}"))
        session.checkpoint()
        session.append(a_purchase("last"))
    read = []
    log = type(opened("demo.prod").log(JOURNAL))
    original = log.read
    monkeypatch.setattr(log, "read", lambda self, *at: (read.append(piece) or piece for piece in original(self, *at)))
    state = bought.siblings().states["demo.prod"]
    assert len(state.resources) == 301
    assert b"".join(read).count(b"\n") == 1 + len(a_purchase("last"))


def test_a_damaged_journal_is_refused_and_mended(bought, store):
    """A rebuild keeps everything that is still readable."""
    with store.lock(HOLDER, timeout=0) as hold:
        before = parts_of(hold)
        hold.replace(before, before.journal.replace(b"gateway", b"gatewax"), before.state)
    with pytest.raises(StoreError) as caught:
        bought.load()
    assert caught.value.diagnostics[0].code == "journal-damaged"
    with bought.repair(command="state rebuild", who="ana", timeout=0) as repair:
        salvaged = repair.salvaged
        assert salvaged.damage
        assert an_address("trainer[0]") in salvaged.resources
        anew = State("demo", "dev", salvaged.lineage, salvaged.serial + 1, salvaged.identity)
        repair.replace(anew, [Intended(an_intent("anew"))])
    state = bought.load()
    assert [intent.id for intent in state.in_doubt] == ["intent-for-anew"]
    assert (state.lineage, state.serial) == (salvaged.lineage, salvaged.serial + 1)
