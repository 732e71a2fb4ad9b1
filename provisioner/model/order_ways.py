"""Hints about what a person can do about the order of a server, shared by plan, apply, `orders` and the guards.

Each hint names the address that it is about. Which of them apply depends on what is recorded, and the caller decides
that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from provisioner.model.address import Address

_OTHER: Final = {"PRE_PAID": "POST_PAID", "POST_PAID": "PRE_PAID"}


def cancel_hint(address: Address) -> str:
    """Returns how to cancel an unpaid order."""
    return f"`provisioner orders cancel {address.shell_quoted}` cancels it and costs nothing"


def pay_hint(address: Address) -> str:
    """Returns the command that pays an order."""
    return f"`provisioner orders pay {address.shell_quoted}`"


def apply_hint(addresses: Sequence[Address]) -> str:
    """Returns the command that continues what was ordered for these addresses and nothing else, so that no guard on
    other addresses stops it.
    """
    return f"`provisioner apply {target_options(addresses)}`"


def release_hint(addresses: Sequence[Address], *, allow: str = "prepaid-delete") -> str:
    """Returns how to release servers that exist by now and appear to be paid for in advance."""
    it = "it" if len(addresses) == 1 else "them"
    return f"`provisioner destroy {target_options(addresses)} --allow {allow}` releases {it}"


def target_options(addresses: Sequence[Address]) -> str:
    """Returns the --target options that select these addresses."""
    return " ".join(f"--target {address.shell_quoted}" for address in addresses)


def keep_hint(addresses: Sequence[Address], mode: str) -> str:
    """Returns how to keep servers that were sold under another charging mode than declared: by declaring that mode. A
    group declares the mode for all its members, so for a single member the hint shows a condition.
    """
    address = addresses[0]
    if mode == "PRE_PAID":
        written = "`charging_info: {charging_mode: PRE_PAID, period_type: ..., period_num: ...}`"
        written += f", with the term that `provisioner orders show {address.shell_quoted}` shows"
    else:
        written = f"`charging_info: {{charging_mode: {mode}, period_type: MONTH, period_num: 1}}`"
    names = ", ".join(map(str, addresses))
    text = f"to keep {'it' if len(addresses) == 1 else 'them'}, declare charging_info of {names} as {'it was' if len(addresses) == 1 else 'they were'} sold: {written}"
    if address.key is None or len(addresses) > 1:
        return text
    condition = f"count.index == {address.key}" if isinstance(address.key, int) else f"each.key == '{address.key}'"
    alone = f"\"{{{{ '{mode}' if {condition} else '{_OTHER.get(mode, mode)}' }}}}\""
    return (
        f"{text}. That applies to the whole group {address.group}, so more of it is bought in that mode too; for {address} alone write "
        f"`charging_mode: {alone}` there, with the same term"
    )
