"""`config show`: every value that is in force, where it is from, and never a secret."""

from __future__ import annotations

import json

import pytest

from provisioner.sandbox import PUBLIC
from provisioner.workflow.configuration import without_password

STACK = """\
stack: demo
region: cn-north-4
guards: {mass_change_percent: 50}
environment: prod
environments:
  prod: {account: acme-prod, protected: true, guards: {max_servers: 40}}
"""
USER = """\
stacks: {demo: {environments: {prod: {account: acme-prod, credentials: ours}}}}
profiles: {ours: {variables: {HW_ACCESS_KEY: OUR_AK, HW_SECRET_KEY: OUR_SK}}}
"""


@pytest.fixture
def configured(cli, monkeypatch):
    cli.write("specs/stack.yaml", STACK)
    cli.configure(USER)
    monkeypatch.setenv("OUR_AK", PUBLIC.access_key)
    monkeypatch.setenv("OUR_SK", PUBLIC.secret_key)
    monkeypatch.setenv("PROVISIONER_VAR_team", "a-value-that-may-be-secret")
    monkeypatch.setenv("PROVISIONER_ENDPOINT_IAM", "https://user:pass-word@iam.example/v3?key=pass-word")
    return cli


def values_of(ran) -> dict[str, list[tuple[object, str, str | None]]]:
    found: dict[str, list[tuple[object, str, str | None]]] = {}
    for one in ran.document["values"]:
        found.setdefault(one["name"], []).append((one["value"], one["origin"]["type"], one["origin"]["place"]))
    return found


def test_each_value_is_told_with_its_origin(configured):
    ran = configured.run("config", "show", "--json", "--state", "elsewhere")
    assert ran.code == 0, ran.text
    told = values_of(ran)
    user = "home/.config/provisioner/config.yaml"
    assert told["specs"] == [("specs", "default", None)]
    assert told["state"] == [("elsewhere/demo.prod.json", "option", "--state")]
    assert told["stack"] == [("demo", "file", "specs/stack.yaml:1:8")]
    assert told["cloud"] == [("huaweicloud", "default", None)]
    assert told["environment"] == [("prod", "file", "specs/stack.yaml:4:14")]
    assert told["region"] == [("cn-north-4", "file", "specs/stack.yaml:2:9")]
    assert told["purchase.quiet_period"] == [("25m", "default", None)]
    assert told["guards.mass_change_percent"] == [(50, "file", "specs/stack.yaml:3:31")]
    assert told["guards.max_servers"] == [(40, "file", "specs/stack.yaml:6:69")]
    assert told["pin.account"] == [
        ("acme-prod", "file", f"{user}:1:48"),
        ("acme-prod", "file", "specs/stack.yaml:6:19"),
    ]
    assert told["protected"] == [(True, "file", "specs/stack.yaml:6:41")]
    assert told["credentials"] == [("profile ours: variables", "file", f"{user}:2:12")]
    assert told["variable.team"] == [("(sensitive)", "variable", "PROVISIONER_VAR_team")]
    assert [value for value, _, _ in told["configuration"]] == ["read", None]


def test_no_secret_is_shown(configured):
    for arguments in (["--json"], ["--origin"], []):
        shown = configured.run("config", "show", *arguments).text
        for secret in (PUBLIC.secret_key, PUBLIC.access_key, "pass-word", "a-value-that-may-be-secret", "OUR_SK"):
            assert secret not in shown


def test_people_read_a_table(configured, monkeypatch):
    plain = configured.run("config", "show").out
    assert plain.splitlines()[0].split() == ["NAME", "VALUE"]
    assert "specs/stack.yaml" not in plain
    lines = [line.split() for line in configured.run("config", "show", "--origin").out.splitlines()]
    assert ["pin.account", "acme-prod", "specs/stack.yaml:6:19"] in lines
    assert ["protected", "true", "specs/stack.yaml:6:41"] in lines
    assert ["guards.mass_change_from", "10", "default"] in lines


def test_options_win_over_variables_and_both_over_the_stack(cli, monkeypatch):
    cli.write("specs/stack.yaml", "stack: demo\ncloud: sandbox\nenvironment: a\nenvironments: {a: {}, b: {}, c: {}}\n")
    monkeypatch.setenv("PROVISIONER_ENVIRONMENT", "b")
    monkeypatch.setenv("PROVISIONER_STATE", "there")
    told = values_of(cli.run("config", "show", "--json"))
    assert told["environment"] == [("b", "variable", "PROVISIONER_ENVIRONMENT")]
    assert told["state"] == [("there/demo.b.json", "variable", "PROVISIONER_STATE")]
    assert told["credentials"] == [("the sandbox's own", "default", None)]
    told = values_of(cli.run("config", "show", "--json", "-e", "c"))
    assert told["environment"] == [("c", "option", "--environment")]


def test_credentials_are_named_by_their_place(real_cloud):
    told = values_of(real_cloud.run("config", "show", "--json"))
    assert told["credentials"] == [("access key", "variable", "HW_ACCESS_KEY")]


def test_without_a_stack_the_settings_are_told(cli, monkeypatch):
    monkeypatch.setenv("PROVISIONER_SPECS", "nowhere")
    ran = cli.run("config", "show", "--json")
    assert ran.code == 0
    assert values_of(ran)["specs"] == [("nowhere", "variable", "PROVISIONER_SPECS")]
    assert "stack" not in values_of(ran)


def test_what_is_invalid_is_refused_with_its_place(configured):
    configured.configure("stacks: {demo: {acount: x}}\n")
    assert "config.yaml:1:17" in configured.assert_fails("config", "show", code="unknown-field").err
    (failed,) = json.loads(configured.run("config", "show", "--json").out)["diagnostics"]
    assert failed["code"] == "unknown-field"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("state", "state"),
        ("https://a:b@host/p?q=1", "https://(sensitive)@host/p?(sensitive)"),
        ("https://host:8/p", "https://host:8/p"),
        ("https://[", "(sensitive)"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url, shown):
    assert without_password(url) == shown
