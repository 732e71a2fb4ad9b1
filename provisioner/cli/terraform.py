"""Answers the commands and options of Terraform and OpenTofu, and a few words of similar tools, that this tool does not have:
what to use here instead.

Nothing is executed for such a word. Tests check that none of them is a command or an option of this tool, and that every
option of Terraform's commands either works here or is answered.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import click

Answer: TypeAlias = str | Callable[[Sequence[str]], str]
"""A text, or a function that makes it from the words that follow the command."""

STATE_FILE: Final = (
    "--state names the folder where states are kept, and Terraform's state file is none. "
    "`provisioner adopt --from-terraform FILE` takes over the servers of such a file."
)
VARIABLES_FILE: Final = "Files of variables are YAML here: write `nodes: 3` where Terraform has `nodes = 3`."
_TO_APPLY = "`provisioner plan` shows what would be bought, changed and released, and `provisioner apply` does it."
_TO_RELEASE = (
    "Take a server out of the specs, and `provisioner apply` releases it. `provisioner destroy` releases all of them, or with "
    "--target some. `provisioner state rm ADDRESS` forgets one without releasing it."
)
_TO_LOOK = "`provisioner plan` shows what differs from the specs, `provisioner drift` what was changed outside, `provisioner show` what is recorded."
_TO_LIST = "`provisioner state list` lists what is recorded. `provisioner adopt` lists the servers that nobody owns."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_NO_MODULES = "Modules do not exist here yet, so there is nothing to download or to list"


def _taint(arguments: Sequence[str]) -> str:
    address = _address(arguments)
    return (
        f"Nothing is marked for later here. To release the server and buy a new one: `provisioner apply --replace {address}`. "
        f"To see that first: `provisioner plan --replace {address}`."
    )


def _reinstall(arguments: Sequence[str]) -> str:
    address = _address(arguments)
    return (
        "To wipe the system disk of a server and put on it what the specs declare, where the cloud shows something else: "
        f"`provisioner apply --reinstall {address}`. To see that first: `provisioner plan --reinstall {address}`."
    )


def _untaint(arguments: Sequence[str]) -> str:
    return (
        "No server is ever marked, so there is no mark to lift: --replace holds for one command. "
        f"To see whether anything would be done to it: `provisioner plan --target {_address(arguments)}`."
    )


def _workspace(arguments: Sequence[str]) -> str:
    words = [word for word in arguments if not word.startswith("-")]
    name = words[1] if len(words) > 1 and _NAME.fullmatch(words[1]) else "NAME"
    match words[0] if words else "":
        case "list":
            how = "The files in environments/ beside stack.yaml are the list, and -e NAME chooses one: `provisioner plan -e NAME`"
        case "new":
            how = f"Write environments/{name}.yaml beside stack.yaml (it may be empty), then: `provisioner plan -e {name}`"
        case "select":
            how = (
                f"Name it with each command: `provisioner plan -e {name}`. Or for a whole shell: "
                f"`export PROVISIONER_ENVIRONMENT={name}`; or for everybody: `environment: {name}` in stack.yaml"
            )
        case "show":
            how = "`provisioner config show` shows which one is in force"
        case "delete":
            how = f"Release its servers with `provisioner destroy -e {name}`, then remove environments/{name}.yaml"
        case _:
            how = (
                "Write environments/NAME.yaml beside stack.yaml, and choose it with -e NAME: `provisioner plan -e NAME`"
            )
    return f"{how}. Environments take the place of workspaces, and each has a state of its own: docs/configuration.md."


def _address(arguments: Sequence[str]) -> str:
    """Returns the first argument as an address that can be pasted into a shell, or else the word ADDRESS."""
    from provisioner.model.address import Address

    given = next((word for word in arguments if not word.startswith("-")), None)
    if given is None:
        return "ADDRESS"
    try:
        address = Address.parse(given)
    except ValueError:
        return "ADDRESS"
    return shlex.quote(str(address))


COMMANDS: Final[Mapping[str, Answer]] = {
    "console": "There is no console yet. `provisioner plan` shows what every template comes to.",
    "cost": "Prices are not shown yet. `provisioner orders list` shows what was ordered and what it cost.",
    "create": _TO_APPLY,
    "delete": _TO_RELEASE,
    "deploy": _TO_APPLY,
    "diff": _TO_LOOK,
    "down": _TO_RELEASE,
    "env": _workspace,
    "events": "Scheduled events of the cloud are not shown yet. `provisioner drift` shows what was changed outside.",
    "flavors": "What is on sale is not listed yet. `provisioner plan` warns about a flavor that the cloud does not list or that is sold out.",
    "fmt": "There is no formatter yet, and specs may be laid out as you like. `provisioner validate` checks them.",
    "get": f"{_NO_MODULES}. `count`, `for_each` and `defaults:` repeat and share settings: docs/specs.md.",
    "images": "The images are not listed yet. `provisioner plan` warns about an image that the cloud does not list.",
    "list": _TO_LIST,
    "login": "This tool has no account to sign in to. Credentials of the cloud come from environment variables or from the files "
    "of the vendor's tools: `provisioner credentials` shows which are found, and docs/credentials.md explains them.",
    "logout": "This tool keeps no sign-in to end. `provisioner credentials` shows which credentials are found and where, and "
    "docs/credentials.md explains what is kept.",
    "logs": "`provisioner history` shows what was bought, paid, adopted and released, by whom and why.",
    "ls": _TO_LIST,
    "metadata": "The functions and filters of templates are listed in docs/specs.md.",
    "modules": f"{_NO_MODULES}. `provisioner graph` shows the groups of a stack.",
    "policy": "Policies do not exist yet. `guards:` in stack.yaml sets limits: docs/guards.md.",
    "preview": _TO_LOOK,
    "providers": "There is no provider to choose or to install: `cloud:` in stack.yaml says `huaweicloud` or `sandbox`.",
    "query": "`provisioner adopt` lists the servers that nobody owns, and takes over those that you choose.",
    "refresh": "`provisioner apply --refresh-only` records what the cloud shows, after asking. `provisioner drift` only shows it. "
    "Every plan reads the cloud anyway.",
    "reinstall": _reinstall,
    "remove": _TO_RELEASE,
    "renew": "Renewing a term is not supported yet; the vendor's console does it. `provisioner expiring` shows which terms end.",
    "replace": _taint,
    "rm": _TO_RELEASE,
    "schema": "The schema of the specs is not printed yet. docs/specs.md has every field.",
    "stacks": "A stack is a directory that holds a stack.yaml, and --specs DIR names another one. Its environments are chosen by -e NAME.",
    "state identities": "`provisioner output --json` prints the ids of all servers by address.",
    "state replace-provider": "There are no providers, so none has to be replaced. `provisioner state rename` gives a whole state another name.",
    "status": _TO_LOOK,
    "taint": _taint,
    "test": "There is no test command yet. `provisioner validate` checks the specs, and `cloud: sandbox` in stack.yaml lets `plan` and "
    "`apply` run without an account: docs/sandbox.md.",
    "untaint": _untaint,
    "up": _TO_APPLY,
    "workspace": _workspace,
}  # fmt: skip
"""By the words of the command."""

_NO_BACKEND = (
    "the state is kept in a folder, and --state or PROVISIONER_STATE names another one. Nothing has to be initialized"
)
_NO_PROVIDERS = "there are no providers or modules to install, so nothing has to be initialized again"
_NO_VARIABLES_TO_ASK = "every setting stands in the specs, and a variable is given by --var or --var-file"
_COPY = "the state before the last run is kept beside it, as NAME.backup"
_NO_TESTS = "there are no test files yet"
_DRAWING = "the graph is drawn from the specs alone; --format mermaid gives a drawing"

OPTIONS: Final[Mapping[str, str]] = {
    "y": "--auto-approve carries out a plan without asking",
    "yes": "--auto-approve carries out a plan without asking",
    "allow-deferral": "whatever waits for another server is in the same plan, and in its order",
    "allow-missing": "an address that is not recorded is always an error; `provisioner state list` shows those that are",
    "allow-missing-config": "declare the server in the specs first; `provisioner adopt` writes the specs of servers that exist",
    "backend": _NO_BACKEND,
    "backend-config": _NO_BACKEND,
    "backup": _COPY,
    "backup-out": _COPY,
    "cloud": "`cloud:` in stack.yaml says which cloud it is",
    "compact-warnings": "warnings are told once, in full",
    "concise": "progress goes to stderr: add `2>/dev/null`",
    "config": "the specs are found by --specs DIR",
    "consolidate-errors": "every mistake is told once, at its place",
    "consolidate-warnings": "warnings about many servers are told once, with the addresses of all",
    "create-default-workspace": "a state is made by the first apply",
    "deprecation": "there are no modules or providers that could be deprecated",
    "draw-cycles": "a cycle is an error of `provisioner validate`, which names it",
    "exclude-file": "repeat --exclude for each address",
    "force-copy": _NO_BACKEND,
    "from-module": "there are no modules yet; `provisioner init --help` lists what it can begin with",
    "generate-config-out": "`provisioner adopt` lists the servers that nobody owns, and writes the specs of those that you choose",
    "get": _NO_PROVIDERS,
    "get-plugins": _NO_PROVIDERS,
    "id": "`provisioner output --json` prints the ids of all servers by address",
    "ignore-remote-version": "the state is not kept by a remote service",
    "install-autocomplete": "`provisioner completion bash`, `zsh` or `fish` prints what the shell has to read",
    "json-into": "--json writes to stdout: add `>FILE`",
    "lock": "plan takes no lock, and apply always does; --lock-timeout is how long apply waits for another run",
    "lockfile": _NO_PROVIDERS,
    "migrate-state": f"{_NO_BACKEND}. `provisioner state migrate --to URL` moves a state to another place; `provisioner state rename` gives it another name",
    "module": "there are no modules yet",
    "module-depth": "there are no modules yet",
    "no-tests": _NO_TESTS,
    "or-create": "the first apply in an environment makes its state",
    "plugin-dir": _NO_PROVIDERS,
    "provider": "`cloud:` in stack.yaml says which cloud it is",
    "query": "`provisioner adopt` lists the servers that nobody owns",
    "reconfigure": _NO_BACKEND,
    "refresh": "the live list is always read, as nothing may be bought on a guess",
    "show-sensitive": "no secret is kept that could be shown; `provisioner output NAME` prints a sensitive output",
    "state-out": "a run writes the state that it reads; --state says where that is",
    "suppress-forget-errors": "a destroy does not fail because of servers that were let go",
    "target-file": "repeat --target for each address",
    "test-directory": _NO_TESTS,
    "type": _DRAWING,
    "uninstall-autocomplete": "take the line that loads `provisioner completion` out of your shell's start-up file",
    "upgrade": _NO_PROVIDERS,
    "verify-plugins": _NO_PROVIDERS,
}  # fmt: skip
"""Options that no command has."""

OPTIONS_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "apply": {"force": "--auto-approve carries out a plan without asking; --allow lifts a guard"},
    "destroy": {"force": "--auto-approve destroys without asking"},
    "force-unlock": {"force": "it asks nothing, and takes a lock from nobody"},
    "graph": {"plan": _DRAWING},
    "init": {
        "json": "its output is one line for each file that it wrote",
        "lock": "init takes no lock: it only writes files that do not exist",
        "lock-timeout": "init takes no lock: it only writes files that do not exist",
        "var": _NO_VARIABLES_TO_ASK,
        "var-file": _NO_VARIABLES_TO_ASK,
    },
    "import": {"parallelism": "an import reads the list of all servers at once"},
    "plan": {
        "lock-timeout": "plan takes no lock, so it never waits for another run",
        "parallelism": "plan reads the list of all servers at once; apply and destroy have --parallelism",
    },
    "show": {"plan": "name the file alone: `provisioner show FILE`"},
    "state list": {"id": "`provisioner output --json` prints the ids of all servers by address"},
}  # fmt: skip
"""Options that the command of Terraform has and ours has not, although another command of ours has one of that name."""


_LOSING: Final = frozenset({"--replace", "--reinstall", "--destroy"})


def answer_command(words: str, arguments: Sequence[str]) -> str | None:
    """Returns what to use instead of a command of Terraform; None for any other word."""
    answer = COMMANDS.get(words)
    return answer(arguments) if callable(answer) else answer


def answer_option(command: str, option: str) -> str | None:
    """Returns what to use instead of an option of Terraform, such as `lock`; None for any other one."""
    return OPTIONS_OF.get(command, {}).get(option) or OPTIONS.get(option)


class AnsweringGroup(click.Group):
    """A group that answers the commands of Terraform which it does not have."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            words = " ".join([*ctx.command_path.split()[1:], args[0]])
            if (answer := answer_command(words, args[1:])) is not None:
                from provisioner.rendering.style import escape

                raise click.ClickException(escape(f"There is no command {words!r}. {answer}")) from None
            raise


def with_advice(failure: click.ClickException) -> click.ClickException:
    """Returns the error, with advice when it is about an option of Terraform."""
    if not isinstance(failure, click.NoSuchOption):
        return failure
    command = " ".join(failure.ctx.command_path.split()[1:]) if failure.ctx else ""
    answer = answer_option(command, failure.option_name.lstrip("-"))
    # Nobody may lose a server because of a near word.
    near = [one for one in failure.possibilities or () if one not in _LOSING]
    return (
        click.NoSuchOption(failure.option_name, failure.message, near, failure.ctx)
        if answer is None
        else click.UsageError(f"There is no option {failure.option_name!r}: {answer}.", failure.ctx)
    )
