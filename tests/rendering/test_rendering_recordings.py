"""What a run looks like, as texts that a person has read: a recording for each situation, in each kind of terminal.

`pytest tests/rendering/test_rendering_recordings.py --refresh-recordings` rewrites them; read the difference before you keep it.
Colours are written as words in angle brackets: only the sixteen that every terminal maps to its own background are used,
so a dark and a light screen show the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rendering.samples import BASIS, body, plan, recorded
from support.builders import a_state, an_intent, change_of
from support.planning_builders import OTHER_IMAGE, PREPAID, bought, planned, refreshed, shown, surveyed, wanted

from provisioner.cli.apply_ui import no_approval_hint
from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic, error
from provisioner.model.event import Event, EventType, Result, ResultType, RunResult
from provisioner.model.guards import Allowance
from provisioner.model.journal import RunStarted
from provisioner.model.leftover import Leftover
from provisioner.model.output import OutputChange, OutputValue
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import Lifecycle, Phase
from provisioner.model.run_progress import RunProgress
from provisioner.rendering.diagnostics import render_diagnostics
from provisioner.rendering.drift import render_drift
from provisioner.rendering.lock_wait import lock_line
from provisioner.rendering.outputs import render_outputs_section
from provisioner.rendering.plan import render_plan
from provisioner.rendering.progress import LiveTable, event_line
from provisioner.rendering.question import question_of
from provisioner.rendering.style import Style, cut
from provisioner.rendering.summary import render_summary
from provisioner.store import LockHolder, LockWaitStatus

FOLDER = Path(__file__).parent / "recordings"
TERMINALS = {
    "80": Style(color=False, width=80),
    "160": Style(color=False, width=160),
    "colour": Style(color=True, width=80),
}
"""A narrow and a wide screen, a screen with colours. What is piped has the text of a screen without colours."""
YEAR = {**PREPAID, "period_type": "YEAR"}
_COLOURS = {"0": "", "1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow", "34": "blue", "36": "cyan"}


def with_colour_names(text: str) -> str:
    return re.sub(r"\x1b\[(\d+)m", lambda found: f"<{_COLOURS[found[1]] or '/'}>", text)


def group(name: str, number: int, **fields):
    return [wanted(f"{name}[{index}]", name=f"{name}-{index}", **fields) for index in range(number)]


def there(*desired, **facts):
    """A survey in which everything is as it was bought; `facts` are those of the plan's inputs."""
    records = [bought(one, order_id=f"CS26{index:04}") for index, one in enumerate(desired)]
    return {"state": a_state(*records), "live": tuple(map(shown, records)), **facts}


def of_plan(made: Plan) -> Callable[[Style], str]:
    """What a person sees of a plan and is asked about it."""

    def render(style: Style) -> str:
        made_here = replace(made, basis=BASIS)
        text = render_plan(made_here, style)
        if not made.work or made.refusals:
            return text
        return f"{text}\n{question_of(made_here, style)}  Only 'yes' will be accepted to approve.\n\n  Enter a value: yes\n"

    return render


def one_purchase() -> Plan:
    return planned(surveyed(wanted(charging_info=YEAR)))


def many_purchases() -> Plan:
    made = planned(surveyed(*group("trainer", 1000, charging_info=YEAR), *group("web", 2)))
    return replace(made, output_changes=(OutputChange("master", is_known=False),))


def many_wipes() -> Plan:
    fleet = group("trainer", 40)
    return planned(
        surveyed(*(replace(one, fields={**one.fields, "image_id": OTHER_IMAGE}) for one in fleet), **there(*fleet))
    )


def renamed_keys() -> Plan:
    old = [wanted(f'pool["{key}-old"]', name=f"pool-{key}-old") for key in ("a", "b", "c", "d", "e")]
    new = [wanted(f'pool["{key}-new"]', name=f"pool-{key}-new") for key in ("a", "b", "c", "d", "e")]
    return planned(surveyed(*new, **there(*old)))


def in_doubt() -> Plan:
    doubts = [an_intent(f"trainer[{index}]", name=f"trainer-{index}") for index in range(5)]
    state = a_state(intents={one.id: one for one in doubts})
    return planned(surveyed(*group("trainer", 5, charging_info=PREPAID), wanted("web", name="web"), state=state))


def refused() -> Plan:
    fleet = [
        replace(one, lifecycle=Lifecycle(prevent_destroy=True)) for one in group("trainer", 12, charging_info=PREPAID)
    ]
    return planned(surveyed(**there(*fleet)), mode=Mode.DESTROY)


def released_early() -> Plan:
    fleet = group("trainer", 5, charging_info=PREPAID)
    return planned(surveyed(**there(*fleet, allowed=frozenset({Allowance.PREPAID_DELETE, Allowance.MASS_CHANGE}))))


def replaced() -> Plan:
    old = wanted(charging_info=YEAR)
    return planned(
        surveyed(wanted(charging_info=YEAR, flavor="Si2.large.8"), **there(old, replace=frozenset({old.address})))
    )


def refresh() -> Plan:
    fleet = group("trainer", 6)
    records = [bought(one) for one in fleet]
    rows = [
        shown(one, "STOPPED") if index % 2 else shown(one, name=f"other-{index}") for index, one in enumerate(records)
    ]
    return refreshed(surveyed(*fleet, state=a_state(*records), live=tuple(rows[:-1])))


def no_changes() -> Plan:
    fleet = group("trainer", 3)
    return planned(surveyed(*fleet, **there(*fleet)))


def drift(style: Style) -> str:
    return render_drift(replace(refresh(), basis=BASIS), style)


def locked(style: Style) -> str:
    found = error(
        "lock-held", "another run holds the lock: ana@host (apply, process 4711)", hint="wait with --lock-timeout 10m"
    )
    since = 1_790_000_000_000
    run = RunStarted("run", "apply", "ana@host", "0.1.0", "rollout of v2", planned={"create": 500})
    holder = LockHolder("ana@host", 4711, "host", "apply", since, "ab12", "rollout of v2")
    wait = LockWaitStatus(holder, 80.0, progress=RunProgress(run, since, 500, under_way=12, done=37))
    return f"{cut(lock_line(wait, timeout=600, now=since + 60_000, width=style.width), style.width)}\n{render_diagnostics([found], style)}"


def nobody_to_ask(style: Style) -> str:
    return render_diagnostics(
        [error("no-approval", "nobody can be asked for approval here; nothing was changed", hint=no_approval_hint())],
        style,
    )


def events() -> Iterator[Event]:
    trainer, web, old = Address("trainer", 0), Address("web"), Address("old")
    yield Event(EventType.STARTED, trainer, Action.CREATE)
    yield Event(EventType.STARTED, web, Action.REINSTALL)
    yield Event(EventType.STARTED, old, Action.DELETE)
    yield Event(EventType.BOUGHT, trainer, Action.CREATE, id="62383738-e52a-450a-9f84-f9e705402be8", order_id="CS2311")
    yield Event(EventType.PAUSED, remaining=20)
    yield Event(EventType.WAITING, trainer, Action.CREATE, elapsed=62, detail="CREATING")
    yield Event(EventType.WAITING, web, Action.REINSTALL, elapsed=12, detail="STOPPING")
    yield Event(EventType.FINISHED, old, Action.DELETE, elapsed=70)
    yield Event(
        EventType.FAILED, web, Action.REINSTALL, elapsed=75, diagnostic=error("server-failed", "it is in ERROR")
    )
    yield Event(EventType.IN_DOUBT, trainer, Action.CREATE, diagnostic=error("no-answer", "the reply was lost"))


def progress_lines(style: Style) -> str:
    return "".join(f"{event_line(event, style)}\n" for event in events())


def progress_table(style: Style) -> str:
    """The live table on three heights: the totals are there on the smallest screen."""
    table = LiveTable(4, style, clock=lambda: 0.0)
    frames = []
    for event in events():
        table.update(event)
        frames.append(table.lines(10))
    shown_frames = [frames[4], frames[-1], table.lines(3), table.lines(1)]
    return "\n---\n".join("\n".join(lines) for lines in shown_frames) + "\n"


def result(
    address: str, kind=ResultType.DONE, action=Action.CREATE, found: Diagnostic | None = None, **facts
) -> Result:
    return Result(Address.parse(address), action, kind, found, **facts)


def summary_done(style: Style) -> str:
    run = RunResult(tuple(result(f"trainer[{index}]") for index in range(40)))
    outputs = (OutputValue("master", "10.0.0.7"), OutputValue("token", "x", sensitive=True))
    return render_summary(run, style) + render_outputs_section(outputs, style)


def summary_failed(style: Style) -> str:
    unpaid = [
        result(f"pool[{index}]", ResultType.INCOMPLETE, found=error("server-awaiting-payment", f"order CS26{index:06} awaits payment", hint=f"`provisioner orders pay CS26{index:06}` pays it, then run apply again"))
        for index in range(5)
    ]  # fmt: skip
    others = [
        result("web", ResultType.IN_DOUBT, found=error("no-answer", "the reply was lost", hint="run apply again: it looks for the server")),
        result("db", ResultType.FAILED, Action.REINSTALL, error("server-failed", "it is in ERROR", hint="`apply --replace 'db'`")),
        result("late", ResultType.NOT_STARTED, found=error("stopped", "the run was stopped first", hint="run apply again")),
    ]  # fmt: skip
    released = result("old", action=Action.DELETE, leftovers=(Leftover("data disk old-data (40 GB)", "id"),))
    run = RunResult((result("trainer[0]"), released, *unpaid, *others), interrupted=True)
    return render_summary(run, style)


def every_sort(style: Style) -> str:
    """One change of every sort, each in full."""
    image = FieldChange(("image_id",), "c90fb553-2cdb-4b81-b56a-ef68812c6cf7", OTHER_IMAGE, reinstalls=True)
    flavor = FieldChange(("flavor",), "Si2.large.4", "Si2.large.8", forces_replacement=True)
    made = {
        "new": (Action.CREATE, {"recorded": None, "after": body("new"), "computed": ("id",)}),
        "wiped": (Action.REINSTALL, {"fields": (image,), "after": body("wiped")}),
        "other": (Action.REPLACE, {"fields": (flavor,), "after": body("other")}),
        "old": (Action.DELETE, {"reason": Reason.NOT_IN_SPECS, "leftovers": (Leftover("data disk old-data", "id"),)}),
        "found": (Action.ADOPT, {}),
        "slow": (Action.RESUME, {"recorded": recorded("slow", phase=Phase.AWAITING_PAYMENT), "reason": Reason.UNDER_WAY}),
        "free": (Action.FORGET, {"reason": Reason.REMOVED, "let_go": True}),
        "lost": (Action.RESUME, {"recorded": None, "reason": Reason.IN_DOUBT}),
    }  # fmt: skip
    changes = (
        change_of(Address(name), "dev_server", action, **({"recorded": recorded(name)} | facts))
        for name, (action, facts) in made.items()
    )
    return render_plan(plan(*changes), style)


SITUATIONS: dict[str, Callable[[Style], str]] = {
    "one-prepaid-purchase": of_plan(one_purchase()),
    "a-thousand-purchases": of_plan(many_purchases()),
    "every-sort": every_sort,
    "wipes": of_plan(many_wipes()),
    "renamed-keys": of_plan(renamed_keys()),
    "in-doubt": of_plan(in_doubt()),
    "refused": of_plan(refused()),
    "released-early": of_plan(released_early()),
    "replaced": of_plan(replaced()),
    "refresh": of_plan(refresh()),
    "drift": drift,
    "no-changes": of_plan(no_changes()),
    "locked": locked,
    "nobody-to-ask": nobody_to_ask,
    "progress-lines": progress_lines,
    "progress-table": progress_table,
    "done": summary_done,
    "failed": summary_failed,
}


def recording(situation: str, style: Style) -> str:
    return shortened(with_colour_names(SITUATIONS[situation](style)))


def shortened(text: str) -> str:
    """Returns the text without the middle of a long group, so that a recording can be read."""
    lines = text.splitlines()
    if len(lines) <= 200:
        return text
    cut = len(lines) - 160
    return "\n".join((*lines[:100], f"[... {cut} lines ...]", *lines[-60:])) + "\n"


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_situation_looks_as_it_was_recorded(situation, terminal, request):
    file, text = FOLDER / f"{situation}.{terminal}.txt", recording(situation, TERMINALS[terminal])
    if request.config.getoption("--refresh-recordings"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def test_there_is_a_situation_for_every_recording():
    assert {file.name for file in FOLDER.iterdir()} == {f"{one}.{of}.txt" for one in SITUATIONS for of in TERMINALS}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_colour_says_nothing_that_the_words_do_not_say(situation):
    plain = re.sub(r"\x1b\[\d+m", "", SITUATIONS[situation](TERMINALS["colour"]))
    assert plain == SITUATIONS[situation](TERMINALS["80"])


@pytest.mark.parametrize("situation", SITUATIONS)
def test_prose_fits_on_a_narrow_screen(situation):
    """Values and addresses are never cut or broken; all else is."""
    long = [line for line in SITUATIONS[situation](TERMINALS["80"]).splitlines() if len(line) > 80]
    assert [line for line in long if " = " not in line and not line.startswith(("Warning[", "Error["))] == []
