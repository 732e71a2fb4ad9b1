"""What other tools, outputs and inventories ask of a resource and no spec says: which facts a kind has, and where they are read.

Pure; it is handed what a state keeps of a row, so that facts can be had without the cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.resource import Recorded


@dataclass(frozen=True, slots=True)
class Facts:
    """`read` tells what was shown; what was never shown is absent. `names` are those that outputs and expressions have. `firsts` names the
    lists among them: to each, the name of the fact that its first item is.
    """

    read: Callable[[JsonObject], JsonObject]
    names: tuple[str, ...]
    firsts: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_addresses(self) -> bool:
        """Whether such a resource can be reached by other tools, at addresses."""
        return "private_addresses" in self.names

    @property
    def fields(self) -> tuple[str, ...]:
        """What can be asked of one: of everything recorded its ids, name and labels, and these facts."""
        told = (each for name in self.names for each in ((self.firsts[name], name) if name in self.firsts else (name,)))
        return ("id", "name", "order_id", *told, "labels")

    def collect(self, recorded: Recorded) -> dict[str, JsonValue]:
        """All `fields`. None, or an empty list, is what the cloud never told."""
        told = self.read(recorded.observed)
        facts: dict[str, JsonValue] = {"id": recorded.id, "name": recorded.name, "order_id": recorded.order_id}
        for name in self.names:
            if (first := self.firsts.get(name)) is None:
                facts[name] = told.get(name)
            else:
                shown = told.get(name)
                items = shown if isinstance(shown, list) else []
                facts |= {first: next(iter(items), None), name: items}
        return {**facts, "labels": dict(recorded.labels)}
