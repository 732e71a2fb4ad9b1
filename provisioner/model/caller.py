"""Who runs a command, as far as it is known: the account and user at the cloud, and the run of a pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """A run of a pipeline. `actor` is who started it, `run` its number or id. What the pipeline does not state is empty."""

    system: str
    actor: str = ""
    run: str = ""
    commit: str = ""
    repository: str = ""
    url: str = ""

    def __str__(self) -> str:
        run = f"{self.system} run {self.run}" if self.run else self.system
        return f"{self.actor} ({run})" if self.actor else run


@dataclass(frozen=True, slots=True)
class Caller:
    """The account by its id and name, the project by its name, and the user by name or id. What is not known is empty.

    It says nothing of the sandbox, which has one account for everybody.
    """

    account: str = ""
    account_name: str = ""
    project_name: str = ""
    user: str = ""
    pipeline: PipelineRun | None = None

    @property
    def account_text(self) -> str:
        """The account for a sentence: its name and id, or the one of them that is known."""
        return (
            f"{self.account_name} ({self.account})"
            if self.account_name and self.account
            else self.account_name or self.account
        )


UNKNOWN_CALLER: Final = Caller()
