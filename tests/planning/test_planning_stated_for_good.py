"""What an apply writes down of specs that state what is true: a row that shows it otherwise later is drift, and costs no machine."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
from support.builders import a_recorded, a_state, an_address
from support.planning_builders import (
    KIND,
    OTHER_IMAGE,
    PREPAID,
    applied,
    bought,
    codes,
    planned,
    refreshed,
    shown,
    surveyed,
    wanted,
)

from provisioner.model.action import Action
from provisioner.model.audit_event import AuditEventType
from provisioner.model.audit_events import audit_events
from provisioner.model.history import HistoryRecord, with_context
from provisioner.model.journal import Imported, Stated
from provisioner.model.redaction import leaves, value_at
from provisioner.model.refactoring import Move, Refactoring
from provisioner.model.replay import replay
from provisioner.model.resource import Lifecycle, Phase
from provisioner.model.selection import Pattern, Selection
from provisioner.planning import declares_new_billed_field, statements, with_statements_applied

DISKS = {"type": "SSD", "size": 200}
PAY_PER_USE = {"charging_mode": "POST_PAID", "period_type": "MONTH", "period_num": 1}
STATED = [
    ({"arch": "X86"}, {"arch": "ARM"}),
    ({"server_type": "ECS"}, {"server_type": "BMS"}),
    ({"root_volume": DISKS}, {"root_volume": {**DISKS, "size": 300}}),
    ({"root_volume": {"type": "SSD"}}, {"root_volume": {"type": "SAS"}}),
    ({"data_volume": {**DISKS, "count": 2}}, {"data_volume": {"type": "SAS", "size": 200, "count": 2}}),
    ({"flavor": None, "resource_flavor": "rf"}, {"resource_flavor": "other"}),
    ({"flavor": "Si2.large.8"}, {"flavor": "Si2.large.4"}),
    ({"image_id": OTHER_IMAGE}, {"image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7"}),
    ({"key_pair_name": "theirs"}, {"key_pair_name": "ops"}),
    ({"charging_info": PREPAID}, {"charging_info": {"charging_mode": "POST_PAID"}}),
]
"""What specs say newly and the row shows, and what another row shows."""
SENT = wanted()
RECORD = bought(SENT)


def named(specs):
    return {path for path, value in leaves(specs) if value is not None}


def survey_of(specs, row, record=RECORD, **rest):
    return surveyed(wanted(**specs), state=a_state(record), live=(shown(record, **row),), **rest)


def row_of(specs):
    return {key: value for key, value in specs.items() if value is not None}


def after_apply(specs, row, record=RECORD):
    """What is recorded once `specs` were applied while the row showed `row`."""
    survey = survey_of(specs, row_of(row), record)
    plan = planned(survey)
    assert plan.work == ()
    return replay(survey.state, statements(plan)).resources[record.address]


@pytest.mark.parametrize(("true", "otherwise"), STATED)
def test_what_the_row_shows_is_recorded_as_declared(true, otherwise):
    record = after_apply(true, true)
    shown_of_it = {path for path in named(true) if KIND.rule(path).shown and KIND.rule(path).survives_removal}
    assert {path: value_at(record.declared, path) for path in shown_of_it} == {
        path: value_at(true, path) for path in shown_of_it
    }
    later = planned(survey_of(true, otherwise, record))
    assert (later.work, codes(later.findings)[:1]) == ((), ["unconfirmed"])
    assert tuple(statements(planned(survey_of(true, true, record)))) == ()


@pytest.mark.parametrize(("true", "otherwise"), STATED[:6])
def test_what_nothing_shows_is_recorded_as_assumed_and_a_row_that_denies_it_is_drift(true, otherwise):
    record = after_apply(true, {})
    assert (record.declared, named(record.assumed)) == (RECORD.declared, named(true))
    again = planned(survey_of(true, {}, record))
    assert (codes(again.findings), tuple(statements(again))) == (["assumed"], ())
    denied = planned(survey_of(true, otherwise, record))
    assert (denied.work, codes(denied.findings)) == ((), ["unconfirmed"])
    kept = after_apply(true, otherwise, record).assumed
    assert all(value_at(kept, path) in {None, value_at(true, path)} for path in named(true))
    assert kept != {}
    (drift,) = refreshed(survey_of(true, otherwise, record)).changes
    assert (drift.action, {item.path for item in drift.fields} & named(true) != set()) == (Action.RECORD, True)


@pytest.mark.parametrize(("true", "otherwise"), STATED[:6])
def test_what_was_assumed_is_recorded_as_declared_once_a_row_shows_it(true, otherwise):
    record = after_apply(true, true, after_apply(true, {}))
    assert (record.assumed, named(true) <= named(record.declared)) == ({}, True)
    assert planned(survey_of(true, otherwise, record)).work == ()


@pytest.mark.parametrize(("false", "right"), STATED[:6])
def test_to_correct_an_assumption_wipes_nothing_where_the_row_agrees_or_shows_nothing(false, right):
    specs = {**false, **right} if "flavor" not in false else {"flavor": None, **right}
    assumed = after_apply(false, {})
    confirmed = after_apply(specs, right, assumed)
    assert (confirmed.assumed, named(right) <= named(confirmed.declared)) == ({}, True)
    unshown = after_apply(specs, {}, assumed)
    assert {path: value_at(unshown.assumed, path) for path in named(right)} == {
        path: value_at(right, path) for path in named(right)
    }
    contradicted = planned(survey_of(specs, row_of(false), assumed))
    assert [one.action for one in contradicted.changes] == [Action.REPLACE]


def test_an_assumption_goes_with_its_line():
    record = after_apply({}, {}, after_apply({"arch": "X86"}, {}))
    assert (record.assumed, record.declared) == ({}, RECORD.declared)


def test_what_leaving_it_out_says_needs_no_record():
    meant = {"enterprise_project_id": "0", "charging_info": PAY_PER_USE, "userdata": "", "volumes": []}
    plan = planned(survey_of(meant, {"charging_info": {"charging_mode": "POST_PAID"}}))
    assert (plan.work, tuple(statements(plan))) == ((), ())


def test_what_is_ignored_or_left_out_is_not_recorded():
    survey = survey_of({"arch": "X86"}, {"arch": "X86"})
    (desired,) = survey.desired
    ignoring = replace(desired, lifecycle=Lifecycle(ignore_changes=(("arch",),)))
    assert tuple(statements(planned(replace(survey, desired=(ignoring,))))) == ()
    elsewhere = Selection(targets=(Pattern.parse("elsewhere"),))
    assert tuple(statements(planned(replace(survey, selection=elsewhere)))) == ()
    here = Selection(targets=(Pattern.parse("gateway"),))
    assert [one.address for one in statements(planned(replace(survey, selection=here)))] == [RECORD.address]


@pytest.mark.parametrize("phase", [Phase.DELETING, Phase.FAILED, Phase.CREATING])
def test_what_is_not_compared_is_not_recorded(phase):
    record = replace(RECORD, phase=phase)
    survey = surveyed(wanted(arch="X86"), state=a_state(record), live=(shown(record, "ERROR", arch="X86"),))
    assert tuple(statements(planned(survey))) == ()


def test_nothing_is_recorded_of_a_server_that_another_one_takes_the_place_of():
    plan = planned(survey_of({"arch": "X86", "server_type": "BMS"}, {"arch": "X86", "server_type": "ECS"}))
    assert ([one.action for one in plan.work], tuple(statements(plan))) == ([Action.REPLACE], ())


def test_what_is_changed_in_place_is_changed_from_what_was_written_down():
    """Else the change would write over it."""
    plan = planned(survey_of({"arch": "X86", "name": "portal"}, {"arch": "X86"}))
    (statement,), (change,) = statements(plan), with_statements_applied(plan).changes
    assert (change.action, change.recorded.declared) == (Action.UPDATE, statement.declared)
    assert (statement.declared["arch"], statement.declared["name"]) == ("X86", "gateway")


def test_of_what_is_moved_it_is_told_of_the_former_address():
    moved = replace(RECORD, address=an_address("portal"))
    survey = surveyed(wanted("gateway", arch="X86"), state=a_state(moved), live=(shown(moved, arch="X86"),))
    survey = replace(survey, refactoring=Refactoring(moves=(Move(moved.address, RECORD.address),)))
    (statement,) = statements(planned(survey))
    assert statement.address == moved.address


SPELT = replace(RECORD, baseline={"flavor": "SI2.LARGE.4"})


@pytest.mark.parametrize("row", ["SI2.LARGE.4", "Si2.large.4"])
@pytest.mark.parametrize("specs", ["SI2.LARGE.4", "Si2.large.4"])
def test_both_spellings_of_what_was_bought_are_the_same_machine_in_specs_and_rows(specs, row):
    plan = planned(survey_of({"flavor": specs}, {"flavor": row}, SPELT))
    assert (plan.work, plan.findings, tuple(statements(plan))) == ((), (), ())


@pytest.mark.parametrize("specs", ["SI2.LARGE.4", "Si2.large.4"])
def test_and_a_row_that_shows_neither_is_drift(specs):
    plan = planned(survey_of({"flavor": specs}, {"flavor": "other"}, SPELT))
    assert (plan.work, codes(plan.findings)) == ((), ["unconfirmed"])


def test_a_machine_that_is_declared_as_another_by_now_has_no_first_row_any_more():
    record = after_apply({"flavor": "other"}, {"flavor": "other"}, SPELT)
    assert (record.declared["flavor"], record.baseline) == ("other", {})
    assert [one.action for one in planned(survey_of({"flavor": "SI2.LARGE.4"}, {"flavor": "other"}, record)).work] == [
        Action.REPLACE
    ]


def test_a_subscription_made_in_the_console_may_be_declared_with_its_term():
    """The period that stood beside pay-per-use was never bought."""
    record = bought(wanted(charging_info=PAY_PER_USE))
    yearly = {"charging_info": {**PREPAID, "period_type": "YEAR"}}
    stated = after_apply(yearly, {"charging_info": {"charging_mode": "PRE_PAID"}}, record)
    assert stated.declared["charging_info"] == {"charging_mode": "PRE_PAID"}
    assert stated.assumed == {"charging_info": {"period_type": "YEAR", "period_num": 1}}
    for mode in ("POST_PAID", "PRE_PAID"):
        later = planned(survey_of(yearly, {"charging_info": {"charging_mode": mode}}, stated))
        assert later.work == ()


def test_what_a_row_alone_makes_to_be_mended_sets_nothing_off():
    """Somebody has stopped it: it is started, and nobody is replaced for that."""
    cause, follower = wanted("gateway", power="running"), wanted("trainer[0]", name="trainer-0")
    follower = replace(follower, lifecycle=Lifecycle(replace_triggered_by=(cause.address,)))
    records = [bought(cause), bought(follower)]
    rows = (shown(records[0], "STOPPED", power="stopped"), shown(records[1]))
    plan = planned(surveyed(cause, follower, state=a_state(*records), live=rows))
    assert [(str(one.address), one.action) for one in plan.work] == [("gateway", Action.UPDATE)]


def test_applying_it_twice_is_no_more_than_once():
    survey = survey_of({"arch": "X86"}, {"arch": "X86"})
    once = applied(planned(survey), survey)
    twice = applied(planned(once), once)
    assert (once.state.resources, once.state.resources != survey.state.resources) == (twice.state.resources, True)


def test_the_history_calls_it_stated_and_says_what():
    record = a_recorded("gateway")
    statement = Stated(record.address, {**record.declared, "arch": "X86"}, {"availability_zone": "az-1"}, {})
    lines = [Imported(record, "by hand"), statement]
    history = tuple(with_context([HistoryRecord(number, 0, "", entry) for number, entry in enumerate(lines, start=1)]))
    _, deed = audit_events(history)
    assert (deed.type, deed.address, deed.id) == (AuditEventType.STATED, record.address, record.id)
    assert deed.detail == "arch, availability_zone (assumed)"


def test_an_assumption_reads_well_for_one_server_for_many_and_for_a_paid_term():
    """Nothing is to be done where it is so, and an address that is known stands in the hint."""
    prepaid = planned(survey_of({"charging_info": PREPAID}, {"charging_info": {"charging_mode": "PRE_PAID"}}))
    (finding,) = prepaid.findings
    assert finding.summary == (
        "gateway: charging_info.period_type, charging_info.period_num are assumed to be as the specs say, because the cloud does not show it"
    )
    assert "or did not buy the server" in finding.detail
    assert finding.hint.endswith("`provisioner apply --replace 'gateway'` buys a new one")
    fleet = [wanted(f"node[{number}]", name=f"node-{number}") for number in range(2)]
    records = [bought(one) for one in fleet]
    stating = [replace(one, fields={**one.fields, "arch": "X86"}) for one in fleet]
    (finding,) = planned(surveyed(*stating, state=a_state(*records), live=tuple(map(shown, records)))).findings
    assert finding.hint.endswith("`provisioner apply --replace 'node[0]'` buys a new one for that address")


class TestATermThatBillingTells:
    """Asked of billing where the specs state it newly; what it tells stands in the row by then."""

    BY_BILLING: ClassVar = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1}

    def survey(self, term, record=RECORD, **rest):
        specs = {"charging_info": self.BY_BILLING | term}
        return survey_of(specs, {"charging_info": self.BY_BILLING}, record, **rest)

    def recorded(self, survey):
        state = applied(planned(survey), survey).state
        assert state is not None
        return state.resources[RECORD.address]

    def test_another_one_is_told_with_both_and_nothing_of_it_is_recorded_or_sent(self):
        plan = planned(self.survey({"period_type": "YEAR", "period_num": 3}))
        (finding,) = plan.findings
        assert (finding.code, plan.work, plan.refusals) == ("unconfirmed", (), ())
        assert "charging_info.period_num is 1, and the specs say 3" in finding.summary
        assert "charging_info.period_type is 'MONTH', and the specs say 'YEAR'" in finding.summary
        record = self.recorded(self.survey({"period_type": "YEAR", "period_num": 3}))
        assert record.declared["charging_info"] == {"charging_mode": "PRE_PAID"}
        assert record.assumed == {}

    def test_the_right_one_is_recorded_as_declared(self):
        assert not planned(self.survey({})).findings
        record = self.recorded(self.survey({}))
        assert record.declared["charging_info"] == self.BY_BILLING

    def test_one_that_an_older_version_assumed_is_told_too_and_is_mended_by_the_right_one(self):
        record = replace(RECORD, assumed={"charging_info": {"period_type": "YEAR", "period_num": 3}})
        assert codes(planned(self.survey({"period_type": "YEAR", "period_num": 3}, record)).findings) == ["unconfirmed"]
        mended = self.recorded(self.survey({}, record))
        assert (mended.declared["charging_info"], mended.assumed) == (self.BY_BILLING, {})

    def test_who_ignores_it_is_told_nothing(self):
        survey = self.survey({"period_num": 3})
        lifecycle = Lifecycle(ignore_changes=(("charging_info", "period_num"),))
        assert not planned(replace(survey, desired=(replace(survey.desired[0], lifecycle=lifecycle),))).findings

    def test_a_term_that_was_declared_is_a_change_as_ever(self):
        record = bought(wanted(charging_info=self.BY_BILLING))
        plan = planned(
            surveyed(
                wanted(charging_info=self.BY_BILLING | {"period_num": 3}), state=a_state(record), live=(shown(record),)
            )
        )
        assert [change.action for change in plan.changes] == [Action.REPLACE]
        assert codes(plan.refusals) == ["prepaid-replace"]

    @pytest.mark.parametrize(
        ("declared", "specs", "asks"),
        [
            (None, BY_BILLING, True),
            ({**PAY_PER_USE, "period_num": 2}, BY_BILLING, True),  # a period beside pay-per-use was never bought
            ({"charging_mode": "PRE_PAID"}, BY_BILLING, True),
            (BY_BILLING, BY_BILLING, False),
            (BY_BILLING, BY_BILLING | {"period_num": 3}, False),
            (None, None, False),
            (None, PAY_PER_USE, False),
        ],
    )
    def test_billing_is_asked_only_of_what_is_stated_newly(self, declared, specs, asks):
        record = bought(wanted(charging_info=declared))
        assert declares_new_billed_field(KIND, record, wanted(charging_info=specs)) is asks
