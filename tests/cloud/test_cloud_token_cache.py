"""Tokens kept between runs: they save a request and never cost a run, whatever stands where they are kept."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.token_cloud import USER, TokenCloud, call

from provisioner.cloud import Password, cache_folder
from provisioner.model.flow import Service
from provisioner.model.secret import Secret

IDENTITY = {"project_id": None, "domain_id": None}


def run(connect_to, cloud: TokenCloud, folder: Path | None, *services: Service, **changes: Any) -> list[str]:
    """One run of the tool; the tokens that it used."""

    async def conversation() -> None:
        options = {"credentials": USER, "token_folder": folder} | IDENTITY | changes
        async with connect_to(cloud, **options) as connected, connected.channel() as channel:
            for service in services or (Service.MODELARTS,):
                await channel.send(call(service), lambda _: USER.password)

    before = len(cloud.used)
    asyncio.run(conversation())
    return [token for _host, token in cloud.used[before:]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "provisioner" / "tokens"


def the_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_the_second_run_does_not_sign_in(connect_to, folder: Path) -> None:
    cloud = TokenCloud()
    both = (Service.MODELARTS, Service.BILLING)
    assert run(connect_to, cloud, folder, *both) == ["canary-token-1", "canary-token-2"]
    assert run(connect_to, cloud, folder, *both) == ["canary-token-1", "canary-token-2"]
    assert len(cloud.asked) == 2


def test_nothing_is_kept_where_that_is_not_wanted(connect_to, folder: Path) -> None:
    cloud = TokenCloud()
    run(connect_to, cloud, None)
    run(connect_to, cloud, None)
    assert len(cloud.asked) == 2


def test_only_its_owner_can_read_a_token_and_the_password_is_not_there(connect_to, folder: Path) -> None:
    run(connect_to, TokenCloud(), folder)
    path = the_file(folder)
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "canary-password" not in path.read_text()
    assert "acme" not in path.name


@pytest.mark.parametrize(
    "changes",
    [
        {"credentials": Password("bob", Secret("canary-password"), "acme")},
        {"credentials": Password("ann", Secret("canary-password"), "other")},
        {"project_name": "cn-north-4_lab"},
    ],
)
def test_another_user_account_or_project_has_another_token(connect_to, folder: Path, changes) -> None:
    cloud = TokenCloud()
    run(connect_to, cloud, folder)
    assert run(connect_to, cloud, folder, **changes) == ["canary-token-2"]


def test_a_kept_token_is_not_used_to_its_last_minute(connect_to, folder: Path, time) -> None:
    cloud = TokenCloud()
    run(connect_to, cloud, folder)
    time.seconds += 24 * 3600 - 599
    assert run(connect_to, cloud, folder) == ["canary-token-2"]
    assert json.loads(the_file(folder).read_text())["token"] == "canary-token-2"


def test_a_kept_token_that_was_revoked_is_renewed_once(connect_to, folder: Path) -> None:
    cloud = TokenCloud()
    run(connect_to, cloud, folder)
    cloud.disbelieved = {"canary-token-1"}
    assert run(connect_to, cloud, folder) == ["canary-token-1", "canary-token-2"]
    assert run(connect_to, cloud, folder) == ["canary-token-2"], "and the new one is kept"


def link_elsewhere(path: Path) -> None:
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def edit(**fields: Any):
    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text(""),
        lambda path: path.write_text("{"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_bytes(b"\xff" * 9),
        lambda path: path.write_text(" " * 300_000),
        lambda path: path.chmod(0o644),
        link_elsewhere,
        replace_by_pipe,
        edit(format=2),
        edit(name="another's"),
        edit(token=7),
        edit(token=""),
        edit(token="canary\r\nX-Evil: 1"),
        edit(renew_at=None),
        edit(grant=[]),
    ],
)
def test_what_is_damaged_foreign_or_open_to_others_is_as_if_it_were_not_there(connect_to, folder: Path, spoil) -> None:
    cloud = TokenCloud()
    run(connect_to, cloud, folder)
    path = the_file(folder)
    spoil(path)
    assert run(connect_to, cloud, folder) == ["canary-token-2"]
    assert run(connect_to, cloud, folder) == ["canary-token-2"], "and it is replaced"
    assert not path.is_symlink()


def test_a_folder_that_others_may_use_is_not_used(connect_to, folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    run(connect_to, TokenCloud(), folder)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_costs_nothing(connect_to, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(connect_to, TokenCloud(), tmp_path / "file" / "tokens") == ["canary-token-1"]


def test_the_cache_is_where_the_desktop_keeps_its_caches(tmp_path: Path) -> None:
    assert cache_folder({}, tmp_path) == tmp_path / ".cache" / "provisioner" / "tokens"
    assert cache_folder({"XDG_CACHE_HOME": "/c"}, tmp_path) == Path("/c/provisioner/tokens")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}, tmp_path) == tmp_path / ".cache" / "provisioner" / "tokens"


def test_a_user_named_by_id_learns_the_account_from_the_first_token(connect_to) -> None:
    cloud = TokenCloud()
    by_id = Password(None, Secret("canary-password"), None, "u1")
    run(connect_to, cloud, None, Service.MODELARTS, Service.BILLING, credentials=by_id)
    assert cloud.asked[0]["auth"]["identity"]["password"]["user"] == {"id": "u1", "password": "canary-password"}
    assert cloud.scopes == [{"project": {"name": "cn-north-4"}}, {"domain": {"id": "d"}}]
