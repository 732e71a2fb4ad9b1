"""The buckets' side of the cloud: a small HTTP application with a ledger, which hands everything else on to the sandbox."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

_EXECUTED, _NOT_EXECUTED = "executed", "not executed"


@dataclass
class BucketServer:
    """`ledger` has what was really done: verb and name, oldest first."""

    sandbox: Any
    clock: Any
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: list[tuple[str, str]] = field(default_factory=list)
    _lost: dict[str, str] = field(default_factory=dict)
    """By method: what becomes of the next call whose reply is lost."""
    _made: int = 0

    def lose_reply(self, method: str, *, executed: bool) -> None:
        self._lost[method] = _EXECUTED if executed else _NOT_EXECUTED

    def by_name(self, name: str) -> dict[str, Any]:
        (found,) = [one for one in self.buckets.values() if one["name"] == name]
        return found

    async def __call__(self, scope, receive, send) -> None:
        steps = scope["path"].strip("/").split("/")
        if steps[2:3] != ["buckets"]:
            await self.sandbox(scope, receive, send)
            return
        method, identifier = scope["method"], steps[3] if len(steps) > len(["v1", "project", "buckets"]) else None
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        lost = self._lost.pop(method, None)
        status, answer = (
            (502, {}) if lost == _NOT_EXECUTED else self.answer(method, identifier, json.loads(body or b"{}"))
        )
        status, answer = (502, {}) if lost else (status, answer)
        content = json.dumps(answer).encode()
        date = formatdate(self.clock.now() / 1000, usegmt=True).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), (b"date", date)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def answer(self, method: str, identifier: str | None, body: dict[str, Any]) -> tuple[int, Any]:
        if identifier is not None and identifier not in self.buckets:
            return 404, {"error_code": "ModelArts.6404", "error_msg": "no such bucket"}
        match method, identifier:
            case "GET", None:
                return 200, {"buckets": [*self.buckets.values()]}
            case "GET", str():
                return 200, self.buckets[identifier]
            case "POST", None:
                self._made += 1
                made = {"id": f"bucket-{self._made}", "status": "ACTIVE", "created_at": self.clock.now(), **body}
                self.buckets[made["id"]] = made | {"endpoint": f"{made['id']}.buckets.invalid"}
                self.ledger.append(("created", body["name"]))
                return 200, {"id": made["id"]}
            case "PUT", str():
                self.buckets[identifier] |= body
                self.ledger.append(("changed", self.buckets[identifier]["name"]))
                return 200, self.buckets[identifier]
            case "DELETE", str():
                self.ledger.append(("deleted", self.buckets.pop(identifier)["name"]))
                return 200, {}
            case _:
                return 405, {}
