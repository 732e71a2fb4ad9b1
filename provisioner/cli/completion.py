"""The `completion` command: prints the script by which a shell completes the commands of this tool."""

from __future__ import annotations

import click

from provisioner.cli.console import console


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, *, shell: str) -> None:
    """Print a script that lets a shell complete commands with the TAB key.

    \b
      bash   source <(provisioner completion bash)       a line for ~/.bashrc
      zsh    source <(provisioner completion zsh)        a line for ~/.zshrc, after compinit
      fish   provisioner completion fish > ~/.config/fish/completions/provisioner.fish

    It completes commands, options, the addresses and labels of the state, environments, saved plans, and codes. Addresses with
    quotes are inserted as the shell needs them. It only reads files; where they are missing or damaged, it offers nothing.
    """
    from provisioner.cli.shells import SHELLS

    root = context.find_root()
    script = SHELLS[shell](root.command, {}, "provisioner", "_PROVISIONER_COMPLETE").source()
    console().write(script)
