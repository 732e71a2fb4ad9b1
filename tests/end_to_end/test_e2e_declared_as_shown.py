"""Specs that come to declare what a row has shown, and a next row that does not show it: nothing is bought or released."""

import pytest
from support.process_workspace import PREPAID

SHOWING = {"at": ["ListAllDevServers", "ListDevServers", "ShowDevServer"], "times": "always", "fault": "rewrite"}
SOLD = {"at": "CreateDevServer", "fault": "sells", "charging_mode": "PRE_PAID", "pays": True}
AS_POST_PAID = {"rows": {"charging_mode": "POST_PAID"}, "rows_drop": ["order_id"]}
BARE = SHOWING | {"rows_drop": ["charging_mode", "order_id"]}
COMMON = SHOWING | {"rows": {"charging_mode": "COMMON"}, "rows_drop": ["order_id"]}


@pytest.fixture
def workspace(direct_workspace):
    return direct_workspace


def only(sandbox, *rules):
    sandbox.ask("PUT", "faults", {"faults": [*rules]})


@pytest.mark.parametrize("rule", [BARE, COMMON], ids=["bare", "common"])
@pytest.mark.parametrize("seen_by_an_apply", [False, True])
@pytest.mark.parametrize(
    "before", ["{}", "{charging_info: {charging_mode: POST_PAID, period_type: MONTH, period_num: 1}}"]
)
def test_a_subscription_that_was_made_in_the_console(workspace, sandbox, before, seen_by_an_apply, rule):
    workspace.write(f"servers: {{alpha: {before}}}\n")
    only(
        sandbox,
        SOLD,
        SHOWING | AS_POST_PAID,
        {"at": "CreateDevServer", "times": "always", "fault": "rewrite"} | AS_POST_PAID,
    )
    assert workspace.apply().code == 0
    only(sandbox)
    told = workspace.apply() if seen_by_an_apply else workspace.run_in_process("plan")
    assert (told.code, "declare what is shown" in told.words) == (0, True), told.text
    assert (workspace.state()["resources"]["alpha"]["term"] is not None) is seen_by_an_apply
    workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    only(sandbox, rule)
    assert workspace.apply().code == 0
    assert (workspace.purchases, workspace.ledger_counts("release")) == ({"alpha": 1}, {})
    only(sandbox)
    assert (workspace.apply().code, workspace.purchases, workspace.ledger_counts("release")) == (0, {"alpha": 1}, {})


MACHINES = {
    "resource flavor": (
        "flavor: null, resource_flavor: Si2.large.4",
        "flavor: null, resource_flavor: Si2.xlarge.4",
        {"rows": {"resource_flavor": "Si2.xlarge.4"}},
        "resource_flavor",
    ),
    "arch": ("arch: X86", "arch: ARM", {"rows": {"image": {"arch": "ARM"}}}, "image.arch"),
    "server type": (
        "server_type: ECS",
        "server_type: BMS",
        {"rows": {"cloud_server": {"type": "BMS"}}},
        "cloud_server",
    ),
}


@pytest.mark.parametrize(("declared", "as_shown", "rule", "lacking"), MACHINES.values(), ids=MACHINES)
def test_a_machine_that_was_shown_otherwise(workspace, sandbox, declared, as_shown, rule, lacking):
    workspace.write(f"servers: {{alpha: {{{declared}}}}}\n")
    assert workspace.apply().code == 0
    only(sandbox, SHOWING | rule)
    assert "declare what is shown" in workspace.run_in_process("plan").words
    workspace.write(f"servers: {{alpha: {{{as_shown}}}}}\n")
    only(sandbox, SHOWING | {"rows_drop": [lacking]})
    held = workspace.apply()
    assert (held.code, "[unconfirmed]" in held.text, workspace.purchases) == (0, True, {"alpha": 1}), held.text
    assert workspace.ledger_counts("release") == {}
