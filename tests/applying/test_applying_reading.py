"""Readings of the cloud: a server that answers by its id and stands in no list proves that the list lacks servers."""

import asyncio

import pytest
from support import event_loop
from support.scripted_cloud import ScriptedCloud
from support.simulation import ManualClock

from provisioner.applying import read_listing, read_order_resources, run_read
from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Service
from provisioner.model.list_gap import NO_NAMES, ListGap, find_unlisted
from provisioner.model.resource import Live

KIND = CATALOGUE["dev_server"]


@pytest.fixture
def cloud():
    cloud = ScriptedCloud(ManualClock())
    cloud.add_server("alpha", prepaid=True, order_id="CS1")
    return cloud


def read_alpha(cloud, known=(), **suspected):
    async def read():
        async with cloud.channel() as channel:
            return await read_listing(KIND, channel, known, **suspected)

    return event_loop.run(read())


@pytest.mark.parametrize("options", [{"known": ["id-1"]}, {"suspected": ["id-1"]}])
def test_what_answers_and_is_not_listed_is_there_and_a_gap_that_hides_any_name(cloud, options):
    cloud.listed_after = 60.0
    shown = read_alpha(cloud, **options)
    assert set(shown.live) == {"id-1"}
    (gap,) = shown.gaps
    assert gap.hides("dev_server", {"any"})
    assert gap.is_reported
    assert str(gap) == "it lacks id-1, which can be read by its id"


@pytest.mark.parametrize(
    "options", [{"known": ["id-1"]}, {"suspected": ["id-1"]}, {"known": ["id-9"]}, {"suspected": ["../all"]}]
)
def test_what_is_listed_or_not_found_proves_nothing(cloud, options):
    shown = read_alpha(cloud, **options)
    assert set(shown.live) == {"id-1"}
    assert shown.gaps == ()


def test_what_only_billing_names_proves_it_too(cloud):
    async def read(live):
        async with cloud.channel() as channel:
            return await read_order_resources(KIND, channel, live, ["CS1"], held=())

    cloud.listed_after = 60.0
    assert [gap.hides("dev_server", {"any"}) for gap in event_loop.run(read({})).gaps] == [True]
    cloud.listed_after = 0.0
    assert event_loop.run(read(read_alpha(cloud).live)).gaps == ()


def a_row(number):
    return Live(kind="dev_server", id=f"id-{number}", name=f"name-{number}", status="RUNNING")


def test_a_row_whose_name_could_be_read_accounts_for_it():
    named, other, empty = (ListGap("", "", names) for names in (frozenset({"name-1"}), frozenset({"name-2"}), NO_NAMES))
    assert find_unlisted([a_row(1)], [named]) == ()
    assert find_unlisted([a_row(1)], [ListGap("", "`total` is 9")]) == ()
    for gap in (other, empty):
        assert find_unlisted([a_row(1)], [gap])


def test_of_many_a_few_are_named():
    (gap,) = find_unlisted(map(a_row, range(9)))
    assert str(gap) == ("it lacks id-0, id-1, id-2, id-3, id-4 and 4 more, which can be read by their ids")


def test_pages_that_never_end_end_all_the_same():
    class SlowChannel:
        asked = 0

        async def send(self, _call, _reveal):
            self.asked += 1
            await asyncio.sleep(0)

    def endless():
        while True:
            yield Call(Service.MODELARTS, "GET", "/v1/{project_id}/dev-servers/all", Effect.READ)

    channel = SlowChannel()
    with pytest.raises(CallFailed, match="not sent all of it") as failed:
        event_loop.run(run_read(endless(), channel, seconds=0.05))
    assert failed.value.outcome is Outcome.UNKNOWN
    assert channel.asked


def test_what_ones_own_list_lacks_hides_no_name_and_ends_no_doubt():
    own = ListGap("GET all", "it is refused", NO_NAMES, only_others=True)
    (gap,) = find_unlisted([a_row(1)], [own])
    assert (gap.hides("dev_server", {"any"}), gap.is_reported, gap.only_others) == (False, False, False)
