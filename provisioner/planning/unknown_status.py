"""Reports servers whose status the API does not describe, and refuses to do something irreversible to one unless a
person allows it.

Source: docs/api/devserver-api.md section 4. Nobody knows what such a status means: neither that a server is built nor
that it failed. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, error, warning
from provisioner.model.guards import Allowance
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.plan import Plan
from provisioner.model.resource import Timeouts
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.releases import release_has_begun

_LOSING = {
    Action.DELETE: "be released",
    Action.REPLACE: "be released, and another one bought",
    Action.REINSTALL: "have its system disk wiped",
}

_TIMEOUT = f"{Timeouts().create / 60:.0f} min"


def unknown_status_warnings(address: Address, status: str, kind: Kind) -> Iterator[Diagnostic]:
    """Yields the warning for a `status` that the cloud shows or that was recorded last."""
    if status not in kind.statuses.known:
        shown = f"status {status!r}" if status else "no status"
        yield warning(
            Allowance.UNKNOWN_STATUS,
            f"{address}: the cloud shows {shown}, which the API does not describe",
            detail=f"it counts neither as ready nor as failed; an apply that waits for it stops at its time-out ({_TIMEOUT} unless `timeouts` says otherwise), and the next apply continues",
            hint=f"look at it in the console. `--exclude {address.shell_quoted}` leaves it to a later apply; a release, replacement or "
            f"reinstallation of it needs --allow {Allowance.UNKNOWN_STATUS}",
            address=address,
        )


def unknown_status(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to lose a server with an unknown status. A release that was sent goes on, and needs nothing more."""
    for change in plan.changes:
        row = inputs.live.get(change.recorded.id or "") if change.recorded else None
        if row is None or row.status in catalogue[change.kind].statuses.known:
            continue
        if change.action not in _LOSING or release_has_begun(change):
            continue
        shown = f"status {row.status!r}" if row.status else "no status"
        yield error(
            Allowance.UNKNOWN_STATUS,
            f"{change.address} would {_LOSING[change.action]}, and the cloud shows {shown}, which the API does not describe",
            hint=f"look at it in the console first; to do it anyway in this run: --allow {Allowance.UNKNOWN_STATUS}",
            source=change.desired.source if change.desired else None,
            address=change.address,
        )
