"""Defines the options that several commands share, and makes the workspace from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import click

from provisioner import __version__
from provisioner.cli.candidates import complete_environments
from provisioner.cli.console import Json, console
from provisioner.cli.home import home_directory
from provisioner.cli.parameter_types import AddressType, DurationType

if TYPE_CHECKING:
    from provisioner.model.kind import Catalogue
    from provisioner.model.reading_progress import ReadingProgress
    from provisioner.settings import Settings
    from provisioner.workflow.workspace import Emulator, Workspace

SYSTEM_CONFIGURATION = Path("/etc/provisioner/config.yaml")
"""The configuration file of the machine, which its administrator writes."""
Result = TypeVar("Result")
Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def _set_no_color(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        console().no_color = True


def _set_json(kind: Json) -> Callable[[click.Context, click.Parameter, bool], bool]:
    def set_json(_context: click.Context, _parameter: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's signature
        if value:
            console().json = kind
        return value

    return set_json


def _refuse_terraform_variables(
    _context: click.Context, _parameter: click.Parameter, value: tuple[Path, ...]
) -> tuple[Path, ...]:
    if found := [path for path in value or () if path.suffix == ".tfvars"]:
        from provisioner.cli.terraform import VARIABLES_FILE

        raise click.BadParameter(f"{str(found[0])!r}: {VARIABLES_FILE}")
    return value


def refuse_state_file(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuses Terraform's state file as a place: a folder of that name would look like an empty state."""
    if value is not None and "://" not in value and value.endswith((".tfstate", ".tfstate.backup")):
        from provisioner.cli.terraform import STATE_FILE

        raise click.BadParameter(f"{value!r}: {STATE_FILE}")
    return value


no_color = click.option(
    "--no-color",
    is_flag=True,
    expose_value=False,
    callback=_set_no_color,
    help="Print without colours. NO_COLOR does the same.",
)

_STACK_OPTIONS = (
    click.option("--specs", type=click.Path(path_type=Path), help="Directory of the stack [default: PROVISIONER_SPECS; the current one if it holds stack.yaml; specs]."),
    click.option("-e", "--environment", metavar="NAME", shell_complete=complete_environments, help="Environment to use; it has its own variables and its own state."),
    click.option("--state", "state_location", metavar="URL", callback=refuse_state_file, help="Where the state is kept: a folder, or the URL of a database, without a password [default: PROVISIONER_STATE; state: in your own configuration or in stack.yaml; the nearest state/ folder above the specs that has it]."),
    click.option("--var", "assignments", metavar="NAME=VALUE", multiple=True, help="Set a variable. May be repeated."),
    click.option("--var-file", "var_files", type=click.Path(path_type=Path), multiple=True, callback=_refuse_terraform_variables, help="Read variables from a YAML file. May be repeated."),
    no_color,
)  # fmt: skip


Collector: TypeAlias = Callable[[dict[str, Any]], None]

_COLLECTORS: WeakKeyDictionary[Callable[..., Any], list[Collector]] = WeakKeyDictionary()
"""The collectors by the wrapper of their command."""


def with_options(
    command: Callable[..., Result], options: Iterable[Option], collect: Collector
) -> Callable[..., Result]:
    """Adds `options` to a command. `collect` replaces their values by one argument before the command is called.

    A command has one wrapper, however many collectors it has.
    """
    decorated = command
    if command not in _COLLECTORS:
        collectors: list[Collector] = []

        @wraps(command)
        def wrapper(**given: Any) -> Result:
            for each in reversed(collectors):  # the decorator that stands first goes first
                each(given)
            return command(**given)

        decorated, _COLLECTORS[wrapper] = wrapper, collectors
    _COLLECTORS[decorated].append(collect)
    for option in reversed(tuple(options)):
        decorated = option(decorated)
    return decorated


def stack_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Adds the stack options to a command, which receives them as its `workspace`."""

    def collect(given: dict[str, Any]) -> None:
        given["workspace"] = _workspace_maker(given)()

    return with_options(command, _STACK_OPTIONS, collect)


def optional_stack_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Adds the stack options to a command that may not need a stack. It receives them as `open_workspace`."""

    def collect(given: dict[str, Any]) -> None:
        given["open_workspace"] = _workspace_maker(given)

    return with_options(command, _STACK_OPTIONS, collect)


def _workspace_maker(given: dict[str, Any]) -> Callable[[], Workspace]:
    """Takes the stack options out of what a command was given."""
    names = ("specs", "environment", "state_location", "assignments", "var_files")
    return partial(make_workspace, **{name: given.pop(name) for name in names})


def make_workspace(
    *,
    specs: Path | None,
    environment: str | None,
    state_location: str | None,
    assignments: tuple[str, ...] = (),
    var_files: tuple[Path, ...] = (),
) -> Workspace:
    from provisioner.loading import VariableInputs, choose_directory
    from provisioner.settings import read_settings
    from provisioner.workflow.state_places import read_explicit_state
    from provisioner.workflow.workspace import Workspace

    settings = read_settings(os.environ)
    explicit_state = None if state_location == "" else read_explicit_state(state_location, settings.state)
    for option, value in (("--specs", specs), ("-e", environment), ("--state", state_location)):
        if value is not None and not str(value):
            raise click.UsageError(f"{option} is empty. If it comes from a variable of the shell, that one is not set.")
        console().given.note(option, value)
    console().given.note_variables(assignments, var_files)
    catalogue: Callable[[], Catalogue] = click.get_current_context().obj
    start_log(settings.log_level)
    return Workspace(
        directory=choose_directory(specs or settings.specs),
        environment=environment or settings.environment,
        inputs=VariableInputs(files=var_files, environ=settings.variables, assignments=assignments),
        explicit_state=explicit_state,
        settings=settings,
        environ=os.environ,
        home=home_directory(os.environ),
        catalogue=catalogue(),
        emulator=emulator(),
        version=__version__,
        configuration_files=configuration_files(),
        progress=_reading_progress(settings),
    )


def _reading_progress(settings: Settings) -> ReadingProgress:
    """Returns progress that is shown where a person watches, and where no log is written between its lines."""
    from provisioner.model.reading_progress import NOT_SHOWN, ReadingProgress

    is_watched = not settings.in_automation and settings.log_level is None and console().can_show_steps
    return ReadingProgress(console().show_step) if is_watched else NOT_SHOWN


def configuration_files() -> tuple[Path, ...]:
    """Returns the paths of the user's and the machine's configuration, following the XDG base directory specification,
    which ignores relative paths.
    """
    given = Path(os.environ.get("XDG_CONFIG_HOME") or "")
    folder = given if given.is_absolute() else home_directory(os.environ) / ".config"
    return (folder / "provisioner" / "config.yaml", SYSTEM_CONFIGURATION)


def emulator() -> Emulator:
    """Returns the sandbox, which is imported only when a stack uses it."""
    from provisioner.sandbox import PUBLIC
    from provisioner.workflow.workspace import Emulator

    return Emulator(app=sandbox_app, access_key=PUBLIC.access_key, secret_key=PUBLIC.secret_key, region=PUBLIC.region)


def sandbox_app(world: Path) -> Any:
    from provisioner.model.diagnostic import StoreError, error
    from provisioner.sandbox import SandboxError, create_app

    try:
        return create_app(world)
    except SandboxError as unusable:
        hint = f"nothing was changed; move {world} away to start with an empty sandbox"
        raise StoreError(error("sandbox-world", str(unusable), hint=hint)) from unusable


def start_log(level: str | None) -> None:
    """Logs the tool and its requests to stderr, without secrets.

    `level` is the value of PROVISIONER_LOG: debug, info, ...
    """
    if level is None:
        return
    import logging

    known = logging.getLevelNamesMapping()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("provisioner").setLevel(known.get(level.upper(), logging.DEBUG))


replace_option = click.option(
    "--replace", "replace", metavar="ADDRESS", type=AddressType(), multiple=True,
    help="Release this server and buy a new one. A server that vanished is bought again. May be repeated.",
)  # fmt: skip
reinstall_option = click.option(
    "--reinstall", "reinstall", metavar="ADDRESS", type=AddressType(), multiple=True,
    help="If the cloud shows another system than declared, wipe this server's system disk and install the declared one. May be repeated.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, callback=_set_json(Json.DOCUMENT), help="Print JSON.")  # fmt: skip
full_option = click.option(
    "--full", is_flag=True, help="Show every server and finding in full, even if many are alike."
)
auto_approve_option = click.option("--auto-approve", is_flag=True, help="Do not ask for approval.")
never_asks_option = click.option("--input/--no-input", expose_value=False, help="Accepted because pipelines pass it to Terraform; this command never asks.")  # fmt: skip
may_ask_option = click.option("--input/--no-input", "may_ask", default=None, help="Whether the command may ask [default: --input, unless PROVISIONER_INPUT=0].")  # fmt: skip
lock_timeout_option = click.option("--lock-timeout", type=DurationType(), default="0s", show_default=True, metavar="DURATION", help="How long to wait for the lock of another run.")  # fmt: skip
reason_option = click.option("--reason", metavar="TEXT", help="Reason, kept in the journal.")
json_stream_option = click.option("--json", "as_json", is_flag=True, callback=_set_json(Json.STREAM), help="Print JSON, one line per event.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of apply and destroy.

    `may_ask` is None without --input and --no-input; both timeouts are in seconds.
    """

    auto_approve: bool
    may_ask: bool | None
    parallelism: int
    lock_timeout: float
    resolve_timeout: float
    no_wait: bool
    reason: str | None
    full: bool
    as_json: bool


_RUN_OPTIONS = (
    auto_approve_option,
    may_ask_option,
    click.option("--parallelism", type=click.IntRange(1, 512), default=10, show_default=True, help="How many requests run at the same time."),
    lock_timeout_option,
    click.option("--resolve-timeout", type=DurationType(), default="30s", show_default=True, metavar="DURATION", help="How long to look for a purchase in doubt."),
    click.option("--no-wait", is_flag=True, help="End once everything is ordered and recorded, without waiting for builds and releases [exit code 7]. The next run goes on."),
    reason_option,
    full_option,
    json_stream_option,
)  # fmt: skip


def run_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Adds the run options to apply and destroy, which receive them as `options`."""

    def collect(given: dict[str, Any]) -> None:
        given["options"] = RunOptions(**{field.name: given.pop(field.name) for field in fields(RunOptions)})

    return with_options(command, _RUN_OPTIONS, collect)
