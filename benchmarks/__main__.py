"""`make bench`: prints every budget's figure. It measures and judges nothing; docs/benchmarks.md keeps figures seen.

`python -m benchmarks PART...` measures only some of them. The peer is Terraform with the vendor's provider, beside us where this
machine has both (benchmarks/peer.py); else what version 1.11.4 took on another day on a machine of this kind.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.emulator import rates
from benchmarks.fleet import Fleet, counted_fleet, quick_fleet, written_fleet
from benchmarks.journal import costs
from benchmarks.peer import find_peer
from benchmarks.processes import Figure, environment, in_turns, measure, median, provisioner, requests

if TYPE_CHECKING:
    from benchmarks.shared import Database

_YAML = "import sys, yaml; yaml.load(open(sys.argv[1]), yaml.CSafeLoader)"


@dataclass(frozen=True, slots=True)
class Peer:
    """Seconds that the peer took for the same work, and what part of them the design allows us."""

    apply: float | None = None
    plan: float | None = None


PEERS = {100: Peer(apply=102.0), 1_000: Peer(apply=60.0, plan=7.5)}
APPLY_BUDGET, PLAN_BUDGET = 20, 12


def main() -> None:
    print(f"{'work':40} {'seconds':>8} {'proc.':>6} {'MB':>6}  beside it")
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()


def _show(work: str, figure: Figure, beside: str = "") -> None:
    print(
        f"{work:40} {figure.seconds:8.2f} {figure.processor:6.2f} {figure.megabytes:6.0f}  {beside}".rstrip(),
        flush=True,
    )


def _start_up() -> None:
    with TemporaryDirectory() as place:
        directory, environ = Path(place), environment()
        bare = median([sys.executable, "-c", "pass"], directory=directory, environ=environ, runs=11)
        _show("python -c pass", bare)
        for option, budget in (("--version", 1.5), ("--help", 5)):
            figure = median(provisioner(option), directory=directory, environ=environ, runs=11)
            _show(option, figure, f"{figure.seconds / bare.seconds:.1f} times python -c pass (budget {budget})")


def _small() -> None:
    """What reads the state of one server, and the plan that finds nothing to do."""
    with counted_fleet() as fleet:
        _run(fleet, provisioner("apply", "--auto-approve"))
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "show": provisioner("show"),
            "output": provisioner("output"),
            "state list": provisioner("state", "list"),
            "no-op plan of 1": provisioner("plan"),
        }
        figures = in_turns({name: _measuring(fleet, command) for name, command in commands.items()}, rounds=7)
        bare = figures.pop("python -c pass")
        for name, figure in figures.items():
            budget = 25 if name.startswith("no-op") else 15
            _show(name, figure, f"{figure.seconds / bare.seconds:.1f} times python -c pass (budget {budget})")


def _floor() -> None:
    """On a cloud that answers at once, and on one that takes 20 ms; each work has a cloud of its own, so none slows another."""
    for latency, nodes, parallelism, budget in (
        (0.0, 1_000, 10, 2),
        (0.0, 1_000, 200, 2),
        (0.020, 1_000, 10, 1.2),
    ):
        figures = in_turns(
            {
                "bare": lambda: _bare(latency, nodes, parallelism),  # noqa: B023 - called before the loop goes on
                "ours": lambda: _ours(latency, nodes, parallelism),  # noqa: B023 - called before the loop goes on
            },
            rounds=3,
        )
        bare, ours = figures["bare"], figures["ours"]
        _show(f"bare loop: {nodes:,} by {parallelism}, {latency * 1000:.0f} ms", bare)
        beside = f"{ours.seconds / bare.seconds:.2f} times the bare loop (budget {budget}), {ours.processor / bare.processor:.1f} times its processor time"
        _show(f"apply {nodes:,} by {parallelism}, {latency * 1000:.0f} ms", ours, beside)


def _bare(latency: float, nodes: int, parallelism: int) -> Figure:
    with quick_fleet(latency) as fleet:
        return _run(fleet, [sys.executable, "-m", "benchmarks.floor", fleet.address, str(nodes), str(parallelism)])


def _ours(latency: float, nodes: int, parallelism: int) -> Figure:
    with quick_fleet(latency) as fleet:
        return _run(fleet, _apply(nodes, parallelism))


def _peer() -> None:
    """On the same cloud and in turns."""
    peer = find_peer()
    if isinstance(peer, str):
        print(f"Terraform beside us: skipped; {peer}", flush=True)
        return
    for nodes, parallelism in ((1, 10), (100, 10)):
        with quick_fleet() as theirs, quick_fleet() as ours:
            environ = peer.prepare(theirs.directory, theirs.address)
            them = peer.apply(theirs.directory, environ, nodes, parallelism)
            us = _run(ours, _apply(nodes, parallelism))
            _show(f"Terraform: apply {nodes:,} by {parallelism}", them)
            _show(f"apply {nodes:,} by {parallelism}", us, f"1/{them.seconds / us.seconds:.0f} of Terraform's")
            plan = _measuring(ours, provisioner("plan", "--var", f"nodes={nodes}"))
            figures = in_turns({"them": lambda: peer.plan(theirs.directory, environ, nodes), "us": plan}, rounds=3)  # noqa: B023 - called before the loop goes on
            them, us = figures["them"], figures["us"]
            _show(f"Terraform: no-op plan of {nodes:,}", them)
            _show(f"no-op plan of {nodes:,}", us, f"1/{them.seconds / us.seconds:.0f} of Terraform's")


def _emulator() -> None:
    for work, ours, bare in rates():
        print(f"sandbox: {work}, a second {ours:24,.0f}  {bare / ours:.1f} times as many by bare Starlette", flush=True)


def _journal() -> None:
    with_it, without = costs()
    print(
        f"apply 1,000 servers at 20 ms, parallelism 10: {with_it:.2f} s with the journal, {without:.2f} s without it: "
        f"{(with_it / without - 1) * 100:+.1f} % (budget 5)",
        flush=True,
    )


def _shared() -> None:
    """A state in PostgreSQL beside one in a folder."""
    from benchmarks import shared

    try:
        with shared.postgres() as server:
            for latency, rounds in ((0.2, 3), (0.02, 3)):
                figures = shared.compare(server, nodes=1_000, latency=latency, parallelism=10, rounds=rounds)
                folder, database = figures["folder"], figures["postgres"]
                budget = " (budget 1.05)" if latency >= 0.2 else ""  # noqa: PLR2004 - the latency that the budget is for
                _show(f"apply 1,000 by 10, {latency * 1000:.0f} ms: folder", folder)
                ratio = f"{database.seconds / folder.seconds:.3f} times the folder{budget}"
                _show(f"apply 1,000 by 10, {latency * 1000:.0f} ms: PostgreSQL", database, ratio)
            with shared.applied(server, 10_000) as (fleet, database_of_many):
                _show_shared_plan(fleet, database_of_many)
    except RuntimeError as reason:
        print(f"PostgreSQL beside a folder: skipped; {reason}", flush=True)


def _show_shared_plan(fleet: Fleet, database: Database) -> None:
    plan = provisioner("plan", "--var", "nodes=10000")
    before = database.kept()
    print(
        f"10,000 servers in PostgreSQL: {before.appends:,} appends, {before.records / 2**20:.1f} MB of records",
        flush=True,
    )
    figure = median(plan, directory=fleet.directory, environ=fleet.environ, runs=3)
    _show("no-op plan of 10,000, PostgreSQL", figure, f"{database.statements(fleet, plan)} statements")
    _run(fleet, _apply(10_001, 10))
    after = database.kept()
    print(
        f"one more server: {after.appends - before.appends} appends, {after.records - before.records:,} bytes of records, "
        f"{after.checkpoints - before.checkpoints} checkpoints",
        flush=True,
    )


def _validate(servers: int) -> None:
    with written_fleet(servers) as fleet:
        parse = median(
            [sys.executable, "-c", _YAML, "specs/servers.yaml"],
            directory=fleet.directory,
            environ=fleet.environ,
            runs=3,
        )
        _show(f"CSafeLoader alone, {servers:,} servers", parse)
        figure = median(provisioner("validate"), directory=fleet.directory, environ=fleet.environ, runs=3)
        _show(
            f"validate {servers:,} servers", figure, f"{figure.seconds / parse.seconds:.1f} times the parse (budget 3)"
        )


def _calls(nodes: int) -> None:
    with counted_fleet() as fleet:
        for verb, method in (("apply", "POST"), ("destroy", "DELETE")):
            command = provisioner(verb, "--auto-approve", "--var", f"nodes={nodes}")
            lines = requests(command, directory=fleet.directory, environ=fleet.environ)
            own = sum(f": {method} " in line for line in lines)
            a_server = len(lines) / nodes
            print(
                f"{verb} {nodes:,} servers: {own:,} {method}, {len(lines) - own:,} other calls, {a_server:.2f} a server",
                flush=True,
            )


def _fleet(nodes: int, *, parallelism: int) -> Figure:
    """Applies `nodes` servers that run at once, then plans them again; returns the no-op plan's figure."""
    peer = PEERS.get(nodes, Peer())
    with counted_fleet() as fleet:
        size = ("--var", f"nodes={nodes}")
        figure = _run(fleet, _apply(nodes, parallelism))
        _show(f"apply {nodes:,} servers, parallelism {parallelism}", figure, _part(figure, peer.apply, APPLY_BUDGET))
        state = (fleet.directory / "state" / "fleet.json").stat().st_size / 2**20
        plan = median(provisioner("plan", *size), directory=fleet.directory, environ=fleet.environ, runs=3)
        calls = requests(provisioner("plan", *size), directory=fleet.directory, environ=fleet.environ)
        beside = f"{len(calls)} API calls; state of {state:.1f} MB{_part(plan, peer.plan, PLAN_BUDGET, before='; ')}"
        _show(f"no-op plan of {nodes:,}", plan, beside)
        return plan


def _part(figure: Figure, peer: float | None, budget: int, *, before: str = "") -> str:
    return "" if peer is None else f"{before}1/{peer / figure.seconds:.0f} of the peer's {peer:g} s (budget 1/{budget})"


def _growth() -> None:
    small = _fleet(100, parallelism=10)
    thousand = _fleet(1_000, parallelism=200)
    many = _fleet(10_000, parallelism=200)
    print(
        f"no-op plan: 10,000 take {many.seconds / thousand.seconds:.1f} times 1,000 (budget 8), 1,000 take {thousand.seconds / small.seconds:.1f} times 100"
    )


def _apply(nodes: int, parallelism: int) -> list[str]:
    return provisioner("apply", "--auto-approve", "--parallelism", str(parallelism), "--var", f"nodes={nodes}")


def _run(fleet: Fleet, command: list[str]) -> Figure:
    return measure(command, directory=fleet.directory, environ=fleet.environ)


def _measuring(fleet: Fleet, command: list[str]) -> Callable[[], Figure]:
    return lambda: _run(fleet, command)


PARTS: dict[str, Callable[[], None]] = {
    "start": _start_up,
    "small": _small,
    "floor": _floor,
    "peer": _peer,
    "emulator": _emulator,
    "journal": _journal,
    "shared": _shared,
    "validate": lambda: _validate(10_000),
    "calls": lambda: _calls(1_000),
    "growth": _growth,
}


if __name__ == "__main__":
    main()
