"""A marker: nobody else can have it, and whoever knows the lineage recognises it."""

from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.marker import LENGTH, add_marker, is_marked

LINEAGE, ANOTHER = "6f0c9b1e-0d7c-4bb9-9d3e-3f3a7d1f5a11", "00000000-0d7c-4bb9-9d3e-3f3a7d1f5a11"
names = st.text("-_.abcXYZ019", min_size=1, max_size=64)
salts = st.binary(min_size=8, max_size=8)


@given(names, salts)
def test_a_marked_name_is_recognised_by_its_lineage_and_by_no_other(name, salt):
    wire = add_marker(name, lineage=LINEAGE, salt=salt, longest=64)
    assert is_marked(wire, lineage=LINEAGE)
    assert not is_marked(wire, lineage=ANOTHER)
    assert not is_marked(name, lineage=LINEAGE)


@given(names, salts)
def test_it_fits_and_begins_with_the_wanted_name(name, salt):
    wire = add_marker(name, lineage=LINEAGE, salt=salt, longest=64)
    assert len(wire) <= 64
    assert wire.startswith(name[: 64 - LENGTH - 1] + "-")
    assert set(wire) <= set(name) | set("-abcdefghijklmnopqrstuvwxyz234567")


@given(names, st.lists(salts, min_size=2, max_size=2, unique_by=lambda salt: salt[:3]))
def test_two_purchases_never_share_a_name(name, both):
    one, other = (add_marker(name, lineage=LINEAGE, salt=salt, longest=64) for salt in both)
    assert one != other


def test_a_name_that_only_looks_like_one_is_nobodys():
    assert not is_marked("trainer-abcdefghijkl", lineage=LINEAGE)
    assert not is_marked("-abcdefghijkl", lineage=LINEAGE)
