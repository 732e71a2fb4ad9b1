"""The law of money: whatever is bought, paid, cancelled, released and renewed, in whatever order, the ledger adds up."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.sandbox import create_app
from provisioner.sandbox.ledger import entries

BALANCE = 2_000_00
ACCOUNTS = """
accounts:
  - id: acme-id
    name: acme
    balance: 2000
    projects: [{id: acme-main, name: cn-north-4}]
    users: [{id: alice-id, name: alice, password: Alice-Public-1, access_key: ALICEKEY, secret_key: alices-secret}]
"""
ALICE = {"account": "acme", "user": "alice", "password": "Alice-Public-1", "project_id": "acme-main"}
STEPS = st.tuples(
    st.sampled_from(
        ["buy", "order", "use", "fail", "pay", "cancel", "unsubscribe", "delete", "renew", "wait", "month"]
    ),
    st.integers(0, 5),
)


def step(cloud, kind: str, choice: int, prepaid: dict) -> None:
    servers = cloud.call("GET", f"{cloud.SERVERS}/all", params={"limit": 1000}).json()["data"]
    orders = cloud.call("GET", "/v2/orders/customer-orders", params={"limit": 1000}).json()["order_infos"]
    server = servers[choice % len(servers)]["id"] if servers else "none"
    order = orders[choice % len(orders)]["order_id"] if orders else "none"
    match kind:
        case "buy":
            cloud.create(charging_info=prepaid, count=choice % 2 + 1)
        case "order":
            cloud.create(charging_info=prepaid | {"is_auto_pay": False})
        case "use":
            cloud.create()
        case "fail":
            cloud.create(charging_info=prepaid, flavor="sandbox.fails")
        case "pay":
            body = {"order_id": order, "use_coupon": "NO", "use_discount": "NO"}
            cloud.call("POST", "/v3/orders/customer-orders/pay", json=body)
        case "cancel":
            cloud.call("PUT", "/v2/orders/customer-orders/cancel", json={"order_id": order})
        case "unsubscribe":
            cloud.unsubscribe(server)
        case "delete":
            cloud.delete(server)
        case "renew":
            cloud.call(
                "POST", f"/v2/orders/subscriptions/resources/autorenew/{server}", json={"auto_renew_times": choice}
            )
        case "wait":
            cloud.clock.advance(60)
        case "month":
            cloud.clock.advance(31 * 86_400)
            cloud.renew_tokens()


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    path = tmp_path_factory.mktemp("accounts") / "accounts.yaml"
    path.write_text(ACCOUNTS)
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25))
def test_the_ledger_adds_up(accounts, clock, cloud_of, prepaid, steps):
    app = create_app(clock=clock, accounts=accounts)
    cloud = cloud_of(app, ALICE)
    for kind, choice in steps:
        step(cloud, kind, choice, prepaid)
    connection = app.world._connection
    rows = entries(connection)
    spent = one(connection, "SELECT coalesce(sum(spent), 0) FROM balances")
    assert spent == total(rows, "payment") - total(rows, "refund")
    assert 0 <= spent <= BALANCE
    built = one(connection, "SELECT count(*) FROM servers")
    never_paid = one(
        connection,
        "SELECT coalesce(sum(subscription_num), 0) FROM orders WHERE order_type = 1 AND payment_at IS NULL",
    )
    assert sum(row.kind == "purchase" for row in rows) == built + never_paid
    for kind in ("release", "refund"):
        assert max(Counter(row.server_id for row in rows if row.kind == kind).values(), default=1) == 1


def total(rows, kind: str) -> int:
    return sum(row.amount for row in rows if row.kind == kind)


def one(connection, statement: str) -> int:
    return connection.execute(statement).fetchone()[0]
