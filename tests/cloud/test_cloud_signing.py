import json
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cloud.signing import Signed, sign
from provisioner.model.secret import Secret

VECTORS = [
    vector
    for vector in json.loads(Path(__file__).with_name("signing-vectors.json").read_text())
    if not vector["verify_only"]
]
URL = "https://modelarts.cn-north-4.myhuaweicloud.com/v1/p/dev-servers"


def signed(url: str = URL, headers: Mapping[str, str] | None = None, **changes: Any) -> Signed:
    arguments: dict[str, Any] = {
        "body": b"",
        "access_key": "AK",
        "secret_key": Secret("SK"),
        "date": "20260102T030405Z",
    }
    return sign("GET", url, headers=headers or {}, **arguments | changes)


def sign_vector(vector: dict[str, Any], headers: Mapping[str, str]) -> Signed:
    return sign(
        vector["method"],
        vector["url"],
        headers=headers,
        body=vector["body"].encode(),
        access_key=vector["access_key"],
        secret_key=Secret(vector["secret_key"]),
        date=vector["date"],
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_stage_equals_the_vendors(vector: dict[str, Any]) -> None:
    result = sign_vector(vector, vector["headers"])
    assert result.canonical_request == vector["expected_canonical_request"]
    assert result.string_to_sign == vector["expected_string_to_sign"]
    assert result.headers == {
        **vector["extra_headers_added_by_signer"],
        "Authorization": vector["expected_authorization"],
    }


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_host_and_date_are_added_and_signed_when_they_are_not_given(vector: dict[str, Any]) -> None:
    bare = {name: value for name, value in vector["headers"].items() if name not in {"Host", "X-Sdk-Date"}}
    result = sign_vector(vector, bare)
    assert result.headers["Host"] == vector["headers"]["Host"]
    assert result.headers["X-Sdk-Date"] == vector["date"]
    assert result.headers["Authorization"] == vector["expected_authorization"]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://h.example", "h.example"),
        ("https://h.example:443", "h.example"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_the_signed_host_is_the_one_on_the_wire(origin: str, host: str) -> None:
    assert signed(f"{origin}/v1").headers["Host"] == host


def test_headers_with_an_underscore_are_left_out() -> None:
    assert "left_out" not in signed(headers={"left_out": "x"}).canonical_request


HEADERS = st.dictionaries(st.text(string.ascii_lowercase, min_size=1), st.text(string.ascii_letters), max_size=5)
PAIRS = st.lists(st.tuples(st.text(min_size=1).filter(str.isprintable), st.text().filter(str.isprintable)), max_size=6)


def query_of(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


@given(HEADERS)
def test_the_order_and_the_case_of_headers_do_not_matter(headers: dict[str, str]) -> None:
    upset = {name.upper(): headers[name] for name in reversed(headers)}
    assert signed(headers=headers).canonical_request == signed(headers=upset).canonical_request


@given(PAIRS, st.randoms())
def test_the_order_of_the_query_does_not_matter(pairs: list[tuple[str, str]], chance: Any) -> None:
    shuffled = chance.sample(pairs, len(pairs))
    url, other = f"{URL}?{query_of(pairs)}", f"{URL}?{query_of(shuffled)}"
    assert signed(url).canonical_request == signed(other).canonical_request


@given(PAIRS)
def test_a_sorted_query_that_is_encoded_as_the_rule_says_is_signed_as_it_stands(pairs: list[tuple[str, str]]) -> None:
    query = query_of(sorted(pairs))
    assert signed(f"{URL}?{query}").canonical_request.split("\n")[2] == query


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_another_body_is_another_signature(body: bytes, other: bytes) -> None:
    same = signed(body=body).headers["Authorization"] == signed(body=other).headers["Authorization"]
    assert same is (body == other)


def test_the_secret_key_is_in_no_stage() -> None:
    assert "canary" not in repr(signed(secret_key=Secret("canary")))
