"""Which live row a lost reply was about: every field that both sides know must agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import an_intent
from support.planning_builders import IMAGE, NETWORK, OTHER_IMAGE, PREPAID, bought, wanted
from support.rows import ID, a_live

from provisioner.kinds import CATALOGUE
from provisioner.model.diagnostic import UsageError
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
    return KIND.resembles(an_open_purchase(**facts), [row]) == (row,)


@pytest.mark.parametrize(("mode", "alike"), [("PRE_PAID", True), ("POST_PAID", False), (None, True), ("COMMON", True)])
def test_what_shows_another_charging_mode_under_another_name_is_another_purchase(mode, alike):
    assert resembles(the_server(name="else", charging_mode=mode)) is alike


@pytest.mark.parametrize(
    ("row", "renamed", "refused"),
    [
        ({}, False, None),
        ({"name": "else"}, False, "--allow other-name"),
        ({"name": "else"}, True, None),
        ({"name": "else", "key_pair_name": "another"}, True, "check the id"),
    ],
)
def test_a_person_takes_a_renamed_one_knowingly_and_nothing_else(row, renamed, refused):
    live = the_server(**row)
    if refused is None:
        require_fitting(an_open_purchase(), live, KIND, renamed=renamed)
        return
    with pytest.raises(UsageError) as raised:
        require_fitting(an_open_purchase(), live, KIND, renamed=renamed)
    (finding,) = raised.value.diagnostics
    assert (finding.code, refused in finding.hint) == ("server-differs", True)


def test_what_was_there_before_is_not_taken_by_any_word():
    live = the_server(name="else")
    with pytest.raises(UsageError):
        require_fitting(an_open_purchase(earlier_ids=(live.id,)), live, KIND, renamed=True)
