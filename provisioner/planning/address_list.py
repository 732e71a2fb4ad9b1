"""Lists addresses in messages: the first of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.model.address import Address


def list_addresses(addresses: Sequence[Address], *, most: int) -> str:
    more = f" and {len(addresses) - most} more" if len(addresses) > most else ""
    return ", ".join(map(str, addresses[:most])) + more
