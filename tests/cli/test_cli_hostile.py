"""Text from elsewhere: specs, the cloud, a state, a lock. None of it may steer the terminal of whoever reads it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from provisioner.sandbox import PUBLIC
from provisioner.store import open_store

STEERING = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e\u200b"
DANGEROUS = set("\x1b\x07\r\x9b\u202e\u200b")


def is_harmless(text: str) -> bool:
    return not DANGEROUS & set(text)


def reads(cli, *arguments: str):
    ran = cli.run(*arguments)
    assert is_harmless(ran.text), ran.text
    return ran


@pytest.fixture
def hostile_cloud():
    """Answers everything with an error whose every part tries to steer the terminal."""

    class Hostile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"error_code": f"X.1{STEERING}", "error_msg": f"no{STEERING}\nError[fake]: all is well"})
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Request-Id", "good-id")
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Not on the test's own stderr."""

    with HTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_error_message_of_the_cloud(cli, hostile_cloud, monkeypatch) -> None:
    cli.write_stack(cloud="huaweicloud")
    monkeypatch.setenv("HW_ACCESS_KEY", PUBLIC.access_key)
    monkeypatch.setenv("HW_SECRET_KEY", PUBLIC.secret_key)
    for service in ("MODELARTS", "BSS", "IAM"):
        monkeypatch.setenv(f"PROVISIONER_ENDPOINT_{service}", hostile_cloud)
    ran = reads(cli, "plan")
    assert ran.code == 1
    assert "\\u001b" in ran.err
    assert not any(line.startswith("Error[fake]") for line in ran.err.splitlines()), "a message cannot forge another"


@pytest.mark.parametrize(
    "spec",
    [
        'servers: {gateway: {labels: {team: "\\e]0;owned\\a\\u202E"}}}',
        'servers: {gateway: {name: "\\e[2J"}}',
        'servers: {"\\e[2J": {}}',
        'servers: {gateway: {"\\e[2J\\u202E": 1}}',
        '"\\e[2J": 1',
        'servers: {gateway: {flavor: "{{ var.x\\e[2J }}"}}',
        f"servers: {{gateway: {{name: '{STEERING}'}}}}",
        f"servers: {{gateway: {{}}}}\n# {STEERING}\n",
    ],
)
def test_specs(cli, spec: str) -> None:
    cli.write_specs(spec)
    for arguments in (["validate"], ["plan"], ["plan", "--json"], ["apply", "--auto-approve"], ["show"], ["output"]):
        reads(cli, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--var", f"x{STEERING}=1"],
        ["plan", "-e", STEERING],
        ["plan", "--replace", STEERING],
        ["state", "show", STEERING],
        ["output", STEERING],
        ["show", f"plan{STEERING}"],
        ["plan", "--specs", f"specs{STEERING}"],
        [f"plan{STEERING}"],
        ["plan", f"--{STEERING}"],
    ],
)
def test_the_command_line_itself(cli, arguments: list[str]) -> None:
    assert reads(cli, *arguments).code == 1


def test_whoever_holds_the_lock(applied) -> None:
    applied.write_specs("servers: {second: {}}\n")
    store = open_store(applied.state, "demo")
    with store.write(command=f"apply{STEERING}", who=f"ana{STEERING}", timeout=0):
        assert reads(applied, "apply", "--auto-approve").code == 5
        assert reads(applied, "apply", "--auto-approve", "--lock-timeout", "1s").code == 5


def test_a_reason_is_kept_and_harmless(cli) -> None:
    assert reads(cli, "apply", "--auto-approve", "--reason", STEERING).code == 0
    assert reads(cli, "show").code == 0
