"""Identifiers and addresses of the network have forms: nothing invisible, and nothing that looks like another character, gets into them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from provisioner.kinds.dev_server.schema import AddressPair, HyperCluster


@pytest.mark.parametrize(
    "address", ["192.168.0.10", "192.168.0.0/24", "1.1.1.1/0", "10.0.0.1/32", "2001:db8::1", "2001:db8::/64", "::"]
)
def test_addresses_with_and_without_a_prefix_are_taken(address):
    assert AddressPair(ip_address=address).ip_address == address


@pytest.mark.parametrize(
    "address",
    ["", "10.0.0", "10.0.0.256", "10.0.0.1/33", "10.0.0.1 ", "10.0.0.1\xa0", "1\u0660.0.0.1", "\uff11.1.1.1", "10.0.0.0/255.0.0.0",
     "fe80::1%eth0", "example.com", "0.0.0.0/0"],
)  # fmt: skip
def test_anything_else_is_no_address(address):
    with pytest.raises(ValidationError):
        AddressPair(ip_address=address)


def test_the_strange_character_is_named():
    with pytest.raises(ValidationError, match=r"character 9 of it is U\+00A0 \(NO-BREAK SPACE\)"):
        AddressPair(ip_address="10.0.0.1\xa0")


@pytest.mark.parametrize("mac", ["fa:16:3e:00:00:01", "FA:16:3E:0A:0B:0C"])
def test_mac_addresses_have_colons(mac):
    assert AddressPair(mac_address=mac).mac_address == mac


@pytest.mark.parametrize(
    "mac", ["", "fa-16-3e-00-00-01", "fa:16:3e:00:00", "f\u0430:16:3e:00:00:01", "fa:16:3e:00:00:01\n", "fa163e000001"]
)
def test_anything_else_is_no_mac_address(mac):
    with pytest.raises(ValidationError):
        AddressPair(mac_address=mac)


@pytest.mark.parametrize("field", ["id", "hyper_cluster_subnet_id"])
@pytest.mark.parametrize("value", ["", "a b", "a\xa0", "\u0430", "a\u200b", "a/b"])
def test_ids_of_hyper_clusters_have_no_strange_characters(field, value):
    with pytest.raises(ValidationError):
        HyperCluster(**{field: value})


def test_ids_of_hyper_clusters_are_taken():
    assert HyperCluster(id="hc-1.a_B", hyper_cluster_subnet_id="38cf274a-98f9-4f6f-b622-5ed0e4a3db54").id == "hc-1.a_B"
