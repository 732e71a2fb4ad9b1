"""Writes the first specs of a stack. It writes only files that do not exist, and no spec that would cost money."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

from provisioner.disk import Disk, describe_obstacle, place_file
from provisioner.model.diagnostic import UsageError, error

_STACK = """\
# A stack is one directory of specs. This one runs against the built-in sandbox: no account, no money.
# For the real cloud write `cloud: huaweicloud`, and give credentials by HW_ACCESS_KEY and HW_SECRET_KEY.
stack: {name}
cloud: sandbox
region: cn-north-4

variables:
  nodes: {{type: integer, default: 1, minimum: 0, description: How many trainers there are}}

defaults:                 # laid under every server
  image_id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7
  key_pair_name: ops
  network:
    vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
    subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54
    security_group_id: 150a2c76-1334-45f6-b28f-419f9b1d1742
"""

_SERVERS = """\
servers:
  trainer:
    count: "{{ var.nodes }}"
    name: "{{ stack }}-trainer-{{ count.index }}"
    flavor: Si2.large.4
    root_volume: {type: SSD, size: 200}
"""

_IGNORE = "*\n!.gitignore\n"


@dataclass(frozen=True, slots=True)
class InitResult:
    written: tuple[Path, ...]


def init(directory: Path, name: str) -> InitResult:
    """Writes the missing files. Raises UsageError when there is a stack already, or the folder cannot be written."""
    if (directory / "stack.yaml").exists():
        hint = "go on with: provisioner plan"
        raise UsageError(
            error("stack-exists", f"there is a stack in {directory} already; nothing was changed", hint=hint)
        )
    state = directory.resolve().parent / "state"
    files = {
        directory / "stack.yaml": _STACK.format(name=name),
        directory / "servers.yaml": _SERVERS,
        state / ".gitignore": _IGNORE,
    }
    written: list[Path] = []
    try:
        missing = {path: text for path, text in files.items() if not _is_there(path)}
        directory.mkdir(parents=True, exist_ok=True)
        state.mkdir(mode=0o700, exist_ok=True)
        for path, text in missing.items():
            place_file(Disk(), path, text.encode(), is_shared=True)
            written.append(path)
    except OSError as failure:
        for path in written:
            Disk().remove(path)
        summary = f"cannot write {failure.filename}: {failure.strerror}"
        raise UsageError(
            error("init-failed", summary, hint="choose a folder that you may write: --specs DIR")
        ) from failure
    return InitResult(tuple(written))


def _is_there(path: Path) -> bool:
    """Raises OSError where something stands there that is no file: it is left as it is, and nothing is written beside it."""
    if what := describe_obstacle(path):
        raise FileExistsError(errno.EEXIST, f"{what} stands there", str(path))
    return path.exists()
