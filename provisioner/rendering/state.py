"""Renders what is recorded, for `state list`, `state show`, `show` and `output`: one server or all, and open intents.

It shows the record and not the cloud. The caller passes the fields that the cloud never shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from provisioner.model.canonical import JsonValue, canonical
from provisioner.model.flow import Effect
from provisioner.model.resource import FieldPath, Phase, Recorded
from provisioner.model.state import Intent, State
from provisioner.model.time_text import format_time
from provisioner.rendering.blocks import Block, Line, Member, block_text, members_of, with_contents
from provisioner.rendering.style import Style, escape, wrap
from provisioner.rendering.values import assignment_lines, leaves, path_text, value_lines, value_text
from provisioner.rendering.wording import pluralize

_INDENT = "  "


def render_state_list(state: State) -> str:
    """Returns one address per line and nothing else, for pipes. Purchases in doubt are listed too: they may be ours."""
    addresses = {*state.resources, *(address for intent in state.in_doubt for address in intent.addresses)}
    return "".join(f"{escape(str(address))}\n" for address in sorted(addresses))


def render_state(
    state: State,
    style: Style,
    *,
    location: str = "",
    unverifiable: Collection[FieldPath] = (),
    in_flight: bool = False,
) -> str:
    """Returns everything that is recorded, and where.

    The fields that the cloud never shows (`unverifiable`) are listed once, at the end. `in_flight`: the run that sent
    the open intents is still alive, so they are not in doubt yet.
    """
    where = state.stack if state.environment is None else f"{state.stack}, environment {state.environment}"
    title = f"{style.bold(escape(where))} ({escape(str(state.identity))}), serial {state.serial}\n"
    title += f"kept at {escape(location)}\n" if location else ""
    records = [state.resources[address] for address in sorted(state.resources)]
    sections = [title, *(_record(recorded, style) for recorded in records)]
    sections += (render_intent(intent, style, in_flight=in_flight) for intent in state.in_doubt)
    if not records and not state.intents:
        sections.append("No servers are recorded.\n")
    if note := _unverifiable_note(records, unverifiable, style):
        sections.append(note)
    return "\n".join(sections)


def render_resource(
    recorded: Recorded,
    style: Style,
    *,
    intent: Intent | None = None,
    unverifiable: Collection[FieldPath] = (),
    in_flight: bool = False,
) -> str:
    """Returns one record.

    `intent` is the open one of its address; `unverifiable` are paths that the cloud never shows.
    """
    sections = [_record(recorded, style)]
    if intent is not None:
        sections.append(render_intent(intent, style, in_flight=in_flight))
    if note := _unverifiable_note([recorded], unverifiable, style):
        sections.append(note)
    return "\n".join(sections)


def render_intent(intent: Intent, style: Style, *, in_flight: bool = False) -> str:
    """Returns a call whose outcome is not known, or not yet."""
    what = intent.effect.noun
    how = "in doubt" if intent.effect is Effect.PURCHASE else "unsettled"
    status = f"in flight, a {what} of a run at work" if in_flight else f"{how}, the outcome of a {what} is not known"
    lines = (
        style.yellow(style.bold(f"# {escape(intent.address_list)}: {status}")),
        f"{escape(intent.kind)} {value_text(intent.name)} {{",
        *block_text(
            (
                Line("intent", value_text(intent.id)),
                Line("attempt", value_text(intent.attempt)),
                Line("sent_at", format_time(intent.sent_at)),
                Line("sent_by", value_text(intent.who)),
                *([] if intent.target_id is None else [Line("target_id", value_text(intent.target_id))]),
                *([] if not intent.members else [Line("servers", value_text(len(intent.members)))]),
            ),
            style,
            indent=_INDENT,
        ),
        "}",
    )
    return "".join(f"{line}\n" for line in lines)


def render_outputs(outputs: Mapping[str, JsonValue], style: Style) -> str:
    """Returns the outputs by name, whole. A list or an object takes several lines.

    Names are not quoted, as they are addresses or fields.
    """
    texts = {name: [*value_lines(value)] for name, value in outputs.items()}
    return "".join(f"{line}\n" for line in assignment_lines(texts, style))


def render_raw(value: JsonValue) -> str:
    """Returns the bare value for scripts: a list as one line per item, and an object as compact JSON."""
    if isinstance(value, list):
        return "".join(render_raw(item) for item in value)
    text = value if isinstance(value, str) else canonical(value).decode()
    return f"{escape(text)}\n"


def _record(recorded: Recorded, style: Style) -> str:
    lines = (
        f"{style.bold(f'# {escape(str(recorded.address))}:')} {_phase(recorded.phase, style)}",
        *_sold(recorded, style),
        f"{escape(recorded.kind)} {value_text(recorded.name)} {{",
        *block_text(_members(recorded), style, indent=_INDENT),
        "}",
    )
    return "".join(f"{line}\n" for line in lines)


def _sold(recorded: Recorded, style: Style) -> Iterator[str]:
    if recorded.sold is None:
        return
    next_step = (
        f"; not paid yet: `provisioner orders cancel '{escape(str(recorded.address))}'` gives it up"
        if recorded.phase is Phase.AWAITING_PAYMENT
        else ""
    )
    yield style.yellow(
        f"# [charging-mismatch] sold as {escape(recorded.sold)}, which is not what was declared{next_step}"
    )


def _members(recorded: Recorded) -> Iterator[Member]:
    facts: dict[str, JsonValue] = {
        "id": recorded.id,
        "order_id": recorded.order_id,
        "protected": recorded.protected or None,
        "sold": recorded.sold,
    }
    if recorded.term is not None:
        facts |= {"expires_at": recorded.term.end, "renews": recorded.term.renews}
    for name, fact in facts.items():
        if fact is not None:
            yield Line(name, value_text(fact))
    yield from with_contents(members_of(recorded.declared), recorded.declared, recorded.contents)
    if recorded.labels:
        yield Block("labels", members_of(dict(recorded.labels)))
    if recorded.observed:
        yield Block("observed", members_of(recorded.observed))
    if recorded.pending:
        yield Block("pending", members_of(recorded.pending))
    if recorded.baseline:
        yield Block("baseline", members_of(recorded.baseline))
    if recorded.refused:
        yield Block("refused", members_of(recorded.refused))
    if recorded.unconfirmed:
        yield Block("unconfirmed", members_of(recorded.unconfirmed))
    if recorded.assumed:
        yield Block("assumed", members_of(recorded.assumed))


def _phase(phase: Phase, style: Style) -> str:
    text = phase.value.replace("_", " ")
    match phase:
        case Phase.READY:
            return style.green(text)
        case Phase.FAILED:
            return style.red(text)
        case _:
            return style.yellow(text)


def _unverifiable_note(records: Sequence[Recorded], unverifiable: Collection[FieldPath], style: Style) -> str:
    declared = {path for recorded in records for path, _ in leaves(recorded.declared)}
    hidden = sorted(path for path in unverifiable if any(found[: len(path)] == path for found in declared))
    if not hidden:
        return ""
    names = ", ".join(map(path_text, hidden))
    text = f"The cloud never shows {pluralize(len(hidden), 'declared field')}, so changes made outside are not noticed: {names}."
    return "".join(f"{style.dim(f'# {line}')}\n" for line in wrap(text, style.width - 2))
