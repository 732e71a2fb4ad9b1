"""The `adopt` command: lists the servers that no state owns, and adopts those that a person chooses."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.console import Console, console
from provisioner.cli.exit_codes import ExitCode
from provisioner.cli.lock_wait_ui import LockWaitUI
from provisioner.cli.options import (
    auto_approve_option,
    json_option,
    lock_timeout_option,
    may_ask_option,
    reason_option,
    stack_options,
)
from provisioner.cli.prompt import ask, can_ask, has_shown, read_answer

if TYPE_CHECKING:
    from provisioner.model.event import Event
    from provisioner.model.resource import Live
    from provisioner.planning import UnmanagedServer
    from provisioner.store import LockWaitStatus
    from provisioner.workflow.adopt import AdoptResult
    from provisioner.workflow.workspace import Workspace

_LONGEST_SHOWN = 60
"""Lines of the new file that a terminal shows."""


@click.command("adopt")
@click.option("--all", "everything", is_flag=True, help="Take over every server that can be adopted.")
@click.option(
    "--match",
    "match",
    metavar="GLOB",
    multiple=True,
    help="Take over servers whose name matches this pattern, such as 'train-*'. May be repeated.",
)
@click.option(
    "--from-terraform",
    "terraform",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take over the servers in this terraform.tfstate, with the values that it records.",
)
@auto_approve_option
@may_ask_option
@lock_timeout_option
@reason_option
@json_option
@stack_options
def command(
    *,
    workspace: Workspace,
    everything: bool,
    match: tuple[str, ...],
    terraform: Path | None,
    auto_approve: bool,
    may_ask: bool | None,
    lock_timeout: float,
    reason: str | None,
    as_json: bool,
) -> ExitCode:
    """Find servers that no state records, and take over the ones you choose.

    Without --all or --match, the command lists them and, on a terminal, asks which to take. It writes the chosen
    servers to a new spec file, records them, and makes a plan to check that nothing is left to do for them. Nothing
    is changed in the cloud.
    """
    from provisioner.workflow.adopt import AdoptRequest, adopt

    if terraform is not None and (everything or match):
        raise click.UsageError("a Terraform state says which servers: --all and --match choose without one")
    can_prompt = workspace.settings.input if may_ask is None else may_ask
    ui = ConsoleAdoptUI(
        console(),
        auto_approve,
        can_prompt,
        as_json,
        LockWaitUI(console(), lock_timeout),
        lambda: workspace.stack().approval_word,
    )
    request = AdoptRequest(everything, match, terraform, lock_timeout, reason)
    adopted = asyncio.run(adopt(workspace, request, ui))
    if terraform is not None and adopted.plan is not None:
        _warn_of_two_owners(terraform)
    elif terraform is not None and adopted.approved and not as_json:
        console().write("No changes. All that it manages is recorded in this state already.\n")
        return ExitCode.DONE
    return ui.show_result(adopted)


def _warn_of_two_owners(path: Path) -> None:
    from provisioner.model.diagnostic import warning

    hint = "take them out of it before anybody runs Terraform there again: out of its state with `terraform state rm`, and out of its .tf files"
    console().show_diagnostics(
        [warning("two-owners", f"{path} still manages these servers, and may replace them", hint=hint)]
    )


@dataclass(frozen=True, slots=True)
class ConsoleAdoptUI:
    console: Console
    auto_approve: bool
    may_ask: bool
    as_json: bool
    lock_wait: LockWaitUI
    approval_word: Callable[[], str]
    """Returns what a person types to approve; see `ConsoleApplyUI`."""

    def choose(self, found: Sequence[UnmanagedServer]) -> Sequence[Live]:
        if self.as_json or all(one.problem for one in found):
            return ()
        self._list(found)
        if not self.may_ask or not sys.stdin.isatty():
            self.console.message(
                "\nTo take them over: `provisioner adopt --all`, or `provisioner adopt --match` with a pattern of their names."
            )
            return ()
        if not has_shown(self.console):
            return ()
        question = "Which are to be taken over? Numbers such as 1,3-5, or all; anything else is none."
        answer = read_answer(self.console, question)
        chosen = parse_numbers(answer, len(found))
        return [one.row for number, one in enumerate(found, start=1) if number in chosen and not one.problem]

    def _list(self, found: Sequence[UnmanagedServer]) -> None:
        from provisioner.rendering.adoption import render_unmanaged

        self.console.write(render_unmanaged(found, self.console.style()))

    def approve(self, path: Path | None, text: str, chosen: Sequence[Live]) -> bool:
        from provisioner.rendering.style import escape
        from provisioner.rendering.wording import pluralize

        lines = [escape(line) for line in text.splitlines()]
        if not self.as_json and path is not None:
            most = len(lines) if self.console.style().columns is None else _LONGEST_SHOWN
            rest = [f"... {len(lines) - most} more lines"] if len(lines) > most else []
            shown = "".join(f"  {line}\n" for line in (*lines[:most], *rest))
            self.console.write(f"\nTo be written to {escape(str(path))}:\n\n{shown}")
        if self.auto_approve:
            return True
        hint = "look at what adopt lists, then run it again with --auto-approve"
        if not can_ask(self.console, may_ask=self.may_ask, as_json=self.as_json, hint=hint):
            return False
        question = (
            f"Do you want to take over {pluralize(len(chosen), 'resource')}?\n  From then on `destroy` releases them.\n"
        )
        return ask(self.console, question, word=self.approval_word())

    def listen(self, event: Event) -> None:
        self.console.show_event(event)

    def on_lock_wait(self, wait: LockWaitStatus) -> None:
        self.lock_wait.on_lock_wait(wait)

    def show_result(self, adopted: AdoptResult) -> ExitCode:
        from provisioner.rendering.adoption import count_unmanaged, unmanaged_document
        from provisioner.rendering.style import escape
        from provisioner.rendering.wording import pluralize

        path = None if adopted.path is None else str(adopted.path)
        if self.as_json:
            addresses = adopted.addresses if adopted.plan else ()
            self.console.document(
                unmanaged_document(adopted.found, adopted=addresses, path=path, requests=adopted.requests)
            )
        elif adopted.plan is not None:
            servers = count_unmanaged(len(adopted.addresses), adopted.found)
            proof = "A plan was made with them: it has nothing to do for any of them."
            if adopted.remaining_changes:
                proof = f"A plan was made with them, and has work for {len(adopted.remaining_changes)}: look at `provisioner plan`."
            where = f", declared in {escape(path)}" if path else ""
            calls = pluralize(adopted.requests, "request")
            proof = self.console.given.complete(proof)
            self.console.write(f"\nTook over {servers}{where}. {proof} ({calls} to the cloud.)\n")
        elif all(one.problem for one in adopted.found):
            self._list(adopted.found)
        if not adopted.approved:
            return ExitCode.INTERRUPTED
        return ExitCode.INCOMPLETE if adopted.remaining_changes or adopted.is_partial else ExitCode.DONE


def parse_numbers(answer: str, most: int) -> frozenset[int]:
    """Parses `1,3-5` or `all` into numbers from 1 to `most`.

    Any other text, or a number out of range, gives the empty set.
    """
    text = answer.replace(" ", "").strip().lower()
    if text == "all":
        return frozenset(range(1, most + 1))
    found: set[int] = set()
    for part in text.split(","):
        span = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", part)
        if span is None or not 1 <= int(span[1]) <= int(span[2] or span[1]) <= most:
            return frozenset()
        found.update(range(int(span[1]), int(span[2] or span[1]) + 1))
    return frozenset(found)
