"""What is on sale, from a file: prices, zones, images and what fails. docs/sandbox.md describes the file."""

import re
from pathlib import Path

import pytest

from provisioner.sandbox import SettingsError, create_app

MARKET = """
zones: [here, there]
flavors:
  - {name: small, hourly_price: 0.50, sold_out: [here]}
  - {name: gone, hourly_price: 9, sold_out: true}
  - {name: shaky, hourly_price: 2.00, fails: [create]}
  - {name: big, hourly_price: "120.00", arch: ARM, server_type: BMS}
images:
  - {id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7, name: Ubuntu}
  - {id: 0f6d5c3a-7b1e-4c55-9a37-6d2f8e1b4a90, name: Old, status: INACTIVE}
"""


@pytest.fixture
def market(tmp_path) -> Path:
    path = tmp_path / "market.yaml"
    path.write_text(MARKET)
    return path


@pytest.fixture
def shop(open_cloud, market):
    return open_cloud(market=market)


@pytest.fixture
def open_market(open_cloud, tmp_path):
    path = tmp_path / "open.yaml"
    path.write_text(f"other_flavors_hourly_price: 3\nother_images: true\n{MARKET}")
    return open_cloud(market=path)


def test_its_prices_are_what_is_paid(shop, prepaid):
    order_id = shop.bought(flavor="small", charging_info=prepaid)["order_id"]
    assert shop.order(order_id)["official_amount"] == 0.50 * 730 * 0.6


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"flavor": "small", "availability_zone": "there"}, None),
        ({"flavor": "small"}, None),
        ({"flavor": "small", "availability_zone": "here"}, "ModelArts.0118"),
        ({"flavor": "gone"}, "ModelArts.0118"),
        ({"flavor": "small", "availability_zone": "elsewhere"}, "ModelArts.0104"),
        ({"flavor": "unlisted"}, "ModelArts.0104"),
        ({"flavor": None, "resource_flavor": "unlisted"}, "ModelArts.0104"),
        ({"flavor": "small", "image_id": "05982b48-a70f-43a1-a2b0-1fe36a236172"}, "ModelArts.0104"),
        ({"flavor": "small", "image_id": "0f6d5c3a-7b1e-4c55-9a37-6d2f8e1b4a90"}, "ModelArts.0104"),
    ],
    ids=str,
)
def test_only_what_is_on_sale_can_be_bought(shop, changes, code):
    answer = shop.create(**changes)
    assert (answer.status_code, answer.json().get("error_code")) == ((200, None) if code is None else (400, code))
    assert shop.servers()["total"] == (code is None)


def test_a_server_is_of_the_flavors_kind_unless_it_says_otherwise(shop):
    image = shop.bought(flavor="big")["image"]
    assert (image["arch"], image["server_type"]) == ("ARM", "BMS")
    assert shop.bought(flavor="big", arch="X86")["image"]["arch"] == "X86"


def test_a_flavor_can_fail(shop):
    assert shop.running(flavor="shaky")["status"] == "CREATE_FAILED"


def test_what_is_listed_is_the_file(shop):
    items = shop.call("GET", f"{shop.SERVERS}/resource-flavors").json()["data"]
    assert [item["flavor"] for item in items] == ["small", "gone", "shaky", "big"]
    assert items[0]["availability_zones"] == [
        {"id": "here", "is_sold_out": True},
        {"id": "there", "is_sold_out": False},
    ]
    images = shop.call("GET", f"{shop.SERVERS}/images").json()["data"]
    assert [(image["name"], image["status"]) for image in images] == [("Ubuntu", "ACTIVE"), ("Old", "INACTIVE")]


def test_an_unlisted_image_cannot_be_installed(shop, refusal):
    server = shop.stopped(flavor="small")
    body = {"image_id": "05982b48-a70f-43a1-a2b0-1fe36a236172", "key_pair_name": "ops"}
    assert refusal(shop.act(server["id"], "changeos", body)) == (400, "ModelArts.0104")


def test_other_flavors_and_images_can_be_let_in(open_market, prepaid):
    other = {"flavor": "unlisted", "image_id": "05982b48-a70f-43a1-a2b0-1fe36a236172"}
    order_id = open_market.bought(**other, charging_info=prepaid)["order_id"]
    assert open_market.order(order_id)["official_amount"] == 3 * 730 * 0.6


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("zones: [here, there]", "zones: []", "zones"),
        ("zones: [here, there]", "zones: [here, here]", "zones must differ"),
        ("sold_out: [here]", "sold_out: [mars]", "small is sold out in a zone"),
        ("sold_out: [here]", "sold_out: false", "flavors.0.sold_out"),
        ("fails: [create]", "fails: [delete]", "flavors.2.fails.0"),
        ("name: gone", "name: small", "names of flavors"),
        ("hourly_price: 9", "hourly_price: true", "flavors.1.hourly_price"),
        ("arch: ARM", "arch: RISC", "flavors.3.arch"),
        ("c90fb553", "C90FB553", "images.0.id"),
    ],
)
def test_a_mistake_in_the_file_is_named(market, old, new, reason):
    assert old in MARKET
    market.write_text(MARKET.replace(old, new))
    with pytest.raises(SettingsError, match=reason):
        create_app(market=market)


def test_the_files_that_the_manual_shows_are_accepted(tmp_path, clock, cloud_of):
    manual = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
    shown = dict(re.findall(r"^```yml\n# (\w+)\.yml\n(.*?)^```", manual, re.MULTILINE | re.DOTALL))
    for name, text in shown.items():
        (tmp_path / name).write_text(text)
    app = create_app(clock=clock, accounts=tmp_path / "accounts", market=tmp_path / "market")
    alice = {"account": "acme", "user": "alice", "password": "Alice-Public-1", "project_id": "acme-main"}
    assert cloud_of(app, alice).bought()["status"] == "CREATING"
