"""Lists the commands with their lines of help, so that listing them imports none of them."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.terraform import AnsweringGroup

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "help": ("help", "Show the help of a command."),
    "init": ("init", "Write the first specs of a stack, for the built-in sandbox."),
    "validate": ("validate", "Check the specs. No credentials and no network are needed."),
    "graph": ("graph", "Show the groups of servers and the order of the work on them."),
    "plan": ("plan", "Show what apply would buy, change and release."),
    "apply": ("apply", "Carry out a plan, and record every purchase as it happens."),
    "destroy": ("destroy", "Release every server of the stack."),
    "drift": ("drift", "Show what was changed outside of this tool since it was recorded."),
    "show": ("show", "Show the recorded servers, or a saved plan."),
    "import": ("import_server", "Record an existing server under an address of the specs."),
    "adopt": ("adopt", "Find servers that no state records, and take over the ones you choose."),
    "state": ("state", "List, show, edit, move or rebuild what the state records."),
    "output": ("output", "Print the declared outputs, or the ids and addresses of all servers."),
    "inventory": ("inventory", "Print the recorded servers for Ansible, ssh, /etc/hosts, scripts or a shell."),
    "resolve": ("resolve", "Settle a purchase in doubt by hand."),
    "orders": ("orders", "List, show, pay and cancel the orders of prepaid servers."),
    "expiring": ("expiring", "Show which prepaid servers reach the end of their paid term soon."),
    "history": ("history", "Show the audit log: purchases, payments, releases and decisions, with who and why."),
    "progress": ("progress", "Show what is under way: the run at work, and servers that no run waits for."),
    "leftovers": ("leftovers", "List the disks that releases left behind and that keep costing money."),
    "force-unlock": ("force_unlock", "Show who holds a lock and how to release it."),
    "credentials": ("credentials", "Show which credentials are used, and which account they belong to."),
    "doctor": ("doctor", "Check everything that an apply needs, and say what to do about each problem."),
    "config": ("config", "Show the configuration in force, and where each value comes from."),
    "explain": ("explain", "Explain the code of an error, or what the specs declare for an address."),
    "sandbox": ("sandbox", "Serve the built-in emulator of the cloud, or show its ledger."),
    "completion": ("completion", "Print a script that lets a shell complete commands with the TAB key."),
    "version": ("version", "Print the version."),
}


_NEAREST = 0.8
"""How alike a mistyped command has to be (difflib): `aply` is `apply`, and `lint` is not `init`."""


class LazyGroup(AnsweringGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"provisioner.cli.{COMMANDS[name][0]}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offers the commands without importing them, and the options."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as unknown:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1, cutoff=_NEAREST)
            meant = f"There is no command {args[0]!r}. Did you mean {near[0]!r}?" if near else unknown.message
            raise click.UsageError(meant, ctx) from None


def _change_directory(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        from provisioner.cli.console import console

        console().given.note("--chdir", value)
        os.chdir(value)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-C",
    "--chdir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    expose_value=False,
    is_eager=True,
    callback=_change_directory,
    help="Change to this directory first.",
)
@click.version_option(package_name="provisioner", message="%(prog)s %(version)s")
def cli() -> None:
    """Declare ModelArts DevServers in YAML, review the plan, and apply it.

    No server is bought twice, lost, or released by accident, even when a run is killed or a reply is lost.

    \b
    First steps:
      provisioner init          write the first specs
      provisioner plan          see what would be bought, changed and released
      provisioner apply         review the plan, answer yes, and have it carried out

    Exit codes: 0 done, 1 error, 2 differences (with --detailed-exitcode), 4 refused by a guard, 5 locked by another run,
    6 a purchase is in doubt, 7 incomplete, 8 interrupted or not approved.
    """
