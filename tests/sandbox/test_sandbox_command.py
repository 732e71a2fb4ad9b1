"""`provisioner sandbox serve` with files of accounts and of the market."""

import subprocess
import sys
from pathlib import Path

import pytest

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

    def start(**files: str) -> subprocess.Popen:
        arguments = [sys.executable, "-m", "provisioner", "sandbox", "serve", "--world", str(tmp_path / "world.db")]
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
