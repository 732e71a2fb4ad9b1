"""Which disks outlive their server."""

from __future__ import annotations

import pytest
from support.planning_builders import KIND, PREPAID, bought, shown, wanted

from provisioner.model.leftover import Leftover

ORDERED = {"type": "SSD", "size": 500, "count": 2}
ROOT = {"type": "ROOT", "size": 100, "evs_id": "vol-root"}


def disks(*numbers):
    return [ROOT, *({"type": "DATA", "size": 500, "evs_id": f"vol-{number}"} for number in numbers)]


def left(volumes, *, prepaid=False, **fields):
    charging = {"charging_info": PREPAID} if prepaid else {}
    record = bought(wanted(**charging, **fields))
    return KIND.leftovers(bought(wanted(**charging, **fields), observed={**record.observed, "volumes": volumes}), None)


def test_a_pay_per_use_server_leaves_all_its_data_disks():
    assert left(disks(1, 2), data_volume=ORDERED) == (
        Leftover("data disk vol-1 (500 GB)", "vol-1", 500),
        Leftover("data disk vol-2 (500 GB)", "vol-2", 500),
    )
    assert left(disks()) == ()


def test_a_prepaid_server_takes_those_along_that_were_ordered_with_it():
    assert left(disks(1, 2), prepaid=True, data_volume=ORDERED) == ()
    assert left(disks(1), prepaid=True) == (Leftover("data disk vol-1 (500 GB)", "vol-1", 500),)
    (attached,) = left(disks(1, 2, 3), prepaid=True, data_volume=ORDERED)
    assert attached == Leftover("data disks attached later (1), among vol-1, vol-2, vol-3")


def test_disks_that_are_not_shown_are_known_from_their_order():
    (hidden,) = left([], data_volume=ORDERED)
    assert hidden.what == "data disks ordered with it (2), whose ids the cloud does not show"


def test_what_is_live_wins_over_what_was_recorded():
    record = bought(wanted())
    row = shown(bought(wanted(), observed={"status": "RUNNING", "volumes": disks(7)}))
    assert [one.id for one in KIND.leftovers(record, row)] == ["vol-7"]


@pytest.mark.parametrize("volumes", ["DATA", None, 7, [None], ["DATA"], [{"type": "DATA"}], {"type": "DATA"}])
def test_nothing_that_the_cloud_may_say_of_volumes_is_in_the_way(volumes):
    assert len(left(volumes)) <= 1
