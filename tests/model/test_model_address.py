"""Addresses: their text, their order, and what is not an address."""

from __future__ import annotations

import contextlib
import pickle
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from support.strategies import addresses

from provisioner.model.address import Address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("gateway", Address("gateway")),
        ("trainer[0]", Address("trainer", 0)),
        ("trainer[12]", Address("trainer", 12)),
        ('pool["a"]', Address("pool", "a")),
        ('pool["0"]', Address("pool", "0")),
        ('pool["größe \\"x\\""]', Address("pool", 'größe "x"')),
        ("module.vision.trainer[0]", Address("trainer", 0, ("vision",))),
        ("module.a.module.b.c", Address("c", None, ("a", "b"))),
        ("module", Address("module")),
        ("_a-b", Address("_a-b")),
    ],
)
def test_an_address_is_written_and_read_the_same_way(text, address):
    assert Address.parse(text) == address
    assert str(address) == text


@given(addresses)
def test_every_address_is_read_back_from_its_text(address):
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address  # noqa: S301 - our own bytes


@given(st.text(max_size=12) | st.text('a0[]".\\ 01module', max_size=14))
def test_a_text_is_an_address_in_one_way_or_not_at_all(text):
    with contextlib.suppress(ValueError):
        assert Address.parse(str(Address.parse(text))) == Address.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "0a", "a b", "a[", "a[]", "a[-1]", "a[00]", "a[٣]", "a['x']", "a[x]", "a[0][1]", "module.a", "a.b", "a\n",
     'a["\\q"]', 'a["\n"]', "a[1.0]", "a[9999999999]"],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_name(text):
    with pytest.raises(ValueError, match="is not an address") as refusal:
        Address.parse(text)
    assert repr(text) in str(refusal.value)


def test_addresses_stand_in_the_order_a_person_counts_in():
    texts = ["a", "a[2]", "a[10]", 'a["b"]', "b", "module.a.a", "module.b.a"]
    assert [str(address) for address in sorted(map(Address.parse, reversed(texts)))] == texts


@given(addresses, addresses, addresses)
def test_the_order_is_total(one, two, three):
    assert (one < two) + (two < one) + (one == two) == 1
    if one <= two <= three:
        assert one <= three
    assert (hash(one) == hash(two)) or one != two


def test_in_files_an_address_is_its_text():
    adapter = TypeAdapter(dict[Address, Address])
    pool = Address("pool", "a")
    assert adapter.dump_python({pool: pool}, mode="json") == {'pool["a"]': 'pool["a"]'}
    assert adapter.validate_json('{"gateway": "trainer[0]"}') == {Address("gateway"): Address("trainer", 0)}
    assert adapter.validate_python({pool: pool}) == {pool: pool}
    with pytest.raises(ValidationError, match="is not an address"):
        adapter.validate_json('{"gateway": "0"}')


@pytest.mark.parametrize(
    "text", ["gateway", 'pool["a b"]', 'pool["it\'s"]', 'pool["$(rm)`x`"]', "module.vision.trainer[0]@deposed"]
)
def test_as_it_is_typed_a_shell_reads_the_address(text):
    address = Address.parse(text)
    assert shlex.split(address.shell_quoted) == [str(address)]


def test_a_counted_group_is_ordered_without_being_taken_apart(monkeypatch):
    """8 % of a plan of 10,000 servers went into the tuples that addresses of all sorts are compared by."""
    monkeypatch.setattr(Address, "_order", property(lambda _: pytest.fail("taken apart")))
    group = [Address("trainer", index, deposed=deposed) for index in range(3) for deposed in (False, True)]
    group.reverse()
    assert sorted(group) == group[::-1]


@pytest.mark.parametrize(
    "text",
    [
        "notebook[ada]",
        "notebook['ada']",
        "notebook[\u201cada\u201d]",
        'notebook[\\"ada\\"]',
        "notebook[`ada`]",
        "notebook(ada)",
        'notebook["ada]',
        "notebook[ada@deposed",
    ],
)
def test_an_address_that_lost_its_quotes_is_told_what_to_type(text):
    with pytest.raises(ValueError, match="is not an address") as refusal:
        Address.parse(text)
    has_key = text.endswith(("]", ")"))
    assert ('write notebook["ada"], and on a command line \'notebook["ada"]\'' in str(refusal.value)) is (
        has_key and "`" not in text
    )


@pytest.mark.parametrize("text", ["servers.gateway", "dev_server.gateway[0]"])
def test_an_address_has_no_section_before_its_name(text):
    with pytest.raises(ValueError, match="an address has no section or type before the name: write gateway"):
        Address.parse(text)
