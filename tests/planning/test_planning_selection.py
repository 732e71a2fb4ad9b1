"""A run about a part of the stack: what is left out is no work, is told, and is still seen by the guards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_state, an_address, an_intent
from support.planning_builders import PREPAID, bought, codes, planned, settled, shown, surveyed, wanted
from support.planning_strategies import surveys

from provisioner.model.action import Action, Reason
from provisioner.model.guards import Allowance, GuardLimits
from provisioner.model.plan import LeftOut, Mode
from provisioner.model.resource import Lifecycle
from provisioner.model.selection import Pattern, Selection
from provisioner.planning import trigger_entries


def only(*texts, without=(), **labels):
    return Selection(tuple(map(Pattern.parse, texts)), tuple(map(Pattern.parse, without)), tuple(labels.items()))


@pytest.mark.parametrize(
    ("pattern", "address", "fits"),
    [
        ("gateway", "gateway", True),
        ("gateway", "gateways", False),
        ("pool", "pool[0]", True),
        ("pool", 'pool["a"]', True),
        ("pool[1]", "pool[1]", True),
        ("pool[1]", "pool[10]", False),
        ('pool["1"]', "pool[1]", False),
        ("pool", "module.vision.pool[0]", False),
        ("module.vision", "module.vision.pool[0]", True),
        ("module.vision", "module.vision.module.eu.pool[0]", True),
        ("module.vision.module.eu", "module.vision.pool", False),
        ("module.vision.pool", "module.vision.pool[3]", True),
        ("module.vision", "module.visions.pool", False),
        ("module", "module", True),
    ],
)
def test_an_address_a_group_or_a_module(pattern, address, fits):
    parsed = Pattern.parse(pattern)
    assert parsed.matches(an_address(address)) is fits
    assert str(parsed) == pattern


@pytest.mark.parametrize("text", ["", "pool[", "pool[*]", "module.", "module.vision.", "a b", "pool.0"])
def test_anything_else_is_no_address(text):
    with pytest.raises(ValueError, match="is not an address"):
        Pattern.parse(text)


def test_what_is_left_out_is_no_work_and_is_told():
    plan = planned(surveyed(wanted("a"), wanted("b"), selection=only("a")))
    assert [(str(change.address), change.action, change.reason) for change in plan.changes] == [
        ("a", Action.CREATE, None),
        ("b", Action.NO_OP, Reason.LEFT_OUT),
    ]
    assert plan.left_out == (LeftOut(an_address("b"), Action.CREATE),)
    assert plan.summary.add == 1


def test_targets_add_up_and_labels_and_exclusions_narrow():
    servers = [replace(wanted(name), labels={"team": team}) for name, team in [("a", "x"), ("b", "y"), ("c", "x")]]

    def chosen(selection):
        return [str(change.address) for change in planned(surveyed(*servers, selection=selection)).work]

    assert chosen(only("a", "b")) == ["a", "b"]
    assert chosen(only(without=["b"])) == ["a", "c"]
    assert chosen(only(team="x")) == ["a", "c"]
    assert chosen(only("a", "b", team="x")) == ["a"]
    assert chosen(only(without=["a"], team="x")) == ["c"]
    assert chosen(only(team="x", role="y")) == []


def test_a_server_that_is_not_wanted_any_more_is_chosen_by_its_recorded_labels():
    record = bought(replace(wanted("a"), labels={"team": "x"}))
    other = bought(wanted("b"))
    survey = surveyed(state=a_state(record, other), live=(shown(record), shown(other)), selection=only(team="x"))
    assert [str(change.address) for change in planned(survey).work] == ["a"]


@given(surveys(), st.sampled_from([Mode.APPLY, Mode.DESTROY]), st.data())
def test_a_part_is_never_more_than_the_whole(survey, mode, data):
    """Each change is done as it would have been, or is left out and told; doubts are looked for in any case."""
    whole = planned(survey, mode=mode)
    names = sorted({change.address.name for change in whole.changes})
    picked = data.draw(st.sets(st.sampled_from(names)) if names else st.just(set()))
    part = planned(replace(survey, selection=only(*picked)), mode=mode)
    assert all(change in whole.work for change in part.work)
    done = {change.address for change in part.work}
    left = {each.address: each.action for each in part.left_out}
    assert {change.address for change in whole.work} == done | left.keys()
    assert not done & left.keys()
    assert all(left[change.address] is change.action for change in whole.work if change.address in left)
    doubts = {change.address for change in whole.work if change.reason is Reason.IN_DOUBT}
    assert doubts <= done
    if picked:
        assert {address for address in done - doubts if address.name not in picked} == set()
    assert [change.address for change in part.changes] == [change.address for change in whole.changes]


class TestGuards:
    def test_a_name_is_still_held_by_a_server_that_is_left_out(self):
        record = bought(wanted("old", name="gateway"))
        survey = surveyed(wanted(), state=a_state(record), live=(shown(record),), selection=only("gateway"))
        assert codes(planned(survey).refusals) == ["name-held"]

    def test_a_name_is_still_that_of_a_doubt_elsewhere(self):
        intent = an_intent("gateway", name="gateway")
        survey = surveyed(wanted("portal", name="gateway"), state=a_state(intents={intent.id: intent}))
        assert codes(planned(replace(survey, selection=only("portal"))).refusals) == ["name-in-doubt"]

    def test_a_share_is_one_of_all_servers(self):
        before = [wanted(f"pool[{number}]", name=f"pool-{number}") for number in range(10)]
        survey = replace(settled(*before), desired=())
        three = [f"pool[{number}]" for number in range(3)]
        assert planned(replace(survey, selection=only(*three))).refusals == ()
        assert codes(planned(replace(survey, selection=only(*three, "pool[3]"))).refusals) == ["mass-change"]

    def test_what_is_left_out_is_neither_bought_nor_released(self):
        limits = GuardLimits(max_servers=2)
        survey = replace(settled(wanted("a"), wanted("b")), desired=(wanted("a"), wanted("c")), limits=limits)
        assert planned(survey).refusals == ()
        assert codes(planned(replace(survey, selection=only("c"))).refusals) == ["max-servers"]
        assert planned(replace(survey, selection=only("a", "b"))).refusals == ()

    def test_what_is_left_out_needs_no_leave(self):
        protected = replace(wanted("a"), lifecycle=Lifecycle(prevent_destroy=True))
        survey = settled(protected, wanted("b", charging_info=PREPAID), wanted("c"))
        plan = planned(replace(survey, selection=only("c")), mode=Mode.DESTROY)
        assert ([str(change.address) for change in plan.work], plan.refusals) == (["c"], ())

    @pytest.mark.parametrize("protected", [True, False])
    def test_a_doubt_that_is_left_out_is_looked_for_and_not_released(self, protected):
        declared = {"name": "gateway", "charging_info": PREPAID}
        intent = an_intent("gateway", name="gateway", protected=protected, declared=declared)
        record = bought(wanted("b"))
        state = a_state(record, intents={intent.id: intent})
        plan = planned(surveyed(state=state, live=(shown(record),), selection=only("b")), mode=Mode.DESTROY)
        assert {str(change.address): change.action for change in plan.work} == {
            "b": Action.DELETE,
            "gateway": Action.RESUME,
        }
        assert plan.refusals == ()


def test_what_vanished_elsewhere_does_not_make_a_part_incomplete():
    survey = replace(settled(wanted("a")), desired=(wanted("a"), wanted("b")))
    survey = replace(survey, state=a_state(bought(wanted("a")), bought(wanted("b"))))
    assert len(planned(survey).not_as_wanted) == 1
    part = planned(replace(survey, selection=only("a"), allowed=frozenset(Allowance)))
    assert part.not_as_wanted == ()
    assert codes(part.findings) == ["vanished"]


class TestTriggers:
    """`gateway` is updated, and `follower` is replaced for it."""

    def survey(self, *texts):
        follower = wanted("follower")
        follower = replace(follower, lifecycle=Lifecycle(replace_triggered_by=(an_address("gateway"),)))
        before = settled(wanted(), follower)
        return replace(before, desired=(follower, wanted(name="portal")), selection=only(*texts))

    def test_what_is_left_out_sets_nothing_off(self):
        plan = planned(self.survey("follower"))
        assert plan.work == ()
        assert [(str(each.address), each.action) for each in plan.left_out] == [("gateway", Action.UPDATE)]
        assert list(trigger_entries(plan)) == []

    def test_what_is_set_off_and_left_out_is_noted_for_a_later_run(self):
        plan = planned(self.survey("gateway"))
        assert [(str(change.address), change.action) for change in plan.work] == [("gateway", Action.UPDATE)]
        assert plan.left_out == (LeftOut(an_address("follower"), Action.REPLACE),)
        (note,) = trigger_entries(plan)
        assert (note.address, note.pending["triggered_by"]) == (an_address("follower"), "gateway")


def test_only_what_is_selected_is_recorded_as_the_cloud_shows_it():
    records = [bought(wanted(name)) for name in ("a", "b")]
    stopped = tuple(shown(record, "STOPPED") for record in records)
    survey = surveyed(wanted("a"), wanted("b"), state=a_state(*records), live=stopped, selection=only("a"))
    plan = planned(survey, mode=Mode.REFRESH)
    assert [(str(change.address), change.action) for change in plan.work] == [("a", Action.RECORD)]
    assert plan.left_out == (LeftOut(an_address("b"), Action.RECORD),)


def test_what_is_recorded_is_chosen_by_the_labels_of_the_specs():
    records = [bought(replace(wanted(name), labels={"team": "old"})) for name in ("a", "b")]
    stopped = tuple(shown(record, "STOPPED") for record in records)
    newly = (replace(wanted("a"), labels={"team": "vision"}), wanted("b"))
    chosen = Selection(labels=(("team", "vision"),))
    survey = surveyed(*newly, state=a_state(*records), live=stopped, selection=chosen)
    plan = planned(survey, mode=Mode.REFRESH)
    assert [str(change.address) for change in plan.work] == ["a"]
    assert [change.desired for change in plan.changes] == [None, None]
