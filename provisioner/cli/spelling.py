"""Accepts Terraform's spelling of options: `-auto-approve`, `-out=plan` and `-var x=1` mean the same as with two dashes."""

from __future__ import annotations

from collections.abc import Iterable

LONG_OPTIONS = frozenset(
    {
        "absent", "accounts", "adopt", "all", "allow", "auto-approve", "build-seconds", "chdir", "destroy",
        "detailed-exitcode", "environment", "exclude", "faults", "force", "format", "from-terraform", "full", "help", "input",
        "json", "lock-timeout", "market", "match", "no-color", "no-input", "out", "parallelism", "port", "public", "raw",
        "reason", "refresh-only", "reinstall", "replace", "resolve-timeout", "selector", "specs", "state", "target", "timeout", "var",
        "var-file", "verify", "version", "within", "world",
    }
)  # fmt: skip
"""Every long option of every command; a test holds it against the commands themselves."""

SHORT_OPTIONS = frozenset("Ceh")
"""Every short one, likewise."""


def with_two_dashes(arguments: Iterable[str]) -> list[str]:
    """Stops at `--`. `-input=false` and `-input=true` are Terraform's way of `--no-input` and `--input`."""
    spelt: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return [*spelt, argument, *rest]
        spelt.append(_long(argument))
    return spelt


def _is_unknown_option(name: str) -> bool:
    """Said to click in two dashes, which then knows what was meant. `-edev` and `-Cfolder` are a short option and its value."""
    return len(name) > 1 and name[0].isalpha() and name[0] not in SHORT_OPTIONS


def _long(argument: str) -> str:
    if not argument.startswith("-") or argument.startswith("--"):
        long = argument
    else:
        name = argument[1:].split("=", 1)[0]
        long = f"-{argument}" if name in LONG_OPTIONS or _is_unknown_option(name) else argument
    return {"--input=false": "--no-input", "--input=true": "--input"}.get(long, long)
