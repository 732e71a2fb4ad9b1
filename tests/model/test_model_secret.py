"""Secrets that never print, pickle or serialise."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.secret import Secret, SecretReference, SecretSource

VALUE = "hunter2-hunter2"


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{!r:>40}".format, "%s".__mod__, lambda secret: f"{secret:x>20}"]
)
def test_no_way_of_printing_shows_it(show):
    assert show(Secret(VALUE)).strip() == "Secret((sensitive))"


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_no_way_of_writing_takes_it(write):
    with pytest.raises(TypeError):
        write(Secret(VALUE))


def test_it_has_no_dictionary_to_look_into():
    assert not hasattr(Secret(VALUE), "__dict__")


def test_a_traceback_does_not_show_it():
    def fail(secret):
        raise ValueError(f"cannot use {secret}")

    with pytest.raises(ValueError, match="sensitive") as failure:
        fail(Secret(VALUE))
    assert VALUE not in "".join(
        traceback.TracebackException.from_exception(failure.value, capture_locals=True).format()
    )


@given(st.text(), st.text())
def test_secrets_compare_by_value(one, other):
    assert (Secret(one) == Secret(other)) == (one == other)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one
    assert Secret(one).reveal() == one


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (SecretReference(SecretSource.ENVIRONMENT, "PASSWORD"), "env:PASSWORD"),
        (SecretReference(SecretSource.FILE, "keys/pass"), "file:keys/pass"),
        (SecretReference(SecretSource.LITERAL, "", Secret(VALUE)), "(sensitive)"),
    ],
)
def test_a_reference_says_where_and_never_what(reference, text):
    assert str(reference) == text
    assert VALUE not in repr(reference)


def test_a_literal_is_not_written_by_way_of_its_reference():
    with pytest.raises(TypeError):
        asdict(SecretReference(SecretSource.LITERAL, "", Secret(VALUE)))
