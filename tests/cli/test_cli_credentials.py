"""`provisioner credentials`: who we are to the cloud and by what, before it matters; and never a secret."""

from __future__ import annotations

import logging

import pytest

from provisioner.sandbox import PUBLIC


@pytest.fixture
def ann(cli, point_to, served, monkeypatch):
    """A user of the vendor's cloud, which is a sandbox over HTTP; she signs in with her password."""
    cli.write_stack(cloud="huaweicloud")
    point_to(served)
    monkeypatch.setenv("HW_USER_NAME", PUBLIC.user_name)
    monkeypatch.setenv("HW_USER_PASSWORD", PUBLIC.user_password)
    monkeypatch.setenv("HW_DOMAIN_NAME", PUBLIC.domain_name)
    return cli


def sign_ins(caplog) -> int:
    return sum("/v3/auth/tokens" in message for message in caplog.messages)


def test_the_sandbox_has_credentials_of_its_own(cli) -> None:
    said = cli.run("credentials").out
    assert "Credentials:  the sandbox's own (access key)" in said
    assert f"Account:      {PUBLIC.domain_name} ({PUBLIC.domain_id})" in said
    assert PUBLIC.secret_key not in said


def test_the_place_that_won_is_named_and_what_it_is_good_for(real_cloud, point_to, served, monkeypatch) -> None:
    point_to(served)
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", "loses")
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "loses")
    ran = real_cloud.run("credentials", "--json")
    assert ran.code == 0, ran.text
    told = ran.document
    assert told["endpoints"] == dict.fromkeys(("modelarts", "bss", "iam"), served)
    assert told | {"endpoints": {}} == {
        "format_version": "2.0",
        "source": "HW_ACCESS_KEY",
        "method": "access key",
        "account": {"id": PUBLIC.domain_id, "name": PUBLIC.domain_name},
        "project": {"id": PUBLIC.project_id, "name": PUBLIC.project_name},
        "region": "cn-north-4",
        "temporary": False,
        "agency": None,
        "expires_at": None,
        "endpoints": {},
    }
    assert PUBLIC.secret_key not in ran.text


def test_the_end_of_a_password_users_token_is_told(ann) -> None:
    ran = ann.run("credentials", "--json")
    assert (ran.document["source"], ran.document["temporary"]) == ("HW_USER_NAME", True)
    assert ran.document["expires_at"] > "2026"
    assert PUBLIC.user_password not in ran.text
    assert " UTC" in ann.run("credentials").out


def test_no_stack_is_needed(ann, monkeypatch) -> None:
    (ann.path / "specs").rename(ann.path / "elsewhere")
    assert "Error[region-missing]" in ann.run("credentials").err
    monkeypatch.setenv("HW_REGION_NAME", "cn-north-4")
    assert "Region:       cn-north-4" in ann.run("credentials").out


def test_a_pipeline_of_many_commands_signs_in_once(ann, caplog) -> None:
    with caplog.at_level(logging.DEBUG, "provisioner.cloud"):
        for command in (["credentials"], ["plan"], ["apply", "--auto-approve"], ["plan"]):
            assert ann.run(*command).code == 0
    assert sign_ins(caplog) == 1
    (kept,) = (ann.path / "home" / ".cache" / "provisioner" / "tokens").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not [path for path in ann.state.rglob("*") if path.is_file() and b"X-Subject" in path.read_bytes()]


def test_tokens_are_not_kept_where_that_is_not_wanted(ann, monkeypatch) -> None:
    monkeypatch.setenv("PROVISIONER_TOKEN_CACHE", "0")
    assert ann.run("credentials").code == 0
    assert not (ann.path / "home").exists()


def test_a_wrong_password_is_refused_and_not_shown(ann, monkeypatch, caplog) -> None:
    monkeypatch.setenv("HW_USER_PASSWORD", "canary-wrong")
    with caplog.at_level(logging.DEBUG, "provisioner.cloud"):
        ran = ann.run("credentials")
    assert ran.code == 1
    assert "Error[cloud-unauthorized]" in ran.err
    assert "canary" not in ran.text
    assert sign_ins(caplog) == 1


def test_wrong_keys_are_noticed_though_nothing_has_to_be_asked(real_cloud, point_to, served, monkeypatch) -> None:
    """Account and project are given, so a plan of nothing would ask nobody who they are."""
    point_to(served)
    monkeypatch.setenv("HW_PROJECT_ID", PUBLIC.project_id)
    monkeypatch.setenv("HW_DOMAIN_ID", PUBLIC.domain_id)
    assert real_cloud.run("credentials").code == 0
    monkeypatch.setenv("HW_SECRET_KEY", "canary-wrong")
    ran = real_cloud.run("credentials")
    assert "signing in to the cloud failed" in ran.stderr_text
    assert "canary" not in ran.text


@pytest.mark.parametrize("command", [["credentials"], ["plan"], ["apply", "--auto-approve"]], ids=" ".join)
def test_a_wish_for_less_safety_is_answered_and_not_granted(real_cloud, point_to, served, monkeypatch, command) -> None:
    point_to(served)
    monkeypatch.setenv("HW_INSECURE", "true")
    ran = real_cloud.run(*command)
    assert "Warning[insecure-ignored]: HW_INSECURE is ignored" in ran.stderr_text


def test_an_account_of_the_international_site_is_billed_there(real_cloud, point_to, served, monkeypatch) -> None:
    point_to(served)
    monkeypatch.delenv("PROVISIONER_ENDPOINT_BSS")
    monkeypatch.setenv("PROVISIONER_SITE", "international")
    assert real_cloud.run("credentials", "--json").document["endpoints"]["bss"] == "https://bss-intl.myhuaweicloud.com"
    monkeypatch.setenv("PROVISIONER_SITE", "intl")
    assert (
        "PROVISIONER_SITE names no site" in real_cloud.assert_fails("credentials", code="endpoint-invalid").stderr_text
    )
