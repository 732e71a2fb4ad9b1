"""What a pipeline states about its run: read by its variables, bounded, and printable whatever stands in them."""

from __future__ import annotations

import pytest

from provisioner.model.caller import PipelineRun
from provisioner.workflow.caller import read_pipeline

GITHUB = {
    "GITHUB_ACTOR": "ann",
    "GITHUB_RUN_ID": "4711",
    "GITHUB_SHA": "0a1b2c3d",
    "GITHUB_REPOSITORY": "acme/fleet",
    "GITHUB_SERVER_URL": "https://forge.example",
}
GITLAB = {
    "GITLAB_USER_LOGIN": "bob",
    "CI_PIPELINE_ID": "815",
    "CI_JOB_URL": "https://forge.example/acme/fleet/-/jobs/9",
    "CI_COMMIT_SHA": "ffff",
    "CI_PROJECT_PATH": "acme/fleet",
}


def test_a_run_of_github_is_read():
    url = "https://forge.example/acme/fleet/actions/runs/4711"
    run = read_pipeline(GITHUB)
    assert run == PipelineRun("GitHub Actions", "ann", "4711", "0a1b2c3d", "acme/fleet", url)
    assert str(run) == "ann (GitHub Actions run 4711)"
    assert read_pipeline({**GITHUB, "GITEA_ACTIONS": "true"}).system == "Gitea Actions"


def test_a_run_of_gitlab_is_read():
    run = read_pipeline(GITLAB)
    assert run == PipelineRun("GitLab CI", "bob", "815", "ffff", "acme/fleet", GITLAB["CI_JOB_URL"])
    assert str(read_pipeline({"CI_PIPELINE_ID": "815"})) == "GitLab CI run 815"


@pytest.mark.parametrize(
    "environ", [{}, {"CI": "true"}, {"GITHUB_ACTOR": "ann", "GITHUB_SHA": "0a"}, {"GITHUB_RUN_ID": ""}]
)
def test_outside_of_a_pipeline_there_is_no_run(environ):
    assert read_pipeline(environ) is None


@pytest.mark.parametrize("evil", ["\x1b[2Jann", "ann\nroot", "\u202eann", "a" * 100_000, "\udcff"])
def test_what_comes_from_outside_is_printable_and_bounded(evil):
    for given in (GITHUB, GITLAB):
        run = read_pipeline(dict.fromkeys(given, evil))
        for text in (run.actor, run.run, run.commit, run.repository, run.url):
            assert text.isprintable()
            assert len(text) <= 512
            text.encode()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "forge.example"])
def test_only_the_address_of_a_page_is_kept(url):
    assert read_pipeline({**GITLAB, "CI_JOB_URL": url}).url == ""
    assert read_pipeline({**GITHUB, "GITHUB_SERVER_URL": url}).url == ""
