"""Renders the summary of a run: the addresses that are not done with what to do about them, then how many are done.

It takes the outcomes as given. The command line decides which exit code they mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from provisioner.model.action import Action, Reason
from provisioner.model.change import Change
from provisioner.model.event import Result, ResultType, RunResult
from provisioner.model.fleet import Fleet
from provisioner.model.plan import Mode
from provisioner.rendering.folding import hint_skeleton
from provisioner.rendering.style import Style, cells, escape, pad, wrap
from provisioner.rendering.wording import WORDS

OUTCOMES = {
    ResultType.IN_DOUBT: "in doubt",
    ResultType.FAILED: "failed",
    ResultType.INCOMPLETE: "under way",
    ResultType.NOT_AWAITED: "not awaited",
    ResultType.NOT_STARTED: "not started",
}
"""The outcomes other than done, the gravest first."""
_BUILT = "not as declared"

_LEFT_BECAUSE: Mapping[Reason | None, str] = {
    Reason.VANISHED: "gone from the cloud",
    Reason.LEAVING: "being released by somebody else",
    Reason.BLOCKED: "held back",
}
_WIDEST_ADDRESS = 40
_NARROWEST_TEXT = 30


def render_summary(
    run: RunResult,
    style: Style,
    *,
    mode: Mode = Mode.APPLY,
    fleets: Sequence[Fleet] = (),
    not_as_wanted: Sequence[Change] = (),
) -> str:
    """Returns the summary, ending in a newline. `not_as_wanted` are changes that the plan had to leave undone."""
    command = mode.command.capitalize()
    open_results = [result for outcome in OUTCOMES for result in run.of_type(outcome)]
    if not open_results and not not_as_wanted and not run.interrupted and not run.has_errors_afterwards:
        last = f"{style.bold(style.green(f'{command} complete!'))} {run.noun.capitalize()}s: {_done(run, mode)}."
        return "\n".join((*_leftovers(run, style), last)) + "\n"
    how = "interrupted" if run.interrupted else "under way" if _is_only_not_awaited(open_results) else "incomplete"
    outcomes = [_outcome(result) for result in open_results]
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes))
    title, done = f"{command} {how}.", f"{run.noun.capitalize()}s: {_done(run, mode)}"
    gap = "; " if len(f"{title} {done}; {counts}.") <= style.width else ";\n  "
    last = f"{style.bold(style.yellow(title))} {done}{counts and gap + counts}."
    undone = (style.bold("Not done:"), "", *_table(open_results, style), "") if open_results else ()
    return (
        "\n".join((*undone, *_not_as_wanted(not_as_wanted, style), *_fleets(fleets), *_leftovers(run, style), last))
        + "\n"
    )


def _is_only_not_awaited(results: Sequence[Result]) -> bool:
    """Whether nothing is amiss: the cloud still works, and the run was told not to wait for that."""
    types = {result.type for result in results}
    return ResultType.NOT_AWAITED in types and types <= {ResultType.NOT_AWAITED, ResultType.NOT_STARTED}


def _not_as_wanted(changes: Sequence[Change], style: Style) -> Iterator[str]:
    if changes:
        yield style.bold(
            style.yellow("Left as they are although they are not as wanted; the findings above say what to do:")
        )
        yield ""
        reasons = ((change, _LEFT_BECAUSE.get(change.reason, "failed")) for change in changes)
        yield from (f"  {escape(str(change.address))}  {reason}" for change, reason in reasons)
        yield ""


def _fleets(fleets: Sequence[Fleet]) -> Iterator[str]:
    if fleets:
        yield from (f"{escape(str(fleet.group))}: {fleet.ready} of {fleet.wanted} are as declared." for fleet in fleets)
        yield ""


def _leftovers(run: RunResult, style: Style) -> Iterator[str]:
    """Yields what the run has left behind. Nobody would look for it, as its server is gone."""
    if not run.leftovers:
        return
    yield style.bold(style.yellow("These remain in the cloud and cost money until somebody deletes them:"))
    yield ""
    yield from (f"  {escape(str(address))}  {escape(leftover.what)}" for address, leftover in run.leftovers)
    yield ""


def _done(run: RunResult, mode: Mode) -> str:
    parts = [f"{run.count_done(Action.RECORD)} recorded"] if mode is Mode.REFRESH else [f"{run.destroyed} destroyed"]
    if mode is Mode.APPLY:
        parts[:0] = [f"{run.added} added", f"{run.changed} changed"]
    for action, name in (
        (Action.RESUME, "resumed"),
        (Action.ADOPT, "adopted"),
        (Action.MOVE, "moved"),
        (Action.FORGET, "forgotten"),
    ):
        if count := run.count_done(action):
            parts.append(f"{count} {name}")
    return ", ".join(parts)


def _table(results: list[Result], style: Style) -> Iterator[str]:
    """Yields a line per result. Neighbours with the same next step share the line that shows it, also where the step
    differs only in what it names: then it is that of the first of them.
    """
    address_width = min(max(cells(escape(str(result.address))) for result in results), _WIDEST_ADDRESS)
    outcome_width = max(len(_outcome(result)) for result in results)
    indent = " " * (address_width + outcome_width + 6)
    room = max(style.width - len(indent), _NARROWEST_TEXT)
    for _, alike in groupby(results, key=lambda result: (result.type, _hint_skeleton(result))):
        rows = [*alike]
        hint = _shared_hint(rows)
        for result in rows:
            outcome = pad(_outcome(result), outcome_width)
            start = f"  {pad(escape(str(result.address)), address_width)}  {_paint(outcome, style, kind=result.type)}  "
            first, *rest = wrap(escape(_describe(result)), room)
            yield (start + first).rstrip()
            yield from (indent + line for line in rest)
        if hint:
            first, *rest = wrap(style.complete(hint), max(room - len("next: "), 1))
            yield f"{indent}{style.cyan('next:')} {first}"
            yield from (f"{indent}      {line}" for line in rest)


def _shared_hint(rows: Sequence[Result]) -> str:
    hints = [*map(_hint, rows)]
    if len({*hints}) == 1:
        return hints[0]
    return f"for {rows[0].address}, and likewise for the other {len(rows) - 1}: {hints[0]}"


def _hint_skeleton(result: Result) -> str:
    return "" if result.diagnostic is None else hint_skeleton(result.diagnostic)


def _hint(result: Result) -> str:
    return "" if result.diagnostic is None else result.diagnostic.hint


def _describe(result: Result) -> str:
    noun = WORDS[result.action].noun
    code = f" [{result.diagnostic.code}]" if result.diagnostic else ""
    if result.built:
        return f"{noun}: the server is bought and built, but {result.message}{code}"
    return f"{noun}: {result.message}{code}" if result.message else noun


def _outcome(result: Result) -> str:
    return _BUILT if result.built else OUTCOMES[result.type]


def _paint(outcome: str, style: Style, *, kind: ResultType) -> str:
    return style.red(outcome) if kind in {ResultType.FAILED, ResultType.IN_DOUBT} else style.yellow(outcome)
