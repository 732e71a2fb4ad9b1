"""Implements `rollout:`: the members of a group are changed wave by wave, and no wave follows one that went wrong.

A server that is wrong already holds back the later waves here. One that goes wrong during the run does so there, by the
dependencies (docs/decisions/0015). Only the selected members of a wave count: who names a server of the last wave wants
it now. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change, MoveChange, NoOpChange, convert_to
from provisioner.model.dependency import Dependency
from provisioner.model.diagnostic import Diagnostic, warning
from provisioner.model.kind import Catalogue
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.readiness import blocks_dependents, is_unproven_for
from provisioner.planning.triggers import is_cause

_WAVE_ACTIONS = frozenset({Action.CREATE, Action.UPDATE, Action.REINSTALL, Action.REPLACE})
"""The actions that wait for earlier waves. Work that was begun before is finished in any case, which costs nothing
more.
"""


@dataclass(frozen=True, slots=True)
class RolloutSchedule:
    """The changes with the dependencies between waves."""

    changes: tuple[Change, ...]
    dependencies: tuple[Dependency, ...]
    findings: tuple[Diagnostic, ...]


def schedule_rollouts(changes: Sequence[Change], inputs: PlanInput, catalogue: Catalogue) -> RolloutSchedule:
    rollouts = [_Rollout(group, waves, inputs, catalogue) for group, waves in _waves_by_group(changes)]
    blocked = {change.address for rollout in rollouts for change in rollout.blocked}
    return RolloutSchedule(
        tuple(_block(change) if change.address in blocked else change for change in changes),
        tuple(dependency for rollout in rollouts for dependency in rollout.dependencies),
        tuple(finding for rollout in rollouts for finding in rollout.findings()),
    )


def _waves_by_group(changes: Iterable[Change]) -> Iterator[tuple[Address, list[list[Change]]]]:
    """Yields the groups with more than one wave, each with its waves in order."""
    groups: defaultdict[Address, defaultdict[int, list[Change]]] = defaultdict(lambda: defaultdict(list))
    for change in changes:
        if change.desired is not None and change.address.key is not None:
            groups[change.address.group][change.desired.wave].append(change)
    for group, waves in groups.items():
        if len(waves) > 1:
            yield group, [waves[number] for number in sorted(waves)]


class _Rollout:
    """One group: `dependencies` between its waves, and `blocked`, the changes that the run does not begin."""

    def __init__(self, group: Address, waves: list[list[Change]], inputs: PlanInput, catalogue: Catalogue) -> None:
        self.dependencies: list[Dependency] = []
        self.blocked: list[Change] = []
        self._group = group
        self._noun = f"{catalogue[waves[0][0].kind].noun}s"
        self._wrong: list[Change] = []
        before: tuple[Address, ...] = ()
        unproven: list[Change] = []
        for number, wave in enumerate(waves, 1):
            waiting = [change for change in wave if change.action in _WAVE_ACTIONS]
            if not self._wrong:
                self._wrong += (one for one in unproven if any(is_unproven_for(one, change) for change in waiting))
            if self._wrong:
                self.blocked += waiting
            elif waiting and before:
                self.dependencies.append(
                    Dependency(tuple(change.address for change in waiting), before, f"wave {number} of {self._group}")
                )
                before = ()  # the next wave waits for this one alone: with all earlier ones, a thousand waves would name half a million
            before += tuple(change.address for change in wave if change.action is not Action.NO_OP)
            self._wrong += (wrong := [change for change in wave if blocks_dependents(change, inputs, catalogue)])
            unproven += [change for change in wave if change.held and change not in wrong]

    def findings(self) -> Iterator[Diagnostic]:
        if not self.blocked:
            return
        named = ", ".join(str(change.address) for change in self._wrong)
        first = self.blocked[0]
        yield warning(
            "blocked",
            f"{self._group}: {len(self.blocked)} of its {self._noun} are held back because of an earlier wave: {named}",
            hint=f"repair it, or `provisioner apply --replace {self._wrong[0].address.shell_quoted}`; to continue without it, name the others: "
            f"`provisioner apply --target {first.address.shell_quoted}`",
            source=first.desired.source if first.desired else None,
            address=self._group,
        )


def _block(change: Change) -> Change:
    """Returns the change without its work. A move is kept, because it changes the state only, and the trigger that set
    it off, because a later run needs it.
    """
    variant = NoOpChange if change.moved_from is None else MoveChange
    fields = tuple(item for item in change.fields if is_cause(item))
    return convert_to(change, variant, reason=Reason.BLOCKED, fields=fields)
