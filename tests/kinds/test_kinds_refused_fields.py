"""Which refusals of a disk or an address are for good, and what a change leaves behind that met one."""

from __future__ import annotations

import pytest
from support.flows import ok, play, refused
from support.planning_builders import bought, wanted
from support.rows import ID, a_live

from provisioner.kinds import CATALOGUE
from provisioner.kinds.dev_server.refused_fields import is_permanent
from provisioner.model.flow import CallFailed, Outcome, Remember
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
VOLUME, OTHER = "0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7", "2d7c3f40-2cdb-4b81-956a-ef68812c6cf7"
ADDRESS = "1c6b2e3f-2cdb-4b81-956a-ef68812c6cf7"
NOT_A3 = refused("ModelArts.7000", message="Server s is no A3 machine, does not support to attach a volume.")


@pytest.mark.parametrize(
    ("failed", "lasts"),
    [
        (NOT_A3, True),
        (refused("ModelArts.0104", message="only for A3"), True),
        (refused("ModelArts.7000", message="type is BMS, does not support detach volume device."), True),
        (refused("APIG.0101", status=404, message="The API does not exist or has not been published"), True),
        (refused(None, status=405), True),
        (refused(None, status=422), True),
        (refused("ModelArts.6404", message="volume v not found"), False),
        (refused("ModelArts.0104", message="volume v does not exist"), False),
        (refused(None, status=404), False),
        (refused("APIG.0301", status=401), False),
        (refused("APIG.0302", status=403), False),
        (refused("ModelArts.0010", status=403, message="no right to do so"), False),
        (refused("APIG.0201", message="request error"), False),
        (refused(None, status=402), False),
        (refused(None, status=409), False),
        (refused(None, status=423), False),
        (refused("ModelArts.0116", status=429), False),
        (refused("ModelArts.7000", message="is STARTING: it must be RUNNING or STOPPED."), False),
        (refused("ModelArts.7000", message="this status does not support attaching"), False),
        (refused("ModelArts.7000", message="cannot attach volume v: it is attached already."), False),
        (refused("ModelArts.7000", message="the disk is in use"), False),
        (refused("ModelArts.0116", message="The quota is exceeded"), False),
        (CallFailed(Outcome.UNKNOWN, "only for A3", status=500), False),
        (CallFailed(Outcome.THROTTLED, "only for A3", status=429), False),
        (CallFailed(Outcome.NOT_SENT, "only for A3"), False),
    ],
)
def test_only_a_definite_no_that_nothing_lifts_is_for_good(failed, lasts):
    assert is_permanent(failed) is lasts


def update(desired, *paths, replies, before=None):
    record = bought(before or wanted(), id=ID)
    return play(KIND.update(desired, record, frozenset(paths)), replies)


def test_a_refused_disk_is_remembered_and_the_address_and_the_power_are_arranged_all_the_same():
    desired = wanted(volumes=[VOLUME], public_ips=[ADDRESS])
    bound = [{"id": ADDRESS, "address": "203.0.113.7"}]
    row = a_live()
    played = update(
        desired,
        ("volumes",),
        ("public_ips",),
        replies=[row, NOT_A3, row, ok(public_ips=[]), ok(public_ips=bound)],
    )
    (facts,) = played.of(Remember)
    refusal = {"value": [VOLUME], "code": "ModelArts.7000", "message": NOT_A3.message}
    assert facts.refused == {"volumes": refusal, "public_ips": None}
    assert facts.declared == {"volumes": None, "public_ips": [ADDRESS]}
    assert (played.result.phase, played.result.code) == (Phase.READY, "refused-before")
    assert "volumes" in played.result.problem
    assert "--allow refused-before" in played.result.hint


def test_what_was_attached_before_the_refusal_is_recorded_as_attached():
    desired = wanted(volumes=[VOLUME, OTHER])
    row = a_live(volumes=[{"type": "DATA", "evs_id": VOLUME}])
    played = update(desired, ("volumes",), replies=[a_live(), ok(), row, NOT_A3, row])
    (facts,) = played.of(Remember)
    assert facts.declared == {"volumes": [VOLUME]}
    assert facts.refused["volumes"]["value"] == [VOLUME, OTHER]


def test_a_list_of_addresses_that_the_cloud_refuses_to_show_is_a_refusal_too():
    played = update(wanted(public_ips=[ADDRESS]), ("public_ips",), replies=[a_live(), NOT_A3])
    (facts,) = played.of(Remember)
    assert set(facts.refused) == {"public_ips"}


@pytest.mark.parametrize("failed", [refused("APIG.0302", status=403), refused(None, status=409)])
def test_any_other_refusal_is_remembered_nowhere_and_met_again(failed):
    row = a_live()
    with pytest.raises(CallFailed):
        update(wanted(volumes=[VOLUME]), ("volumes",), replies=[row, failed, row])


def test_what_is_taken_at_last_is_no_refusal_any_more():
    row = a_live(volumes=[{"type": "DATA", "evs_id": VOLUME}])
    played = update(wanted(volumes=[VOLUME]), ("volumes",), replies=[a_live(), ok(), row])
    (facts,) = played.of(Remember)
    assert facts.refused == {"volumes": None}
    assert played.result.problem == ""


@pytest.mark.parametrize("machine", ["ECS", "BMS"])
@pytest.mark.parametrize("field", ["volumes", "public_ips"])
def test_a_machine_that_is_declared_as_probably_no_a3_is_a_warning(machine, field):
    (advice,) = KIND.advise(wanted(server_type=machine, **{field: [VOLUME]}).fields)
    assert (advice.code, advice.path, advice.warning) == ("only-a3", (field,), True)


def test_nothing_is_warned_of_where_nothing_is_attached_or_nothing_tells_the_machine():
    assert list(KIND.advise(wanted(server_type="ECS").fields)) == []
    assert list(KIND.advise(wanted(volumes=[VOLUME]).fields)) == []
    assert list(KIND.advise_by_row(wanted(volumes=[VOLUME]).fields, {"cloud_server": {"type": "HPS"}})) == []
    assert (
        list(KIND.advise_by_row(wanted(server_type="ECS", volumes=[VOLUME]).fields, {"cloud_server": {"type": "ECS"}}))
        == []
    )


@pytest.mark.parametrize("machine", ["ECS", "bms"])
def test_the_machine_that_the_catalogue_has_for_a_flavor_counts_where_the_specs_name_none(machine):
    (advice,) = KIND.stock.advise(wanted(public_ips=[VOLUME]).fields, machine)
    assert (advice.code, advice.path, advice.warning) == ("only-a3", ("public_ips",), True)
    assert list(KIND.stock.advise(wanted(server_type="ECS", public_ips=[VOLUME]).fields, machine)) == []
    assert list(KIND.stock.advise(wanted(public_ips=[VOLUME]).fields, None)) == []
