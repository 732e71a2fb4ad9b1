"""The written forms of world faults, which change what an answer says or what the world does."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from provisioner.sandbox.fault_rule import FaultRule, HeaderName, HeaderValue, Seconds, check_headers
from provisioner.sandbox.faults import (
    KEPT,
    Cap,
    Filtered,
    Lag,
    Returns,
    Rewrite,
    Sells,
    Shift,
    Short,
    Skew,
    Spelling,
    Stranger,
)  # fmt: skip

_LISTS: Final = frozenset({"ListDevServers", "ListAllDevServers", "SyncDevServers"})
_BUILDING: Final = frozenset({"CreateDevServer", "PayOrders", "PayCustomerOrder"})

Rows = Annotated[int, Field(ge=1, le=10**9)]
KeyPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,64}(\.[A-Za-z0-9_]{1,64}){0,8}$")]
UserName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class LagRule(FaultRule):
    places: ClassVar = _BUILDING
    fault: Literal["lag"]
    seconds: Seconds
    show: bool = True

    def what(self) -> Lag:
        return Lag(round(self.seconds * 1000), self.show)


class ShiftRule(FaultRule):
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


class ShortRule(FaultRule):
    places: ClassVar = _LISTS
    fault: Literal["short"]
    rows: Rows

    def what(self) -> Short:
        return Short(self.rows)


class CapRule(FaultRule):
    places: ClassVar = _LISTS
    fault: Literal["cap"]
    rows: Rows
    refused: bool

    def what(self) -> Cap:
        return Cap(self.rows, self.refused)


class FilteredRule(FaultRule):
    places: ClassVar = frozenset({"ListAllDevServers"})
    fault: Literal["filtered"]
    hides: Annotated[list[UserName], Field(max_length=64)] = Field(default_factory=list)

    def what(self) -> Filtered:
        return Filtered(tuple(self.hides))


class SkewRule(FaultRule):
    fault: Literal["skew"]
    seconds: Annotated[float, Field(ge=-(10**9), le=10**9, allow_inf_nan=False)]
    age: Annotated[int, Field(ge=0, le=10**9)] | None = None
    undated: bool = False

    def what(self) -> Skew:
        return Skew(round(self.seconds * 1000), self.age, self.undated)


class StrangerRule(FaultRule):
    places: ClassVar = frozenset({"CreateDevServer"})
    fault: Literal["stranger"]
    when: Literal["before", "after"]
    user: UserName = "stranger"

    def what(self) -> Stranger:
        return Stranger(self.when, self.user)


class SellsRule(FaultRule):
    places: ClassVar = frozenset({"CreateDevServer"})
    fault: Literal["sells"]
    charging_mode: Literal["PRE_PAID", "POST_PAID"]
    pays: bool = False

    def what(self) -> Sells:
        return Sells(self.charging_mode, self.pays)


class SpellingRule(FaultRule):
    places: ClassVar = frozenset({"CreateDevServer", "ChangeDevServerOS", "ReinstallDevServerOS"})
    fault: Literal["spelling"]
    takes: Literal["userdata", "user_data"]
    refused: bool

    def what(self) -> Spelling:
        return Spelling(self.takes, self.refused)


class ReturnsRule(FaultRule):
    places: ClassVar = frozenset({"DeleteDevServer", "CancelResourcesSubscription"})
    fault: Literal["returns"]
    seconds: Seconds

    def what(self) -> Returns:
        return Returns(round(self.seconds * 1000))


class RewriteRule(FaultRule):
    fault: Literal["rewrite"]
    set: dict[str, JsonValue] = Field(default_factory=dict)
    drop: Annotated[list[KeyPath], Field(max_length=64)] = Field(default_factory=list)
    rows: JsonValue = None
    rows_drop: Annotated[list[KeyPath], Field(max_length=64)] = Field(default_factory=list)
    rows_upper: Annotated[list[KeyPath], Field(max_length=64)] = Field(default_factory=list)
    rows_in: KeyPath | None = None
    add: Annotated[list[JsonValue], Field(max_length=1000)] = Field(default_factory=list)
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=16)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def check_says_something(self) -> Self:
        if not self.model_fields_set & {"set", "drop", "rows", "rows_drop", "rows_upper", "add", "headers"}:
            raise ValueError("say what to rewrite: set, drop, rows, rows_drop, rows_upper, add or headers")
        check_headers(self.headers)
        return self

    def request_pattern(self) -> None:
        """None: `server` names rows of the answer here, because a list is requested without naming a server."""

    def what(self) -> Rewrite:
        return Rewrite(
            set=self.set,
            drop=tuple(self.drop),
            rows=self.rows if "rows" in self.model_fields_set else KEPT,
            rows_drop=tuple(self.rows_drop),
            rows_upper=tuple(self.rows_upper),
            rows_in=self.rows_in,
            server=self.server,
            add=tuple(self.add),
            headers=self.headers,
        )
