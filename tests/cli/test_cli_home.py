"""Who has no home, and whose number the system does not know, works all the same."""

from __future__ import annotations

import os
import pwd

import pytest

from provisioner.cli.home import NO_HOME, home_directory


def unknown(_number):
    raise KeyError("getpwuid(): uid not found")


@pytest.fixture
def nobody(monkeypatch):
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)


def test_home_is_what_the_variable_or_else_the_system_says():
    assert str(home_directory({"HOME": "/home/ann"})) == "/home/ann"
    assert str(home_directory({})) == pwd.getpwuid(os.getuid()).pw_dir


@pytest.mark.parametrize("given", ["", "relative", "."])
def test_a_home_in_the_current_directory_is_none(monkeypatch, given):
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert home_directory({"HOME": given}) == NO_HOME


def test_a_stack_is_planned_applied_and_told_without_a_home(cli, nobody):
    for command in (["plan", "--out", "one.plan"], ["apply", "--auto-approve"], ["history"], ["config", "show"]):
        ran = cli.run(*command)
        assert ran.code == 0, ran.text
        assert "internal" not in ran.text
    assert cli.bought() == ["gateway"]
    assert f"by {os.getuid()}@" in cli.run("history").out
    assert not (cli.path / ".config").exists()


def test_missing_credentials_are_told_without_a_home(cli, nobody):
    cli.write_stack(cloud="huaweicloud")
    cli.assert_fails("plan", code="credentials-missing")
