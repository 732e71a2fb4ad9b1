"""Which account and project an access key acts in."""

import asyncio
from typing import Any

import httpx
import pytest

from provisioner.model.diagnostic import CloudError, UsageError
from provisioner.model.identity import Identity

MAIN = {"id": "p1", "name": "cn-north-4", "domain_id": "d1"}
OTHER = {"id": "p2", "name": "cn-north-4_lab", "domain_id": "d1"}


def identify(connect_to, *projects: Any, **scope: Any) -> tuple[Identity, list[str]]:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url).removeprefix("https://iam.cn-north-4.myhuaweicloud.com"))
        return httpx.Response(200, json={"projects": list(projects)})

    async def conversation() -> Identity:
        async with connect_to(handler, **{"project_id": None, "domain_id": None} | scope) as cloud:
            return cloud.identity

    return asyncio.run(conversation()), asked


def test_the_main_project_is_named_like_the_region(connect_to) -> None:
    assert identify(connect_to, MAIN) == (Identity("d1", "p1", "cn-north-4"), ["/v3/projects?name=cn-north-4"])


def test_a_project_can_be_named(connect_to) -> None:
    identity, asked = identify(connect_to, OTHER, project_name="cn-north-4_lab")
    assert (identity.project, asked) == ("p2", ["/v3/projects?name=cn-north-4_lab"])


def test_a_project_can_be_given_by_id(connect_to) -> None:
    identity, asked = identify(connect_to, MAIN, OTHER, project_id="p2")
    assert (identity, asked) == (Identity("d1", "p2", "cn-north-4"), ["/v3/projects"])


def test_nothing_is_asked_when_all_is_said(connect_to) -> None:
    identity, asked = identify(connect_to, project_id="p", domain_id="d")
    assert (identity, asked) == (Identity("d", "p", "cn-north-4"), [])


def test_the_account_may_be_said_where_the_list_is_silent(connect_to) -> None:
    identity, _asked = identify(connect_to, {"id": "p1", "name": "cn-north-4"}, domain_id="d")
    assert identity.account == "d"


@pytest.mark.parametrize(
    ("projects", "scope", "code"),
    [
        ([], {}, "project-unknown"),
        ([OTHER], {}, "project-unknown"),
        ([MAIN], {"project_id": "elsewhere"}, "project-unknown"),
        ([MAIN], {"domain_id": "not mine"}, "project-unknown"),
        ([MAIN, MAIN | {"id": "p3"}], {}, "project-ambiguous"),
        ([{"id": "p1", "name": "cn-north-4"}], {}, "identity-unknown"),
    ],
)
def test_anything_but_one_project_is_an_error_that_names_the_variables(connect_to, projects, scope, code) -> None:
    with pytest.raises(UsageError) as refused:
        identify(connect_to, *projects, **scope)
    (finding,) = refused.value.diagnostics
    assert finding.code == code
    assert "HW_PROJECT_ID" in finding.hint


@pytest.mark.parametrize(
    "project", [7, None, {"name": "cn-north-4", "domain_id": "d1"}, {"id": 7, "name": "cn-north-4"}]
)
def test_a_list_that_cannot_be_read_decides_nothing(connect_to, project) -> None:
    with pytest.raises(CloudError) as failed:
        identify(connect_to, MAIN, project)
    assert "GET /v3/projects cannot be used: projects[1]" in failed.value.diagnostics[0].summary


def connect_only(connect_to, handler) -> Identity:
    async def conversation() -> Identity:
        async with connect_to(handler, project_id=None, domain_id=None) as cloud:
            return cloud.identity

    return asyncio.run(conversation())


def test_who_may_not_list_projects_is_asked_for_his_own(connect_to) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v3/projects":
            return httpx.Response(403, json={"error": {"code": 403, "message": "no"}})
        assert request.url.path == "/v3/auth/projects"
        return httpx.Response(200, json={"projects": [OTHER, MAIN]})

    assert connect_only(connect_to, handler).project == "p1"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(401), "cloud-unauthorized"),
        (httpx.Response(403), "cloud-denied"),
        (httpx.Response(429), "cloud-throttled"),
        (httpx.Response(500), "cloud-error"),
        (httpx.Response(200, text="hello"), "cloud-error"),
        (httpx.ConnectError("refused"), "cloud-unreachable"),
    ],
    ids=repr,
)
def test_a_cloud_that_does_not_tell_is_an_error_with_a_code_and_a_next_step(connect_to, answer, code) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers={"X-Request-Id": "req-1"})

    with pytest.raises(CloudError) as failed:
        connect_only(connect_to, handler)
    (finding,) = failed.value.diagnostics
    assert finding.code == code
    assert finding.summary.startswith("finding out the account and the project failed: ")
    assert finding.hint
    assert finding.request_id == (None if code == "cloud-unreachable" else "req-1")


def test_an_account_of_the_vendors_other_site_is_told_where_to_go(connect_to) -> None:
    body = {"error_code": "CBC.0156", "error_msg": "no"}
    with pytest.raises(CloudError) as failed:
        connect_only(connect_to, lambda _request: httpx.Response(403, json=body))
    assert "bss-intl" in failed.value.diagnostics[0].hint
