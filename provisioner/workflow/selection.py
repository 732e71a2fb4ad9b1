"""Checks that the addresses and labels on the command line exist, before the cloud or the user is asked anything."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from provisioner.loading import Loaded
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, UsageError, error
from provisioner.model.selection import Selection
from provisioner.model.state import State

if TYPE_CHECKING:
    from provisioner.workflow.plan_session import PlanRequest

_SHOWN = 10


def check_selection(request: PlanRequest, loaded: Loaded, state: State | None) -> None:
    """Raises UsageError for an unknown address, group, module or label, and for a selection that leaves nothing."""
    labels = _labels(loaded, state)
    errors = [
        *_undeclared(request.replace, loaded, "--replace"),
        *_undeclared(request.reinstall, loaded, "--reinstall"),
        *_named_twice(request),
        *_unknown_choices(request.selection, labels),
    ]
    if not errors:
        errors = [*_excluded(request, labels)]
    if errors:
        raise UsageError(*errors)


def _named_twice(request: PlanRequest) -> Iterator[Diagnostic]:
    for address in sorted(request.replace & request.reinstall):
        summary = f"--replace and --reinstall both name {address}"
        yield error(
            "unknown-address",
            summary,
            hint="a server that is replaced is not reinstalled first; leave one of the two out",
        )


def require_declared(addresses: Iterable[Address], loaded: Loaded, named_by: str) -> None:
    """Raises UsageError for an address that the specs do not declare: it is probably a typo, and typos cost money."""
    if errors := tuple(_undeclared(addresses, loaded, named_by)):
        raise UsageError(*errors)


def _undeclared(addresses: Iterable[Address], loaded: Loaded, named_by: str) -> Iterator[Diagnostic]:
    declared = {desired.address for desired in loaded.desired}
    for address in sorted(frozenset(addresses) - declared):
        if members := sorted(one for one in declared if one.group == address):
            each = " ".join(f"{named_by} {member.shell_quoted}" for member in members)
            summary = f"{named_by} names {address}, which is a group of {len(members)}"
            yield error("unknown-address", summary, hint=f"name its members: {each}")
        else:
            yield _unknown(named_by, address, declared, "which the specs do not declare")


def _labels(loaded: Loaded, state: State | None) -> Mapping[Address, Mapping[str, str]]:
    """Returns the labels of every desired, recorded or doubtful address, as the plan will see them."""
    known: dict[Address, Mapping[str, str]] = {}
    if state is not None:
        known |= {address: {} for intent in state.in_doubt for address in intent.addresses}
        known |= {recorded.address: recorded.labels for recorded in state.resources.values()}
    return known | {desired.address: desired.labels for desired in loaded.desired}


def _unknown_choices(selection: Selection, labels: Mapping[Address, Mapping[str, str]]) -> Iterator[Diagnostic]:
    for option, patterns in (("--target", selection.targets), ("--exclude", selection.excludes)):
        for pattern in patterns:
            if not any(map(pattern.matches, labels)):
                yield _unknown(option, pattern, labels, "which neither the specs nor the state know")
    pairs = {pair for each in labels.values() for pair in each.items()}
    for label, value in selection.labels:
        if (label, value) not in pairs:
            hint = _nearest(f"{label}={value}", [f"{key}={known}" for key, known in pairs], "there are")
            yield error(
                "unknown-label", f"no server has the label {label}={value}", hint=hint or "no server has a label"
            )


def _unknown(option: str, named: object, known: Iterable[Address], what: str) -> Diagnostic:
    words = {str(address) for address in known} | {str(address.group) for address in known}
    hint = _nearest(str(named), words, "there are") or "there is none"
    return error("unknown-address", f"{option} names {named}, {what}", hint=hint)


def _nearest(word: str, words: Iterable[str], title: str) -> str:
    known = sorted(words)
    if near := difflib.get_close_matches(word, known, n=3):
        return f"did you mean {' or '.join(map(_for_shell, near))}?"
    return f"{title}: {', '.join(known[:_SHOWN])}{' ...' if len(known) > _SHOWN else ''}" if known else ""


def _for_shell(word: str) -> str:
    """Returns an address as it has to be typed: a shell takes the double quotes of a key away."""
    return f"'{word}'" if '"' in word and "'" not in word else word


def _excluded(request: PlanRequest, labels: Mapping[Address, Mapping[str, str]]) -> Iterator[Diagnostic]:
    selection = request.selection
    named = [("--replace", address) for address in sorted(request.replace)]
    named += [("--reinstall", address) for address in sorted(request.reinstall)]
    for option, address in named:
        if not selection.matches(address, labels[address]):
            hint = f"name it with --target too, or use {option} in another run"
            yield error("not-selected", f"{option} names {address}, and {selection} leaves it out", hint=hint)
    if labels and not any(selection.matches(address, each) for address, each in labels.items()):
        yield error("nothing-selected", f"{selection} leaves nothing", hint="a server must match all of them")
