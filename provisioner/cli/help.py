"""The `help` command: shows the same as `--help` of the command that is named."""

from __future__ import annotations

import click

from provisioner.cli.candidates import complete_commands
from provisioner.cli.console import console


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1, shell_complete=complete_commands)
@click.pass_context
def command(context: click.Context, *, words: tuple[str, ...]) -> None:
    """Show the help of a command.

    \b
      provisioner help               what `provisioner --help` shows
      provisioner help plan          what `provisioner plan --help` shows
      provisioner help state list    the command of a group
    """
    shown = context.parent or context
    for word in words:
        group = shown.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"{shown.command_path!r} has no commands, and so no {word!r}.", shown)
        name, found, _ = group.resolve_command(shown, [word])
        assert found is not None  # otherwise click has raised an error
        shown = click.Context(found, shown, name, **found.context_settings)
    console().write(f"{shown.get_help()}\n")
