"""What specs say of records: servers taken over, moved and let go, and what refuses each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_state, an_address, an_intent
from support.planning_builders import (
    OTHER_IMAGE,
    PASSWORD,
    bought,
    codes,
    planned,
    shown,
    surveyed,
    the_change,
    unknown_fingerprint,
    wanted,
)

from provisioner.model.action import Action, Reason
from provisioner.model.diagnostic import SourceRange
from provisioner.model.flow import Effect
from provisioner.model.journal import Moved
from provisioner.model.plan import Mode
from provisioner.model.redaction import value_at
from provisioner.model.refactoring import Import, Move, Refactoring, Removal
from provisioner.model.replay import replay
from provisioner.model.resource import Lifecycle, Phase, Recorded
from provisioner.model.secret import SecretReference
from provisioner.planning import trigger_entries

GATEWAY = an_address("gateway")
EXISTING = shown(bought(wanted(), id="id-1"))
IMPORT = Refactoring(imports=(Import(GATEWAY, "id-1"),))
HIDDEN = {"root_volume": {"type": "SSD", "size": 200}, "arch": "X86", "availability_zone": "az-1"}


def adopted(desired, row=EXISTING, **rest):
    return planned(surveyed(desired, live=(row,), refactoring=IMPORT, **rest))


def state_after(plan):
    """As replaying the adoption would make it."""
    return a_state(*(change.recorded for change in plan.changes))


class TestAnImportThatWasCarriedOutAndWhoseServerIsGone:
    ENTRY = replace(IMPORT.imports[0], source=SourceRange("specs/adopted.yaml", 3, 5))
    PAST = Refactoring(imports=(ENTRY,))
    FORMER = {"id-1": "was released from gateway at 2026-01-01 12:00:00 UTC"}  # noqa: RUF012 - not changed

    def planned(self, *desired, refactoring=PAST, **rest):
        return planned(surveyed(*desired, refactoring=refactoring, state=a_state(), **({"former": self.FORMER} | rest)))

    def test_it_is_a_warning_and_its_address_is_not_bought(self):
        plan = self.planned(wanted(), wanted("other"))
        assert (codes(plan.findings), plan.refusals) == (["import-done"], ())
        assert [str(change.address) for change in plan.work] == ["other"]
        assert "was released from gateway" in plan.findings[0].summary
        assert "remove the entry from imports" in plan.findings[0].hint

    def test_without_the_entry_the_address_is_bought(self):
        plan = self.planned(wanted(), refactoring=Refactoring())
        assert [change.action for change in plan.work] == [Action.CREATE]

    @pytest.mark.parametrize("status", ["DELETING", "RUNNING"])
    def test_one_that_is_still_listed_is_taken_back_unless_it_is_leaving(self, status):
        plan = self.planned(wanted(), live=(replace(EXISTING, status=status),))
        assert plan.refusals == ()
        assert [change.action for change in plan.work] == ([] if status == "DELETING" else [Action.ADOPT])

    def test_one_that_was_never_held_here_is_refused_as_ever(self):
        assert codes(self.planned(wanted(), former={}).refusals) == ["unknown-server"]

    def test_one_that_a_person_names_by_a_command_is_refused_as_ever(self):
        assert codes(self.planned(wanted(), refactoring=IMPORT).refusals) == ["unknown-server"]


def moving(*pairs):
    return Refactoring(moves=tuple(Move(an_address(one), an_address(other)) for one, other in pairs))


def the_moves(plan):
    return {str(change.address): str(change.moved_from) for change in plan.changes if change.moved_from}


def test_a_server_that_exists_is_taken_over_and_the_next_plan_is_empty():
    desired = wanted(**HIDDEN, key_pair_name=None, admin_pass=PASSWORD)
    plan = adopted(desired)
    assert [change.action for change in plan.changes] == [Action.ADOPT]
    again = planned(surveyed(desired, state=state_after(plan), live=(EXISTING,), refactoring=IMPORT))
    assert (again.work, again.findings, again.refusals) == ((), (), ())


def test_a_secret_that_nobody_could_read_when_its_server_was_taken_over_is_no_change_later():
    desired = wanted(key_pair_name=None, admin_pass=PASSWORD)
    plan = planned(surveyed(desired, live=(EXISTING,), refactoring=IMPORT), fingerprint=unknown_fingerprint)
    assert planned(surveyed(desired, state=state_after(plan), live=(EXISTING,))).work == ()


def test_hidden_fields_are_told():
    (change,) = adopted(wanted(**HIDDEN)).changes
    assert {path[0] for path in change.unverifiable} == {"root_volume", "arch", "availability_zone", "network"}
    assert change.assumed == change.unverifiable


def test_the_name_is_changed_along_the_way():
    plan = adopted(wanted(name="portal"))
    assert codes(plan.refusals) == []
    (change,) = plan.changes
    assert [(item.path, item.before, item.after) for item in change.fields] == [(("name",), "gateway", "portal")]
    assert change.recorded.name == "gateway"
    assert plan.summary.change == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"flavor": "other"}, "flavor"),
        ({"image_id": OTHER_IMAGE}, "image_id"),
        ({"key_pair_name": "mine"}, "key_pair_name"),
    ],
)
def test_a_difference_that_would_replace_it_is_refused_by_its_field(fields, named):
    (refusal,) = adopted(wanted(**fields)).refusals
    assert refusal.code == "import-differs"
    assert f"has {named} " in refusal.summary
    assert f"write {named}: " in refusal.hint


def test_a_difference_that_is_ignored_is_recorded_as_the_cloud_shows_it():
    desired = replace(wanted(flavor="other"), lifecycle=Lifecycle(ignore_changes=(("flavor",),)))
    plan = adopted(desired)
    assert plan.refusals == ()
    assert value_at(plan.changes[0].recorded.declared, ("flavor",)) == "Si2.large.4"
    assert planned(surveyed(desired, state=state_after(plan), live=(EXISTING,))).work == ()


@pytest.mark.parametrize(
    ("survey", "code"),
    [
        (surveyed(wanted(), refactoring=IMPORT), "unknown-server"),
        (surveyed(wanted(), live=(replace(EXISTING, status="DELETING"),), refactoring=IMPORT), "import-leaving"),
        (surveyed(wanted(), live=(replace(EXISTING, status="CREATING"),), refactoring=IMPORT), "import-unfinished"),
        (
            surveyed(
                wanted(),
                wanted("edge"),
                state=a_state(bought(wanted("edge"), id="id-1")),
                live=(EXISTING,),
                refactoring=IMPORT,
            ),
            "server-owned",
        ),
    ],
)
def test_what_cannot_be_taken_over_is_refused(survey, code):
    assert code in codes(planned(survey).refusals)


def test_the_server_of_an_order_that_is_recorded_is_not_given_away():
    ordering = bought(wanted("edge"), id=None, order_id="CS1", phase=Phase.ORDERING, observed={})
    row = replace(EXISTING, order_id="CS1")
    survey = surveyed(wanted(), wanted("edge"), state=a_state(ordering), live=(row,), refactoring=IMPORT)
    assert "server-owned" in codes(planned(survey).refusals)


def test_what_may_be_a_purchase_in_doubt_is_not_taken_over_by_another_address():
    intent = an_intent("edge", name="gateway", declared={"name": "gateway", "flavor": "Si2.large.4"}, earlier_ids=())
    row = replace(EXISTING, created_at=intent.server_time)
    survey = surveyed(
        wanted(), wanted("edge"), state=a_state(intents={intent.id: intent}), live=(row,), refactoring=IMPORT
    )
    assert "import-in-doubt" in codes(planned(survey).refusals)


@pytest.mark.parametrize("effect", [Effect.DESTRUCTIVE, Effect.WIPE])
@pytest.mark.parametrize(("address", "target"), [("edge", EXISTING.id), ("gateway", "another")])
def test_what_is_being_released_or_wiped_as_far_as_is_known_is_not_taken_over(effect, address, target):
    intent = an_intent(address, effect=effect, target_id=target)
    survey = surveyed(wanted(), state=a_state(intents={intent.id: intent}), live=(EXISTING,), refactoring=IMPORT)
    assert codes(planned(survey).refusals) == ["import-unsettled"]


def test_an_address_in_doubt_takes_no_other_server():
    intent = an_intent("gateway", name="gateway", declared={"name": "gateway", "flavor": "other"})
    survey = surveyed(wanted(), state=a_state(intents={intent.id: intent}), live=(EXISTING,), refactoring=IMPORT)
    assert "import-in-doubt" in codes(planned(survey).refusals)


def test_an_import_of_long_ago_does_nothing_even_when_its_server_is_gone():
    record = bought(wanted(), id="id-2")
    survey = surveyed(wanted(), state=a_state(record), live=(shown(record),), refactoring=IMPORT)
    assert (planned(survey).work, planned(survey).findings) == ((), ())


def test_an_import_that_is_passed_over_is_told_while_its_server_is_nobodys():
    record = bought(wanted(), id="id-2")
    other = replace(EXISTING, name="other")
    survey = surveyed(wanted(), state=a_state(record), live=(shown(record), other), refactoring=IMPORT)
    assert codes(planned(survey).findings) == ["import-passed-over"]


def test_nothing_is_taken_over_in_a_destroy():
    survey = surveyed(wanted(), state=a_state(), live=(EXISTING,), refactoring=IMPORT)
    assert planned(survey, mode=Mode.DESTROY).changes == ()


def test_a_moved_server_is_compared_under_its_new_address():
    record = bought(wanted("trainer"))
    survey = surveyed(
        wanted("worker", name="trainer"),
        state=a_state(record),
        live=(shown(record),),
        refactoring=moving(("trainer", "worker")),
    )
    change = the_change(survey)
    assert (change.action, str(change.address), str(change.moved_from)) == (Action.MOVE, "worker", "trainer")
    assert change.recorded.address == change.address


def test_a_move_and_a_new_name_are_one_update():
    record = bought(wanted("trainer"))
    change = the_change(
        surveyed(
            wanted("worker"), state=a_state(record), live=(shown(record),), refactoring=moving(("trainer", "worker"))
        )
    )
    assert (change.action, str(change.moved_from)) == (Action.UPDATE, "trainer")


def test_moves_follow_each_other_and_are_nothing_once_made():
    record = bought(wanted("a"))
    chain = moving(("a", "b"), ("b", "c"))
    desired = wanted("c", name="a")
    assert the_moves(planned(surveyed(desired, state=a_state(record), live=(shown(record),), refactoring=chain))) == {
        "c": "a"
    }
    there = replace(record, address=an_address("c"))
    assert planned(surveyed(desired, state=a_state(there), live=(shown(there),), refactoring=chain)).work == ()


def test_a_group_moves_as_one_and_what_it_has_lost_is_released_where_it_was():
    records = [bought(wanted(f"trainer[{index}]", name=f"t-{index}")) for index in range(3)]
    desired = [wanted(f"worker[{index}]", name=f"t-{index}") for index in range(2)]
    plan = planned(
        surveyed(
            *desired,
            state=a_state(*records),
            live=tuple(map(shown, records)),
            refactoring=moving(("trainer", "worker")),
        )
    )
    assert the_moves(plan) == {"worker[0]": "trainer[0]", "worker[1]": "trainer[1]"}
    assert {str(one.address) for one in plan.changes if one.action is Action.DELETE} == {"trainer[2]"}


@pytest.mark.parametrize(
    ("moves", "declared"),
    [
        ((("a", "worke"),), ("worker",)),
        ((("a", "b"),), ("b",)),
        ((("a", "c"), ("b", "c")), ("c",)),
    ],
)
def test_a_move_that_cannot_be_made_refuses_the_plan_rather_than_to_release(moves, declared):
    records = [bought(wanted("a")), bought(wanted("b"))]
    survey = surveyed(
        *map(wanted, declared), state=a_state(*records), live=tuple(map(shown, records)), refactoring=moving(*moves)
    )
    assert "move-impossible" in codes(planned(survey).refusals)


@pytest.mark.parametrize("doubtful", ["a", "b"])
def test_an_address_in_doubt_is_not_moved_and_not_moved_to(doubtful):
    records = [bought(wanted(name)) for name in {"a"} - {doubtful}]
    intent = an_intent(doubtful)
    survey = surveyed(
        wanted("b"),
        state=a_state(*records, intents={intent.id: intent}),
        live=tuple(map(shown, records)),
        refactoring=moving(("a", "b")),
    )
    assert "move-impossible" in codes(planned(survey).refusals)


def test_a_destroy_releases_what_was_to_be_moved_where_it_stands():
    record = bought(wanted("trainer"))
    survey = surveyed(state=a_state(record), live=(shown(record),), refactoring=moving(("trainer", "worker")))
    assert [str(one.address) for one in planned(survey, mode=Mode.DESTROY).work] == ["trainer"]


def test_what_moved_and_vanished_keeps_apply_from_being_done():
    record = bought(wanted("trainer"))
    survey = surveyed(
        wanted("worker", name="trainer"), state=a_state(record), refactoring=moving(("trainer", "worker"))
    )
    (change,) = planned(survey).not_as_wanted
    assert (change.action, change.reason) == (Action.MOVE, Reason.VANISHED)


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_what_is_let_go_is_forgotten_and_not_released(mode):
    record = replace(bought(wanted("trainer[1]")), protected=True)
    removal = Refactoring(removals=(Removal(an_address("trainer")),))
    plan = planned(surveyed(state=a_state(record), live=(shown(record),), refactoring=removal), mode=mode)
    (change,) = plan.changes
    assert (change.action, change.reason, change.let_go) == (Action.FORGET, Reason.REMOVED, True)
    assert plan.refusals == ()


def the_offers(records, desired):
    """The plan's findings, which are all about likely moves."""
    records = [bought(each) if not isinstance(each, Recorded) else each for each in records]
    plan = planned(surveyed(*desired, state=a_state(*records), live=tuple(map(shown, records))))
    assert {finding.code for finding in plan.findings} <= {"likely-move"}
    return [*plan.findings]


def test_a_server_that_is_only_called_otherwise_is_offered_as_a_move():
    (finding,) = the_offers([wanted("trainer")], [wanted("worker")])
    assert "provisioner state mv 'trainer' 'worker'" in finding.hint
    assert "moved: [{from: 'trainer', to: 'worker'}]" in finding.hint


def test_a_group_is_offered_once_and_by_its_keys():
    records = [wanted(f"trainer[{index}]", name=f"t-{index}") for index in range(20)]
    desired = [wanted("edge"), *(wanted(f"worker[{index}]", name=f"w-{index}") for index in range(20))]
    (finding,) = the_offers(records, desired)
    assert "20 servers of trainer" in finding.summary
    assert "moved: [{from: 'trainer', to: 'worker'}]" in finding.hint


def test_another_body_is_another_server():
    assert the_offers([wanted("trainer", flavor="other")], [wanted("worker")]) == []


def test_servers_are_paired_by_their_names_and_not_by_their_order():
    """By order, the first to go would become the first to come: each would be renamed to what the other is."""
    records = [wanted('pool["a"]', name="one"), wanted('pool["b"]', name="two"), wanted('pool["c"]', name="three")]
    desired = [wanted('pool["x"]', name="three"), wanted('pool["y"]', name="one"), wanted('pool["z"]', name="two")]
    (finding,) = the_offers(records, desired)
    assert "with the same name and fields" in finding.summary
    pairs = (("c", "x"), ("a", "y"), ("b", "z"))
    assert finding.hint.endswith(
        "moved:" + "".join(f"""\n  - {{from: 'pool["{one}"]', to: 'pool["{other}"]'}}""" for one, other in pairs)
    )


def test_of_a_group_some_of_which_agree_by_name_and_others_by_body_both_are_named():
    records = [wanted("pool[0]", name="kept", image_id=OTHER_IMAGE), wanted("pool[1]", name="one")]
    desired = [wanted("worker[0]", name="kept"), wanted("worker[1]", name="other")]
    (finding,) = the_offers(records, desired)
    assert "with the same name or fields" in finding.summary


def test_of_a_server_of_the_same_name_another_body_is_said_with_what_it_costs():
    records = [wanted("trainer", name="kept"), wanted("gateway", image_id=OTHER_IMAGE)]
    desired = [wanted("worker", name="kept", image_id=OTHER_IMAGE)]
    (finding,) = the_offers(records, desired)
    assert "'trainer' 'worker'" in finding.hint
    assert "image_id" in finding.detail
    assert "wipes its system disk" in finding.detail


def test_a_move_that_would_wipe_the_server_says_so():
    other_password = SecretReference(PASSWORD.source, "OTHER")
    records = [wanted("trainer", key_pair_name=None, admin_pass=PASSWORD)]
    desired = [wanted("worker", key_pair_name=None, admin_pass=other_password)]
    (finding,) = the_offers(records, desired)
    assert "admin_pass" in finding.detail
    assert "wipes its system disk" in finding.detail


@pytest.mark.parametrize(
    ("released", "created"),
    [
        (["trainer"], ["edge", "worker"]),
        (["gateway", "trainer"], ["worker"]),
        (['pool["a"]', 'pool["b"]'], ['pool["x"]', 'pool["y"]']),
        (["trainer[0]", "trainer[1]"], ["worker[0]", "edge[1]"]),
        (["trainer[0]", "trainer[1]"], ["worker[0]", "worker[1]", "edge[0]", "edge[1]"]),
        (["a[0]", "b[0]"], ["worker[0]"]),
    ],
    ids=["two-to-choose", "two-to-go", "renamed-keys", "split-group", "two-groups", "merged-groups"],
)
def test_where_several_could_be_meant_all_are_named_and_no_pair_is_given(released, created):
    (finding,) = the_offers(map(wanted, released), map(wanted, created))
    assert "it is not clear which of them is which" in finding.summary
    assert all(address in finding.summary for address in (*released, *created))
    assert "state mv" not in finding.hint
    assert "from:" not in finding.hint


def test_a_key_of_a_for_each_is_kept_in_whatever_group_it_turns_up():
    found = the_offers(
        [wanted('pool["a"]', name="p-a"), wanted('pool["b"]', name="p-b")],
        [wanted('cpu["b"]', name="c-b"), wanted('gpu["a"]', name="g-a")],
    )
    assert sorted(finding.hint.partition("state mv ")[2].partition("`")[0] for finding in found) == [
        """'pool["a"]' 'gpu["a"]'""",
        """'pool["b"]' 'cpu["b"]'""",
    ]


def test_an_address_that_only_went_into_a_module_or_became_counted_is_found_among_its_likes():
    found = the_offers(
        [wanted("trainer", name="a"), wanted("gateway", name="b")],
        [wanted("module.vision.trainer", name="c"), wanted("gateway[0]", name="d")],
    )
    assert ["'gateway' 'gateway[0]'" in one.hint or "'module.vision.trainer'" in one.hint for one in found] == [
        True
    ] * 2


def test_a_member_that_stays_is_not_moved_with_its_group():
    """To move the group would take the address of trainer[0] away: the next plan would buy it anew."""
    records = [wanted(f"trainer[{index}]", name=f"t-{index}") for index in range(3)]
    desired = [records[0], wanted("worker[1]", name="w-1"), wanted("worker[2]", name="w-2")]
    (finding,) = the_offers(records, desired)
    assert "{from: 'trainer[1]', to: 'worker[1]'}" in finding.hint
    assert "from: 'trainer'" not in finding.hint


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.DELETING])
def test_a_broken_server_never_takes_the_place_of_a_healthy_one(phase):
    records = [replace(bought(wanted("a", name="n-a")), phase=phase), wanted("b", name="n-b")]
    (finding,) = the_offers(records, [wanted("worker")])
    assert "state mv 'b' 'worker'" in finding.hint


def test_an_address_is_quoted_for_the_shell_and_for_yaml():
    (finding,) = the_offers([wanted("""pool["it's"]""", name="a")], [wanted("worker")])
    assert r"""state mv 'pool["it'\''s"]' 'worker'""" in finding.hint
    assert """{from: 'pool["it''s"]', to: 'worker'}""" in finding.hint


def test_a_name_that_a_remaining_server_gives_up_is_not_called_a_move():
    """`state mv` would take the server that stays away from its address, which would then be bought anew."""
    stays = bought(wanted("gateway", name="old"))
    plan = planned(
        surveyed(
            wanted("gateway", name="new"), wanted("worker", name="old"), state=a_state(stays), live=(shown(stays),)
        )
    )
    (refusal,) = (one for one in plan.refusals if one.code == "name-held")
    assert "state mv" not in refusal.hint


def test_protection_outlives_its_line_in_the_specs_and_ends_where_they_say_so():
    record = bought(replace(wanted(), lifecycle=Lifecycle(prevent_destroy=True)))
    silent = surveyed(wanted(), state=a_state(record), live=(shown(record),))
    assert planned(silent).work == ()
    unwanted = replace(wanted(), lifecycle=Lifecycle(prevent_destroy=False))
    change = the_change(surveyed(unwanted, state=a_state(record), live=(shown(record),)))
    assert [item.path for item in change.fields] == [("lifecycle", "prevent_destroy")]


def test_what_sets_off_a_replacement_does_so_after_a_move_and_is_noted_where_the_record_still_stands():
    """The note is on disk before the move is."""
    records = [bought(wanted("trainer")), bought(wanted("gateway"))]
    dependent = replace(wanted("worker", name="trainer"), lifecycle=Lifecycle(replace_triggered_by=(GATEWAY,)))
    survey = surveyed(
        dependent,
        wanted(flavor="other"),
        state=a_state(*records),
        live=tuple(map(shown, records)),
        refactoring=moving(("trainer", "worker")),
    )
    plan = planned(survey)
    assert {str(one.address): one.action for one in plan.changes} == {
        "gateway": Action.REPLACE,
        "worker": Action.REPLACE,
    }
    (note,) = trigger_entries(plan)
    moved = replay(a_state(*records), [note, Moved(note.address, an_address("worker"))])
    assert moved.resources[an_address("worker")].pending


def test_a_server_whose_last_call_is_not_settled_is_not_moved():
    record = bought(wanted("trainer"))
    release = an_intent("trainer", effect=Effect.DESTRUCTIVE, target_id=record.id)
    survey = surveyed(
        wanted("worker"),
        state=a_state(record, intents={release.id: release}),
        live=(shown(record),),
        refactoring=moving(("trainer", "worker")),
    )
    assert "move-impossible" in codes(planned(survey).refusals)
