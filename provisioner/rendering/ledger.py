"""Renders the sandbox's ledger as a table: what was bought, paid, refunded, released, wiped and refused, in order.

It takes plain rows, because the sandbox shares no types with the client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from provisioner.rendering.style import Style, escape
from provisioner.rendering.table import table_text

_HEADINGS = ("time", "kind", "server", "name", "order", "amount")


def render_ledger(rows: Sequence[Mapping[str, Any]], style: Style) -> str:
    """Returns the table. Times are in UTC, amounts in units of the currency, and refunds are negative."""
    if not rows:
        return "The ledger is empty.\n"
    return table_text(_HEADINGS, map(_cells, rows), style)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    moment = (
        datetime.fromtimestamp(row["time"] / 1000, UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "")
    )
    sign = "-" if row["kind"] == "refund" else ""
    return (
        moment,
        escape(str(row["kind"])),
        escape(row["server_id"] or ""),
        escape(row["name"] or ""),
        escape(row["order_id"] or ""),
        f"{sign}{row['amount'] / 100:.2f} {row['currency']}" if row["amount"] else escape(row["detail"] or ""),
    )
