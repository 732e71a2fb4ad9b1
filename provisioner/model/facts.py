"""Facts of a resource that outputs, inventories and other tools use and that no spec contains.

Pure. Facts are read from what the state keeps of a row, so they are available without the cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.resource import Recorded


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a kind. `read` returns those that a row has shown. `names` are those that outputs and expressions
    can use. `first_items` maps each of these that is a list to the name of the fact that holds its first item.
    `changed_by` maps a spec field to the names that it changes with, so that a plan which changes the field does not
    know them.
    """

    read: Callable[[JsonObject], JsonObject]
    names: tuple[str, ...]
    first_items: Mapping[str, str] = field(default_factory=dict)
    changed_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_addresses(self) -> bool:
        """Whether resources of this kind have network addresses, at which other tools can reach them."""
        return "private_addresses" in self.names

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all that can be asked of a resource: its ids, name and labels, and these facts."""
        pairs = ((self.first_items[name], name) if name in self.first_items else (name,) for name in self.names)
        return ("id", "name", "order_id", *chain.from_iterable(pairs), "labels")

    def unknown_after(self, fields: Iterable[str]) -> frozenset[str]:
        """Returns the fields that are not known before a change of these spec fields is made."""
        names = {self.changed_by[one] for one in fields if one in self.changed_by}
        return frozenset(names | {self.first_items[name] for name in names if name in self.first_items})

    def collect(self, recorded: Recorded) -> dict[str, JsonValue]:
        """Returns the values of all `fields`. What the cloud never showed is None, or an empty list."""
        shown = self.read(recorded.observed)
        facts: dict[str, JsonValue] = {"id": recorded.id, "name": recorded.name, "order_id": recorded.order_id}
        for name in self.names:
            if (first := self.first_items.get(name)) is None:
                facts[name] = shown.get(name)
            else:
                value = shown.get(name)
                items = value if isinstance(value, list) else []
                facts |= {first: next(iter(items), None), name: items}
        return {**facts, "labels": dict(recorded.labels)}
