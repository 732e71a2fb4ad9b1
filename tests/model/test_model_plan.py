"""Small promises of the plain values: plans, kinds, results, failures, diagnostics."""

from __future__ import annotations

from pathlib import PurePath

import pytest
from support.builders import IDENTITY, a_change, a_desired, a_plan, a_recorded, an_address

from provisioner.kinds import CATALOGUE
from provisioner.model.action import Action
from provisioner.model.diagnostic import LockHeld, SourceRange, SpecError, StoreError, error, warning
from provisioner.model.event import Result, ResultType, RunResult
from provisioner.model.field_rule import FieldRule, OnChange
from provisioner.model.flow import CallFailed, Outcome, Reply
from provisioner.model.plan import Summary
from provisioner.model.stack import Stack

KIND = CATALOGUE["dev_server"]


@pytest.mark.parametrize(
    ("actions", "summary"),
    [
        ([], Summary(0, 0, 0)),
        ([Action.CREATE, Action.CREATE], Summary(2, 0, 0)),
        ([Action.UPDATE], Summary(0, 1, 0)),
        ([Action.REPLACE], Summary(1, 0, 1)),
        ([Action.DELETE, Action.REPLACE], Summary(1, 0, 2)),
        ([Action.RESUME, Action.FORGET, Action.NO_OP], Summary(0, 0, 0)),
    ],
)
def test_a_plan_is_summed_up_as_terraform_does(actions, summary):
    assert a_plan(*(a_change(f"s[{index}]", action=action) for index, action in enumerate(actions))).summary == summary


def test_the_work_of_a_plan_is_all_but_the_no_ops():
    changes = [a_change(f"s[{index}]", action=action) for index, action in enumerate(Action)]
    assert [change.action for change in a_plan(*changes).work] == [action for action in Action if action != "no-op"]


def test_the_longest_matching_rule_of_a_field_counts():
    assert KIND.rule(("network", "vpc_id")).shown
    assert KIND.rule(("charging_info", "charging_mode", "x")).shown
    assert KIND.rule(("network", "security_group_id")) == FieldRule(("network", "security_group_id"))
    assert KIND.rule(("name",)).on_change is OnChange.IN_PLACE


def test_a_kind_names_what_is_sensitive_and_what_the_cloud_hides():
    assert KIND.sensitive() == (("admin_pass",),)
    declared = {
        "name": "a",
        "availability_zone": "az-1",
        "root_volume": {"size": 1},
        "admin_pass": {"fingerprint": "f"},
    }
    assert KIND.unverifiable(declared) == (("availability_zone",), ("admin_pass",))


def test_a_catalogue_finds_kinds_by_name_and_by_section():
    assert CATALOGUE.section("servers") is CATALOGUE["dev_server"]
    assert CATALOGUE.section("nothing") is None
    assert CATALOGUE.sections == ("servers",)
    with pytest.raises(StoreError, match="the kind 'nothing', which this version does not know"):
        CATALOGUE["nothing"]


@pytest.mark.parametrize(
    ("status", "code", "not_found"),
    [
        (400, "ModelArts.6404", True),
        (400, "ModelArts.6309", True),
        (404, None, True),
        (404, "ModelArts.0001", True),
        (404, "APIG.0101", False),
        (400, "ModelArts.7000", False),
        (None, None, False),
    ],
)
def test_not_found_is_what_the_reference_says_it_is(status, code, not_found):
    failed = CallFailed(Outcome.REFUSED, "no", status=status, code=code)
    assert failed.not_found is not_found
    assert str(failed) == failed.message == "no"


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_a_reply_that_is_no_object_is_an_empty_one(body):
    assert Reply(200, body).object() == {}
    assert Reply(200, {"a": 1}).object() == {"a": 1}


def test_results_are_counted_by_how_they_ended():
    results = [
        Result(an_address(), Action.CREATE, ResultType.DONE),
        Result(an_address(), Action.DELETE, ResultType.DONE),
        Result(an_address(), Action.CREATE, ResultType.FAILED),
    ]
    run = RunResult(tuple(results))
    assert run.of_type(ResultType.FAILED) == (results[2],)
    assert run.count_done(Action.CREATE, Action.DELETE) == 2
    assert run.count_done(Action.CREATE) == 1


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        (None, ""),
        (error("x", "the cloud refused"), "the cloud refused"),
        (
            error("x", "the cloud refused", detail="ModelArts.7000: no"),
            "the cloud refused: ModelArts.7000: no",
        ),
        (error("x", "the disk is full"), "the disk is full"),
    ],
)
def test_a_result_tells_what_happened_and_why(finding, told):
    assert Result(an_address(), Action.CREATE, ResultType.FAILED, finding).message == told


def test_an_error_carries_every_finding():
    one, two = error("a", "first"), warning("b", "second")
    raised = SpecError(one, two)
    assert raised.diagnostics == (one, two)
    assert str(raised) == "first; second"
    assert issubclass(LockHeld, StoreError)


def test_small_values_say_who_they_are():
    assert str(IDENTITY) == "account domain-1, project project-1, region cn-north-4"
    assert str(SourceRange("main.yaml", 3, 5)) == "main.yaml:3:5"
    assert Stack("demo", PurePath("specs")).label == "demo"
    assert Stack("demo", PurePath("specs"), environment="dev").label == "demo.dev"
    assert a_desired("a").name == a_recorded("a").name == "a"
    assert a_recorded("a", declared={}).name == ""
