"""Servers that stand in no state and are ours all the same, or look like it: named, and never touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address, an_intent
from support.planning_builders import bought, codes, planned, shown, surveyed, wanted

from provisioner.kinds import CATALOGUE
from provisioner.model.action import Action, Reason
from provisioner.model.journal import Answered, Forgotten, Intended, Settled
from provisioner.model.list_gap import ListGap
from provisioner.model.marker import add_marker
from provisioner.model.refactoring import Import, Refactoring
from provisioner.model.replay import replay
from provisioner.model.resource import Phase
from provisioner.model.state import State
from provisioner.planning import relevant_unmanaged_servers

STATE = a_state(bought(wanted()))
OURS = shown(bought(wanted()))


def a_stray(name: str, identifier: str = "stray"):
    return shown(bought(wanted(name=name), id=identifier))


def swept(state: State, *strays):
    return planned(surveyed(wanted(), state=state, live=(OURS, *strays))).findings


def a_marked_name(lineage: str = STATE.lineage) -> str:
    return add_marker("gateway", lineage=lineage, salt=b"12345678", longest=64)


def believed_absent(address: str = "gateway"):
    intent = an_intent(address, name="gateway", declared={"name": "gateway"}, server_time=0, earlier_ids=())
    return {intent.id: intent}


def test_a_strangers_server_is_nobodys_business():
    assert swept(STATE, a_stray("somebody-elses")) == ()


def test_a_server_with_our_marker_is_ours():
    (finding,) = swept(STATE, a_stray(a_marked_name()))
    assert finding.code == "untracked"
    assert "stray" in finding.summary
    assert "release it in the console" in finding.hint


def test_the_marker_of_another_state_is_not_ours():
    assert swept(STATE, a_stray(a_marked_name("another-lineage"))) == ()


def test_a_namesake_of_a_recorded_server_may_have_been_bought_twice():
    (finding,) = swept(STATE, a_stray("gateway"))
    assert (finding.code, finding.address) == ("namesake", an_address("gateway"))


def test_a_ghost_of_a_purchase_that_was_bought_again_is_named_as_that():
    state = a_state(bought(wanted()), absent=believed_absent())
    (finding,) = swept(state, a_stray("gateway"))
    assert finding.code == "bought-twice"
    assert "id-of-gateway" in finding.detail


def test_a_ghost_whose_address_is_free_can_be_adopted():
    state = a_state(absent=believed_absent())
    plan = planned(surveyed(wanted(), state=state, live=(a_stray("gateway"),)))
    assert (codes(plan.refusals), plan.findings) == (["untracked"], ()), "one refusal, with one way"
    assert "resolve 'gateway' --adopt stray" in plan.refusals[0].hint
    (finding,) = planned(surveyed(state=state, live=(a_stray("gateway"),))).findings
    assert (finding.code, finding.summary) == ("untracked", plan.refusals[0].summary)


class TestMarked:
    """Nobody else can bear the name that it was sent under."""

    GHOST = replace(
        believed_absent()["intent-for-gateway"], name=a_marked_name(), declared=dict(wanted().fields), server_time=0
    )
    LATE = a_stray(a_marked_name(), "late")

    def planned(self, *live, desired=None, state=None, **rest):
        state = a_state(absent={self.GHOST.id: self.GHOST}) if state is None else state
        desired = (wanted(),) if desired is None else desired
        return planned(surveyed(*desired, state=state, live=live, **rest))

    def test_is_in_doubt_again_as_the_next_apply_adopts_it(self):
        plan = self.planned(self.LATE)
        assert [(change.action, change.reason) for change in plan.changes] == [(Action.RESUME, Reason.IN_DOUBT)]
        assert (codes(plan.findings), plan.refusals) == (["in-doubt"], ())
        assert "it adopts late" in plan.findings[0].hint
        assert "it counted as never carried out" in plan.findings[0].detail

    def test_is_so_though_the_specs_have_moved_on(self):
        (change,) = self.planned(self.LATE, desired=()).changes
        assert (change.action, change.reason, change.desired) == (Action.RESUME, Reason.IN_DOUBT, None)

    @pytest.mark.parametrize(
        "differing",
        [
            {"gaps": (ListGap("GET /all", "no name", None),)},
            {"claims": {"late": "is recorded in the state demo.prod"}},
            {"live": (a_stray(a_marked_name(), "twin"),)},
        ],
        ids=["may be hidden", "another state's", "several"],
    )
    def test_is_none_that_apply_would_not_adopt(self, differing):
        plan = self.planned(self.LATE, *differing.pop("live", ()), **differing)
        assert "in-doubt" not in codes(plan.findings)
        assert [change.action for change in plan.changes] == [Action.CREATE]

    def test_of_which_nothing_but_the_marker_is_known_is_imported_for_a_vacant_address(self):
        plan = self.planned(self.LATE, state=a_state())
        assert (codes(plan.refusals), plan.findings) == (["untracked"], ())
        assert "provisioner import 'gateway' late" in plan.refusals[0].hint
        refactoring = Refactoring(imports=(Import(an_address("gateway"), "late"),))
        taken = self.planned(self.LATE, state=a_state(), refactoring=refactoring)
        assert ([change.action for change in taken.changes], taken.refusals) == ([Action.ADOPT], ())


class TestElsewhere:
    """What another state of the folder holds is neither taken nor released on advice of this one."""

    CLAIM = "is recorded in the state demo.prod"

    @pytest.mark.parametrize(
        ("state", "name", "code"),
        [
            (STATE, "gateway", "namesake"),
            (STATE, a_marked_name(), "untracked"),
            (a_state(bought(wanted()), absent=believed_absent()), "gateway", "bought-twice"),
            (a_state(bought(wanted()), released={"stray": an_address("gateway")}), "x", "not-released"),
        ],
    )
    def test_is_said_so(self, state, name, code):
        survey = surveyed(wanted(), state=state, live=(OURS, a_stray(name)), claims={"stray": self.CLAIM})
        (finding,) = planned(survey).findings
        assert finding.code == code
        assert self.CLAIM in finding.summary
        assert "release it" not in finding.hint

    def test_is_asked_for_all_that_a_plan_would_speak_of(self):
        absent = believed_absent("other") | {"marked": replace(TestMarked.GHOST, id="marked")}
        state = a_state(bought(wanted()), absent=absent, released={"released": an_address("gone")})
        spoken_of = [
            a_stray("gateway"),
            a_stray("wanted-too", "a-wanted-name"),
            a_stray(a_marked_name(), "marked"),
            a_stray("x", "released"),
        ]
        live = {row.id: row for row in (OURS, *spoken_of, a_stray("nobodys", "nobodys"))}
        found = relevant_unmanaged_servers((wanted("wanted-too"),), state, live, CATALOGUE)
        assert {row.id for row in found} >= {row.id for row in spoken_of}
        assert OURS not in found
        odd = a_stray("gatew\u0430y", "odd")
        assert odd in relevant_unmanaged_servers((wanted(),), a_state(), {"odd": odd}, CATALOGUE)
        assert odd in relevant_unmanaged_servers((wanted(),), None, {"odd": odd}, CATALOGUE)
        assert (
            relevant_unmanaged_servers((wanted(),), STATE, {OURS.id: OURS, "x": a_stray("nobodys", "x")}, CATALOGUE)
            == ()
        )

    def test_a_wanted_name_is_taken_by_it(self):
        survey = surveyed(wanted(), state=a_state(), live=(a_stray("gateway"),), claims={"stray": self.CLAIM})
        (refusal,) = planned(survey).refusals
        assert (refusal.code, self.CLAIM in refusal.summary) == ("name-taken", True)
        assert "import" not in refusal.hint

    def test_it_is_not_told_as_one_whose_name_reads_like_a_wanted_one(self):
        survey = surveyed(wanted(), state=a_state(), live=(a_stray("gatew\u0430y"),))
        assert codes(planned(survey).findings) == ["name-alike"]
        assert codes(planned(replace(survey, claims={"stray": self.CLAIM})).findings) == []

    def test_a_doubt_is_not_offered_it(self):
        intents = {"i": an_intent("gateway", id="i", name="gateway", declared={"name": "gateway"}, server_time=0)}
        survey = surveyed(state=a_state(intents=intents), live=(a_stray("gateway"),), claims={"stray": self.CLAIM})
        (finding,) = planned(survey).findings
        assert "listed and fitting" not in finding.detail
        assert f"stray fits it too, but {self.CLAIM}" in finding.detail


def test_a_namesake_of_a_server_that_was_never_shown_may_be_what_was_bought():
    unseen = bought(wanted(), id="answered", observed={}, phase=Phase.CREATING)
    (finding,) = planned(surveyed(wanted(), state=a_state(unseen), live=(a_stray("gateway"),))).findings
    assert (finding.code, "never shown answered" in finding.summary) == ("namesake", True)
    assert "resolve 'gateway' --absent`, then `provisioner import 'gateway' stray" in finding.hint
    assert "release" not in finding.hint


def test_what_an_open_purchase_may_be_is_told_once():
    intents = {"i": an_intent("other", id="i", name="gateway", declared={"name": "gateway"}, server_time=0)}
    found = swept(a_state(bought(wanted()), intents=intents), a_stray("gateway"))
    assert codes(found) == ["in-doubt"]


def test_nothing_is_judged_while_another_run_is_at_work():
    survey = surveyed(wanted(), state=STATE, live=(OURS, a_stray("gateway")), at_work=True)
    assert planned(survey).findings == ()


def test_what_is_listed_by_its_order_is_tracked():
    ordered = bought(wanted(), id=None, order_id="CS1")
    row = shown(bought(wanted(), id="its-id", order_id="CS1"))
    assert planned(surveyed(wanted(), state=a_state(ordered), live=(row,))).findings == ()


def test_a_server_that_was_bought_again_and_then_let_go_is_not_taken_for_the_ghost():
    """To adopt it, as was advised, would have led to its release."""
    first = replace(an_intent("gateway", id="first", name="gateway", declared={"name": "gateway"}), earlier_ids=())
    second = replace(first, id="second")
    state = replay(
        a_state(),
        [
            Intended(first),
            Settled("first", "absent", "a complete list shows no server that fits"),
            Intended(second),
            Answered("second", 200, "r", id="stray"),
            Forgotten(an_address("gateway"), "removed from the state", "stray"),
        ],
    )
    assert "first" in state.absent
    assert codes(planned(surveyed(state=state, live=(a_stray("gateway"),))).findings) == []


def test_a_recorded_server_whose_row_shows_its_id_in_other_letters_is_itself():
    row = replace(OURS, id=OURS.id.upper())
    plan = planned(surveyed(wanted(), state=STATE, live=(row,)))
    assert [change.action for change in plan.changes] == [Action.NO_OP]
    assert (plan.findings, plan.refusals) == ((), ())
