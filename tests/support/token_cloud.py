"""Identity's side of the exchange of a password for a token, and a user to exchange."""

import json
from typing import Any

import httpx

from provisioner.cloud import Password
from provisioner.model.flow import Call, Effect, Service
from provisioner.model.secret import Secret

USER = Password("ann", Secret("canary-password"), "acme")


class TokenCloud:
    """Issues tokens named by their number, and believes those that it is told to."""

    def __init__(self, **grant: Any) -> None:
        self.grant = {
            "project": {"id": "p", "domain": {"id": "d"}},
            "expires_at": "2026-01-02T12:00:00.000000Z",
        } | grant
        self.asked: list[dict[str, Any]] = []
        self.used: list[tuple[str, str]] = []
        self.disbelieved: set[str] = set()
        self.refuses_to_issue = 0
        self.answer_to_disbelief = httpx.Response(401, json={"error_code": "APIGW.0301", "error_msg": "no"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        date = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT"}
        if request.url.path == "/v3/auth/tokens":
            self.asked.append(json.loads(request.content))
            if self.refuses_to_issue:
                return httpx.Response(
                    self.refuses_to_issue, json={"error": {"code": 401, "message": "canary-password?"}}
                )
            return httpx.Response(
                201, json={"token": self.grant}, headers=date | {"X-Subject-Token": f"canary-token-{len(self.asked)}"}
            )
        token = request.headers["x-auth-token"]
        self.used.append((request.url.host.partition(".")[0], token))
        if token in self.disbelieved:
            refused = self.answer_to_disbelief
            return httpx.Response(refused.status_code, content=refused.content, headers=date)
        return httpx.Response(200, json={})

    @property
    def scopes(self) -> list[Any]:
        return [request["auth"]["scope"] for request in self.asked]


def call(service: Service = Service.MODELARTS, effect: Effect = Effect.READ) -> Call:
    return Call(service, "GET", "/x", effect)
