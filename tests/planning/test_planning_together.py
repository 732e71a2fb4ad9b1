"""What of a plan is bought by one call, what is told of such a call, and what must not be released alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_purchase_of_several, a_state, an_address
from support.planning_builders import (
    PASSWORD,
    PREPAID,
    bought,
    codes,
    planned,
    shown,
    surveyed,
    unknown_fingerprint,
    wanted,
)

from provisioner.kinds import CATALOGUE
from provisioner.model.action import Action
from provisioner.model.guards import ALL
from provisioner.model.journal import Intended
from provisioner.model.plan import Mode
from provisioner.model.proposal import Confidence
from provisioner.model.purchase_policy import Trace
from provisioner.model.replay import replay
from provisioner.model.resource import Lifecycle, Phase
from provisioner.model.secret import SecretReference, SecretSource
from provisioner.planning import SalvagedRecords, proposal_to_entries, propose


def group(count=3, name="pool", **fields):
    return tuple(
        replace(wanted(f"{name}[{index}]", name=f"{name}-{index}", charging_info=PREPAID, **fields), together=True)
        for index in range(count)
    )


def calls(*desired, **rest):
    return [[str(address) for address in call] for call in planned(surveyed(*desired), **rest).together]


def doubt(count=3, **facts):
    addresses = [f"pool[{index}]" for index in range(count)]
    one = a_purchase_of_several(*addresses, id="i", name="pool-0", server_time=0, **facts)
    members = tuple(replace(member, name=f"pool-{index}") for index, member in enumerate(one.members))
    return replace(one, members=members, declared=bought(group(1)[0]).declared)


def records(count=3, **facts):
    return [bought(one, order_id="CS1", **facts) for one in group(count)]


class TestCalls:
    def test_those_of_a_group_that_are_alike_are_one_call(self):
        assert calls(*group(), *group(2, "nodes")) == [["nodes[0]", "nodes[1]"], ["pool[0]", "pool[1]", "pool[2]"]]

    def test_ten_at_the_most_and_nobody_alone(self):
        assert [len(call) for call in calls(*group(25))] == [10, 10, 5]
        assert [len(call) for call in calls(*group(11))] == [10]

    def test_who_differs_is_with_his_like(self):
        one, *others = group(4)
        assert calls(*others, replace(one, fields={**one.fields, "flavor": "large"})) == [
            ["pool[1]", "pool[2]", "pool[3]"]
        ]

    def test_secrets_that_cannot_be_read_are_alike_only_where_they_are_the_same(self):
        other = SecretReference(SecretSource.ENVIRONMENT, "OTHER")
        one, two, three = group(3, key_pair_name=None, admin_pass=PASSWORD)
        three = replace(three, fields={**three.fields, "admin_pass": other})
        assert calls(one, two, three, fingerprint=unknown_fingerprint) == [["pool[0]", "pool[1]"]]

    def test_only_what_is_created_and_asks_for_it(self):
        alone = [replace(one, together=False) for one in group()]
        assert calls(*alone) == []
        survey = surveyed(*group(4), state=a_state(*records()), live=tuple(map(shown, records())))
        assert planned(survey).together == ()
        assert planned(survey, mode=Mode.DESTROY).together == ()


class TestDoubt:
    def test_every_address_of_the_call_is_in_doubt_and_it_is_told_once(self):
        plan = planned(surveyed(*group(), state=a_state(intents={"i": doubt()})))
        assert [change.action for change in plan.changes] == [Action.RESUME] * 3
        (finding,) = plan.findings
        assert finding.summary.startswith("pool[0], pool[1], pool[2]: the outcome of one purchase of 3 servers")
        assert "--adopt` with the id of the order" in finding.hint

    def test_what_is_listed_is_told_by_its_order_beside_what_billing_knows(self):
        listed = [
            shown(replace(record, id=f"id-{index}"), name="pool-0-0001") for index, record in enumerate(records(2))
        ]
        survey = surveyed(
            *group(), state=a_state(intents={"i": doubt()}), live=tuple(listed), traces={"i": (Trace("CS1", False),)}
        )
        (finding,) = planned(survey).findings
        assert "by order: CS1 (id-0, id-1)" in finding.detail
        assert "orders placed since, which may be this purchase: CS1" in finding.detail

    def test_none_of_its_names_is_bought_under_another_address(self):
        survey = surveyed(wanted("other", name="pool-2"), state=a_state(intents={"i": doubt()}))
        assert codes(planned(survey).refusals) == ["name-in-doubt"]

    def test_each_is_protected_for_itself(self):
        one = doubt()
        members = (*one.members[:2], replace(one.members[2], protected=True))
        survey = surveyed(state=a_state(intents={"i": replace(one, members=members)}), allowed=ALL)
        refusals = planned(survey, mode=Mode.DESTROY).refusals
        assert [(refusal.code, str(refusal.address)) for refusal in refusals] == [("protected", "pool[2]")]

    @pytest.mark.parametrize(("held", "code"), [((), "untracked"), ((1,), "bought-twice")])
    def test_a_server_of_what_was_believed_absent_is_named(self, held, code):
        again = [bought(group()[index], order_id="CS9") for index in held]
        late = shown(replace(records(1)[0], id="late"))
        survey = surveyed(*group(), state=a_state(*again, absent={"i": doubt()}), live=(late, *map(shown, again)))
        plan = planned(survey)
        (finding,) = (one for one in (*plan.findings, *plan.refusals) if one.code == code)
        assert (finding.code, "late" in finding.summary) == (code, True)
        assert ("--adopt CS1" in finding.hint) is (code == "untracked")


class TestOneOrder:
    def test_servers_of_an_order_are_ours_before_anybody_has_one(self):
        """The name that was sent stands on all of them; nobody else's server is it."""
        waiting = records(id=None, phase=Phase.ORDERING, observed={})
        rows = tuple(shown(replace(record, id=f"id-{index}"), name="pool-0") for index, record in enumerate(waiting))
        plan = planned(surveyed(*group(), state=a_state(*waiting), live=rows))
        assert [change.action for change in plan.changes] == [Action.RESUME] * 3
        assert (plan.findings, plan.refusals) == ((), ())

    def test_another_of_the_order_that_is_going_is_not_taken_for_the_one_that_has_not_come(self):
        waiting, *others = records()
        waiting = replace(waiting, id=None, phase=Phase.ORDERING, observed={})
        rows = tuple(shown(record, "DELETING") for record in others)
        (first, *_) = planned(surveyed(*group(), state=a_state(waiting, *others), live=rows)).changes
        assert first.action is Action.RESUME

    @pytest.mark.parametrize("replacing", [True, False])
    def test_one_alone_is_neither_released_nor_replaced(self, replacing):
        kept = group() if replacing else group(2)
        survey = surveyed(
            *kept,
            state=a_state(*records()),
            live=tuple(map(shown, records())),
            replace=frozenset({an_address("pool[2]")} if replacing else ()),
            allowed=ALL,
        )
        (refusal,) = planned(survey).refusals
        assert (refusal.code, str(refusal.address)) == ("order-shared", "pool[2]")
        assert "order CS1 together with pool[0], pool[1]" in refusal.summary

    def test_all_of_them_are_released_and_replaced(self):
        survey = surveyed(*group(), state=a_state(*records()), live=tuple(map(shown, records())), allowed=ALL)
        assert planned(survey, mode=Mode.DESTROY).refusals == ()
        assert planned(replace(survey, desired=())).refusals == ()
        named = frozenset(one.address for one in group())
        assert planned(replace(survey, replace=named)).refusals == ()

    def test_one_that_is_gone_keeps_nobody(self):
        survey = surveyed(*group(2), state=a_state(*records()), live=(shown(records()[2]),), allowed=ALL)
        assert planned(survey).refusals == ()

    def test_a_protected_one_keeps_all(self):
        protected = replace(group()[0], lifecycle=Lifecycle(prevent_destroy=True))
        survey = surveyed(protected, state=a_state(*records()), live=tuple(map(shown, records())), allowed=ALL)
        assert codes(planned(survey).refusals) == ["order-shared", "order-shared"]


def test_a_rebuild_keeps_one_doubt_for_all_of_them():
    remains = SalvagedRecords({}, {"i": doubt()}, {}, (), frozenset(), complete=False, has_new_salt=False, lineage="l")
    proposal = propose(remains, group(), {}, catalogue=CATALOGUE, fingerprint=unknown_fingerprint, now=0)
    assert [(str(row.address), row.name, row.confidence) for row in proposal.rows] == [
        (f"pool[{index}]", f"pool-{index}", Confidence.IN_DOUBT) for index in range(3)
    ]
    entries = tuple(proposal_to_entries(proposal, now=0, who="ana"))
    assert entries == (Intended(doubt()),)
    assert list(replay(a_state(), entries).problems()) == []


def test_a_rebuild_finds_each_its_own_server_of_the_order():
    waiting = {one.address: one for one in records(id=None, phase=Phase.ORDERING, observed={})}
    rows = {f"id-{index}": shown(replace(one, id=f"id-{index}")) for index, one in enumerate(waiting.values())}
    remains = SalvagedRecords(waiting, {}, {}, (), frozenset(), complete=True, has_new_salt=False, lineage="l")
    proposal = propose(remains, group(), rows, catalogue=CATALOGUE, fingerprint=unknown_fingerprint, now=0)
    assert [row.candidates[0].id for row in proposal.rows] == ["id-0", "id-1", "id-2"]
    state = replay(a_state(), proposal_to_entries(proposal, now=0, who="ana"))
    assert {one.order_id for one in state.resources.values()} == {"CS1"}
