"""Finds out who runs a command: the account and user at the cloud, and the run of a pipeline.

What a pipeline states comes from outside, such as the name of whoever opened a pull request, so it is bounded and made
printable here. It is kept for readers of the history; nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from provisioner.model.caller import Caller, PipelineRun

if TYPE_CHECKING:
    from provisioner.cloud import Cloud

_LONGEST = 128
_LONGEST_URL = 512


def read_pipeline(environ: Mapping[str, str]) -> PipelineRun | None:
    """Reads the run of GitHub Actions or GitLab CI from its variables. None outside of both."""
    if environ.get("GITHUB_RUN_ID"):
        repository = _text(environ, "GITHUB_REPOSITORY")
        run = _text(environ, "GITHUB_RUN_ID")
        server = _url(environ.get("GITHUB_SERVER_URL", ""))
        return PipelineRun(
            "Gitea Actions" if environ.get("GITEA_ACTIONS") else "GitHub Actions",
            _text(environ, "GITHUB_ACTOR"),
            run,
            _text(environ, "GITHUB_SHA"),
            repository,
            _url(f"{server}/{repository}/actions/runs/{run}") if server and repository else "",
        )
    if environ.get("CI_PIPELINE_ID") or environ.get("CI_JOB_URL"):
        return PipelineRun(
            "GitLab CI",
            _text(environ, "GITLAB_USER_LOGIN"),
            _text(environ, "CI_PIPELINE_ID"),
            _text(environ, "CI_COMMIT_SHA"),
            _text(environ, "CI_PROJECT_PATH"),
            _url(environ.get("CI_JOB_URL", "")),
        )
    return None


async def complete_caller(cloud: Cloud) -> Caller:
    """Returns the caller with the name of the account, which the cloud is asked for unless it is known.

    The name stays empty where the user may not read it.
    """
    from provisioner.cloud import read_account_name
    from provisioner.model.flow import CallFailed

    if not cloud.caller.account_name:
        async with cloud.channel() as channel:
            with suppress(CallFailed):
                cloud.add_names(account=await read_account_name(channel.ask, cloud.identity))
    return cloud.caller


def _text(environ: Mapping[str, str], name: str) -> str:
    return _printable(environ.get(name, ""))[:_LONGEST]


def _url(url: str) -> str:
    """Returns the address of a web page, or an empty text for anything else."""
    return _printable(url)[:_LONGEST_URL] if url.startswith(("https://", "http://")) else ""


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:_LONGEST_URL])
