"""Drift for people and for pipelines: each server that is otherwise than recorded, what was noticed beside, and a last line.

It judges nothing: what counts as drift is in the plan that it is handed, which only writes down.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.model.action import Action, Reason
from provisioner.model.plan import Plan
from provisioner.rendering.change import change_text
from provisioner.rendering.diagnostics import render_diagnostics
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


def render_drift(plan: Plan, style: Style) -> str:
    """Ends in a newline."""
    sections = ["\n".join(change_text(change, style)) for change in plan.work]
    if plan.findings:
        sections.append(render_diagnostics(plan.findings, style).rstrip("\n"))
    sections.append("\n".join(left_out_text(plan, style)))
    sections.append(_last_line(plan, style))
    return "\n\n".join(filter(None, sections)) + "\n"


def _last_line(plan: Plan, style: Style) -> str:
    left_out = _not_compared(plan)
    aside = f" {pluralize(left_out, plan.noun)} under way or in doubt not compared." if left_out else ""
    if not plan.work:
        found = f" {pluralize(len(plan.findings), 'finding')} above." if plan.findings else ""
        same = pluralize(len(plan.changes) - left_out - len(plan.left_out), plan.noun)
        return f"{style.bold(style.green('No drift.'))} {same} as recorded.{found}{aside}"
    parts = filter(None, (_counted(plan), pluralize(len(plan.findings), "finding") if plan.findings else ""))
    return f"{style.bold('Drift:')} {', '.join(parts)}.{aside}"


def _counted(plan: Plan) -> str:
    gone = sum(change.is_gone for change in plan.work)
    differing = len(plan.work) - gone
    told = (f"{differing} changed" if differing else "", f"{gone} gone" if gone else "")
    return ", ".join(filter(None, told))


def _not_compared(plan: Plan) -> int:
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
        "not_compared": _not_compared(plan),
        "drift": list(_servers(plan)),
        "findings": [diagnostic_document(finding) for finding in plan.findings],
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
