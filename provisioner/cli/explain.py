"""The `explain` command: shows what the documentation says about a code, or what the specs say about an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from provisioner.cli.candidates import complete_codes_and_addresses
from provisioner.cli.console import console
from provisioner.cli.options import optional_stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("explain")
@click.argument("what", metavar="[CODE | ADDRESS]", required=False, shell_complete=complete_codes_and_addresses)
@optional_stack_options
def command(*, open_workspace: Callable[[], Workspace], what: str | None) -> None:
    """Explain the code of an error, or what the specs declare for an address.

    \b
      provisioner explain no-state        the word in brackets after Error or Warning
      provisioner explain 'trainer[0]'    where it is declared, and with which values
      provisioner explain                 all codes, one per line

    For a code it prints the entry of docs/errors.md and needs neither a stack nor a network. For an address it shows
    the computed values of the specs, with the rendered userdata and without secrets. It does not ask the cloud.
    """
    from provisioner.model.error_page import ErrorPage
    from provisioner.rendering.declaration import render_declaration
    from provisioner.rendering.error_page import render_error_list, render_error_page
    from provisioner.workflow.explain import explain, read_error_pages

    style = console().style()
    if what is None:
        console().write(render_error_list(read_error_pages().values(), style))
        return
    found = explain(what, open_workspace)
    text = render_error_page(found, style) if isinstance(found, ErrorPage) else render_declaration(found, style)
    console().write(text)
