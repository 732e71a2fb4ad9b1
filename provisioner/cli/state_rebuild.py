"""The console of `state rebuild`: shows the draft, asks for approval, and reports what was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.cli.apply_ui import ConsoleApplyUI
from provisioner.cli.console import Console
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.cli.prompt import ask, can_ask
from provisioner.rendering.state_rebuild import proposal_document, render_parts, render_proposal
from provisioner.rendering.style import escape

if TYPE_CHECKING:
    from provisioner.model.event import Event
    from provisioner.store import LockWaitStatus
    from provisioner.workflow.state_rebuild import RebuildDraft, RebuildResult

_QUESTION = (
    "Do you want to write this state?\n  Nothing is sent to the cloud. What stands there now is kept beside it.\n"
)


@dataclass(frozen=True, slots=True)
class ConsoleRebuildUI:
    apply_ui: ConsoleApplyUI
    lock_wait: LockWaitUI
    """Its prompts and output are reused."""

    @property
    def console(self) -> Console:
        return self.apply_ui.console

    def show(self, draft: RebuildDraft) -> None:
        self.console.show_diagnostics(draft.notes)
        if not self.apply_ui.as_json:
            style = self.console.style()
            self.console.write(f"{render_parts(draft.parts, draft.damage, style, location=draft.location)}\n")
            self.console.write(render_proposal(draft.proposal, style))

    def approve(self, _draft: RebuildDraft) -> bool:
        if self.apply_ui.auto_approve:
            return True
        hint = "look at what is shown, then run it again with --auto-approve"
        if not can_ask(self.console, may_ask=self.apply_ui.may_ask, as_json=self.apply_ui.as_json, hint=hint):
            return False
        return ask(self.console, _QUESTION, word=self.apply_ui.approval_word())

    def listen(self, event: Event) -> None:
        self.console.show_event(event)

    def on_lock_wait(self, wait: LockWaitStatus) -> None:
        self.lock_wait.on_lock_wait(wait)

    def show_result(self, rebuilt: RebuildResult) -> None:
        if self.apply_ui.as_json:
            self._document(rebuilt)
        elif rebuilt.draft is None:
            self.console.write(
                f"Nothing is damaged at {escape(rebuilt.location)}, and nothing was changed. Where an older copy of state and "
                "journal was put back, --force looks for servers that it lacks.\n"
            )
        elif rebuilt.state is not None:
            aside = "".join(f"  {escape(name)}\n" for name in rebuilt.aside)
            kept = f" What stood there is kept as:\n{aside}" if aside else "\n"
            self.console.write(
                f"\nRebuilt: {rebuilt.counted}, serial {rebuilt.state.serial}.{kept}Next: `provisioner plan`\n"
            )
        elif rebuilt.approved:
            self.console.write("\nThere is nothing to write. Nothing was changed.\n")

    def _document(self, rebuilt: RebuildResult) -> None:
        from provisioner.model.proposal import Proposal

        draft = rebuilt.draft
        self.console.document(
            proposal_document(
                Proposal((), ()) if draft is None else draft.proposal,
                parts=() if draft is None else draft.parts,
                damage=() if draft is None else draft.damage,
                notes=() if draft is None else draft.notes,
                written=rebuilt.state is not None,
                aside=rebuilt.aside,
            )
        )
