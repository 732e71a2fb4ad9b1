"""Whether a server counts as well for later waves and for the release of what it replaces, whatever else is planned for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address, an_intent
from support.planning_builders import OTHER_IMAGE, bought, codes, planned, shown, surveyed, wanted

from provisioner.model.action import Action
from provisioner.model.flow import Effect
from provisioner.model.redaction import with_value
from provisioner.model.resource import Lifecycle, Phase

LABELLED = {"labels": {"a": "b"}}
BESIDE = {"labels": LABELLED, "name": {"fields": {"name": "other"}}, "power": {"fields": {"power": "stopped"}}}


def fleet(count=3, **fields):
    members = (wanted(f"pool[{key}]", name=f"pool-{key}", **fields) for key in range(count))
    return [replace(member, wave=key) for key, member in enumerate(members)]


def changed(desired, how):
    fields = {**desired.fields, **BESIDE[how].get("fields", {})}
    return replace(desired, fields=fields, labels=BESIDE[how].get("labels", {}))


def survey_of(desired, *, before=None, count=None, status="RUNNING", first=(), **rest):
    """`before` are recorded, `count` of them; the first one's row has `status`, and lacks the fields in `first`."""
    records = [bought(one) for one in (before or desired)][:count]
    rows = [shown(record) for record in records]
    seen = rows[0].shown
    for path, value in dict(first).items():
        seen = with_value(seen, path, value)
    rows[0] = replace(rows[0], status=status, shown=seen)
    return surveyed(*desired, state=a_state(*records), live=tuple(rows), **rest)


def actions(plan):
    return {str(change.address): change.action for change in plan.work}


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("status", ["ERROR", "FROZEN"])
@pytest.mark.parametrize("later", ["replaced", "bought"])
def test_a_change_of_an_earlier_server_does_not_hide_that_it_is_in_a_bad_way(beside, status, later):
    done = fleet(flavor="Si2.large.8")
    before = [done[0], *fleet()[1:]]
    desired = [changed(done[0], beside), *done[1:]]
    count = 1 if later == "bought" else None
    plan = planned(survey_of(desired, before=before, count=count, status=status))
    assert set(actions(plan)) == {"pool[0]"}
    assert "blocked" in codes(plan.findings)


@pytest.mark.parametrize(("path", "value"), [(("flavor",), "Si2.large.8"), (("image_id",), OTHER_IMAGE)])
def test_what_is_held_for_an_earlier_server_is_not_done_to_the_later_ones(path, value):
    desired = fleet(**{path[0]: value})
    held = planned(survey_of(desired, before=fleet(), first={path: None}))
    assert (actions(held), "blocked" in codes(held.findings)) == ({}, True)
    assert set(actions(planned(survey_of(desired, before=fleet())))) == {"pool[0]", "pool[1]", "pool[2]"}


def test_what_is_held_for_it_and_is_none_of_theirs_holds_no_later_one_back():
    """Somebody has changed the first one's key pair, and the labels of all are to change."""
    desired = [changed(one, "labels") for one in fleet()]
    plan = planned(survey_of(desired, before=fleet(), first={("key_pair_name",): "theirs"}))
    assert set(actions(plan)) == {"pool[0]", "pool[1]", "pool[2]"}
    more = planned(survey_of(fleet(4), count=3, first={("key_pair_name",): "theirs"}))
    assert (actions(more), "blocked" in codes(more.findings)) == ({}, True)


def lost_wipe(**facts):
    declared = {"image_id": OTHER_IMAGE, "admin_pass": None, "key_pair_name": "ops", "userdata": None}
    return replace(
        an_intent("pool[0]"),
        effect=Effect.WIPE,
        target_id="id-of-pool[0]",
        declared=declared,
        **facts,
    )


@pytest.mark.parametrize("settled", [False, True], ids=["open", "followed"])
def test_a_reinstallation_whose_answer_was_lost_and_that_nothing_shows_holds_the_later_ones_back(settled):
    survey = survey_of(fleet(image_id=OTHER_IMAGE), before=fleet())
    record = survey.state.resources[an_address("pool[0]")]
    if settled:
        sent = {"image_id": {"before": record.declared["image_id"], "after": OTHER_IMAGE}}
        declared = {**record.declared, "image_id": OTHER_IMAGE}
        record = replace(record, declared=declared, phase=Phase.REINSTALLING, unconfirmed=sent)
        state = replace(survey.state, resources=survey.state.resources | {record.address: record})
    else:
        state = replace(survey.state, intents={"lost": replace(lost_wipe(), id="lost")})
    row = replace(survey.live[record.id], status="STOPPED")
    survey = replace(survey, state=state, live=survey.live | {row.id: row})
    plan = planned(survey)
    assert (actions(plan), "blocked" in codes(plan.findings)) == ({"pool[0]": Action.RESUME}, True)
    arrived = replace(row, status="RUNNING", shown={**row.shown, "image_id": OTHER_IMAGE})
    going_on = planned(replace(survey, live=survey.live | {row.id: arrived}))
    assert set(actions(going_on)) == {"pool[0]", "pool[1]", "pool[2]"}


OLD = replace(bought(wanted(), id="old"), address=an_address("gateway").as_deposed)
NEW = bought(wanted(flavor="Si2.large.8"), id="new")


def deposed(desired, **row):
    return surveyed(desired, state=a_state(OLD, NEW), live=(shown(OLD), replace(shown(NEW), **row)))


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("status", ["ERROR", "FROZEN", "CREATE_FAILED"])
def test_a_change_of_its_successor_has_no_deposed_server_released(beside, status):
    plan = planned(deposed(changed(wanted(flavor="Si2.large.8"), beside), status=status))
    assert (set(actions(plan)), "deposed-kept" in codes(plan.findings)) == ({"gateway"}, True)


@pytest.mark.parametrize("lacks", [True, False], ids=["lacked", "shown otherwise"])
def test_a_deposed_server_is_kept_while_something_is_held_for_its_successor(lacks):
    desired = wanted(flavor="Si2.large.8", image_id=OTHER_IMAGE) if lacks else wanted(flavor="Si2.large.8")
    seen = with_value(shown(NEW).shown, ("image_id",), None if lacks else OTHER_IMAGE)
    plan = planned(deposed(desired, shown=seen))
    (kept,) = [one for one in plan.findings if one.code == "deposed-kept"]
    assert (actions(plan), "unconfirmed" in kept.hint) == ({}, True)


def record_of(**unconfirmed):
    sent = {name: {"before": pair[0], "after": pair[1]} for name, pair in unconfirmed.items()}
    return replace(bought(wanted(admin_pass=None)), unconfirmed=sent)


def alone(record, **fields):
    row = replace(shown(record), shown={**shown(record).shown, **fields})
    row = replace(row, shown={key: value for key, value in row.shown.items() if value is not None})
    return surveyed(wanted(), state=a_state(record), live=(row,))


def test_what_was_lost_is_told_until_something_shows_it_and_a_person_has_it_sent_again():
    record = record_of(image_id=("old", wanted().fields["image_id"]), key_pair_name=("ops", "ops"))
    survey = alone(record, image_id=None)
    plan = planned(survey)
    (finding,) = [one for one in plan.findings if one.code == "unconfirmed"]
    assert "nothing shows that image_id is there" in finding.summary
    assert "key_pair_name" not in finding.summary
    assert plan.changes[0].noted is None
    (again,) = planned(replace(survey, reinstall=frozenset({record.address}))).changes
    assert again.action is Action.REINSTALL
    assert {item.path for item in again.fields} == {("image_id",), ("key_pair_name",)}
    seen = planned(alone(record))
    assert ("unconfirmed" in codes(seen.findings), seen.changes[0].noted.unconfirmed) == (False, {})


def test_what_is_wanted_no_more_is_in_doubt_no_more():
    seen = planned(alone(record_of(image_id=("old", "another"))))
    assert ("unconfirmed" in codes(seen.findings), seen.changes[0].noted.unconfirmed) == (False, {})


def test_a_reinstallation_by_name_sends_what_a_row_does_not_show():
    record = bought(wanted())
    survey = replace(alone(record, key_pair_name=None), reinstall=frozenset({record.address}))
    assert planned(survey).changes[0].action is Action.REINSTALL
    whole = replace(alone(record), reinstall=frozenset({record.address}))
    assert planned(whole).changes[0].action is Action.NO_OP


def test_what_is_held_back_is_not_bought_first_either():
    first = Lifecycle(create_before_destroy=True)
    desired = [replace(one, lifecycle=first) for one in fleet(flavor="Si2.large.8")]
    before = [desired[0], *fleet()[1:]]
    plan = planned(survey_of(desired, before=before, status="ERROR"))
    assert [change.create_first for change in plan.changes] == [False] * 3
