"""The console of `orders pay` and `orders cancel`: shows the order, asks for approval and shows progress."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.cli.apply_ui import ConsoleApplyUI
from provisioner.cli.console import Console
from provisioner.cli.prompt import ask, can_ask
from provisioner.rendering.orders import render_order, settle_question

if TYPE_CHECKING:
    from provisioner.applying import Interruption
    from provisioner.model.action import Action
    from provisioner.model.event import Event
    from provisioner.model.placed_order import PlacedOrder
    from provisioner.model.plan import Plan
    from provisioner.store import LockWaitStatus


@dataclass(frozen=True, slots=True)
class ConsoleOrdersUI:
    """The console of `orders pay` and `orders cancel`. Reuses the apply command's prompts and output, `apply_ui`.

    Events go to stderr, as --json writes a single document to stdout.
    """

    apply_ui: ConsoleApplyUI
    action: Action
    as_json: bool

    @property
    def _console(self) -> Console:
        return self.apply_ui.console

    def approve(self, order: PlacedOrder) -> bool:
        """Shows the order and asks for approval; only the answer `yes` approves."""
        if not self.as_json:
            self._console.write(render_order(order, self._console.style(), advise=False))
        if self.apply_ui.auto_approve:
            return True
        hint = "look at it with `provisioner orders list`, then run this again with --auto-approve"
        if not can_ask(self._console, may_ask=self.apply_ui.may_ask, as_json=self.as_json, hint=hint):
            return False
        return ask(self._console, settle_question(self.action, order), word=self.apply_ui.approval_word())

    def listen(self, event: Event) -> None:
        self.apply_ui.listen(event)

    def on_lock_wait(self, wait: LockWaitStatus) -> None:
        self.apply_ui.on_lock_wait(wait)

    def show_progress(self, plan: Plan) -> AbstractContextManager[Interruption]:
        return self.apply_ui.show_progress(plan)
