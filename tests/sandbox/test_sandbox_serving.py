"""The sandbox over real HTTP: where it listens, whom it answers, how it ends."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from support.plain_http import NO_TLS

from provisioner.sandbox import PUBLIC, SandboxError, serve

SERVE = """
import sys
from pathlib import Path
from provisioner.sandbox import serve
serve(Path(sys.argv[1]), build_seconds=0, announce=lambda listening: print(listening.address, listening.token, flush=True))
print("ended", flush=True)
"""


@contextmanager
def serving(world):
    with subprocess.Popen([sys.executable, "-c", SERVE, world], stdout=subprocess.PIPE, text=True) as process:
        yield process, process.stdout.readline().split()[0]
        process.kill()


@pytest.fixture
def served(world):
    """To be put an end to, or looked into."""
    with serving(world) as served:
        yield served


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Of one process for all who only ask."""
    with (
        serving(tmp_path_factory.mktemp("served") / "world.sqlite") as (_, address),
        httpx.Client(base_url=address, verify=NO_TLS, trust_env=False) as client,
    ):
        yield client


def sign_in(client) -> dict[str, str]:
    user = {"domain": {"name": PUBLIC.domain_name}, "name": PUBLIC.user_name, "password": PUBLIC.user_password}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"id": PUBLIC.project_id}}
    answer = client.post("/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
    return {"X-Auth-Token": answer.headers["X-Subject-Token"]}


def test_a_server_is_bought_over_http(client, request_for_server):
    headers = sign_in(client)
    servers = f"/v1/{PUBLIC.project_id}/dev-servers"
    bought = client.post(servers, json=request_for_server(), headers=headers)
    shown = client.get(f"{servers}/{bought.json()['id']}", headers=headers)
    assert shown.json()["status"] == "RUNNING"
    assert len(shown.headers.get_list("Date")) == 1
    assert shown.headers["X-Request-Id"]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs the kernel's table of sockets")
def test_it_listens_on_loopback_only(served):
    assert urlsplit(served[1]).hostname == "127.0.0.1"
    port = urlsplit(served[1]).port
    table = Path("/proc/net/tcp").read_text().splitlines()
    listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    assert [each for each in listening if each.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1:80", "localhost.", "[::1"])
def test_another_host_name_is_refused(client, host):
    answer = client.get("/v3/projects", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "APIG.0201"
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:9"])
def test_any_loopback_name_is_answered(client, host):
    assert client.get("/v3/projects", headers={"Host": host}).status_code == 401


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(served, number):
    process, address = served
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.request("GET", "/v3/projects")  # left open: an idle client must not hold it up
    assert json.loads(connection.getresponse().read())["error_code"] == "APIG.0301"
    process.send_signal(number)
    assert process.wait(timeout=10) == 0
    assert process.stdout.read() == "ended\n"
    connection.close()


def test_a_port_in_use_is_an_error_that_says_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"127.0.0.1:{port}.*another port"):
            serve(None, port=port, build_seconds=0, announce=print)


def test_a_port_that_is_none_is_an_error_that_says_so():
    with pytest.raises(SandboxError, match="another port"):
        serve(None, port=70_000, build_seconds=0, announce=print)


FOREIGN = [
    "https://evil.example", "http://evil.example", "null", "", "http://127.0.0.1.evil.example", "http://localhost",
    "http://127.0.0.1:1", "https://127.0.0.1", "file://", "http://evil.example@127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", ["/v3/projects", "/_sandbox/ledger", "/nowhere"])
def test_a_page_of_a_foreign_origin_is_refused(client, origin, path):
    """Whatever else the request has, credentials and the control API's token included."""
    token = {"X-Sandbox-Token": "whatever"}
    answer = client.get(path, headers={"Origin": origin, **token})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "APIG.0201")
    assert "origin" in answer.json()["error_msg"]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE"])
def test_what_a_foreign_page_embeds_is_refused_although_it_names_no_origin(client, site):
    answer = client.get("/v3/projects", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 400


def test_its_own_origin_is_as_good_as_none(client):
    port = client.base_url.port
    for name in ("127.0.0.1", "localhost", "[::1]"):
        headers = {"Origin": f"http://{name}:{port}", "Sec-Fetch-Site": "same-origin"}
        assert client.get("/v3/projects", headers=headers).status_code == 401  # answered, and asks who it is
