"""The one written form: equal values, equal bytes, and nothing but JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from support.strategies import TEXT, json_objects, json_values

from provisioner.model.address import Address
from provisioner.model.canonical import canonical, digest, parse_json, readable
from provisioner.model.secret import Secret, SecretReference, SecretSource


@given(json_values)
def test_every_value_is_read_back_as_it_was(value):
    assert parse_json(canonical(value)) == value
    assert canonical(parse_json(canonical(value))) == canonical(value)
    assert parse_json(readable(value)) == value


@given(json_objects)
def test_the_order_of_keys_never_matters(body):
    other = dict(reversed(body.items()))
    assert canonical(other) == canonical(body)
    assert digest(other) == digest(body)


@given(json_values, json_values)
def test_equal_bytes_mean_equal_json(one, other):
    assert (canonical(one) == canonical(other)) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


def test_the_form_is_compact_sorted_and_utf_8():
    assert canonical({"b": (1, 2), "a": "größe"}) == '{"a":"größe","b":[1,2]}'.encode()
    assert readable({"b": 1, "a": []}) == b'{\n  "a": [],\n  "b": 1\n}\n'


def test_true_and_one_are_written_apart():
    assert len({canonical(True), canonical(1), canonical(1.0), canonical("1")}) == 4


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1: 2},
        2**64,
        "\ud800",
        b"x",
        {"a": {1, 2}},
        Secret("x"),
        Address("a"),
        SecretReference(SecretSource.ENVIRONMENT, "X"),
    ],
)
def test_what_is_no_json_is_refused_even_when_it_is_ours(value):
    with pytest.raises(TypeError):
        canonical(value)
    with pytest.raises(TypeError):
        readable(value)


def test_what_is_no_number_is_written_as_nothing():
    assert canonical([math.nan, math.inf]) == b"[null,null]"


@pytest.mark.parametrize("data", ["", "{", "NaN", "Infinity", "{} {}", "'a'", b"\xff", '{"a": 01}'])
def test_only_one_json_value_is_read(data):
    with pytest.raises(ValueError, match=r"."):
        parse_json(data)


@given(TEXT)
def test_a_digest_is_sixty_four_hex_digits(text):
    assert len(digest(text)) == 64
    assert int(digest(text), 16) >= 0
