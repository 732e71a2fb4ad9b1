"""A stack is cleared away: without what only creating needs, and without what is protected."""

import json

import pytest
from support.fault_proxy import resetting
from support.process_workspace import STACK

DESTROY = ("destroy", "--auto-approve")
VARIABLES = f"{STACK}variables:\n  prefix: {{type: string}}\n"
SERVERS = """\
servers:
  alpha: {name: "{{ var.prefix }}-alpha", admin_pass: {secret: "env:ALPHA_PASSWORD"}, key_pair_name: null}
  beta: {userdata: {template: setup.sh.j2}}
  gamma: {lifecycle: {prevent_destroy: true}}
"""


@pytest.fixture
def bought(workspace):
    """Three servers, one of them protected. Their variable, secret and template are only there while they are bought."""
    workspace.write(SERVERS, stack=VARIABLES)
    template = workspace.folder / "specs" / "setup.sh.j2"
    template.write_text("#!/bin/sh\n")
    workspace.environment = {"PROVISIONER_VAR_prefix": "web", "ALPHA_PASSWORD": "Canary-7q!Xw9Zt"}
    made = workspace.apply()
    assert made.code == 0, made.text
    workspace.environment = {}
    template.unlink()
    return workspace


def releases(workspace):
    return workspace.ledger_counts("release")


def test_everything_but_what_is_protected_goes_without_values(bought):
    assert bought.run_in_process("apply", "--auto-approve").code == 1  # creating needs them
    refused = bought.run_in_process(*DESTROY)
    assert (refused.code, releases(bought)) == (4, {}), refused.text
    assert "Error[protected]: gamma" in refused.text
    told = bought.run_in_process(*DESTROY, "--keep-protected")
    assert told.code == 0, told.text
    assert releases(bought) == {"web-alpha": 1, "beta": 1}
    assert "Warning[specs-unread]" in told.err
    assert "the variable prefix has no value" in told.err
    assert "Left out by --keep-protected" in told.out
    assert set(bought.state()["resources"]) == {"gamma"}


def test_the_record_protects_where_the_specs_cannot_be_worked_out(bought):
    bought.write('servers: {gamma: {name: "{{ var.prefix }}-gamma"}}\n', stack=VARIABLES)
    assert bought.run_in_process(*DESTROY).code == 4
    assert bought.run_in_process(*DESTROY, "--allow", "protected").code == 0
    assert releases(bought) == {"web-alpha": 1, "beta": 1, "gamma": 1}


@pytest.mark.parametrize(
    ("servers", "code"),
    [
        ("servers: {beta: {lifecycle: {prevent_detroy: true}}}\n", "unknown-field"),
        ('servers: {beta: {}}\nremoved: [{from: "{{ var.prefix }}"}]\n', "missing-variable"),
        ("servers: {beta: {}}\nremovd: [{from: beta}]\n", "unknown-section"),
        ("servers: {beta: {lifecycle: {prevent_destroy: yes}}}\n", "ambiguous-value"),
        ('servers: {beta: {count: "{{ var.prefix }}", lifecycle: {prevent_detroy: true}}}\n', "unknown-field"),
        ('servers: {beta: {for_each: "{{ var.prefix }}", lifecycl: {prevent_destroy: true}}}\n', "unknown-field"),
    ],
)
def test_a_mistake_that_could_hide_a_protection_or_a_removal_stays_an_error(bought, servers, code):
    bought.write(servers, stack=VARIABLES)
    refused = bought.run_in_process(*DESTROY, "--keep-protected")
    assert (refused.code, f"[{code}]" in refused.text, releases(bought)) == (1, True, {}), refused.text


@pytest.mark.parametrize("value", ["[]", "{}", "0", "''"])
def test_a_protection_that_is_no_truth_value_counts_as_one(bought, value):
    """Nobody validates it where the servers of its group cannot be counted."""
    servers = f'servers: {{beta: {{count: "{{{{ var.prefix }}}}", lifecycle: {{prevent_destroy: {value}}}}}}}\n'
    bought.write(servers, stack=VARIABLES)
    refused = bought.run_in_process(*DESTROY)
    assert (refused.code, releases(bought)) == (4, {}), refused.text
    assert "Error[protected]: beta" in refused.text


def test_a_value_for_a_variable_that_is_not_declared_is_refused(bought):
    """It may be what a protection depends on."""
    refused = bought.run_in_process(*DESTROY, "--keep-protected", "--var", "prefx=web")
    assert (refused.code, releases(bought)) == (1, {})


def test_a_saved_plan_keeps_what_is_protected_too(bought):
    planned = bought.run_in_process("plan", "--destroy", "--keep-protected", "--out", "all.plan", "--json")
    document = json.loads(planned.out)
    assert (planned.code, document["selection"]["keep_protected"]) == (0, ["gamma"]), planned.text
    assert document["effects"] == {
        "buys": 0,
        "resumes": 0,
        "changes": 0,
        "wipes": 0,
        "releases": 2,
        "lets_go": 0,
        "only_adds": False,
    }
    assert bought.run_in_process("apply", "all.plan").code == 0
    assert releases(bought) == {"web-alpha": 1, "beta": 1}


def test_the_option_belongs_to_a_destroy(workspace):
    for command in (("plan", "--keep-protected"), ("apply", "--auto-approve", "--keep-protected")):
        refused = workspace.run_in_process(*command)
        assert (refused.code, "--destroy" in refused.err) == (1, True)


def test_a_protected_purchase_in_doubt_is_looked_for_and_kept(workspace, proxy):
    workspace.write("servers: {alpha: {lifecycle: {prevent_destroy: true}}}\n")
    proxy.on(resetting(executed=True), name="alpha")
    assert workspace.apply("--resolve-timeout", "0").code == 6
    told = workspace.run_in_process(*DESTROY, "--keep-protected")
    assert (told.code, releases(workspace)) == (0, {}), told.text
    assert set(workspace.state()["resources"]) == {"alpha"}
