"""Who made a run and where a plan acts, in text and JSON; and nothing of it can steer a terminal."""

from __future__ import annotations

from dataclasses import replace

from rendering.samples import BASIS

from provisioner.model.caller import UNKNOWN_CALLER, Caller, PipelineRun
from provisioner.rendering.caller import caller_document, caller_lines, target_text
from provisioner.rendering.machine import basis_document

RUN = PipelineRun(
    "GitHub Actions", "ann", "4711", "0a1b", "acme/fleet", "https://forge.example/acme/fleet/actions/runs/4711"
)
CALLER = Caller("account-1", "acme-prod", "cn-north-4_prod", "deployer", RUN)


def test_the_cloud_and_the_pipeline_have_a_line_each():
    assert [*caller_lines(CALLER)] == [
        "account: acme-prod (account-1), user deployer",
        f"pipeline: ann (GitHub Actions run 4711), commit 0a1b of acme/fleet, {RUN.url}",
    ]
    assert [*caller_lines(Caller("account-1"))] == ["account: account-1"]
    assert [*caller_lines(Caller(pipeline=PipelineRun("GitLab CI", commit="ff")))] == ["pipeline: GitLab CI, commit ff"]
    assert [*caller_lines(UNKNOWN_CALLER)] == []


def test_json_has_every_fact_and_null_for_what_is_not_known():
    assert caller_document(UNKNOWN_CALLER) is None
    assert caller_document(Caller("account-1")) == {
        "account": "account-1",
        "account_name": None,
        "project_name": None,
        "user": None,
        "pipeline": None,
    }
    assert caller_document(CALLER)["pipeline"] == {
        "system": "GitHub Actions",
        "actor": "ann",
        "run": "4711",
        "commit": "0a1b",
        "repository": "acme/fleet",
        "url": RUN.url,
    }
    assert basis_document(replace(BASIS, caller=CALLER))["caller"] == caller_document(CALLER)


def test_where_a_plan_acts_is_named_where_there_is_something_to_mix_up():
    assert target_text(BASIS) == "environment dev, account account-1"
    assert target_text(replace(BASIS, caller=CALLER)) == "environment dev, account acme-prod (account-1)"
    assert target_text(replace(BASIS, environment=None, caller=CALLER)) == "account acme-prod (account-1)"
    assert target_text(replace(BASIS, environment=None)) == ""


def test_nothing_of_it_can_steer_a_terminal():
    evil = "\x1b[2J\nroot"
    caller = Caller("a", evil, evil, evil, PipelineRun(evil, evil, evil, evil, evil, evil))
    for text in (*caller_lines(caller), target_text(replace(BASIS, caller=caller))):
        assert "\x1b" not in text
        assert "\n" not in text


def test_whoever_made_a_plan_somebody_else_may_carry_it_out():
    assert replace(BASIS, caller=CALLER) == BASIS
