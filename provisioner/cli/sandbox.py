"""The `sandbox` commands: serve the emulator of the cloud over HTTP, and read its ledger.

Other commands import the sandbox only for a stack that uses it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.options import json_option, no_color

if TYPE_CHECKING:
    from provisioner.sandbox.serving import Listening


@click.group("sandbox")
def command() -> None:
    """Serve the built-in emulator of the cloud, or show its ledger.

    Stacks with `cloud: sandbox` use the emulator inside the command, without a server. Serve it to use other clients,
    or to try real HTTP.
    """


def _default_world() -> Path:
    import os

    from provisioner.settings import read_settings
    from provisioner.workflow.sandbox_world import default_world

    return default_world(read_settings(os.environ))


def _is_served_elsewhere() -> bool:
    import os

    from provisioner.settings import read_settings

    return bool(read_settings(os.environ).endpoints)


_settings_file = click.Path(dir_okay=False, path_type=Path)
_world = click.option("--world", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="File that keeps the sandbox's servers and orders [default: the one beside the state].")  # fmt: skip


@command.command("serve")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port on 127.0.0.1; 0 picks a free one."
)
@_world
@click.option(
    "--build-seconds",
    type=click.FloatRange(0, 86400),
    default=2.0,
    show_default=True,
    help="How long a server takes to build.",
)
@click.option("--accounts", type=_settings_file, metavar="FILE", help="YAML file of accounts, users and balances [default: one public account].")  # fmt: skip
@click.option("--market", type=_settings_file, metavar="FILE", help="YAML file of flavors, prices, zones and images [default: everything is for sale].")  # fmt: skip
@click.option("--faults", type=_settings_file, metavar="FILE", help="YAML file of the faults to inject [default: none].")  # fmt: skip
def serve(
    *,
    port: int,
    world: Path | None,
    build_seconds: float,
    accounts: Path | None,
    market: Path | None,
    faults: Path | None,
) -> None:
    """Serve the emulator on 127.0.0.1 until it is interrupted.

    Prints its address, then the shell commands that set the variables to use and to control it. docs/sandbox.md
    describes the files and the control API.
    """
    from provisioner.model.diagnostic import UsageError, error
    from provisioner.sandbox import SandboxError, SettingsError
    from provisioner.sandbox import serve as serve_world

    try:
        serve_world(
            world or _default_world(),
            port=port,
            build_seconds=build_seconds,
            accounts=accounts,
            market=market,
            faults=faults,
            announce=lambda listening: console().write(_announcement(listening, accounts)),
        )
    except SettingsError as unusable:
        raise UsageError(error("sandbox-settings", str(unusable))) from unusable
    except SandboxError as unusable:
        raise UsageError(error("sandbox-world", str(unusable))) from unusable


def _announcement(listening: Listening, accounts: Path | None) -> str:
    """Returns the text that `serve` prints: its address and the environment to use it.

    Credentials from a file are not repeated.
    """
    from provisioner.sandbox import PUBLIC

    address = listening.address
    lines = [
        f"listening on {address}",
        f"export PROVISIONER_ENDPOINT_MODELARTS={address} PROVISIONER_ENDPOINT_BSS={address} PROVISIONER_ENDPOINT_IAM={address}",
    ]
    if accounts is None:
        lines += [
            f"export HW_ACCESS_KEY={PUBLIC.access_key} HW_SECRET_KEY={PUBLIC.secret_key} HW_REGION_NAME={PUBLIC.region}",
            f"# or: HW_USER_NAME={PUBLIC.user_name} HW_USER_PASSWORD={PUBLIC.user_password} HW_DOMAIN_NAME={PUBLIC.domain_name}",
        ]
    else:
        lines.append(f"# credentials: those of the users in {accounts}")
    lines.append(f"export SANDBOX_CONTROL={listening.control} SANDBOX_TOKEN={listening.token}")
    return "".join(f"{line}\n" for line in lines)


@command.command("ledger")
@_world
@json_option
@no_color
def ledger(*, world: Path | None, as_json: bool) -> None:
    """Show everything that the sandbox sold, refunded, released and refused, oldest first."""
    from dataclasses import asdict

    from provisioner.model.diagnostic import StoreError, UsageError, error
    from provisioner.rendering.ledger import render_ledger
    from provisioner.rendering.style import escape
    from provisioner.sandbox import SandboxError, read_ledger

    path = world or _default_world()
    missing = f"There is no sandbox world at {path} yet. If it is served from another file, name that: --world FILE."
    if world is not None and not world.exists():
        hint = "check --world; `sandbox serve --world FILE` makes a new one"
        raise UsageError(error("sandbox-world", missing, hint=hint))
    if world is None and not path.exists() and _is_served_elsewhere():
        hint = (
            "PROVISIONER_ENDPOINT_* name a sandbox that is served: its ledger is in the file that it was served from (--world FILE), and "
            "at $SANDBOX_CONTROL/ledger, with the header X-Sandbox-Token"
        )
        raise UsageError(error("sandbox-world", f"there is no sandbox world at {path}", hint=hint))
    try:
        rows = [asdict(entry) for entry in read_ledger(path)]
    except SandboxError as unusable:
        raise StoreError(error("sandbox-world", str(unusable))) from unusable
    if as_json:
        console().document({"ledger": rows})
    elif rows or path.exists():
        console().write(render_ledger(rows, console().style()))
    else:
        console().write(f"{escape(missing)}\n")
