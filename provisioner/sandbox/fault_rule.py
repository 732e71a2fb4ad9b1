"""The settings that every fault has: at which operations it happens, to which requests, and how often."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from provisioner.sandbox.contract import OPERATIONS
from provisioner.sandbox.errors import Service
from provisioner.sandbox.faults import Rule, WireFault, WorldFault

EVERY: Final = frozenset(operation.name for operation in OPERATIONS)
CHANGING: Final = frozenset(
    operation.name
    for operation in OPERATIONS
    if operation.method != "GET" and operation.service is not Service.IDENTITY
)
_FRAMING: Final = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "date", "transfer-encoding", "upgrade"}
)
"""Headers that the server sets, or that would make an answer no HTTP."""

Seconds = Annotated[float, Field(ge=0, le=10**9, allow_inf_nan=False)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[-A-Za-z0-9]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,1000}[!-~])?$")]


class FaultRule(BaseModel, ABC):
    """The settings of a fault. `places` are the operations for which the kind of fault makes sense."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)
    places: ClassVar[frozenset[str]] = EVERY

    at: str | Annotated[list[str], Field(min_length=1)]
    server: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    after: Annotated[int, Field(ge=0, le=10**9)] = 0
    times: Annotated[int, Field(ge=1, le=10**9)] | Literal["always"] = 1

    @model_validator(mode="after")
    def check_operations(self) -> Self:
        for name in self._named():
            if name not in EVERY:
                near = get_close_matches(name, EVERY, n=1)
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
            server=self.request_pattern(),
            after=self.after,
            times=None if self.times == "always" else self.times,
            fault=self.what(),
            written=self.model_dump(exclude_unset=True),
        )

    def request_pattern(self) -> str | None:
        """The pattern for the name of the server that a request is about."""
        return self.server

    @abstractmethod
    def what(self) -> WireFault | WorldFault: ...


def check_headers(headers: Mapping[str, str]) -> None:
    if framing := sorted(name for name in headers if name.lower() in _FRAMING):
        raise ValueError(f"headers: {', '.join(framing)} cannot be set")
    refuse_twice("headers", (name.lower() for name in headers))


def refuse_twice(what: str, values: Iterable[str]) -> None:
    listed = list(values)
    if len(set(listed)) < len(listed):
        raise ValueError(f"{what}: a name is given twice")
