"""What can be made to go wrong, as values, and which request it happens to. A wire fault spoils how a request or its answer
travels; a world fault disturbs what the answer says. Knows neither HTTP nor the file that rules are read from.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import ClassVar, Final, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset instead of an answer."""

    executed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """An answer in the place of the true one; without a `code` it has this `body`, or none."""

    status: int
    code: str | None
    message: str
    headers: Mapping[str, str]
    executed: bool
    body: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """429 by the gateway, which names the `limit` of requests in a `time`, or by the service itself."""

    executed: ClassVar[bool] = False
    by: Literal["gateway", "service"]
    retry_after: int | None
    limit: int
    time: str


@dataclass(frozen=True, slots=True)
class Truncate:
    """The head promises the whole answer, and half of the body comes."""

    executed: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Oversize:
    """The true answer, padded with so many bytes that mean nothing in JSON."""

    executed: ClassVar[bool] = True
    padding: int


@dataclass(frozen=True, slots=True)
class Slow:
    """Executed at once; the answer begins after so many seconds of the machine's clock, and may then come in drops."""

    executed: ClassVar[bool] = True
    seconds: float
    bytes_per_second: int | None


@dataclass(frozen=True, slots=True)
class Late:
    """The connection is reset at once, and the request executed when so much of the world's time has passed."""

    executed: ClassVar[bool] = False
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Lag:
    """The servers that the request makes are in no list for so long; without `show` not shown singly either."""

    milliseconds: int
    show: bool


@dataclass(frozen=True, slots=True)
class Shift:
    """Pages beyond the first begin so many rows later, as if rows before them had gone, or earlier."""

    rows: int


@dataclass(frozen=True, slots=True)
class Short:
    """So many rows at the end of the list never come, though `total` counts them."""

    rows: int


@dataclass(frozen=True, slots=True)
class Cap:
    """A page holds so many rows at most: a larger `limit` is refused, or passed over in silence."""

    rows: int
    refused: bool


@dataclass(frozen=True, slots=True)
class Filtered:
    """The list of everybody's servers shows the caller's own only, or lacks those of some users; its total counts what it shows."""

    hides: tuple[str, ...] = ()
    """The ids of these users. Empty: of all but the caller."""


@dataclass(frozen=True, slots=True)
class Skew:
    """The answer bears the time of a clock that is so much ahead (or behind), or no time at all where it is `undated`, and says of itself that
    a cache has held it for `age` seconds.
    """

    milliseconds: int
    age: int | None
    undated: bool = False


@dataclass(frozen=True, slots=True)
class Stranger:
    """Another user of the account sends the same request, just before or after, whatever becomes of this one."""

    when: Literal["before", "after"]
    user: str


@dataclass(frozen=True, slots=True)
class Sells:
    """Whatever was asked for, the server is sold in this mode. Without `pays` a prepaid one is ordered, and nobody has paid yet."""

    charging_mode: Literal["PRE_PAID", "POST_PAID"]
    pays: bool


@dataclass(frozen=True, slots=True)
class Spelling:
    """Only userdata under this name takes effect; under the other it is refused, or passed over in silence."""

    takes: Literal["userdata", "user_data"]
    refused: bool


@dataclass(frozen=True, slots=True)
class Returns:
    """What is released is gone for so long, from lists and by its id, and then back in DELETE_FAILED."""

    milliseconds: int


class Kept(Enum):
    """What `rows` says where rows stay as they are: None would be a row of null."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """The answer is true but for what stands here. Rows are the objects in the list `rows_in`, or the answer itself where it has none;
    `server` is a pattern for the names of the rows that are meant. Objects merge; `drop`, `rows_drop` and `rows_upper`, whose texts are shown
    in upper case, are dotted paths.
    """

    set: Mapping[str, object]
    drop: tuple[str, ...]
    rows: object
    rows_drop: tuple[str, ...]
    rows_upper: tuple[str, ...]
    rows_in: str | None
    server: str | None
    add: tuple[object, ...]
    headers: Mapping[str, str]


WireFault: TypeAlias = Reset | Substitute | Throttle | Truncate | Oversize | Slow | Late
WorldFault: TypeAlias = Lag | Shift | Short | Cap | Filtered | Skew | Stranger | Sells | Spelling | Returns | Rewrite


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """So many (`after`) of the requests that it matches pass, then so many (`times`; None: all further ones) are hit.

    `server` is a pattern for a server's name; `written` is the rule as its author wrote it.
    """

    operations: frozenset[str]
    server: str | None
    after: int
    times: int | None
    fault: WireFault | WorldFault
    written: Mapping[str, object]

    def matches(self, operation: str, server: Callable[[], str | None]) -> bool:
        if operation not in self.operations:
            return False
        if self.server is None:
            return True
        name = server()
        return name is not None and fnmatchcase(name, self.server)


@dataclass(frozen=True, slots=True)
class Taken:
    """What happens to one request."""

    wire: WireFault | None = None
    world: tuple[WorldFault, ...] = ()


UNDISTURBED: Final = Taken()


class Faults:
    """The rules in force, in their order, and how often each has hit."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._armed: list[_Armed] = [_Armed(rule) for rule in rules]

    def add(self, rules: Iterable[Rule]) -> None:
        """Below those that stand, whose counts stay."""
        self._armed += [_Armed(rule) for rule in rules]

    def replace(self, rules: Iterable[Rule]) -> None:
        self._armed = [_Armed(rule) for rule in rules]

    def hits(self) -> list[tuple[Rule, int]]:
        return [(armed.rule, armed.hits) for armed in self._armed]

    def take(self, operation: str, server: Callable[[], str | None]) -> Taken:
        """Counts the request; `server` is asked for the name of the request's server, if a rule wants to know.

        At most one wire fault hits a request: the first, and wire faults below it do not even count the request.
        """
        wire: WireFault | None = None
        world: list[WorldFault] = []
        for armed in self._armed:
            fault = armed.rule.fault
            if isinstance(fault, WorldFault):
                if armed.hit(operation, server):
                    world.append(fault)
            elif wire is None and armed.hit(operation, server):
                wire = fault
        return Taken(wire, tuple(world)) if wire is not None or world else UNDISTURBED


class _Armed:
    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.hits = 0
        self._passed = 0

    def hit(self, operation: str, server: Callable[[], str | None]) -> bool:
        if not self.rule.matches(operation, server) or self.hits == self.rule.times:
            return False
        if self._passed < self.rule.after:
            self._passed += 1
            return False
        self.hits += 1
        return True
