"""Writes docs/command-reference.md from the commands themselves: their help, arguments and options.

Run by `make reference`; a test holds the page in the repository against what this module writes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from provisioner.cli.commands import cli

PAGE = Path(__file__).resolve().parent / "command-reference.md"
HEAD = """\
# Command reference

*Reference · [All pages](README.md) · See also: [Commands by task](commands.md), [Exit codes, output and variables](interfaces.md)*

This page lists every command with its arguments and options. It has the same text as `provisioner COMMAND --help`, because
`make reference` writes it from the commands. Options may be written with one dash, as in Terraform (`-auto-approve`, `-out=plan`,
`-var x=1`).
"""
SHARED = {
    "Stack options": ("specs", "environment", "state", "var", "var-file", "no-color"),
    "Selection options": ("target", "exclude", "selector"),
}
"""The groups of options that many commands have. Each is described once, with the options of `plan`."""
ABOUT = {
    "Stack options": "Every command that works on a stack has these options.",
    "Selection options": "`plan`, `apply`, `destroy` and `drift` have these options. "
    "[Work on a part of the stack](commands.md#work-on-a-part-of-the-stack) shows how to use them.",
}


def page() -> str:
    contexts = list(_commands(click.Context(cli, info_name="provisioner", **cli.context_settings)))
    rows_of_plan = _rows(next(each for each in contexts if each.info_name == "plan"))
    groups = {title: {name: rows_of_plan[name] for name in names} for title, names in SHARED.items()}
    parts = [HEAD]
    for title, rows in groups.items():
        parts.append(f"## {title}\n\n{ABOUT[title]}\n\n{_table(rows)}")
    parts += [_section(context, groups) for context in contexts]
    return "\n".join(parts)


def _commands(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            assert command is not None
            yield from _commands(click.Context(command, context, info_name=name, **command.context_settings))


def _section(context: click.Context, groups: dict[str, dict[str, str]]) -> str:
    own, shared = _rows(context), []
    for title, rows in groups.items():
        if rows.items() <= own.items():
            shared.append(title)
            own = {name: row for name, row in own.items() if name not in rows}
    is_nested = context.parent is not None and context.parent.parent is not None
    name = context.command_path.removeprefix("provisioner ")
    parts = [f"{'###' if is_nested else '##'} `{name}`\n", f"```text\n{_usage(context)}\n```\n"]
    parts += _paragraphs(context.command.help or "")
    if own:
        parts.append(_table(own))
    if shared:
        links = " and the ".join(f"[{title.lower()}](#{title.lower().replace(' ', '-')})" for title in shared)
        parts.append(f"It also has the {links}.\n")
    return "\n".join(parts)


def _usage(context: click.Context) -> str:
    return " ".join([context.command_path, *context.command.collect_usage_pieces(context)])


def _paragraphs(text: str) -> Iterator[str]:
    """Turns the paragraphs of a help text into Markdown.

    In a paragraph that click does not wrap (`\\b`), the indented lines are commands.
    """
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = paragraph.removeprefix("\b\n").splitlines()
        commands = [line.strip() for line in lines if line.startswith(" ")]
        if prose := [line for line in lines if not line.startswith(" ")]:
            yield _escape(" ".join(prose)) + "\n"
        if commands:
            yield "\n".join(["```text", *commands, "```\n"])


def _rows(context: click.Context) -> dict[str, str]:
    """Returns the table row of each option by its long name. Every command has `--help`, so it is left out."""
    rows = {}
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None and "--help" not in parameter.opts:
            name = next(each for each in parameter.opts if each.startswith("--"))[2:]
            spelling, text = (each.replace("|", "\\|") for each in record)
            rows[name] = f"| `{spelling}` | {_escape(' '.join(text.split()))} |"
    return rows


def _table(rows: dict[str, str]) -> str:
    return "\n".join(["| option | what it does |", "|---|---|", *rows.values()]) + "\n"


def _escape(text: str) -> str:
    """Escapes what Markdown would take for markup, except in code spans."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<>*])", r"\\\1", part) for part in parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
