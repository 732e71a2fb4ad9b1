"""What a plan is refused for, and the way out that each refusal names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address, an_intent
from support.planning_builders import OTHER_IMAGE, PREPAID, bought, codes, planned, settled, shown, surveyed, wanted

from provisioner.model.action import Action
from provisioner.model.diagnostic import SourceRange
from provisioner.model.flow import Effect
from provisioner.model.guards import Allowance
from provisioner.model.list_gap import NO_NAMES, ListGap
from provisioner.model.plan import Mode
from provisioner.model.resource import Lifecycle, Phase

PROTECTED = Lifecycle(prevent_destroy=True)
GATEWAY = frozenset({an_address("gateway")})
SOURCE = SourceRange("specs/main.yaml", 3, 5)


def stranger(name="gateway", identifier="a-strangers-id"):
    return shown(bought(wanted(name=name), id=identifier), "STOPPED")


def test_a_name_that_a_stranger_bears_is_not_bought_again():
    plan = planned(surveyed(replace(wanted(), source=SOURCE), live=(stranger(),)))
    (refusal,) = plan.refusals
    assert refusal.code == "name-taken"
    assert "a-strangers-id, STOPPED" in refusal.summary
    assert (refusal.source, refusal.address) == (SOURCE, an_address("gateway"))
    assert refusal.hint


def test_a_rename_to_a_strangers_name_is_refused():
    record = bought(wanted())
    plan = planned(surveyed(wanted(name="theirs"), state=a_state(record), live=(shown(record), stranger("theirs"))))
    assert codes(plan.refusals) == ["name-taken"]


def test_a_replacement_looks_for_strangers_and_not_for_itself():
    record = bought(wanted())
    changed = wanted(flavor="other")
    assert planned(surveyed(changed, state=a_state(record), live=(shown(record),))).refusals == ()
    beside = surveyed(changed, state=a_state(record), live=(shown(record), stranger()))
    assert codes(planned(beside).refusals) == ["name-taken"]


def test_a_name_that_another_of_ours_is_only_about_to_give_up_is_not_bought_beside_it():
    """A key renamed in the specs would else buy the same server again and release the old one at the same moment."""
    record = bought(wanted("old", name="gateway"))
    plan = planned(surveyed(wanted(), state=a_state(record), live=(shown(record),)))
    assert [change.action for change in plan.changes] == [Action.CREATE, Action.DELETE]
    (refusal,) = plan.refusals
    assert (refusal.code, str(refusal.address)) == ("name-held", "gateway")
    assert "old" in refusal.summary
    assert "provisioner state mv 'old' 'gateway'" in refusal.hint


def test_a_name_that_another_of_ours_has_given_up_is_free():
    record = bought(wanted("old", name="gateway"))
    plan = planned(surveyed(wanted(), state=a_state(record), live=()))
    assert [change.action for change in plan.changes] == [Action.CREATE, Action.FORGET]
    assert codes(plan.refusals) == ["vanished"]


@pytest.mark.parametrize("mode", Mode)
def test_a_stranger_is_nobodys_business_when_nothing_takes_its_name(mode):
    survey = settled(wanted())
    survey = replace(survey, live={**survey.live, "x": stranger(identifier="x")})
    assert planned(survey, mode=mode).refusals == ()


def doubtful(desired, *records, effect=Effect.PURCHASE, **rest):
    intent = an_intent("gateway", name="gateway", effect=effect)
    state = a_state(*records, intents={intent.id: intent})
    return planned(surveyed(*desired, state=state, live=tuple(map(shown, records))), **rest)


def test_a_name_that_may_yet_appear_is_not_bought_under_another_address():
    (refusal,) = doubtful([wanted("portal", name="gateway")]).refusals
    assert (refusal.code, str(refusal.address)) == ("name-in-doubt", "portal")
    assert "keep the address gateway" in refusal.hint


def test_no_server_is_renamed_to_a_name_that_may_yet_appear():
    record = bought(wanted("portal"))
    assert codes(doubtful([wanted("portal", name="gateway")], record).refusals) == ["name-in-doubt"]


def test_the_address_in_doubt_itself_and_other_names_are_not_refused():
    assert doubtful([wanted(), wanted("other")]).refusals == ()


def test_a_release_in_doubt_keeps_no_name():
    assert doubtful([wanted("portal", name="gateway")], effect=Effect.DESTRUCTIVE).refusals == ()


def test_destroy_takes_no_name():
    assert doubtful([wanted("portal", name="gateway")], mode=Mode.DESTROY).refusals == ()


def protected_record(**facts):
    return bought(wanted(), protected=True, **facts)


def test_a_protected_server_is_not_released_by_leaving_the_specs():
    record = protected_record()
    (refusal,) = planned(surveyed(state=a_state(record), live=(shown(record),))).refusals
    assert refusal.code == "protected"
    assert (refusal.detail, refusal.source) == ("", None)
    assert "prevent_destroy: false" in refusal.hint


def test_a_protected_server_is_not_replaced_and_the_forcing_field_is_named():
    record = protected_record()
    desired = replace(wanted(flavor="other", name="portal"), lifecycle=PROTECTED, source=SOURCE)
    (refusal,) = planned(surveyed(desired, state=a_state(record), live=(shown(record),))).refusals
    assert (refusal.code, refusal.detail, refusal.source) == ("protected", "forced by flavor", SOURCE)


def test_the_system_disk_of_a_protected_server_is_not_wiped_before_it_is_allowed():
    record = protected_record()
    desired = replace(wanted(image_id=OTHER_IMAGE), lifecycle=PROTECTED)
    survey = surveyed(desired, state=a_state(record), live=(shown(record),))
    (refusal,) = planned(survey).refusals
    assert (refusal.code, refusal.detail) == ("protected", "forced by image_id")
    assert "have its system disk wiped" in refusal.summary
    assert planned(replace(survey, allowed=frozenset({Allowance.PROTECTED}))).refusals == ()


@pytest.mark.parametrize("replacing", [frozenset(), GATEWAY])
def test_neither_destroy_nor_a_named_replacement_overrules_protection(replacing):
    record = protected_record()
    desired = replace(wanted(), lifecycle=PROTECTED)
    survey = surveyed(desired, state=a_state(record), live=(shown(record),), replace=replacing)
    mode = Mode.APPLY if replacing else Mode.DESTROY
    assert codes(planned(survey, mode=mode).refusals) == ["protected"]


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_lifting_protection_must_be_applied_before_the_server_can_go(mode):
    record = protected_record()
    survey = surveyed(wanted(flavor="other"), state=a_state(record), live=(shown(record),))
    assert codes(planned(survey, mode=mode).refusals) == ["protected"]
    lifted = replace(record, protected=False)
    survey = surveyed(wanted(flavor="other"), state=a_state(lifted), live=(shown(lifted),))
    assert planned(survey, mode=mode).refusals == ()


def test_a_vanished_server_needs_no_protection():
    assert codes(planned(surveyed(state=a_state(protected_record()))).refusals) == ["vanished"]


def prepaid_survey(desired, observed=None, **rest):
    record = bought(wanted(charging_info=PREPAID), **({} if observed is None else {"observed": observed}))
    return surveyed(desired, state=a_state(record), live=(shown(record),), **rest)


def test_a_prepaid_server_is_not_given_up_for_a_changed_field():
    plan = planned(prepaid_survey(wanted(charging_info=PREPAID, flavor="other")))
    (refusal,) = plan.refusals
    assert refusal.code == "prepaid-replace"
    assert "changing flavor would release it" in refusal.summary
    assert "--replace 'gateway'" in refusal.hint


def test_a_prepaid_server_is_replaced_when_a_person_names_it():
    plan = planned(prepaid_survey(wanted(charging_info=PREPAID, flavor="other"), replace=GATEWAY))
    assert [change.action for change in plan.changes] == [Action.REPLACE]
    assert plan.refusals == ()


def test_what_the_cloud_sold_as_prepaid_is_prepaid():
    record = bought(wanted(), observed={"charging_mode": "PRE_PAID"})
    plan = planned(surveyed(wanted(flavor="other"), state=a_state(record), live=(shown(record),)))
    assert codes(plan.refusals) == ["prepaid-replace"]


def test_a_pay_per_use_server_is_replaced_freely():
    record = bought(wanted())
    assert planned(surveyed(wanted(flavor="other"), state=a_state(record), live=(shown(record),))).refusals == ()


def test_a_prepaid_server_whose_release_is_under_way_is_bought_anew_only_by_name():
    """An interrupted destroy is not to be turned into a purchase by the next apply."""
    record = bought(wanted(charging_info=PREPAID), phase=Phase.DELETING)
    survey = surveyed(wanted(charging_info=PREPAID), state=a_state(record), live=(shown(record, "DELETING"),))
    (refusal,) = planned(survey).refusals
    assert refusal.code == "prepaid-replace"
    assert "it is being released" in refusal.summary
    assert planned(replace(survey, replace=GATEWAY)).refusals == ()
    assert planned(survey, mode=Mode.DESTROY).refusals == ()


def test_an_address_that_is_not_bought_yet_may_be_named_for_replacement():
    plan = planned(surveyed(wanted(), replace=GATEWAY))
    assert [change.action for change in plan.changes] == [Action.CREATE]
    assert plan.refusals == ()


@pytest.mark.parametrize(
    ("names", "refused"),
    [(None, True), (frozenset({"gateway"}), True), (frozenset({"theirs"}), False), (NO_NAMES, False)],
)
def test_a_list_that_may_hide_the_wanted_name_lets_nobody_buy_it_unasked(names, refused):
    survey = replace(surveyed(wanted()), gaps=(ListGap("GET list", "`total` is 9", names),))
    assert codes(planned(survey).refusals) == ["list-incomplete"] * refused
    assert "list-incomplete" in codes(planned(survey).findings)
    allowed = planned(replace(survey, allowed=frozenset({Allowance.LIST_INCOMPLETE})))
    assert allowed.refusals == ()
    assert codes(allowed.lifted) == ["list-incomplete"] * refused


def test_a_list_with_gaps_keeps_nothing_else_from_being_done():
    record = bought(wanted())
    survey = surveyed(state=a_state(record), live=(shown(record),))
    plan = planned(replace(survey, gaps=(ListGap("GET list", "`total` is 9"),)))
    assert [change.action for change in plan.changes] == [Action.DELETE]
    assert plan.refusals == ()
