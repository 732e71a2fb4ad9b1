"""The quiet period of a state that other machines may take over begins later, wherever its place is named."""

from __future__ import annotations

import pytest
from support.stack_text import DEFAULTS

from provisioner.cli.main import catalogue
from provisioner.loading import VariableInputs
from provisioner.model.purchase_policy import SIGNATURE_LIFE
from provisioner.settings import Settings
from provisioner.workflow.state_places import read_explicit_state
from provisioner.workflow.workspace import Emulator, Workspace

URL = "postgres://db.example.com/states"


@pytest.mark.parametrize(
    ("declared", "given", "expected"),
    [
        ("", None, 0),
        ("state: ../kept\n", None, 0),
        (f"state: {URL}\n", None, SIGNATURE_LIFE),
        ("", URL, SIGNATURE_LIFE),
        (f"state: {URL}\n", "/srv/states", 0),
    ],
)
def test_it_follows_the_place_that_is_used(tmp_path, declared, given, expected):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "stack.yaml").write_text(
        f"stack: demo\ncloud: sandbox\nregion: cn-north-4\n{declared}{DEFAULTS}"
    )
    (tmp_path / "specs" / "servers.yaml").write_text("servers: {alpha: {}}\n")
    workspace = Workspace(
        directory=tmp_path / "specs",
        environment=None,
        inputs=VariableInputs(),
        explicit_state=read_explicit_state(None, given),
        settings=Settings(),
        environ={},
        home=tmp_path,
        catalogue=catalogue(),
        emulator=Emulator(lambda _path: None, "key", "secret", "cn-north-4"),
        version="test",
    )
    assert workspace.stack().purchase.late_sending == expected
    assert workspace.load().stack.purchase.late_sending == expected
