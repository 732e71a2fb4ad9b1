"""A server that is replaced because another one changes: what sets it off, what does not, and what was noted of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address
from support.planning_builders import OTHER_IMAGE, PREPAID, bought, codes, planned, shown, surveyed, wanted

from provisioner.model.action import Action
from provisioner.model.plan import Mode
from provisioner.model.resource import Lifecycle, Phase
from provisioner.planning import trigger_entries


def led_by(desired, *triggers):
    return replace(desired, lifecycle=Lifecycle(replace_triggered_by=tuple(map(an_address, triggers))))


def survey_of(*desired, before=(), **facts):
    """What is wanted now, recorded as `before` or as it is wanted; `facts` of the records by address."""
    known = {str(one.address): one for one in before}
    records = [bought(known.get(str(one.address), one), **facts.get(str(one.address), {})) for one in desired]
    return surveyed(*desired, state=a_state(*records), live=tuple(map(shown, records)))


def actions(survey, **how):
    return {str(change.address): change.action for change in planned(survey, **how).work}


@pytest.mark.parametrize(
    "changed", [{"flavor": "Si2.large.8"}, {"image_id": OTHER_IMAGE}, {"name": "portal"}, {"power": "stopped"}]
)
def test_a_replacement_a_reinstallation_and_an_update_set_it_off(changed):
    survey = survey_of(wanted("a", **changed), led_by(wanted("b"), "a"), before=[wanted("a")])
    assert actions(survey)["b"] is Action.REPLACE
    (field,) = planned(survey).work[-1].fields
    assert (field.path, field.after, field.forces_replacement) == (("lifecycle", "replace_triggered_by"), "a", True)


def test_labels_and_a_server_that_is_bought_or_released_set_nothing_off():
    labelled = replace(wanted("a"), labels={"team": "vision"})
    assert "b" not in actions(survey_of(labelled, led_by(wanted("b"), "a"), before=[wanted("a")]))
    survey = survey_of(led_by(wanted("b"), "new"))
    assert actions(replace(survey, desired=(*survey.desired, wanted("new")))) == {"new": Action.CREATE}


def test_a_group_sets_it_off_by_any_of_its_members_and_a_member_only_by_itself():
    first, second = (wanted(f"pool[{index}]", name=f"pool-{index}") for index in range(2))
    renamed = replace(second, fields={**second.fields, "name": "other"})
    survey = survey_of(first, renamed, led_by(wanted("b"), "pool"), led_by(wanted("c"), "pool[0]"), before=[second])
    assert actions(survey) == {"b": Action.REPLACE, "pool[1]": Action.UPDATE}


def test_chains_are_followed_whatever_their_order():
    survey = survey_of(
        led_by(wanted("a"), "b"), led_by(wanted("b"), "c"), wanted("c", flavor="Si2.large.8"), before=[wanted("c")]
    )
    assert actions(survey) == dict.fromkeys("abc", Action.REPLACE)


def test_a_prepaid_server_is_not_given_up_for_it_unless_it_is_named():
    survey = survey_of(
        wanted("a", name="portal"), led_by(wanted("b", charging_info=PREPAID), "a"), before=[wanted("a")]
    )
    (refusal,) = planned(survey).refusals
    assert refusal.code == "prepaid-replace"
    assert "a triggers its replacement" in refusal.summary
    assert "lifecycle.replace_triggered_by" in refusal.hint
    assert planned(replace(survey, replace=frozenset({an_address("b")}))).refusals == ()


def test_what_is_protected_is_not_released_for_it():
    led = led_by(wanted("b"), "a")
    survey = survey_of(wanted("a", name="portal"), led, before=[wanted("a")], b={"protected": True})
    assert "protected" in codes(planned(survey).refusals)


@pytest.mark.parametrize("facts", [{"phase": Phase.FAILED}, {"phase": Phase.CREATING}])
def test_what_failed_or_is_being_built_is_not_replaced_for_it(facts):
    survey = survey_of(wanted("a", name="portal"), led_by(wanted("b"), "a"), before=[wanted("a")], b=facts)
    assert actions(survey).get("b") is not Action.REPLACE


def test_what_vanished_is_not_bought_again_for_it():
    survey = survey_of(wanted("a", name="portal"), led_by(wanted("b"), "a"), before=[wanted("a")])
    live = {key: row for key, row in survey.live.items() if row.name != "b"}
    assert "b" not in actions(replace(survey, live=live))


def test_what_was_set_off_is_noted_and_planned_from_there_when_its_cause_is_done():
    led = led_by(wanted("b"), "a")
    (note,) = trigger_entries(planned(survey_of(wanted("a", name="portal"), led, before=[wanted("a")])))
    assert (str(note.address), note.phase, note.pending["triggered_by"]) == ("b", Phase.READY, "a")
    later = survey_of(wanted("a", name="portal"), led, b={"pending": note.pending})
    assert actions(later) == {"b": Action.REPLACE}


def note_of(*desired, before, **facts):
    return trigger_entries(planned(survey_of(*desired, before=before, **facts)))


@pytest.mark.parametrize("change", [{"flavor": "Si2.large.8"}, {"image_id": OTHER_IMAGE}, {"name": "portal"}])
def test_a_note_of_a_cause_that_never_changed_is_none(change):
    """It was refused, and the specs were put back; or the run died before it."""
    led = led_by(wanted("b"), "a")
    (note,) = note_of(wanted("a", **change), led, before=[wanted("a")])
    assert actions(survey_of(wanted("a"), led, b={"pending": note.pending})) == {"b": Action.RESUME}
    assert actions(survey_of(wanted("a", **change), led, before=[wanted("a")], b={"pending": note.pending}))["b"] is (
        Action.REPLACE
    )


@pytest.mark.parametrize("facts", [{"id": "another"}, {"phase": Phase.DELETING}], ids=["replaced", "half way"])
def test_a_note_of_a_cause_that_was_or_is_replaced_stands(facts):
    led = led_by(wanted("b"), "a")
    (note,) = note_of(wanted("a", flavor="Si2.large.8"), led, before=[wanted("a")])
    survey = survey_of(wanted("a"), led, a=facts, b={"pending": note.pending})
    assert actions(survey)["b"] is Action.REPLACE


def test_a_note_of_several_causes_stands_while_one_of_them_has_changed():
    led = led_by(wanted("b"), "a", "c")
    (note,) = note_of(wanted("a", name="portal"), wanted("c", name="gate"), led, before=[wanted("a"), wanted("c")])
    pending = {"pending": note.pending}
    assert actions(survey_of(wanted("a"), wanted("c"), led, b=pending)) == {"b": Action.RESUME}
    assert actions(survey_of(wanted("a"), wanted("c", name="gate"), led, b=pending)) == {"b": Action.REPLACE}


def test_a_note_stands_however_often_its_cause_is_refused_after_it_was_done():
    led, done = led_by(wanted("b"), "a"), wanted("a", name="portal")
    (note,) = note_of(done, led, before=[wanted("a")])
    (again,) = note_of(wanted("a", name="third"), led, before=[done], b={"pending": note.pending})
    assert actions(survey_of(done, led, b={"pending": again.pending})) == {"b": Action.REPLACE}


def test_a_reinstallation_that_leaves_no_trace_in_the_record_keeps_its_note():
    led = led_by(wanted("b"), "a")
    survey = survey_of(wanted("a"), led)
    row = replace(survey.live["id-of-a"], shown={**survey.live["id-of-a"].shown, "image_id": OTHER_IMAGE})
    survey = replace(survey, live=survey.live | {row.id: row}, reinstall=frozenset({an_address("a")}))
    (note,) = trigger_entries(planned(survey))
    assert note.pending == {"triggered_by": "a"}


def pool_of(*, first_lacks=None, **fields):
    pool = [replace(wanted(f"pool[{key}]", name=f"pool-{key}", **fields), wave=key) for key in range(2)]
    survey = survey_of(
        *pool,
        led_by(wanted("b"), "pool"),
        led_by(wanted("c"), "b"),
        before=[wanted(f"pool[{key}]", name=f"pool-{key}") for key in range(2)],
    )
    row = survey.live["id-of-pool[0]"]
    lacking = replace(row, shown={key: value for key, value in row.shown.items() if key != first_lacks})
    return replace(survey, live=survey.live | {row.id: lacking})


def test_what_is_held_back_sets_nothing_off_and_chains_are_held_back_with_it():
    going = planned(pool_of(flavor="Si2.large.8"))
    assert set(map(str, (change.address for change in going.work))) == {"b", "c", "pool[0]", "pool[1]"}
    held = planned(pool_of(first_lacks="flavor", flavor="Si2.large.8"))
    assert (held.work, list(trigger_entries(held))) == ((), [])
    assert {str(change.address) for change in held.not_as_wanted} == {"b", "c", "pool[1]"}


def test_and_given_up_when_the_specs_do_not_want_it_any_more():
    survey = survey_of(wanted("a"), wanted("b"), b={"pending": {"triggered_by": "a"}})
    assert actions(survey) == {"b": Action.RESUME}


def test_a_destroy_sets_nothing_off():
    survey = survey_of(wanted("a", name="portal"), led_by(wanted("b"), "a"), before=[wanted("a")])
    assert set(actions(survey, mode=Mode.DESTROY).values()) == {Action.DELETE}


def turns(plan):
    return {
        str(address): [str(one) for one in dependency.after]
        for dependency in plan.dependencies
        for address in dependency.addresses
    }


def test_what_is_set_off_comes_after_what_sets_it_off():
    survey = survey_of(
        led_by(wanted("a"), "b", "pool"),
        led_by(wanted("b"), "c"),
        wanted("c", flavor="Si2.large.8"),
        wanted("pool[0]", name="pool-0", flavor="Si2.large.8"),
        wanted("pool[1]", name="pool-1"),
        before=[wanted("c"), wanted("pool[0]", name="pool-0")],
    )
    assert turns(planned(survey)) == {"a": ["b", "pool[0]"], "b": ["c"]}


def test_where_waves_want_it_the_other_way_round_nobody_waits_for_ever():
    """The second server of the group comes after the first, which another is to set off that the second sets off."""
    first = replace(led_by(wanted("pool[0]", name="pool-0"), "b"), wave=0)
    second = replace(wanted("pool[1]", name="pool-1", flavor="Si2.large.8"), wave=1)
    survey = survey_of(
        first, second, led_by(wanted("b"), "pool[1]"), before=[wanted("pool[1]", name="pool-1"), wanted("b")]
    )
    plan = planned(survey)
    assert {str(change.address): change.action for change in plan.work} == dict.fromkeys(
        ("b", "pool[0]", "pool[1]"), Action.REPLACE
    )
    assert turns(plan) == {"b": ["pool[1]"], "pool[1]": ["pool[0]"]}


def test_what_is_held_back_in_its_group_is_noted_for_a_later_run():
    pool = [replace(led_by(wanted(f"pool[{index}]", name=f"pool-{index}"), "a"), wave=index) for index in range(2)]
    survey = survey_of(wanted("a", name="portal"), *pool, before=[wanted("a")], **{"pool[0]": {"phase": Phase.FAILED}})
    survey = replace(
        survey,
        live={key: replace(row, status="ERROR") if key == "id-of-pool[0]" else row for key, row in survey.live.items()},
    )
    plan = planned(survey)
    assert {str(one.address): one.action for one in plan.work} == {"a": Action.UPDATE}
    assert [str(note.address) for note in trigger_entries(plan)] == ["pool[1]"]
    assert not plan.dependencies


def test_a_cause_of_which_nothing_shows_that_it_was_carried_out_replaces_nobody_yet():
    """The answer to its reinstallation was lost. Named by a person, it is put on again, and sets it off then."""
    led, wanted_now = led_by(wanted("b"), "a"), wanted("a", key_pair_name="another")
    (note,) = note_of(wanted_now, led, before=[wanted("a")])
    unshown = {"unconfirmed": {"before": {"key_pair_name": "ops"}, "after": {"key_pair_name": "another"}}}
    survey = survey_of(wanted_now, led, a=unshown, b={"pending": note.pending})
    row = replace(survey.live["id-of-a"], shown={**survey.live["id-of-a"].shown, "key_pair_name": "ops"})
    survey = replace(survey, live=survey.live | {row.id: row})
    plan = planned(survey)
    assert ({str(each.address): each.action for each in plan.work}, [*trigger_entries(plan)]) == ({}, [])
    assert {str(change.address) for change in plan.not_as_wanted} == {"b"}
    named = actions(replace(survey, reinstall=frozenset({an_address("a")})))
    assert named == {"a": Action.REINSTALL, "b": Action.REPLACE}
