"""`rollout:` in the specs: which wave each server of a group belongs to, and sizes that do not add up."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loading.stack_folder import StackFolder

from provisioner.loading.expansion import Instance
from provisioner.loading.rollout import wave_of
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.model.address import Address

SIZES = st.lists(st.integers(1, 20) | st.integers(1, 100).map(lambda percent: f"{percent}%"), min_size=1, max_size=5)


def sizes_of(stack: StackFolder, rollout: str, *, count: int) -> list[int]:
    """How many servers each wave has."""
    stack.write("servers.yaml", f"servers:\n  pool: {{count: {count}, rollout: {rollout}}}\n")
    waves = [desired.wave for desired in stack.load().desired]
    assert waves == sorted(waves)
    return [len([*members]) for _, members in groupby(waves)]


@pytest.mark.parametrize(
    ("rollout", "count", "sizes"),
    [
        ("[1, 3, 50%]", 10, [1, 3, 5, 1]),
        ("[1]", 3, [1, 1, 1]),
        ("[2, 100%]", 7, [2, 5]),
        ("[34%]", 3, [2, 1]),
        ("[1, 9]", 4, [1, 3]),
        ("[5]", 0, []),
        ('"{{ [1, 2] if count.index >= 0 else [] }}"', 3, [1, 2]),
    ],
)
def test_sizes_are_used_up_in_order_and_the_last_is_repeated(stack: StackFolder, rollout, count, sizes):
    assert sizes_of(stack, rollout, count=count) == sizes


def test_keys_are_in_waves_as_they_are_written(stack: StackFolder):
    stack.write("servers.yaml", "servers:\n  pool: {for_each: [z, a, m], rollout: [1, 2]}\n")
    assert {str(one.address): one.wave for one in stack.load().desired} == {
        'pool["z"]': 0,
        'pool["a"]': 1,
        'pool["m"]': 1,
    }


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (
            "{count: 3, rollout: [1, 2, 1]}",
            "invalid-rollout",
            "wave 3 of 3 has no members: the waves before it take all 3",
        ),
        ("{count: 3, rollout: [100%, 1]}", "invalid-rollout", "wave 2 of 2 has no members"),
        ("{count: 3, rollout: []}", "invalid-rollout", "rollout names no wave"),
        ("{rollout: [1]}", "invalid-rollout", "rollout is for several, and pool is one"),
        ("{count: 3, rollout: [0]}", "invalid-value", "0 is no size of a wave"),
        ("{count: 3, rollout: [101%]}", "invalid-value", "'101%' is no size of a wave"),
        ("{count: 3, rollout: [true]}", "invalid-value", "True is no size of a wave"),
        ("{count: 3, rollout: 3}", "wrong-type", "rollout"),
    ],
)
def test_waves_that_do_not_add_up_are_refused_once(stack: StackFolder, body, code, said):
    found = stack.mistake(f"servers:\n  pool: {body}\n")
    assert found.code == code
    assert said in found.summary
    assert found.hint or "write" in found.summary


@given(SIZES, st.integers(1, 60))
def test_every_member_has_a_wave_and_no_wave_is_left_out(sizes, total):
    members = [Instance(Address("pool", index), {}, "pool", index, total) for index in range(total)]
    try:
        waves = [wave_of(member, sizes) for member in members]
    except UnplacedError:
        return
    assert waves == sorted(waves)
    assert set(waves) == set(range(max(waves) + 1))
    assert max(waves) + 1 >= len(sizes)
