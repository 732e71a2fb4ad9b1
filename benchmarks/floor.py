"""`python -m benchmarks.floor ADDRESS NUMBER WIDTH`: buys servers by a bare loop of signed httpx requests, one client a worker.

No client that sends these requests by httpx can be faster; what the tool takes beyond it is for journal, state, checks and waiting.
Of the tool it imports the sandbox's public keys and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
import sys
from datetime import UTC, datetime

import httpx

from provisioner.sandbox.credentials import PUBLIC

_UUID = "05982b48-a70f-43a1-a2b0-1fe36a236172"
_SERVER = {
    "flavor": "Si2.large.4",
    "image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7",
    "key_pair_name": "ops",
    "network": {"vpc_id": _UUID, "subnet_id": _UUID, "security_group_id": _UUID},
    "root_volume": {"type": "SSD", "size": 200},
}


def _signed(url: str, host: str, path: str, body: bytes) -> httpx.Request:
    """By docs/api/devserver-api.md section 6.1."""
    date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": "application/json", "host": host, "x-project-id": PUBLIC.project_id, "x-sdk-date": date}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(("POST", f"{path}/", "", lines, names, hashlib.sha256(body).hexdigest()))
    text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(PUBLIC.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"SDK-HMAC-SHA256 Access={PUBLIC.access_key}, SignedHeaders={names}, Signature={signature}"
    )
    return httpx.Request("POST", url, headers=headers, content=body)


async def main(address: str, number: int, width: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    indices = iter(range(number))
    path = f"/v1/{PUBLIC.project_id}/dev-servers"
    host = address.removeprefix("http://")

    async def work() -> None:
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            for index in indices:
                body = json.dumps({"name": f"fleet-trainer-{index}", **_SERVER}).encode()
                answer = await client.send(_signed(f"{address}{path}", host, path, body))
                answer.raise_for_status()
                answer.json()

    await asyncio.gather(*(work() for _ in range(width)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
