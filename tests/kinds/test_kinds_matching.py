"""Which live row a lost reply was about: every field that both sides know must agree."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import an_intent
from support.flows import ok, play
from support.planning_builders import IMAGE, NETWORK, OTHER_IMAGE, PREPAID, bought, wanted
from support.rows import ID, a_live

from provisioner.kinds import CATALOGUE
from provisioner.model.diagnostic import UsageError
from provisioner.model.flow import Call
from provisioner.workflow.resolve_checks import require_fitting

KIND = CATALOGUE["dev_server"]

SENT = 1_700_000_000_000
TOLERANCE = 15 * 60 * 1000
DECLARED = bought(wanted(name="gateway", charging_info=PREPAID)).declared


def an_open_purchase(**facts):
    known = {"name": "gateway", "declared": DECLARED, "server_time": SENT, "earlier_ids": ()}
    return an_intent("gateway", **(known | facts))


def the_server(**fields):
    row = {
        "name": "gateway",
        "create_at": SENT + 500,
        "image": {"image_id": IMAGE},
        "key_pair_name": "ops",
        "vpc_id": NETWORK["vpc_id"],
        "subnet_id": NETWORK["subnet_id"],
        "charging_mode": "PRE_PAID",
    }
    return a_live(**(row | fields))


def matches(row, **facts):
    return KIND.match(an_open_purchase(**facts), [row]) == (row,)


def test_the_server_that_was_asked_for_is_recognised():
    assert matches(the_server())


@pytest.mark.parametrize("status", ["CREATING", "RUNNING", "CREATE_FAILED", "DELETING"])
def test_it_is_ours_whatever_became_of_it(status):
    assert matches(the_server(status=status))


@pytest.mark.parametrize(
    "differing",
    [
        {"name": "another"},
        {"flavor": "Si2.large.8"},
        {"image": {"image_id": OTHER_IMAGE}},
        {"key_pair_name": "theirs"},
        {"vpc_id": "another-vpc"},
        {"subnet_id": "another-subnet"},
        {"charging_mode": "POST_PAID"},
    ],
)
def test_one_field_that_disagrees_makes_it_a_stranger(differing):
    assert not matches(the_server(**differing))


@pytest.mark.parametrize("unsaid", ["image", "key_pair_name", "vpc_id", "subnet_id", "charging_mode", "create_at"])
def test_what_the_row_leaves_out_says_nothing(unsaid):
    assert matches(the_server(**{unsaid: None}))


@pytest.mark.parametrize("undeclared", ["key_pair_name", "charging_info", "network"])
def test_what_was_not_declared_says_nothing(undeclared):
    declared = {key: value for key, value in DECLARED.items() if key != undeclared}
    assert matches(the_server(), declared=declared)


def test_an_id_that_bore_the_name_before_is_never_ours():
    assert not matches(the_server(), earlier_ids=(ID,))


@pytest.mark.parametrize(("age", "ours"), [(TOLERANCE, True), (TOLERANCE + 1, False), (0, True), (-TOLERANCE, True)])
def test_a_server_older_than_the_request_is_not_ours_but_for_the_clocks_tolerance(age, ours):
    assert matches(the_server(create_at=SENT - age)) is ours


def test_every_candidate_is_named_so_that_nobody_chooses():
    twins = [the_server(), the_server(id="a-twin"), the_server(id="no-twin", flavor="other")]
    assert [row.id for row in KIND.match(an_open_purchase(), twins)] == [ID, "a-twin"]


@given(st.sets(st.sampled_from(["flavor", "image_id", "key_pair_name", "network", "charging_info"])))
def test_hidden_fields_never_decide(left_out):
    declared = {key: value for key, value in DECLARED.items() if key not in left_out}
    assert matches(the_server(), declared={**declared, "userdata": {"sha256": "x"}, "root_volume": {"size": 100}})


def resembles(row, **facts):
    return KIND.match_similar(an_open_purchase(**facts), [row]) == (row,)


@pytest.mark.parametrize(("mode", "alike"), [("PRE_PAID", True), ("POST_PAID", False), (None, True), ("COMMON", True)])
def test_what_shows_another_charging_mode_under_another_name_is_another_purchase(mode, alike):
    assert resembles(the_server(name="else", charging_mode=mode)) is alike


@pytest.mark.parametrize(
    ("row", "renamed", "refused"),
    [
        ({}, False, None),
        ({"name": "else"}, False, "--allow other-name"),
        ({"name": "else"}, True, None),
        ({"name": "else", "key_pair_name": "another"}, True, None),
        ({"name": "else", "key_pair_name": "another", "flavor": "Si2.large.8"}, True, "check the id"),
    ],
)
def test_a_person_takes_a_renamed_one_knowingly_and_nothing_else(row, renamed, refused):
    live = the_server(**row)
    if refused is None:
        require_fitting(an_open_purchase(), live, KIND, allow_other_name=renamed)
        return
    with pytest.raises(UsageError) as raised:
        require_fitting(an_open_purchase(), live, KIND, allow_other_name=renamed)
    (finding,) = raised.value.diagnostics
    assert (finding.code, refused in finding.hint) == ("server-differs", True)


def test_what_was_there_before_is_not_taken_by_any_word():
    live = the_server(name="else")
    with pytest.raises(UsageError):
        require_fitting(an_open_purchase(earlier_ids=(live.id,)), live, KIND, allow_other_name=True)


ODD_AGES = {"zero": 0, "negative": -1, "seconds": SENT // 1000, "a little older": SENT - TOLERANCE - 1, "missing": None}


@pytest.mark.parametrize("made_at", ODD_AGES.values(), ids=ODD_AGES)
def test_an_id_that_no_list_showed_is_new_whatever_its_row_says_of_its_age(made_at):
    renamed = the_server(name="somebodys", create_at=made_at)
    assert KIND.match_similar(an_open_purchase(all_listed=True), [renamed]) == (renamed,)
    assert not matches(renamed, all_listed=True)


@pytest.mark.parametrize(
    ("made_at", "may_be"), [(0, True), (SENT - 2 * TOLERANCE, True), (SENT - 5 * TOLERANCE, False)]
)
def test_without_a_list_a_time_that_can_be_true_and_lies_well_before_rules_out(made_at, may_be):
    assert bool(KIND.match_similar(an_open_purchase(), [the_server(name="somebodys", create_at=made_at)])) is may_be


def test_what_was_listed_before_is_never_alike():
    assert not KIND.match_similar(an_open_purchase(all_listed=True, listed=(ID,)), [the_server(name="somebodys")])


CHANGED_TOO = {
    "image": {"image": {"image_id": OTHER_IMAGE}},
    "key pair": {"key_pair_name": "theirs"},
    "flavor": {"flavor": "Si2.large.8"},
}


@pytest.mark.parametrize("changed", CHANGED_TOO.values(), ids=CHANGED_TOO)
def test_one_more_field_than_the_name_may_have_been_changed_meanwhile(changed):
    assert KIND.match_similar(an_open_purchase(all_listed=True), [the_server(name="somebodys", **changed)])
    assert not matches(the_server(**changed), all_listed=True)


@pytest.mark.parametrize(
    "row",
    [
        the_server(name="somebodys", key_pair_name="theirs", flavor="Si2.large.8"),
        the_server(name="somebodys", key_pair_name="theirs", create_at=SENT + 3 * 60 * 60 * 1000),
    ],
    ids=["two fields", "made long after"],
)
def test_what_differs_more_or_came_later_is_a_strangers(row):
    assert not KIND.match_similar(an_open_purchase(all_listed=True), [row])


def test_blanks_and_letter_case_are_no_difference():
    assert KIND.match_similar(an_open_purchase(), [the_server(name="somebodys", flavor=" SI2.large.4 ")])


def test_a_row_of_an_order_that_was_known_before_is_not_ours():
    assert not matches(the_server(order_id="CS-OLD"), listed_orders=("CS-OLD",))


ANOTHER = {
    "name and flavor": ({"name": "bobs", "flavor": "Kat1.8xlarge"}, True),
    "name alone": ({"name": "bobs"}, True),
    "a neighbour's": ({"name": "gateway-2"}, True),
    "flavor alone": ({"flavor": "Kat1.8xlarge"}, False),
    "a longer name": ({"name": "gateway-0001", "flavor": "Kat1.8xlarge"}, True),
    "another letter case": ({"name": "GATEWAY", "flavor": "Kat1.8xlarge"}, False),
    "a longer flavor": ({"name": "bobs", "flavor": "modelarts.si2.large.4"}, True),
    "no name": ({"name": None, "flavor": "Kat1.8xlarge"}, False),
}


@pytest.mark.parametrize(("shown", "is_another"), ANOTHER.values(), ids=ANOTHER)
def test_a_first_row_of_another_name_is_another_server(shown, is_another):
    assert KIND.is_mismatch(an_open_purchase(), the_server(**shown)) is is_another


@pytest.mark.parametrize(("name", "is_another"), [("gateway-abc", False), ("GATEWAY-ABC", False), ("gateway", True)])
def test_under_a_marker_only_the_marked_name_is_ours(name, is_another):
    assert KIND.is_mismatch(an_open_purchase(name="gateway-abc"), the_server(name=name)) is is_another


def test_orders_are_asked_for_from_well_before_whatever_billings_clock_says_and_known_ones_left_out():
    intent = an_open_purchase(listed_orders=("CS-OLD",))
    orders = [{"order_id": "CS-OLD", "status": 6}, {"order_id": "CSNEW", "status": 6}]
    played = play(KIND.orders.possible_orders(intent), [ok(order_infos=orders, total_count=2), ok()])
    assert [trace.order_id for trace in played.result if not trace.mismatch] == ["CSNEW"]
    begin = datetime.fromisoformat(played.of(Call)[0].query["create_time_begin"]).timestamp() * 1000
    assert begin <= SENT - 12 * 60 * 60 * 1000
