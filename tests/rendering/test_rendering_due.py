"""The last lines of a plan and the prompt: what is due, what is lost, and that both fit on one small screen."""

from __future__ import annotations

import json
from dataclasses import replace
from textwrap import dedent

import pytest
from rendering.samples import COLORED, PLAIN, create, plan, recorded
from support.builders import change_of

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.diagnostic import error, warning
from provisioner.model.due import Due, DueReason, OrderTerms, Payment
from provisioner.model.output import OutputChange
from provisioner.model.plan import Mode
from provisioner.rendering.machine import plan_document
from provisioner.rendering.plan import render_plan
from provisioner.rendering.question import question_of
from provisioner.rendering.style import Style

SMALL = Style(color=False, width=80)


def terms(period=("YEAR", 1), payment=Payment.AT_ONCE, *, renews=False, item="modelarts.bm.a3") -> OrderTerms:
    return OrderTerms(item, period, payment, renews, {"flavor": item, "charging_info": {"period_type": "YEAR"}})


def due(count=40, reason=DueReason.PURCHASE, name="trainer", **facts) -> Due:
    return Due(reason, terms(**facts), tuple(Address(name, index) for index in range(count)))


def fleet(count=40, **facts):
    return replace(plan(*(create(f"trainer[{index}]") for index in range(count))), **facts)


def last_lines(text: str, number: int = 24) -> str:
    return " ".join(" ".join(text.splitlines()[-number:]).split())


def test_one_sort_of_order_is_one_sentence_and_the_prompt_asks_for_it():
    bought = fleet(due_now=(due(),))
    assert render_plan(bought, SMALL).endswith(
        dedent("""\
        Due now: 40 prepaid for 1 YEAR, modelarts.bm.a3: ordered and paid at once.

        Plan: 40 to add, 0 to change, 0 to destroy.
        """)
    )
    assert question_of(bought, PLAIN).splitlines()[0] == (
        "Buy 40 prepaid for 1 YEAR, modelarts.bm.a3: ordered and paid at once?"
    )


def test_several_sorts_have_a_sum_and_a_line_each():
    sorts = (
        due(40, renews=True),
        due(2, period=("MONTH", 3), payment=Payment.AWAITED),
        due(1, DueReason.REPLACEMENT, payment=Payment.CHECKED),
        due(3, DueReason.ORDER_PLACED),
        due(5, payment=Payment.UNKNOWN, period=None),
    )
    text = render_plan(fleet(due_now=sorts), Style(color=False, width=160))
    assert (
        dedent("""\
        Due now: 51 prepaid servers.
          - 40 prepaid for 1 YEAR, modelarts.bm.a3: ordered and paid at once, renewed automatically
          - 3 prepaid for 1 YEAR, modelarts.bm.a3: ordered by an earlier run, and paid by this one
          - 1 prepaid for 1 YEAR, modelarts.bm.a3: ordered, then paid by this run if the order is as declared, to replace what is released
          - 2 prepaid for 3 MONTH, modelarts.bm.a3: ordered, and not paid: the order awaits payment
          - 5 of unknown charging, modelarts.bm.a3: the cloud decides how they are charged, perhaps prepaid
        """)
        in text
    )
    asked = question_of(fleet(due_now=sorts), PLAIN)
    assert asked.startswith("Do you want to perform these actions?\n  Due now: 40 prepaid for 1 YEAR")
    rest = "Due now as well: 7 under 2 other terms of up to 3 MONTH, 5 for a term that is not known, as the plan says."
    assert rest in " ".join(asked.split())


def test_the_largest_order_is_named_first_and_the_rest_with_its_longest_term():
    small = tuple(due(1, period=("MONTH", number), renews=number == 1) for number in range(1, 7))
    bought = fleet(due_now=(*small, due(1, period=("WEEK", 1), renews=True), due(40, period=("YEAR", 3), renews=True)))
    lines = render_plan(bought, SMALL).split("Due now: 47 prepaid servers.\n")[1]
    assert lines.startswith(
        "  - 40 prepaid for 3 YEAR, modelarts.bm.a3: ordered and paid at once, renewed\n    automatically\n"
    )
    rest = "- and 2 under 2 other terms of up to 1 MONTH, 2 renewed automatically, shown with each server above"
    assert rest in " ".join(lines.split())
    asked = " ".join(question_of(bought, SMALL).split())
    assert "Due now: 40 prepaid for 3 YEAR, modelarts.bm.a3: ordered and paid at once, renewed automatically." in asked
    assert (
        "Due now as well: 5 under 5 other terms of up to 4 MONTH, 2 renewed automatically, as the plan says." in asked
    )


def test_the_prompt_says_that_an_order_renews_itself_as_the_plan_does():
    bought = fleet(due_now=(due(period=("YEAR", 3), renews=True),))
    said = "40 prepaid for 3 YEAR, modelarts.bm.a3: ordered and paid at once, renewed automatically"
    assert f"Due now: {said}." in render_plan(bought, PLAIN)
    assert f"Buy {said}?" in " ".join(question_of(bought, PLAIN).split())


def test_what_a_later_run_may_order_again_is_not_due_now():
    doubtful = fleet(2, due_later=(due(2, DueReason.IN_DOUBT),))
    said = "in doubt, and ordered by a later apply once it is known that nothing was ordered."
    text = " ".join(render_plan(doubtful, PLAIN).split())
    assert f"Not due now: 2 prepaid for 1 YEAR, modelarts.bm.a3: {said}" in text
    document = plan_document(doubtful)
    assert (document["due_now"], [one["reason"] for one in document["due_later"]]) == ([], ["in_doubt"])
    several = replace(doubtful, due_later=(*doubtful.due_later, due(3, DueReason.IN_DOUBT, period=("YEAR", 3))))
    assert f"Not due now: 5 under 2 terms of up to 3 YEAR: {said}" in " ".join(render_plan(several, PLAIN).split())


@pytest.mark.parametrize("mode", [Mode.APPLY, Mode.DESTROY])
def test_released_servers_are_named_once(mode):
    def gone(name, action=Action.DELETE, **facts):
        return change_of(Address(name), "dev_server", action, recorded=recorded(name), **facts)

    released = plan(
        gone("hourly"),
        gone("other", Action.REPLACE),
        gone("lost", Action.REPLACE, vanished=True),
        gone("kept", Action.FORGET),
        gone("prepaid"),
        mode=mode,
    )
    released = replace(released, terms_given_up=(Address("prepaid"),))
    said = "2 servers are released, and their system disks are lost: hourly, other"
    assert f"\n! {said}\n" in render_plan(released, PLAIN)
    assert f"  {said}.\n" in question_of(released, PLAIN)
    (one,) = [line for line in render_plan(plan(gone("hourly")), PLAIN).splitlines() if line.startswith("!")]
    assert one == "! 1 server is released, and its system disk is lost: hourly"


def test_nothing_is_said_where_nothing_is_due():
    assert "Due now" not in render_plan(fleet(), PLAIN)
    assert question_of(fleet(), PLAIN).startswith("Do you want to perform these actions?\n")


def test_machines_get_each_sort_with_its_terms_and_addresses():
    document = plan_document(fleet(2, due_now=(due(2, renews=True),), terms_given_up=(Address("a"),)))
    assert document["due_now"] == [
        {
            "flavor": "modelarts.bm.a3",
            "charging_info": {"period_type": "YEAR"},
            "reason": "purchase",
            "count": 2,
            "payment": "at_once",
            "auto_pay": True,
            "addresses": ["trainer[0]", "trainer[1]"],
        }
    ]
    assert document["terms_given_up"] == ["a"]
    json.dumps(document)


def risky(number: int):
    """A plan of many servers with everything that can be lost, long findings and refusals."""
    work = []
    for index in range(number):
        image = FieldChange(("image_id",), "a", "b", reinstalls=True)
        one = recorded(f"pool[{index}]")
        work += [
            create(f"trainer[{index}]"),
            change_of(one.address, "dev_server", Action.REINSTALL, recorded=one, fields=(image,), after=one.declared),
            change_of(Address("old", index), "dev_server", Action.DELETE, recorded=recorded(f"old[{index}]")),
            change_of(Address("doubt", index), "dev_server", Action.RESUME, reason=Reason.IN_DOUBT),
            change_of(Address("free", index), "dev_server", Action.FORGET, recorded=one, let_go=True),
        ]
    findings = [warning(f"code-{index}", "word " * 30, hint="step " * 60) for index in range(30)]
    refusals = [
        error("protected", f"pool[{index}] is protected", address=Address("pool", index)) for index in range(number)
    ]
    sorts = tuple(due(index + 1, period=("MONTH", index + 1)) for index in range(9))
    return replace(
        plan(*work, findings=findings, refusals=[*refusals, error("mass-change", "too many")]),
        due_now=sorts,
        terms_given_up=tuple(Address("old", index) for index in range(number)),
        output_changes=tuple(OutputChange(f"output_{index}", is_known=False) for index in range(40)),
    )


@pytest.mark.parametrize("number", [1, 300])
def test_the_last_screenful_has_the_sum_what_is_due_and_every_risk(number):
    text = render_plan(risky(number), SMALL)
    shown = last_lines(text)
    few, many = f"of {number} server", f"{number} purchase"
    for said in (
        "Due now: 45 prepaid servers",
        few,
        many,
        "let go",
        "paid term",
        "Refused: protected",
        "mass-change",
        "Plan: ",
    ):
        assert said in shown, said
    closing = text.splitlines()[-24:]
    assert max(map(len, closing)) <= 80
    assert len(text.split("To be done in")[1].splitlines()) <= 18


def test_a_long_plan_begins_with_the_sum_as_well():
    head = render_plan(fleet(40), SMALL).splitlines()[:2]
    assert head == ["Provisioner will perform the following actions:", "    +  create: 40"]


def test_the_prompt_names_every_loss_in_red():
    asked = question_of(risky(300), Style(color=True, width=80))
    for said in (
        "The system disks of 300 servers are wiped: pool[0]",
        "before their paid terms end",
        "in doubt",
        "let go",
    ):
        (line,) = [line for line in asked.splitlines() if said in line]
        assert line.startswith("\x1b[1m\x1b[31m")
    assert len(asked.splitlines()) <= 13


@pytest.mark.parametrize(
    ("mode", "asked"), [(Mode.DESTROY, "Do you really want to release"), (Mode.REFRESH, "Nothing is bought")]
)
def test_a_destroy_and_a_refresh_keep_their_questions(mode, asked):
    lost = replace(plan(mode=mode), terms_given_up=(Address("gateway"),))
    assert asked in question_of(lost, PLAIN)
    assert "  1 server is released before its paid term ends: gateway.\n" in question_of(lost, PLAIN)


def test_outputs_are_shown_in_terraforms_manner_and_secrets_are_not():
    changes = (
        OutputChange("id", is_known=False),
        OutputChange("gone", "a", None, was_known=True, is_known=False, is_dropped=True),
        OutputChange("name", "a", "b", was_known=True),
        OutputChange("next", "a", None, was_known=True, is_known=False),
        OutputChange("token", None, None, was_known=True, sensitive=True),
    )
    shown = fleet(1, output_changes=changes)
    assert dedent("""\
        Changes to Outputs:
          + id    = (known after apply)
          - gone  = "a" -> null
          ~ name  = "a" -> "b"
          ~ next  = "a" -> (known after apply)
          ~ token = (sensitive) -> (sensitive)
        """) in render_plan(shown, PLAIN)
    document = plan_document(shown)["output_changes"]
    assert document["id"] == {
        "actions": ["create"],
        "before": None,
        "after": None,
        "after_unknown": True,
        "before_sensitive": False,
        "after_sensitive": False,
    }
    assert [document[name]["actions"] for name in ("gone", "name", "token")] == [["delete"], ["update"], ["update"]]
    assert document["token"]["after"] == "(sensitive)"


def test_colour_adds_nothing_but_colour_to_the_last_lines():
    import re

    text = render_plan(risky(3), COLORED)
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == render_plan(risky(3), PLAIN)
