"""Comparing two bodies leaf by leaf, against a walker of our own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import containers

from provisioner.model.canonical import canonical
from provisioner.model.redaction import is_leaf
from provisioner.planning.difference import Difference, differences

KEYS = st.sampled_from(["a", "b", "sha256", "fingerprint", "it's", 'q"', "x]['", "0", "__private"])
SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, -0.0, 1.0, 1.5]) | st.sampled_from(["", "x"])
)
bodies = st.dictionaries(KEYS, containers(SCALARS, KEYS), max_size=4)


def leaves_of(body, path=()):
    """The oracle's own walk: a null is no leaf, for absent and null are one."""
    for key, value in body.items():
        if not is_leaf(value):
            yield from leaves_of(value, (*path, key))
        elif value is not None:
            yield (*path, key), value


def inside(path, others):
    return any(path[: len(other)] == other for other in others if len(other) < len(path))


def walked(before, after):
    one, other = dict(leaves_of(before)), dict(leaves_of(after))
    paths = {path for path in one.keys() | other.keys() if canonical(one.get(path)) != canonical(other.get(path))}
    return tuple(path for path in sorted(paths) if not inside(path, one.keys() | other.keys()))


def paths_of(before, after):
    return tuple(difference.path for difference in differences(before, after))


@given(bodies, bodies)
def test_the_differences_are_those_of_a_plain_walk(before, after):
    assert paths_of(before, after) == walked(before, after)


@given(bodies)
def test_a_body_differs_in_nothing_from_itself(body):
    assert differences(body, dict(reversed(body.items()))) == ()


@given(bodies, bodies)
def test_the_way_back_has_the_same_paths_and_the_values_swapped(before, after):
    there, back = differences(before, after), differences(after, before)
    assert back == tuple(Difference(one.path, one.after, one.before) for one in there)


@pytest.mark.parametrize(
    ("before", "after"), [(True, 1), (1, 1.0), (False, 0), (0, 0.0), (True, 1.0), ("1", 1), ([True], [1])]
)
def test_what_is_equal_in_python_and_not_on_the_wire_differs(before, after):
    (difference,) = differences({"a": before}, {"a": after})
    assert (difference.before, difference.after) == (before, after)
    assert type(difference.before) is type(before)


def test_an_object_that_comes_or_goes_is_told_leaf_by_leaf():
    volume = {"type": "SSD", "size": 200}
    assert differences({}, {"root_volume": volume}) == (
        Difference(("root_volume", "size"), None, 200),
        Difference(("root_volume", "type"), None, "SSD"),
    )
    assert paths_of({"root_volume": volume}, {}) == (("root_volume", "size"), ("root_volume", "type"))
    assert paths_of({"a": None}, {"a": {"b": 1}}) == (("a", "b"),)


@pytest.mark.parametrize(("before", "after"), [({"a": {}}, {}), ({"a": None}, {}), ({"a": {"b": None}}, {"a": {}})])
def test_nothing_in_an_object_is_nothing(before, after):
    assert differences(before, after) == ()


@pytest.mark.parametrize(
    ("before", "after"), [([1], [1, 2]), ([1, 2], [2, 1]), ([], [{"ip": "a"}]), ([{"ip": "a"}], [{"ip": "b"}])]
)
def test_a_list_is_one_leaf(before, after):
    assert differences({"n": {"pairs": before}}, {"n": {"pairs": after}}) == (
        Difference(("n", "pairs"), before, after),
    )


@pytest.mark.parametrize("mark", ["fingerprint", "sha256"])
def test_what_stands_for_a_value_is_one_leaf(mark):
    before, after = {mark: "one"}, {mark: "two"}
    assert differences({"a": before}, {"a": after}) == (Difference(("a",), before, after),)
    assert differences({"a": "text"}, {"a": after}) == (Difference(("a",), "text", after),)


@pytest.mark.parametrize("key", ["__init__", "_x", "root", "a.b", "a['b']", "", " ", "0", "ключ"])
def test_no_key_is_too_odd_to_be_seen(key):
    assert paths_of({key: 1}, {key: 2}) == ((key,),)
    assert paths_of({}, {"in": {key: 1}}) == (("in", key),)


def run(program):
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_deepdiff_is_imported_only_when_something_differs():
    program = (
        "import sys; from provisioner.planning.difference import differences;"
        "differences({'a': {'b': [1]}}, {'a': {'b': [1]}}); print('deepdiff' in sys.modules);"
        "differences({'a': 1}, {'a': 2}); print('deepdiff' in sys.modules)"
    )
    assert run(program).split() == ["False", "True"]
