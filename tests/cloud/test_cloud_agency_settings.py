"""Agencies and ID tokens in the places where the vendor's tools look: who goes before whom, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.id_token_issuer import issue_id_token

from provisioner.cloud import AccessKey, Agency, AssumedAgency, IdToken, InstanceAgency, Password, find_credentials
from provisioner.model.diagnostic import Diagnostic, UsageError
from provisioner.model.secret import Secret

KEYS = {"HW_ACCESS_KEY": "ak", "HW_SECRET_KEY": "canary"}
KEY = AccessKey("ak", Secret("canary"))
ROLE = {"HW_ASSUME_ROLE_AGENCY_NAME": "ops", "HW_ASSUME_ROLE_DOMAIN_NAME": "acme"}
OLDER = {"OS_AGENCY_NAME": "ops", "OS_AGENCY_DOMAIN_NAME": "acme"}
OPS = Agency("ops", None, "acme")
TOKEN = issue_id_token(ends_at=2_000_000_000.0)
PROVIDER = {"HW_ASSUME_ROLE_IDP_ID": "acme-gitlab"}
SDK_PROVIDER = {"HUAWEICLOUD_SDK_IDP_ID": "acme-gitlab"}


def refusal(environ: dict[str, str], home: Path) -> Diagnostic:
    with pytest.raises(UsageError) as refused:
        find_credentials(environ, home)
    (finding,) = refused.value.diagnostics
    assert "canary" not in repr(finding)
    assert TOKEN not in repr(finding)
    return finding


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    path = tmp_path / "id token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o644)
    return str(path)


def write_profile(home: Path, **fields: str) -> None:
    profile = {"name": "x", "accessKeyId": "ak", "secretAccessKey": "canary", **fields}
    path = home / ".hcloud" / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"current": "x", "profiles": [profile]}))
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("environ", "agency"),
    [
        (ROLE, OPS),
        (OLDER, OPS),
        (ROLE | OLDER, OPS),
        (ROLE | {"HW_ASSUME_ROLE_DURATION": "900"}, Agency("ops", None, "acme", 900)),
        (ROLE | {"HW_ASSUME_ROLE_DOMAIN_ID": "acme-id"}, Agency("ops", "acme-id", "acme")),
        ({"HW_ASSUME_ROLE_AGENCY_NAME": "ops", "HW_ASSUME_ROLE_DOMAIN_ID": "acme-id"}, Agency("ops", "acme-id", None)),
        ({"HW_ASSUME_ROLE_AGENCY_NAME": "运维", "HW_ASSUME_ROLE_DOMAIN_NAME": "acme"}, Agency("运维", None, "acme")),
    ],
)
def test_an_agency_is_assumed_with_whatever_credentials_are_found(tmp_path, environ, agency) -> None:
    found = find_credentials(KEYS | environ, tmp_path)
    assert found.credentials == AssumedAgency(agency, KEY)
    assert (found.source, found.warnings) == ("HW_ACCESS_KEY", ())
    metadata = find_credentials(environ, tmp_path, instance_metadata=True)
    assert metadata.credentials == AssumedAgency(agency, InstanceAgency())


def test_the_account_is_the_agencys_and_the_project_one_of_its(tmp_path) -> None:
    own = {"HW_DOMAIN_ID": "my-own", "HW_PROJECT_ID": "p", "HW_PROJECT_NAME": "cn-north-4_lab"}
    found = find_credentials(KEYS | own | ROLE, tmp_path)
    assert (found.domain_id, found.project_id, found.project_name) == (None, "p", "cn-north-4_lab")
    found = find_credentials(KEYS | own | ROLE | {"HW_ASSUME_ROLE_DOMAIN_ID": "acme-id"}, tmp_path)
    assert found.domain_id == "acme-id"
    found = find_credentials(KEYS | own | OLDER | {"OS_DELEGATED_PROJECT": "cn-north-4_ops"}, tmp_path)
    assert (found.domain_id, found.project_id, found.project_name) == (None, None, "cn-north-4_ops")


def test_a_profile_may_name_an_agency(tmp_path) -> None:
    write_profile(tmp_path, agencyName="ops", agencyDomainName="acme", domainId="my-own", projectId="p")
    found = find_credentials({}, tmp_path)
    assert found.credentials == AssumedAgency(OPS, KEY, base_account="my-own")
    assert (found.domain_id, found.project_id) == (None, "p")
    write_profile(tmp_path, agencyName="ops", agencyDomainId="acme-id", agencyDomainName="")
    assert find_credentials({}, tmp_path).domain_id == "acme-id"
    both = find_credentials(ROLE, tmp_path)  # the cloud compares what each of them says of the account
    assert both.credentials == AssumedAgency(Agency("ops", "acme-id", "acme"), KEY)
    assert both.domain_id == "acme-id"
    write_profile(tmp_path, agencyName="", agencyDomainId="", agencyDomainName="")
    assert find_credentials({}, tmp_path).credentials == KEY


def test_a_user_by_id_needs_an_account_to_assume_an_agency_from(tmp_path) -> None:
    user = {"HW_USER_ID": "u1", "HW_USER_PASSWORD": "canary"} | ROLE
    assert "HW_DOMAIN_NAME" in refusal(user, tmp_path).hint
    found = find_credentials(user | {"HW_DOMAIN_NAME": "mine"}, tmp_path)
    assert found.credentials == AssumedAgency(OPS, Password(None, Secret("canary"), "mine", "u1"))
    found = find_credentials(user | {"HW_DOMAIN_ID": "my-id"}, tmp_path)
    assert isinstance(found.credentials, AssumedAgency)
    assert found.credentials.base_account == "my-id"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HW_ASSUME_ROLE_AGENCY_NAME": "ops"}, "neither HW_ASSUME_ROLE_DOMAIN_NAME nor HW_ASSUME_ROLE_DOMAIN_ID is"),
        ({"HW_ASSUME_ROLE_DOMAIN_NAME": "acme"}, "HW_ASSUME_ROLE_DOMAIN_NAME is set and HW_ASSUME_ROLE_AGENCY_NAME is not"),
        ({"HW_ASSUME_ROLE_DOMAIN_ID": "acme"}, "HW_ASSUME_ROLE_DOMAIN_ID is set and"),
        ({"HW_ASSUME_ROLE_DURATION": "900"}, "HW_ASSUME_ROLE_DURATION is set and"),
        ({"OS_AGENCY_NAME": "ops"}, "OS_AGENCY_NAME is set and OS_AGENCY_DOMAIN_NAME is not"),
        ({"OS_AGENCY_DOMAIN_NAME": "ops"}, "OS_AGENCY_DOMAIN_NAME is set and OS_AGENCY_NAME is not"),
        ({"OS_DELEGATED_PROJECT": "p"}, "OS_DELEGATED_PROJECT is set and OS_AGENCY_NAME is not"),
        (ROLE | OLDER | {"OS_AGENCY_NAME": "dev"}, "HW_ASSUME_ROLE_AGENCY_NAME and OS_AGENCY_NAME name different"),
        (ROLE | OLDER | {"OS_AGENCY_DOMAIN_NAME": "evil"}, "name different agencies"),
        (ROLE | {"HW_ASSUME_ROLE_AGENCY_NAME": "ops\x1b[31mcanary"}, "HW_ASSUME_ROLE_AGENCY_NAME contains"),
        (ROLE | {"HW_ASSUME_ROLE_AGENCY_NAME": "ops\n"}, "HW_ASSUME_ROLE_AGENCY_NAME contains"),
        (ROLE | {"HW_ASSUME_ROLE_DOMAIN_NAME": "\u202eemca"}, "HW_ASSUME_ROLE_DOMAIN_NAME contains"),
        (ROLE | {"HW_ASSUME_ROLE_DOMAIN_ID": "a b"}, "HW_ASSUME_ROLE_DOMAIN_ID contains"),
        *((ROLE | {"HW_ASSUME_ROLE_DURATION": text}, "900 to 86400") for text in ("899", "86401", "1h", "-900", "٩٠٠")),
        (PROVIDER, "HW_ASSUME_ROLE_IDP_ID is set and HW_ASSUME_ROLE_ID_TOKEN_FILE is not"),
        ({"HW_ASSUME_ROLE_ID_TOKEN": TOKEN}, "HW_ASSUME_ROLE_ID_TOKEN is set and HW_ASSUME_ROLE_IDP_ID is not"),
        ({"HW_ASSUME_ROLE_ID_TOKEN_FILE": "x"}, "HW_ASSUME_ROLE_ID_TOKEN_FILE is set and HW_ASSUME_ROLE_IDP_ID is not"),
        (PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN": TOKEN, "HW_ASSUME_ROLE_ID_TOKEN_FILE": "x"}, "are both set"),
        (PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN": "canary"}, "no ID token"),
        (PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN": "canary.!!.x"}, "no ID token"),
        (PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN": "canary.bm8.x"}, "no ID token"),
        (PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN_FILE": "/nowhere"}, "/nowhere cannot be read: No such file"),
        (PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN_FILE": "/dev"}, "/dev is not a regular file"),
        ({"HW_ASSUME_ROLE_IDP_ID": "a\nb", "HW_ASSUME_ROLE_ID_TOKEN": TOKEN}, "HW_ASSUME_ROLE_IDP_ID contains"),
    ],
)  # fmt: skip
def test_what_is_given_by_half_or_twice_is_refused(tmp_path, environ, said) -> None:
    found = refusal(KEYS | environ, tmp_path)
    assert (found.code, said in found.summary) == ("credentials-invalid", True), found.summary


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"agencyName": "ops"}, "lacks agencyDomainName"),
        ({"agencyDomainId": "acme-id"}, "lacks agencyName"),
        ({"agencyName": "o\x07ps", "agencyDomainName": "acme"}, "characters"),
    ],
)
def test_a_profile_with_half_an_agency_is_refused(tmp_path, fields, said) -> None:
    write_profile(tmp_path, **fields)
    assert said in refusal({}, tmp_path).summary


def test_a_profile_and_a_variable_must_name_the_same_agency(tmp_path) -> None:
    write_profile(tmp_path, agencyName="dev", agencyDomainName="acme")
    assert "different agencies" in refusal(ROLE, tmp_path).summary


def test_a_variable_about_agencies_that_nobody_here_knows_is_refused(tmp_path) -> None:
    finding = refusal(KEYS | ROLE | {"HW_ASSUME_ROLE_EXTERNAL_ID": "canary"}, tmp_path)
    assert finding.code == "credentials-unsupported"
    assert "HW_ASSUME_ROLE_EXTERNAL_ID" in finding.summary


def test_an_agency_of_another_cloud_is_none_of_ours(tmp_path) -> None:
    other = {"OS_AUTH_URL": "https://keystone.example:5000/v3", "OS_DELEGATED_PROJECT": "x", "OS_CACERT": "x"}
    found = find_credentials(KEYS | OLDER | other, tmp_path)
    assert (found.credentials, found.warnings) == (KEY, ())


def test_an_id_token_goes_before_the_keys_of_the_same_tool(tmp_path, token_file) -> None:
    file = IdToken("acme-gitlab", path=Path(token_file))
    found = find_credentials(KEYS | PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN_FILE": token_file}, tmp_path)
    assert (found.credentials, found.source) == (file, "HW_ASSUME_ROLE_IDP_ID")
    value = find_credentials(KEYS | PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN": TOKEN} | ROLE, tmp_path)
    assert value.credentials == AssumedAgency(OPS, IdToken("acme-gitlab", Secret(TOKEN)))
    longer = find_credentials(
        PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN": TOKEN, "HW_ASSUME_ROLE_DURATION": "7200"}, tmp_path
    )
    assert longer.credentials == IdToken("acme-gitlab", Secret(TOKEN), duration_seconds=7200)
    sdk = SDK_PROVIDER | {"HUAWEICLOUD_SDK_ID_TOKEN_FILE": token_file, "HUAWEICLOUD_SDK_PROJECT_ID": "p"}
    lesser = {"HUAWEICLOUD_SDK_AK": "ak", "HUAWEICLOUD_SDK_SK": "canary"}
    found = find_credentials(lesser | sdk, tmp_path)
    assert (found.credentials, found.source, found.project_id) == (file, "HUAWEICLOUD_SDK_IDP_ID", "p")
    assert find_credentials(KEYS | sdk, tmp_path).credentials == KEY
    assert TOKEN not in repr((found, value))


@pytest.mark.parametrize("section", ["basic", "global"])
def test_an_id_token_may_stand_in_the_sdks_file(tmp_path, token_file, section) -> None:
    path = tmp_path / ".huaweicloud" / "credentials"
    path.parent.mkdir()

    def write(**values: Any) -> None:
        lines = "".join(f"{name} = {value}\n" for name, value in values.items())
        path.write_text(f"[{section}]\n{lines}")
        path.chmod(0o600)

    write(ak="a", sk="canary", idp_id="acme-gitlab", id_token_file=token_file)
    assert find_credentials({}, tmp_path).credentials == IdToken("acme-gitlab", path=Path(token_file))
    for half in ("idp_id", "id_token_file"):
        write(ak="a", sk="canary", **{half: "x"})
        assert f"lacks {'id_token_file' if half == 'idp_id' else 'idp_id'}" in refusal({}, tmp_path).summary
    both = f"[basic]\nidp_id = a\nid_token_file = {token_file}\n[global]\nidp_id = b\nid_token_file = {token_file}\n"
    path.write_text(both)
    assert "different ID tokens" in refusal({}, tmp_path).summary


def test_a_file_that_cannot_be_a_token_is_never_read_whole(tmp_path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"a" * 100_000)
    found = refusal(PROVIDER | {"HW_ASSUME_ROLE_ID_TOKEN_FILE": str(path)}, tmp_path)
    assert "larger than any ID token" in found.summary
