"""Warns about fields that are assumed to be as the specs say: the cloud does not show them, and they were never sent.
Every plan repeats it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.action import Action
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.resource import FieldPath
from provisioner.planning.address_list import list_addresses

_NAMED = 6
"""How many addresses a warning names at most."""
_EXEMPT_ACTIONS = frozenset({Action.REPLACE, Action.DELETE, Action.FORGET, Action.ADOPT})
"""A released server has no assumed fields left, and the plan shows those of an import with the import itself."""


def assumption_warnings(changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """Yields one warning for each set of assumed fields, in the order of the addresses. Fields in `ignore_changes` are
    left out.
    """
    by_paths: dict[tuple[FieldPath, ...], list[Change]] = {}
    for change in changes:
        paths = tuple(path for path in change.assumed if not _is_ignored(path, change))
        if paths and change.action not in _EXEMPT_ACTIONS:
            by_paths.setdefault(paths, []).append(change)
    for paths, sharing in by_paths.items():
        yield _warning(paths, sharing)


def _is_ignored(path: FieldPath, change: Change) -> bool:
    ignored = change.desired.lifecycle.ignore_changes if change.desired else ()
    return any(path[: len(head)] == head for head in ignored)


def _warning(paths: tuple[FieldPath, ...], sharing: list[Change]) -> Diagnostic:
    fields = ", ".join(".".join(path) for path in paths)
    names = list_addresses([change.address for change in sharing], most=_NAMED)
    single = sharing[0].address if len(sharing) == 1 else None
    rebuy = (
        f"`provisioner apply --replace {single.shell_quoted}` buys a new one"
        if single
        else f"`provisioner apply --replace {sharing[0].address.shell_quoted}` buys a new one for that address"
    )
    return warning(
        "assumed",
        f"{names}: {fields} {'is' if len(paths) == 1 else 'are'} assumed to be as the specs say, because the cloud does not show it",
        detail="this state did not request it when the server was bought, or did not buy the server; nothing is sent, and there is nothing to do if the specs are right",
        hint=f"check it in the console; if the specs are wrong, declare what is true, which changes nothing, or name the field in lifecycle.ignore_changes; {rebuy}",
        address=single,
    )
