"""A stack of many servers and a served sandbox for it, in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import environment, provisioner

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
    """`address` is that of the cloud, where one is served for it."""

    directory: Path
    environ: dict[str, str]
    address: str = ""


@contextmanager
def counted_fleet() -> Iterator[Fleet]:
    """One counted group, its size given by `--var nodes=N`; servers run at once. The sandbox ends with the context."""
    with TemporaryDirectory() as place:
        world = str(Path(place) / "world.db")
        with _served_by(provisioner("sandbox", "serve", "--build-seconds", "0", "--world", world)) as address:
            yield _counted(Path(place), address)


@contextmanager
def quick_fleet(latency: float = 0.0) -> Iterator[Fleet]:
    """The same on a cloud that answers at once, or after `latency` seconds, so that the client is what is measured."""
    with (
        TemporaryDirectory() as place,
        _served_by([sys.executable, "-m", "benchmarks.cloud", str(latency)]) as address,
    ):
        yield _counted(Path(place), address)


def _counted(directory: Path, address: str) -> Fleet:
    _write(directory, _COUNTED)
    endpoints = {f"PROVISIONER_ENDPOINT_{name}": address for name in ("MODELARTS", "BSS", "IAM")}
    return Fleet(directory, environment(**endpoints), address)


@contextmanager
def emulated_fleet() -> Iterator[Fleet]:
    """The same group, bought in the sandbox that runs inside the command: no server is started."""
    with TemporaryDirectory() as place:
        directory = Path(place)
        _write(directory, _COUNTED)
        yield Fleet(directory, environment())


@contextmanager
def written_fleet(servers: int) -> Iterator[Fleet]:
    """Every server written out, fifteen lines each, to measure reading."""
    with TemporaryDirectory() as place:
        directory = Path(place)
        _write(directory, "servers:\n" + "".join(_ONE.format(index=index) for index in range(servers)))
        yield Fleet(directory, environment())


def _write(directory: Path, servers: str) -> None:
    (directory / "specs").mkdir()
    (directory / "state").mkdir(mode=0o700)
    (directory / "specs" / "stack.yaml").write_text(_STACK)
    (directory / "specs" / "servers.yaml").write_text(servers)


@contextmanager
def _served_by(command: Sequence[str]) -> Iterator[str]:
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        assert server.stdout is not None
        yield server.stdout.readline().removeprefix("listening on ").strip()
    finally:
        server.terminate()
        server.communicate()
