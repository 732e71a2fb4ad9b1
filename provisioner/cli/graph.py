"""The `graph` command: shows the groups of a stack and the order of the work on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.console import console
from provisioner.cli.options import stack_options

if TYPE_CHECKING:
    from provisioner.workflow.workspace import Workspace


@click.command("graph")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid"]),
    default="text",
    show_default=True,
    help="Print text, or a flowchart for Markdown pages that draw Mermaid.",
)
@stack_options
def command(*, workspace: Workspace, form: str) -> None:
    """Show the groups of servers and the order of the work on them.

    \b
      provisioner graph
      provisioner graph --format mermaid > stack.mmd

    It shows what the specs declare: how many servers each group has, the waves of its rollout, and which groups are replaced
    because another one changes. It needs neither credentials nor a network, and what is recorded plays no part.
    """
    from provisioner.rendering.graph import render_graph, render_mermaid
    from provisioner.workflow.graph import read_graph

    graph = read_graph(workspace)
    console().write(render_mermaid(graph) if form == "mermaid" else render_graph(graph, console().style()))
