"""The `explain` command: shows what the documentation says about the code of an error or a warning."""

from __future__ import annotations

import click

from provisioner.cli.candidates import complete_codes
from provisioner.cli.console import console
from provisioner.cli.options import no_color


@click.command("explain")
@click.argument("code", required=False, shell_complete=complete_codes)
@no_color
def command(*, code: str | None) -> None:
    """Explain the code of an error or a warning: what it means, and what to do.

    \b
      provisioner explain no-state     the word in brackets behind Error and Warning
      provisioner explain              all codes, a line each

    It is the text of docs/errors.md, and needs neither a stack nor a network.
    """
    from provisioner.rendering.error_page import render_error_list, render_error_page
    from provisioner.workflow.explain import explain, read_error_pages

    if code is None:
        console().write(render_error_list(read_error_pages().values(), console().style()))
    else:
        console().write(render_error_page(explain(code), console().style()))
