"""Bodies as they may be written down: no secret and no content in them, and one notion of a leaf."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planning_builders import KIND
from support.strategies import containers, json_objects

from provisioner.model.canonical import canonical
from provisioner.model.redaction import find_secrets, is_leaf, leaves, redact, value_at, with_value
from provisioner.model.secret import Secret, SecretReference, SecretSource

MARK = "s3cr3t-"
KEYS = st.sampled_from(["a", "b", "userdata", "admin_pass"])
references = st.builds(
    lambda text: SecretReference(SecretSource.LITERAL, "", Secret(MARK + text)), st.text("abc", max_size=3)
)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text("xyz", max_size=3)
bodies = st.dictionaries(KEYS, containers(scalars | references, KEYS), max_size=4)
PLAIN = st.sampled_from(["a", "b", "c"])
redacted = st.dictionaries(PLAIN, containers(scalars | st.just({"fingerprint": "f0"}), PLAIN), max_size=4)


def fingerprint(reference):
    return f"print-{len(reference.literal.reveal())}"


def is_content(path):
    return path[-1] == "userdata"


@given(bodies)
def test_no_value_of_a_secret_is_ever_written(body):
    assert MARK.encode() not in canonical(redact(body, fingerprint, is_content))


@given(bodies)
def test_no_way_of_printing_a_body_shows_a_secret(body):
    assert MARK not in repr(body) + str(body) + f"{body}"


@given(bodies)
def test_redacting_keeps_every_key(body):
    def keys(value):
        if isinstance(value, dict) and value.keys() != {"fingerprint"}:
            return {key: keys(item) for key, item in value.items()}
        return [keys(item) for item in value] if isinstance(value, list) else None

    assert keys(redact(body, fingerprint, lambda _path: False)) == keys(body)


def test_each_sort_of_value_is_written_in_its_way():
    reference = SecretReference(SecretSource.ENVIRONMENT, "X")
    body = {
        "admin_pass": reference,
        "userdata": "aGk=",
        "size": 1,
        "pairs": ({"userdata": "x"}, reference),
        "none": None,
    }
    written = redact(body, lambda _: "f0", is_content)
    assert written["admin_pass"] == {"fingerprint": "f0"}
    assert written["userdata"].keys() == {"sha256"}
    assert written["pairs"][0]["userdata"].keys() == {"sha256"}
    assert written["pairs"][1] == {"fingerprint": "f0"}
    assert (written["size"], written["none"]) == (1, None)


def test_the_same_content_has_the_same_digest_and_another_another():
    one, same, other = (KIND.redact({"userdata": text}, fingerprint)["userdata"] for text in ("a", "a", "b"))
    assert one == same != other


def test_a_fingerprint_that_cannot_be_had_is_written_as_unknown():
    reference = SecretReference(SecretSource.ENVIRONMENT, "X")
    assert redact({"admin_pass": reference}, lambda _: None, is_content) == {"admin_pass": {"fingerprint": None}}


@given(redacted)
def test_leaves_are_the_whole_body_but_for_empty_objects(body):
    rebuilt = {}
    for path, value in leaves(body):
        assert is_leaf(value)
        assert value_at(body, path) == value
        rebuilt = with_value(rebuilt, path, value) if value is not None else rebuilt
    assert dict(leaves(rebuilt)) == {path: value for path, value in leaves(body) if value is not None}


@given(redacted, st.lists(PLAIN, min_size=1, max_size=3).map(tuple), scalars.filter(lambda value: value is not None))
def test_what_is_put_in_is_found_there_and_can_be_taken_out(body, path, value):
    before = canonical(body)
    put = with_value(body, path, value)
    assert value_at(put, path) == value
    assert value_at(with_value(put, path, None), path) is None
    assert canonical(body) == before


def test_taking_out_the_last_leaf_takes_its_objects_too():
    assert with_value({"a": {"b": {"c": 1}}, "d": 2}, ("a", "b", "c"), None) == {"d": 2}
    assert with_value({"a": 1}, ("a", "b"), 2) == {"a": {"b": 2}}


@pytest.mark.parametrize("path", [("x",), ("a", "x"), ("a", "b", "c"), ("list", "0")])
def test_there_is_nothing_where_nothing_is(path):
    assert value_at({"a": {"b": 1}, "list": [1]}, path) is None


@given(json_objects)
def test_a_body_without_secrets_has_none(body):
    assert [*find_secrets(body)] == []


def test_secrets_are_found_with_their_paths():
    one, two = (SecretReference(SecretSource.ENVIRONMENT, name) for name in "AB")
    assert [*find_secrets({"admin_pass": one, "in": {"deep": two}, "x": 1})] == [
        (("admin_pass",), one),
        (("in", "deep"), two),
    ]
