"""A stack on disk for every test that asks for one."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading.stack_folder import STACK, StackFolder


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFolder:
    monkeypatch.chdir(tmp_path)
    return StackFolder(Path("specs")).write("stack.yaml", STACK)
