"""A call and its answer as the services see them, and the table that leads from one to the other. Knows no HTTP library:
the services can be read, and called, without one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from provisioner.sandbox.errors import Service
from provisioner.sandbox.world import Transaction


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and for what. Keys open project and account alike; a token only the one it was scoped to."""

    user_id: str
    user_name: str
    project_id: str | None
    domain_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    transaction: Transaction
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One line of the API. `path` is its template; `anonymous` operations need no credentials; a refusal of one that
    `spends` (buys or releases) is a row in the ledger.
    """

    method: str
    path: str
    service: Service
    answer: Callable[[Call], Answer]
    anonymous: bool = False
    spends: bool = False


RESERVED_IDS: Final = frozenset({
    "all", "sync", "action", "jobs", "flavors", "resource-flavors", "images", "networks", "plugins", "hyper-clusters",
    "hyperinstance", "instance-physical-topologies",
})  # fmt: skip
"""Words that stand where a server's id could stand; they never are one (docs/api/devserver-api.md section 1)."""


@dataclass(frozen=True, slots=True)
class Routes:
    operations: tuple[Operation, ...]

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation and the values of its path, or None. Literal routes win by standing first, words by never being ids."""
        segments = path.split("/")
        for operation in self.operations:
            if operation.method == method and (values := _match(operation.path.split("/"), segments)) is not None:
                return operation, values
        return None


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    values: dict[str, str] = {}
    for expected, actual in zip(template, segments, strict=True):
        if not expected.startswith("{"):
            if expected != actual:
                return None
        elif not actual or (expected == "{id}" and actual in RESERVED_IDS):
            return None
        else:
            values[expected.strip("{}")] = actual
    return values
