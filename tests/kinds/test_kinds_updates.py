"""What a reinstallation of unknown outcome has done, by what the server shows; and what ends a change that cannot go on."""

from __future__ import annotations

import pytest
from support.builders import an_intent
from support.flows import ok, play, refused
from support.planning_builders import IMAGE, OTHER_IMAGE, bought, wanted
from support.rows import ID, a_live

from provisioner.kinds import CATALOGUE
from provisioner.kinds.dev_server.matching import CLOCK_TOLERANCE
from provisioner.model.flow import Call, CallFailed, Effect, Ended, Remember
from provisioner.model.outcome import with_reinstallation, with_unanswered_reinstallation
from provisioner.model.readiness import unconfirmed_fields
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
SENT = 1_767_268_800_000
VOLUME = "0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7"


def a_wipe(**declared):
    return an_intent("gateway", effect=Effect.WIPE, target_id=ID, declared=declared, server_time=SENT)


def shown(status, image=IMAGE, *, updated=SENT - 1):
    return a_live(status, image={"image_id": image}, update_at=updated)


@pytest.mark.parametrize(
    ("status", "image", "carried_out"),
    [
        ("STOPPED", IMAGE, False),
        ("STOPPED", OTHER_IMAGE, True),
        ("RUNNING", OTHER_IMAGE, True),
        ("RUNNING", IMAGE, False),
        ("STARTING", IMAGE, False),
        ("CHANGINGOS", IMAGE, True),
        ("CHANGINGOS_FAILED", IMAGE, True),
        ("ERROR", IMAGE, False),
    ],
)
def test_the_image_tells_whether_another_image_was_put_on(status, image, carried_out):
    assert (
        KIND.reinstall.was_carried_out(a_wipe(image_id=OTHER_IMAGE, key_pair_name="ops"), shown(status, image))
        is carried_out
    )


@pytest.mark.parametrize(
    ("status", "updated", "carried_out"),
    [
        ("STOPPED", SENT - 1, False),
        ("STOPPED", SENT + CLOCK_TOLERANCE, False),
        ("STOPPED", SENT + CLOCK_TOLERANCE + 1, True),
        ("RUNNING", SENT + 60_000, True),
        ("REINSTALLINGOS", SENT + 1, True),
        ("REINSTALLINGOS_FAILED", SENT + 1, True),
    ],
)
def test_where_no_image_tells_only_a_server_that_nothing_has_happened_to_counts_as_untouched(
    status, updated, carried_out
):
    assert (
        KIND.reinstall.was_carried_out(a_wipe(admin_pass={"fingerprint": "f"}), shown(status, updated=updated))
        is carried_out
    )


def update(desired, *paths, replies=(), before=None, **facts):
    record = bought(before or wanted(), id=ID, **facts)
    return play(KIND.update(desired, record, frozenset(paths)), replies)


@pytest.mark.parametrize("status", ["ERROR", "START_FAILED", "REBOOT_FAILED"])
def test_what_neither_runs_nor_is_stopped_is_not_touched(status):
    played = update(wanted(image_id=OTHER_IMAGE), ("image_id",), replies=[a_live(status)])
    assert (played.of(Call), played.of(Remember)) == ([], [])
    assert played.result.phase is Phase.READY
    assert status in played.result.problem
    assert "apply --replace 'gateway'" in played.result.hint


@pytest.mark.parametrize("status", ["CHANGINGOS_FAILED", "REINSTALLINGOS_FAILED"])
def test_a_failed_system_is_put_on_again_without_a_stop_even_where_the_row_shows_it(status):
    desired = wanted(image_id=OTHER_IMAGE)
    failed = a_live(status, image={"image_id": OTHER_IMAGE})
    played = update(
        desired, ("image_id",), replies=[failed, refused("ModelArts.6309"), ok(id=ID, name="gateway", status=status)]
    )
    assert [call.path.rsplit("/", 1)[-1] for call in played.of(Call) if call.method != "GET"] == ["changeos"]
    assert f"the server is {status} as before" in played.result.problem


def test_a_server_that_is_gone_is_said_to_be_gone():
    played = update(wanted(power="stopped"), ("power",), replies=[None, refused("ModelArts.6404")])
    assert played.result == Ended(
        Phase.READY, "the server no longer exists", "run `provisioner plan`, which shows what is known about it"
    )


def test_a_server_that_the_list_lacks_and_a_show_has_is_gone_on_with():
    row = {"id": ID, "name": "gateway", "status": "STOPPED"}
    played = update(wanted(power="stopped"), ("power",), replies=[None, ok(**row)])
    assert played.result == Ended(Phase.READY)
    assert played.of(Remember)[-1].declared == {"power": "stopped"}


def test_only_what_changed_is_asked_of_the_cloud_and_what_is_kept_is_sent_with_it():
    desired = wanted(userdata="aGk=", key_pair_name="ops")
    played = update(
        desired, ("userdata",), replies=[a_live("STOPPED"), ok(), a_live("RUNNING"), ok(), a_live("STOPPED")]
    )
    wipe, stop = played.of(Call)
    assert wipe.path.endswith(f"{ID}/reinstallos")
    assert wipe.body == {"key_pair_name": "ops", "user_data": "aGk="}
    assert wipe.declares == {"key_pair_name": "ops", "admin_pass": None, "userdata": "aGk="}
    assert stop.path.endswith("/stop")
    assert [facts.pending for facts in played.of(Remember)] == [{"power": "stopped"}, {}]


def test_what_was_asked_of_the_cloud_by_an_earlier_run_is_followed_and_nothing_is_sent():
    played = update(
        wanted(image_id=OTHER_IMAGE),
        replies=[a_live("RUNNING")],
        phase=Phase.REINSTALLING,
        pending={"power": "running"},
    )
    assert played.of(Call) == []
    assert played.result == Ended(Phase.READY)


def test_an_operation_that_failed_is_told_with_the_clouds_own_reason():
    failed = ok(operation_status="failed", operation_error={"message": "the volume is in another zone"})
    row = a_live("RUNNING", volumes=[])
    played = update(wanted(volumes=[VOLUME]), ("volumes",), replies=[row, ok(operation_id="operation-1"), row, failed])
    assert "the volume is in another zone" in played.result.problem
    assert played.of(Remember) == []


def test_an_operation_that_takes_long_is_waited_for():
    row = a_live("RUNNING", volumes=[])
    there = a_live("RUNNING", volumes=[{"type": "DATA", "evs_id": VOLUME}])
    replies = [row, ok(operation_id="operation-1"), row, ok(operation_status="running"), there]
    played = update(wanted(volumes=[VOLUME]), ("volumes",), replies=replies)
    assert played.result == Ended(Phase.READY)
    assert played.of(Remember)[-1].declared == {"volumes": [VOLUME]}


def test_an_address_that_another_server_has_is_the_clouds_refusal():
    with pytest.raises(CallFailed, match="bound already"):
        update(
            wanted(public_ips=[VOLUME]),
            ("public_ips",),
            replies=[a_live("RUNNING"), ok(public_ips=[]), refused(message="bound already"), ok(public_ips=[])],
        )


def test_an_answer_without_addresses_is_no_answer():
    with pytest.raises(CallFailed, match="public_ips is missing"):
        update(wanted(public_ips=[VOLUME]), ("public_ips",), replies=[a_live("RUNNING"), ok()])


def test_a_purchase_asks_for_no_power_and_no_attachments_and_does_not_claim_them():
    flow = KIND.create(wanted(power="stopped", volumes=[VOLUME], public_ips=[]), None)
    call = next(flow)
    flow.close()
    assert not call.body.keys() & {"power", "volumes", "public_ips"}
    assert call.declares.keys() & {"power", "volumes", "public_ips"} == {"public_ips"}


def test_a_refusal_because_the_call_that_was_believed_lost_has_arrived_is_no_failure():
    """The image is the wanted one by then: nothing is asked for again, and nobody is told that it is as before."""
    played = update(
        wanted(image_id=OTHER_IMAGE),
        ("image_id",),
        replies=[
            shown("STOPPED"),
            refused(message="it is RUNNING, and must be STOPPED"),
            ok(id=ID, name="gateway", status="RUNNING"),
            refused(message="it runs already"),
            shown("RUNNING", OTHER_IMAGE),
        ],
        pending={"power": "running"},
    )
    assert played.result == Ended(Phase.READY)
    assert [call.effect for call in played.of(Call)] == [Effect.WIPE, Effect.READ, Effect.REPEATABLE]
    assert played.of(Remember)[-1].declared["image_id"] == OTHER_IMAGE


def test_what_a_first_row_shows_otherwise_is_its_baseline_but_for_what_is_mended_or_paid():
    declared = {"name": "a", "flavor": "f", "image_id": "i", "charging_info": {"charging_mode": "POST_PAID"}}
    row = {"name": "b", "flavor": "F", "key_pair_name": "k", "charging_info": {"charging_mode": "PRE_PAID"}}
    assert KIND.baseline(declared, row) == {"flavor": "F"}


def test_a_reinstallation_ends_the_baseline_of_what_it_changes():
    record = bought(wanted(), id=ID, baseline={"image_id": "I", "flavor": "F", "key_pair_name": "OPS"})
    after = with_reinstallation(record, a_wipe(image_id=OTHER_IMAGE, key_pair_name="ops"))
    assert after.baseline == {"flavor": "F", "key_pair_name": "OPS"}


@pytest.mark.parametrize(("status", "is_seen"), [("STOPPED", False), ("RUNNING", True), ("CHANGINGOS", True)])
def test_that_an_image_is_shown_which_was_there_before_tells_nothing_of_a_lost_reinstallation(status, is_seen):
    password = {"admin_pass": {"fingerprint": "new"}, "key_pair_name": None}
    record = bought(wanted(key_pair_name=None), id=ID)
    after = with_unanswered_reinstallation(record, a_wipe(image_id=IMAGE, **password), shown(status), KIND)
    assert (after.phase, after.unconfirmed == {}) == (Phase.REINSTALLING, is_seen)
    assert is_seen or unconfirmed_fields(KIND, after.unconfirmed, shown("RUNNING"), after.declared) == (
        ("admin_pass",),
    )


def test_one_field_that_has_come_proves_the_others():
    record = bought(wanted(), id=ID)
    sent = a_wipe(image_id=OTHER_IMAGE, admin_pass={"fingerprint": "new"}, key_pair_name="ops")
    after = with_unanswered_reinstallation(record, sent, shown("STOPPED"), KIND)
    assert after.unconfirmed["image_id"] == {"before": IMAGE, "after": OTHER_IMAGE}
    assert unconfirmed_fields(KIND, after.unconfirmed, shown("RUNNING"), after.declared) == (
        ("image_id",),
        ("admin_pass",),
    )
    assert unconfirmed_fields(KIND, after.unconfirmed, shown("RUNNING", OTHER_IMAGE), after.declared) == ()
    answered = with_reinstallation(after, a_wipe(admin_pass={"fingerprint": "new"}, key_pair_name="ops"))
    assert set(answered.unconfirmed) == {"image_id"}
