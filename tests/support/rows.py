"""Rows as the API shows them, valid as they come (docs/api/devserver-api.md section 3.3)."""

from __future__ import annotations

from typing import Any

from provisioner.kinds.dev_server import rows

ID = "62383738-e52a-450a-9f84-f9e705402be8"
SEED_ROW = {
    "charging_mode": "PRE_PAID",
    "cloud_server": {"type": "ECS"},
    "create_at": 1699348284990,
    "flavor": "Si2.large.4",
    "id": ID,
    "image": {
        "arch": "X86",
        "image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7",
        "name": "Ubuntu18.04_x86_64_CPU",
        "server_type": "ECS",
    },
    "name": "EI-evs-1107",
    "status": "CREATING",
    "update_at": 1699348285077,
}


def a_row(**fields: Any) -> dict[str, Any]:
    """The reference's own example, as pay-per-use; a field given as None is left out."""
    row = {**SEED_ROW, "charging_mode": "POST_PAID", **fields}
    return {key: value for key, value in row.items() if value is not None}


def a_live(status: str = "RUNNING", **fields: Any):
    return rows.read(a_row(status=status, **fields))
