"""The journal as a story: everything that cost, freed or decided something is told once, with what it was about."""

from __future__ import annotations

import pytest
from hypothesis import given
from support.builders import a_purchase, a_recorded, a_release, a_run, an_address, an_intent
from support.strategies import histories

from provisioner.model.audit_event import AuditEventType
from provisioner.model.audit_events import audit_events
from provisioner.model.flow import Effect
from provisioner.model.history import HistoryRecord, with_context
from provisioner.model.journal import (
    Adopted,
    Answered,
    Forgotten,
    Imported,
    Intended,
    Moved,
    Remembered,
    RunEnded,
    RunStarted,
    Settled,
)
from provisioner.model.resource import Phase

ADDRESS = an_address()
INTENT = an_intent()


def read(*entries):
    records = [HistoryRecord(number, 1_000 * number, f"{number:064x}", one) for number, one in enumerate(entries)]
    return tuple(with_context(records))


def story(*entries):
    return [(deed.type, deed.detail) for deed in audit_events(read(*entries))]


def only(*entries):
    *_, last = audit_events(read(*entries))
    return last


def a_release_asked(**facts):
    return an_intent(id="release-1", effect=Effect.DESTRUCTIVE, target_id="id-of-trainer[0]", **facts)


def test_a_purchase_and_its_build_are_one_deed_told_when_it_was_answered():
    (bought,) = audit_events(read(*a_run(*a_purchase())))
    assert (bought.type, bought.address, bought.detail) == (AuditEventType.ORDERED, ADDRESS, "")
    assert (bought.id, bought.order_id, bought.request_id) == ("id-of-trainer[0]", "CS1", "request-1")
    assert bought.history_entry.record.sequence == 2
    assert bought.history_entry.who == "ana@laptop"


def test_a_release_is_asked_for_and_then_done():
    asked, released = list(
        audit_events(read(*a_run(*a_purchase(), Intended(a_release_asked()), Answered("release-1", 204), a_release())))
    )[1:]
    assert (asked.type, asked.id) == (AuditEventType.ASKED_TO_RELEASE, "id-of-trainer[0]")
    assert (released.type, released.id, released.order_id) == (AuditEventType.RELEASED, "id-of-trainer[0]", "CS1")


def test_what_is_forgotten_for_another_reason_was_not_released():
    assert story(*a_purchase(), Forgotten(ADDRESS, "gone from the cloud"))[1:] == [
        (AuditEventType.FORGOT, "gone from the cloud")
    ]


def test_a_refusal_is_told_in_the_clouds_words():
    settled = Settled(INTENT.id, "refused", "sold out", status=400, code="ModelArts.50005015", request_id="r-1")
    refused = only(Intended(INTENT), settled)
    assert (refused.type, refused.detail, refused.request_id) == (
        AuditEventType.REFUSED,
        "400 ModelArts.50005015: sold out",
        "r-1",
    )


@pytest.mark.parametrize(
    ("outcome", "word"),
    [("not_sent", AuditEventType.NOT_SENT), ("observed", AuditEventType.OBSERVED), ("absent", AuditEventType.ABSENT)],
)
def test_how_a_doubt_was_settled_is_told_with_the_reason(outcome, word):
    assert story(*a_run(Intended(INTENT), Settled(INTENT.id, outcome, "decided by ana@laptop: I looked"))) == [
        (word, "decided by ana@laptop: I looked")
    ]


def test_a_request_without_an_answer_is_in_doubt():
    assert story(*a_run(Intended(INTENT))) == [
        (AuditEventType.IN_DOUBT, "a purchase was sent, and no answer is recorded")
    ]


@pytest.mark.parametrize("effect", [one for one in Effect if one.is_journaled and one is not Effect.PURCHASE])
def test_any_other_request_without_an_answer_is_unsettled(effect):
    assert [type_ for type_, _ in story(*a_run(Intended(an_intent(effect=effect))))] == [AuditEventType.UNSETTLED]


def test_a_run_that_died_and_the_one_that_found_its_server_both_tell_of_it():
    died = RunStarted("run-1", "apply", "ana@laptop", "0.1.0")
    found = RunStarted("run-2", "apply", "bob@build", "0.1.0")
    adopted = Adopted(INTENT.id, "id-7", "the only match", "CS7")
    first, second = audit_events(read(died, Intended(INTENT), found, adopted, RunEnded("run-2", "ended")))
    assert (first.type, first.history_entry.who) == (AuditEventType.IN_DOUBT, "ana@laptop")
    assert first.detail.endswith("settled later")
    assert (second.type, second.detail, second.id, second.order_id) == (
        AuditEventType.ADOPTED,
        "the only match",
        "id-7",
        "CS7",
    )
    assert second.history_entry.who == "bob@build"


@pytest.mark.parametrize(
    "outcome", [Adopted(INTENT.id, "id-7", "the only match"), Settled(INTENT.id, "absent", "decided by bob@build")]
)
def test_what_is_settled_after_a_run_died_is_not_told_as_its_deed(outcome):
    """The next command settles doubts before a run of its own begins."""
    died = RunStarted("run-1", "apply", "ana@laptop", "0.1.0")
    history = read(died, Intended(INTENT), outcome, Forgotten(ADDRESS, "released"))
    assert [deed.history_entry.who for deed in audit_events(history)] == ["ana@laptop", None, None]


def test_what_a_run_that_came_to_its_end_found_by_itself_is_its_deed():
    (adopted,) = audit_events(read(*a_run(Intended(INTENT), Adopted(INTENT.id, "id-7", "the only match"))))
    assert (adopted.type, adopted.history_entry.who) == (AuditEventType.ADOPTED, "ana@laptop")


def test_what_the_run_at_work_has_sent_is_in_flight_and_what_a_dead_one_sent_is_not():
    died, alive = (RunStarted(f"run-{number}", "apply", "ana@laptop", "0.1.0") for number in (1, 2))
    history = read(died, Intended(an_intent("lost")), alive, Intended(INTENT))
    assert [deed.type for deed in audit_events(history, at_work=True)] == [
        AuditEventType.IN_DOUBT,
        AuditEventType.IN_FLIGHT,
    ]
    assert [deed.type for deed in audit_events(history)] == [AuditEventType.IN_DOUBT, AuditEventType.IN_DOUBT]


def test_the_server_of_an_order_is_told_when_it_is_found():
    ordered = (
        Intended(INTENT),
        Answered(INTENT.id, 200, order_id="CS1"),
        Remembered(ADDRESS, Phase.CREATING, id="id-1"),
    )
    placed, found = audit_events(read(*a_run(*ordered)))
    assert (placed.type, placed.id, placed.order_id) == (AuditEventType.ORDERED, None, "CS1")
    assert (found.type, found.id, found.order_id) == (AuditEventType.FOUND, "id-1", "CS1")


@pytest.mark.parametrize(
    ("phase", "word"), [(Phase.FAILED, AuditEventType.FAILED), (Phase.AWAITING_PAYMENT, AuditEventType.UNPAID)]
)
def test_what_went_wrong_with_paid_things_is_told_once(phase, word):
    facts = Remembered(ADDRESS, phase)
    assert story(*a_purchase(), facts, facts)[1:] == [(word, "")]


def test_changes_in_place_are_told_by_what_changed():
    changed = Remembered(
        ADDRESS,
        Phase.READY,
        declared={"name": "new", "flavor": "x"},
        labels={"team": "audio"},
        protected=True,
    )
    assert story(*a_purchase(), changed, changed)[1:] == [
        (AuditEventType.RENAMED, "trainer[0] -> new"),
        (AuditEventType.CHANGED, "flavor, labels, protection"),
    ]


@pytest.mark.parametrize(
    ("effect", "word", "lost", "noun"),
    [
        (Effect.PAYMENT, AuditEventType.PAID, AuditEventType.SENT_PAYMENT, "a payment"),
        (Effect.CANCELLATION, AuditEventType.CANCELLED, AuditEventType.ASKED_TO_CANCEL, "a cancellation"),
    ],
)
def test_what_is_said_of_an_order_is_told_with_it(effect, word, lost, noun):
    saying = an_intent(id="saying-1", target_id="CS1", effect=effect)
    said = only(Intended(saying), Answered("saying-1", 200, request_id="r-2"))
    assert (said.type, said.id, said.order_id, said.request_id) == (word, None, "CS1", "r-2")
    open_ = only(Intended(saying))
    assert (open_.type, open_.order_id) == (AuditEventType.UNSETTLED, "CS1")
    assert f"{noun} was sent" in open_.detail
    told_by_the_order = only(Intended(saying), Settled("saying-1", "observed", "the order shows the outcome"))
    assert (told_by_the_order.type, told_by_the_order.order_id) == (lost, "CS1")


def test_records_of_what_nobody_bought_are_no_changes():
    """A journal that contradicts itself can still be read."""
    facts = Remembered(ADDRESS, Phase.READY, declared={"name": "x"})
    assert [kind for kind, _ in story(facts, Answered("nobody-sent-it", 200, id="id-1"))] == [AuditEventType.BOUGHT]


@given(histories())
def test_every_purchase_and_every_end_is_told_exactly_once(entries):
    history = read(*entries)
    told_at = [deed.history_entry.record.sequence for deed in audit_events(history)]
    assert told_at == sorted(told_at)
    outcomes = [line for line in history if isinstance(line.entry, Answered | Settled | Adopted | Forgotten)]
    settled = {line.entry.intent for line in outcomes if not isinstance(line.entry, Forgotten)}
    unanswered = [line for line in history if isinstance(line.entry, Intended) and line.intent.id not in settled]
    must_be_told = {line.record.sequence for line in (*outcomes, *unanswered)}
    assert must_be_told <= set(told_at)
    assert all(told_at.count(sequence) == 1 for sequence in must_be_told)


def test_what_was_taken_over_and_moved_is_told_under_both_addresses():
    gateway = an_address("gateway")
    history = read(Imported(a_recorded(), "by ana"), Moved(ADDRESS, gateway), a_release("gateway"))
    assert [(deed.type, deed.address, deed.detail) for deed in audit_events(history)] == [
        (AuditEventType.IMPORTED, ADDRESS, "by ana"),
        (AuditEventType.MOVED, gateway, f"was {ADDRESS}"),
        (AuditEventType.RELEASED, gateway, ""),
    ]
    assert [ADDRESS in line.addresses for line in history] == [True, True, False]
    assert [gateway in line.addresses for line in history] == [False, True, True]


def test_what_changes_after_a_move_is_told_against_what_was_before():
    moved = Moved(an_address("gateway"), ADDRESS)
    lifted = Remembered(ADDRESS, Phase.READY, protected=False)
    last = only(Imported(a_recorded("gateway", protected=True), "by ana"), moved, lifted)
    assert (last.type, last.detail) == (AuditEventType.CHANGED, "protection")
