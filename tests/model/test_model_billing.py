"""What flows and commands both know of billing's orders."""

from __future__ import annotations

import pytest

from provisioner.model.billing import OrderStatus, is_order_id, order_status, status_number


@pytest.mark.parametrize("status", [each for each in OrderStatus if each is not OrderStatus.UNKNOWN], ids=str)
def test_every_status_has_a_number_of_its_own(status):
    assert order_status(status_number(status)) is status


@pytest.mark.parametrize("told", [None, 0, 7, 77, "5", [5], {"status": 5}], ids=repr)
def test_what_is_no_number_of_the_reference_is_no_status(told):
    assert order_status(told) is None


@pytest.mark.parametrize("text", ["", "CS-1", "CS/1", "a" * 65, "CS1\n"], ids=repr)
def test_what_would_change_a_path_is_no_order_id(text):
    assert not is_order_id(text)
