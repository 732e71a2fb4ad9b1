"""Flavors, images and the scenery of supernodes: docs/api/devserver-api.md sections 2.5 and 2.6."""

import re

import pytest

from provisioner.sandbox import create_app
from provisioner.sandbox.contract import OPERATIONS

MARKET = """
zones: [cn-north-4a]
flavors: [{name: x86, hourly_price: 1.0}, {name: arm, hourly_price: 1.0, arch: ARM}]
images:
  - {id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7, name: for X86}
  - {id: d90fb553-2cdb-4b81-b56a-ef68812c6cf7, name: for ARM, arch: ARM}
"""
IMAGE = "c90fb553-2cdb-4b81-b56a-ef68812c6cf7"


def listed(cloud, what: str, **query) -> dict:
    return cloud.call("GET", f"{cloud.SERVERS}/{what}", params=query).json()


def test_a_flavor_is_an_item_in_each_zone(cloud):
    page = listed(cloud, "flavors")
    assert page["total"] - 1 == page["size"] == len(page["data"])  # it sells others as well, and so lists not all
    offers = [
        (item["availability_zone"], item["is_sold_out"]) for item in page["data"] if item["flavor"] == "Si2.large.4"
    ]
    assert offers == [("cn-north-4a", False), ("cn-north-4b", False)]


def test_a_resource_flavor_lists_its_zones(cloud):
    items = {item["flavor"]: item for item in listed(cloud, "resource-flavors")["data"]}
    zones = [{"id": zone, "is_sold_out": True} for zone in ("cn-north-4a", "cn-north-4b")]
    assert items["sandbox.sold-out"]["availability_zones"] == zones
    assert items["Si2.large.4"]["server_flavors"] == [{"name": "Si2.large.4"}]


@pytest.mark.parametrize("what", ["flavors", "resource-flavors"])
def test_flavors_are_filtered(cloud, what):
    assert {item["flavor"] for item in listed(cloud, what, server_type="BMS", arch="ARM")["data"]} == {"Kat1.8xlarge"}
    assert listed(cloud, what, server_type="HPS")["data"] == []
    assert listed(cloud, what, charging_mode="PRE_PAID") == listed(cloud, what)


def test_images_are_listed_and_shown(cloud, refusal):
    page = listed(cloud, "images", server_type="ECS")
    assert [image["image_id"] for image in page["data"]] == [IMAGE]
    assert cloud.call("GET", f"{cloud.SERVERS}/images/{IMAGE}").json() == page["data"][0]
    assert refusal(cloud.call("GET", f"{cloud.SERVERS}/images/unknown")) == (400, "ModelArts.0104")


def test_images_for_a_flavor_are_those_that_run_on_it(cloud):
    assert [image["arch"] for image in listed(cloud, "images", flavor_name="Kat1.8xlarge")["data"]] == ["ARM"]
    assert listed(cloud, "images", flavor_name="unknown")["data"] == []


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("flavors", {"arch": "x86"}),
        ("resource-flavors", {"charging_mode": "COMMON"}),
        ("images", {"flavor_name": ""}),
        ("hyper-clusters", {"type": "BMS"}),
        ("hyperinstance", {"limit": -1}),
    ],
    ids=str,
)
def test_a_query_outside_the_rules_is_refused(cloud, refusal, what, query):
    answer = cloud.call("GET", f"{cloud.SERVERS}/{what}", params=query)
    assert refusal(answer) == (400, "ModelArts.0104")


@pytest.mark.parametrize(("zone", "where"), [(None, "every zone"), ("cn-north-4a", "cn-north-4a")])
def test_what_is_sold_out_cannot_be_bought(cloud, zone, where):
    answer = cloud.create(flavor="sandbox.sold-out", availability_zone=zone)
    assert answer.status_code == 400
    assert where in answer.json()["error_msg"]
    assert cloud.servers()["total"] == 0


def test_there_is_no_other_zone(cloud, refusal):
    assert refusal(cloud.create(availability_zone="cn-north-9z")) == (400, "ModelArts.0104")


class TestSupernodes:
    def test_one_hyper_cluster_can_be_looked_at(self, cloud):
        (cluster,) = listed(cloud, "hyper-clusters")["hyper_clusters"]
        assert cloud.call("GET", f"{cloud.SERVERS}/hyper-clusters/{cluster['id']}").json() == cluster
        assert listed(cloud, "hyper-clusters", type="ECS") == {"hyper_clusters": []}

    def test_none_can_be_made_or_deleted(self, cloud, refusal):
        path = f"{cloud.SERVERS}/hyper-clusters"
        (cluster,) = listed(cloud, "hyper-clusters")["hyper_clusters"]
        assert refusal(cloud.call("POST", path, json={"name": "mine"})) == (400, "ModelArts.7000")
        assert refusal(cloud.call("POST", path, json={"name": ""})) == (400, "ModelArts.0104")
        assert refusal(cloud.call("DELETE", f"{path}/{cluster['id']}")) == (400, "ModelArts.7000")
        assert refusal(cloud.call("DELETE", f"{path}/unknown")) == (400, "ModelArts.6404")

    @pytest.mark.parametrize("what", ["hyperinstance", "hyperinstance/all"])
    def test_there_are_no_supernodes(self, cloud, what):
        assert listed(cloud, what) == {"current": 1, "data": [], "pages": 0, "size": 0, "total": 0}

    @pytest.mark.parametrize(
        ("method", "rest"),
        [
            ("GET", ""),
            ("DELETE", ""),
            ("GET", "/servers"),
            ("PUT", "/start"),
            ("PUT", "/stop"),
            ("GET", "/operation/o"),
        ],
    )
    def test_so_none_is_found(self, cloud, refusal, method, rest):
        answer = cloud.call(method, f"{cloud.SERVERS}/hyperinstance/unknown{rest}")
        assert refusal(answer) == (400, "ModelArts.6404")

    def test_so_none_changes_its_system(self, cloud, refusal):
        path = f"{cloud.SERVERS}/hyperinstance/unknown/changeos"
        good = {"image_id": IMAGE, "key_pair_name": "ops"}
        assert refusal(cloud.call("POST", path, json=good)) == (400, "ModelArts.6404")
        assert refusal(cloud.call("POST", path, json={})) == (400, "ModelArts.0104")


def test_every_operation_refuses_a_query_parameter_that_it_does_not_know(cloud):
    """Whatever else is wrong with the request. What was passed over in silence would read as if it had been honoured."""
    for operation in OPERATIONS:
        path = re.sub(r"{\w+}", "x", operation.path.replace("{project_id}", cloud.login.project_id))
        options = {"json": {}} if operation.method in {"POST", "PUT"} else {}
        answer = cloud.call(operation.method, path, params={"flavour": "x"}, **options)
        assert answer.status_code == 400, operation.name
        assert "'flavour'" in answer.text, operation.name


def test_images_by_either_name_of_a_flavor(cloud_of, clock, tmp_path):
    market = tmp_path / "market.yaml"
    market.write_text(MARKET)
    cloud = cloud_of(create_app(market=market, clock=clock), {})

    def listed(**query):
        return [image["name"] for image in cloud.call("GET", f"{cloud.SERVERS}/images", params=query).json()["data"]]

    assert listed() == ["for X86", "for ARM"]
    for parameter in ("flavor_name", "resource_flavor_name"):
        assert listed(**{parameter: "arm"}) == ["for ARM"]
        assert listed(**{parameter: "unknown"}) == []
    assert listed(flavor_name="arm", resource_flavor_name="x86") == []


def test_plugins_and_job_templates_can_be_looked_at(cloud):
    def data(resource, **query):
        return cloud.call("GET", f"{cloud.SERVERS}/{resource}", params=query).json()["data"]

    (plugin,) = data("plugins")
    assert data("plugins", name=plugin["name"]) == [plugin]
    assert data("plugins", name="other") == []
    (template,) = data("jobs/templates")
    for key in ("id", "name", "type"):
        assert data("jobs/templates", **{key: template[key]}) == [template]
        assert data("jobs/templates", **{key: "other"}) == []
    assert cloud.call("GET", f"{cloud.SERVERS}/jobs/templates/other").json()["error_code"] == "ModelArts.6404"


def test_what_billing_knows_to_be_sold(cloud):
    def listed(**query):
        return cloud.call("GET", "/v2/products/service-types", params=query).json()

    whole = listed(limit=1)
    assert (whole["total_count"], len(whole["service_types"])) == (1, 1)
    assert listed(offset=1) == {"total_count": 1, "service_types": []}
