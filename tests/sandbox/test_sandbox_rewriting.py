"""Answers that show something else than what is true: the faults `rewrite` and `skew`."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from provisioner.sandbox import read_ledger

LISTS = {"at": ["ListDevServers", "ListAllDevServers"], "times": "always", "fault": "rewrite"}


@pytest.fixture
def cloud(lasting_cloud):
    for name in ("alpha-1", "beta"):
        lasting_cloud.bought(name=name)
    return lasting_cloud


def test_keys_of_the_answer_are_set_and_dropped(cloud):
    cloud.arm({**LISTS, "set": {"total": 9, "data": None}, "drop": ["pages", "nothing"]})
    page = cloud.servers()
    assert (page["total"], page["data"]) == (9, None)
    assert "pages" not in page


def test_rows_are_chosen_by_their_names_and_objects_in_them_merge(cloud):
    cloud.arm(
        {
            **LISTS,
            "server": "alpha*",
            "rows": {"status": "ODD", "image": {"name": "x"}},
            "rows_drop": ["id", "image.arch"],
        }
    )
    alpha, beta = cloud.servers()["data"]
    assert (alpha["status"], alpha["image"]["name"]) == ("ODD", "x")
    assert "id" not in alpha
    assert "arch" not in alpha["image"]
    assert alpha["image"]["image_id"] == beta["image"]["image_id"]
    assert beta["status"] != "ODD"
    assert "id" in beta


def test_a_row_may_become_anything_and_more_may_come(cloud):
    cloud.arm({**LISTS, "server": "beta", "rows": None, "add": ["text", {"name": "gamma"}]})
    alpha, *others = cloud.servers()["data"]
    assert alpha["name"] == "alpha-1"
    assert others == [None, "text", {"name": "gamma"}]


def test_texts_of_rows_and_of_single_answers_are_shown_in_upper_case(cloud):
    true = cloud.servers()["data"]
    upper = {"rows_upper": ["id", "image.image_id", "no.such", "charging"]}
    cloud.arm({**LISTS, "server": "beta", **upper}, {"at": "ShowDevServer", "fault": "rewrite", **upper})
    alpha, beta = cloud.servers()["data"]
    assert alpha == true[0]
    assert (beta["id"], beta["image"]["image_id"]) == (true[1]["id"].upper(), true[1]["image"]["image_id"].upper())
    assert beta["name"] == "beta"
    assert cloud.show(true[0]["id"]).json()["id"] == true[0]["id"].upper()


def test_a_single_answer_is_a_row_too(cloud):
    server = cloud.servers()["data"][0]
    cloud.arm({"at": "ShowDevServer", "fault": "rewrite", "server": "alpha-1", "rows": {"id": "another"}})
    assert cloud.show(server["id"]).json()["id"] == "another"
    assert cloud.show(server["id"]).json()["id"] == server["id"]


def test_the_rows_of_other_lists_are_meant_by_name(cloud, prepaid):
    order = cloud.bought(name="gamma", charging_info=prepaid)["order_id"]
    rule = {"at": "ListCustomerOrders", "fault": "rewrite", "rows_in": "order_infos", "rows": {"order_id": "CS0"}}
    cloud.arm(rule)
    orders = lambda: [one["order_id"] for one in cloud.call("GET", "/v2/orders/customer-orders").json()["order_infos"]]  # noqa: E731
    assert orders() == ["CS0"]
    assert orders() == [order]


def test_rewrites_follow_each_other_and_join_other_faults(cloud):
    cloud.arm(
        {**LISTS, "rows": {"status": "ODD"}},
        {**LISTS, "rows": {"status": "ODDER"}},
        {**LISTS, "fault": "short", "rows": 1},
    )
    page = cloud.servers()
    assert [row["status"] for row in page["data"]] == ["ODDER"]
    assert page["total"] == 2


def test_headers_join_the_answer(cloud):
    cloud.arm({**LISTS, "headers": {"Age": "120"}})
    assert cloud.call("GET", cloud.SERVERS).headers["Age"] == "120"


def test_what_was_done_stays_done(cloud, world):
    cloud.arm({"at": "CreateDevServer", "fault": "rewrite", "drop": ["id", "order_id"]})
    assert "id" not in cloud.create(name="gamma").json()
    assert [row.name for row in read_ledger(world) if row.kind == "purchase"] == ["alpha-1", "beta", "gamma"]


def test_rows_are_shown_in_another_case_and_stay_as_they_are(cloud):
    true = cloud.servers()["data"]
    rule = {**LISTS, "at": [*LISTS["at"], "ShowDevServer"], "server": "alpha*"}
    cloud.arm({**rule, "rows_upper": ["name", "id", "image.image_id", "nothing.there", "create_at"]})
    alpha, beta = cloud.servers()["data"]
    assert (alpha["name"], alpha["id"]) == ("ALPHA-1", true[0]["id"].upper())
    assert alpha["image"]["image_id"] == true[0]["image"]["image_id"].upper()
    assert (alpha["create_at"], beta) == (true[0]["create_at"], true[1])
    assert cloud.show(true[0]["id"]).json()["name"] == "ALPHA-1"


def test_an_answer_has_the_date_of_another_clock_and_the_age_of_a_cache(cloud):
    true = parsedate_to_datetime(cloud.call("GET", cloud.SERVERS).headers["Date"])
    cloud.arm({"at": "ListDevServers", "fault": "skew", "seconds": -780, "age": 60})
    answer = cloud.call("GET", cloud.SERVERS)
    assert (parsedate_to_datetime(answer.headers["Date"]) - true, answer.headers["Age"]) == (
        timedelta(seconds=-780),
        "60",
    )
    again = cloud.call("GET", cloud.SERVERS)
    assert (parsedate_to_datetime(again.headers["Date"]), "Age" in again.headers) == (true, False)


def test_an_answer_has_no_date(cloud):
    cloud.arm({"at": "ListDevServers", "fault": "skew", "seconds": 0, "undated": True})
    assert "Date" not in cloud.call("GET", cloud.SERVERS).headers
    assert "Date" in cloud.call("GET", cloud.SERVERS).headers
