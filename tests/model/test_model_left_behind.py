"""What releases have left with the cloud: noted by them, and worked out for those of versions that noted nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_purchase, a_run, an_address
from support.planning_builders import bought, wanted

from provisioner.kinds import CATALOGUE
from provisioner.model.audit_events import audit_events
from provisioner.model.history import HistoryRecord, with_context
from provisioner.model.journal import GONE, RELEASED, Forgotten, Imported, Moved, Remembered
from provisioner.model.left_behind import left_behind
from provisioner.model.leftover import Leftover
from provisioner.model.resource import Phase
from provisioner.store.codec import entry_from_json, entry_to_json

DISK = Leftover("data disk vol-1 (500 GB)", "vol-1", 500)
VOLUMES = [{"type": "DATA", "size": 500, "evs_id": "vol-1"}]


def history(*entries):
    records = [HistoryRecord(number, 1_000 * number, f"{number:064x}", one) for number, one in enumerate(entries)]
    return tuple(with_context(records))


def found(*entries):
    return [(str(one.address), one.server, one.leftovers) for one in left_behind(history(*entries), CATALOGUE)]


def imported(address="gateway", **observed):
    record = bought(wanted(address))
    return Imported(replace(record, observed={**record.observed, **observed}), "")


def test_what_a_release_has_noted_is_listed_with_its_server_and_time():
    entries = (imported(), Forgotten(an_address("gateway"), RELEASED, "id-of-gateway", (DISK,)))
    (one,) = left_behind(history(*entries), CATALOGUE)
    assert (str(one.address), one.server, one.time, one.leftovers) == ("gateway", "id-of-gateway", 1_000, (DISK,))


def test_what_was_gone_before_may_have_left_something_as_well():
    assert found(imported(), Forgotten(an_address("gateway"), GONE, "id-of-gateway", (DISK,)))


@pytest.mark.parametrize("noted", [(), None])
def test_what_was_only_forgotten_or_left_nothing_is_not_listed(noted):
    assert found(imported(volumes=VOLUMES), Forgotten(an_address("gateway"), "let go", "id-of-gateway", noted)) == []
    assert found(imported(), Forgotten(an_address("gateway"), RELEASED, "id-of-gateway", noted)) == []


def test_a_release_of_an_older_version_is_worked_out_from_its_record():
    seen = Remembered(an_address("gateway"), Phase.READY, observed={"status": "RUNNING", "volumes": VOLUMES})
    moved = Moved(an_address("gateway"), an_address("edge"))
    old = Forgotten(an_address("edge"), RELEASED, "id-of-gateway")
    assert found(imported(), seen, moved, old) == [("edge", "id-of-gateway", (DISK,))]


def test_a_history_that_contradicts_itself_is_read_all_the_same():
    old = Forgotten(an_address("gateway"), RELEASED, "id-of-gateway")
    stray = Remembered(an_address("nobody"), Phase.READY)
    assert found(*a_run(*a_purchase()), stray, imported(volumes=VOLUMES), old) == [
        ("gateway", "id-of-gateway", (DISK,))
    ]


def test_the_history_tells_of_it_and_what_notes_nothing_is_written_as_before():
    entry = Forgotten(an_address("gateway"), RELEASED, "id-of-gateway", (DISK,))
    *_, last = audit_events(history(imported(), entry))
    assert "data disk vol-1 (500 GB)" in last.detail
    assert entry_from_json(entry_to_json(entry)) == entry
    assert "leftovers" not in entry_to_json(Forgotten(an_address("gateway"), "let go"))
