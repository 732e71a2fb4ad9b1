"""Runs that carry out what was approved: by the plan file, or by the approval's text. The same command goes on after a death, and once all is
done it is refused, because the approval is used up.
"""

from __future__ import annotations

from dataclasses import replace

from crash.crash_environment import CrashEnvironment
from crash.scenario import (
    ALPHA,
    APPLY,
    BIGGER,
    DESTROY,
    EIGHT,
    NONCE,
    ONE,
    ONE_PREPAID,
    OTHER_IMAGE,
    POOL,
    TWO,
    LedgerTotals,
    Scenario,
    alpha,
    once,
)

from provisioner.saved_plans import read_plan

_FILE = "approved.plan"
_BY_FILE = ("apply", _FILE, "--resolve-timeout", "3s")


def _approve(*options: str):
    """Somebody has looked at the plan, and saved it."""

    def prepare(environment: CrashEnvironment) -> None:
        assert environment.run("plan", *options, "--out", _FILE).code == 0

    return prepare


def _by_text(environment: CrashEnvironment) -> tuple[str, ...]:
    """As another machine would go on, which has the approval and not the file."""
    return ("apply", "--approved", str(read_plan(environment.folder / _FILE).approval), "--resolve-timeout", "3s")


def _specs_move_on(environment: CrashEnvironment) -> None:
    environment.write(TWO.replace("beta: {}", f"beta: {{{BIGGER}}}"))


def _specs_are_put_back(environment: CrashEnvironment) -> None:
    environment.write(TWO)


_APPROVED = Scenario(
    name="approved",
    specs=TWO,
    prepare=_approve(),
    command=_BY_FILE,
    used_up="plan-used",
    follow_up=APPLY,
    expected=LedgerTotals(once("alpha", "beta"), ("alpha", "beta")),
)
APPROVED = (
    _APPROVED,
    replace(_APPROVED, name="approved, gone on by text", next_command=_by_text),
    replace(_APPROVED, name="approved, nonce", purchase=NONCE),
    replace(_APPROVED, name="approved, 8", specs=EIGHT, expected=LedgerTotals(once(*POOL), POOL)),
    replace(_APPROVED, name="approved, prepaid", specs=ONE_PREPAID, expected=LedgerTotals(once(*ALPHA), ALPHA)),
    replace(
        _APPROVED,
        name="approved, replaced",
        initial_specs=ONE,
        specs=alpha(BIGGER),
        expected=LedgerTotals({"alpha": 2}, ALPHA, released=once(*ALPHA)),
    ),
    replace(
        _APPROVED,
        name="approved, replaced, new first",
        initial_specs=ONE,
        specs=alpha(BIGGER, "lifecycle: {create_before_destroy: true}"),
        expected=LedgerTotals({"alpha": 2}, ALPHA, released=once(*ALPHA)),
    ),
    replace(
        _APPROVED,
        name="approved, another image",
        initial_specs=ONE,
        specs=alpha(f"image_id: {OTHER_IMAGE}"),
        expected=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA)),
    ),
    replace(
        _APPROVED,
        name="approved, destroyed",
        initial_specs=TWO,
        prepare=_approve("--destroy"),
        follow_up=DESTROY,
        expected=LedgerTotals(once("alpha", "beta"), (), released=once("alpha", "beta")),
    ),
    replace(
        _APPROVED,
        name="approved, specs moved on",
        between_runs=_specs_move_on,
        expected_problem="plan-differs",
        external_fix=_specs_are_put_back,
    ),
)
