"""Sections that say nothing, and terms that nobody describes, are warnings: the API does not say that it refuses them."""

from __future__ import annotations

import pytest
from support.planning_builders import NETWORK, wanted

from provisioner.kinds import CATALOGUE

KIND = CATALOGUE["dev_server"]


def told(**fields):
    return [(one.code, one.path) for one in KIND.advise(wanted(**fields).fields) if one.warning]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"root_volume": {}}, ("root_volume",)),
        ({"root_volume": {"type": None}}, ("root_volume",)),
        ({"network": {**NETWORK, "hyper_cluster": {}}}, ("network", "hyper_cluster")),
        ({"network": {**NETWORK, "allowed_address_pairs": [{}]}}, ("network", "allowed_address_pairs", "0")),
    ],
)
def test_an_empty_section_is_a_warning_at_its_place(fields, path):
    assert told(**fields) == [("empty-section", path)]


@pytest.mark.parametrize("period", ["ABSOLUTE", "DAY", "HOUR", "WEEK"])
@pytest.mark.parametrize("renews", [True, False])
def test_a_term_that_is_described_nowhere_is_a_warning(period, renews):
    charging = {"charging_mode": "PRE_PAID", "period_type": period, "period_num": 1, "is_auto_pay": True}
    assert told(charging_info={**charging, "is_auto_renew": renews}) == [
        ("unusual-period", ("charging_info", "period_type"))
    ]


@pytest.mark.parametrize(("mode", "period"), [("POST_PAID", "DAY"), ("PRE_PAID", "MONTH"), ("PRE_PAID", "YEAR")])
def test_nothing_is_told_of_the_others(mode, period):
    assert (
        told(charging_info={"charging_mode": mode, "period_type": period, "period_num": 1, "is_auto_pay": True}) == []
    )


def test_what_says_something_is_not_empty():
    assert told(root_volume={"size": 200}) == []
