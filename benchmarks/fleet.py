"""A stack of many servers and a served sandbox for it, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import provisioner

_STACK = """\
stack: fleet
cloud: sandbox
region: cn-north-4
variables:
  nodes: {type: integer, default: 1}
defaults:
  image_id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7
  key_pair_name: ops
  network:
    vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
    subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54
    security_group_id: 150a2c76-1334-45f6-b28f-419f9b1d1742
"""

_COUNTED = """\
servers:
  trainer:
    count: "{{ var.nodes }}"
    name: "fleet-trainer-{{ count.index }}"
    flavor: Si2.large.4
    root_volume: {type: SSD, size: 200}
"""

_ONE = """\
  trainer-{index}:
    name: "{{{{ stack }}}}-trainer-{index}"
    flavor: Si2.large.4
    image_id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7
    availability_zone: cn-north-4a
    root_volume:
      type: SSD
      size: 200
    network:
      vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
      subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54
      security_group_id: 150a2c76-1334-45f6-b28f-419f9b1d1742
    labels:
      team: vision
      rank: "{index}"
"""


@dataclass(frozen=True, slots=True)
class Fleet:
    directory: Path
    environ: dict[str, str]


@contextmanager
def counted_fleet() -> Iterator[Fleet]:
    """One counted group, its size given by `--var nodes=N`; servers run at once. The sandbox ends with the context."""
    with TemporaryDirectory() as place, _served(Path(place)) as address:
        directory = Path(place)
        _write(directory, _COUNTED)
        endpoints = {f"PROVISIONER_ENDPOINT_{name}": address for name in ("MODELARTS", "BSS", "IAM")}
        yield Fleet(directory, _clean_environment() | endpoints)


@contextmanager
def emulated_fleet() -> Iterator[Fleet]:
    """The same group, bought in the sandbox that runs inside the command: no server is started."""
    with TemporaryDirectory() as place:
        directory = Path(place)
        _write(directory, _COUNTED)
        yield Fleet(directory, _clean_environment())


@contextmanager
def written_fleet(servers: int) -> Iterator[Fleet]:
    """Every server written out, fifteen lines each, to measure reading."""
    with TemporaryDirectory() as place:
        directory = Path(place)
        _write(directory, "servers:\n" + "".join(_ONE.format(index=index) for index in range(servers)))
        yield Fleet(directory, _clean_environment())


def _write(directory: Path, servers: str) -> None:
    (directory / "specs").mkdir()
    (directory / "state").mkdir(mode=0o700)
    (directory / "specs" / "stack.yaml").write_text(_STACK)
    (directory / "specs" / "servers.yaml").write_text(servers)


def _clean_environment() -> dict[str, str]:
    foreign = ("PROVISIONER_", "HW_", "HUAWEICLOUD_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


@contextmanager
def _served(directory: Path) -> Iterator[str]:
    command = provisioner("sandbox", "serve", "--build-seconds", "0", "--world", str(directory / "world.db"))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_clean_environment())
    try:
        assert server.stdout is not None
        yield server.stdout.readline().removeprefix("listening on ").strip()
    finally:
        server.terminate()
        server.communicate()
