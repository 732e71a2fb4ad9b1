"""The history as an auditor reads it: runs, what each bought and why, nothing cut and nothing that could steer a terminal."""

from __future__ import annotations

import json
import re

from support.builders import a_purchase, a_release, a_run, an_address, an_intent

from provisioner.model.canonical import canonical
from provisioner.model.history import HistoryRecord, VerifiedJournal, with_context
from provisioner.model.journal import Adopted, Intended, RunEnded, RunStarted, Settled
from provisioner.model.state import JournalHead
from provisioner.rendering.history import history_document, render_history, render_verified, verified_document
from provisioner.rendering.style import Style

NOON = 1_795_435_200_000  # 2026-11-23T12:00:00Z
PLAIN = Style(color=False, width=40)
STARTED = RunStarted("run-1", "apply", "ana@laptop", "0.1.0", plan="db56d9ce07d3" + "0" * 52, reason="more trainers")


def read(*entries, began=NOON):
    return tuple(
        with_context(
            [
                HistoryRecord(number, began + 1_000 * number, f"{number:064x}", one)
                for number, one in enumerate(entries, 1)
            ]
        )
    )


def test_a_run_stands_over_what_it_did():
    history = read(STARTED, *a_purchase("trainer[0]"), *a_purchase("gateway"), RunEnded("run-1", "ended"))
    assert render_history(history, PLAIN) == (
        "2026-11-23T12:00:01Z  apply by ana@laptop, plan db56d9ce07d3\n"
        "  reason: more trainers\n"
        "  2026-11-23T12:00:03Z  ordered           trainer[0]  id=id-of-trainer[0] order=CS1 request=request-1\n"
        "  2026-11-23T12:00:06Z  ordered           gateway     id=id-of-gateway order=CS1 request=request-1\n"
    )


def test_runs_and_what_happened_outside_of_them_are_set_apart():
    decided = Settled("intent-for-gateway", "absent", "decided by bob@build: I looked")
    history = read(STARTED, Intended(an_intent("gateway")), RunEnded("run-1", "interrupted"), decided)
    assert render_history(history, PLAIN) == (
        "2026-11-23T12:00:01Z  apply by ana@laptop, plan db56d9ce07d3, interrupted\n"
        "  reason: more trainers\n"
        "  2026-11-23T12:00:02Z  in doubt          gateway  a purchase was sent, and no answer is recorded; settled later\n"
        "\n"
        "2026-11-23T12:00:04Z  outside of a run\n"
        "  2026-11-23T12:00:04Z  settled absent    gateway  decided by bob@build: I looked\n"
    )


def test_a_run_that_died_is_told_apart_from_one_that_is_at_work():
    history = read(STARTED, Intended(an_intent()))
    assert "plan db56d9ce07d3, its end is not recorded\n" in render_history(history, PLAIN)
    assert "plan db56d9ce07d3, at work\n" in render_history(history, PLAIN, at_work=True)


def test_an_earlier_run_is_not_at_work_because_a_later_one_is():
    second = RunStarted("run-2", "destroy", "bob@build", "0.1.0")
    text = render_history(read(STARTED, second), PLAIN, at_work=True)
    assert "plan db56d9ce07d3, its end is not recorded" in text
    assert "destroy by bob@build, at work" in text


def test_one_address_is_told_with_the_runs_that_touched_it():
    second = RunStarted("run-2", "destroy", "bob@build", "0.1.0")
    history = read(
        *a_run(*a_purchase("gateway"), *a_purchase("trainer[0]")), second, a_release("gateway"), *a_run(run="run-3")
    )
    text = render_history(history, PLAIN, address=an_address("gateway"))
    assert re.findall(r"ordered|released", text) == ["ordered", "released"]
    assert text.count(" by ") == 2
    assert "trainer" not in text


def test_every_run_is_told_even_one_that_did_nothing():
    assert render_history(read(STARTED, RunEnded("run-1", "ended")), PLAIN).count("apply by ana@laptop") == 1


def test_no_id_is_cut_however_narrow_the_terminal():
    found = Adopted("intent-for-gateway", "i" * 64, "the only match", order_id="C" * 64)
    text = render_history(read(Intended(an_intent("gateway")), found), Style(color=False, width=20))
    assert f"id={'i' * 64} order={'C' * 64}  the only match\n" in text


def test_nothing_that_people_or_the_cloud_wrote_reaches_the_terminal_as_it_is():
    evil = "\x1b[2J\n\u202eevil"
    started = RunStarted("run-1", evil, evil, "0.1.0", plan=evil, reason=evil)
    refused = Settled("intent-for-gateway", "refused", evil, code=evil, request_id=evil)
    history = read(started, Intended(an_intent("gateway")), refused, RunEnded("run-1", evil))
    text = render_history(history, PLAIN)
    assert text.count("\n") == 3
    assert text.replace("\n", "").isprintable()
    assert json.loads(canonical(history_document(history)))["records"][2]["entry"]["evidence"] == evil


def test_colours_say_nothing_that_the_words_do_not_say():
    history = read(STARTED, *a_purchase(), Intended(an_intent("gateway")))
    colourful = render_history(history, Style(color=True))
    assert re.sub(r"\x1b\[\d+m", "", colourful) == render_history(history, PLAIN)
    assert colourful != render_history(history, PLAIN)


def test_machines_get_every_record_whole():
    history = read(STARTED, *a_purchase(), RunEnded("run-1", "ended"))
    document = history_document(history)
    assert document["format_version"] == "2.0"
    assert [record["type"] for record in document["records"]] == [
        "run_started", "intended", "answered", "remembered", "run_ended",
    ]  # fmt: skip
    answered = document["records"][2]
    assert answered == {
        "sequence": 3,
        "time": "2026-11-23T12:00:03.000Z",
        "hash": f"{3:064x}",
        "type": "answered",
        "address": "trainer[0]",
        "addresses": ["trainer[0]"],
        "who": "ana@laptop",
        "run": "run-1",
        "command": "apply",
        "reason": "more trainers",
        "caller": None,
        "entry": {
            "intent": "intent-for-trainer[0]",
            "status": 200,
            "request_id": "request-1",
            "id": "id-of-trainer[0]",
            "order_id": "CS1",
        },
    }
    assert canonical(document)


def test_machines_get_no_fingerprint():
    document = history_document(read(Intended(an_intent())))
    assert document["records"][0]["entry"]["intent"]["request"]["body"]["admin_pass"] == "(sensitive)"
    assert document["records"][0]["who"] == "ana@laptop"
    assert b"f0" not in canonical(document["records"][0]["entry"])


def test_machines_may_ask_for_one_address():
    history = read(*a_run(*a_purchase("gateway"), *a_purchase("trainer[0]")))
    records = history_document(history, address=an_address("gateway"))["records"]
    assert [record["type"] for record in records] == ["intended", "answered", "remembered"]
    assert {record["address"] for record in records} == {"gateway"}


def test_a_time_that_no_calendar_knows_is_a_number():
    assert f"{10**18 + 1_000} ms  ordered" in render_history(read(*a_purchase(), began=10**18 - 1_000), PLAIN)


VERIFIED = VerifiedJournal(
    records=8,
    first=NOON,
    last=NOON + 61_000,
    head=JournalHead(8, "ab" * 32),
    lineage="6f0c9b1e",
    serial=2,
    checkpoint=JournalHead(5, "cd" * 32),
    torn=0,
)


def test_a_whole_journal_is_told_with_the_hash_to_note_elsewhere():
    assert render_verified(VERIFIED, PLAIN) == (
        "The journal is intact: 8 records.\n"
        "  from     2026-11-23T12:00:00Z to 2026-11-23T12:01:01Z\n"
        f"  head     8 {'ab' * 32}\n"
        "  lineage  6f0c9b1e\n"
        "The state, serial 2, is the result of its first 5 records.\n"
        "3 records came after it: every command reads them, and the next apply writes them into the state.\n"
    )


def test_an_empty_journal_and_a_torn_one_are_told():
    empty = VerifiedJournal(
        records=0, first=None, last=None, head=JournalHead(), lineage="x", serial=1, checkpoint=JournalHead(), torn=15
    )
    text = render_verified(empty, PLAIN)
    assert "0 records" in text
    assert "from" not in text
    assert "15 bytes of an unfinished record" in text


def test_the_proof_as_a_document():
    assert verified_document(VERIFIED) == {
        "format_version": "2.0",
        "verified": True,
        "records": 8,
        "first": "2026-11-23T12:00:00.000Z",
        "last": "2026-11-23T12:01:01.000Z",
        "head": {"sequence": 8, "hash": "ab" * 32},
        "lineage": "6f0c9b1e",
        "serial": 2,
        "checkpoint": {"sequence": 5, "hash": "cd" * 32},
        "torn_bytes": 0,
    }
