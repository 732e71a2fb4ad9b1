"""Which servers a template speaks of, read off its syntax: what is misspelt is told before anything was bought.

Knows names, ranks, keys and the fields that a server has for others; what they come to is known only when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from jinja2 import nodes

from provisioner.loading.grammar import METHODS
from provisioner.loading.mistake import Mistake, nearest
from provisioner.loading.tree import BROKEN
from provisioner.model.address import Address

SERVERS = "servers"
FIELDS = (
    "id", "name", "order_id", "status", "private_address", "private_addresses", "public_address", "public_addresses", "labels",
)  # fmt: skip
"""What a template may ask of a server."""

Servers: TypeAlias = Mapping[str, Any]
"""By name: a server, a list of them by rank, or a map of them by key."""
_Step: TypeAlias = str | int | None


def arranged(facts: Mapping[Address, Any]) -> dict[str, Any]:
    """As templates see them. A list has every rank up to the highest; what lacks its facts is BROKEN."""
    servers: dict[str, Any] = {}
    for address in sorted(address for address in facts if not address.modules):
        match address.key:
            case None:
                servers[address.name] = facts[address]
            case int(rank):
                ranks = servers.setdefault(address.name, [])
                ranks.extend([BROKEN] * (rank - len(ranks)))
                ranks.append(facts[address])
            case str(key):
                servers.setdefault(address.name, {})[key] = facts[address]
    return servers


def chains(tree: nodes.Node) -> Iterator[tuple[_Step, ...]]:
    """Every `servers.a[0].id` as its steps behind `servers`; None for a step that only its evaluation knows."""
    for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter)):
        steps = _steps(node)
        if steps is not None and steps[0] == SERVERS:
            yield steps[1:]


def _steps(node: nodes.Node | None) -> tuple[_Step, ...] | None:
    step: _Step
    match node:
        case nodes.Name(name=str(name), ctx="load"):
            return (name,)
        case nodes.Getattr(node=inner, attr=step):
            before = _steps(inner)
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str() | int() as step)):
            before = _steps(inner)
        case nodes.Getitem(node=inner):
            before, step = _steps(inner), None
        case nodes.Filter(name="map", node=inner):
            before = _steps(inner)
            before, step = None if before is None else (*before, None), _attribute(node)
        case _:
            return None
    return None if before is None else (*before, step)


def _attribute(node: nodes.Filter) -> str | None:
    """Of `map(attribute="id")`."""
    given = (option.value for option in node.kwargs if isinstance(option.value, nodes.Const))
    return next((const.value for const in given if isinstance(const.value, str)), None)


def misspelt(tree: nodes.Node, groups: Servers) -> Iterator[Mistake]:
    """What names a server, a rank, a key or a field that there is not. `groups` has BROKEN in the place of every server."""
    for steps in chains(tree):
        if (mistake := _judge(steps, groups)) is not None:
            yield mistake


def _judge(steps: Sequence[_Step], groups: Servers) -> Mistake | None:
    match steps:
        case [str(name), *_] if name not in groups and name not in METHODS[dict]:
            return _absent(f"servers.{name}", name, groups, "the servers are")
        case [str(name), *rest] if name in groups:
            return _judge_group(f"servers.{name}", groups[name], rest)
        case _:
            return None


def _judge_group(written: str, group: Any, steps: Sequence[_Step]) -> Mistake | None:
    if group is BROKEN:
        return _judge_field(written, steps)
    match group, steps:
        case list(), [str(step), *_]:
            hint = f"write {written}[0].{step}, or {written} | map(attribute='{step}')"
            return Mistake("undefined-variable", f"{written} is a list of servers and has no {step}", hint=hint)
        case list(), [int(rank), *_] if not -len(group) <= rank < len(group):
            count = "no server" if not group else f"{len(group)}, from {written}[0] to {written}[{len(group) - 1}]"
            return Mistake("undefined-variable", f"{written}[{rank}] does not exist", hint=f"there is {count}")
        case dict(), [str(key), *_] if key not in group and key not in METHODS[dict]:
            return _absent(f"{written}.{key}", key, group, "the keys are")
        case dict(), [str(key), *_] if key not in group:
            return None
        case _, [_, *rest]:
            return _judge_field(f"{written}[...]", rest)
        case _:
            return None


def _judge_field(written: str, steps: Sequence[_Step]) -> Mistake | None:
    match steps:
        case [str(field), *_] if field not in FIELDS:
            return _absent(f"{written}.{field}", field, FIELDS, "the fields are")
        case [int(), *_]:
            return Mistake("undefined-variable", f"{written} is one server and no list", hint=f"write {written}.id")
        case _:
            return None


def _absent(written: str, name: str, known: Iterable[str], title: str) -> Mistake:
    hint = nearest(name, known, title=title)
    if "-" in hint:
        hint += '; a name with a hyphen is written servers["a-b"]'
    return Mistake("undefined-variable", f"{written} does not exist", hint=hint)
