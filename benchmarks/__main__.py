"""`make bench`: prints every budget's figure. It measures and judges nothing; docs/benchmarks.md keeps figures seen.

The peer's figures are Terraform 1.11.4 with the vendor's provider, measured on another day on a machine of this kind.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.emulator import rates
from benchmarks.fleet import Fleet, counted_fleet, written_fleet
from benchmarks.journal import costs
from benchmarks.processes import Figure, measure, median, provisioner, requests

_YAML = "import sys, yaml; yaml.load(open(sys.argv[1]), yaml.CSafeLoader)"


@dataclass(frozen=True, slots=True)
class Peer:
    """Seconds that the peer took for the same work, and what part of them the design allows us."""

    apply: float | None = None
    plan: float | None = None


PEERS = {100: Peer(apply=102.0), 1_000: Peer(apply=60.0, plan=7.5)}
APPLY_BUDGET, PLAN_BUDGET = 20, 10


def main() -> None:
    print(f"{'work':40} {'seconds':>8} {'MB':>6}  beside it")
    _start_up()
    _emulator()
    _journal()
    _validate(10_000)
    _calls_of_apply(1_000)
    small = _fleet(100, parallelism=10)
    thousand = _fleet(1_000, parallelism=200)
    many = _fleet(10_000, parallelism=200)
    print(
        f"no-op plan: 10,000 take {many.seconds / thousand.seconds:.1f} times 1,000 (budget 12), 1,000 take {thousand.seconds / small.seconds:.1f} times 100"
    )


def _show(work: str, figure: Figure, beside: str = "") -> None:
    print(f"{work:40} {figure.seconds:8.2f} {figure.megabytes:6.0f}  {beside}", flush=True)


def _start_up() -> None:
    with TemporaryDirectory() as place:
        directory, environ = Path(place), {"PATH": "/usr/bin:/bin"}
        bare = median([sys.executable, "-c", "pass"], directory=directory, environ=environ, runs=11)
        _show("python -c pass", bare)
        for option, budget in (("--version", 2.5), ("--help", 12)):
            figure = median(provisioner(option), directory=directory, environ=environ, runs=11)
            _show(option, figure, f"{figure.seconds / bare.seconds:.1f} times python -c pass (budget {budget})")


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


def _calls_of_apply(nodes: int) -> None:
    with counted_fleet() as fleet:
        command = provisioner("apply", "--auto-approve", "--var", f"nodes={nodes}")
        lines = requests(command, directory=fleet.directory, environ=fleet.environ)
        posts = sum(": POST " in line for line in lines)
        print(f"apply {nodes:,} servers: {posts:,} POST, {len(lines) - posts} other calls", flush=True)


def _fleet(nodes: int, *, parallelism: int) -> Figure:
    """Applies `nodes` servers that run at once, then plans them again; returns the no-op plan's figure."""
    peer = PEERS.get(nodes, Peer())
    with counted_fleet() as fleet:
        size = ("--var", f"nodes={nodes}")
        apply = provisioner("apply", "--auto-approve", "--parallelism", str(parallelism), *size)
        figure = _run(fleet, apply)
        _show(f"apply {nodes:,} servers, parallelism {parallelism}", figure, _part(figure, peer.apply, APPLY_BUDGET))
        state = (fleet.directory / "state" / "fleet.json").stat().st_size / 2**20
        plan = median(provisioner("plan", *size), directory=fleet.directory, environ=fleet.environ, runs=3)
        calls = requests(provisioner("plan", *size), directory=fleet.directory, environ=fleet.environ)
        beside = f"{len(calls)} API calls; state of {state:.1f} MB{_part(plan, peer.plan, PLAN_BUDGET, before='; ')}"
        _show(f"no-op plan of {nodes:,}", plan, beside)
        return plan


def _part(figure: Figure, peer: float | None, budget: int, *, before: str = "") -> str:
    return "" if peer is None else f"{before}1/{peer / figure.seconds:.0f} of the peer's {peer:g} s (budget 1/{budget})"


def _run(fleet: Fleet, command: list[str]) -> Figure:
    return measure(command, directory=fleet.directory, environ=fleet.environ)


if __name__ == "__main__":
    main()
