"""What a person can do about the order of a server, in words: one place for plan, apply, `orders` and the guards.

Each way stands with the address that it is about, and what has to be said beside it. Which of them is open follows from what is
recorded, and is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from provisioner.model.address import Address

_OTHER: Final = {"PRE_PAID": "POST_PAID", "POST_PAID": "PRE_PAID"}


def cancel_hint(address: Address) -> str:
    """Of an order that is not paid."""
    return f"`provisioner orders cancel {address.shell_quoted}` gives it up and costs nothing"


def pay_hint(address: Address) -> str:
    return f"`provisioner orders pay {address.shell_quoted}`"


def apply_hint(addresses: Sequence[Address]) -> str:
    """Goes on with what was ordered for them and does nothing else, whatever a guard says of the rest."""
    return f"`provisioner apply {target_options(addresses)}`"


def release_hint(addresses: Sequence[Address], *, allow: str = "prepaid-delete") -> str:
    """Of what is a server by now, and paid in advance by some sign."""
    it = "it" if len(addresses) == 1 else "them"
    return f"`provisioner destroy {target_options(addresses)} --allow {allow}` releases {it}"


def target_options(addresses: Sequence[Address]) -> str:
    return " ".join(f"--target {address.shell_quoted}" for address in addresses)


def keep_hint(addresses: Sequence[Address], mode: str) -> str:
    """To have what was sold under another mode than it was declared: the specs say it. What a group declares is said of all its
    members, so that one of them needs a condition.
    """
    address = addresses[0]
    if mode == "PRE_PAID":
        written = "`charging_info: {charging_mode: PRE_PAID, period_type: ..., period_num: ...}`"
        written += f", with the term that `provisioner orders show {address.shell_quoted}` tells"
    else:
        written = f"`charging_info: {{charging_mode: {mode}, period_type: MONTH, period_num: 1}}`"
    names = ", ".join(map(str, addresses))
    text = f"to keep {'it' if len(addresses) == 1 else 'them'}, declare charging_info of {names} as {'it was' if len(addresses) == 1 else 'they were'} sold: {written}"
    if address.key is None or len(addresses) > 1:
        return text
    condition = f"count.index == {address.key}" if isinstance(address.key, int) else f"each.key == '{address.key}'"
    alone = f"\"{{{{ '{mode}' if {condition} else '{_OTHER.get(mode, mode)}' }}}}\""
    return (
        f"{text}. That is said of the whole group {address.group}, of which more is then bought so, too; for {address} alone write "
        f"`charging_mode: {alone}` there, with the same term"
    )
