"""Sandboxes that other processes serve, and the vendor's SDK as their users have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml
from support.id_token_issuer import identity_provider

if TYPE_CHECKING:  # a conftest is read even where the SDK is missing and its tests are skipped
    from support.vendor import Sdk, Served

ACCOUNTS = """
accounts:
  - id: poor-id
    name: poor
    balance: 1.00
    projects: [{id: poor-main, name: cn-north-4}]
    users: [{id: pia-id, name: pia, password: Pia-Public-1, access_key: PIAKEY, secret_key: pias-secret}]
  - id: slow-id
    name: slow
    approval_seconds: 3600
    projects: [{id: slow-main, name: cn-north-4}]
    users: [{id: sam-id, name: sam, password: Sam-Public-1, access_key: SAMKEY, secret_key: sams-secret}]
  - id: team-id
    name: team
    agencies: [{id: ops-id, name: ops, trusts: [poor]}]
    projects: [{id: team-main, name: cn-north-4}, {id: team-lab, name: cn-north-4_lab, server_quota: 2}]
    users:
      - {id: ada-id, name: ada, password: Ada-Public-1, access_key: ADAKEY, secret_key: adas-secret, administrator: true}
      - {id: ben-id, name: ben, password: Ben-Public-1, access_key: BENKEY, secret_key: bens-secret}
"""
MARKET = """
zones: [cn-north-4a, cn-north-4b]
flavors:
  - {name: Si2.large.4, hourly_price: 1.40, sold_out: [cn-north-4b]}
  - {name: gone, hourly_price: 9.00, sold_out: true}
images:
  - {id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7, name: Ubuntu18.04_x86_64_CPU}
"""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch) -> None:
    """The SDK's HTTP library would send even what is for this machine to the proxy of whoever runs the tests."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory) -> Iterator[Served]:
    """As it comes: one public account, everything for sale."""
    from support.vendor import serve

    with serve(tmp_path_factory.mktemp("sandbox")) as served:
        yield served


@pytest.fixture(scope="session")
def strict_sandbox(tmp_path_factory) -> Iterator[Served]:
    """With money that runs short, approvals, quotas and flavors that are sold out."""
    from support.vendor import serve

    folder = tmp_path_factory.mktemp("strict")
    accounts, market = folder / "accounts.yaml", folder / "market.yaml"
    document = yaml.safe_load(ACCOUNTS)
    document["accounts"][-1]["identity_providers"] = [identity_provider("ada")]
    accounts.write_text(yaml.safe_dump(document))
    market.write_text(MARKET)
    with serve(folder, "--accounts", str(accounts), "--market", str(market)) as served:
        yield served


@pytest.fixture(scope="session")
def sdk(sandbox) -> Iterator[Sdk]:
    from support.vendor import PUBLIC_KEYS

    sdk = sandbox.connect(PUBLIC_KEYS)
    yield sdk
    sdk.close()


@pytest.fixture
def sdk_with(sandbox) -> Iterator[Callable[..., Sdk]]:
    """The SDK with other keys than the public ones: `sdk_with(secret_key="wrong")`."""
    from support.vendor import PUBLIC_KEYS

    opened: list[Sdk] = []

    def connect(**changes) -> Sdk:
        opened.append(sandbox.connect(replace(PUBLIC_KEYS, **changes)))
        return opened[-1]

    yield connect
    for sdk in opened:
        sdk.close()


@pytest.fixture
def sdk_of(strict_sandbox) -> Iterator[Callable[..., Sdk]]:
    """The SDK of a user of the strict sandbox: `sdk_of("pia", "poor")`, or in another project than the main one."""
    from support.vendor import Keys

    opened: list[Sdk] = []

    def connect(user: str, account: str, *, project: str = "main") -> Sdk:
        keys = Keys(f"{user.upper()}KEY", f"{user}s-secret", f"{account}-{project}", f"{account}-id")
        opened.append(strict_sandbox.connect(keys))
        return opened[-1]

    yield connect
    for sdk in opened:
        sdk.close()
