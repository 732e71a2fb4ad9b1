"""The cloud's console over real HTTP: changes servers behind the tool's back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from support.plain_http import NO_TLS

from provisioner.sandbox import PUBLIC


@dataclass
class Console:
    url: str

    @cached_property
    def _client(self) -> httpx.Client:
        base = f"{self.url}/v1/{PUBLIC.project_id}/"
        headers = self._signed_in({"project": {"name": PUBLIC.project_name}})
        return httpx.Client(base_url=base, headers=headers, verify=NO_TLS, trust_env=False)

    def _signed_in(self, scope: dict[str, Any]) -> dict[str, str]:
        user = {"name": PUBLIC.user_name, "password": PUBLIC.user_password, "domain": {"name": PUBLIC.domain_name}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        token = httpx.post(f"{self.url}/v3/auth/tokens", json=body, verify=NO_TLS, trust_env=False)
        return {"X-Auth-Token": token.headers["X-Subject-Token"]}

    def rename(self, identifier: str, name: str) -> None:
        self._send("PUT", f"dev-servers/{identifier}", {"name": name})

    def stop(self, identifier: str) -> None:
        self._send("PUT", f"dev-servers/{identifier}/stop")

    def change_image(self, identifier: str, image_id: str) -> None:
        """Changes the image of a stopped server, which runs afterwards."""
        self._send("POST", f"dev-servers/{identifier}/changeos", {"image_id": image_id, "key_pair_name": "ops"})

    def delete(self, identifier: str) -> None:
        self._send("DELETE", f"dev-servers/{identifier}")

    def unsubscribe(self, identifier: str) -> None:
        """Ends the subscription of a prepaid server with billing."""
        body = {"resource_ids": [identifier], "unsubscribe_type": 1}
        url = f"{self.url}/v2/orders/subscriptions/resources/unsubscribe"
        headers = self._signed_in({"domain": {"name": PUBLIC.domain_name}})
        httpx.post(url, json=body, headers=headers, verify=NO_TLS, trust_env=False).raise_for_status()

    def bind(self, identifier: str, public_ip: str) -> None:
        self._send("POST", f"dev-servers/{identifier}/publicips", {"public_ip_id": public_ip})

    def buy(self, body: dict[str, Any]) -> None:
        self._send("POST", "dev-servers", body)

    def end(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        self._client.request(method, path, json=body).raise_for_status()
