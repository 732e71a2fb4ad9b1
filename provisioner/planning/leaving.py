"""Adds to every release of a plan what the cloud would keep of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from provisioner.model.change import Action, Change, Reason
from provisioner.model.kind import Catalogue
from provisioner.planning.survey import Survey


def with_leftovers(changes: Iterable[Change], survey: Survey, catalogue: Catalogue) -> tuple[Change, ...]:
    return tuple(
        replace(change, leftovers=catalogue[change.kind].leftovers(recorded, survey.live.get(recorded.id or "")))
        if (recorded := change.recorded) is not None and _is_released(change)
        else change
        for change in changes
    )


def _is_released(change: Change) -> bool:
    """Or has been, by a run that did not live to say so."""
    is_going = change.action in {Action.DELETE, Action.REPLACE}
    return is_going or (change.action is Action.FORGET and change.reason is Reason.UNDER_WAY)
