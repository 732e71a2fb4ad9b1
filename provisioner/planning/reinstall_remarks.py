"""Warns about the reinstallations of a plan, with one warning for all servers that a remark is true of. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.canonical import JsonObject
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.flow import Remark
from provisioner.model.kind import Catalogue
from provisioner.planning.address_list import list_addresses

_NAMED = 10


def reinstall_warnings(changes: Iterable[Change], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Yields the warnings in the order of the changes. An import that reinstalls counts as well."""
    by_remark: defaultdict[Remark, list[Address]] = defaultdict(list)
    for change in changes:
        paths = [item.path for item in change.fields if item.reinstalls]
        if paths and change.action in {Action.REINSTALL, Action.ADOPT}:
            for remark in catalogue[change.kind].reinstall.remarks(paths, _declared(change)):
                by_remark[remark].append(change.address)
    for remark, addresses in by_remark.items():
        single = addresses[0] if len(addresses) == 1 else None
        yield warning(
            remark.code, f"{list_addresses(addresses, most=_NAMED)}: {remark.summary}", hint=remark.hint, address=single
        )


def _declared(change: Change) -> JsonObject:
    """Returns the body with which the system is installed. A field removed from the specs stays on the server."""
    recorded = change.recorded.declared if change.recorded is not None else {}
    return {**recorded, **(change.after or {})}
