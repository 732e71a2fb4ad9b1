"""How long silence must have lasted before it may mean anything: the rule as the tests know it, beside the product's own."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.state import Intent


def least_silence(intent: Intent, *, bound: float) -> float | None:
    """Seconds; None where it never means anything, because the request may have spent money that no list shows.

    `bound`: after it a pay-per-use server that was bought is listed for sure.
    """
    ordered, wanted = _charging(intent.request.get("body")), _charging(intent.declared)
    is_unpaid = wanted.get("is_auto_pay") is True and ordered.get("is_auto_pay") is False
    return bound if ordered.get("charging_mode") != "PRE_PAID" or is_unpaid else None


def _charging(fields: JsonValue) -> JsonObject:
    charging = fields.get("charging_info") if isinstance(fields, Mapping) else None
    return charging if isinstance(charging, Mapping) else {}
