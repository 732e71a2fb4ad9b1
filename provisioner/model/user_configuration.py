"""What a user has configured outside of every repository: trusted pins of stacks, places and hosts of states, and profiles
of credentials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, TypeAlias

from provisioner.model.diagnostic import Diagnostic, SourceRange, warning
from provisioner.model.pin import Pin, PinnedField
from provisioner.model.stack import Stack
from provisioner.model.state_setting import StateSetting
from provisioner.model.state_url import Endpoint


@dataclass(frozen=True, slots=True)
class CredentialsProfile:
    """Where to find the credentials of some environments. It has exactly one of `hcloud`, `file` and `variables`, and
    contains no secret.
    """

    name: str
    source: SourceRange
    hcloud: str | None = None
    """A profile of the vendor's command line, in ~/.hcloud/config.json."""
    file: str | None = None
    """The path of a credentials file of the vendor's SDKs."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The names of environment variables, by the vendor's variable whose place each takes."""
    variable_sources: Mapping[str, SourceRange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrustedSettings:
    """What one file says about one environment of a stack, or about the environments of a stack that it does not name."""

    source: SourceRange
    """Where the name of the environment or the stack stands."""
    pins: tuple[Pin, ...] = ()
    protected: SourceRange | None = None
    """Where it is protected; None if nothing says so."""
    credentials: CredentialsProfile | None = None
    state: StateSetting | None = None

    def inherit(self, stack: TrustedSettings) -> TrustedSettings:
        """Returns these settings of an environment with those of its `stack` that the environment does not have itself."""
        own = {pin.field for pin in self.pins}
        return replace(
            self,
            pins=(*self.pins, *(pin for pin in stack.pins if pin.field not in own)),
            protected=self.protected or stack.protected,
            credentials=self.credentials or stack.credentials,
            state=self.state or stack.state,
        )


FileSettings: TypeAlias = Mapping[tuple[str, str | None], TrustedSettings]
"""The settings of one file by stack and environment; None is for the environments that the file does not name."""


@dataclass(frozen=True, slots=True)
class UserConfiguration:
    """The user's files that exist, in falling precedence."""

    files: tuple[FileSettings, ...] = ()
    state_hosts: tuple[tuple[Endpoint, SourceRange], ...] = ()
    """The hosts to which a repository may lead, of all files, and where each is written."""

    def settings_of(self, stack: Stack) -> tuple[TrustedSettings, ...]:
        """Returns what each file says about the stack's environment."""
        found = (file.get((stack.name, stack.environment)) or file.get((stack.name, None)) for file in self.files)
        return tuple(settings for settings in found if settings is not None)

    def profile_of(self, stack: Stack) -> CredentialsProfile | None:
        found = (settings.credentials for settings in self.settings_of(stack))
        return next((profile for profile in found if profile is not None), None)

    def warnings(self, stack: Stack) -> Iterator[Diagnostic]:
        """Yields a warning for each environment that the stack lacks: what is said about it has no effect."""
        known = ", ".join(stack.environments) or "none"
        for (name, environment), settings in chain.from_iterable(file.items() for file in self.files):
            if name == stack.name and environment is not None and environment not in stack.environments:
                summary = f"your own configuration names the environment {environment} of {name}, which does not exist"
                hint = f"its pins protect nothing; correct the name, or remove it; there are: {known}"
                yield warning("unknown-environment", summary, hint=hint, source=settings.source)

    def apply_to(self, stack: Stack) -> Stack:
        """Returns the stack with the trusted pins before its own, and the user's place of its state instead of its own. A
        stack can add protection, and take none away.
        """
        settings = self.settings_of(stack)
        trusted = tuple(pin for one in settings for pin in one.pins)
        states = (replace(one.state, instead_of=stack.state) for one in settings if one.state is not None)
        regions = (pin.value for pin in trusted if pin.field is PinnedField.REGION)
        return replace(
            stack,
            region=stack.region or next(regions, None),
            pins=(*trusted, *stack.pins),
            protected=stack.protected or any(one.protected is not None for one in settings),
            state=next(states, stack.state),
        )


NO_CONFIGURATION: Final = UserConfiguration()
