"""A person at a desk: a folder with specs and an empty state, and nothing in the environment that names a cloud."""

from __future__ import annotations

from functools import partial

import pytest
from support.desk import GATEWAY, Desk

from provisioner import sandbox


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys, no_environment) -> Desk:
    """One server declared, nothing bought yet. Building takes no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sandbox, "create_app", partial(sandbox.create_app, build_seconds=0))
    (tmp_path / "state").mkdir(mode=0o700)
    made = Desk(tmp_path, capsys)
    made.stack()
    made.specs(GATEWAY)
    return made


@pytest.fixture
def applied(desk: Desk) -> Desk:
    """The one server is bought."""
    desk.apply()
    assert desk.bought() == ["gateway"]
    return desk
