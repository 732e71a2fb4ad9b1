"""A group that is bought by one call, over real HTTP: what the ledger has of it when all goes well, and when it does not."""

import json

import pytest
from support.fault_proxy import PURCHASE, resetting
from support.site import PREPAID, STACK

POOL = f"servers: {{pool: {{count: 3, order: together, charging_info: {PREPAID}}}}}\n"
SHORT = POOL.replace("count: 3", "count: 3, flavor: sandbox.falls-short, timeouts: {create: 20s}")
NAMES = ["pool-0", "pool-1", "pool-2"]
ADDRESSES = ["pool[0]", "pool[1]", "pool[2]"]


@pytest.fixture
def pool(site):
    site.write(POOL)
    return site


@pytest.fixture
def doubtful(pool, proxy):
    """The order was placed and paid, and its answer lost."""
    proxy.on(resetting(executed=True))
    assert pool.apply().code == 6
    return pool


def orders(site) -> set[str]:
    return {row.order_id for row in site.ledger if row.kind == "purchase"}


def sent(proxy) -> list[dict]:
    return [each.document for each in proxy.exchanges if each.method == "POST" and each.path.endswith(PURCHASE)]


def check(site, count: int = 3) -> None:
    """One order, so many servers of their own, named as wanted; and nothing left to do."""
    assert len(orders(site)) == 1
    resources = site.state()["resources"]
    ids = {one["id"] for one in resources.values()}
    assert ids == {row.server_id for row in site.ledger if row.kind == "purchase"}
    assert len(ids) == count
    last = site.here("plan")
    assert "No changes." in last.out, last.text


def test_three_servers_are_one_order_with_the_wanted_names(pool, proxy):
    plan = pool.here("plan")
    assert "3 servers are bought in one order: pool[0], pool[1], pool[2]" in " ".join(plan.out.split()).replace(
        "# ", ""
    )
    assert json.loads(pool.here("plan", "--json").out)["bought_together"] == [ADDRESSES]
    assert pool.run("apply", "--auto-approve").code == 0
    (body,) = sent(proxy)
    assert (body["count"], body["name"]) == (3, "pool-0")
    assert [one["name"] for one in pool.outputs.values()] == NAMES
    check(pool)
    told = pool.here("history", "pool[2]").out
    assert "ordered" in told
    assert "one call for 3 resources" in told


def test_a_saved_plan_buys_them_by_one_call_too(pool, proxy):
    assert pool.here("plan", "--out", "plan.json").code == 0
    assert pool.here("apply", "--auto-approve", "plan.json").code == 0
    assert [body["count"] for body in sent(proxy)] == [3]
    check(pool)


def test_twelve_servers_are_two_orders(site, proxy):
    site.write(POOL.replace("count: 3", "count: 12"))
    assert site.apply().code == 0
    assert sorted(body["count"] for body in sent(proxy)) == [2, 10]
    assert len(orders(site)) == 2
    assert sorted(one["name"] for one in site.outputs.values()) == sorted(f"pool-{index}" for index in range(12))
    assert "No changes." in site.here("plan").out


def test_a_lost_answer_is_asked_about_and_the_order_that_is_named_goes_on(doubtful, proxy):
    again = doubtful.apply()
    assert again.code == 6
    assert len(sent(proxy)) == 1
    (order,) = orders(doubtful)
    assert order in again.text
    for address in ADDRESSES:
        assert address in doubtful.here("state", "list").out
        assert "in doubt" in doubtful.here("state", "show", address).out
    (told,) = json.loads(doubtful.here("show", "--json").out)["in_doubt"]
    assert told["addresses"] == ADDRESSES
    resolved = doubtful.here("resolve", "pool[1]", "--adopt", order)
    assert resolved.out == f"pool[0], pool[1], pool[2]: adopted {order}; the next apply goes on with it.\n"
    assert doubtful.apply().code == 0
    assert len(sent(proxy)) == 1
    check(doubtful)
    assert "adopted" in doubtful.here("history", "pool[2]").out


def test_an_order_that_never_arrived_is_bought_at_a_persons_word(pool, proxy):
    proxy.on(resetting(executed=False))
    assert pool.apply().code == 6
    resolved = pool.here("resolve", "pool[0]", "--absent")
    assert "may buy 'pool-0', 'pool-1', 'pool-2'" in resolved.out
    assert pool.apply().code == 0
    check(pool)


def test_an_order_that_is_listed_is_not_absent(doubtful):
    (order,) = orders(doubtful)
    refused = doubtful.here("resolve", "pool[0]", "--absent")
    assert refused.code == 1
    assert "Error[server-listed]" in refused.text
    assert f"resolve 'pool[0]' --adopt {order}" in " ".join(refused.text.split())


def test_a_late_order_is_told_and_adopted_where_nothing_was_bought_since(pool, proxy):
    gate = proxy.gate()
    proxy.on(gate.before)
    assert pool.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    gate.await_arrival()
    assert pool.here("resolve", "pool[0]", "--absent").code == 0
    gate.open()
    gate.await_arrival()
    doubtful, (order,) = pool, orders(pool)
    told = doubtful.here("plan")
    assert f"resolve 'pool[0]' --adopt {order}" in " ".join(told.text.split())
    assert doubtful.here("resolve", "pool[0]", "--adopt", order).code == 0
    assert doubtful.apply().code == 0
    check(doubtful)


@pytest.mark.parametrize(("named", "code"), [("CS999", "unknown-order"), ("server", "unknown-order")])
def test_a_slip_changes_nothing(doubtful, named, code):
    if named == "server":
        named = next(row.server_id for row in doubtful.ledger if row.kind == "purchase")
    refused = doubtful.here("resolve", "pool[0]", "--adopt", named)
    assert refused.code == 1
    assert f"Error[{code}]" in refused.err
    assert doubtful.apply().code == 6


def test_an_order_of_another_address_is_not_given_away(site, proxy):
    site.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
    assert site.apply().code == 0
    (owned,) = orders(site)
    site.write(f"{POOL.rstrip()[:-1]}, alpha: {{charging_info: {PREPAID}}}}}\n")
    proxy.on(resetting(executed=False))
    assert site.apply().code == 6
    refused = site.here("resolve", "pool[0]", "--adopt", owned)
    assert "Error[server-owned]" in refused.err


def test_an_order_that_falls_short_is_waited_for_and_not_bought_again(site, proxy):
    site.write(SHORT)
    for _ in range(2):
        ran = site.apply()
        assert ran.code == 7
        assert "pool[2]" in ran.text
    assert len(sent(proxy)) == 1
    assert site.state()["resources"]["pool[2]"]["phase"] == "ordering"
    assert site.here("resolve", "pool[0]", "--absent").code == 1
    given_up = site.here("resolve", "pool[2]", "--absent")
    assert given_up.code == 0
    assert "order-forgotten" not in given_up.text
    assert site.apply().code == 0
    assert [body.get("count") for body in sent(proxy)] == [3, None]
    assert [one["name"] for one in site.outputs.values()] == NAMES


def test_all_are_released_and_one_alone_is_not(pool):
    assert pool.apply().code == 0
    pool.write(POOL.replace("count: 3", "count: 2"))
    refused = pool.apply()
    assert refused.code == 4
    assert "order-shared" in refused.text
    assert pool.entries("release") == {}
    pool.write(POOL)
    refused = pool.apply("--replace", "pool[1]", "--allow", "all")
    assert refused.code == 4
    told = " ".join(refused.text.split())
    assert "was bought by order" in told
    assert "together with pool[0], pool[2]" in told
    assert "releasing one of them ends the order, and with it all of them" in told
    assert (pool.entries("release"), pool.entries("refund")) == ({}, {})
    destroyed = pool.here("destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert destroyed.code == 0, destroyed.text
    assert pool.entries("release") == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize(
    ("servers", "stack", "says"),
    [
        ("servers: {pool: {count: 3, order: together}}\n", STACK, "order: together is for prepaid servers"),
        (f"servers: {{pool: {{order: together, charging_info: {PREPAID}}}}}\n", STACK, "pool is one"),
        (POOL, f"{STACK}purchase: {{prepaid: two-step}}\n", "exclude each other"),
    ],
)
def test_where_it_cannot_be_it_is_refused_at_its_place(site, servers, stack, says):
    site.write(servers, stack=stack)
    refused = site.here("validate")
    assert refused.code == 1
    assert "Error[order-together]" in refused.text
    assert says in refused.text
    assert "specs/servers.yaml:1:" in refused.text


def test_a_state_is_rebuilt_with_what_each_member_had(pool):
    assert pool.apply().code == 0
    before = pool.outputs
    state = pool.folder / "state" / "test.json"
    state.write_text(state.read_text()[:-40])
    assert pool.here("state", "rebuild", "--auto-approve").code == 0
    assert pool.outputs == before
    check(pool)


def test_a_group_in_doubt_is_rebuilt_as_one_doubt(doubtful):
    (order,) = orders(doubtful)
    state = doubtful.folder / "state" / "test.json"
    state.write_text(state.read_text()[:-40])
    assert doubtful.here("state", "rebuild", "--auto-approve").code == 0
    (told,) = json.loads(doubtful.here("show", "--json").out)["in_doubt"]
    assert told["addresses"] == ADDRESSES
    assert doubtful.here("resolve", "pool[2]", "--adopt", order).code == 0
    assert doubtful.apply().code == 0
    check(doubtful)
