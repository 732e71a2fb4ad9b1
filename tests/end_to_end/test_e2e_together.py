"""A group that is bought by one call, over real HTTP: what the ledger has of it when all goes well, and when it does not."""

import json

import pytest
from support.fault_proxy import PURCHASE, resetting
from support.process_workspace import PREPAID, STACK

POOL = f"servers: {{pool: {{count: 3, order: together, charging_info: {PREPAID}}}}}\n"
SHORT = POOL.replace("count: 3", "count: 3, flavor: sandbox.falls-short, timeouts: {create: 20s}")
NAMES = ["pool-0", "pool-1", "pool-2"]
ADDRESSES = ["pool[0]", "pool[1]", "pool[2]"]


@pytest.fixture
def pool(workspace):
    workspace.write(POOL)
    return workspace


@pytest.fixture
def doubtful(pool, proxy):
    """The order was placed and paid, and its answer lost."""
    proxy.on(resetting(executed=True))
    assert pool.apply().code == 6
    return pool


def orders(workspace) -> set[str]:
    return {row.order_id for row in workspace.ledger if row.kind == "purchase"}


def sent(proxy) -> list[dict]:
    return [each.document for each in proxy.exchanges if each.method == "POST" and each.path.endswith(PURCHASE)]


def check(workspace, count: int = 3) -> None:
    """One order, so many servers of their own, named as wanted; and nothing left to do."""
    assert len(orders(workspace)) == 1
    resources = workspace.state()["resources"]
    ids = {one["id"] for one in resources.values()}
    assert ids == {row.server_id for row in workspace.ledger if row.kind == "purchase"}
    assert len(ids) == count
    last = workspace.run_in_process("plan")
    assert "No changes." in last.out, last.text


def test_three_servers_are_one_order_with_the_wanted_names(pool, proxy):
    plan = pool.run_in_process("plan")
    assert "3 servers are bought in one order: pool[0], pool[1], pool[2]" in " ".join(plan.out.split()).replace(
        "# ", ""
    )
    assert json.loads(pool.run_in_process("plan", "--json").out)["bought_together"] == [ADDRESSES]
    assert pool.run("apply", "--auto-approve").code == 0
    (body,) = sent(proxy)
    assert (body["count"], body["name"]) == (3, "pool-0")
    assert [one["name"] for one in pool.outputs.values()] == NAMES
    check(pool)
    told = pool.run_in_process("history", "pool[2]").out
    assert "ordered" in told
    assert "one call for 3 resources" in told


def test_a_saved_plan_buys_them_by_one_call_too(pool, proxy):
    assert pool.run_in_process("plan", "--out", "plan.json").code == 0
    assert pool.run_in_process("apply", "--auto-approve", "plan.json").code == 0
    assert [body["count"] for body in sent(proxy)] == [3]
    check(pool)


def test_twelve_servers_are_two_orders(workspace, proxy):
    workspace.write(POOL.replace("count: 3", "count: 12"))
    assert workspace.apply().code == 0
    assert sorted(body["count"] for body in sent(proxy)) == [2, 10]
    assert len(orders(workspace)) == 2
    assert sorted(one["name"] for one in workspace.outputs.values()) == sorted(f"pool-{index}" for index in range(12))
    assert "No changes." in workspace.run_in_process("plan").out


def test_a_lost_answer_is_asked_about_and_the_order_that_is_named_goes_on(doubtful, proxy):
    again = doubtful.apply()
    assert again.code == 6
    assert len(sent(proxy)) == 1
    (order,) = orders(doubtful)
    assert order in again.text
    for address in ADDRESSES:
        assert address in doubtful.run_in_process("state", "list").out
        assert "in doubt" in doubtful.run_in_process("state", "show", address).out
    (told,) = json.loads(doubtful.run_in_process("show", "--json").out)["in_doubt"]
    assert told["addresses"] == ADDRESSES
    resolved = doubtful.run_in_process("resolve", "pool[1]", "--adopt", order)
    assert resolved.out == f"pool[0], pool[1], pool[2]: adopted {order}; the next apply goes on with it.\n"
    assert doubtful.apply().code == 0
    assert len(sent(proxy)) == 1
    check(doubtful)
    assert "adopted" in doubtful.run_in_process("history", "pool[2]").out


def test_an_order_that_never_arrived_is_bought_at_a_persons_word(pool, proxy):
    proxy.on(resetting(executed=False))
    assert pool.apply().code == 6
    resolved = pool.run_in_process("resolve", "pool[0]", "--absent")
    assert "may buy 'pool-0', 'pool-1', 'pool-2'" in resolved.out
    assert pool.apply().code == 0
    check(pool)


def test_an_order_that_is_listed_is_not_absent(doubtful):
    (order,) = orders(doubtful)
    refused = doubtful.run_in_process("resolve", "pool[0]", "--absent")
    assert refused.code == 1
    assert "Error[server-listed]" in refused.text
    assert f"resolve 'pool[0]' --adopt {order}" in refused.words


def test_a_late_order_is_told_and_adopted_where_nothing_was_bought_since(pool, proxy):
    gate = proxy.gate()
    proxy.on(gate.before)
    assert pool.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    gate.await_arrival()
    assert pool.run_in_process("resolve", "pool[0]", "--absent").code == 0
    gate.open()
    gate.await_arrival()
    doubtful, (order,) = pool, orders(pool)
    told = doubtful.run_in_process("plan")
    assert f"resolve 'pool[0]' --adopt {order}" in told.words
    assert doubtful.run_in_process("resolve", "pool[0]", "--adopt", order).code == 0
    assert doubtful.apply().code == 0
    check(doubtful)


@pytest.mark.parametrize(("named", "code"), [("CS999", "unknown-order"), ("server", "unknown-order")])
def test_a_slip_changes_nothing(doubtful, named, code):
    if named == "server":
        named = next(row.server_id for row in doubtful.ledger if row.kind == "purchase")
    refused = doubtful.run_in_process("resolve", "pool[0]", "--adopt", named)
    assert refused.code == 1
    assert f"Error[{code}]" in refused.err
    assert doubtful.apply().code == 6


def test_an_order_of_another_address_is_not_given_away(workspace, proxy):
    workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    assert workspace.apply().code == 0
    (owned,) = orders(workspace)
    workspace.write(f"{POOL.rstrip()[:-1]}, alpha: {{charging_info: {PREPAID}}}}}\n")
    proxy.on(resetting(executed=False))
    assert workspace.apply().code == 6
    refused = workspace.run_in_process("resolve", "pool[0]", "--adopt", owned)
    assert "Error[server-owned]" in refused.err


def test_an_order_that_falls_short_is_waited_for_and_not_bought_again(workspace, proxy):
    workspace.write(SHORT)
    for _ in range(2):
        ran = workspace.apply()
        assert ran.code == 7
        assert "pool[2]" in ran.text
    assert len(sent(proxy)) == 1
    assert workspace.state()["resources"]["pool[2]"]["phase"] == "ordering"
    assert workspace.run_in_process("resolve", "pool[0]", "--absent").code == 1
    given_up = workspace.run_in_process("resolve", "pool[2]", "--absent")
    assert given_up.code == 0
    assert "order-forgotten" not in given_up.text
    assert workspace.apply().code == 0
    assert [body.get("count") for body in sent(proxy)] == [3, None]
    assert [one["name"] for one in workspace.outputs.values()] == NAMES


def test_all_are_released_and_one_alone_is_not(pool):
    assert pool.apply().code == 0
    pool.write(POOL.replace("count: 3", "count: 2"))
    refused = pool.apply()
    assert refused.code == 4
    assert "order-shared" in refused.text
    assert pool.ledger_counts("release") == {}
    pool.write(POOL)
    refused = pool.apply("--replace", "pool[1]", "--allow", "all")
    assert refused.code == 4
    told = refused.words
    assert "was bought by order" in told
    assert "together with pool[0], pool[2]" in told
    assert "releasing one of them ends the order, which releases all of them" in told
    assert (pool.ledger_counts("release"), pool.ledger_counts("refund")) == ({}, {})
    destroyed = pool.run_in_process("destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert destroyed.code == 0, destroyed.text
    assert pool.ledger_counts("release") == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize(
    ("servers", "stack", "says"),
    [
        ("servers: {pool: {count: 3, order: together}}\n", STACK, "order: together is for prepaid servers"),
        (f"servers: {{pool: {{order: together, charging_info: {PREPAID}}}}}\n", STACK, "pool is one"),
        (POOL, f"{STACK}purchase: {{prepaid: two-step}}\n", "exclude each other"),
    ],
)
def test_where_it_cannot_be_it_is_refused_at_its_place(workspace, servers, stack, says):
    workspace.write(servers, stack=stack)
    refused = workspace.run_in_process("validate")
    assert refused.code == 1
    assert "Error[order-together]" in refused.text
    assert says in refused.text
    assert "specs/servers.yaml:1:" in refused.text


def test_a_state_is_rebuilt_with_what_each_member_had(pool):
    assert pool.apply().code == 0
    before = pool.outputs
    state = pool.folder / "state" / "test.json"
    state.write_text(state.read_text()[:-40])
    assert pool.run_in_process("state", "rebuild", "--auto-approve").code == 0
    assert pool.outputs == before
    check(pool)


def test_a_group_in_doubt_is_rebuilt_as_one_doubt(doubtful):
    (order,) = orders(doubtful)
    state = doubtful.folder / "state" / "test.json"
    state.write_text(state.read_text()[:-40])
    assert doubtful.run_in_process("state", "rebuild", "--auto-approve").code == 0
    (told,) = json.loads(doubtful.run_in_process("show", "--json").out)["in_doubt"]
    assert told["addresses"] == ADDRESSES
    assert doubtful.run_in_process("resolve", "pool[2]", "--adopt", order).code == 0
    assert doubtful.apply().code == 0
    check(doubtful)
