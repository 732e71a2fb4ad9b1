"""Renders a whole plan for people: the legend of the signs, every change, the findings, and Terraform's summary line.

The last lines say what is due, what is at risk and the sum, so that they are on the screen when all else has scrolled
away. It adds no judgement: the plan contains what is refused or worth a warning. The cost is linear in the number of
changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.plan import Mode, Plan
from provisioner.rendering.blocks import paint_sign
from provisioner.rendering.caller import target_text
from provisioner.rendering.change import paint_loss
from provisioner.rendering.change_list import change_sections
from provisioner.rendering.diagnostics import render_diagnostics
from provisioner.rendering.due import due_text, risks_text
from provisioner.rendering.left_out import left_out_text
from provisioner.rendering.outputs import output_changes_text
from provisioner.rendering.style import Style, cells, escape, wrap
from provisioner.rendering.wording import AGAIN, CREATE_FIRST, WORDS, pluralize, words_of

_APPROVED = "Provisioner will perform the actions that were approved. With --full they are shown again."
_MAX_NAMES = 6
"""How many addresses of a group are listed by name."""
_FEWEST_COUNTED = 4
"""From so many changes on, the legend counts them: the first screen then shows the sum as the last one does."""


def render_plan(plan: Plan, style: Style, *, full: bool = False, is_shown_before: bool = False) -> str:
    """Returns the plan, ending in a newline. Similar changes of one group take one line each, unless `full`.

    Of a plan that was shown before and approved, only the findings, the target and the sums are shown again, unless `full`.
    """
    if is_shown_before and not full:
        sections = [_APPROVED] if plan.work else []
    else:
        sections = ["\n".join(_legend(plan, style)), *change_sections(plan.work, style, mode=plan.mode, full=full)]
        sections += ("\n".join(_joint_orders(plan, style)), "\n".join(_dependencies(plan, style)))
    if plan.findings or plan.lifted or plan.refusals:
        found = (*plan.findings, *plan.lifted, *plan.refusals)
        sections.append(render_diagnostics(found, style, of_plan=True, full=full).rstrip("\n"))
    sections.append("\n".join(left_out_text(plan, style)))
    sections.append("\n".join(output_changes_text(plan.output_changes, style)))
    sections += (_allowed(plan), _target(plan))
    sections.append("\n".join((*due_text(plan, style), *risks_text(plan, style))))
    sections.append(_summary_text(plan, style))
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
    counts, loss = _counts(plan)
    return f"{style.bold('Plan:')} {counts} {paint_loss(loss, style)}".rstrip()


def _summary_text(plan: Plan, style: Style) -> str:
    """Returns the summary line, on several lines where the screen is too narrow for it."""
    counts, loss = _counts(plan)
    if not plan.work or plan.mode is Mode.REFRESH or cells(f"Plan: {counts} {loss}".rstrip()) <= style.width:
        return summary_line(plan, style)
    first, *rest = wrap(counts, style.width - len("Plan: "))
    lines = [f"{style.bold('Plan:')} {first}", *(f"      {line}" for line in rest)]
    lines += (paint_loss(line, style) for line in wrap(loss, style.width) if line)
    return "\n".join(lines)


def _counts(plan: Plan) -> tuple[str, str]:
    """Returns how many changes of which sort there are, and what is lost by them."""
    work, summary = plan.work, plan.summary
    count = Counter(change.action for change in work)
    doubts = sum(change.reason is Reason.IN_DOUBT for change in work)
    extra_counts = {
        "to adopt": count[Action.ADOPT],
        "to move": sum(change.moved_from is not None for change in work),
        "to resume": count[Action.RESUME] - doubts,
        "to forget": count[Action.FORGET],
        "in doubt": doubts,
    }
    extras = "".join(f", {number} {what}" for what, number in extra_counts.items() if number > 0)
    wiped = count[Action.REINSTALL]
    are = (
        "is a reinstallation, which wipes the system disk"
        if wiped == 1
        else "are reinstallations, which wipe the system disks"
    )
    loss = f"{wiped} of the changes {are}." if wiped else ""
    return f"{summary.add} to add, {summary.change} to change, {summary.destroy} to destroy{extras}.", loss


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
    if is_whole and not plan.changes:
        return f"{title} The specs declare no {plan.noun}s, and none are recorded."
    return f"{title} {servers} match the specs."


def _legend(plan: Plan, style: Style) -> Iterator[str]:
    work = plan.work
    count = Counter(words_of(change) for change in work if change.reason is not Reason.IN_DOUBT)
    if count:
        yield "Provisioner will perform the following actions:"
    for words in (words for words in (*WORDS.values(), CREATE_FIRST, AGAIN) if words in count):
        number = f": {count[words]}" if len(work) >= _FEWEST_COUNTED else ""
        legend = paint_loss(words.legend, style) if words is WORDS[Action.REINSTALL] else words.legend
        yield f"  {paint_sign(f'{words.sign:>3}', style)}  {legend}{number}"
