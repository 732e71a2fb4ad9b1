"""What is believed of a server because the specs say so: nothing shows it, and it was never sent. Told in every plan. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.action import Action
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.resource import FieldPath

_NAMED = 6
"""So many addresses are named where more believe the same."""
_TELLING_IT = frozenset({Action.REPLACE, Action.DELETE, Action.FORGET, Action.ADOPT})
"""What is released is believed nothing of, and what is taken over says it at its own place."""


def assumptions(changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """One for all that believe the same, in the order of the addresses. What `ignore_changes` names is nobody's business."""
    alike: dict[tuple[FieldPath, ...], list[Change]] = {}
    for change in changes:
        paths = tuple(path for path in change.assumed if not _is_accepted(path, change))
        if paths and change.action not in _TELLING_IT:
            alike.setdefault(paths, []).append(change)
    for paths, believing in alike.items():
        yield _told(paths, believing)


def _is_accepted(path: FieldPath, change: Change) -> bool:
    ignored = change.desired.lifecycle.ignore_changes if change.desired else ()
    return any(path[: len(head)] == head for head in ignored)


def _told(paths: tuple[FieldPath, ...], believing: list[Change]) -> Diagnostic:
    fields = ", ".join(".".join(path) for path in paths)
    more = f" and {len(believing) - _NAMED} more" if len(believing) > _NAMED else ""
    names = ", ".join(str(change.address) for change in believing[:_NAMED]) + more
    only = believing[0].address if len(believing) == 1 else None
    anew = (
        f"`apply --replace {only.typed}` buys it anew"
        if only
        else "`apply --replace` with the address of one buys it anew"
    )
    return warning(
        "assumed",
        f"{names}: {fields} {'is' if len(paths) == 1 else 'are'} assumed to be as the specs say; the cloud does not show it",
        detail="this state did not ask for it when that was bought, or did not buy it; nothing is sent, and nothing is to be done "
        "where it is so",
        hint="check it in the console; where it is not so, write down what is, which changes nothing, or name the field in "
        f"lifecycle.ignore_changes; {anew}",
        address=only,
    )
