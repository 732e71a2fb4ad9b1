"""The written forms of wire faults, which change how a request or its answer travels."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from provisioner.sandbox.fault_rule import CHANGING, FaultRule, HeaderName, HeaderValue, Seconds, check_headers
from provisioner.sandbox.faults import Late, Oversize, Reset, Slow, Substitute, Throttle, Truncate

_BODILESS: Final = frozenset({204, 205, 304})
_MEGABYTE: Final = 1024 * 1024


class ResetRule(FaultRule):
    fault: Literal["reset"]
    executed: bool

    def what(self) -> Reset:
        return Reset(self.executed)


class AnswerRule(FaultRule):
    fault: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    code: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")] | None = None
    message: Annotated[str, StringConstraints(max_length=1000)] = ""
    body: JsonValue = None
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=16)] = Field(default_factory=dict)
    executed: bool

    @model_validator(mode="after")
    def check_sendable(self) -> Self:
        check_headers(self.headers)
        if self.code is None and self.message:
            raise ValueError("message: needs a code beside it")
        if self.code is not None and self.body is not None:
            raise ValueError("body: goes without a code")
        if (self.code is not None or self.body is not None) and self.status in _BODILESS:
            name = "body" if self.code is None else "code"
            raise ValueError(f"{name}: an answer of status {self.status} has no body")
        return self

    def what(self) -> Substitute:
        return Substitute(
            status=self.status,
            code=self.code,
            message=self.message,
            headers=self.headers,
            executed=self.executed,
            body=self.body,
        )


class ThrottleRule(FaultRule):
    fault: Literal["throttle"]
    by: Literal["gateway", "service"] = "gateway"
    retry_after: Annotated[int, Field(ge=0, le=86_400)] | None = None
    limit: Annotated[int, Field(ge=1, le=10**6)] = 100
    time: Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,3} )?(second|minute|hour|day)$")] = "1 minute"

    def what(self) -> Throttle:
        return Throttle(by=self.by, retry_after=self.retry_after, limit=self.limit, time=self.time)


class TruncateRule(FaultRule):
    fault: Literal["truncate"]

    def what(self) -> Truncate:
        return Truncate()


class OversizeRule(FaultRule):
    fault: Literal["oversize"]
    megabytes: Annotated[int, Field(ge=1, le=1024)]

    def what(self) -> Oversize:
        return Oversize(self.megabytes * _MEGABYTE)


class SlowRule(FaultRule):
    fault: Literal["slow"]
    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
    bytes_per_second: Annotated[int, Field(ge=1, le=10**9)] | None = None

    def what(self) -> Slow:
        return Slow(self.seconds, self.bytes_per_second)


class LateRule(FaultRule):
    places: ClassVar = CHANGING
    fault: Literal["late"]
    seconds: Seconds

    def what(self) -> Late:
        return Late(round(self.seconds * 1000))
