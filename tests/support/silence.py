"""When an unlisted purchase may be confirmed absent: the rule as the tests know it, independent of the product's."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.state import Intent


def least_silence(intent: Intent, *, bound: float) -> float | None:
    """Returns after how many seconds the purchase may be confirmed absent at the earliest.

    None: never, because the request may have spent money that no list shows. `bound`: the seconds after which a pay-per-use
    server that was bought is surely listed.
    """
    ordered, wanted = _charging(intent.request.get("body")), _charging(intent.declared)
    is_unpaid = wanted.get("is_auto_pay") is True and ordered.get("is_auto_pay") is False
    return bound if ordered.get("charging_mode") != "PRE_PAID" or is_unpaid else None


def _charging(fields: JsonValue) -> JsonObject:
    charging = fields.get("charging_info") if isinstance(fields, Mapping) else None
    return charging if isinstance(charging, Mapping) else {}
