"""Pins: a run as another account, project or region than the environment's is refused before anything is planned.

The vendor's cloud is a sandbox over HTTP. What must not happen is judged by its ledger or by the state folder.
"""

from __future__ import annotations

import json

import pytest

from provisioner.sandbox import PUBLIC

ACCOUNT = f"{PUBLIC.domain_name} ({PUBLIC.domain_id})"


@pytest.fixture
def pinned(real_cloud, point_to, served):
    """A stack in the vendor's cloud with an environment `prod`. The function writes its pins."""
    point_to(served)
    text = (real_cloud.path / "specs" / "stack.yaml").read_text()

    def pin(pins: str):
        real_cloud.write("specs/stack.yaml", f"{text}environment: prod\nenvironments:\n  prod: {{{pins}}}\n")
        return real_cloud

    return pin


@pytest.mark.parametrize(
    "pins",
    [
        f"account: {PUBLIC.domain_name}, project: {PUBLIC.project_name}, region: cn-north-4",
        f"account: {PUBLIC.domain_id}, project: {PUBLIC.project_id}",
    ],
)
def test_names_and_ids_are_compared(pinned, pins):
    planned = pinned(pins).run("plan", "--json")
    assert planned.code == 0, planned.text
    assert "account-unpinned" not in planned.text


@pytest.mark.parametrize(
    ("pins", "found", "pin"),
    [
        ("account: acme-prod", f"account {ACCOUNT}", "account acme-prod"),
        (f"account: '{'0' * 32}'", f"account {PUBLIC.domain_id}", f"account {'0' * 32}"),
        ("project: cn-north-4_prod", f"project {PUBLIC.project_name} ({PUBLIC.project_id})", "project cn-north-4_prod"),
        (f"account: {PUBLIC.project_id}", f"account {PUBLIC.domain_id}", f"account {PUBLIC.project_id}"),
    ],
)
def test_another_account_or_project_is_refused_by_every_command_that_asks_the_cloud(pinned, pins, found, pin):
    cli = pinned(pins)
    ran = cli.assert_fails("plan", code="pin-mismatch")
    assert f"this run would act in {found}, and stack.yaml pins environment prod of demo to {pin}" in ran.stderr_text
    assert "specs/stack.yaml:14:" in ran.err
    for command in (
        ["apply", "--auto-approve"],
        ["destroy", "--auto-approve"],
        ["drift"],
        ["adopt"],
        ["orders", "list", "--all"],
    ):
        cli.assert_fails(*command, code="pin-mismatch")
    assert cli.state_files() == {}


def test_another_region_is_refused_before_anybody_is_asked(pinned, monkeypatch):
    cli = pinned("region: cn-north-9")
    monkeypatch.setenv("HW_REGION_NAME", "cn-north-4")
    monkeypatch.setenv("PROVISIONER_ENDPOINT_IAM", "http://127.0.0.1:1")
    ran = cli.assert_fails("plan", code="pin-mismatch")
    assert (
        "act in region cn-north-4, and stack.yaml pins environment prod of demo to region cn-north-9" in ran.stderr_text
    )


def test_a_trusted_region_is_compared_with_the_stacks_before_anything_is_sent(pinned, monkeypatch):
    cli = pinned("")
    monkeypatch.setenv("PROVISIONER_ENDPOINT_IAM", "http://127.0.0.1:1")
    cli.configure("stacks: {demo: {region: cn-north-9}}\n")
    assert "would act in region cn-north-4" in cli.assert_fails("plan", code="pin-mismatch").stderr_text


def test_a_trusted_pin_wins_and_the_stack_must_agree(pinned):
    cli = pinned(f"account: {PUBLIC.domain_name}")
    cli.configure("stacks:\n  demo:\n    environments:\n      prod: {account: acme-prod}\n")
    ran = cli.assert_fails("plan", code="pin-mismatch")
    assert "your own configuration pins environment prod of demo to account acme-prod" in ran.stderr_text
    assert "home/.config/provisioner/config.yaml:4:23" in ran.err
    cli.configure(f"stacks: {{demo: {{account: {PUBLIC.domain_id}}}}}\n")
    assert cli.run("plan").code == 0
    pinned("account: acme-dev")
    cli.assert_fails("plan", code="pin-mismatch")


def test_the_machines_configuration_counts_as_well(pinned):
    cli = pinned("")
    system = cli.configure("stacks: {demo: {account: acme}}\n", "etc/config.yaml")
    system.chmod(0o644)
    assert "etc/config.yaml:1:26" in cli.assert_fails("plan", code="pin-mismatch").err
    system.chmod(0o664)
    cli.assert_fails("plan", code="configuration-untrusted")


def test_the_users_configuration_stands_where_xdg_says(pinned, monkeypatch, tmp_path):
    cli = pinned("")
    cli.configure("stacks: {demo: {account: acme}}\n", "xdg/provisioner/config.yaml")
    assert cli.run("plan").code == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert "xdg/provisioner/config.yaml:1:26" in cli.assert_fails("plan", code="pin-mismatch").err


def test_an_account_that_is_only_said_beside_the_keys_is_not_believed(pinned, monkeypatch):
    """Half of another account's settings: the project decides where servers are bought, and the account was never asked for."""
    cli = pinned(f"account: '{'0' * 32}'")
    monkeypatch.setenv("HW_DOMAIN_ID", "0" * 32)
    monkeypatch.setenv("HW_PROJECT_ID", PUBLIC.project_id)
    cli.assert_fails("apply", "--auto-approve", code="pin-unverified")
    pinned(f"account: {PUBLIC.domain_id}")
    cli.assert_fails("plan", code="pin-unverified")
    monkeypatch.setenv("HW_DOMAIN_ID", PUBLIC.domain_id)
    assert cli.run("plan").code == 0


def test_an_environment_that_the_stack_lacks_is_warned_about(pinned):
    cli = pinned("")
    cli.configure("stacks: {demo: {environments: {prdo: {account: acme}, prod: {}}}}\n")
    told = cli.run("plan")
    assert (told.code, told.err.count("Warning[unknown-environment]")) == (0, 1)
    assert "names the environment prdo of demo, which does not exist" in told.stderr_text
    assert "config.yaml:1:32" in told.err


def test_a_repository_cannot_configure_the_user(pinned, monkeypatch):
    cli = pinned("account: acme-prod")
    monkeypatch.setenv("XDG_CONFIG_HOME", "specs")
    cli.write("specs/provisioner/config.yaml", "stacks: {}\n")
    cli.assert_fails("plan", code="unknown-section")


def test_the_first_purchase_in_an_account_that_nobody_named_is_told(pinned):
    cli = pinned("")
    planned = cli.run("plan", "--json")
    (found,) = [one for one in planned.document["findings"] if one["code"] == "account-unpinned"]
    assert found["summary"].endswith(f"this would be its first purchase, in account {ACCOUNT}")
    assert "environments: {prod: {account: ...}}" in found["hint"]
    assert "account-unpinned" not in cli.run("plan", "--destroy").text
    cli.write("specs/servers.yaml", "servers: {}\n")
    assert "account-unpinned" not in cli.run("plan").text


def test_the_sandbox_is_nobodys_account(cli):
    assert "account-unpinned" not in cli.run("plan").text


def test_pins_hold_for_the_sandbox_too(cli):
    cli.write_stack((cli.path / "specs" / "stack.yaml").read_text() + "environments: {dev: {account: acme}}\n")
    cli.assert_fails("apply", "-e", "dev", "--auto-approve", code="pin-mismatch")
    assert cli.bought() == []


PROFILE = """\
stacks: {{demo: {{environments: {{prod: {{credentials: prod}}}}}}}}
profiles: {{prod: {{{profile}}}}}
"""


@pytest.fixture
def of_another_account(monkeypatch):
    """The shell's credentials and settings are those of another account, where they open nothing."""
    monkeypatch.setenv("HW_ACCESS_KEY", "EXAMPLEAK0000000009")
    monkeypatch.setenv("HW_SECRET_KEY", "wrong")
    monkeypatch.setenv("HW_PROJECT_ID", "0" * 32)
    monkeypatch.setenv("PROD_AK", PUBLIC.access_key)
    monkeypatch.setenv("PROD_SK", PUBLIC.secret_key)


def test_a_profile_takes_keys_from_variables_of_the_users_choice(pinned, of_another_account, monkeypatch):
    cli = pinned(f"account: {PUBLIC.domain_name}")
    cli.configure(PROFILE.format(profile="variables: {HW_ACCESS_KEY: PROD_AK, HW_SECRET_KEY: PROD_SK}"))
    assert cli.run("plan").code == 0
    told = cli.run("credentials")
    assert "profile prod of home/.config/provisioner/config.yaml:2:12: HW_ACCESS_KEY" in told.out
    monkeypatch.delenv("PROD_SK")
    ran = cli.assert_fails("plan", code="credentials-missing")
    assert "profile prod takes HW_SECRET_KEY is not set" in ran.stderr_text
    assert "PROD_SK" not in ran.text


def test_a_profile_takes_one_of_hclouds(pinned, of_another_account):
    cli = pinned("")
    keys = {"accessKeyId": PUBLIC.access_key, "secretAccessKey": PUBLIC.secret_key}
    profiles = {"current": "dev", "profiles": [{"name": "dev"}, {"name": "acme-prod", "mode": "AKSK", **keys}]}
    cli.write("home/.hcloud/config.json", json.dumps(profiles)).chmod(0o600)
    cli.configure(PROFILE.format(profile="hcloud: acme-prod"))
    assert cli.run("plan").code == 0
    cli.configure(PROFILE.format(profile="hcloud: acme-prd"))
    assert "config.yaml:2:12" in cli.assert_fails("plan", code="credentials-invalid").err


def test_keys_of_the_sdks_do_not_stand_in_for_an_hcloud_profile_without_any(pinned, of_another_account):
    cli = pinned("")
    profiles = {"current": "acme-prod", "profiles": [{"name": "acme-prod", "mode": "SSO"}]}
    cli.write("home/.hcloud/config.json", json.dumps(profiles)).chmod(0o600)
    keys = f"[basic]\nak = {PUBLIC.access_key}\nsk = {PUBLIC.secret_key}\n"
    cli.write("home/.huaweicloud/credentials", keys).chmod(0o600)
    cli.configure(PROFILE.format(profile="hcloud: acme-prod"))
    assert "config.yaml:2:12" in cli.assert_fails("plan", code="credentials-missing").err


def test_a_profile_takes_a_file(pinned, of_another_account):
    cli = pinned("")
    keys = f"[basic]\nak = {PUBLIC.access_key}\nsk = {PUBLIC.secret_key}\n"
    file = cli.write("home/.config/provisioner/prod-keys", keys)
    file.chmod(0o600)
    for path in ("prod-keys", "~/.config/provisioner/prod-keys", str(file)):
        cli.configure(PROFILE.format(profile=f"file: {path}"))
        assert cli.run("plan").code == 0, path
    file.chmod(0o640)
    cli.assert_fails("plan", code="credentials-exposed")
