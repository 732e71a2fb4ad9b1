"""Two servers of one order, of which one is in no record and no list shows it, or shows it as of that order: the other is not released
alone, whatever names it for a release. The cloud's own books judge.
"""

import pytest
from support.process_workspace import PREPAID, SandboxControl

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

POOL = f"servers: {{pool: {{count: 2, order: together, charging_info: {PREPAID}}}}}\n"
ONE = f"servers: {{pool: {{count: 1, charging_info: {PREPAID}}}}}\n"
OTHER = ONE.replace("charging_info", "flavor: Si2.xlarge.4, charging_info")
FIRST = OTHER.replace("count: 1,", "count: 1, lifecycle: {create_before_destroy: true},")
EVERYWHERE = ("ListAllDevServers", "ListDevServers", "ShowDevServer")
UNNAMED = tuple(
    {
        "at": place,
        "times": "always",
        "fault": "rewrite",
        "server": "pool-1",
        "rows_drop": ["order_id"],
        "rows": {"charging_mode": "COMMON"},
    }
    for place in EVERYWHERE
)
EMPTY = ({"at": list(EVERYWHERE[:2]), "times": "always", "fault": "rewrite", "set": {"data": [], "total": 0}},)
BILLING = {"at": "ListPayPerUseCustomerResources", "times": "always"}
REFUSED = BILLING | {"fault": "answer", "status": 403, "code": "CBC.0151", "executed": False}
UNREADABLE = BILLING | {"fault": "rewrite", "drop": ["data"]}
ALL = ("--auto-approve", "--allow", "all")


@pytest.fixture
def sandbox(server, sandbox_db, clock, build_seconds):
    sandbox = SandboxControl(server.url)
    server.app = front(create_app(sandbox_db, build_seconds=build_seconds, clock=clock), sandbox.token)
    return sandbox


@pytest.fixture
def bought(workspace, sandbox):
    workspace.write(POOL)
    assert workspace.apply().code == 0
    assert sum(workspace.purchases.values()) == 2
    return workspace


@pytest.fixture(params=[UNNAMED, EMPTY], ids=["unnamed", "unlisted"])
def one_forgotten(bought, sandbox, request):
    assert bought.run_in_process("state", "rm", "pool[1]", "--auto-approve").code == 0
    sandbox.arm(*request.param)
    bought.write(ONE)
    return bought


def released(workspace):
    return (workspace.ledger_counts("release"), workspace.ledger_counts("refund"))


@pytest.mark.parametrize("way", ["destroy", "out of the specs", "replace", "create before destroy"])
def test_the_other_is_not_released(one_forgotten, way):
    before = one_forgotten.purchases
    match way:
        case "destroy":
            ran = one_forgotten.run_in_process("destroy", *ALL)
        case "out of the specs":
            one_forgotten.write("servers: {}\n")
            ran = one_forgotten.run_in_process("apply", *ALL)
        case _:
            one_forgotten.write(OTHER if way == "replace" else FIRST)
            ran = one_forgotten.run_in_process("apply", *ALL, "--replace", "pool[0]")
    assert "order-shared" in ran.text
    assert (ran.code, released(one_forgotten), one_forgotten.purchases) == (7, ({}, {}), before)
    assert sorted(one_forgotten.state()["resources"]) == ["pool[0]"]


@pytest.mark.parametrize("rule", [REFUSED, UNREADABLE], ids=["refused", "unreadable"])
def test_nothing_is_unsubscribed_while_billing_does_not_say(bought, sandbox, rule):
    sandbox.arm(rule)
    assert bought.run_in_process("destroy", *ALL).code == 7
    assert released(bought) == ({}, {})
    sandbox.ask("DELETE", "faults")
    assert bought.run_in_process("destroy", *ALL).code == 0
    assert bought.ledger_counts("refund") == {"pool-0": 1, "pool-1": 1}
    assert bought.state()["resources"] == {}


@pytest.mark.parametrize("times", [1, 2, 3, "always"])
def test_a_refusal_that_passes_ends_no_order_of_what_is_shown_as_pay_per_use(one_forgotten, sandbox, times):
    """Whether its order may be asked about and whether it is unsubscribed are two questions, and only one of them need be refused."""
    shown = {"fault": "rewrite", "server": "pool-0", "rows": {"charging_mode": "POST_PAID"}}
    sandbox.arm(*(shown | {"at": place, "times": "always"} for place in EVERYWHERE), REFUSED | {"times": times})
    assert one_forgotten.run_in_process("destroy", *ALL).code == 7
    assert released(one_forgotten) == ({}, {})
