"""The form in which faults are written, in the file of `--faults` and in the control API (docs/sandbox.md). Only the form
stands here; what a fault does stands with faults, wire and the services.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from provisioner.sandbox.contract import OPERATIONS
from provisioner.sandbox.errors import Service
from provisioner.sandbox.faults import (
    Lag,
    Late,
    Oversize,
    Reset,
    Rule,
    Shift,
    Short,
    Slow,
    Stranger,
    Substitute,
    Throttle,
    Truncate,
    WireFault,
    WorldFault,
)
from provisioner.sandbox.settings_files import read_settings

_EVERY: Final = frozenset(operation.name for operation in OPERATIONS)
_LISTS: Final = frozenset({"ListDevServers", "ListAllDevServers", "SyncDevServers"})
_BUILDING: Final = frozenset({"CreateDevServer", "PayOrders", "PayCustomerOrder"})
_CHANGING: Final = frozenset(
    operation.name
    for operation in OPERATIONS
    if operation.method != "GET" and operation.service is not Service.IDENTITY
)
_FRAMING: Final = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "date", "transfer-encoding", "upgrade"}
)
"""Headers that the server sets, or that would make an answer no HTTP."""
_BODILESS: Final = 304
_MEGABYTE: Final = 1024 * 1024

Seconds = Annotated[float, Field(ge=0, le=10**9, allow_inf_nan=False)]
Rows = Annotated[int, Field(ge=1, le=10**9)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[-A-Za-z0-9]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,1000}[!-~])?$")]
UserName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def read_faults(path: Path) -> list[Rule]:
    """Raises SettingsError."""
    return read_settings(path, FaultsFile).value()


class _Rule(BaseModel, ABC):
    """`places` are the operations at which the kind of fault means something."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)
    places: ClassVar[frozenset[str]] = _EVERY

    at: str | Annotated[list[str], Field(min_length=1)]
    server: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    after: Annotated[int, Field(ge=0, le=10**9)] = 0
    times: Annotated[int, Field(ge=1, le=10**9)] | Literal["always"] = 1

    @model_validator(mode="after")
    def check_operations(self) -> Self:
        for name in self._named():
            if name not in _EVERY:
                near = get_close_matches(name, _EVERY, n=1)
                advice = f"did you mean {near[0]}?" if near else "the names are those of docs/api/openapi.yaml"
                raise ValueError(f"at: there is no such operation; {advice}")
            if name not in self.places:
                raise ValueError(f"at: this fault cannot happen to {name}, only to {', '.join(sorted(self.places))}")
        return self

    def _named(self) -> list[str]:
        if self.at == "*":
            return sorted(self.places)
        return [self.at] if isinstance(self.at, str) else self.at

    def value(self) -> Rule:
        return Rule(
            operations=frozenset(self._named()),
            server=self.server,
            after=self.after,
            times=None if self.times == "always" else self.times,
            fault=self.what(),
            written=self.model_dump(exclude_unset=True),
        )

    @abstractmethod
    def what(self) -> WireFault | WorldFault: ...


class ResetRule(_Rule):
    fault: Literal["reset"]
    executed: bool

    def what(self) -> Reset:
        return Reset(self.executed)


class AnswerRule(_Rule):
    fault: Literal["answer"]
    status: Annotated[int, Field(ge=300, le=599)]
    code: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")] | None = None
    message: Annotated[str, StringConstraints(max_length=1000)] = ""
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=16)] = Field(default_factory=dict)
    executed: bool

    @model_validator(mode="after")
    def check_sendable(self) -> Self:
        if framing := sorted(name for name in self.headers if name.lower() in _FRAMING):
            raise ValueError(f"headers: {', '.join(framing)} cannot be set")
        _refuse_twice("headers", (name.lower() for name in self.headers))
        if self.code is None and self.message:
            raise ValueError("message: needs a code beside it")
        if self.code is not None and self.status == _BODILESS:
            raise ValueError("code: an answer of status 304 has no body")
        return self

    def what(self) -> Substitute:
        return Substitute(
            status=self.status, code=self.code, message=self.message, headers=self.headers, executed=self.executed
        )


class ThrottleRule(_Rule):
    fault: Literal["throttle"]
    by: Literal["gateway", "service"] = "gateway"
    retry_after: Annotated[int, Field(ge=0, le=86_400)] | None = None
    limit: Annotated[int, Field(ge=1, le=10**6)] = 100
    time: Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,3} )?(second|minute|hour|day)$")] = "1 minute"

    def what(self) -> Throttle:
        return Throttle(by=self.by, retry_after=self.retry_after, limit=self.limit, time=self.time)


class TruncateRule(_Rule):
    fault: Literal["truncate"]

    def what(self) -> Truncate:
        return Truncate()


class OversizeRule(_Rule):
    fault: Literal["oversize"]
    megabytes: Annotated[int, Field(ge=1, le=1024)]

    def what(self) -> Oversize:
        return Oversize(self.megabytes * _MEGABYTE)


class SlowRule(_Rule):
    fault: Literal["slow"]
    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
    bytes_per_second: Annotated[int, Field(ge=1, le=10**9)] | None = None

    def what(self) -> Slow:
        return Slow(self.seconds, self.bytes_per_second)


class LateRule(_Rule):
    places: ClassVar = _CHANGING
    fault: Literal["late"]
    seconds: Seconds

    def what(self) -> Late:
        return Late(round(self.seconds * 1000))


class LagRule(_Rule):
    places: ClassVar = _BUILDING
    fault: Literal["lag"]
    seconds: Seconds
    show: bool = True

    def what(self) -> Lag:
        return Lag(round(self.seconds * 1000), self.show)


class ShiftRule(_Rule):
    places: ClassVar = _LISTS
    fault: Literal["shift"]
    rows: Annotated[int, Field(ge=-(10**9), le=10**9)]

    @model_validator(mode="after")
    def check_moves(self) -> Self:
        if self.rows == 0:
            raise ValueError("rows: 0 moves nothing; a positive number skips rows, a negative one repeats them")
        return self

    def what(self) -> Shift:
        return Shift(self.rows)


class ShortRule(_Rule):
    places: ClassVar = _LISTS
    fault: Literal["short"]
    rows: Rows

    def what(self) -> Short:
        return Short(self.rows)


class StrangerRule(_Rule):
    places: ClassVar = frozenset({"CreateDevServer"})
    fault: Literal["stranger"]
    when: Literal["before", "after"]
    user: UserName = "stranger"

    def what(self) -> Stranger:
        return Stranger(self.when, self.user)


AnyRule = Annotated[
    ResetRule
    | AnswerRule
    | ThrottleRule
    | TruncateRule
    | OversizeRule
    | SlowRule
    | LateRule
    | LagRule
    | ShiftRule
    | ShortRule
    | StrangerRule,
    Field(discriminator="fault"),
]


class FaultsFile(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    faults: Annotated[list[AnyRule], Field(max_length=1000)]

    def value(self) -> list[Rule]:
        return [rule.value() for rule in self.faults]


def written(rule: Rule, hits: int) -> Mapping[str, object]:
    """As the control API shows a rule."""
    return {**rule.written, "hits": hits}


def _refuse_twice(what: str, values: Iterable[str]) -> None:
    listed = list(values)
    if len(set(listed)) < len(listed):
        raise ValueError(f"{what}: a name is given twice")
