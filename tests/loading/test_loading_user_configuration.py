"""The user's own configuration: trusted pins and profiles, which files are believed, and mistakes with their places."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provisioner.loading import read_user_configuration
from provisioner.model.diagnostic import Diagnostic, UsageError
from provisioner.model.stack import Stack
from provisioner.model.user_configuration import UserConfiguration

TEXT = """\
stacks:
  vision:
    account: acme
    credentials: lab
    environments:
      prod: {account: acme-prod, region: cn-north-9, protected: true, credentials: prod}
      dev:
profiles:
  lab: {hcloud: acme-lab}
  prod: {variables: {HW_ACCESS_KEY: PROD_AK, HW_SECRET_KEY: PROD_SK}}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "provisioner").mkdir(mode=0o700)
    return Path("provisioner/config.yaml")


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    path.write_text(text)
    path.chmod(mode)
    return path


def mistakes(path: Path, **options) -> list[Diagnostic]:
    with pytest.raises(UsageError) as caught:
        read_user_configuration([path], **options)
    return [*caught.value.diagnostics]


def pins(configuration: UserConfiguration, stack: Stack) -> list[tuple[str, str]]:
    return [(pin.value, str(pin.source)) for pin in configuration.apply_to(stack).pins if pin.trusted]


def test_an_environment_has_what_its_stack_has_and_its_own_in_the_place_of_it(path):
    known = read_user_configuration([write(path, TEXT)])
    prod = Stack("vision", environment="prod")
    assert pins(known, prod) == [
        ("acme-prod", "provisioner/config.yaml:6:23"),
        ("cn-north-9", "provisioner/config.yaml:6:42"),
    ]
    for environment in ("dev", "other", None):
        assert pins(known, Stack("vision", environment=environment)) == [("acme", "provisioner/config.yaml:3:14")]
    applied = known.apply_to(prod)
    assert (applied.region, applied.protected, applied.approval_word) == ("cn-north-9", True, "prod")
    assert known.profile_of(prod).variables == {"HW_ACCESS_KEY": "PROD_AK", "HW_SECRET_KEY": "PROD_SK"}
    assert known.profile_of(Stack("vision", environment="dev")).hcloud == "acme-lab"
    assert known.profile_of(Stack("vision")).name == "lab"
    assert known.profile_of(Stack("speech")) is None
    assert known.apply_to(Stack("speech", environment="prod")) == Stack("speech", environment="prod")


def test_both_files_count_and_the_users_comes_first(path):
    system = write(Path("etc/config.yaml"), TEXT.replace("acme-prod", "acme-real").replace("acme-lab", "lab-of-all"))
    known = read_user_configuration([write(path, TEXT), system])
    assert [value for value, _ in pins(known, Stack("vision", environment="prod"))] == [
        "acme-prod",
        "cn-north-9",
        "acme-real",
        "cn-north-9",
    ]
    assert known.profile_of(Stack("vision")).hcloud == "acme-lab"
    assert len(known.files) == 2


def test_a_protection_cannot_be_taken_away(path):
    known = read_user_configuration([write(path, "stacks: {vision: {protected: false}}\n")])
    assert known.apply_to(Stack("vision", environment="prod", protected=True)).protected


@pytest.mark.parametrize("name", ["provisioner/config.yaml", "nowhere/config.yaml", "provisioner/config.yaml/x"])
def test_without_a_file_nothing_is_configured(path, name):
    path.touch(mode=0o600)
    path.unlink() if name == str(path) else None
    assert read_user_configuration([Path(name)]) == UserConfiguration()


@pytest.mark.parametrize("mode", [0o660, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_believed(path, mode):
    (found,) = mistakes(write(path, TEXT, mode))
    assert (found.code, found.hint) == (
        "configuration-untrusted",
        "check what stands in it, then run: chmod go-w provisioner/config.yaml",
    )


def test_a_folder_that_others_may_write_is_not_believed(path):
    write(path, TEXT)
    path.parent.chmod(0o777)
    (found,) = mistakes(path)
    assert (found.code, found.hint) == (
        "configuration-untrusted",
        "check what stands in it, then run: chmod go-w provisioner",
    )


def test_a_file_of_another_user_is_not_believed(path):
    (found,) = mistakes(write(path, TEXT), owners={os.geteuid() + 1})
    assert found.code == "configuration-untrusted"
    assert f"belongs to another user (id {os.geteuid()})" in found.summary


def test_a_link_is_judged_by_what_it_leads_to(path, tmp_path):
    elsewhere = write(tmp_path / "dotfiles.yaml", TEXT, 0o666)
    path.symlink_to(elsewhere)
    assert [found.code for found in mistakes(path)] == ["configuration-untrusted"]
    elsewhere.chmod(0o600)
    assert read_user_configuration([path]).files
    elsewhere.unlink()
    assert [found.code for found in mistakes(path)] == ["unreadable-file"]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("stack: {}\n", "unknown-field", "1:1"),
        ("stacks: {vision: {acount: x}}\n", "unknown-field", "1:19"),
        ("stacks: {vision: {environments: {prod: {guards: {}}}}}\n", "unknown-field", "1:41"),
        ("stacks: {vision: {credentials: prd}}\nprofiles: {prod: {file: x}}\n", "unknown-profile", "1:32"),
        ("profiles: {prod: {}}\n", "invalid-value", "1:12"),
        ("profiles: {prod: {hcloud: a, file: b}}\n", "invalid-value", "1:12"),
        ("profiles: {prod: {access_key: AKIA}}\n", "unknown-field", "1:19"),
        ("profiles: {prod: {variables: {PATH: x}}}\n", "invalid-value", "1:37"),
        ("- stacks\n", "wrong-type", "1:1"),
        ("stacks: {vision: {account: no}}\n", "ambiguous-value", "1:28"),
        ("stacks: [\n", "yaml-syntax", "2:1"),
        ("a: \x07\n", "control-character", "1:4"),
    ],
)
def test_a_mistake_is_placed_and_is_the_callers_to_mend(path, text, code, place):
    (found,) = mistakes(write(path, text))
    assert (found.code, str(found.source)) == (code, f"provisioner/config.yaml:{place}")


def test_a_secret_that_is_written_by_mistake_is_not_repeated(path):
    secret = "ExampleSecret+Key/000"
    (found,) = mistakes(write(path, f"profiles: {{prod: {{variables: {{HW_SECRET_KEY: {secret}}}}}}}\n"))
    assert found.code == "invalid-value"
    assert "name of an environment variable" in found.summary
    assert secret not in repr(found)


def test_a_pipe_and_a_huge_file_are_refused(path):
    os.mkfifo(path, 0o600)
    assert [found.code for found in mistakes(path)] == ["not-a-regular-file"]
    path.unlink()
    assert [found.code for found in mistakes(write(path, "#" * (1024 * 1024 + 1)))] == ["unreadable-file"]


@pytest.mark.parametrize("profile", ["{hcloud: a, file: b}", "{hcould: a}", "{hcloud: [a]}", "a"])
def test_a_profile_that_is_broken_is_not_called_unknown_as_well(path, profile):
    path.write_text(f"stacks: {{vision: {{credentials: prod}}}}\nprofiles: {{prod: {profile}}}\n", encoding="utf-8")
    assert [found.source.line for found in mistakes(path)] == [2]
