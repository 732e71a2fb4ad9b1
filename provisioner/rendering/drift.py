"""Renders drift for people and pipelines: each server that differs from its record, the findings, and a summary.

It judges nothing: the plan that it is given contains what counts as drift. Such a plan only records.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action, Reason
from provisioner.model.plan import Plan
from provisioner.rendering.change_list import change_sections
from provisioner.rendering.diagnostics import render_diagnostics
from provisioner.rendering.due import risks_text
from provisioner.rendering.left_out import left_out_text
from provisioner.rendering.machine import (
    FORMAT_VERSION,
    Document,
    basis_document,
    diagnostic_document,
    field_document,
    selection_document,
)
from provisioner.rendering.style import Style
from provisioner.rendering.wording import pluralize


def render_drift(plan: Plan, style: Style, *, full: bool = False) -> str:
    """Returns the text, ending in a newline. Similar differences of one group take one line each, unless `full`."""
    sections = [*change_sections(plan.work, style, mode=plan.mode, full=full)]
    if shown := (*plan.findings, *plan.lifted, *plan.refusals):
        sections.append(render_diagnostics(shown, style, of_plan=True, full=full).rstrip("\n"))
    sections.append("\n".join(left_out_text(plan, style)))
    sections.append("\n".join(risks_text(plan, style)))
    if not plan.refusals:
        sections.append(_summary_line(plan, style))
    return "\n\n".join(filter(None, sections)) + "\n"


def _summary_line(plan: Plan, style: Style) -> str:
    uncompared = _count_uncompared(plan)
    note = f" {pluralize(uncompared, plan.noun)} under way or in doubt not compared." if uncompared else ""
    if not plan.work:
        found = f" {pluralize(len(plan.findings), 'finding')} above." if plan.findings else ""
        same = pluralize(len(plan.changes) - uncompared - len(plan.left_out), plan.noun)
        return f"{style.bold(style.green('No drift.'))} {same} as recorded.{found}{note}"
    parts = filter(None, (_drift_counts(plan), pluralize(len(plan.findings), "finding") if plan.findings else ""))
    return f"{style.bold('Drift:')} {', '.join(parts)}.{note}"


def _drift_counts(plan: Plan) -> str:
    gone = sum(change.is_gone for change in plan.work)
    differing = len(plan.work) - gone
    parts = (f"{differing} changed" if differing else "", f"{gone} gone" if gone else "")
    return ", ".join(filter(None, parts))


def _count_uncompared(plan: Plan) -> int:
    return sum(
        change.action is Action.NO_OP and change.reason in {Reason.UNDER_WAY, Reason.IN_DOUBT}
        for change in plan.changes
    )


def drift_document(plan: Plan) -> Document:
    return {
        "format_version": FORMAT_VERSION,
        "basis": basis_document(plan.basis),
        "drifted": bool(plan.work),
        "in_doubt": any(change.reason is Reason.IN_DOUBT for change in plan.changes),
        "unsettled": any(finding.code == "unsettled" for finding in plan.findings),
        "servers": len(plan.changes),
        "not_compared": _count_uncompared(plan),
        "drift": list(_servers(plan)),
        "findings": [diagnostic_document(finding) for finding in plan.findings],
        "refusals": [diagnostic_document(refusal) for refusal in plan.refusals],
        **selection_document(plan),
    }


def _servers(plan: Plan) -> Iterator[Document]:
    for change in plan.work:
        yield {
            "address": str(change.address),
            "kind": change.kind,
            "id": change.recorded.id if change.recorded else None,
            "name": change.recorded.name if change.recorded else None,
            "gone": change.is_gone,
            "fields": [field_document(field, change.sensitive) for field in change.fields],
        }
