"""Completes the commands in hints by the options that this run was given, so that a pasted one reaches the same stack.

A command in a message is written in backticks and begins with `provisioner`. The options are added as they were typed: the
shell of the person who pastes it is still in the directory in which this run was started.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from shlex import quote

import click

from provisioner.model.secret_names import SECRET_NAME

_COMMAND = re.compile(r"`provisioner ([a-z][^`\n]*)`")
_DIRECTORY = "--chdir"
_WHOLE_RUNS = frozenset({"plan", "apply", "apply --refresh-only", "destroy", "drift"})


@dataclass(slots=True)
class GivenOptions:
    """The options that decide where a run works, by their names, as they were typed. `root` is the command above all, which
    knows what each of them takes.
    """

    values: dict[str, str] = field(default_factory=dict)
    root: click.Command | None = None
    variables: list[tuple[str, str]] = field(default_factory=list)
    """`--var` and `--var-file`, without values that may be secrets: what a command does depends on them."""
    selection: list[tuple[str, str]] = field(default_factory=list)
    """They are repeated only for the same work again, such as `apply` after `apply`."""

    def note(self, option: str, value: object) -> None:
        if value is not None:
            self.values[option] = str(value)
            self.root = click.get_current_context().find_root().command

    def note_variables(self, assignments: Iterable[str], files: Iterable[object]) -> None:
        named = [each for each in assignments if not SECRET_NAME.search(each.partition("=")[0])]
        self.variables = [*(("--var-file", str(file)) for file in files), *(("--var", each) for each in named)]
        if self.variables:
            self.root = click.get_current_context().find_root().command

    def note_selection(self, **options: Iterable[object]) -> None:
        self.selection = [(f"--{name}", str(value)) for name, values in options.items() for value in values]
        if self.selection:
            self.root = click.get_current_context().find_root().command

    def complete(self, text: str) -> str:
        """Returns `text` with the options in every command that takes them and does not have them."""
        if not (self.values or self.variables or self.selection) or "`provisioner " not in text:
            return text
        return _COMMAND.sub(lambda found: f"`{self.command(found[1])}`", text)

    def command(self, words: str) -> str:
        """Returns the whole command line of the command `words`, such as `apply --replace x`."""
        accepted = self._options_of(words.split())
        more = [
            f"{option} {quote(value)}"
            for option, value in self.values.items()
            if option in accepted and not re.search(rf"(?<!\S){option}\b", words)
        ]
        repeated = [*self.variables, *(self.selection if words in _WHOLE_RUNS else ())]
        more += [f"{option} {quote(value)}" for option, value in repeated if option in accepted]
        directory = [f"-C {quote(self.values[_DIRECTORY])}"] if _DIRECTORY in self.values else []
        return " ".join(("provisioner", *directory, words, *more))

    def _options_of(self, words: list[str]) -> set[str]:
        """Returns the options of the command that these words begin with; none where there is no such command."""
        command = self.root
        for word in words:
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
        return {option for parameter in command.params for option in parameter.opts} if command is not None else set()
