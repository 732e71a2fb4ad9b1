"""Credentials from the rest of the places where the vendor's tools look, and what is refused there for safety's sake."""

from pathlib import Path

import pytest

from provisioner.cloud import AccessKey, InstanceAgency, IssuedToken, Password, find_credentials
from provisioner.cloud.vendor_variables import IGNORED_VARIABLES
from provisioner.model.diagnostic import Diagnostic, UsageError
from provisioner.model.secret import Secret

KEYS = {"HW_ACCESS_KEY": "hw-ak", "HW_SECRET_KEY": "canary-hw"}
OPENSTACK = {"OS_USERNAME": "ann", "OS_PASSWORD": "canary word", "OS_DOMAIN_NAME": "acme"}
ANN = Password("ann", Secret("canary word"), "acme")
SDK_FILE = (
    "[basic]\nak = sdk-ak\nsk = canary%sdk\nproject_id = p\n[global]\nak = sdk-ak\nsk = canary%sdk\ndomain_id = d\n"
)
METADATA = {"instance_metadata": True}


def write_sdk_file(home: Path, content: str = SDK_FILE, mode: int = 0o600) -> Path:
    path = home / ".huaweicloud" / "credentials"
    path.parent.mkdir()
    path.write_text(content)
    path.chmod(mode)
    return path


def refusal(environ: dict[str, str], home: Path, **options: bool) -> Diagnostic:
    with pytest.raises(UsageError) as refused:
        find_credentials(environ, home, **options)
    (finding,) = refused.value.diagnostics
    assert "canary" not in repr(finding)
    return finding


def test_the_providers_openstack_names_are_understood(tmp_path: Path) -> None:
    scope = {"OS_REGION_NAME": "r", "OS_TENANT_NAME": "n", "OS_PROJECT_ID": "p", "OS_USER_DOMAIN_ID": "d"}
    found = find_credentials(OPENSTACK | scope, tmp_path)
    assert (found.credentials, found.source) == (ANN, "OS_USERNAME")
    assert (found.region, found.project_name, found.project_id, found.domain_id) == ("r", "n", "p", "d")


def test_the_vendors_own_name_goes_before_its_openstack_twin(tmp_path: Path) -> None:
    found = find_credentials(KEYS | {"OS_ACCESS_KEY": "os", "OS_SECRET_KEY": "os", "OS_REGION_NAME": "r"}, tmp_path)
    assert (found.credentials, found.source) == (AccessKey("hw-ak", Secret("canary-hw")), "HW_ACCESS_KEY")
    assert found.region == "r"


def test_half_a_set_is_named_as_it_was_written(tmp_path: Path) -> None:
    assert refusal({"OS_PASSWORD": "canary"}, tmp_path).summary.startswith("OS_PASSWORD is set and HW_USER_NAME")


@pytest.mark.parametrize(
    "cloud", ["https://keystone.example.com/v3", "https://myhuaweicloud.com.evil.example", "http://["]
)
def test_the_openstack_names_of_another_cloud_are_not_ours(tmp_path: Path, cloud: str) -> None:
    assert refusal(OPENSTACK | {"OS_AUTH_URL": cloud}, tmp_path).code == "credentials-missing"


def test_the_openstack_names_of_this_cloud_are(tmp_path: Path) -> None:
    here = OPENSTACK | {"OS_AUTH_URL": "https://iam.cn-north-4.myhuaweicloud.com/v3"}
    assert find_credentials(here, tmp_path).credentials == ANN


def test_a_token_comes_after_the_keys_and_before_the_files(tmp_path: Path) -> None:
    write_sdk_file(tmp_path)
    token = {"HW_AUTH_TOKEN": "canary-token"}
    assert find_credentials(token | OPENSTACK, tmp_path).credentials == IssuedToken(Secret("canary-token"))
    assert find_credentials(token | KEYS, tmp_path).source == "HW_ACCESS_KEY"
    assert "HW_AUTH_TOKEN" in refusal({"HW_AUTH_TOKEN": "canary\n"}, tmp_path).summary


def test_a_user_may_be_named_by_id_which_needs_no_account(tmp_path: Path) -> None:
    user = {"HW_USER_ID": "u1", "HW_USER_PASSWORD": "canary"}
    assert find_credentials(user, tmp_path).credentials == Password(None, Secret("canary"), None, "u1")
    assert refusal({"HW_USER_ID": "u1"}, tmp_path).summary == "HW_USER_ID is set and HW_USER_PASSWORD is not"
    assert refusal(user | {"HW_USER_NAME": "ann"}, tmp_path).summary == "HW_USER_NAME is set and HW_DOMAIN_NAME is not"


def test_the_sdks_file_is_read(tmp_path: Path) -> None:
    path = write_sdk_file(tmp_path)
    found = find_credentials(OPENSTACK, tmp_path)
    assert found.credentials == AccessKey("sdk-ak", Secret("canary%sdk"))
    assert (found.source, found.project_id, found.domain_id) == (str(path), "p", "d")
    elsewhere = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path), "HW_PROJECT_ID": "mine"}
    assert find_credentials(elsewhere, tmp_path / "no").project_id == "mine"


def test_the_sdks_file_may_have_one_section_and_temporary_keys(tmp_path: Path) -> None:
    write_sdk_file(tmp_path, "[global]\nak=a\nsk=s\nsecurity_token=t\n")
    assert find_credentials({}, tmp_path).credentials == AccessKey("a", Secret("s"), Secret("t"))


@pytest.mark.parametrize("content", ["", "[basic]\nproject_id = p\n", "[other]\nak = a\nsk = canary\n"])
def test_an_sdk_file_without_keys_is_passed_over(tmp_path: Path, content: str) -> None:
    write_sdk_file(tmp_path, content)
    assert find_credentials(OPENSTACK, tmp_path).source == "OS_USERNAME"


@pytest.mark.parametrize(
    "content",
    [
        "sk = canary\n",
        "[basic]\nak\n",
        "[basic]\nsk = canary\n",
        "[basic]\nak = a\nak = b\nsk = canary\n",
        "[basic]\nak = a\nsk = canary space\n",
        "[basic]\nak = a\nsk = canary\n[global]\nak = b\nsk = canary\n",
        "\x00",
    ],
)
def test_an_sdk_file_that_makes_no_sense_is_refused_with_its_path(tmp_path: Path, content: str) -> None:
    path = write_sdk_file(tmp_path, content)
    assert str(path) in refusal(OPENSTACK, tmp_path).summary


def test_an_sdk_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = write_sdk_file(tmp_path)
    path.write_bytes(b"[basic]\nak=\xff\n")
    assert str(path) in refusal({}, tmp_path).summary
    path.write_bytes(b"#" * 2_000_000)
    assert "larger" in refusal({}, tmp_path).summary


def test_an_sdk_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    write_sdk_file(tmp_path, mode=0o644)
    assert refusal({}, tmp_path).code == "credentials-exposed"


def test_the_machine_itself_is_asked_last_and_only_where_somebody_says_so(tmp_path: Path) -> None:
    assert refusal({}, tmp_path).code == "credentials-missing"
    assert find_credentials({}, tmp_path, **METADATA).credentials == InstanceAgency()
    assert find_credentials(KEYS, tmp_path, **METADATA).source == "HW_ACCESS_KEY"


@pytest.mark.parametrize(("name", "value"), [("HW_INSECURE", "true"), ("HW_INSECURE", "1"), ("OS_INSECURE", "yes")])
def test_a_wish_not_to_verify_certificates_is_answered_aloud(tmp_path: Path, name: str, value: str) -> None:
    (finding,) = find_credentials(KEYS | {name: value}, tmp_path).warnings
    assert (finding.code, finding.summary.split()[0]) == ("insecure-ignored", name)
    assert "SSL_CERT_FILE" in finding.hint


@pytest.mark.parametrize("value", ["", "0", "false", "FALSE", "no"])
def test_no_such_wish_is_no_news(tmp_path: Path, value: str) -> None:
    assert find_credentials(KEYS | {"HW_INSECURE": value}, tmp_path).warnings == ()


OF_THE_SDKS = [f"HUAWEICLOUD_SDK_{name}" for name in ("STS_ENDPOINT", "REGIONS_FILE", "REGION", "IDP_IDS", "ID_TOKEN")]
OF_THE_SDKS += [
    f"HUAWEICLOUD_OIDC_{name}" for name in ("PROVIDER_URN", "AGENCY_URN", "ID_TOKEN", "TOKEN_FILE", "POLICY")
]


@pytest.mark.parametrize("name", ["OS_ENTERPRISE_PROJECT_ID", *IGNORED_VARIABLES, *OF_THE_SDKS])
def test_a_variable_of_the_vendors_tools_that_is_not_followed_is_named(tmp_path: Path, name: str) -> None:
    (finding,) = find_credentials(KEYS | {name: "canary"}, tmp_path).warnings
    assert (finding.code, finding.summary) == ("variable-ignored", f"{name} is set and not followed")
    assert "canary" not in f"{finding.summary}{finding.detail}{finding.hint}"


def test_several_of_them_are_named_together_and_an_empty_one_is_none(tmp_path: Path) -> None:
    several = {"HW_ENTERPRISE_PROJECT_ID": "7", "HW_MAX_RETRIES": "3", "HW_SIGNING_ALGORITHM": ""}
    (finding,) = find_credentials(KEYS | several, tmp_path).warnings
    assert finding.summary == "HW_ENTERPRISE_PROJECT_ID, HW_MAX_RETRIES are set and not followed"
    assert "enterprise_project_id:" in finding.hint


def test_of_another_cloud_no_variable_is_named(tmp_path: Path) -> None:
    other = {"OS_AUTH_URL": "https://keystone.example:5000/v3", "OS_ENTERPRISE_PROJECT_ID": "7"}
    assert find_credentials(KEYS | other, tmp_path).warnings == ()


@pytest.mark.parametrize(
    "name", ["HUAWEICLOUD_SDK_REGION_ECS_CN_NORTH_4", "HUAWEICLOUD_SDK_IAM_ENDPOINT", "HW_CLOUD", "OS_USERNAME_X"]
)
def test_what_is_followed_or_of_other_services_is_no_news(tmp_path: Path, name: str) -> None:
    assert find_credentials(KEYS | {name: "x"}, tmp_path).warnings == ()


def test_where_no_credentials_are_found_those_that_are_not_followed_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        find_credentials({"HUAWEICLOUD_OIDC_ID_TOKEN": "canary"}, tmp_path)
    assert [one.code for one in raised.value.diagnostics] == ["credentials-missing", "variable-ignored"]
    assert "HUAWEICLOUD_OIDC_ID_TOKEN" in raised.value.diagnostics[1].summary
    assert "canary" not in repr(raised.value.diagnostics)
