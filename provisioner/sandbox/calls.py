"""A call and its answer as the services see them, and the table that maps one to the other. Knows no HTTP library."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Final

from provisioner.sandbox import ledger
from provisioner.sandbox.accounts import Account
from provisioner.sandbox.errors import Service
from provisioner.sandbox.faults import WorldFault
from provisioner.sandbox.ledger import Actor
from provisioner.sandbox.world import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller. Keys open all projects and the account (`project_id` and `domain_id` are None); a token opens the
    one that is its scope.
    """

    account: Account
    user_id: str
    user_name: str
    is_administrator: bool = False
    project_id: str | None = None
    domain_id: str | None = None

    @property
    def actor(self) -> Actor:
        return Actor(self.account.id, self.user_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. `faults` are the world faults that apply to its answer."""

    transaction: Transaction
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case. Only identity reads any: what says who calls is not in its bodies alone."""
    faults: tuple[WorldFault, ...] = ()

    def record(
        self,
        kind: ledger.Kind,
        *,
        server_id: str | None = None,
        name: str | None = None,
        order_id: str | None = None,
        amount: int = 0,
        detail: str,
    ) -> None:
        """Adds a row to the ledger with the present time and the caller."""
        ledger.append(
            self.transaction.connection,
            kind,
            time=self.transaction.now,
            by=self.caller.actor,
            server_id=server_id,
            name=name,
            order_id=order_id,
            amount=amount,
            detail=detail,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; a `body` of None is an answer without a body."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API. `name` is the vendor's; `path` is a template; `anonymous` operations need no
    credentials. A refusal of an operation that `spends` (buys, pays or releases) is written to the ledger.
    """

    name: str
    method: str
    path: str
    answer: Callable[[Call], Answer]
    _: KW_ONLY
    service: Service
    anonymous: bool = False
    spends: bool = False
    by_any_token: bool = False
    """Whether a token without a scope opens it, and one in the body instead of the header."""
    parameters: frozenset[str] = frozenset()
    """Of its query string. Any other is refused: what is passed over in silence reads as if it had been honoured."""


RESERVED_IDS: Final = frozenset({
    "all", "sync", "action", "jobs", "flavors", "resource-flavors", "images", "networks", "plugins", "hyper-clusters",
    "hyperinstance", "instance-physical-topologies",
})  # fmt: skip
"""Words that stand where a server's id could stand; they never are one (docs/api/devserver-api.md section 1)."""


class Routes:
    """Finds the operation of a request. Literal routes come first, and their words are never ids."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._operations: dict[tuple[str, int], list[tuple[Operation, list[str]]]] = {}
        for operation in operations:
            template = operation.path.split("/")
            self._operations.setdefault((operation.method, len(template)), []).append((operation, template))

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """Returns the operation and the values of its path, or None."""
        segments = path.split("/")
        for operation, template in self._operations.get((method, len(segments)), ()):
            if (values := _match(template, segments)) is not None:
                return operation, values
        return None


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
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
