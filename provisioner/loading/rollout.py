"""Assigns the members of a group to the waves of `rollout: [1, 3, 50%]`.

The sizes are used in order, and the last one repeats until every member has a wave. This module only counts: planning
decides what a wave does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BeforeValidator

from provisioner.loading.expansion import Instance
from provisioner.loading.unplaced_error import UnplacedError

_PERCENTAGE = re.compile(r"(?P<percent>[1-9][0-9]?|100)%")
_WHOLE = 100
_HINT = "write numbers from 1, or shares from 1% to 100%, as in rollout: [1, 3, 50%]"


def _size(value: object) -> object:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if is_number or (isinstance(value, str) and _PERCENTAGE.fullmatch(value)):
        return value
    raise ValueError(f"{value!r} is no size of a wave; {_HINT}")


Size = Annotated[int | str, BeforeValidator(_size)]


def wave_of(instance: Instance, sizes: Sequence[int | str]) -> int:
    """Returns the index of an instance's wave, from 0.

    Raises UnplacedError when the instance is not a member of a group, or when a wave would be empty.
    """
    position, total = instance.position, instance.total
    if instance.address.key is None:
        summary = f"rollout is for several, and {instance.address} is one"
        raise UnplacedError("invalid-rollout", summary, hint="add count or for_each, or leave rollout out")
    if not sizes:
        raise UnplacedError("invalid-rollout", "rollout names no wave", hint=_HINT)
    ends = [*_ends(sizes, total)]
    for number, start in enumerate((0, *ends[:-1]), 1):
        if start >= total:
            raise UnplacedError(
                "invalid-rollout",
                f"wave {number} of {len(sizes)} has no members: the waves before it take all {total}",
                hint="name fewer waves, or let a template choose: rollout: \"{{ [1, '50%'] if env == 'prod' else [1] }}\"",
            )
    if position < ends[-1]:
        return next(number for number, end in enumerate(ends) if position < end)
    last = ends[-1] - (ends[-2] if len(ends) > 1 else 0)
    return len(ends) + (position - ends[-1]) // last


def _ends(sizes: Sequence[int | str], total: int) -> Iterator[int]:
    """Yields the number of members up to the end of each wave. A percentage is of the whole group, rounded up."""
    end = 0
    for size in sizes:
        end += size if isinstance(size, int) else -(-int(size.rstrip("%")) * total // _WHOLE)
        yield end
