"""A sandbox in memory, a clock to move, and a caller who speaks to it over HTTP with tokens, as any client could."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from provisioner.sandbox import PUBLIC, create_app
from provisioner.sandbox.fault_settings import FaultsFile

CONTROL_TOKEN = "the-token-of-the-control-api"
START = 1_767_323_045_000  # 2026-01-02T03:04:05Z, the date of the signing vectors


class ManualClock:
    def __init__(self) -> None:
        self.milliseconds = START

    def now(self) -> int:
        return self.milliseconds

    def advance(self, seconds: float) -> None:
        self.milliseconds += round(seconds * 1000)


@dataclass(frozen=True)
class Login:
    account: str = PUBLIC.domain_name
    user: str = PUBLIC.user_name
    password: str = PUBLIC.user_password
    project: str = PUBLIC.project_name
    project_id: str = PUBLIC.project_id


class Cloud:
    """A user of the sandbox with a token for the project and one for the account."""

    def __init__(self, app, clock: ManualClock, login: Login | None = None, *, url: str | None = None) -> None:
        """In this process, or by a `url` where the app is served."""
        self.app = app
        self.clock = clock
        self.login = login or Login()
        self.SERVERS = f"/v1/{self.login.project_id}/dev-servers"
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            transport=None if url else httpx.ASGITransport(app),
            base_url=url or "https://modelarts.cn-north-4.sandbox.invalid",
            trust_env=False,
        )
        self.renew_tokens()

    def renew_tokens(self) -> None:
        self.project_token = self.token({"project": {"name": self.login.project}})
        self.account_token = self.token({"domain": {"name": self.login.account}})

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def send(self, method: str, path: str, **options) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **options))

    def arm(self, *rules: dict) -> None:
        self.app.faults.add(FaultsFile.model_validate({"faults": [*rules]}).value())

    def hits(self) -> list[int]:
        return [hits for _, hits in self.app.faults.hits()]

    def control(self, method: str, resource: str, **options) -> httpx.Response:
        """Of a served sandbox."""
        return self.send(method, f"/_sandbox/{resource}", headers={"X-Sandbox-Token": CONTROL_TOKEN}, **options)

    def token_answer(self, scope, password=None) -> httpx.Response:
        secret = password or self.login.password
        user = {"domain": {"name": self.login.account}, "name": self.login.user, "password": secret}
        auth = {"identity": {"methods": ["password"], "password": {"user": user}}}
        return self.send("POST", "/v3/auth/tokens", json={"auth": auth | ({"scope": scope} if scope else {})})

    def token(self, scope) -> str:
        return self.token_answer(scope).headers["X-Subject-Token"]

    def call(self, method: str, path: str, *, token: str | None = None, **options) -> httpx.Response:
        """With the token that the service behind the path asks for."""
        right_one = self.account_token if path.startswith(("/v2/", "/v3/orders/")) else self.project_token
        return self.send(method, path, headers={"X-Auth-Token": token or right_one}, **options)

    def create(self, **changes) -> httpx.Response:
        return self.call("POST", self.SERVERS, json=server_request(**changes))

    def create_within(self, seconds: float) -> httpx.Response:
        return self.call("POST", self.SERVERS, json=server_request(), timeout=seconds)

    def bought(self, **changes) -> dict:
        answer = self.create(**changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def running(self, **changes) -> dict:
        server = self.bought(**changes)
        self.clock.advance(60)
        return self.show(server["id"]).json()

    def show(self, server_id: str) -> httpx.Response:
        return self.call("GET", f"{self.SERVERS}/{server_id}")

    def delete(self, server_id: str) -> httpx.Response:
        return self.call("DELETE", f"{self.SERVERS}/{server_id}")

    def act(self, server_id: str, action: str, body=None) -> httpx.Response:
        method = "POST" if action in {"changeos", "reinstallos"} else "PUT"
        body = {} if body is None and action == "start" else body
        return self.call(method, f"{self.SERVERS}/{server_id}/{action}", **({} if body is None else {"json": body}))

    def status(self, server_id: str) -> str:
        return self.show(server_id).json()["status"]

    def stopped(self, **changes) -> dict:
        server = self.running(**changes)
        assert self.act(server["id"], "stop").status_code == 200
        self.clock.advance(60)
        return self.show(server["id"]).json()

    def servers(self, **query) -> dict:
        return self.call("GET", self.SERVERS, params=query).json()

    def order(self, order_id: str) -> dict:
        return self.call("GET", f"/v2/orders/customer-orders/details/{order_id}").json()["order_info"]

    def subscriptions(self, **body) -> dict:
        return self.call("POST", "/v2/orders/suscriptions/resources/query", json=body).json()

    def unsubscribe(self, *resource_ids: str, kind: int = 1) -> httpx.Response:
        body = {"resource_ids": list(resource_ids), "unsubscribe_type": kind}
        return self.call("POST", "/v2/orders/subscriptions/resources/unsubscribe", json=body)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """A refusal, in short."""
    return answer.status_code, answer.json()["error_code"]


def server_request(**changes) -> dict:
    """A request that is accepted; a change of None takes the field away."""
    request = {
        "name": "trainer",
        "flavor": "Si2.large.4",
        "image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7",
        "network": {
            "security_group_id": "150a2c76-1334-45f6-b28f-419f9b1d1742",
            "subnet_id": "38cf274a-98f9-4f6f-b622-5ed0e4a3db54",
            "vpc_id": "05982b48-a70f-43a1-a2b0-1fe36a236172",
        },
        "key_pair_name": "ops",
        **changes,
    }
    return {name: value for name, value in request.items() if value is not None}


@pytest.fixture
def prepaid() -> dict:
    return {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def world(tmp_path) -> Path:
    return tmp_path / "world.sqlite"


@pytest.fixture
def cloud(clock) -> Iterator[Cloud]:
    cloud = Cloud(create_app(clock=clock), clock)
    yield cloud
    cloud.close()


@pytest.fixture
def lasting_cloud(world, clock) -> Iterator[Cloud]:
    """A cloud whose world is the file `world`, so that its ledger can be read."""
    cloud = Cloud(create_app(world, clock=clock), clock)
    yield cloud
    cloud.close()


@pytest.fixture(scope="session")
def server() -> Iterator:
    """Real HTTP; each test puts in its own sandbox."""
    from support.process_workspace import SandboxServer

    server = SandboxServer()
    yield server
    server.end()


@pytest.fixture
def served_cloud(server, world, clock) -> Iterator[Cloud]:
    """As `sandbox serve` serves it, control API and all."""
    from provisioner.sandbox.serving import front

    app = create_app(world, clock=clock)
    server.app = front(app, CONTROL_TOKEN)
    cloud = Cloud(app, clock, url=server.url)
    yield cloud
    cloud.close()


@pytest.fixture
def open_cloud(clock) -> Iterator:
    """Opens further clouds, on any world."""
    opened: list[Cloud] = []

    def open_one(world: Path | None = None, **options) -> Cloud:
        opened.append(Cloud(create_app(world, clock=clock, **options), clock))
        return opened[-1]

    yield open_one
    for cloud in opened:
        cloud.close()


@pytest.fixture
def cloud_of(clock) -> Iterator:
    """An app as one of its users sees it; `login` names what differs from the public user."""
    opened: list[Cloud] = []

    def open_one(app, login: dict, **options) -> Cloud:
        opened.append(Cloud(app, clock, Login(**login), **options))
        return opened[-1]

    yield open_one
    for cloud in opened:
        cloud.close()


@pytest.fixture
def refusal():
    return code_of


@pytest.fixture
def request_for_server():
    return server_request
