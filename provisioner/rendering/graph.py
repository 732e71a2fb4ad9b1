"""Renders the groups of a stack and the order of the work on them, as text and as a Mermaid flowchart.

A line or a node stands for a group and never for one of its servers. Groups that are alike in all that is shown are folded
into one where there are many, so that 1,000 servers stay readable however they are declared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from provisioner.model.address import Address
from provisioner.model.stack_graph import Batches, Group, StackGraph, Trigger
from provisioner.rendering.style import Style, cells, escape, pad
from provisioner.rendering.wording import pluralize

_FEWEST_FOLDED: Final = 6
"""From so many on, groups that are alike are shown as one."""
_NAMED: Final = 3
"""How many of the folded groups are named."""
_MOST_BATCHES: Final = 8
"""How many batches of different sizes are shown of one rollout."""
_WIDEST_NAME: Final = 40
_PLAIN_IN_LABELS: Final = frozenset(" _.,:-()/")


@dataclass(frozen=True, slots=True)
class _Node:
    """One group, or several that are alike."""

    groups: tuple[Group, ...]

    @property
    def model(self) -> Group:
        return self.groups[0]

    @property
    def name(self) -> str:
        names = [str(group.address) for group in self.groups]
        return ", ".join(names) if len(names) == 1 else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"

    @property
    def facts(self) -> str:
        """Its size, and what else is declared of all its servers or of some."""
        group = self.model
        size = pluralize(group.size, group.noun)
        facts = [size if len(self.groups) == 1 else f"{len(self.groups)} groups of {size}"]
        if group.is_one_order:
            facts.append("bought together")
        for number, fact in ((group.protected, "protected"), (group.successor_first, "successor first")):
            if number:
                facts.append(fact if number == group.size else f"{number} {fact}")
        return ", ".join(facts)


@dataclass(frozen=True, slots=True)
class _Edge:
    """A trigger between two nodes."""

    cause: _Node
    dependent: _Node
    trigger: Trigger

    @property
    def causes(self) -> str:
        named = self.trigger.named
        if len(named) == 1:
            return str(named[0])
        return f"{self.cause.name} ({len(named)} of {self.cause.model.size})" if named else self.cause.name

    @property
    def dependents(self) -> str:
        number, size = self.trigger.dependents, self.dependent.model.size
        return self.dependent.name if number == size else f"{self.dependent.name} ({number} of {size})"


def render_graph(graph: StackGraph, style: Style) -> str:
    """Returns the graph as text: the groups, and where one piece of work waits for another."""
    nodes, edges = _fold(graph)
    environment = f", environment {graph.environment}" if graph.environment else ""
    lines = [escape(f"Stack {graph.stack}{environment}: {graph.counted}.")]
    if nodes:
        width = min(max(cells(escape(node.name)) for node in nodes), _WIDEST_NAME)
        names = (style.bold(pad(escape(node.name), width)) for node in nodes)
        lines += ["", *(f"  {name}  {node.facts}" for name, node in zip(names, nodes, strict=True))]
        lines += ["", *_order(nodes, edges)]
    return "".join(f"{line}\n" for line in lines)


def render_mermaid(graph: StackGraph) -> str:
    """Returns the graph as a Mermaid flowchart. Names stand in quoted labels only, so that none can break the syntax."""
    nodes, edges = _fold(graph)
    lines = ["flowchart LR"]
    ids: dict[Address, str] = {}
    for number, node in enumerate(nodes):
        ids[node.model.address] = f"g{number}"
        lines.append(f"  g{number}[{_label(node.name, node.facts)}]")
        lines += _batch_chain(f"g{number}", node.model)
    for edge in edges:
        cause, dependent = ids[edge.cause.model.address], ids[edge.dependent.model.address]
        lines.append(f"  {cause} -.->|{_label(f'{edge.causes} replaces', edge.dependents)}| {dependent}")
    return "".join(f"{line}\n" for line in lines)


def _fold(graph: StackGraph) -> tuple[list[_Node], list[_Edge]]:
    """Returns the nodes, where many groups that look alike and have the same triggers are one, and the edges between them."""
    triggers: dict[Address, list[tuple[object, ...]]] = {group.address: [] for group in graph.groups}
    for one in graph.triggers:
        triggers[one.cause].append(("causes", one.dependent, one.named, one.dependents))
        triggers[one.dependent].append(("depends", one.cause, one.named, one.dependents))
    alike: dict[tuple[object, ...], list[Group]] = {}
    for group in graph.groups:
        key = (*_looks(group), *sorted(triggers[group.address], key=str))
        alike.setdefault(key, []).append(group)
    node_of: dict[Address, _Node] = {}
    for groups in alike.values():
        whole = _Node(tuple(groups)) if len(groups) >= _FEWEST_FOLDED else None
        node_of |= {group.address: whole or _Node((group,)) for group in groups}
    nodes = [node_of[group.address] for group in graph.groups if node_of[group.address].model is group]
    edges = {
        (node_of[one.cause].model.address, node_of[one.dependent].model.address): _Edge(
            node_of[one.cause], node_of[one.dependent], one
        )
        for one in graph.triggers
    }
    return nodes, [*edges.values()]


def _looks(group: Group) -> tuple[object, ...]:
    return (group.noun, group.size, group.rollout, group.is_one_order, group.protected, group.successor_first)


def _order(nodes: list[_Node], edges: list[_Edge]) -> Iterator[str]:
    """Yields the lines about what waits for what."""
    rollouts = [f"{node.name}: {_batches_text(node.model)}" for node in nodes if node.model.rollout]
    triggers = [f"{edge.causes} -> {edge.dependents}" for edge in edges]
    if not rollouts and not triggers:
        yield "Order of work: everything is done at the same time."
        return
    yield "Order of work: everything is done at the same time, except where an arrow stands."
    for title, lines in (
        ("Waves (each begins when the one before it is done):", rollouts),
        ("Triggers (once the left one is replaced, reinstalled or updated, the right one is replaced):", triggers),
    ):
        if lines:
            yield ""
            yield title
            yield from (f"  {escape(line)}" for line in lines)


def _batches_text(group: Group) -> str:
    shown = [
        str(one.size) if one.times == 1 else f"{one.size} ({one.times} times)" for one in group.rollout[:_MOST_BATCHES]
    ]
    rest = sum(one.times for one in group.rollout[_MOST_BATCHES:])
    return " -> ".join((*shown, f"{rest} more waves") if rest else shown)


def _batch_chain(name: str, group: Group) -> Iterator[str]:
    """Yields the nodes of a rollout, each with an arrow from the one before it."""
    first = 1
    shown = group.rollout[:_MOST_BATCHES]
    for number, batches in enumerate(shown):
        label = _batches_label(batches, first, group.noun)
        yield (
            f"  {name} --> {name}w{number}[{label}]"
            if number == 0
            else f"  {name}w{number - 1} --> {name}w{number}[{label}]"
        )
        first += batches.times
    if len(group.rollout) > len(shown):
        rest = sum(one.times for one in group.rollout[_MOST_BATCHES:])
        yield f"  {name}w{len(shown) - 1} --> {name}w{len(shown)}[{_label(f'{rest} more waves')}]"


def _batches_label(batches: Batches, first: int, noun: str) -> str:
    size = pluralize(batches.size, noun)
    if batches.times == 1:
        return _label(f"wave {first}", size)
    return _label(f"waves {first} to {first + batches.times - 1}", f"{size} each")


def _label(*lines: str) -> str:
    """Returns a quoted label of these lines, in which all but letters, digits and harmless signs are Mermaid's own escapes."""
    return '"' + "<br/>".join("".join(map(_in_label, escape(line))) for line in lines) + '"'


def _in_label(character: str) -> str:
    is_plain = not character.isascii() or character.isalnum() or character in _PLAIN_IN_LABELS
    return character if is_plain else f"#{ord(character)};"
