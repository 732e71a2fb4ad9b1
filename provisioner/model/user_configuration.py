"""What a user has configured outside of every repository: trusted pins of stacks, and profiles of credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from provisioner.model.diagnostic import Diagnostic, SourceRange, warning
from provisioner.model.pin import Pin, PinnedField
from provisioner.model.stack import Stack


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
    """What one file says about one environment of a stack, or about a whole stack."""

    pins: tuple[Pin, ...] = ()
    protected: SourceRange | None = None
    """Where it is protected; None if nothing says so."""
    credentials: CredentialsProfile | None = None
    source: SourceRange | None = None
    """Where the name of the stack or environment stands."""


@dataclass(frozen=True, slots=True)
class UserConfiguration:
    """The user's files, in falling precedence. `stacks` is by stack and environment; None is for all environments."""

    stacks: Mapping[tuple[str, str | None], tuple[TrustedSettings, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def settings_of(self, stack: Stack) -> tuple[TrustedSettings, ...]:
        """Returns all that is said about the stack's environment, the most specific first."""
        keys = dict.fromkeys(((stack.name, stack.environment), (stack.name, None)))
        return tuple(chain.from_iterable(self.stacks.get(key, ()) for key in keys))

    def profile_of(self, stack: Stack) -> CredentialsProfile | None:
        found = (settings.credentials for settings in self.settings_of(stack))
        return next((profile for profile in found if profile is not None), None)

    def warnings(self, stack: Stack) -> Iterator[Diagnostic]:
        """Yields a warning for each environment that the stack lacks: what is said about it has no effect."""
        for (name, environment), settings in self.stacks.items():
            if name == stack.name and environment is not None and environment not in stack.environments:
                known = ", ".join(stack.environments) or "none"
                summary = (
                    f"your own configuration names an environment {environment} of {name}, which {name} does not have"
                )
                hint = f"its pins protect nothing; correct the name, or remove it; there are: {known}"
                yield from (warning("unknown-environment", summary, hint=hint, source=one.source) for one in settings)

    def apply_to(self, stack: Stack) -> Stack:
        """Returns the stack with the trusted pins before its own. A stack can add protection, and take none away."""
        settings = self.settings_of(stack)
        trusted = tuple(pin for one in settings for pin in one.pins)
        regions = (pin.value for pin in trusted if pin.field is PinnedField.REGION)
        return replace(
            stack,
            region=stack.region or next(regions, None),
            pins=(*trusted, *stack.pins),
            protected=stack.protected or any(one.protected is not None for one in settings),
        )


NO_CONFIGURATION: Final = UserConfiguration()
