"""The control API: who may use it, what it shows and moves, and that it refuses the rest without touching the world."""

import json
import sqlite3
import subprocess
import sys
from datetime import datetime

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.sandbox import control, create_app, read_ledger, time_shift

RESOURCES = {
    "ledger": {"GET"},
    "faults": {"GET", "PUT", "POST", "DELETE"},
    "clock": {"GET", "POST"},
    "reset": {"POST"},
    "snapshot": {"GET", "PUT"},
}
THROTTLE = {"at": "CreateDevServer", "fault": "throttle"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([10**30, "*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def cloud(served_cloud):
    return served_cloud


class TestWhoMayUseIt:
    @pytest.mark.parametrize(
        "headers", [{}, {"X-Sandbox-Token": ""}, {"X-Sandbox-Token": "wrong"}, {"X-Sandbox-Token": b"\xe9\xff"}]
    )
    @pytest.mark.parametrize(("resource", "methods"), RESOURCES.items(), ids=RESOURCES)
    def test_without_the_token_nothing_is_shown_or_done(self, cloud, resource, methods, headers):
        cloud.bought()
        for method in methods:
            refused = cloud.send(method, f"/_sandbox/{resource}", headers=headers)
            assert refused.status_code == 401
            assert "X-Sandbox-Token" in refused.json()["error"]
        assert cloud.servers()["total"] == 1

    def test_a_token_of_the_cloud_is_none_of_it(self, cloud):
        assert cloud.call("GET", "/_sandbox/ledger").status_code == 401

    @pytest.mark.parametrize("host", ["evil.example", "10.0.0.1:80"])
    def test_another_host_name_is_refused_before_the_token_is_looked_at(self, cloud, host):
        headers = {"X-Sandbox-Token": "the-token-of-the-control-api", "Host": host}
        refused = cloud.send("GET", "/_sandbox/ledger", headers=headers)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "APIG.0201")

    def test_inside_a_command_there_is_none(self, open_cloud):
        assert open_cloud().send("GET", "/_sandbox/ledger").status_code == 404

    def test_what_it_does_not_have_it_says(self, cloud):
        for path in ("", "ledgers", "ledger/", "ledger/1", "../_sandbox/ledger/x"):
            refused = cloud.control("GET", path)
            assert refused.status_code == 404, path
        assert "clock, faults, ledger, reset, snapshot" in cloud.control("GET", "other").json()["error"]

    @pytest.mark.parametrize(("resource", "methods"), RESOURCES.items(), ids=RESOURCES)
    def test_a_wrong_method_is_told_the_right_ones(self, cloud, resource, methods):
        for method in {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"} - methods:
            refused = cloud.control(method, resource)
            assert refused.status_code == 405
            assert set(refused.headers["Allow"].split(", ")) == methods


class TestTheLedger:
    def test_it_has_every_row_and_can_be_followed(self, cloud, world):
        cloud.bought(name="first")
        cloud.bought(name="second")
        rows = cloud.control("GET", "ledger").json()["ledger"]
        assert [row["name"] for row in rows] == ["first", "second"]
        assert rows[0].keys() == {*read_ledger(world)[0].__dataclass_fields__}
        assert cloud.control("GET", f"ledger?after={rows[0]['sequence']}").json()["ledger"] == rows[1:]

    @pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 40, "", "\u0663"])
    def test_a_place_that_is_none_is_refused(self, cloud, after):
        assert cloud.control("GET", "ledger", params={"after": after}).status_code == 400

    def test_it_is_up_to_date(self, cloud):
        cloud.arm({"at": "CreateDevServer", "fault": "late", "seconds": 10})
        with pytest.raises(httpx.ReadError):
            cloud.create()
        cloud.clock.advance(10)
        assert [row["kind"] for row in cloud.control("GET", "ledger").json()["ledger"]] == ["purchase"]


class TestFaults:
    def test_they_are_put_added_counted_and_cleared(self, cloud):
        assert cloud.control("GET", "faults").json() == {"faults": []}
        first, second = THROTTLE | {"retry_after": 3}, THROTTLE | {"after": 1, "times": "always"}
        assert cloud.control("PUT", "faults", json={"faults": [first]}).json() == {"faults": [first | {"hits": 0}]}
        assert cloud.create().headers["Retry-After"] == "3"
        added = cloud.control("POST", "faults", json={"faults": [second]})
        assert added.json() == {"faults": [first | {"hits": 1}, second | {"hits": 0}]}
        assert [cloud.create().status_code for _ in range(3)] == [200, 429, 429]
        assert [rule["hits"] for rule in cloud.control("GET", "faults").json()["faults"]] == [1, 2]
        assert cloud.control("PUT", "faults", json={"faults": [first]}).json() == {"faults": [first | {"hits": 0}]}
        assert cloud.control("DELETE", "faults").json() == {"faults": []}
        assert cloud.create().status_code == 200

    def test_a_mistake_is_named_and_nothing_is_changed(self, cloud):
        cloud.arm(THROTTLE)
        mistaken = [THROTTLE, {"at": "CreateDevServer", "fault": "reset"}]
        for method in ("PUT", "POST"):
            refused = cloud.control(method, "faults", json={"faults": mistaken})
            assert refused.status_code == 400
            assert refused.json()["error"] == "faults.1.reset.executed: is missing; nothing was changed"
        assert len(cloud.hits()) == 1


class TestTheClock:
    def test_it_is_moved_and_everything_with_it(self, cloud):
        server = cloud.bought()
        before = cloud.control("GET", "clock").json()
        moved = cloud.control("POST", "clock", json={"advance_seconds": 3600.5}).json()
        assert moved == {
            "now": "2026-01-02T04:04:05Z",
            "milliseconds": before["milliseconds"] + 3_600_500,
            "ahead_seconds": 3600.5,
        }
        shown = cloud.show(server["id"])
        assert shown.json()["status"] == "RUNNING"
        assert shown.headers["Date"] == "Fri, 02 Jan 2026 04:04:05 GMT"
        assert cloud.bought()["create_at"] == moved["milliseconds"]

    def test_what_was_due_is_done_when_it_has_moved(self, cloud, world):
        cloud.arm({"at": "CreateDevServer", "fault": "late", "seconds": 100})
        with pytest.raises(httpx.ReadError):
            cloud.create()
        cloud.control("POST", "clock", json={"advance_seconds": 100})
        assert [row.kind for row in read_ledger(world)] == ["purchase"]

    def test_a_client_with_a_right_clock_may_still_sign(self, cloud, signed_get):
        cloud.control("POST", "clock", json={"advance_seconds": 86_400})
        assert signed_get(cloud).status_code == 200

    def test_a_restart_does_not_go_back_in_time(self, cloud, world, clock):
        cloud.control("POST", "clock", json={"advance_seconds": 86_400})
        assert create_app(world, clock=clock).world.now() == clock.now() + 86_400_000

    def test_another_process_on_the_world_sees_it_too(self, cloud, world, open_cloud):
        other = open_cloud(world)
        cloud.control("POST", "clock", json={"advance_seconds": 3600})
        assert other.bought()["create_at"] == cloud.clock.now() + 3_600_000

    @pytest.mark.parametrize(
        "body",
        ['{"advance_seconds": 0}', '{"advance_seconds": -1}', '{"advance_seconds": NaN}', '{"advance_seconds": "5"}',
         '{"advance_seconds": Infinity}', '{"advance_seconds": 1e12}', '{"advance_seconds": true}', "{}", "[]", "5", "",
         '{"advance_seconds": 5, "more": 1}'],
    )  # fmt: skip
    def test_it_never_goes_back_or_nowhere(self, cloud, body):
        assert cloud.control("POST", "clock", content=body).status_code == 400
        assert cloud.control("GET", "clock").json()["ahead_seconds"] == 0

    def test_it_goes_no_further_than_a_hundred_years(self, cloud):
        year = {"advance_seconds": 366 * 86_400}
        with cloud.app.world.transaction() as transaction:
            time_shift.advance(transaction.connection, 99 * 366 * 86_400_000)
        assert [cloud.control("POST", "clock", json=year).status_code for _ in range(2)] == [200, 400]
        assert cloud.control("POST", "reset").status_code == 204
        assert cloud.control("GET", "clock").json()["ahead_seconds"] == 0


@pytest.fixture
def signed_get(cloud):
    """A request signed by the rules of docs/api/devserver-api.md section 6.1, with nothing of the sandbox's own code."""
    import hashlib
    import hmac
    from datetime import UTC

    from provisioner.sandbox import PUBLIC

    def get(cloud):
        date = f"{datetime.fromtimestamp(cloud.clock.now() / 1000, UTC):%Y%m%dT%H%M%SZ}"
        empty = hashlib.sha256(b"").hexdigest()
        canonical = f"GET\n{cloud.SERVERS}/\n\nx-sdk-date:{date}\n\nx-sdk-date\n{empty}"
        to_sign = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(PUBLIC.secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        authorization = f"SDK-HMAC-SHA256 Access={PUBLIC.access_key}, SignedHeaders=x-sdk-date, Signature={signature}"
        return cloud.send("GET", cloud.SERVERS, headers={"X-Sdk-Date": date, "Authorization": authorization})

    return get


class TestResetSnapshotAndRestore:
    def test_reset_empties_the_world_and_keeps_the_rules(self, cloud, world):
        cloud.bought()
        cloud.arm(THROTTLE)
        cloud.control("POST", "clock", json={"advance_seconds": 60})
        assert cloud.control("POST", "reset").status_code == 204
        assert cloud.call("GET", cloud.SERVERS).status_code == 401, "tokens are of the old world"
        cloud.renew_tokens()
        assert cloud.servers()["total"] == 0
        assert read_ledger(world) == []
        assert cloud.create().status_code == 429

    def test_a_snapshot_is_a_world(self, cloud, tmp_path, open_cloud):
        server = cloud.bought(name="kept")
        cloud.control("POST", "clock", json={"advance_seconds": 60})
        copy = tmp_path / "copy.db"
        copy.write_bytes(cloud.control("GET", "snapshot").content)
        assert [row.name for row in read_ledger(copy)] == ["kept"]
        other = open_cloud(copy)
        assert other.show(server["id"]).json()["status"] == "RUNNING"
        assert other.app.world.now() == cloud.clock.now() + 60_000
        other.bought()
        assert cloud.servers()["total"] == 1, "it is another world"

    def test_a_restored_world_is_the_one_that_was(self, cloud, world):
        cloud.bought(name="before")
        snapshot = cloud.control("GET", "snapshot").content
        cloud.bought(name="after")
        cloud.control("POST", "clock", json={"advance_seconds": 60})
        assert cloud.control("PUT", "snapshot", content=snapshot).status_code == 204
        assert [server["name"] for server in cloud.servers()["data"]] == ["before"]
        assert [row.name for row in read_ledger(world)] == ["before"]
        assert cloud.control("GET", "clock").json()["ahead_seconds"] == 0

    def test_what_was_to_come_late_still_comes_once_in_each_world(self, cloud, world):
        cloud.arm({"at": "CreateDevServer", "fault": "late", "seconds": 60})
        with pytest.raises(httpx.ReadError):
            cloud.create()
        snapshot = cloud.control("GET", "snapshot").content
        for _ in range(2):
            cloud.control("POST", "clock", json={"advance_seconds": 60})
            assert [row.kind for row in read_ledger(world)] == ["purchase"]
            cloud.control("PUT", "snapshot", content=snapshot)
            assert read_ledger(world) == []

    def test_others_who_have_the_world_open_go_on(self, cloud, world, open_cloud):
        other = open_cloud(world)
        other.bought(name="before")
        snapshot = cloud.control("GET", "snapshot").content
        other.bought(name="after")
        cloud.control("PUT", "snapshot", content=snapshot)
        assert [server["name"] for server in other.servers()["data"]] == ["before"]
        other.bought(name="again")
        assert cloud.servers()["total"] == 2
        cloud.control("POST", "reset")
        other.renew_tokens()
        assert other.servers()["total"] == 0
        other.bought()
        assert whole(world)

    def test_a_world_in_memory_can_do_it_all(self, server, clock, cloud_of):
        from provisioner.sandbox.serving import front

        app = create_app(clock=clock)
        server.app = front(app, "the-token-of-the-control-api")
        served = cloud_of(app, {}, url=server.url)
        served.bought()
        snapshot = served.control("GET", "snapshot").content
        served.control("POST", "reset")
        assert served.control("GET", "ledger").json() == {"ledger": []}
        assert served.control("PUT", "snapshot", content=snapshot).status_code == 204
        assert len(served.control("GET", "ledger").json()["ledger"]) == 1

    def test_a_death_in_the_middle_leaves_one_of_the_two_worlds(self, cloud, world, tmp_path):
        """Killed right after SQLite has been told to copy: every page or none is there."""
        cloud.bought(name="before")
        (tmp_path / "snapshot.db").write_bytes(cloud.control("GET", "snapshot").content)
        cloud.bought(name="after")
        program = """
import os, sqlite3, sys
target = sqlite3.connect(sys.argv[1], isolation_level=None)
source = sqlite3.connect(sys.argv[2])
source.backup(target, pages=3, progress=lambda *_: os.kill(os.getpid(), 9))
"""
        subprocess.run([sys.executable, "-c", program, world, tmp_path / "snapshot.db"], check=False)
        assert whole(world)
        assert [row.name for row in read_ledger(world)] == ["before", "after"]


def whole(world) -> bool:
    connection = sqlite3.connect(world)
    (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return verdict == "ok"


class TestSnapshotsThatAreNone:
    @pytest.fixture
    def snapshot(self, cloud, tmp_path):
        """Bytes to start from, and a way to change them by SQL."""
        cloud.bought(name="mine")
        path = tmp_path / "changed.db"
        path.write_bytes(cloud.control("GET", "snapshot").content)

        def changed(*statements: str) -> bytes:
            connection = sqlite3.connect(path, isolation_level=None)
            for statement in statements:
                connection.execute(statement)
            connection.close()
            return path.read_bytes()

        return changed

    def assert_refused(self, cloud, world, content: bytes, reason: str) -> None:
        before = read_ledger(world)
        refused = cloud.control("PUT", "snapshot", content=content)
        assert refused.status_code == 400, refused.text
        assert reason in refused.json()["error"]
        assert refused.json()["error"].endswith("nothing was changed")
        assert read_ledger(world) == before
        assert whole(world)
        assert cloud.servers()["total"] == 1

    @pytest.mark.parametrize("content", [b"", b"a text", b"\0" * 5000, b"SQLite format 3\0"])
    def test_what_is_no_database(self, cloud, world, snapshot, content):
        self.assert_refused(cloud, world, content, "not an SQLite file")

    def test_another_version(self, cloud, world, snapshot):
        self.assert_refused(cloud, world, snapshot("PRAGMA user_version = 2"), "format 2; this version reads format 3")

    def test_another_programs_database(self, cloud, world, snapshot):
        self.assert_refused(cloud, world, snapshot("PRAGMA application_id = 1"), "another program")

    @pytest.mark.parametrize(
        "statement",
        [
            "DROP TABLE servers",
            "DROP TRIGGER ledger_rows_stay",
            "CREATE TRIGGER evil AFTER INSERT ON servers BEGIN DELETE FROM orders; END",
            "ALTER TABLE servers DROP COLUMN unlisted_until",
            "CREATE VIEW more AS SELECT 1",
        ],
    )
    def test_other_tables(self, cloud, world, snapshot, statement):
        if "DROP COLUMN" in statement:
            snapshot("DROP INDEX servers_unlisted", "DROP INDEX servers_of_project", "DROP INDEX servers_of_owner")
        self.assert_refused(cloud, world, snapshot(statement), "another program")

    def test_pages_of_another_size(self, cloud, world, snapshot):
        changed = snapshot("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 8192", "VACUUM")
        self.assert_refused(cloud, world, changed, "another program")

    def test_damage(self, cloud, world, snapshot):
        content = bytearray(snapshot())
        content[5000:9000] = b"\xa5" * 4000
        self.assert_refused(cloud, world, bytes(content), "damaged")
        self.assert_refused(cloud, world, snapshot()[:-4096], "damaged")

    @pytest.mark.parametrize("due", [(), ("UPDATE late SET due_at = 0",)], ids=["to come", "long due"])
    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ("UPDATE late SET path = 'no JSON'", "JSONDecodeError"),
            ("UPDATE late SET path = '{}'", "KeyError"),
            ("UPDATE late SET lags = '5'", "TypeError"),
            ("UPDATE late SET operation = 'BuyEverything'", "BuyEverything"),
        ],
    )
    def test_a_late_request_that_nobody_could_carry_out(self, cloud, world, snapshot, changed, due, reason, tmp_path):
        cloud.arm({"at": "CreateDevServer", "fault": "late", "seconds": 3600})
        with pytest.raises(httpx.ReadError):
            cloud.create()
        (tmp_path / "changed.db").write_bytes(cloud.control("GET", "snapshot").content)
        self.assert_refused(cloud, world, snapshot(changed, *due), reason)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE time_shift SET ahead = 9000000000000000",
            "UPDATE time_shift SET ahead = -9000000000000000",
            "UPDATE time_shift SET ahead = 9223372036854775807",
            "UPDATE time_shift SET ahead = -1",
            "UPDATE time_shift SET ahead = 3162240000001",
        ],
    )
    def test_a_clock_that_no_sandbox_has(self, cloud, world, snapshot, statement):
        self.assert_refused(cloud, world, snapshot(statement), "a hundred years is the most")
        cloud.bought(name="next")
        assert [row["name"] for row in cloud.control("GET", "ledger").json()["ledger"]] == ["mine", "next"]


class TestAWorldThatCannotBeWritten:
    """It is told as that, and not as a mistake in what was sent."""

    @pytest.fixture
    def snapshot(self, cloud):
        for number in range(20):
            cloud.bought(name=f"kept-{number}")
        content = cloud.control("GET", "snapshot").content
        cloud.control("POST", "reset")
        cloud.renew_tokens()
        return content

    def refused(self, cloud, content: bytes) -> str:
        refused = cloud.control("PUT", "snapshot", content=content)
        assert refused.status_code == 500
        assert cloud.servers()["total"] == 0
        return refused.json()["error"]

    def test_its_disk_is_full(self, cloud, world, snapshot):
        with cloud.app.world.transaction() as transaction:
            (pages,) = transaction.connection.execute("PRAGMA page_count").fetchone()
            transaction.connection.execute(f"PRAGMA max_page_count = {pages}")
        assert "the sandbox's world cannot be written: database or disk is full; nothing was changed" in self.refused(
            cloud, snapshot
        )
        assert whole(world)
        with cloud.app.world.transaction() as transaction:
            transaction.connection.execute("PRAGMA max_page_count = 1000000")
        assert cloud.control("PUT", "snapshot", content=snapshot).status_code == 204

    def test_another_process_holds_it(self, cloud, world, snapshot):
        with cloud.app.world.transaction() as transaction:
            transaction.connection.execute("PRAGMA busy_timeout = 1")
        other = sqlite3.connect(world, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        busy = cloud.control("PUT", "snapshot", content=snapshot)
        assert (busy.status_code, "another process is using it" in busy.json()["error"]) == (500, True)
        reset = cloud.control("POST", "reset")
        assert (reset.status_code, "another process is using it" in reset.json()["error"]) == (500, True)
        other.execute("ROLLBACK")
        other.close()
        assert cloud.control("PUT", "snapshot", content=snapshot).status_code == 204


def test_what_nobody_foresaw_is_answered_and_logged(cloud, monkeypatch, caplog):
    monkeypatch.setattr(control, "settle", lambda _: {}["unforeseen"])
    failed = cloud.control("GET", "ledger")
    assert failed.status_code == 500
    assert "stderr" in failed.json()["error"]
    (logged,) = [record for record in caplog.records if record.name == control.__name__]
    assert "unforeseen" in str(logged.exc_info)


quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CHANGING = [(method, name) for name, methods in RESOURCES.items() for method in sorted(methods - {"GET", "DELETE"})]


@quick
@given(
    target=st.sampled_from(CHANGING),
    body=st.binary(max_size=60)
    | JSON.map(json.dumps).map(str.encode)
    | JSON.map(lambda value: json.dumps({"faults": [value]}).encode())
    | st.dictionaries(
        st.sampled_from(
            ["at", "server", "after", "times", "fault", "status", "executed", "headers", "rows", "seconds"]
        ),
        JSON | st.sampled_from(["CreateDevServer", "reset", "answer", "late", "lag", "shift", 500]),
    ).map(lambda rule: json.dumps({"faults": [rule]}).encode()),
)
def test_no_body_breaks_it(cloud, target, body):
    answer = cloud.control(*target, content=body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.json()["error"]


@pytest.mark.parametrize("resource", ["faults", "clock"])
def test_a_body_beyond_a_megabyte_is_not_read(cloud, resource):
    assert cloud.control("POST", resource, content=b" " * (1024**2 + 1)).status_code == 413


def test_a_body_of_many_brackets_is_only_a_mistake(cloud):
    assert cloud.control("POST", "faults", content=b"[" * 900_000).status_code == 400
