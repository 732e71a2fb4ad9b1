"""The one change in place: a new name, and the facts that only the state holds."""

from __future__ import annotations

import pytest
from support.flows import play, refused
from support.planning_builders import bought, wanted
from support.rows import ID, a_row

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import Call, CallFailed, Effect, Ended, Remember, Reply
from provisioner.model.resource import Phase

KIND = CATALOGUE["dev_server"]
RECORDED = bought(wanted(), id=ID)
RENAMED = wanted(name="portal")


def update(*changed, replies=()):
    return play(KIND.update(RENAMED, RECORDED, frozenset(changed)), replies)


def test_a_rename_is_one_call_that_may_be_repeated_and_is_remembered():
    played = update(("name",), replies=[Reply(200, a_row(name="portal", status="RUNNING"))])
    (call,) = played.of(Call)
    assert (call.method, call.path, call.body) == ("PUT", f"/v1/{{project_id}}/dev-servers/{ID}", {"name": "portal"})
    assert call.effect is Effect.REPEATABLE
    (facts,) = played.of(Remember)
    assert facts.declared == {"name": "portal"}
    assert facts.observed["status"] == "RUNNING"
    assert played.result == Ended(Phase.READY)


def test_labels_and_protection_are_recorded_without_a_call():
    played = update(("labels", "team"), ("lifecycle", "prevent_destroy"))
    assert played.steps == (Remember(Phase.READY),)
    assert played.result == Ended(Phase.READY)


def test_a_name_that_is_ignored_is_not_recorded_as_changed():
    (facts,) = update(("labels", "team")).of(Remember)
    assert facts.declared is None


def test_a_refused_rename_remembers_nothing():
    flow = KIND.update(RENAMED, RECORDED, frozenset({("name",)}))
    next(flow)
    with pytest.raises(CallFailed):
        flow.throw(refused("ModelArts.0104"))


def test_an_answer_without_an_id_is_no_answer():
    with pytest.raises(CallFailed, match="no usable id"):
        update(("name",), replies=[Reply(200, {"name": "portal"})])
