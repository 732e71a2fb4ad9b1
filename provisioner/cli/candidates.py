"""Completes values of arguments and options in a shell: addresses, labels, environments, plan files and codes of errors."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from provisioner.workflow.completion import StackPlace


def complete_addresses(ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Offers the servers of the state."""
    from provisioner.workflow.completion import addresses

    return _items(addresses(_place(ctx)), incomplete)


def complete_addresses_and_groups(
    ctx: click.Context, _param: click.Parameter | None, incomplete: str
) -> list[CompletionItem]:
    """Offers the servers of the state, and their groups."""
    from provisioner.workflow.completion import addresses

    return _items(addresses(_place(ctx), groups=True), incomplete)


def complete_labels(ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    from provisioner.workflow.completion import labels

    return _items(labels(_place(ctx)), incomplete)


def complete_environments(ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    from provisioner.workflow.completion import environments

    return _items(environments(_place(ctx)), incomplete)


def complete_plan_files(_ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Offers the saved plans of the current folder; where there are none, and in another folder, any file."""
    from click.shell_completion import CompletionItem

    from provisioner.workflow.completion import plan_files

    found = [] if os.sep in incomplete else _items(plan_files(Path()), incomplete)
    return found or [CompletionItem(incomplete, type="file")]


def complete_codes(_ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    from provisioner.workflow.explain import read_error_pages

    return _items(read_error_pages(), incomplete)


def complete_codes_and_addresses(
    ctx: click.Context, param: click.Parameter | None, incomplete: str
) -> list[CompletionItem]:
    """Offers the recorded addresses before the codes, of which there are many."""
    return [*complete_addresses(ctx, param, incomplete), *complete_codes(ctx, param, incomplete)]


def complete_commands(ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Offers what may follow `help` and the words after it."""
    shown = ctx.parent or ctx
    for word in ctx.params.get("words") or ():
        found = shown.command.get_command(shown, word) if isinstance(shown.command, click.Group) else None
        if found is None:
            return []
        shown = click.Context(found, shown, word)
    return shown.command.shell_complete(shown, incomplete) if isinstance(shown.command, click.Group) else []


def _place(ctx: click.Context) -> StackPlace:
    from provisioner.settings import read_settings
    from provisioner.workflow.completion import StackPlace

    settings, given = read_settings(os.environ), ctx.params
    return StackPlace(
        given.get("specs") or settings.specs,
        given.get("environment") or settings.environment,
        given.get("state_location") or settings.state,
    )


def _items(values: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(value) for value in values if value.startswith(incomplete)]
