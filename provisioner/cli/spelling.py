"""Accepts Terraform's spelling of options: one dash, as in `-auto-approve`, `-out=plan` and `-var x=1`, means two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LONG_OPTIONS = frozenset(
    {
        "absent", "accounts", "adopt", "all", "allow", "approved", "auto-approve", "build-seconds", "chdir", "destroy",
        "detailed-exitcode", "dry-run", "environment", "exclude", "expires", "faults", "follow", "force", "format", "from-terraform", "full", "help", "input",
        "json", "keep-protected", "lock-timeout", "market", "match", "no-color", "no-follow", "no-input", "no-wait", "origin", "out", "parallelism", "port", "public", "raw",
        "reason", "refresh-only", "reinstall", "replace", "resolve-timeout", "selector", "specs", "state", "target", "template", "timeout", "to", "var",
        "var-file", "verify", "version", "wait", "within", "world",
    }
)  # fmt: skip
"""Every long option of every command. A test compares it with the commands."""

SHORT_OPTIONS = frozenset("Ceh")
"""Every short option of every command. A test compares it with the commands."""


FLAGS = frozenset(
    {
        "absent", "all", "auto-approve", "destroy", "detailed-exitcode", "dry-run", "follow", "force", "full", "help", "input", "json", "keep-protected",
        "no-color", "no-follow", "no-input", "no-wait", "origin", "public", "raw", "refresh-only", "verify", "version", "wait",
    }
)  # fmt: skip
"""The long options without a value. A test compares it with the commands."""

_NEGATED = {"follow": "no-follow", "input": "no-input", "no-follow": "follow", "no-input": "input"}
"""The flags that have another one for the opposite. Of any other flag, leaving it out is the opposite."""
_BOOLEANS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)
"""The values of flags that Terraform accepts."""


def with_two_dashes(arguments: Iterable[str]) -> list[str]:
    """Returns the arguments with two dashes at long options, up to `--`, and without the values of flags.

    `-input=false`, as Terraform spells it, becomes `--no-input`, `-auto-approve=true` becomes `--auto-approve`, and
    `-json=false` is left out.
    """
    spelt: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return [*spelt, argument, *rest]
        spelt += _without_boolean(_long(argument))
    return spelt


def _is_unknown_option(name: str) -> bool:
    """Returns whether the name looks like an unknown long option.

    It gets two dashes as well, so that click suggests the right one. `-edev` and `-Cfolder` are a short option with its
    value, and are not.
    """
    return len(name) > 1 and name[0].isalpha() and name[0] not in SHORT_OPTIONS


def _long(argument: str) -> str:
    if not argument.startswith("-") or argument.startswith("--"):
        return argument
    name = argument[1:].split("=", 1)[0]
    return f"-{argument}" if name in LONG_OPTIONS or _is_unknown_option(name) else argument


def _without_boolean(argument: str) -> Iterator[str]:
    """Yields the argument; a flag with a value as the flag, its opposite, or not at all."""
    name, has_value, value = argument.removeprefix("--").partition("=")
    if not (argument.startswith("--") and has_value and name in FLAGS and value in _BOOLEANS):
        yield argument
    elif _BOOLEANS[value]:
        yield f"--{name}"
    elif name in _NEGATED:
        yield f"--{_NEGATED[name]}"
