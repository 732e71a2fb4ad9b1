"""The options `--target`, `--exclude` and `--selector`, which select the servers that a command works on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisioner.cli.candidates import complete_addresses_and_groups, complete_labels
from provisioner.cli.console import console
from provisioner.cli.options import with_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from provisioner.model.selection import Pattern, Selection

Result = TypeVar("Result")


class _PatternType(click.ParamType["Pattern"]):
    name = "address"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete_addresses_and_groups(ctx, param, incomplete)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Pattern:
        from provisioner.model.selection import Pattern

        if isinstance(value, Pattern):
            return value
        try:
            return Pattern.parse(value)
        except ValueError as failure:
            return self.fail(f"{failure}", param, ctx)


class LabelType(click.ParamType[tuple[str, str]]):
    name = "label"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete_labels(ctx, param, incomplete)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value[0], value[1]
        label, equals, wanted = value.partition("=")
        if not label or not equals:
            self.fail(f"{value!r} is not a label; write one like team=vision", param, ctx)
        return label, wanted


_OPTIONS = (
    click.option("--target", "targets", metavar="ADDRESS", type=_PatternType(), multiple=True, help="Work on this server or group only. May be repeated."),
    click.option("--exclude", "excludes", metavar="ADDRESS", type=_PatternType(), multiple=True, help="Leave this server or group out. May be repeated."),
    click.option("--selector", "labels", metavar="LABEL=VALUE", type=LabelType(), multiple=True, help="Work only on servers with this label. May be repeated; a server must have all of them."),
)  # fmt: skip


keep_protected_option = click.option(
    "--keep-protected",
    is_flag=True,
    help="With destroy: leave out the servers that lifecycle.prevent_destroy protects.",
)


def keeping_protected(selection: Selection, *, keep_protected: bool, destroy: bool) -> Selection:
    """Returns the selection that leaves alone what is protected, where that is wanted.

    Raises UsageError where nothing is destroyed.
    """
    from dataclasses import replace

    if keep_protected and not destroy:
        raise click.UsageError("--keep-protected belongs to --destroy: nothing else releases what the specs want")
    return replace(selection, keeps_protected=True) if keep_protected else selection


def selection_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Adds the selection options to a command, which receives them as its `selection`."""

    def collect(given: dict[str, Any]) -> None:
        from provisioner.model.selection import Selection

        selection = Selection(given.pop("targets"), given.pop("excludes"), given.pop("labels"))
        labels = [f"{label}={value}" for label, value in selection.labels]
        console().given.note_selection(target=selection.targets, exclude=selection.excludes, selector=labels)
        given["selection"] = selection

    return with_options(command, _OPTIONS, collect)
