"""A change is one of a closed union: each variant has exactly its fields, and what it has no place for reads as nothing."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest
from support.builders import a_change, a_desired, a_recorded, an_address

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.change import (
    Change,
    CreateChange,
    DeleteChange,
    MoveChange,
    NoOpChange,
    ReplaceChange,
    ResolveChange,
    ResumeChange,
    UpdateChange,
    convert_to,
    evolve,
)

VARIANTS = get_args(Change)
FACTS = sorted({each.name for variant in VARIANTS for each in dataclasses.fields(variant)})


def test_every_action_has_one_variant_and_a_purchase_in_doubt_has_its_own():
    assert {variant.action for variant in VARIANTS} == set(Action)
    assert [variant for variant in VARIANTS if variant.action is Action.RESUME] == [ResumeChange, ResolveChange]
    assert len(VARIANTS) == len(Action) + 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_a_variant_has_no_place_for_reads_as_nothing(variant):
    own = {each.name for each in dataclasses.fields(variant)}
    change = a_change(action=variant.action, recorded=None if variant is ResolveChange else a_recorded())
    assert type(change) is variant
    read_by_the_variant_only = {"observed"}  # of a record alone
    assert not any(getattr(change, name) for name in FACTS if name not in own | read_by_the_variant_only)


@pytest.mark.parametrize(
    ("variant", "lacking"), [(CreateChange, "desired"), (UpdateChange, "recorded"), (DeleteChange, "recorded")]
)
def test_a_variant_cannot_be_made_without_what_it_needs(variant, lacking):
    given = {"desired": a_desired(), "recorded": a_recorded()}
    known = {each.name for each in dataclasses.fields(variant)} - {lacking}
    with pytest.raises(TypeError, match=lacking):
        variant(an_address(), "dev_server", **{name: given[name] for name in given if name in known})


def test_one_change_turns_into_another_with_what_both_have_place_for():
    fields = (FieldChange(("flavor",), "a", "b"),)
    known = NoOpChange(
        an_address(),
        "dev_server",
        desired=a_desired(),
        recorded=a_recorded(),
        held=(("image_id",),),
        noted=a_recorded(),
    )
    replaced = convert_to(known, ReplaceChange, reason=Reason.CANNOT_UPDATE, fields=fields)
    assert (replaced.desired, replaced.recorded, replaced.held) == (known.desired, known.recorded, known.held)
    assert (replaced.reason, replaced.fields) == (Reason.CANNOT_UPDATE, fields)
    moved = convert_to(evolve(replaced, create_first=True), MoveChange, moved_from=an_address("old"))
    assert (moved.noted, moved.moved_from, moved.create_first) == (known.noted, an_address("old"), False)
