"""Who one is, through the vendor's SDK: tokens, projects, the account, and keys for a while."""

import time

import huaweicloudsdkiam.v3 as iam
import huaweicloudsdkmodelarts.v1 as modelarts
import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from support.id_token_issuer import issue_id_token

from provisioner.sandbox import PUBLIC


def log_in(sdk, password: str) -> iam.KeystoneCreateUserTokenByPasswordResponse:
    domain = iam.PwdPasswordUserDomain(name=PUBLIC.domain_name)
    user = iam.PwdPasswordUser(domain=domain, name=PUBLIC.user_name, password=password)
    identity = iam.PwdIdentity(methods=["password"], password=iam.PwdPassword(user=user))
    scope = iam.AuthScope(project=iam.AuthScopeProject(name=PUBLIC.project_name))
    auth = iam.PwdAuth(identity=identity, scope=scope)
    body = iam.KeystoneCreateUserTokenByPasswordRequestBody(auth=auth)
    return sdk.identity.keystone_create_user_token_by_password(iam.KeystoneCreateUserTokenByPasswordRequest(body=body))


def test_a_password_gives_a_token_of_the_project(sdk):
    answer = log_in(sdk, PUBLIC.user_password)
    assert (answer.token.project.id, answer.token.user.name) == (PUBLIC.project_id, PUBLIC.user_name)
    assert answer.x_subject_token


def test_a_wrong_password_gives_none(sdk):
    with pytest.raises(ClientRequestException) as refused:
        log_in(sdk, "Wrong-Public-1")
    assert (refused.value.status_code, refused.value.error_code) == (401, 401)
    assert "password is wrong" in refused.value.error_msg


def test_projects_and_the_account_are_found(sdk):
    identity = sdk.identity
    asked = iam.KeystoneListProjectsRequest(name=PUBLIC.project_name, domain_id=PUBLIC.domain_id, enabled=True, page=1)
    assert [project.id for project in identity.keystone_list_projects(asked).projects] == [PUBLIC.project_id]
    mine = identity.keystone_list_auth_projects(iam.KeystoneListAuthProjectsRequest()).projects
    assert [project.name for project in mine] == [PUBLIC.project_name]
    accounts = identity.keystone_list_auth_domains(iam.KeystoneListAuthDomainsRequest()).domains
    assert [account.id for account in accounts] == [PUBLIC.domain_id]


def test_a_token_gives_another_one(sdk):
    earlier = iam.ScopedToken(id=log_in(sdk, PUBLIC.user_password).x_subject_token)
    scope = iam.TokenSocpeOption(domain=iam.ScopeDomainOption(id=PUBLIC.domain_id))
    auth = iam.ScopedTokenAuth(identity=iam.ScopedTokenIdentity(methods=["token"], token=earlier), scope=scope)
    body = iam.KeystoneCreateScopedTokenRequestBody(auth=auth)
    answer = sdk.identity.keystone_create_scoped_token(iam.KeystoneCreateScopedTokenRequest(body=body))
    assert answer.token.user.name == PUBLIC.user_name
    assert answer.x_subject_token


def test_the_users_of_the_account_are_listed(sdk):
    users = sdk.identity.keystone_list_users(iam.KeystoneListUsersRequest(name=PUBLIC.user_name)).users
    assert [user.name for user in users] == [PUBLIC.user_name]


def test_temporary_keys_open_what_lasting_ones_do(sdk, sdk_with):
    duration = iam.IdentityToken(duration_seconds=900)
    auth = iam.TokenAuth(identity=iam.TokenAuthIdentity(methods=["token"], token=duration))
    body = iam.CreateTemporaryAccessKeyByTokenRequestBody(auth=auth)
    keys = sdk.identity.create_temporary_access_key_by_token(
        iam.CreateTemporaryAccessKeyByTokenRequest(body=body)
    ).credential
    temporary = {"access_key": keys.access, "secret_key": keys.secret}
    whole = sdk_with(**temporary, security_token=keys.securitytoken)
    assert whole.servers.list_dev_servers(modelarts.ListDevServersRequest(limit=1)).size == 1
    with pytest.raises(ClientRequestException) as refused:
        sdk_with(**temporary).servers.list_dev_servers(modelarts.ListDevServersRequest())
    assert (refused.value.status_code, refused.value.error_code) == (401, "APIG.0301")


def test_keys_of_an_agency_act_in_its_account(sdk_of):
    role = iam.IdentityAssumerole(agency_name="ops", domain_name="team", duration_seconds=900)
    auth = iam.AgencyAuth(identity=iam.AgencyAuthIdentity(methods=["assume_role"], assume_role=role))
    body = iam.CreateTemporaryAccessKeyByAgencyRequestBody(auth=auth)
    asked = iam.CreateTemporaryAccessKeyByAgencyRequest(body=body)
    assert sdk_of("pia", "poor").identity.create_temporary_access_key_by_agency(asked).credential.securitytoken
    with pytest.raises(ClientRequestException) as refused:
        sdk_of("sam", "slow").identity.create_temporary_access_key_by_agency(asked)
    assert refused.value.status_code == 403


def test_an_id_token_becomes_a_token_of_the_user_that_it_is_mapped_to(sdk_of):
    token = iam.GetIdTokenIdTokenBody(id=issue_id_token(ends_at=time.time() + 600))
    body = iam.GetIdTokenRequestBody(auth=iam.GetIdTokenAuthParams(id_token=token))
    asked = iam.CreateTokenWithIdTokenRequest(x_idp_id="acme-gitlab", body=body)
    answer = sdk_of("ada", "team").identity.create_token_with_id_token(asked)
    assert (answer.token.user.name, bool(answer.x_subject_token)) == ("ada", True)
