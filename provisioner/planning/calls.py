"""Finds the creates that one call buys: members of one group that ask for it and differ only in their names. Pure.

The plan shows these groups and applying follows them. How such a call is made is the kind's business
(docs/decisions/0010).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.canonical import canonical
from provisioner.model.change import Change
from provisioner.model.kind import Catalogue
from provisioner.model.redaction import find_secrets
from provisioner.model.resource import Desired


def combine_purchases(changes: Iterable[Change], catalogue: Catalogue) -> tuple[tuple[Address, ...], ...]:
    """Returns the addresses of each combined call, in the order of `changes`, with at most as many as the kind allows.
    A change without a partner is bought by a call of its own, so it is in no group.
    """
    by_key: defaultdict[tuple[object, ...], list[Change]] = defaultdict(list)
    for change in changes:
        if change.action is Action.CREATE and change.desired is not None and change.desired.together:
            by_key[_combining_key(change, change.desired)].append(change)
    calls = (call for group in by_key.values() for call in _split(group, catalogue[group[0].kind].batch.max_size))
    return tuple(call for call in calls if len(call) > 1)


def _combining_key(change: Change, desired: Desired) -> tuple[object, ...]:
    """Returns what two changes must have in common to share a call. A secret is compared by its reference, because its
    fingerprint may be unknown here.
    """
    body = {key: value for key, value in (change.after or {}).items() if key != "name"}
    return (change.kind, change.address.group, desired.wave, canonical(body), *find_secrets(desired.fields))


def _split(group: list[Change], most: int) -> Iterator[tuple[Address, ...]]:
    for first in range(0, len(group), most):
        yield tuple(change.address for change in group[first : first + most])
