"""A pin matches its own account, project or region alone; what has the form of an id is never taken for a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.diagnostic import SourceRange
from provisioner.model.pin import Pin, PinnedField

HERE = SourceRange("specs/stack.yaml", 1, 1)
ID, OTHER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
NAMES = st.none() | st.text(max_size=40) | IDS


@pytest.mark.parametrize(
    ("field", "value", "matches"),
    [
        (PinnedField.ACCOUNT, ID, True),
        (PinnedField.ACCOUNT, "acme", True),
        (PinnedField.ACCOUNT, "Acme", False),
        (PinnedField.ACCOUNT, OTHER, False),
        (PinnedField.PROJECT, "acme", True),
        (PinnedField.REGION, ID, True),
        (PinnedField.REGION, "acme", False),
    ],
)
def test_accounts_and_projects_match_by_id_or_name_and_regions_by_themselves(field, value, matches):
    assert Pin(field, value, HERE).matches(ID, "acme") is matches


@given(st.sampled_from(PinnedField), IDS, IDS, NAMES)
def test_a_pin_by_id_holds_for_that_id_alone_whatever_has_it_for_a_name(field, value, identifier, name):
    assert Pin(field, value, HERE).matches(identifier, name) is (value == identifier)


@given(st.sampled_from(PinnedField), st.text(min_size=1, max_size=40), IDS)
def test_a_name_that_is_not_known_matches_nothing(field, value, identifier):
    assert Pin(field, value, HERE).matches(identifier, None) is (value == identifier)
