import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.cloud import AccessKey, Password, find_credentials
from provisioner.model.diagnostic import Diagnostic, UsageError
from provisioner.model.secret import Secret

PROVIDER = {"HW_ACCESS_KEY": "hw-ak", "HW_SECRET_KEY": "canary-hw"}
SDK = {"HUAWEICLOUD_SDK_AK": "sdk-ak", "HUAWEICLOUD_SDK_SK": "canary-sdk"}
USER = {"HW_USER_NAME": "ann", "HW_USER_PASSWORD": "canary word", "HW_DOMAIN_NAME": "acme"}
PROFILE = {"name": "my default", "mode": "AKSK", "accessKeyId": "file-ak", "secretAccessKey": "canary-file"}


def write_profiles(home: Path, content: Any, mode: int = 0o600) -> Path:
    path = home / ".hcloud" / "config.json"
    path.parent.mkdir()
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def refusal(environ: dict[str, str], home: Path) -> Diagnostic:
    with pytest.raises(UsageError) as refused:
        find_credentials(environ, home)
    (finding,) = refused.value.diagnostics
    assert "canary" not in repr(finding)
    return finding


def test_the_order_is_provider_then_sdk_then_profile_then_password(tmp_path: Path) -> None:
    write_profiles(tmp_path, {"current": "my default", "profiles": [PROFILE]})
    nowhere = tmp_path / "nowhere"
    assert find_credentials(PROVIDER | SDK | USER, tmp_path).credentials == AccessKey("hw-ak", Secret("canary-hw"))
    assert find_credentials(SDK | USER, tmp_path).credentials == AccessKey("sdk-ak", Secret("canary-sdk"))
    assert find_credentials(USER, tmp_path).credentials == AccessKey("file-ak", Secret("canary-file"))
    assert find_credentials(USER, nowhere).credentials == Password("ann", Secret("canary word"), "acme")


def test_region_project_and_account_come_along(tmp_path: Path) -> None:
    scope = {"HW_REGION_NAME": "r", "HW_PROJECT_ID": "p", "HW_PROJECT_NAME": "n", "HW_DOMAIN_ID": "d"}
    for keys in (PROVIDER, SDK, USER):
        found = find_credentials(keys | scope, tmp_path)
        assert (found.region, found.project_id, found.project_name, found.domain_id) == ("r", "p", "n", "d")


def test_the_sdks_own_names_go_before_the_providers_for_the_sdks_keys(tmp_path: Path) -> None:
    ids = {
        "HUAWEICLOUD_SDK_PROJECT_ID": "p",
        "HUAWEICLOUD_SDK_DOMAIN_ID": "d",
        "HW_PROJECT_ID": "x",
        "HW_DOMAIN_ID": "x",
    }
    found = find_credentials(SDK | ids | {"HUAWEICLOUD_SDK_SECURITY_TOKEN": "t"}, tmp_path)
    assert (found.project_id, found.domain_id) == ("p", "d")
    assert found.credentials == AccessKey("sdk-ak", Secret("canary-sdk"), Secret("t"))


def test_the_environment_goes_before_the_profile(tmp_path: Path) -> None:
    profile = PROFILE | {"region": "r", "projectId": "p", "domainId": "d", "securityToken": "t"}
    path = write_profiles(tmp_path, {"current": "my default", "profiles": [{"name": "other"}, profile]})
    found = find_credentials({"HW_REGION_NAME": "elsewhere"}, tmp_path)
    assert (found.region, found.project_id, found.domain_id) == ("elsewhere", "p", "d")
    assert found.credentials == AccessKey("file-ak", Secret("canary-file"), Secret("t"))
    assert found.source == f"profile my default of {path}"


def test_another_profile_or_file_can_be_chosen(tmp_path: Path) -> None:
    sso = {"accessKeyId": "sso-ak", "secretAccessKey": "s", "securityToken": "t"}
    profiles = [PROFILE, {"name": "sso", "mode": "SSO", "ssoAuth": {"stsToken": sso}}]
    path = write_profiles(tmp_path, {"current": "my default", "profiles": profiles})
    chosen = {"HW_SHARED_CONFIG_FILE": str(path), "HW_PROFILE": "sso"}
    found = find_credentials(chosen, tmp_path / "elsewhere")
    assert found.credentials == AccessKey("sso-ak", Secret("s"), Secret("t"))


@pytest.mark.parametrize("missing", [*PROVIDER, *SDK, *USER])
def test_a_half_given_set_names_what_is_missing(missing: str, tmp_path: Path) -> None:
    given = next(names for names in (PROVIDER, SDK, USER) if missing in names)
    finding = refusal({name: value for name, value in given.items() if name != missing}, tmp_path)
    assert finding.code == "credentials-invalid"
    assert f"{missing} is not" in finding.summary


def test_none_at_all_lists_the_ways(tmp_path: Path) -> None:
    finding = refusal({}, tmp_path)
    assert finding.code == "credentials-missing"
    for way in ("HW_ACCESS_KEY", "HUAWEICLOUD_SDK_AK", "~/.hcloud/config.json", "HW_USER_NAME"):
        assert way in finding.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_profile_file_that_others_can_reach_is_refused(mode: int, tmp_path: Path) -> None:
    path = write_profiles(tmp_path, {"current": "my default", "profiles": [PROFILE]}, mode)
    finding = refusal(USER, tmp_path)
    assert finding.code == "credentials-exposed"
    assert finding.hint == f"run: chmod 600 {path}"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "\x00",
        {"current": "gone", "profiles": [PROFILE]},
        {"current": "my default", "profiles": "no list"},
        {"current": "my default", "profiles": [PROFILE | {"secretAccessKey": ""}]},
        {"current": "my default", "profiles": [PROFILE | {"accessKeyId": 7}]},
        {"current": "my default", "profiles": [PROFILE | {"secretAccessKey": "canary\n"}]},
    ],
)
def test_a_profile_file_that_makes_no_sense_is_refused_with_its_path(content: Any, tmp_path: Path) -> None:
    path = write_profiles(tmp_path, content)
    assert str(path) in refusal({}, tmp_path).summary


@pytest.mark.parametrize(
    "content", [{}, {"current": "", "profiles": []}, {"current": "x", "profiles": [{"name": "x"}]}]
)
def test_a_profile_file_without_keys_is_passed_over(content: Any, tmp_path: Path) -> None:
    write_profiles(tmp_path, content)
    assert find_credentials(USER, tmp_path).source == "HW_USER_NAME"


def test_a_profile_that_is_asked_for_must_exist(tmp_path: Path) -> None:
    assert "HW_PROFILE" in refusal({"HW_PROFILE": "gone"}, tmp_path).summary


def test_a_profile_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal({"HW_SHARED_CONFIG_FILE": str(tmp_path)}, tmp_path).summary


@pytest.mark.parametrize("value", ["canary\n", "canary key", "canary\u00e9"])
def test_a_value_that_would_break_a_header_is_refused(value: str, tmp_path: Path) -> None:
    assert "HW_SECRET_KEY" in refusal(PROVIDER | {"HW_SECRET_KEY": value}, tmp_path).summary


def test_what_was_found_does_not_print_its_secrets(tmp_path: Path) -> None:
    for keys in (PROVIDER | {"HW_SECURITY_TOKEN": "canary"}, SDK, USER):
        assert "canary" not in repr(find_credentials(keys, tmp_path))
