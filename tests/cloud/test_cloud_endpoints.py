import pytest

from provisioner.cloud import region_endpoints, sandbox_endpoints
from provisioner.model.diagnostic import UsageError
from provisioner.model.flow import Service


def test_the_defaults_are_the_vendors() -> None:
    endpoints = region_endpoints("cn-north-4")
    assert endpoints.modelarts == "https://modelarts.cn-north-4.myhuaweicloud.com"
    assert endpoints.billing == "https://bss.myhuaweicloud.com"
    assert endpoints.identity == "https://iam.cn-north-4.myhuaweicloud.com"


def test_a_sandbox_in_the_process_has_names_that_resolve_nowhere() -> None:
    assert sandbox_endpoints("cn-north-4").modelarts == "https://modelarts.cn-north-4.sandbox.invalid"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://modelarts.example.com", "https://modelarts.example.com"),
        ("https://ModelArts.Example.com:8443/", "https://modelarts.example.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_an_override_replaces_its_service_only(given: str, taken: str) -> None:
    endpoints = region_endpoints("cn-north-4", {Service.MODELARTS: given, Service.BILLING: ""})
    assert endpoints.url(Service.MODELARTS) == taken
    assert endpoints.url(Service.BILLING) == "https://bss.myhuaweicloud.com"


@pytest.mark.parametrize(
    "given",
    [
        "http://modelarts.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "https://user:canary@modelarts.example.com",
        "https://modelarts.example.com?x=canary",
        "https://modelarts.example.com/path",
        "https://modelarts.example.com#f",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "ftp://modelarts.example.com",
        "modelarts.example.com",
        "https://",
        "https://h:notaport",
        "https://h:0",
        "https://[broken",
        "https://h\\@evil.example",
        "https://h\u0131.example",
        "https://h .example",
    ],
)
def test_an_override_that_could_leak_signed_requests_is_refused(given: str) -> None:
    with pytest.raises(UsageError) as refused:
        region_endpoints("cn-north-4", {Service.BILLING: given})
    (finding,) = refused.value.diagnostics
    assert finding.code == "endpoint-invalid"
    assert finding.summary.startswith("PROVISIONER_ENDPOINT_BSS ")
    assert "canary" not in str(finding)


@pytest.mark.parametrize("region", ["evil.example/#", "a.b", "", "CN", "-x", "x@y", "cn-north-4\n"])
@pytest.mark.parametrize("endpoints", [region_endpoints, sandbox_endpoints])
def test_a_region_cannot_name_another_host(endpoints, region: str) -> None:
    with pytest.raises(UsageError, match="is not a region"):
        endpoints(region)


def test_the_international_site_has_a_billing_of_its_own() -> None:
    endpoints = region_endpoints("ap-southeast-3", international=True)
    assert endpoints.billing == "https://bss-intl.myhuaweicloud.com"
    assert endpoints.modelarts == "https://modelarts.ap-southeast-3.myhuaweicloud.com"


def test_the_vendors_other_clouds_have_other_hosts() -> None:
    endpoints = region_endpoints("eu-west-101", environ={"HW_CLOUD": "myhuaweicloud.eu"})
    assert endpoints.identity == "https://iam.eu-west-101.myhuaweicloud.eu"
    with pytest.raises(UsageError, match="HW_CLOUD names no cloud"):
        region_endpoints("eu-west-101", environ={"HW_CLOUD": "evil.example"})


def test_the_vendors_own_variables_name_endpoints_too() -> None:
    environ = {
        "HUAWEICLOUD_SDK_REGION_MODELARTS_CN_NORTH_4": "https://a.example",
        "HUAWEICLOUD_SDK_REGION_MODELARTS_CN_NORTH_1": "https://elsewhere.example",
        "HUAWEICLOUD_SDK_REGION_BSS_CN_NORTH_4": "https://b.example",
        "HW_AUTH_URL": "https://iam.example:443/v3",
    }
    endpoints = region_endpoints("cn-north-4", {Service.BILLING: "https://ours.example"}, environ=environ)
    assert endpoints.modelarts == "https://a.example"
    assert endpoints.billing == "https://ours.example", "PROVISIONER_ENDPOINT_* goes first"
    assert endpoints.identity == "https://iam.example:443"


@pytest.mark.parametrize(
    "name", ["HW_AUTH_URL", "HUAWEICLOUD_SDK_IAM_ENDPOINT", "HUAWEICLOUD_SDK_REGION_IAM_CN_NORTH_4"]
)
def test_the_vendors_variables_are_checked_like_ours(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is http:// to another machine"):
        region_endpoints("cn-north-4", environ={name: "http://iam.example"})
