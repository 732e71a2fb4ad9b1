"""Asks a person for approval. Only `yes`, or the name of a protected environment, approves, and nothing is approved when
nobody can be asked.
"""

from __future__ import annotations

import sys

from provisioner.cli.console import Console
from provisioner.cli.signals import interruptible_prompt


def can_ask(console: Console, *, may_ask: bool, as_json: bool, hint: str) -> bool:
    """Returns whether a person can be asked. If not, it prints an error with `hint`."""
    if may_ask and not as_json and sys.stdin.isatty():
        return True
    from provisioner.model.diagnostic import error

    finding = error("no-approval", "nobody can be asked for approval here; nothing was changed", hint=hint)
    console.show_diagnostics([finding])
    return False


def ask(console: Console, question: str, *, word: str) -> bool:
    """Asks the question on stderr, and returns whether the answer is `word`: `yes`, or the name of what is protected."""
    with interruptible_prompt():
        wanted = "Only 'yes' will be accepted to approve." if word == "yes" else _protected(word)
        sys.stderr.write(f"\n{question}  {wanted}\n\n  Enter a value: ")
        sys.stderr.flush()
        answer = sys.stdin.readline().strip()
    console.message("")
    if answer != word:
        console.message("Not approved. Nothing was changed.")
    return answer == word


def _protected(word: str) -> str:
    return f"It is protected: only its name, '{word}', will be accepted to approve."
