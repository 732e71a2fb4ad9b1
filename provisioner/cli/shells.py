"""Makes click's completion work in bash, zsh and fish with addresses such as `notebook["ada"]`, which a shell needs in quotes.

The shell passes the line as it is typed. Which part of the last word the shell is going to replace, and in which quotes, follows
from the line, so that it is found out here and not in three shell languages.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import dropwhile
from typing import ClassVar

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

from provisioner.cli.spelling import with_two_dashes

_BASH_BREAKS = frozenset("=:@><;|&(")
"""Characters after which bash begins a new word to complete (COMP_WORDBREAKS), besides white space and quotes."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
"""A variable that is set for one command, before its name."""
_SPECIAL_IN_DOUBLE_QUOTES = '\\"$`'

_BASH = """\
# Completion of %(prog_name)s for bash. Load it in ~/.bashrc:
#   source <(%(prog_name)s completion bash)
%(complete_func)s() {
    local line kind=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("$line"); fi
    done < <(COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT %(complete_var)s=bash_complete "$1" 2>/dev/null)
    case $kind in
        files) compopt -o default 2>/dev/null ;;
        folders) compopt -o dirnames 2>/dev/null ;;
    esac
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""
_ZSH = """\
#compdef %(prog_name)s
# Completion of %(prog_name)s for zsh. Load it in ~/.zshrc, after compinit:
#   source <(%(prog_name)s completion zsh)
%(complete_func)s() {
    local line value
    local -a response plain described
    response=("${(@f)$(COMP_LINE="${(j: :)words[1,CURRENT]}" %(complete_var)s=zsh_complete "$words[1]" 2>/dev/null)}")
    case $response[1] in
        files) _files ;;
        folders) _files -/ ;;
        values)
            for line in "${(@)response[2,-1]}"; do
                value=${line%%%%$'\\t'*}
                if [[ $line == *$'\\t'* ]]; then
                    described+=("${value//:/\\\\:}:${line#*$'\\t'}")
                else
                    plain+=("$value")
                fi
            done
            (( $#described )) && _describe -V 'value' described
            (( $#plain )) && compadd -V plain -- "${(@)plain}"
            ;;
    esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""
_FISH = """\
# Completion of %(prog_name)s for fish. Save it where fish looks for it:
#   %(prog_name)s completion fish > ~/.config/fish/completions/%(prog_name)s.fish
function %(complete_func)s
    set -l line (commandline -cp | string join ' ')
    set -l program (commandline -opc)[1]
    set -l response (env COMP_LINE="$line" %(complete_var)s=fish_complete $program 2>/dev/null)
    switch "$response[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
        case values
            printf '%%s\\n' $response[2..]
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


@dataclass(slots=True)
class TypedLine:
    """The words of a command line up to the cursor, without their quotes. The last of them is the one to complete.

    `quote` is the quotation mark that is open at its end, `replaced_from` the number of its characters that bash keeps when it
    inserts a completion, and `has_backslash` whether a backslash stands in what it replaces.
    """

    words: list[str]
    quote: str = ""
    replaced_from: int = 0
    has_backslash: bool = False


def split_line(text: str) -> TypedLine:
    """Splits a command line as bash does. An unfinished quotation or escape at its end is no error."""
    line = TypedLine([""])
    is_word = False
    characters = iter(text)
    for character in characters:
        if line.quote:
            _add_quoted(line, character, characters)
        elif character.isspace():
            if is_word:
                line.words.append("")
            is_word, line.replaced_from, line.has_backslash = False, 0, False
            continue
        elif character in "'\"":
            line.quote = character
            line.replaced_from, line.has_backslash = len(line.words[-1]), False
        elif character == "\\":
            line.words[-1] += next(characters, "")
            line.has_backslash = True
        else:
            line.words[-1] += character
            if character in _BASH_BREAKS:
                line.replaced_from, line.has_backslash = len(line.words[-1]), False
        is_word = True
    return line


def _add_quoted(line: TypedLine, character: str, rest: Iterator[str]) -> None:
    if character == line.quote:
        line.quote, line.replaced_from = "", len(line.words[-1])
    elif character == "\\" and line.quote == '"':
        following = next(rest, "")
        line.words[-1] += following if following in _SPECIAL_IN_DOUBLE_QUOTES else f"\\{following}"
    else:
        line.words[-1] += character


class _Shell(ShellComplete):
    """Answers a shell: first what kind of candidates there are, then each of them on a line, as the whole word that it makes."""

    def complete(self) -> str:
        line = split_line(os.environ.get("COMP_LINE", "")[: self.cursor()])
        arguments = [*dropwhile(_ASSIGNMENT.match, line.words[:-1])]
        spelt = "".join(with_two_dashes(line.words[-1:]))
        try:
            found = self.get_completions(with_two_dashes(arguments[1:]), spelt)
        except Exception:  # noqa: BLE001 - what can't be completed is no candidate: a shell is no place for messages
            found = []
        for kind, name in (("file", "files"), ("dir", "folders")):
            if any(item.type == kind for item in found):
                return name
        option, has_value, _ = spelt.partition("=") if spelt.startswith("-") else ("", "", "")
        prefix = f"{option}=" if has_value else ""
        items = [item for item in found if f"{prefix}{item.value}".startswith(spelt)]
        return "\n".join(("values", *self.lines(items, prefix, line)))

    def cursor(self) -> int | None:
        """Returns how many characters of the line stand before the cursor; None for all."""
        point = os.environ.get("COMP_POINT", "")
        return int(point) if point.isdecimal() else None

    def lines(self, items: Iterable[CompletionItem], prefix: str, line: TypedLine) -> Iterator[str]:  # noqa: ARG002 - for bash
        for item in items:
            yield f"{prefix}{item.value}" + (f"\t{item.help}" if item.help else "")


@add_completion_class
class BashCompletion(_Shell):
    """Bash inserts candidates as they are, in the place of a part of the word, so they are quoted here."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = _BASH

    def lines(self, items: Iterable[CompletionItem], prefix: str, line: TypedLine) -> Iterator[str]:
        texts = [f"{prefix}{item.value}"[line.replaced_from :] for item in items]
        # All of them or none is quoted, so that bash can complete what they have in common.
        is_plain = all(text == shlex.quote(text) for text in texts)
        return (text if is_plain and not line.quote else _quoted(text, line) for text in texts)


@add_completion_class
class ZshCompletion(_Shell):
    """Zsh quotes candidates by itself."""

    name: ClassVar[str] = "zsh"
    source_template: ClassVar[str] = _ZSH


@add_completion_class
class FishCompletion(_Shell):
    """Fish quotes candidates by itself."""

    name: ClassVar[str] = "fish"
    source_template: ClassVar[str] = _FISH


SHELLS = {shell.name: shell for shell in (BashCompletion, ZshCompletion, FishCompletion)}


def _quoted(text: str, line: TypedLine) -> str:
    """Returns the text as it continues the line: in the quotes that are open there (bash closes them), with backslashes
    where the word has some already, or else in quotes of its own.
    """
    if line.quote == '"':
        return "".join(f"\\{one}" if one in _SPECIAL_IN_DOUBLE_QUOTES else one for one in text)
    inner = text.replace("'", r"'\''")
    if line.quote:
        return inner
    if line.has_backslash:
        return "".join(one if one.isalnum() or one in "_-./,=:@%+" else f"\\{one}" for one in text)
    return f"'{inner}'"
