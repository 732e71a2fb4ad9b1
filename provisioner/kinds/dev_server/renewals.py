"""Switches the automatic renewal of a prepaid DevServer on or off, in place, through billing.

Source: docs/api/devserver-api.md section 8. Either call may be repeated: renewal that is on stays on, and switching off
what is off already is refused with a code of its own.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from provisioner.kinds.dev_server import charging
from provisioner.model.flow import Answer, Call, CallFailed, Effect, Remember, Service, Step
from provisioner.model.resource import Desired, FieldPath, Recorded
from provisioner.model.resource_id import request_spelling

_FLAG = "is_auto_renew"
RENEWAL: FieldPath = ("charging_info", _FLAG)
_AUTO_RENEWAL = "/v2/orders/subscriptions/resources/autorenew"
_OFF_ALREADY = "CBC.99003605"


def switch(desired: Desired, recorded: Recorded) -> Generator[Step, Answer, None]:
    """Switches renewal as the specs declare it, and off where they do not, as for a purchase.

    Pay-per-use has no term to renew.
    """
    wanted, kept = _charging(desired.fields), _charging(recorded.declared)
    if charging.is_prepaid(recorded, None):
        yield from _send(recorded.id or "", on=wanted.get(_FLAG) is True)
    kept.pop(_FLAG, None)
    yield Remember(
        recorded.phase, declared={"charging_info": kept | {key: wanted[key] for key in {_FLAG} & wanted.keys()}}
    )


def _charging(fields: Mapping[str, Any]) -> dict[str, Any]:
    charging = fields.get("charging_info")
    return dict(charging) if isinstance(charging, Mapping) else {}


def _send(identifier: str, *, on: bool) -> Generator[Step, Answer, None]:
    call = Call(
        Service.BILLING,
        "POST" if on else "DELETE",
        f"{_AUTO_RENEWAL}/{request_spelling(identifier)}",
        Effect.REPEATABLE,
    )
    try:
        yield call
    except CallFailed as failed:
        if on or failed.code != _OFF_ALREADY:
            raise
