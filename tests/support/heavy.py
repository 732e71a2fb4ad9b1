"""Skips tests that need the vendor's SDK or schemathesis if these are missing. The reason names the command that installs them."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

TOOLS = ("huaweicloudsdkbss", "huaweicloudsdkiam", "huaweicloudsdkmodelarts", "schemathesis")
REQUIRED = "TEST_HEAVY"
"""The environment variable with which a run fails rather than skips: .ci/run sets it."""
_IMPORTS = re.compile(r"^(?:from|import) (?:huaweicloudsdk|schemathesis|support\.(?:vendor|document))", re.MULTILINE)
_IMPORTERS = ("sdk",)
"""Folders whose fixtures import them, whatever the module itself does."""


def missing_tools() -> list[str]:
    return [name for name in TOOLS if find_spec(name) is None]


def needs_heavy_tools(module: Path) -> bool:
    return module.parent.name in _IMPORTERS or _IMPORTS.search(module.read_text(encoding="utf-8")) is not None


def lacks_heavy_tools(module: Path) -> bool:
    return bool(missing_tools()) and needs_heavy_tools(module)


class SkippedModule(pytest.Module):
    """Stands for a module of tests without importing it."""

    def collect(self):
        reason = f"{', '.join(missing_tools())} not installed: `make heavy` installs what this needs"
        if os.environ.get(REQUIRED):
            raise self.CollectError(f"{reason}; {REQUIRED} is set, so it is not skipped")
        pytest.skip(reason, allow_module_level=True)
