"""All commands of the tool with their options, for tests that hold something for each of them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from provisioner.cli.commands import cli


def all_commands(command: click.Command = cli, parent: click.Context | None = None) -> Iterator[click.Context]:
    """As contexts, because a command's own options depend on those above it."""
    context = click.Context(command, parent, command.name, **command.context_settings)
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from all_commands(below, context)


EVERY_COMMAND = {context.command_path.partition(" ")[2]: context for context in all_commands()}


def options_of(context: click.Context) -> list[click.Option]:
    return [each for each in context.command.get_params(context) if isinstance(each, click.Option)]
