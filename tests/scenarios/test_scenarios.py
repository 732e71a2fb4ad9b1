"""Behaviours as folders: specs, state.json and live.json in; plan.txt and calls.txt out.

`pytest tests/scenarios --refresh-scenarios` rewrites what is expected; read the difference before you keep it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.scenario import Scenario

SCENARIOS = sorted(path.parent.parent for path in Path(__file__).parent.glob("*/specs/stack.yaml"))


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_a_scenario_plans_and_sends_what_it_says(folder, no_environment, monkeypatch, request):
    monkeypatch.chdir(folder)  # findings name files as a person in that folder would
    outcome = dict(zip(("plan.txt", "calls.txt"), Scenario(folder).outcome(), strict=True))
    if request.config.getoption("--refresh-scenarios"):
        for name, text in outcome.items():
            (folder / name).write_text(text)
    assert {name: (folder / name).read_text() for name in outcome} == outcome


def test_there_are_scenarios():
    assert len(SCENARIOS) >= 12
