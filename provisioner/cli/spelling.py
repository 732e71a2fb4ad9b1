"""Accepts Terraform's spelling of options: one dash, as in `-auto-approve`, `-out=plan` and `-var x=1`, means two."""

from __future__ import annotations

from collections.abc import Iterable

LONG_OPTIONS = frozenset(
    {
        "absent", "accounts", "adopt", "all", "allow", "approved", "auto-approve", "build-seconds", "chdir", "destroy",
        "detailed-exitcode", "environment", "exclude", "expires", "faults", "force", "format", "from-terraform", "full", "help", "input",
        "json", "keep-protected", "lock-timeout", "market", "match", "no-color", "no-input", "origin", "out", "parallelism", "port", "public", "raw",
        "reason", "refresh-only", "reinstall", "replace", "resolve-timeout", "selector", "specs", "state", "target", "timeout", "var",
        "var-file", "verify", "version", "within", "world",
    }
)  # fmt: skip
"""Every long option of every command. A test compares it with the commands."""

SHORT_OPTIONS = frozenset("Ceh")
"""Every short option of every command. A test compares it with the commands."""


def with_two_dashes(arguments: Iterable[str]) -> list[str]:
    """Returns the arguments with two dashes at long options, up to `--`.

    `-input=false` and `-input=true`, as Terraform spells them, become `--no-input` and `--input`.
    """
    spelt: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return [*spelt, argument, *rest]
        spelt.append(_long(argument))
    return spelt


def _is_unknown_option(name: str) -> bool:
    """Returns whether the name looks like an unknown long option.

    It gets two dashes as well, so that click suggests the right one. `-edev` and `-Cfolder` are a short option with its
    value, and are not.
    """
    return len(name) > 1 and name[0].isalpha() and name[0] not in SHORT_OPTIONS


def _long(argument: str) -> str:
    if not argument.startswith("-") or argument.startswith("--"):
        long = argument
    else:
        name = argument[1:].split("=", 1)[0]
        long = f"-{argument}" if name in LONG_OPTIONS or _is_unknown_option(name) else argument
    return {"--input=false": "--no-input", "--input=true": "--input"}.get(long, long)
