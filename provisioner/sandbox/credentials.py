"""The public account of the sandbox.

The API documents print it (docs/api/devserver-api.md section 6.2), so everybody knows it, and it opens nothing but
sandboxes. The documents' worked signatures verify here unchanged.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    user_name: str
    user_password: str
    domain_name: str
    domain_id: str
    project_id: str
    project_name: str
    region: str


PUBLIC = Credentials(
    access_key="EXAMPLEAK0000000001",
    secret_key="ExampleSecretKey0000000000000000000000001",  # noqa: S106 - public on purpose
    user_name="sandbox-user",
    user_password="Sandbox-Public-1",  # noqa: S106 - public on purpose
    domain_name="sandbox-account",
    domain_id="fedcba9876543210fedcba9876543210",
    project_id="0123456789abcdef0123456789abcdef",
    project_name="cn-north-4",
    region="cn-north-4",
)

PUBLIC_USER_ID = "00112233445566778899aabbccddeeff"
