"""Renders a whole plan for people: the legend of the signs, every change, the findings, and Terraform's summary line.

It adds no judgement: the plan contains what is refused or worth a warning. The cost is linear in the number of changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.canonical import JsonValue
from provisioner.model.change import Change
from provisioner.model.plan import Mode, Plan
from provisioner.model.resource import FieldPath
from provisioner.model.secret import HIDDEN
from provisioner.rendering.blocks import paint_sign
from provisioner.rendering.caller import target_text
from provisioner.rendering.change import change_text, name_of
from provisioner.rendering.diagnostics import render_diagnostics
from provisioner.rendering.grouping import SimilarCreates, group_similar
from provisioner.rendering.left_out import left_out_text
from provisioner.rendering.style import Style, cells, escape, pad
from provisioner.rendering.values import is_hidden, path_text, value_text
from provisioner.rendering.wording import CREATE_FIRST, WORDS, pluralize, words_of

_MAX_NAMES = 6
"""How many addresses of a group are listed by name."""


def render_plan(plan: Plan, style: Style, *, full: bool = False) -> str:
    """Returns the plan, ending in a newline. Similar creates of one group take one line each, unless `full`."""
    changes = plan.work if full else group_similar(plan.work)
    sections = ["\n".join(_legend(plan.work, style)), *("\n".join(_section(change, style)) for change in changes)]
    sections += ("\n".join(_joint_orders(plan, style)), "\n".join(_dependencies(plan, style)))
    if plan.findings or plan.lifted or plan.refusals:
        sections.append(render_diagnostics((*plan.findings, *plan.lifted, *plan.refusals), style).rstrip("\n"))
    sections.append("\n".join(left_out_text(plan, style)))
    sections += (_allowed(plan), _target(plan))
    sections.append(summary_line(plan, style))
    return "\n\n".join(filter(None, sections)) + "\n"


def _joint_orders(plan: Plan, style: Style) -> Iterator[str]:
    for call in plan.together:
        servers = ", ".join(escape(str(address)) for address in call)
        yield f"  {style.bold(f'# {len(call)} {plan.noun}s are bought in one order:')} {servers}"


def _dependencies(plan: Plan, style: Style) -> Iterator[str]:
    for dependency in plan.dependencies:
        are = "is" if len(dependency.after) == 1 else "are"
        line = f"# {escape(dependency.description)} begins when {_name_list(dependency.after)} {are} done:"
        yield f"  {style.bold(line)} {_name_list(dependency.addresses)}"


def _name_list(addresses: Sequence[Address]) -> str:
    more = f" and {len(addresses) - _MAX_NAMES} more" if len(addresses) > _MAX_NAMES else ""
    return ", ".join(escape(str(address)) for address in addresses[:_MAX_NAMES]) + more


def _allowed(plan: Plan) -> str:
    """Returns the refusals that are allowed, also those that lifted nothing: a saved plan contains them all."""
    return f"Allowed for this run: {', '.join(plan.allowed)}" if plan.allowed and plan.work else ""


def _target(plan: Plan) -> str:
    target = target_text(plan.basis)
    return f"To be done in {target}." if target and plan.work else ""


def summary_line(plan: Plan, style: Style) -> str:
    """Returns Terraform's last line of a plan: how many changes of which sort."""
    if not plan.work:
        return _nothing_to_do(plan, style)
    if plan.mode is Mode.REFRESH:
        return _refresh_summary(plan, style)
    summary, count = plan.summary, Counter(change.action for change in plan.work)
    doubts = sum(change.reason is Reason.IN_DOUBT for change in plan.work)
    extra_counts = {
        "to adopt": count[Action.ADOPT],
        "to move": sum(change.moved_from is not None for change in plan.work),
        "to resume": count[Action.RESUME] - doubts,
        "to forget": count[Action.FORGET],
        "in doubt": doubts,
    }
    extras = "".join(f", {number} {what}" for what, number in extra_counts.items() if number > 0)
    wiped = pluralize(count[Action.REINSTALL], "reinstallation")
    warning = style.red(f" To change includes {wiped}: system disks are wiped.") if count[Action.REINSTALL] else ""
    return (
        f"{style.bold('Plan:')} {summary.add} to add, {summary.change} to change, {summary.destroy} to destroy{extras}."
        f"{warning}"
    )


def _refresh_summary(plan: Plan, style: Style) -> str:
    return f"{style.bold('Refresh:')} {len(plan.work)} to record. Nothing would be bought, changed or released."


def _nothing_to_do(plan: Plan, style: Style) -> str:
    title = style.bold(style.green("No changes."))
    if found := len(plan.findings) + len(plan.refusals):
        return f"{title} Nothing would be done about the {pluralize(found, 'finding')} above."
    is_whole = plan.selection.is_everything
    selected = f"selected {plan.noun}s"
    servers, among = (f"Your {plan.noun}s", "") if is_whole else (f"The {selected}", f" among the {selected}")
    if plan.mode is Mode.DESTROY:
        return f"{title} There is nothing to destroy{among}."
    if plan.mode is Mode.REFRESH:
        return f"{title} The cloud shows what is recorded."
    return f"{title} {servers} match the specs."


def _legend(work: Iterable[Change], style: Style) -> Iterator[str]:
    used = {words_of(change) for change in work if change.reason is not Reason.IN_DOUBT}
    if used:
        yield "Provisioner will perform the following actions:"
    for words in (words for words in (*WORDS.values(), CREATE_FIRST) if words in used):
        yield f"  {paint_sign(f'{words.sign:>3}', style)}  {words.legend}"


def _section(change: Change | SimilarCreates, style: Style) -> Iterator[str]:
    return _similar_creates(change, style) if isinstance(change, SimilarCreates) else change_text(change, style)


def _similar_creates(group: SimilarCreates, style: Style) -> Iterator[str]:
    """Yields one line per server: its address, its name, and the fields in which it differs from the model."""
    exception = ", but for the fields shown" if any(member.differences for member in group.members) else ""
    comment = f"# {len(group.members)} more will be created like {escape(str(group.model))}{exception}"
    yield f"  {style.bold(comment)}"
    rows = [
        (
            escape(str(member.change.address)),
            value_text(name_of(member.change)),
            "  ".join(_differing_field(member.change, path=path, value=value) for path, value in member.differences),
        )
        for member in group.members
    ]
    address_width, name_width = (max(cells(row[column]) for row in rows) for column in (0, 1))
    sign = paint_sign("  +", style)
    for address, name, differences in rows:
        yield f"{sign} {pad(address, address_width)}  {pad(name, name_width)}  {differences}".rstrip()


def _differing_field(change: Change, *, path: FieldPath, value: JsonValue) -> str:
    return f"{path_text(path)} = {HIDDEN if is_hidden(path, change.sensitive) else value_text(value)}"
