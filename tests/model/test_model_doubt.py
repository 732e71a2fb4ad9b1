"""When silence means that a purchase was never carried out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import an_intent

from provisioner.kinds import CATALOGUE
from provisioner.model.doubt import next_step, proves_absence, quiet_until, seconds_before_purchase, settle_hint
from provisioner.model.flow import Effect
from provisioner.model.purchase_policy import DEFAULT_POLICY, MINUTE, Trace

KIND = CATALOGUE["dev_server"]
SENT, IN_THE_CLOUD = 1_000_000_000, 5_000_000_000
LATER = 26 * MINUTE


def over(*, cloud: int, here: int | None, unknown_since: int | None = None) -> bool:
    declared = {"charging_info": {"charging_mode": "POST_PAID"}}
    intent = an_intent(sent_at=SENT, server_time=IN_THE_CLOUD, unknown_since=unknown_since, declared=declared)
    return proves_absence(intent, KIND, DEFAULT_POLICY, IN_THE_CLOUD + cloud, (), local_time=here)


@pytest.mark.parametrize(
    ("cloud", "here", "expected"),
    [
        (LATER, SENT + LATER, True),
        (LATER, None, True),
        (60 * MINUTE, SENT + 1, False),
        (60 * MINUTE, SENT + 24 * MINUTE, False),
        (24 * MINUTE, SENT + 60 * MINUTE, False),
        (60 * MINUTE, SENT - 60 * MINUTE, False),
    ],
    ids=["both", "no other witness", "cloud ahead", "cloud ahead by a little", "machine ahead", "machine set back"],
)
def test_the_clock_that_tells_of_less_time_is_believed(cloud, here, expected):
    assert over(cloud=cloud, here=here) is expected


def test_it_is_counted_from_when_the_outcome_turned_out_to_be_unknown_by_both():
    since = {"unknown_since": IN_THE_CLOUD + 10 * MINUTE, "cloud": 60 * MINUTE}
    assert not over(here=SENT + LATER, **since)
    assert over(here=SENT + 10 * MINUTE + LATER, **since)


def test_in_a_shared_state_a_purchase_may_have_left_as_late_as_its_signature_allows():
    shared = DEFAULT_POLICY.for_shared_state()
    intent = an_intent(sent_at=SENT, server_time=IN_THE_CLOUD)
    assert quiet_until(intent, shared) - quiet_until(intent, DEFAULT_POLICY) == 15 * MINUTE
    assert not proves_absence(intent, KIND, shared, IN_THE_CLOUD + LATER, (), local_time=SENT + 60 * MINUTE)
    noted = an_intent(sent_at=SENT, server_time=IN_THE_CLOUD, unknown_since=IN_THE_CLOUD + MINUTE)
    assert quiet_until(noted, shared) == quiet_until(noted, DEFAULT_POLICY), "it had been sent by then"


def test_a_quiet_period_that_a_person_made_unsafe_stays_as_it_is():
    unsafe = replace(DEFAULT_POLICY, quiet_period=MINUTE)
    assert unsafe.for_shared_state() == unsafe


def test_a_rebuilt_doubt_without_a_time_of_ours_goes_by_the_cloud():
    intent = an_intent(sent_at=0, server_time=IN_THE_CLOUD, declared={"charging_info": {"charging_mode": "POST_PAID"}})
    assert proves_absence(intent, KIND, DEFAULT_POLICY, quiet_until(intent, DEFAULT_POLICY), (), local_time=SENT)


@pytest.mark.parametrize(
    ("charging", "auto_pays", "names_an_order"),
    [("POST_PAID", False, False), ("PRE_PAID", False, True), ("PRE_PAID", True, True), (None, False, True)],
)
def test_the_way_out_of_a_doubt_names_the_order_wherever_there_may_be_one(charging, auto_pays, names_an_order):
    charged = {"charging_mode": charging, "is_auto_pay": auto_pays} if charging else {}
    body = {"charging_info": {**charged, "is_auto_pay": False}}
    intent = an_intent("pool[0]", declared={"charging_info": charged}, request={"body": body})
    step = next_step(intent, KIND, DEFAULT_POLICY)
    assert "`provisioner resolve 'pool[0]' --absent`, or `provisioner resolve 'pool[0]' --adopt`" in step
    assert ("or of its order" in step) is names_an_order


QUIET = {"declared": {"charging_info": {"charging_mode": "POST_PAID"}}, "server_time": IN_THE_CLOUD}


def test_a_run_that_destroys_is_not_told_to_buy():
    step = next_step(an_intent(**QUIET), KIND, DEFAULT_POLICY, destroying=True)
    assert "run `provisioner destroy` again" in step
    assert ("apply" in step, "buys" in step) == (False, False)


def test_a_date_that_is_over_is_not_named_as_one_to_come():
    intent = an_intent(**QUIET)
    until = quiet_until(intent, DEFAULT_POLICY)
    before = next_step(intent, KIND, DEFAULT_POLICY, at=until - 1)
    after = next_step(intent, KIND, DEFAULT_POLICY, at=until)
    assert ("apply buys it then" in before, "apply buys it then" in after) == (True, False)


def test_an_open_release_is_never_answered_with_apply_alone_by_who_does_not_know_which_command_sent_it():
    assert "destroy" in settle_hint(Effect.DESTRUCTIVE)
    assert settle_hint(Effect.DESTRUCTIVE, command="destroy", again=True).startswith(
        "run `provisioner destroy` again, which first finds out"
    )
    assert settle_hint(Effect.WIPE).startswith("run `provisioner apply`, which first finds out")


@pytest.mark.parametrize(("ahead", "seconds"), [(0, 0), (-1_900, 0), (-12_000, 10), (60_000, 0), (None, 0)])
def test_an_order_was_placed_before_beyond_the_seconds_that_both_clocks_tell(ahead, seconds):
    placed = None if ahead is None else IN_THE_CLOUD + ahead
    assert seconds_before_purchase(an_intent(**QUIET), Trace("CS1", True, placed)) == seconds


def test_an_order_of_other_terms_keeps_nothing_open():
    intent = an_intent(sent_at=SENT, server_time=IN_THE_CLOUD, declared={})
    late = IN_THE_CLOUD + LATER
    other, same = Trace("CS1", True, mismatch="is for 1 month(s)"), Trace("CS2", True)
    assert proves_absence(intent, KIND, DEFAULT_POLICY, late, (other,)) is True
    assert proves_absence(intent, KIND, DEFAULT_POLICY, late, (other, same)) is False
