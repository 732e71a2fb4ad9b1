"""The caller of a run in the journal: only what is known is written, so that older journals stay as they were."""

from __future__ import annotations

import pytest

from provisioner.model.caller import UNKNOWN_CALLER, Caller, PipelineRun
from provisioner.model.journal import RunStarted
from provisioner.store.codec import entry_from_json, entry_to_json


def started(caller: Caller) -> RunStarted:
    return RunStarted("run-1", "apply", "ana@laptop", "0.1.0", caller=caller)


def test_of_an_unknown_caller_nothing_is_written():
    assert "caller" not in entry_to_json(started(UNKNOWN_CALLER))


@pytest.mark.parametrize(
    ("caller", "written"),
    [
        (Caller("account-1"), {"account": "account-1"}),
        (Caller(pipeline=PipelineRun("GitLab CI", actor="bob")), {"pipeline": {"system": "GitLab CI", "actor": "bob"}}),
        (
            Caller("a", "acme", "p", "u", PipelineRun("GitHub Actions", run="1")),
            {
                "account": "a",
                "account_name": "acme",
                "project_name": "p",
                "user": "u",
                "pipeline": {"system": "GitHub Actions", "run": "1"},
            },
        ),
    ],
)
def test_only_what_is_known_is_written_and_read_again(caller, written):
    entry = entry_to_json(started(caller))
    assert entry["caller"] == written
    assert entry_from_json(entry) == started(caller)
