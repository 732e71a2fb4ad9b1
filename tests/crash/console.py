"""What the operator, or a stranger, does in the cloud's console: pays or cancels an order, renames a server, buys one."""

from __future__ import annotations

from typing import Any

import httpx
import yaml
from support.process_workspace import STACK

from provisioner.sandbox import PUBLIC

_DEFAULTS = yaml.safe_load(STACK)["defaults"]


async def pay(app: Any, order_id: str) -> None:
    body = {"order_id": order_id, "use_coupon": "NO", "use_discount": "NO"}
    await _send(app, "/v3/orders/customer-orders/pay", body, scope={"domain": {"name": PUBLIC.domain_name}})


async def cancel(app: Any, order_id: str) -> None:
    path = "/v2/orders/customer-orders/cancel"
    await _send(app, path, {"order_id": order_id}, scope={"domain": {"name": PUBLIC.domain_name}}, method="PUT")


async def buy(app: Any, name: str, **fields: Any) -> None:
    """Buys a server with the defaults of the test stack, overridden by `fields`."""
    path = f"/v1/{PUBLIC.project_id}/dev-servers"
    await _send(app, path, {**_DEFAULTS, **fields, "name": name}, scope={"project": {"name": PUBLIC.project_name}})


async def rename(app: Any, identifier: str, name: str) -> None:
    path = f"/v1/{PUBLIC.project_id}/dev-servers/{identifier}"
    await _send(app, path, {"name": name}, scope={"project": {"name": PUBLIC.project_name}}, method="PUT")


async def _send(app: Any, path: str, body: dict[str, Any], *, scope: dict[str, Any], method: str = "POST") -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://console.invalid", trust_env=False) as client:
        user = {"name": PUBLIC.user_name, "password": PUBLIC.user_password, "domain": {"name": PUBLIC.domain_name}}
        identity = {"methods": ["password"], "password": {"user": user}}
        token = await client.post("/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        headers = {"X-Auth-Token": token.headers["X-Subject-Token"]}
        answer = await client.request(method, path, headers=headers, json=body)
        answer.raise_for_status()
