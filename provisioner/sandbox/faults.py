"""The faults as values, and which requests they apply to. Knows neither HTTP nor the file of rules.

A wire fault changes how a request or its answer travels. A world fault changes what the answer says.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import ClassVar, Final, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets the connection instead of answering."""

    executed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """Replaces the answer. Without a `code` it has this `body`, or none."""

    status: int
    code: str | None
    message: str
    headers: Mapping[str, str]
    executed: bool
    body: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Answers 429, as the gateway, which names the `limit` of requests in a `time`, or as the service itself."""

    executed: ClassVar[bool] = False
    by: Literal["gateway", "service"]
    retry_after: int | None
    limit: int
    time: str


@dataclass(frozen=True, slots=True)
class Truncate:
    """Announces the whole answer in the headers and sends half of the body."""

    executed: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Oversize:
    """Pads the true answer with so many bytes that mean nothing in JSON."""

    executed: ClassVar[bool] = True
    padding: int


@dataclass(frozen=True, slots=True)
class Slow:
    """Carries the request out at once. The answer begins after so many seconds of the machine's clock, and may then
    arrive slowly.
    """

    executed: ClassVar[bool] = True
    seconds: float
    bytes_per_second: int | None


@dataclass(frozen=True, slots=True)
class Late:
    """Resets the connection at once, and carries the request out after so much of the world's time."""

    executed: ClassVar[bool] = False
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Lag:
    """Hides the servers of the request from lists for so long; without `show` also from reading by id."""

    milliseconds: int
    show: bool


@dataclass(frozen=True, slots=True)
class Shift:
    """Begins pages after the first so many rows later, as if earlier rows had disappeared, or earlier."""

    rows: int


@dataclass(frozen=True, slots=True)
class Short:
    """Omits so many rows at the end of the list, although `total` counts them."""

    rows: int


@dataclass(frozen=True, slots=True)
class Cap:
    """Limits a page to so many rows. A larger `limit` is refused, or silently ignored."""

    rows: int
    refused: bool


@dataclass(frozen=True, slots=True)
class Filtered:
    """Shows only the caller's own servers in the list of all servers, or hides those of some users. Its total counts
    what it shows.
    """

    hides: tuple[str, ...] = ()
    """The ids of these users. Empty: of all but the caller."""


@dataclass(frozen=True, slots=True)
class Skew:
    """Dates the answer by a clock that is so much ahead (or behind), or not at all if `undated`. `age` claims that a
    cache has held it for so many seconds.
    """

    milliseconds: int
    age: int | None
    undated: bool = False


@dataclass(frozen=True, slots=True)
class Stranger:
    """Lets another user of the account send the same request, just before or after, whatever happens to this one."""

    when: Literal["before", "after"]
    user: str


@dataclass(frozen=True, slots=True)
class Sells:
    """Sells the server in this mode, whatever was requested. Without `pays`, a prepaid one is ordered and unpaid."""

    charging_mode: Literal["PRE_PAID", "POST_PAID"]
    pays: bool


@dataclass(frozen=True, slots=True)
class Spelling:
    """Lets userdata take effect under this name only. Under the other name it is refused, or silently ignored."""

    takes: Literal["userdata", "user_data"]
    refused: bool


@dataclass(frozen=True, slots=True)
class Returns:
    """Hides a released server for so long, from lists and by its id; then it returns with DELETE_FAILED."""

    milliseconds: int


class Kept(Enum):
    """Marks that `rows` leaves rows unchanged, because None would be a row of null."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """Changes the true answer. Rows are the objects of the list `rows_in`, or the answer itself if it has no such
    list. `server` is a pattern for the names of the rows to change. Objects are merged. `drop`, `rows_drop` and
    `rows_upper` (whose texts are shown in upper case) are dotted paths.
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
    """One rule: the first `after` matching requests pass, and the next `times` are hit (None: all).

    `server` is a pattern for the name of a server; `written` is the rule as its author wrote it.
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
    """The faults that apply to one request."""

    wire: WireFault | None = None
    world: tuple[WorldFault, ...] = ()


UNDISTURBED: Final = Taken()


class Faults:
    """The rules in force, in their order, with how often each was hit."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._armed: list[_Armed] = [_Armed(rule) for rule in rules]

    def add(self, rules: Iterable[Rule]) -> None:
        """Adds rules after the existing ones, which keep their counts."""
        self._armed += [_Armed(rule) for rule in rules]

    def replace(self, rules: Iterable[Rule]) -> None:
        self._armed = [_Armed(rule) for rule in rules]

    def hits(self) -> list[tuple[Rule, int]]:
        return [(armed.rule, armed.hits) for armed in self._armed]

    def take(self, operation: str, server: Callable[[], str | None]) -> Taken:
        """Counts the request and returns its faults. `server` is called for the name of the server if a rule needs
        it.

        At most one wire fault applies to a request: the first. Later wire faults do not count the request.
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
