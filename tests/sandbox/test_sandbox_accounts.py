"""Several accounts and users from a file: who sees what, with whose money. docs/sandbox.md describes the file."""

from pathlib import Path

import pytest

from provisioner.sandbox import SettingsError, create_app, read_ledger

ACCOUNTS = """
accounts:
  - id: acme-id
    name: acme
    balance: 1000.00
    projects:
      - {id: acme-main, name: cn-north-4}
      - {id: acme-lab, name: cn-north-4_lab, server_quota: 3}
    users:
      - {id: alice-id, name: alice, password: Alice-Public-1, access_key: ALICEKEY1, secret_key: alicesecret, administrator: true}
      - {id: bob-id, name: bob, password: Bob-Public-1, access_key: BOBKEY2, secret_key: bobsecret}
  - id: zeta-id
    name: zeta
    approval_seconds: 60
    projects:
      - {id: zeta-main, name: cn-north-4}
    users:
      - {id: carol-id, name: carol, password: Carol-Public-1, access_key: CAROLKEY3, secret_key: carolsecret}
"""
ALICE = {"account": "acme", "user": "alice", "password": "Alice-Public-1", "project_id": "acme-main"}
BOB = ALICE | {"user": "bob", "password": "Bob-Public-1"}
CAROL = {"account": "zeta", "user": "carol", "password": "Carol-Public-1", "project_id": "zeta-main"}
LAB = {"project": "cn-north-4_lab", "project_id": "acme-lab"}
ORDERS = "/v2/orders/customer-orders"


@pytest.fixture
def accounts(tmp_path) -> Path:
    path = tmp_path / "accounts.yaml"
    path.write_text(ACCOUNTS)
    return path


@pytest.fixture
def as_user(world, accounts, clock, cloud_of):
    """A sandbox with these accounts, as one of its users sees it."""
    app = create_app(world, clock=clock, accounts=accounts)
    return lambda login: cloud_of(app, login)


@pytest.fixture
def alice(as_user):
    return as_user(ALICE)


@pytest.fixture
def bob(as_user):
    return as_user(BOB)


@pytest.fixture
def carol(as_user):
    return as_user(CAROL)


def names(page) -> list[str]:
    return [server["name"] for server in page["data"]]


class TestWhoSeesWhat:
    def test_a_list_shows_the_callers_and_all_the_projects(self, alice, bob):
        alice.bought(name="hers")
        bob.bought(name="his")
        assert names(alice.servers()) == ["hers"]
        assert names(bob.servers()) == ["his"]
        for user in (alice, bob):
            assert names(user.call("GET", f"{user.SERVERS}/all").json()) == ["hers", "his"]

    def test_only_an_administrator_may_ask_for_anothers(self, alice, bob):
        alice.bought(name="hers")
        bob.bought(name="his")
        assert names(alice.servers(owner="bob-id")) == ["his"]
        assert names(bob.servers(owner="alice-id")) == ["his"]

    def test_a_colleagues_server_can_be_worked_with(self, alice, bob):
        server_id = alice.running()["id"]
        assert bob.show(server_id).status_code == 200
        assert bob.delete(server_id).status_code == 200

    def test_another_accounts_server_is_not_found(self, alice, carol, refusal):
        server_id = alice.running()["id"]
        assert refusal(carol.show(server_id)) == (400, "ModelArts.6404")
        assert carol.call("GET", f"{carol.SERVERS}/all").json()["total"] == 0

    def test_projects_of_one_account_hold_their_own(self, alice, as_user, refusal):
        lab = as_user(ALICE | LAB)
        server_id = alice.running()["id"]
        assert refusal(lab.show(server_id)) == (400, "ModelArts.6404")
        assert lab.call("GET", f"{lab.SERVERS}/all").json()["total"] == 0

    def test_another_accounts_project_is_not_for_the_caller(self, alice, carol):
        assert alice.token_answer({"project": {"id": CAROL["project_id"]}}).status_code == 401
        assert carol.call("GET", alice.SERVERS).status_code == 401

    def test_another_accounts_order_is_unknown(self, alice, carol, refusal, prepaid):
        server = alice.running(charging_info=prepaid)
        path = f"{ORDERS}/details/{server['order_id']}"
        assert alice.call("GET", path).status_code == 200
        assert refusal(carol.call("GET", path)) == (400, "CBC.0100")
        assert carol.call("GET", ORDERS).json()["total_count"] == 0
        for question in ({"order_id": server["order_id"]}, {"resource_ids": [server["id"]]}, {}):
            assert carol.subscriptions(**question)["total_count"] == 0
        assert refusal(carol.unsubscribe(server["id"])) == (400, "CBC.99003012")

    def test_the_ids_that_go_with_names_are_the_accounts_own(self, alice):
        listed = alice.call("GET", "/v3/auth/projects").json()["projects"]
        assert [project["name"] for project in listed] == ["cn-north-4", "cn-north-4_lab"]
        (found,) = alice.call("GET", "/v3/projects", params={"name": "cn-north-4"}).json()["projects"]
        assert found["id"] == ALICE["project_id"]
        second = alice.call("GET", "/v3/projects", params={"page": 2, "per_page": 1}).json()["projects"]
        assert second == listed[1:]
        (domain,) = alice.call("GET", "/v3/auth/domains").json()["domains"]
        assert domain["name"] == "acme"

    def test_the_public_account_is_not_there(self, alice):
        user = {"domain": {"name": "sandbox-account"}, "name": "sandbox-user", "password": "Sandbox-Public-1"}
        identity = {"methods": ["password"], "password": {"user": user}}
        assert alice.send("POST", "/v3/auth/tokens", json={"auth": {"identity": identity}}).status_code == 401

    def test_the_ledger_tells_accounts_and_callers_apart(self, alice, carol, world):
        alice.bought()
        carol.bought()
        told = [(entry.account, entry.caller) for entry in read_ledger(world)]
        assert told == [("acme-id", "alice"), ("zeta-id", "carol")]

    def test_a_token_of_a_user_who_is_gone_is_refused(self, alice, world, clock, cloud_of, refusal):
        public = cloud_of(create_app(world, clock=clock), {})
        assert refusal(public.call("GET", public.SERVERS, token=alice.project_token)) == (401, "APIG.0301")


class TestQuota:
    def test_a_project_holds_no_more_than_its_quota(self, as_user, refusal):
        lab = as_user(ALICE | LAB)
        first = lab.running(count=2)
        assert refusal(lab.create(count=2)) == (400, "ModelArts.0113")
        lab.bought()
        assert refusal(lab.create()) == (400, "ModelArts.0113")
        lab.delete(first["id"])
        lab.clock.advance(60)
        assert lab.create().status_code == 200


class TestBalance:
    """acme has 1000, a month of a server costs 613.20."""

    def test_an_order_beyond_the_balance_stays_unpaid_and_builds_nothing(self, alice, world, prepaid):
        alice.bought(charging_info=prepaid)
        second = alice.bought(charging_info=prepaid)
        assert "id" not in second
        assert alice.order(second["order_id"])["status"] == 6
        assert alice.servers()["total"] == 1
        kinds = [entry.kind for entry in read_ledger(world)]
        assert kinds == ["purchase", "payment", "purchase", "refusal"]

    def test_it_cannot_be_paid_until_money_comes_back(self, alice, prepaid, refusal):
        first = alice.running(flavor="sandbox.fails", charging_info=prepaid | {"period_num": 2})
        order_id = alice.bought(charging_info=prepaid)["order_id"]
        payment = {"order_id": order_id, "use_coupon": "NO", "use_discount": "NO"}
        assert refusal(alice.call("POST", "/v3/orders/customer-orders/pay", json=payment)) == (400, "CBC.30050006")
        alice.delete(first["id"])
        assert alice.call("POST", "/v3/orders/customer-orders/pay", json=payment).status_code == 204

    def test_it_is_shared_by_the_users_of_an_account(self, alice, bob, prepaid):
        alice.bought(charging_info=prepaid)
        assert "id" not in bob.bought(charging_info=prepaid)

    def test_it_outlives_the_process(self, alice, as_user, prepaid):
        alice.bought(charging_info=prepaid)
        assert "id" not in as_user(ALICE).bought(charging_info=prepaid)

    def test_pay_per_use_is_settled_later_and_needs_none(self, alice):
        assert alice.bought(flavor="Kat1.8xlarge", count=10)["id"]

    def test_a_renewal_that_it_does_not_cover_is_not_bought(self, alice, prepaid):
        server = alice.running(charging_info=prepaid | {"is_auto_renew": True})
        alice.clock.advance(730 * 3600)
        alice.renew_tokens()
        (subscription,) = alice.subscriptions(resource_ids=[server["id"]])["data"]
        assert subscription["status"] == 5


class TestApproval:
    """zeta's orders wait a minute for somebody's approval."""

    def test_an_order_waits_and_can_then_be_paid(self, carol, prepaid, refusal):
        order_id = carol.bought(charging_info=prepaid)["order_id"]
        payment = {"order_id": order_id, "use_coupon": "NO", "use_discount": "NO"}
        assert carol.order(order_id)["status"] == 1
        assert refusal(carol.call("POST", "/v3/orders/customer-orders/pay", json=payment)) == (400, "CBC.0100")
        carol.clock.advance(60)
        assert carol.order(order_id)["status"] == 6
        assert carol.servers()["total"] == 0
        assert carol.call("POST", "/v3/orders/customer-orders/pay", json=payment).status_code == 204
        assert carol.servers()["total"] == 1

    @pytest.mark.parametrize("seconds", [0, 60])
    def test_it_can_be_cancelled_before_and_after(self, carol, prepaid, seconds):
        order_id = carol.bought(charging_info=prepaid)["order_id"]
        carol.clock.advance(seconds)
        answer = carol.call("PUT", f"{ORDERS}/cancel", json={"order_id": order_id})
        assert answer.status_code == 204
        carol.clock.advance(120)
        assert carol.order(order_id)["status"] == 4

    def test_nobody_pays_and_a_week_later_it_is_cancelled(self, carol, prepaid):
        order_id = carol.bought(charging_info=prepaid)["order_id"]
        carol.clock.advance(8 * 86_400)
        carol.renew_tokens()
        assert carol.order(order_id)["status"] == 4


def replaced(old: str, new: str) -> str:
    assert old in ACCOUNTS
    return ACCOUNTS.replace(old, new)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file"),
        ("accounts: []", "accounts"),
        ("accounts: [", "line 1"),
        ("\x00", "YAML"),
        ("[" * 5000, "cannot be used"),
        ("accounts: [2026-99-99]", "YAML"),
        (replaced("approval_seconds: 60", "approval_second: 60"), "accounts.1.approval_second"),
        (replaced("approval_seconds: 60", "approval_seconds: soon"), "accounts.1.approval_seconds"),
        (replaced("balance: 1000.00", "balance: 1000.001"), "accounts.0.balance: .*two decimals"),
        (replaced("balance: 1000.00", "balance: -1"), "not negative"),
        (replaced("balance: 1000.00", "balance: much"), "such as 12.50"),
        (replaced("balance: 1000.00", "balance: 1e999999999"), "such as 12.50"),
        (replaced("balance: 1000.00", "balance: .nan"), "two decimals"),
        (replaced("balance: 1000.00", "name: twice"), "line 5: the key name is given twice"),
        (replaced("zeta-id", "acme-id"), "ids of accounts"),
        (replaced("name: zeta", "name: acme"), "names of accounts"),
        (replaced("BOBKEY2", "ALICEKEY1"), "access keys"),
        (replaced("BOBKEY2", "BOB KEY"), "accounts.0.users.1.access_key"),
        (replaced("name: bob", "name: alice"), "names of the users"),
        (replaced("cn-north-4_lab", "cn-north-4"), "names of the projects"),
        (replaced("server_quota: 3", "server_quota: -3"), "server_quota"),
    ],
)
def test_a_mistake_in_the_file_is_named_and_nothing_starts(tmp_path, text, reason):
    path = tmp_path / "accounts.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=reason) as refusal:
        create_app(tmp_path / "world", accounts=path)
    assert str(path) in str(refusal.value)
    assert "Public-1" not in str(refusal.value)
    assert not (tmp_path / "world").exists()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml cannot be used: No such file"):
        create_app(accounts=tmp_path / "nowhere.yaml")
