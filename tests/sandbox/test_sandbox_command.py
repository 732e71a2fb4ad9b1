"""`provisioner sandbox serve`: what it prints, the files it takes, and all that can be wrong before it serves."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from support.plain_http import NO_TLS

from provisioner.sandbox import PUBLIC, create_app, read_ledger

USER = {"domain": {"name": PUBLIC.domain_name}, "name": PUBLIC.user_name, "password": PUBLIC.user_password}
SIGN_IN = {"auth": {"identity": {"methods": ["password"], "password": {"user": USER}}}}

ACCOUNTS = """
accounts:
  - id: acme-id
    name: acme
    projects: [{id: acme-main, name: cn-north-4}]
    users: [{id: alice-id, name: alice, password: Alice-Public-1, access_key: ALICEKEY, secret_key: alices-secret}]
"""
MARKET = "zones: [here]\nflavors: [{name: small, hourly_price: 1}]"


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(*options: str, world: Path | None = None, **files: str) -> subprocess.Popen:
        place = str(world or tmp_path / "world.db")
        arguments = [sys.executable, "-m", "provisioner", "sandbox", "serve", "--world", place, *options]
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
            arguments += [f"--{name}", str(tmp_path / f"{name}.yaml")]
        started.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_says_whose_credentials_count_and_repeats_no_secret(serve):
    process = serve(accounts=ACCOUNTS, market=MARKET)
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[0].startswith("listening on http://127.0.0.1:")
    assert "accounts.yaml" in lines[2]
    assert "alices-secret" not in "".join(lines)
    assert "SecretKey" not in "".join(lines)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("accounts", ACCOUNTS.replace("secret_key: ", "secret_key: ä"), "accounts.0.users.0.secret_key"),
        ("market", MARKET.replace("hourly_price", "price"), "flavors.0.price"),
        ("faults", "faults: [{at: CreateDevServer, fault: reset}]", "faults.0.reset.executed"),
    ],
)
def test_a_mistake_in_a_file_is_an_error_that_names_it(serve, tmp_path, name, text, place):
    process = serve(**{name: text})
    output, errors = process.communicate(timeout=30)
    said = " ".join(errors.split())
    assert (process.returncode, output) == (1, "")
    assert "Error[sandbox-settings]" in said
    assert place in said
    assert "alices-secret" not in said
    assert not Path(tmp_path / "world.db").exists()


def exports(process: subprocess.Popen) -> dict[str, str]:
    """What it has printed for a shell, when it has printed all of it."""
    found: dict[str, str] = {}
    while "SANDBOX_TOKEN" not in found:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        words = line.split()
        found |= dict(word.split("=", 1) for word in words if "=" in word)
    return found


def control(printed: dict[str, str], method: str, resource: str, **options) -> httpx.Response:
    url, headers = f"{printed['SANDBOX_CONTROL']}/{resource}", {"X-Sandbox-Token": printed["SANDBOX_TOKEN"]}
    return httpx.request(method, url, headers=headers, verify=NO_TLS, trust_env=False, **options)


def test_it_serves_with_its_faults_armed_and_says_how_to_control_it(serve):
    printed = exports(serve(faults="faults: [{at: '*', server: x, times: 3, fault: truncate}]"))
    assert printed["SANDBOX_CONTROL"] == f"{printed['PROVISIONER_ENDPOINT_MODELARTS']}/_sandbox"
    rule = {"at": "*", "server": "x", "times": 3, "fault": "truncate", "hits": 0}
    assert control(printed, "GET", "faults").json() == {"faults": [rule]}


def test_every_start_has_a_token_of_its_own(serve):
    process = serve()
    first = exports(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    second = exports(serve())
    assert first["SANDBOX_TOKEN"] != second["SANDBOX_TOKEN"]
    assert control({**second, "SANDBOX_TOKEN": first["SANDBOX_TOKEN"]}, "GET", "ledger").status_code == 401


def test_its_clock_goes_on_after_it_was_killed(serve):
    process = serve()
    control(exports(process), "POST", "clock", json={"advance_seconds": 5000})
    process.kill()
    process.wait(timeout=30)
    assert control(exports(serve()), "GET", "clock").json()["ahead_seconds"] == 5000


class TestASlowAnswer:
    def test_does_not_hold_up_the_end(self, serve):
        process = serve(faults="faults: [{at: '*', fault: slow, seconds: 600}]")
        printed = exports(process)
        address = urlsplit(printed["SANDBOX_CONTROL"])
        with socket.create_connection((address.hostname, address.port)) as asking:
            body = json.dumps(SIGN_IN).encode()
            head = f"POST /v3/auth/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            asking.sendall(head.encode() + body)
            while control(printed, "GET", "faults").json()["faults"][0]["hits"] == 0:
                time.sleep(0.01)  # until the request has come in
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""


@pytest.fixture
def world(tmp_path):
    """One that has something to lose, not in use."""
    path = tmp_path / "kept.db"
    app = create_app(path)
    app.world.close()
    return path


def fails(process: subprocess.Popen, *said: str) -> None:
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert "Traceback" not in errors
    for words in said:
        assert words in " ".join(errors.split())


def another_version(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(60)
        file.write((2).to_bytes(4))


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def another_program(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(68)
        file.write(b"elsewhere"[:4])


def no_database(path: Path) -> None:
    path.write_text("not a world")


class TestWhatCannotBeServed:
    @pytest.mark.parametrize(
        ("harm", "said"),
        [
            (another_version, ("format 2; this version reads format 3", "move the file away to begin a new world")),
            (half, ("is damaged", "Restore it from a copy, or move it away")),
            (another_program, ("an SQLite file of another program", "Choose another path")),
            (no_database, ("not a sandbox's world", "move the file away")),
        ],
    )
    def test_a_file_that_is_no_usable_world(self, serve, world, harm, said):
        harm(world)
        before = world.read_bytes()
        fails(serve(world=world), "Error[sandbox-world]", str(world), *said)
        assert world.read_bytes() == before

    def test_a_port_in_use(self, serve, world, tmp_path):
        before, new = world.read_bytes(), tmp_path / "new.db"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            for asked in (world, new):
                fails(serve("--port", port, world=asked), "Error[sandbox-world]", port, "Choose another port, or 0")
        assert world.read_bytes() == before
        assert not new.exists()

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("faults: [{at: CreateServer, fault: truncate}]", "did you mean CreateDevServer?"),
            ("faults: [{at: CreateDevServer, fault: truncate, executed: true}]", "faults.0.truncate.executed"),
            ("faults:\n- at: x\n fault: y", "line 3"),
        ],
    )
    def test_a_mistake_in_the_faults(self, serve, world, text, place):
        before = world.read_bytes()
        fails(serve(world=world, faults=text), "Error[sandbox-settings]", "faults.yaml", place, "nothing was started")
        assert world.read_bytes() == before

    def test_faults_that_are_not_there(self, serve, world):
        fails(serve("--faults", "nowhere.yaml", world=world), "Error[sandbox-settings]", "nowhere.yaml", "No such file")


class TestTwoServersOnOneWorld:
    def test_the_second_is_refused_and_told_who_is_there(self, serve, world, tmp_path):
        first = serve(world=world)
        printed = exports(first)
        before = control(printed, "GET", "snapshot").content
        address = printed["PROVISIONER_ENDPOINT_MODELARTS"]
        said = f"process {first.pid} at {address} serves the sandbox's world"
        fails(serve(world=world), "Error[sandbox-world]", said, "choose another --world")
        other_name = tmp_path / "link.db"
        other_name.symlink_to(world)
        fails(serve(world=other_name), said)
        assert control(printed, "GET", "snapshot").content == before

    def test_the_lock_ends_with_its_holder_however_that_ends(self, serve, world):
        first = serve(world=world)
        exports(first)
        first.kill()
        first.wait(timeout=30)
        assert exports(serve(world=world))

    def test_another_world_may_be_served_beside_it(self, serve, world, tmp_path):
        exports(serve(world=world))
        assert exports(serve(world=tmp_path / "another.db"))

    def test_a_command_may_use_the_world_meanwhile(self, serve, world):
        printed = exports(serve(world=world))
        with create_app(world).world.transaction() as transaction:
            assert transaction.now > 0
        assert control(printed, "GET", "ledger").json()["ledger"] == [] == read_ledger(world)

    def test_a_lock_that_cannot_be_had_is_an_error_that_names_it(self, serve, world):
        lock = world.with_name("kept.db.lock")
        lock.mkdir()
        fails(serve(world=world), "Error[sandbox-world]", "cannot lock", str(lock), "Choose another --world")
