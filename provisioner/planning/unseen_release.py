"""Holds a server whose release the cloud accepted while no row shows it leaving and the specs want that server.

An answer alone proves nothing: where it only meant receipt, or no true acceptance, the next apply would release a
running server. So the server is held until a row shows it leaving, or a person decides what becomes of it
(docs/decisions/0017).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.change import Change, NoOpChange, ReplaceChange, convert_to
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.kind import Kind
from provisioner.model.resource import Live, Phase, Recorded


def continue_release(
    change: NoOpChange, fields: Iterable[FieldChange], row: Live | None, kind: Kind, *, is_named: bool
) -> Change:
    """Returns the change of a server whose release has begun: a replacement where the release goes on or the specs or a
    person want another machine, and else a held no-op.
    """
    wants_another = is_named or any(item.forces_replacement and not item.drift for item in fields)
    if row is not None and row.status not in kind.statuses.releasing and not wants_another:
        return replace(change, reason=Reason.BLOCKED)
    return convert_to(change, ReplaceChange, reason=Reason.UNDER_WAY, vanished=row is None)


def is_reported(change: Change, row: Live, kind: Kind) -> bool:
    is_begun = change.recorded is not None and change.recorded.phase is Phase.DELETING
    is_released = change.action in {Action.DELETE, Action.FORGET}
    return is_begun and not is_released and row.status not in kind.statuses.releasing


def unseen_release_warning(change: Change, recorded: Recorded, row: Live, kind: Kind) -> Diagnostic:
    address = change.address.shell_quoted
    held = "nothing is done about it, because the cloud does not show that it is being released"
    going = "this plan releases it and buys another one"
    return warning(
        "release-not-seen",
        f"{change.address}: an earlier run has begun to release {kind.noun} {recorded.id}, and the cloud still shows it with status {row.status}",
        detail=f"{going if change.action is Action.REPLACE else held}; the accepted release may still be carried out later",
        hint=f"to keep that {kind.noun}, after the console shows that it is not being released: `provisioner state rm {address}`, then `provisioner "
        f"import {address} {recorded.id}`; to release it and buy another: `provisioner apply --replace {address}`; to release it and buy "
        f"none: `provisioner destroy --target {address}`",
        address=change.address,
    )
