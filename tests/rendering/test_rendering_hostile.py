"""Whatever the cloud, a spec or a file name brings: nothing reaches the terminal but lines and our own colours."""

import io
import json
import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from rendering.samples import BASIS, COLORED, IDENTITY
from rich.console import Console
from support.builders import change_of

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.diagnostic import SourceRange, error
from provisioner.model.event import Event, EventType, Result, ResultType, RunResult
from provisioner.model.flow import Effect
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import Phase, Recorded
from provisioner.model.state import Intent, JournalHead, State
from provisioner.rendering.diagnostics import render_diagnostic
from provisioner.rendering.machine import plan_document
from provisioner.rendering.plan import render_plan
from provisioner.rendering.progress import LiveTable, event_line
from provisioner.rendering.state import render_outputs, render_state, render_state_list
from provisioner.rendering.style import Style
from provisioner.rendering.summary import render_summary

hostile = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from("\x00\x07\x08\x1b\x7f\x85\x9b\r\n\t\u061c\u200b\u2028\u202e\u2066\ufeff\ud800\U000e0001[]m;"),
    ),
    max_size=12,
)
COLORS = re.compile(r"\x1b\[(?:0|1|2|31|32|33|34|36)m")


def assert_harmless(text: str) -> None:
    rest = COLORS.sub("", text).replace("\n", "")
    bad = {character for character in rest if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert not bad


def server(text: str, name: str = "s", phase: Phase = Phase.READY) -> Recorded:
    fields = {"name": text, text: text, "list": [text, {text: text}], "block": {text: {"sha256": text}}}
    return Recorded(Address(name, text), text, phase, fields, id=text, order_id=text, observed={"charging_mode": text})


@settings(deadline=None)
@given(hostile)
def test_plans(text):
    wanted = {"name": text, text: [text], "inner": {text: text}}
    changes = [change_of(Address("t", f"{text}{index}"), text, Action.CREATE, after=wanted) for index in range(5)]
    changes[4] = change_of(changes[4].address, text, Action.CREATE, after={**wanted, "inner": {text: 1}})
    fields = (FieldChange((text,), text, None), FieldChange(("x", text), text, {text: text}, forces_replacement=True))
    changes += [
        change_of(
            Address("u", text), text, action, fields=fields, recorded=server(text), after=wanted, reason=Reason.VANISHED
        )
        for action in Action
    ]
    refused = error(text, text, detail=text, hint=text, source=SourceRange(text, 1, 3, text, 2))
    whole = Plan(Mode.APPLY, BASIS, tuple(changes), (refused,), (refused,))
    assert_harmless(render_plan(whole, COLORED))
    assert_harmless(render_plan(whole, COLORED, full=True))
    json.loads(json.dumps(plan_document(whole)))


@settings(deadline=None)
@given(hostile, hostile, st.integers(1, 30), st.integers(1, 9), st.integers(1, 120))
def test_diagnostics_fit_their_excerpt(text, excerpt, column, length, width):
    found = error(
        text,
        text,
        detail=f"{text}\n{text}",
        hint=text,
        source=SourceRange(text, 7, column, excerpt, length),
        address=Address("a", text),
        request_id=text,
    )
    assert_harmless(render_diagnostic(found, Style(color=True, width=width)))


@settings(deadline=None)
@given(hostile, st.sampled_from(EventType), st.sampled_from(Action))
def test_progress_and_summary(text, kind, action):
    told = error("x", text, hint=text)
    event = Event(kind, Address("a", text), action, text, text, text, 1.0, told)
    assert_harmless(event_line(event, COLORED) or "")
    live = LiveTable(1, COLORED, clock=lambda: 0.0)
    live.update(event)
    assert_harmless("\n".join(live.lines(9)))
    screen = io.StringIO()
    Console(file=screen, width=80, height=9, _environ={}).print(live)
    assert_harmless(screen.getvalue())
    run = RunResult((Result(Address("a", text), action, ResultType.FAILED, told),))
    assert_harmless(render_summary(run, COLORED))


@settings(deadline=None)
@given(hostile)
def test_states_and_outputs(text):
    doubt = Intent(
        text, Address("d", text), text, 1, Effect.PURCHASE, text, {}, {}, 0, 0, text, earlier_ids=(), target_id=text
    )
    record = server(text, phase=Phase.FAILED)
    whole = State(text, text, text, 1, IDENTITY, {record.address: record}, {text: doubt}, JournalHead())
    assert_harmless(render_state(whole, COLORED, unverifiable=[(text,)]))
    assert_harmless(render_state_list(whole))
    assert_harmless(render_outputs({text: {text: [text]}}, COLORED))
