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
    assert question_of(bought, PLAIN).splitlines()[0] == "Buy 40 prepaid for 1 YEAR, modelarts.bm.a3, paid at once?"


def test_several_sorts_have_a_sum_and_a_line_each():
    sorts = (
        due(40, renews=True),
        due(2, period=("MONTH", 3), payment=Payment.AWAITED),
        due(1, DueReason.REPLACEMENT, payment=Payment.CHECKED),
        due(3, DueReason.ORDER_PLACED),
        due(4, DueReason.IN_DOUBT),
        due(5, payment=Payment.UNKNOWN, period=None),
    )
    text = render_plan(fleet(due_now=sorts), Style(color=False, width=160))
    assert (
        dedent("""\
        Due now: 51 prepaid servers, and perhaps 4 more in doubt.
          - 40 prepaid for 1 YEAR, modelarts.bm.a3: ordered and paid at once, renewed automatically
          - 2 prepaid for 3 MONTH, modelarts.bm.a3: ordered, and not paid: the order awaits payment
          - 1 prepaid for 1 YEAR, modelarts.bm.a3: ordered, then paid by this run if the order is as declared, to replace what is released
          - 3 prepaid for 1 YEAR, modelarts.bm.a3: ordered by an earlier run, and paid by this one
          - 4 prepaid for 1 YEAR, modelarts.bm.a3: in doubt, and ordered again only if it turns out that nothing was bought
          - 5 of unknown charging, modelarts.bm.a3: the cloud decides how they are charged, perhaps prepaid
        """)
        in text
    )
    asked = question_of(fleet(due_now=sorts), PLAIN)
    assert asked.startswith("Do you want to perform these actions?\n  Due now: 40 prepaid for 1 YEAR")
    assert "  Due now as well: 8 under 2 other terms, as the plan says.\n" in asked


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
