"""World faults: what lists leave out, repeat or do not know yet, what others buy meanwhile, and what is done too late."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import pytest
import yaml

from provisioner.sandbox import PUBLIC, read_ledger

CONFTEST = Path(__file__).with_name("conftest.py")
CREATE = {"at": "CreateDevServer"}


@pytest.fixture
def cloud(lasting_cloud):
    return lasting_cloud


def names(page: dict) -> list[str]:
    return [server["name"] for server in page["data"]]


def everyones(cloud, **query) -> dict:
    return cloud.call("GET", f"{cloud.SERVERS}/all", params=query).json()


class TestLag:
    def test_a_new_server_is_in_no_list_for_a_while(self, cloud):
        cloud.arm({**CREATE, "fault": "lag", "seconds": 30})
        server = cloud.bought()
        assert (cloud.servers()["total"], everyones(cloud)["total"]) == (0, 0)
        assert cloud.show(server["id"]).status_code == 200
        cloud.clock.advance(29.9)
        assert cloud.servers()["total"] == 0
        cloud.clock.advance(0.1)
        assert names(cloud.servers()) == names(everyones(cloud)) == ["trainer"]

    def test_it_may_not_even_be_found_by_its_id(self, cloud):
        cloud.arm({**CREATE, "fault": "lag", "seconds": 30, "show": False})
        server = cloud.bought()
        answers = [cloud.show(server["id"]), cloud.delete(server["id"]), cloud.act(server["id"], "stop")]
        assert {answer.json()["error_code"] for answer in answers} == {"ModelArts.6404"}
        cloud.clock.advance(30)
        assert cloud.status(server["id"]) == "RUNNING"

    def test_the_longest_of_several_holds(self, cloud):
        cloud.arm({**CREATE, "fault": "lag", "seconds": 60})
        cloud.arm({**CREATE, "fault": "lag", "seconds": 10, "show": False})
        server = cloud.bought()
        cloud.clock.advance(11)
        assert cloud.show(server["id"]).status_code == 200
        assert cloud.servers()["total"] == 0

    def test_only_the_servers_of_that_request_lag(self, cloud):
        cloud.bought(name="before")
        cloud.arm({**CREATE, "fault": "lag", "seconds": 30})
        cloud.bought(name="group", count=3)
        cloud.bought(name="after")
        assert names(cloud.servers()) == ["before", "after"]

    def test_billing_knows_what_lists_do_not(self, cloud, prepaid):
        cloud.arm({**CREATE, "fault": "lag", "seconds": 30})
        server = cloud.bought(charging_info=prepaid)
        cloud.clock.advance(20)
        assert cloud.servers()["total"] == 0
        assert cloud.subscriptions(order_id=server["order_id"])["total_count"] == 1

    def test_what_is_built_when_it_is_paid_may_lag_then(self, cloud, prepaid):
        cloud.arm({"at": "*", "fault": "lag", "seconds": 30, "after": 1})
        order = cloud.bought(charging_info={**prepaid, "is_auto_pay": False})["order_id"]
        payment = {"order_id": order, "use_coupon": "NO", "use_discount": "NO"}
        assert cloud.call("POST", "/v3/orders/customer-orders/pay", json=payment).status_code == 204
        assert cloud.servers()["total"] == 0
        cloud.clock.advance(30)
        assert cloud.servers()["total"] == 1

    def test_it_lasts_whoever_serves_the_world(self, cloud, world, open_cloud):
        cloud.arm({**CREATE, "fault": "lag", "seconds": 30})
        cloud.bought()
        assert open_cloud(world).servers()["total"] == 0
        cloud.clock.advance(30)
        assert open_cloud(world).servers()["total"] == 1


class TestPages:
    @pytest.fixture
    def five(self, cloud):
        for number in range(5):
            cloud.bought(name=f"server-{number}")
        return cloud

    def read(self, cloud, offsets=(0, 2, 4)) -> tuple[list[str], set[int]]:
        pages = [everyones(cloud, limit=2, offset=offset) for offset in offsets]
        return [name[-1] for page in pages for name in names(page)], {page["total"] for page in pages}

    @pytest.mark.parametrize(("rows", "seen"), [(1, "0134"), (2, "014"), (-1, "011234"), (-(10**6), "010101")])
    def test_rows_shift_between_pages(self, five, rows, seen):
        five.arm({"at": "ListAllDevServers", "times": "always", "fault": "shift", "rows": rows})
        assert self.read(five) == (list(seen), {5})

    def test_once_is_on_one_page(self, five):
        five.arm({"at": "ListAllDevServers", "after": 1, "fault": "shift", "rows": 1})
        assert self.read(five) == (list("01344"), {5})
        assert self.read(five) == (list("01234"), {5})

    @pytest.mark.parametrize(("rows", "seen"), [(1, "0123"), (3, "01"), (9, "")])
    def test_a_list_ends_short_of_its_total(self, five, rows, seen):
        five.arm({"at": "*", "times": "always", "fault": "short", "rows": rows})
        assert self.read(five) == (list(seen), {5})
        assert len(five.servers(limit=5)["data"]) == len(seen)

    def test_a_page_may_hold_fewer_rows_than_were_asked_for(self, five):
        five.arm({"at": "*", "times": "always", "fault": "cap", "rows": 2, "refused": False})
        page = five.servers(limit=5)
        assert (len(page["data"]), page["total"]) == (2, 5)

    def test_both_at_once(self, five):
        five.arm({"at": "*", "times": "always", "fault": "shift", "rows": 1})
        five.arm({"at": "*", "times": "always", "fault": "short", "rows": 1})
        assert self.read(five) == (list("013"), {5})


class TestStranger:
    @pytest.mark.parametrize(("when", "callers"), [("before", ["stranger", "me"]), ("after", ["me", "stranger"])])
    def test_a_second_server_of_the_name_is_another_users(self, cloud, world, when, callers):
        cloud.arm({**CREATE, "fault": "stranger", "when": when})
        cloud.bought(name="twin")
        callers = [PUBLIC.user_name if each == "me" else each for each in callers]
        assert [(row.kind, row.name, row.caller) for row in read_ledger(world)] == [
            ("purchase", "twin", each) for each in callers
        ]
        assert names(cloud.servers()) == ["twin"]
        assert names(everyones(cloud)) == ["twin", "twin"]

    def test_it_comes_though_the_clients_own_request_is_lost(self, cloud, world):
        cloud.arm({**CREATE, "fault": "stranger", "when": "after"}, {**CREATE, "fault": "throttle"})
        assert cloud.create().status_code == 429
        assert [row.caller for row in read_ledger(world)] == ["stranger"]

    def test_what_is_refused_is_refused_to_both(self, cloud, world):
        cloud.arm({**CREATE, "fault": "stranger", "when": "before"})
        assert cloud.create(flavor="sandbox.sold-out").status_code == 400
        assert Counter((row.kind, row.caller) for row in read_ledger(world)) == {
            ("refusal", "stranger"): 1,
            ("refusal", PUBLIC.user_name): 1,
        }

    def test_a_user_of_the_account_may_be_meant(self, tmp_path, clock, cloud_of, world):
        accounts = tmp_path / "accounts.yaml"
        user = {"password": "Public-1", "secret_key": "secret"}
        users = [user | {"id": f"{name}-id", "name": name, "access_key": f"{name}key"} for name in ("alice", "bob")]
        account = {"id": "acme-id", "name": "acme", "projects": [{"id": "main", "name": "cn-north-4"}], "users": users}
        accounts.write_text(yaml.safe_dump({"accounts": [account]}))
        from provisioner.sandbox import create_app

        app = create_app(world, clock=clock, accounts=accounts)
        login = {"account": "acme", "password": "Public-1", "project_id": "main"}
        alice, bob = (cloud_of(app, login | {"user": name}) for name in ("alice", "bob"))
        alice.arm({**CREATE, "fault": "stranger", "when": "after", "user": "bob"})
        alice.bought(name="twin")
        assert names(alice.servers()) == names(bob.servers()) == ["twin"]
        assert names(everyones(bob)) == ["twin", "twin"]


class TestLate:
    @pytest.fixture
    def sent(self, cloud):
        cloud.arm({**CREATE, "fault": "late", "seconds": 90})
        with pytest.raises(ConnectionResetError):
            cloud.create(name="tardy")
        return cloud

    def test_nothing_is_done_before_its_time_and_it_is_done_once(self, sent, world):
        sent.clock.advance(89)
        assert sent.servers()["total"] == 0
        assert read_ledger(world) == []
        due = sent.clock.now() + 1000
        sent.clock.advance(600)
        (server,) = sent.servers()["data"]
        assert (server["name"], server["status"], server["create_at"]) == ("tardy", "RUNNING", due)
        assert [(row.kind, row.time, row.caller) for row in read_ledger(world)] == [("purchase", due, PUBLIC.user_name)]
        sent.clock.advance(600)
        assert sent.servers()["total"] == 1

    def test_whoever_asks_next_finds_it_done(self, sent, world, open_cloud):
        sent.clock.advance(90)
        assert open_cloud(world).servers()["total"] == 1
        assert sent.servers()["total"] == 1

    def test_its_body_is_gone_when_it_has_been_done(self, cloud, world):
        password = "Canary-7q!Xw9Zt"
        cloud.arm({**CREATE, "fault": "late", "seconds": 1})
        with pytest.raises(ConnectionResetError):
            cloud.create(key_pair_name=None, admin_pass=password)
        assert password in everything_on_disk(world), "or this test would prove nothing"
        cloud.clock.advance(1)
        assert cloud.servers()["total"] == 1
        cloud.app.world.close()
        assert password not in everything_on_disk(world)

    def test_a_refusal_is_heard_by_the_ledger_only(self, cloud, world):
        cloud.arm({**CREATE, "fault": "late", "seconds": 1})
        with pytest.raises(ConnectionResetError):
            cloud.create(flavor="sandbox.sold-out")
        cloud.clock.advance(1)
        assert cloud.servers()["total"] == 0
        assert [row.kind for row in read_ledger(world)] == ["refusal"]

    def test_any_change_may_come_late_and_finds_the_world_as_it_then_is(self, cloud, world):
        server = cloud.running()
        cloud.arm({"at": "DeleteDevServer", "fault": "late", "seconds": 30})
        with pytest.raises(ConnectionResetError):
            cloud.delete(server["id"])
        cloud.call("PUT", f"{cloud.SERVERS}/{server['id']}", json={"name": "renamed"})
        cloud.clock.advance(60)
        assert cloud.servers()["total"] == 0
        assert [(row.kind, row.name) for row in read_ledger(world)][-1] == ("release", "renamed")

    def test_a_late_server_may_lag_as_well(self, cloud):
        cloud.arm({**CREATE, "fault": "late", "seconds": 10}, {**CREATE, "fault": "lag", "seconds": 10})
        with pytest.raises(ConnectionResetError):
            cloud.create()
        seen = []
        for _ in range(3):
            cloud.clock.advance(9)
            seen.append(cloud.servers()["total"])
        assert seen == [0, 0, 1]

    def test_they_come_in_the_order_in_which_they_are_due(self, cloud):
        for name, seconds in (("third", 30), ("first", 10), ("second", 20)):
            cloud.arm({**CREATE, "server": name, "fault": "late", "seconds": seconds})
            with pytest.raises(ConnectionResetError):
                cloud.create(name=name)
        cloud.clock.advance(60)
        assert names(cloud.servers()) == ["first", "second", "third"]

    def test_a_sender_who_has_left_the_accounts_has_sent_it_all_the_same(self, sent, world, tmp_path, clock):
        from provisioner.sandbox import create_app
        from provisioner.sandbox.performing import settle

        others = tmp_path / "accounts.yaml"
        user = {"id": "u", "name": "u", "password": "Public-1", "access_key": "k", "secret_key": "s"}
        account = {"id": "a", "name": "a", "projects": [{"id": "p", "name": "p"}], "users": [user]}
        others.write_text(yaml.safe_dump({"accounts": [account]}))
        sent.clock.advance(90)
        app = create_app(world, clock=clock, accounts=others)
        with app.world.transaction() as transaction:
            settle(transaction)
        assert [(row.kind, row.caller) for row in read_ledger(world)] == [("purchase", PUBLIC.user_name)]


def everything_on_disk(world: Path) -> str:
    return b"".join(path.read_bytes() for path in world.parent.glob(f"{world.name}*")).decode("latin-1")


class TestLateAndDeath:
    """The process that took the request is killed before, or in the middle of, carrying it out."""

    PROGRAM = f"""
import importlib.util, os, sys
from pathlib import Path
specification = importlib.util.spec_from_file_location("sandbox_conftest", {str(CONFTEST)!r})
conftest = importlib.util.module_from_spec(specification)
specification.loader.exec_module(conftest)
clock = conftest.ManualClock()
cloud = conftest.Cloud(conftest.create_app(Path(sys.argv[1]), clock=clock), clock)
cloud.arm({{"at": "CreateDevServer", "fault": "late", "seconds": 5}})
try:
    cloud.create(name="tardy")
except ConnectionResetError:
    pass
"""
    BEFORE = "os.kill(os.getpid(), 9)"
    IN_THE_MIDDLE = """
from provisioner.sandbox import performing
carry_out = performing._carry_out
performing._carry_out = lambda *request: (carry_out(*request), os.kill(os.getpid(), 9))
clock.advance(5)
cloud.servers()
"""

    @pytest.mark.parametrize("death", [BEFORE, IN_THE_MIDDLE], ids=["before", "in the middle"])
    def test_it_is_carried_out_exactly_once(self, world, open_cloud, clock, death):
        killed = subprocess.run([sys.executable, "-c", self.PROGRAM + death, world], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert read_ledger(world) == []
        clock.advance(5)
        for _ in range(2):
            assert open_cloud(world).servers()["total"] == 1
        assert [row.kind for row in read_ledger(world)] == ["purchase"]


class TestFiltered:
    @pytest.mark.parametrize(
        ("hides", "shown"),
        [
            ({}, ["ours"]),
            ({"hides": [uuid5(NAMESPACE_OID, "mallory").hex]}, ["ours"]),
            ({"hides": ["nobody"]}, ["theirs", "ours"]),
        ],
    )
    def test_the_list_of_everybodys_leaves_out_some_and_counts_what_it_shows(self, cloud, hides, shown):
        cloud.arm({**CREATE, "fault": "stranger", "when": "before", "user": "mallory"})
        cloud.bought(name="ours")
        cloud.arm({"at": "ListAllDevServers", "times": "always", "fault": "filtered", **hides})
        page = everyones(cloud)
        assert page["total"] == len(page["data"]) == len(shown)
