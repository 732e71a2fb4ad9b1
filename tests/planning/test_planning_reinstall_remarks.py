"""What a plan says of its reinstallations: once for all of them, in words of the kind."""

from __future__ import annotations

import pytest
from support.builders import a_state
from support.planning_builders import OTHER_IMAGE, bought, planned, shown, surveyed, wanted

DISK, USERDATA = "system-disk-changes", "userdata-may-not-run"


def plan_of(*changes, **had):
    """Each of these servers is as it was bought, with what it `had`, and is to have this instead."""
    pairs = [(bought(wanted(f"pool-{number}", **had)), fields) for number, fields in enumerate(changes)]
    desired = [wanted(str(record.address), **fields) for record, fields in pairs]
    state = a_state(*(record for record, _ in pairs))
    rows = [shown(record, id=record.id) for record, _ in pairs]
    return planned(surveyed(*desired, state=state, live=tuple(rows)))


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"image_id": OTHER_IMAGE}, [DISK]),
        ({"image_id": OTHER_IMAGE, "userdata": ""}, [DISK]),
        ({"image_id": OTHER_IMAGE, "userdata": "aGk="}, [DISK, USERDATA]),
        ({"key_pair_name": "another"}, [DISK]),
        ({"userdata": "aGk="}, [DISK]),
        ({"name": "portal"}, []),
        ({"flavor": "Si2.xlarge.4"}, []),
    ],
)
def test_each_reinstallation_says_what_it_costs_beside_the_data(fields, codes):
    findings = [one for one in plan_of(fields).findings if one.code in {DISK, USERDATA}]
    assert [one.code for one in findings] == codes
    assert all("pool-0" in one.summary and str(one.address) == "pool-0" for one in findings)


@pytest.mark.parametrize(
    ("had", "wanted_now", "is_said"), [("aGk=", {}, True), ("aGk=", {"userdata": ""}, False), ("", {}, False)]
)
def test_userdata_that_was_sent_before_counts_until_the_specs_want_none(had, wanted_now, is_said):
    findings = plan_of({"image_id": OTHER_IMAGE, **wanted_now}, userdata=had).findings
    assert (USERDATA in [one.code for one in findings]) is is_said


def test_it_is_said_once_for_all_of_them():
    plan = plan_of({"image_id": OTHER_IMAGE, "userdata": "aGk="}, {"key_pair_name": "another"}, {"name": "portal"})
    told = {one.code: one for one in plan.findings}
    assert told[DISK].summary.startswith("pool-0, pool-1: ")
    assert told[DISK].address is None
    assert told[USERDATA].summary.startswith("pool-0: ")
