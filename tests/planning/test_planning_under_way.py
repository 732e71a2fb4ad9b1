"""What is under way and no run waits for: from the record alone, and from what the cloud shows."""

import pytest
from support.builders import a_purchase_of_several, a_recorded, a_state, an_address, an_intent

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Effect
from provisioner.model.history import HistoryRecord
from provisioner.model.journal import Adopted, Imported, Intended
from provisioner.model.resource import Live, Phase
from provisioner.model.under_way import AWAITED, OVER, CallTimes, ServerStage
from provisioner.planning import under_way


def a_row(address: str = "trainer[0]", status: str = "RUNNING", **facts) -> Live:
    return Live("dev_server", f"id-of-{address}", address, status, **facts)


def stages(*recorded, live=None, polls: int = 1, **facts) -> dict[str, ServerStage]:
    state = a_state(*recorded, **facts)
    rows = None if live is None else {row.id: row for row in live}
    return {str(one.address): one.stage for one in under_way(state, rows, CATALOGUE, since={}, polls=polls)}


@pytest.mark.parametrize(
    ("phase", "stage"),
    [
        (Phase.ORDERING, ServerStage.ORDERED),
        (Phase.AWAITING_PAYMENT, ServerStage.AWAITING_PAYMENT),
        (Phase.CREATING, ServerStage.BUILDING),
        (Phase.REINSTALLING, ServerStage.REINSTALLING),
        (Phase.DELETING, ServerStage.RELEASING),
        (Phase.FAILED, ServerStage.FAILED),
    ],
)
def test_the_record_alone_tells_the_stage(phase, stage) -> None:
    assert stages(a_recorded(phase=phase, order_id="CS1")) == {"trainer[0]": stage}


def test_what_is_ready_is_not_under_way_unless_a_change_is_half_done() -> None:
    assert stages(a_recorded()) == {}
    assert stages(a_recorded(pending={"power": "stopped"})) == {"trainer[0]": ServerStage.UNFINISHED}


def test_every_phase_but_ready_has_a_stage() -> None:
    assert all(stages(a_recorded(phase=phase, order_id="CS1")) for phase in set(Phase) - {Phase.READY})


@pytest.mark.parametrize(
    ("phase", "status", "stage"),
    [
        (Phase.CREATING, "CREATING", ServerStage.BUILDING),
        (Phase.CREATING, "RUNNING", ServerStage.READY),
        (Phase.CREATING, "CREATE_FAILED", ServerStage.FAILED),
        (Phase.ORDERING, "RUNNING", ServerStage.READY),
        (Phase.AWAITING_PAYMENT, "CREATING", ServerStage.BUILDING),
        (Phase.REINSTALLING, "CHANGINGOS", ServerStage.REINSTALLING),
        (Phase.REINSTALLING, "RUNNING", ServerStage.READY),
        (Phase.REINSTALLING, "CHANGINGOS_FAILED", ServerStage.FAILED),
        (Phase.DELETING, "DELETING", ServerStage.RELEASING),
        (Phase.FAILED, "RUNNING", ServerStage.FAILED),
    ],
)
def test_the_cloud_shows_how_far_it_has_come(phase, status, stage) -> None:
    assert stages(a_recorded(phase=phase, order_id="CS1"), live=[a_row(status=status)]) == {"trainer[0]": stage}


def test_a_released_server_is_gone_and_one_that_no_list_has_shown_may_still_appear() -> None:
    assert stages(a_recorded(phase=Phase.DELETING), live=[]) == {"trainer[0]": ServerStage.RELEASED}
    assert stages(a_recorded(phase=Phase.CREATING, observed={}), live=[]) == {"trainer[0]": ServerStage.BUILDING}
    assert stages(a_recorded(phase=Phase.CREATING), live=[]) == {"trainer[0]": ServerStage.FAILED}


def test_a_server_is_found_by_its_order() -> None:
    ordered = a_recorded(phase=Phase.ORDERING, id=None, order_id="CS1", observed={})
    assert stages(ordered, live=[]) == {"trainer[0]": ServerStage.ORDERED}
    (found,) = under_way(a_state(ordered), {"x": a_row(order_id="CS1")}, CATALOGUE, since={an_address(): 7})
    assert (found.stage, found.id, found.order_id, found.since, found.status) == (
        ServerStage.READY,
        "id-of-trainer[0]",
        "CS1",
        7,
        "RUNNING",
    )


def test_a_status_that_stays_ends_a_reinstallation() -> None:
    """It was stopped by a person after it had ended, so it never shows RUNNING."""
    recorded, row = a_recorded(phase=Phase.REINSTALLING), a_row(status="STOPPED")
    seen = [stages(recorded, live=[row], polls=polls)["trainer[0]"] for polls in (4, 5)]
    assert seen == [ServerStage.REINSTALLING, ServerStage.READY]


def test_open_calls_are_listed_with_every_address_of_theirs() -> None:
    together = a_purchase_of_several("pool[0]", "pool[1]")
    release = an_intent(id="r-1", effect=Effect.DESTRUCTIVE, target_id="id-of-trainer[0]")
    state = a_state(a_recorded(), intents={one.id: one for one in (together, release)})
    found = {str(one.address): one for one in under_way(state, {}, CATALOGUE, since={})}
    assert {address: one.stage for address, one in found.items()} == {
        "pool[0]": ServerStage.IN_DOUBT,
        "pool[1]": ServerStage.IN_DOUBT,
        "trainer[0]": ServerStage.UNSETTLED,
    }
    assert (found["trainer[0]"].id, found["trainer[0]"].since) == ("id-of-trainer[0]", release.sent_at)


def test_a_stage_is_awaited_or_over_or_needs_somebody() -> None:
    assert not AWAITED & OVER
    assert set(ServerStage) - AWAITED - OVER == {
        ServerStage.AWAITING_PAYMENT,
        ServerStage.UNFINISHED,
        ServerStage.UNSETTLED,
        ServerStage.IN_DOUBT,
        ServerStage.FAILED,
    }


def test_since_is_when_the_last_call_was_sent() -> None:
    times = CallTimes()
    entries = [
        Intended(an_intent("a")),
        Intended(an_intent("a", id="again", effect=Effect.WIPE, target_id="id-of-a")),
        Intended(an_intent("a", id="again", effect=Effect.WIPE, target_id="id-of-a", unknown_since=5)),
        Intended(an_intent("b")),
        Adopted("intent-for-b", "id-9", "found"),
        Imported(a_recorded("c"), "named by ana"),
    ]
    times.note([HistoryRecord(at, 100 * at, str(at), entry) for at, entry in enumerate(entries, start=1)])
    assert {str(address): time for address, time in times.times.items()} == {"a": 200, "b": 400, "c": 600}
