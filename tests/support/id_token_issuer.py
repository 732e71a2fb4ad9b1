"""An identity provider of the tests: issues ID tokens that a sandbox can verify. Its keys are public, and open nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

ISSUER = "https://gitlab.example.com"
AUDIENCE = "https://iam.example.com"
SUBJECT = "project_path:acme/machines:ref_type:branch:ref:main"
_EXPONENT = 65537
_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


@dataclass(frozen=True)
class RsaKey:
    modulus: int
    private_exponent: int

    @property
    def size(self) -> int:
        return (self.modulus.bit_length() + 7) // 8

    def sign(self, text: str) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256."""
        digest = _PREFIX + hashlib.sha256(text.encode()).digest()
        padded = b"\x00\x01" + b"\xff" * (self.size - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded), self.private_exponent, self.modulus).to_bytes(self.size)

    def public(self, key_id: str = "key-1") -> dict[str, str]:
        """As a JSON Web Key."""
        modulus, exponent = self.modulus.to_bytes(self.size), _EXPONENT.to_bytes(3)
        return {"kty": "RSA", "alg": "RS256", "kid": key_id, "n": encode(modulus), "e": encode(exponent)}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def issue_id_token(*, ends_at: float, key: RsaKey | None = None, header: Any = None, **claims: Any) -> str:
    """A token until `ends_at` (seconds since the epoch). A claim of None is left out."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "key-1"} if header is None else header
    stated = {"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "exp": ends_at} | claims
    body = {name: value for name, value in stated.items() if value is not None}
    signed = ".".join(encode(json.dumps(part).encode()) for part in (head, body))
    return f"{signed}.{encode((key or PROVIDER_KEY).sign(signed))}"


def identity_provider(user: str, **changes: Any) -> dict[str, Any]:
    """The section of an accounts file."""
    return {
        "id": "acme-gitlab",
        "issuer": ISSUER,
        "client_id": AUDIENCE,
        "signing_key": {"keys": [PROVIDER_KEY.public()]},
        "users": {SUBJECT: user},
    } | changes


PROVIDER_KEY = RsaKey(
    int(
        "b10a65e3805fb00cec7ddc2bfbfcfb7b1ee5be9019a8e307073b509e34749f39da4b11949b610d72caadaf776d8730de"
        "1dc5a510f5c7ce7dc2f83727b81dd0dc53420f3cbd0c6a704326699dcaa6740407890a245c7f1635be392b255571280e"
        "96977fb1db8d3a880cdfd746e51fe3714c2871ff63e99077031f06ec2b5785bf",
        16,
    ),
    int(
        "7b18bfbf6f8318e5e3899f8cf5a8f132aa4914371da0503a92ccab415537c17e7849b9ef9a19e13fefacd45435d3ca26"
        "a68cc63904abe8e788a90db090542ae3ddcbbea18323874ae91e4ea60eb868f6c416e2893ac281e53e5026c2576c1bbc"
        "77778cab708970120d5c0566f718e5348f998965103303e1140f43a938b7f01",
        16,
    ),
)
ANOTHER_KEY = RsaKey(
    int(
        "b31e5bbf3d6050196566763a4a82545f652f37807aa4cde94c942d22ed0b5c00efa4e6074e7a5fa2461c38e6008b187f"
        "122e35fe44a72cefecf6fdeb148d29dcfb595ea74ce8ab877fdda5e23e8bc650c32124f36b1e81d0458e731b79cd9609"
        "6128f645b60eb563a2829ec92c0e7dd1950502aa032129ed7d261710bdc15bb7",
        16,
    ),
    int(
        "31fe633539784c630a3e52f96a1a7e5a31efbfda08613f67c28c091d1a7475357dadd4d66d3d12bc443d54543e0a94c7"
        "c2d74b12b12ec8081f67c0ef8048f649d3650b60992742ac265a5f29d6bcd5c74df0e8f862aba48e6023ee3a4e58e9fb"
        "4aa8ccacb971f5fd5e279c5cf487a3d5456c6814370d6068a882c4a0955e68a1",
        16,
    ),
)
