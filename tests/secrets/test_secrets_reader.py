"""Secrets are read when they are needed, from where the reference says, and never shown."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from provisioner.model.diagnostic import UsageError
from provisioner.model.secret import Secret, SecretReference, SecretSource
from provisioner.secrets import SecretReader

PASSWORD = "Xq7-canary-pass!"
ENVIRONMENT = SecretReference(SecretSource.ENVIRONMENT, "PW")


def in_file(locator: str = "pw") -> SecretReference:
    return SecretReference(SecretSource.FILE, locator)


def unavailable(directory: Path, reference: SecretReference, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        SecretReader(directory, environ).reveal(reference)
    (found,) = caught.value.diagnostics
    assert found.code == "secret-unavailable"
    assert found.hint
    return found.summary


def test_a_secret_comes_from_the_environment(tmp_path: Path):
    assert SecretReader(tmp_path, {"PW": PASSWORD}).reveal(ENVIRONMENT) == Secret(PASSWORD)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_comes_from_a_file_without_its_last_line_break(tmp_path: Path, ending):
    (tmp_path / "pw").write_bytes(f"{PASSWORD}{ending}".encode())
    assert SecretReader(tmp_path, {}).reveal(in_file()) == Secret(PASSWORD)


def test_only_one_line_break_is_taken_off(tmp_path: Path):
    (tmp_path / "pw").write_text("a\n\n")
    assert SecretReader(tmp_path, {}).reveal(in_file()) == Secret("a\n")


def test_a_literal_is_its_own_source(tmp_path: Path):
    reference = SecretReference(SecretSource.LITERAL, "servers.yaml:1:1", Secret(PASSWORD))
    assert SecretReader(tmp_path, {}).reveal(reference) == Secret(PASSWORD)


def test_a_missing_variable_is_named(tmp_path: Path):
    assert unavailable(tmp_path, ENVIRONMENT) == "the environment variable PW is not set"
    assert unavailable(tmp_path, ENVIRONMENT, PW="") == "the environment variable PW is empty"


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    assert unavailable(tmp_path, in_file()) == "the secret file pw cannot be read: No such file or directory"


def test_no_file_outside_the_stack_is_read(tmp_path: Path):
    inside = tmp_path / "stack"
    inside.mkdir()
    (tmp_path / "pw").write_text(PASSWORD)
    (inside / "link").symlink_to("../pw")
    for locator in ("../pw", str(tmp_path / "pw"), "link"):
        assert unavailable(inside, in_file(locator)) == f"the secret file {locator} lies outside the stack's directory"


def test_only_small_regular_text_files_are_secrets(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "big").write_bytes(b"x" * (64 * 1024 + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_bytes(b"\n")
    assert unavailable(tmp_path, in_file("pipe")) == "the secret file pipe is not a regular file"
    assert unavailable(tmp_path, in_file("folder")) == "the secret file folder cannot be read: Is a directory"
    assert unavailable(tmp_path, in_file("big")) == "the secret file big is larger than 64 KiB"
    assert unavailable(tmp_path, in_file("binary")) == "the secret file binary is not UTF-8 text"
    assert unavailable(tmp_path, in_file("empty")) == "the secret file empty is empty"
    assert unavailable(tmp_path, in_file("nul\0")) == "the secret file nul\0 cannot be read: this is not a path"


def test_a_run_sees_one_value_even_when_the_file_changes(tmp_path: Path):
    (tmp_path / "pw").write_text("one")
    reader = SecretReader(tmp_path, {})
    assert reader.reveal(in_file()) == Secret("one")
    (tmp_path / "pw").write_text("two")
    assert reader.reveal(in_file()) == Secret("one")


def test_a_fingerprint_tells_change_by_value_and_stack_and_nothing_else(tmp_path: Path):
    reader = SecretReader(tmp_path, {"PW": PASSWORD, "SAME": PASSWORD, "OTHER": "other"})
    mark = reader.fingerprint(ENVIRONMENT, "lineage")
    expected = hashlib.scrypt(PASSWORD.encode(), salt=b"lineage", n=2**14, r=8, p=1)
    assert mark == f"scrypt:{expected.hex()}"
    assert mark == reader.fingerprint(SecretReference(SecretSource.ENVIRONMENT, "SAME"), "lineage")
    assert mark != reader.fingerprint(ENVIRONMENT, "another lineage")
    assert mark != reader.fingerprint(SecretReference(SecretSource.ENVIRONMENT, "OTHER"), "lineage")


def test_ten_thousand_servers_with_one_password_cost_one_derivation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    derivations = []
    real = hashlib.scrypt
    monkeypatch.setattr(hashlib, "scrypt", lambda *args, **options: derivations.append(1) or real(*args, **options))
    reader = SecretReader(tmp_path, {"PW": PASSWORD})
    assert len({reader.fingerprint(ENVIRONMENT, "lineage") for _ in range(10_000)}) == 1
    assert len(derivations) == 1


def test_the_reader_never_shows_what_it_read(tmp_path: Path):
    reader = SecretReader(tmp_path, {"PW": PASSWORD})
    reader.fingerprint(ENVIRONMENT, "lineage")
    assert PASSWORD not in repr(reader)
    assert PASSWORD not in str(reader.reveal(ENVIRONMENT))
