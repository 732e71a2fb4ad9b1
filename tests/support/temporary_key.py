"""A request signed by a temporary key, as section 6.1 of the reference has it, step by step."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox import PUBLIC

PROJECT_PATH = f"/v1/{PUBLIC.project_id}/dev-servers"


def signed(
    cloud: Any, keys: dict[str, str], path: str = PROJECT_PATH, *, security_token: str | None, signs_it: bool = True
) -> Any:
    """Section 6.1, step by step, for a GET without query and body."""
    date = datetime.fromtimestamp(cloud.clock.now() / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"x-sdk-date": date}
    extra = {} if security_token is None else {"x-security-token": security_token}
    named = dict(sorted((headers | (extra if signs_it else {})).items()))
    lines = "".join(f"{name}:{value}\n" for name, value in named.items())
    canonical = f"GET\n{path}/\n\n{lines}\n{';'.join(named)}\n{hashlib.sha256(b'').hexdigest()}"
    to_sign = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(keys["secret"].encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    authorization = f"SDK-HMAC-SHA256 Access={keys['access']}, SignedHeaders={';'.join(named)}, Signature={signature}"
    return cloud.send("GET", path, headers=headers | extra | {"Authorization": authorization})


def signed_by(cloud: Any, keys: dict[str, str], path: str) -> Any:
    """With the security token that belongs to the key."""
    return signed(cloud, keys, path, security_token=keys["securitytoken"])
