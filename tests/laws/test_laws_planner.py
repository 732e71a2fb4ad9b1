"""Properties of every plan, whatever is wanted, recorded and live."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from support.planning_builders import KIND, applied, fingerprint, planned, settled, unknown_fingerprint
from support.planning_strategies import fleets, showings, standing, surveys

from provisioner.model.action import Action, Reason
from provisioner.model.field_rule import OnChange
from provisioner.model.flow import Effect
from provisioner.model.plan import Mode
from provisioner.model.redaction import value_at
from provisioner.model.selection import Selection

BUYING = frozenset({Action.CREATE, Action.REPLACE})
LOSING = frozenset({Action.REPLACE, Action.REINSTALL, Action.DELETE})


def recorded_in(survey):
    return survey.state.resources if survey.state else {}


def purchases_in_doubt(survey):
    return (
        {intent.address for intent in survey.state.in_doubt if intent.effect is Effect.PURCHASE}
        if survey.state
        else set()
    )


def is_lasting_drift(change):
    """Whether a refresh reports this drift every time, because declaring it would cost a disk or a server (docs/decisions/0017)."""
    costly = {OnChange.REINSTALL, OnChange.REPLACE}
    return change.action is Action.RECORD and all(KIND.rule(item.path).on_change in costly for item in change.fields)


@given(fleets(), st.sampled_from([fingerprint, unknown_fingerprint]))
def test_what_is_there_as_it_is_wanted_is_no_work(desired, fingerprint):
    plan = planned(settled(*desired), fingerprint=fingerprint)
    assert (plan.work, plan.findings, plan.refusals) == ((), (), ())


@given(surveys(), st.sampled_from(Mode))
def test_a_plan_that_was_carried_out_leaves_no_work(survey, mode):
    """Except for doubts, for builds, which are completed as begun and compared only then, and for drift that stays."""
    plan = planned(survey, mode=mode)
    left = {one.address for one in plan.changes if one.action is Action.RESUME or one.reason is Reason.IN_DOUBT}
    again = planned(applied(plan, survey), mode=mode).work
    assert {change.address for change in again if not is_lasting_drift(change)} <= left


@given(surveys(), st.sampled_from(Mode))
def test_resuming_and_then_carrying_out_the_next_plan_leaves_no_work(survey, mode):
    for _ in range(2):
        survey = applied(planned(survey, mode=mode), survey)
    again = planned(survey, mode=mode).work
    assert all(change.reason is Reason.IN_DOUBT or is_lasting_drift(change) for change in again)


@given(surveys(), st.sampled_from(Mode), st.randoms(use_true_random=False))
def test_the_order_of_its_parts_never_matters(survey, mode, random):
    def shuffled(items):
        items = list(items)
        random.shuffle(items)
        return items

    state = survey.state and replace(
        survey.state,
        resources=dict(shuffled(survey.state.resources.items())),
        intents=dict(shuffled(survey.state.intents.items())),
    )
    other = replace(
        survey, desired=tuple(shuffled(survey.desired)), state=state, live=dict(shuffled(survey.live.items()))
    )
    assert planned(other, mode=mode) == planned(survey, mode=mode)


@given(surveys(), st.sampled_from(Mode))
def test_every_address_has_one_change_and_no_other_is_touched(survey, mode):
    addresses = [change.address for change in planned(survey, mode=mode).changes]
    doubtful = set(survey.state.doubts) if survey.state else set()
    desired = {one.address for one in survey.desired} if mode is Mode.APPLY else set()
    assert addresses == sorted(desired | recorded_in(survey).keys() | doubtful)


@given(surveys())
def test_where_nothing_is_wanted_nothing_is_bought_or_changed(survey):
    plan = planned(replace(survey, desired=(), replace=frozenset()))
    assert plan.changes == planned(replace(survey, desired=()), mode=Mode.APPLY).changes
    for change in plan.changes:
        if change.address in recorded_in(survey):
            assert change.action in {Action.DELETE, Action.FORGET}
        else:
            assert (change.action, change.reason) == (Action.RESUME, Reason.IN_DOUBT)


@given(surveys())
def test_destroy_and_wanting_nothing_are_the_same_work(survey):
    destroyed = planned(survey, mode=Mode.DESTROY)
    unwanted = planned(replace(survey, desired=(), replace=frozenset()))
    assert [(change.address, change.action) for change in destroyed.changes] == [
        (change.address, change.action) for change in unwanted.changes
    ]


@given(surveys(), st.sampled_from(Mode))
def test_a_purchase_is_planned_only_where_nothing_is_recorded_or_it_is_released_first(survey, mode):
    for change in planned(survey, mode=mode).work:
        if change.action in BUYING:
            assert mode is Mode.APPLY
            assert (change.action is Action.REPLACE) == (change.address in recorded_in(survey))
            assert change.address not in purchases_in_doubt(survey) or change.address in recorded_in(survey)


@given(surveys())
def test_vanished_and_failed_servers_are_bought_again_only_by_name(survey):
    for change in planned(survey).work:
        recorded = change.recorded
        if change.action is Action.REPLACE and recorded.phase.value != "deleting" and recorded.id not in survey.live:
            assert change.address in survey.replace


@given(surveys(), st.sampled_from(Mode))
def test_a_replacement_says_why(survey, mode):
    for change in planned(survey, mode=mode).work:
        forcing = any(field.forces_replacement for field in change.fields)
        if change.action is Action.REPLACE:
            assert forcing or change.reason in {Reason.REQUESTED, Reason.UNDER_WAY}
        else:
            assert not forcing


@given(surveys())
def test_reading_no_password_never_makes_a_difference_of_its_own(survey):
    """So a pipeline that only plans needs no passwords."""
    known = {(change.address, change.action) for change in planned(survey).work}
    unknown = {(change.address, change.action) for change in planned(survey, fingerprint=unknown_fingerprint).work}
    assert unknown <= known


def is_held(change):
    """Whether the change holds back a field that the specs want otherwise than recorded, and that no apply has sent yet."""
    return any(value_at(change.recorded.declared, path) != value_at(change.after, path) for path in change.held)


@given(standing(), st.data())
def test_no_row_alone_wipes_or_releases_what_the_specs_say_of_it_since_the_last_apply(survey, data):
    """Whatever was recorded and shown before: once the specs are applied, no row leads to a change that costs a disk or a server."""
    for _ in range(2):
        plan = planned(survey)
        left = {change.address for change in plan.not_as_wanted} | {one.address for one in plan.changes if is_held(one)}
        reached = {
            one.address for one in survey.desired if not left & {one.address, *one.lifecycle.replace_triggered_by}
        }
        survey = applied(plan, survey)
        rows = [data.draw(showings(record)) for record in survey.state.resources.values()]
        survey = replace(survey, live={row.id: row for row in rows if row is not None})
        costly = [one for one in planned(survey).work if one.action in LOSING and one.address in reached]
        assert costly == []


def test_planning_touches_no_file_and_no_network():
    """An audit hook fails the planning if it opens a file, a socket or a process. deepdiff is imported beforehand."""
    program = """
import sys
import deepdiff
from support.planning_builders import bought, planned, shown, surveyed, wanted
from support.builders import a_state

record = bought(wanted())
survey = surveyed(wanted(name="portal", flavor="other"), wanted("new"), state=a_state(record), live=(shown(record),))
planned(survey)

def forbid(event, _arguments):
    if event in {"open", "os.listdir", "os.scandir", "time.sleep"} or event.startswith(("socket.", "subprocess.", "os.system")):
        raise AssertionError(f"planning did {event}")

sys.addaudithook(forbid)
plan = planned(survey)
sys.stdout.write(f"{len(plan.work)} changes")
"""
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tests,
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tests)},
    )
    assert (done.stdout, done.stderr) == ("2 changes", "")


@given(surveys(), st.booleans())
def test_a_destroy_that_keeps_what_is_protected_releases_all_the_rest_and_nothing_of_it(survey, hides):
    """Protected by the state, by the specs, or by specs of which nobody can tell."""
    hidden = frozenset(one.address.group for one in survey.desired[:1]) if hides else frozenset()
    desired = survey.desired[1:] if hides else survey.desired
    survey = replace(survey, desired=desired, selection=Selection(keeps_protected=True), assumed_protected=hidden)
    wanted = {one.address: one for one in desired}
    protected = {
        address
        for address, record in recorded_in(survey).items()
        if record.protected
        or (wanted[address].lifecycle.prevent_destroy if address in wanted else address.group in hidden)
    }
    plan = planned(survey, mode=Mode.DESTROY)
    lost = {change.address for change in plan.changes if change.action in LOSING}
    assert not lost & protected
    assert "protected" not in {refusal.code for refusal in plan.refusals}
    everything = planned(replace(survey, selection=Selection()), mode=Mode.DESTROY)
    assert lost == {change.address for change in everything.changes if change.action is Action.DELETE} - protected
