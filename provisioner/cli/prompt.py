"""Asks a person for approval. Only `yes`, or the name of a protected environment, approves, and nothing is approved when
nobody can be asked.
"""

from __future__ import annotations

import sys

from provisioner.cli.console import Console
from provisioner.cli.signals import interruptible_prompt


def can_ask(console: Console, *, may_ask: bool, as_json: bool, hint: str) -> bool:
    """Returns whether a person can be asked, and has seen what to judge. If not, it prints an error; `hint` is about the
    former.
    """
    if may_ask and not as_json and sys.stdin.isatty():
        return has_shown(console)
    from provisioner.model.diagnostic import error

    finding = error("no-approval", "nobody can be asked for approval here; nothing was changed", hint=hint)
    console.show_diagnostics([finding])
    return False


def has_shown(console: Console) -> bool:
    """Returns whether everything that a person has to judge could be written. If not, it prints an error."""
    if not console.is_unshown and not console.is_output_stored:
        return True
    from provisioner.model.diagnostic import error

    summary = "what you would decide about could not be written in full, so you are not asked; nothing was changed"
    hint = "run it again where both stdout and stderr can be written to: on a terminal, without a pipe, or with space on the disk"
    if console.is_output_stored:
        summary = "stdout is a file or discarded, so you have not seen what you would decide about; nothing was changed"
        hint = "run it again on a terminal; to keep the output as well, add: | tee FILE"
    console.show_diagnostics([error("not-shown", summary, hint=hint)])
    return False


def ask(console: Console, question: str, *, word: str) -> bool:
    """Asks the question on stderr, and returns whether the answer is `word`: `yes`, or the name of what is protected."""
    wanted = "Only 'yes' will be accepted to approve." if word == "yes" else _protected(word)
    answer = read_answer(console, f"{question}  {wanted}").strip()
    console.message("")
    if answer != word:
        console.message("Not approved. Nothing was changed.")
    return answer == word


def read_answer(console: Console, question: str) -> str:
    """Asks the question on stderr, and returns the line that a person types.

    It is "" where the question could not be written, and for an answer that the encoding of stdin does not have.
    """
    with interruptible_prompt():  # before the question is seen, so that no Ctrl-C after it is lost
        if not console.prompt(f"\n{question}\n\n  Enter a value: "):
            return ""
        try:
            return sys.stdin.readline()
        except (OSError, UnicodeDecodeError):  # the terminal is gone, or it sends what no letter of its encoding is
            return ""


def _protected(word: str) -> str:
    return f"It is protected: only its name, '{word}', will be accepted to approve."
