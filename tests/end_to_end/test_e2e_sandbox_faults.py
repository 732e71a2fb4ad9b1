"""Every fault of the sandbox, from both sides: what was really done, by the ledger, and what the tool says to its user.

The tool speaks to the sandbox as `sandbox serve` serves it, with nothing between them; rules and time come by the control API.
"""

import base64
import json
from functools import partial
from urllib.parse import quote

import httpx
import pytest
from support.instant_clock import InstantClock
from support.plain_http import NO_TLS
from support.process_workspace import ONE, ProcessWorkspace
from support.secrecy import assert_unseen
from support.stack_text import PASSWORD

import provisioner.cloud
from provisioner.cloud import connect
from provisioner.cloud.clock import Clock
from provisioner.sandbox import PUBLIC, create_app
from provisioner.sandbox.serving import front
from provisioner.web import HttpTimeouts

CREATE = {"at": "CreateDevServer"}
LIST = {"at": "ListAllDevServers"}
ALWAYS = {"times": "always"}
FOUND_LATER = ("--resolve-timeout", "0")
"""What is lost is not looked for by the run that has lost it."""
IN_DOUBT = "sent, but the outcome is not known"
SERVERS = f"/v1/{PUBLIC.project_id}/dev-servers"


@pytest.fixture
def sandbox_db(server, sandbox, tmp_path, build_seconds):
    sandbox_db = tmp_path / "world" / "world.db"
    server.app = front(create_app(sandbox_db, build_seconds=build_seconds), sandbox.token)
    return sandbox_db


@pytest.fixture
def workspace(tmp_path, sandbox_db, sandbox, monkeypatch):
    """One server to buy. No pause that the tool makes takes time."""
    clock = InstantClock()
    hasty = Clock(monotonic=clock.monotonic, sleep=clock.sleep, chance=lambda: 1.0)
    monkeypatch.setattr(provisioner.cloud, "connect", partial(connect, clock=hasty))
    folder = tmp_path / "workspace"
    (folder / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(folder, sandbox_db, sandbox.url)
    workspace.write(ONE)
    yield workspace
    workspace.end()


def callers(workspace) -> list[tuple[str, str]]:
    """Who has bought what."""
    return [(row.name, row.caller) for row in workspace.ledger if row.kind == "purchase"]


def answer(status: int, *, executed: bool, **more) -> dict:
    return CREATE | {"fault": "answer", "status": status, "executed": executed, **more}


BACKEND_TIMEOUT = {"code": "APIG.0203", "message": "Backend timeout."}
UNKNOWN_OUTCOMES = {
    "reset": (lambda executed: CREATE | {"fault": "reset", "executed": executed}, "connection reset"),
    "502": (lambda executed: answer(502, executed=executed, **BACKEND_TIMEOUT), "Backend timeout. (502 APIG.0203)"),
    "500 without a word": (lambda executed: answer(500, executed=executed), "no reason given (500)"),
    "redirect": (lambda executed: answer(307, executed=executed, headers={"Location": "/x"}), "never followed (307)"),
}
SPOILT_ANSWERS = {
    "truncated": (CREATE | {"fault": "truncate"}, "cannot be used: it broke off"),
    "oversized": (CREATE | {"fault": "oversize", "megabytes": 33}, "cannot be used: it is larger than 32 MiB"),
}


class TestAPurchaseWhoseReplyIsLost:
    EXECUTED = {name: (make(True), said) for name, (make, said) in UNKNOWN_OUTCOMES.items()} | SPOILT_ANSWERS
    LOST = {name: (make(False), said) for name, (make, said) in UNKNOWN_OUTCOMES.items()}  # noqa: RUF012 - never changed

    @pytest.mark.parametrize(("rule", "said"), EXECUTED.values(), ids=EXECUTED)
    def test_carried_out_it_is_in_doubt_and_adopted_by_the_next_apply(self, workspace, sandbox, rule, said):
        sandbox.arm(rule)
        lost = workspace.apply(*FOUND_LATER)
        assert lost.code == 6
        assert IN_DOUBT in lost.err
        assert said in lost.err
        assert workspace.purchases == {"alpha": 1}
        again = workspace.apply()
        assert again.code == 0
        assert "alpha: Adopted" in again.err
        assert workspace.purchases == {"alpha": 1}
        assert sandbox.hits == [1]

    @pytest.mark.parametrize(("rule", "said"), LOST.values(), ids=LOST)
    def test_never_carried_out_it_stays_in_doubt_and_is_not_sent_again(self, workspace, sandbox, rule, said):
        sandbox.arm(rule | {"times": "always"})
        lost = workspace.apply(*FOUND_LATER)
        assert (lost.code, workspace.purchases) == (6, {})
        assert said in lost.err
        for _ in range(2):
            again = workspace.apply()
            assert again.code == 6
            assert "no server of that name is listed, and the request may still be carried out" in again.out
        assert workspace.purchases == {}
        assert sandbox.hits == [1], "it is sent once"


class TestLateExecution:
    def test_it_is_in_doubt_until_it_appears_and_is_then_adopted(self, workspace, sandbox):
        sandbox.arm(CREATE | {"fault": "late", "seconds": 600})
        lost = workspace.apply(*FOUND_LATER)
        assert (lost.code, workspace.purchases) == (6, {})
        assert "connection reset" in lost.err
        assert workspace.apply(*FOUND_LATER).code == 6
        sandbox.advance(600)
        assert workspace.purchases == {"alpha": 1}
        found = workspace.apply()
        assert found.code == 0
        assert "alpha: Adopted" in found.err
        assert workspace.purchases == {"alpha": 1}

    def test_a_late_release_releases_nothing_twice(self, workspace, sandbox):
        workspace.apply()
        sandbox.arm({"at": "DeleteDevServer", "fault": "late", "seconds": 600})
        lost = workspace.run_in_process("destroy", "--auto-approve")
        assert (lost.code, workspace.ledger_counts("release")) == (7, {})
        assert workspace.run_in_process("destroy", "--auto-approve").code == 0
        sandbox.advance(600)
        assert workspace.ledger_counts("release") == {"alpha": 1}
        assert [row.kind for row in workspace.ledger] == ["purchase", "release", "refusal"], (
            "the late one found nothing"
        )


class TestThrottling:
    def test_by_the_gateway_with_retry_after_it_waits_tells_so_and_buys_once(self, workspace, sandbox):
        sandbox.arm(CREATE | {"fault": "throttle", "retry_after": 30})
        bought = workspace.apply()
        assert (bought.code, workspace.purchases) == (0, {"alpha": 1})
        assert "The cloud asks for fewer requests: going on in 30s" in bought.err
        assert sandbox.hits == [1]

    def test_without_it_waits_as_the_gateways_message_suggests(self, workspace, sandbox):
        sandbox.arm(CREATE | {"fault": "throttle", "limit": 100, "time": "2 minute"})
        bought = workspace.apply()
        assert (bought.code, workspace.purchases) == (0, {"alpha": 1})
        assert "The cloud asks for fewer requests: going on in 15s" in bought.err

    def test_by_the_service_it_is_a_refusal_and_the_next_apply_buys(self, workspace, sandbox):
        sandbox.arm(CREATE | {"fault": "throttle", "by": "service"})
        refused = workspace.apply()
        assert (refused.code, workspace.purchases) == (7, {})
        assert "too many requests" in refused.out
        assert "wait a minute and run the command again" in refused.out
        assert workspace.apply().code == 0
        assert workspace.purchases == {"alpha": 1}

    def test_a_look_at_the_servers_waits_too(self, workspace, sandbox):
        sandbox.arm(LIST | {"fault": "throttle", "retry_after": 30})
        planned = workspace.run_in_process("plan")
        assert planned.code == 0
        assert "going on in 30s" in planned.err
        assert workspace.ledger == []


class TestALookThatFails:
    """What is not seen whole is looked at again, and never believed."""

    ONCE = {  # noqa: RUF012 - never changed
        "reset": {"fault": "reset", "executed": False},
        "503": {"fault": "answer", "status": 503, "executed": False},
        "truncated": {"fault": "truncate"},
        "oversized": {"fault": "oversize", "megabytes": 33},
    }

    @pytest.mark.parametrize("fault", ONCE.values(), ids=ONCE)
    def test_once_it_is_looked_again(self, workspace, sandbox, fault):
        sandbox.arm(
            LIST | {"after": 1} | fault
        )  # the first look of all tells who we are, and is never repeated for long
        assert (workspace.apply().code, workspace.purchases) == (0, {"alpha": 1})
        assert sandbox.hits == [1]

    EACH_TIME = {  # noqa: RUF012 - never changed
        "truncated": (ONCE["truncated"], "it broke off"),
        "oversized": (ONCE["oversized"], "it is larger than 32 MiB"),
    }

    @pytest.mark.parametrize(("fault", "said"), EACH_TIME.values(), ids=EACH_TIME)
    def test_always_nothing_is_bought_and_it_says_why(self, workspace, sandbox, fault, said):
        sandbox.arm(LIST | ALWAYS | fault)
        failed = workspace.apply()
        assert (failed.code, workspace.purchases) == (1, {})
        assert "listing the servers failed" in failed.err
        assert said in " ".join(failed.err.split())


class TestSlowAnswers:
    SLOW = pytest.mark.parametrize(
        "slowness", [{"seconds": 600}, {"seconds": 0, "bytes_per_second": 10}], ids=["to begin", "to come"]
    )

    @pytest.fixture(autouse=True)
    def impatient(self, workspace, monkeypatch):
        """A second or three, where the tool has minutes."""
        patience = HttpTimeouts(silence=1.5, read=3, change=3, report_interval=0.5)
        monkeypatch.setattr(provisioner.cloud, "connect", partial(provisioner.cloud.connect, timeouts=patience))

    @SLOW
    def test_a_purchase_that_is_not_answered_in_time_is_in_doubt_and_then_adopted(self, workspace, sandbox, slowness):
        sandbox.arm(CREATE | {"fault": "slow"} | slowness)
        lost = workspace.apply(*FOUND_LATER)
        assert (lost.code, workspace.purchases) == (6, {"alpha": 1})
        assert "(time-out)" in lost.err
        again = workspace.apply()
        assert (again.code, workspace.purchases) == (0, {"alpha": 1})
        assert "alpha: Adopted" in again.err

    @SLOW
    def test_a_look_that_is_not_answered_in_time_is_taken_again(self, workspace, sandbox, slowness):
        sandbox.arm(LIST | {"fault": "slow"} | slowness)
        assert (workspace.apply().code, workspace.purchases) == (0, {"alpha": 1})
        assert sandbox.hits == [1]

    @SLOW
    def test_whoever_watches_is_told_what_is_waited_for(self, workspace, sandbox, slowness):
        sandbox.arm(CREATE | {"fault": "slow"} | slowness)
        assert "Still waiting for the cloud's answer to POST /v1/" in workspace.apply(*FOUND_LATER).err

    def test_an_answer_that_takes_its_time_is_waited_for(self, workspace, sandbox):
        sandbox.arm({"at": "*", "fault": "slow", "seconds": 0.05, "times": "always"})
        assert (workspace.apply().code, workspace.purchases) == (0, {"alpha": 1})


class TestListLag:
    def test_a_server_not_yet_listed_is_waited_for(self, workspace, sandbox):
        sandbox.arm(CREATE | {"fault": "lag", "seconds": 0.5})
        assert (workspace.apply().code, workspace.purchases) == (0, {"alpha": 1})
        assert workspace.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_lost_reply_and_a_list_behind_buy_no_second_one(self, workspace, sandbox):
        sandbox.arm(CREATE | {"fault": "lag", "seconds": 600}, CREATE | {"fault": "reset", "executed": True})
        assert [workspace.apply(*FOUND_LATER).code for _ in range(3)] == [6, 6, 6]
        sandbox.advance(600)
        found = workspace.apply()
        assert (found.code, workspace.purchases) == (0, {"alpha": 1})
        assert "alpha: Adopted" in found.err

    def test_a_server_that_is_not_listed_and_is_shown_singly_is_not_waited_for(self, workspace, sandbox):
        sandbox.arm(CREATE | {"fault": "lag", "seconds": 600})
        assert (workspace.apply().code, workspace.purchases) == (0, {"alpha": 1})
        planned = workspace.run_in_process("plan", "--detailed-exitcode")
        assert planned.code == 0
        assert "Warning[list-incomplete]" in planned.text
        sandbox.advance(600)
        assert "list-incomplete" not in workspace.run_in_process("plan").text

    def test_a_recorded_server_that_is_not_listed_is_not_bought_again(self, workspace, sandbox):
        workspace.write("servers: {alpha: {timeouts: {create: 1}}}\n")
        sandbox.arm(CREATE | {"fault": "lag", "seconds": 600, "show": False})
        unfinished = workspace.apply()
        assert unfinished.code == 7
        assert "timed-out" in unfinished.out
        for _ in range(2):
            workspace.apply()
        assert workspace.purchases == {"alpha": 1}
        sandbox.advance(600)
        assert workspace.apply().code == 0
        assert workspace.purchases == {"alpha": 1}


class TestListsThatDoNotAddUp:
    @pytest.fixture
    def crowd(self, workspace, sandbox):
        """So many servers of others that there are two pages of them."""
        with httpx.Client(base_url=sandbox.url, verify=NO_TLS, trust_env=False) as client:
            user = {"domain": {"name": PUBLIC.domain_name}, "name": PUBLIC.user_name, "password": PUBLIC.user_password}
            identity = {"methods": ["password"], "password": {"user": user}}
            scope = {"project": {"id": PUBLIC.project_id}}
            given = client.post("/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
            headers = {"X-Auth-Token": given.headers["X-Subject-Token"]}
            network = dict.fromkeys(
                ("vpc_id", "subnet_id", "security_group_id"), "05982b48-a70f-43a1-a2b0-1fe36a236172"
            )
            body = {
                "name": "crowd",
                "flavor": "Si2.large.4",
                "image_id": network["vpc_id"],
                "key_pair_name": "ops",
                "network": network,
            }
            for count in [10] * 100 + [1]:
                assert client.post(SERVERS, json=body | {"count": count}, headers=headers).status_code == 200
        return workspace

    @pytest.mark.parametrize("rows", [1, -1], ids=["a row is missed", "a row comes twice"])
    def test_rows_that_shift_between_pages_are_seen_all_the_same(self, crowd, sandbox, rows):
        sandbox.arm(LIST | {"after": 1, "fault": "shift", "rows": rows})
        assert (crowd.apply().code, crowd.purchases["alpha"]) == (0, 1)
        assert sandbox.hits == [1]

    def test_rows_that_never_stop_shifting_are_not_believed(self, crowd, sandbox):
        sandbox.arm(LIST | ALWAYS | {"fault": "shift", "rows": 1})
        failed = crowd.apply()
        assert (failed.code, crowd.purchases["alpha"]) == (4, 0)
        assert "`data` has 1000 distinct ids and `total` is 1001" in failed.words

    def test_a_list_short_of_its_total_is_not_believed(self, workspace, sandbox):
        workspace.write("servers: {other: {}}\n")
        workspace.apply()
        workspace.write("servers: {other: {}, alpha: {}}\n")
        sandbox.arm(LIST | ALWAYS | {"fault": "short", "rows": 1})
        failed = workspace.apply()
        assert (failed.code, workspace.purchases) == (4, {"other": 1})
        assert "`data` has 0 distinct ids and `total` is 1" in failed.words
        assert "vanished" not in failed.text
        assert workspace.apply("--allow", "list-incomplete").code == 0
        assert workspace.purchases == {"other": 1, "alpha": 1}

    def test_a_list_that_is_short_once_is_read_again(self, workspace, sandbox):
        workspace.write("servers: {other: {}}\n")
        workspace.apply()
        workspace.write("servers: {other: {}, alpha: {}}\n")
        sandbox.arm(LIST | {"fault": "short", "rows": 1})
        assert (workspace.apply().code, workspace.purchases) == (0, {"other": 1, "alpha": 1})


class TestStrangers:
    @pytest.fixture
    def colleague(self, workspace, sandbox):
        """Whose server of our name only `all` shows: our own request for one was refused."""
        sandbox.arm(CREATE | {"fault": "stranger", "when": "after"}, CREATE | {"fault": "throttle", "by": "service"})
        assert workspace.apply().code == 7
        assert callers(workspace) == [("alpha", "stranger")]
        return workspace

    def test_a_colleagues_server_of_our_name_is_seen_in_all_and_not_bought_beside(self, colleague):
        refused = colleague.apply()
        assert refused.code == 4
        assert "name-taken" in refused.text
        assert callers(colleague) == [("alpha", "stranger")]

    def test_where_all_is_refused_nobody_can_know_and_our_own_is_our_own(self, colleague, sandbox):
        sandbox.arm(LIST | ALWAYS | {"fault": "answer", "status": 403, "code": "APIG.0302", "executed": False})
        assert colleague.apply().code == 0
        assert callers(colleague) == [("alpha", "stranger"), ("alpha", PUBLIC.user_name)]
        assert colleague.run_in_process("destroy", "--auto-approve").code == 0
        assert released_by_us(colleague)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_twin_bought_in_the_same_moment_is_left_alone(self, workspace, sandbox, when):
        sandbox.arm(CREATE | {"fault": "stranger", "when": when})
        bought = workspace.apply()
        assert (bought.code, "namesake" in bought.err) == (7, True)
        assert sorted(callers(workspace)) == [("alpha", PUBLIC.user_name), ("alpha", "stranger")]
        told = workspace.run_in_process("plan", "--detailed-exitcode")
        assert (told.code, "namesake" in told.out) == (2, True)
        assert workspace.run_in_process("destroy", "--auto-approve").code == 0
        assert released_by_us(workspace)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_two_that_could_be_ours_are_for_a_person_to_tell_apart(self, workspace, sandbox, when):
        sandbox.arm(CREATE | {"fault": "stranger", "when": when}, CREATE | {"fault": "reset", "executed": True})
        assert workspace.apply().code == 6
        asked = workspace.apply()
        assert (asked.code, len(callers(workspace))) == (6, 2)
        assert all(row.server_id in asked.out for row in workspace.ledger)
        ours = next(row.server_id for row in workspace.ledger if row.caller == PUBLIC.user_name)
        assert workspace.run_in_process("resolve", "alpha", "--adopt", ours).code == 0
        finished = workspace.apply()
        assert (finished.code, "namesake" in finished.err) == (
            7,
            True,
        )  # the purchase is finished, and the other one is there
        assert workspace.outputs["alpha"]["id"] == ours

    @pytest.mark.xfail(
        reason="a lost purchase is matched by name and shown fields in `all`, and the one match is adopted though our own "
        "list, which shows only what we bought, does not have it; `destroy` would release a stranger's server"
    )
    def test_a_strangers_server_is_not_taken_for_the_one_that_was_lost(self, workspace, sandbox):
        sandbox.arm(CREATE | {"fault": "stranger", "when": "after"}, CREATE | {"fault": "reset", "executed": False})
        assert workspace.apply(*FOUND_LATER).code == 6
        assert workspace.apply(*FOUND_LATER).code == 6
        assert callers(workspace) == [("alpha", "stranger")]


def released_by_us(workspace) -> bool:
    """What was released is exactly what we bought."""
    bought = [row.server_id for row in workspace.ledger if (row.kind, row.caller) == ("purchase", PUBLIC.user_name)]
    return bought == [row.server_id for row in workspace.ledger if row.kind == "release"]


class TestServedByTheTool:
    """The whole way once more, in processes of their own: `sandbox serve --faults FILE`, and `apply` twice."""

    def test_a_file_of_faults_is_armed_from_the_first_request_on(self, workspace, tmp_path):
        faults = tmp_path / "faults.yaml"
        faults.write_text('faults: [{at: CreateDevServer, server: "al*", fault: reset, executed: true}]\n')
        sandbox_db = tmp_path / "served.db"
        options = ("--build-seconds", "0", "--world", str(sandbox_db), "--faults", str(faults))
        serving = workspace.popen("sandbox", "serve", *options)
        workspace.endpoint = serving.stdout.readline().removeprefix("listening on ").strip()
        workspace.sandbox_db = sandbox_db
        assert workspace.run("apply", "--auto-approve", *FOUND_LATER).code == 6
        adopted = workspace.run("apply", "--auto-approve")
        assert adopted.code == 0
        assert "alpha: Adopted" in adopted.err
        shown = json.loads(workspace.run("sandbox", "ledger", "--json", "--world", str(sandbox_db)).out)["ledger"]
        assert [(row["kind"], row["name"]) for row in shown] == [("purchase", "alpha")]


class TestEchoes:
    """A cloud that repeats a password wherever it can, in every disguise (tests/model/test_model_mask.py has them all)."""

    HALVES = (PASSWORD[: len(PASSWORD) // 2], PASSWORD[len(PASSWORD) // 2 :])
    ECHO = " ".join(
        [
            PASSWORD, PASSWORD.encode().hex(), base64.b64encode(f"root:{PASSWORD}".encode()).decode(), quote(PASSWORD, safe=""),
            "".join(f"\\u{ord(letter):04x}" for letter in PASSWORD), "".join(f"&#{ord(letter)};" for letter in PASSWORD), *HALVES,
        ]
    )  # fmt: skip

    @pytest.fixture
    def knowing(self, workspace):
        workspace.write('servers: {alpha: {key_pair_name: null, admin_pass: {secret: "env:SERVER_PASSWORD"}}}\n')
        workspace.environment |= {"SERVER_PASSWORD": PASSWORD, "PROVISIONER_LOG": "debug"}
        return workspace

    def assert_unseen(self, workspace, said):
        assert_unseen(PASSWORD, workspace.folder, said)
        for half in self.HALVES:
            assert_unseen(half, workspace.folder, said)

    def test_in_everything_that_is_kept_of_a_row_it_is_in_no_file_and_nothing_said(self, knowing, sandbox):
        row = {
            "cloud_server": {"id": self.ECHO, self.ECHO: "x"},
            "endpoints": [{"uri": self.ECHO}],
            "image": {"name": self.ECHO},
            "volumes": [{"type": "DATA", "evs_id": self.ECHO}],
            "category": self.ECHO,
        }
        sandbox.arm(
            {"at": "*", "times": "always", "fault": "rewrite", "rows": row, "headers": {"X-Request-Id": PASSWORD}}
        )
        commands = (
            ["apply", "--auto-approve"],
            ["show", "--json"],
            ["plan", "--json"],
            ["drift"],
            ["output", "--json"],
        )
        said = [knowing.run_in_process(*command) for command in commands]
        assert [ran.code for ran in said] == [0] * len(commands)
        assert knowing.purchases == {"alpha": 1}
        self.assert_unseen(knowing, said)

    @pytest.mark.parametrize("status", [400, 500])
    def test_in_a_refusal_it_is_in_no_file_and_nothing_said(self, knowing, sandbox, status):
        code = base64.b64encode(PASSWORD.encode()).decode()
        sandbox.arm(
            CREATE | answer(status, executed=False, code=code, message=self.ECHO, headers={"X-Request-Id": PASSWORD})
        )
        said = [
            knowing.apply(*FOUND_LATER),
            knowing.run_in_process("history"),
            knowing.run_in_process("show", "--json"),
        ]
        assert said[0].code in {6, 7}
        self.assert_unseen(knowing, said)


class TestErrorsUnderASuccess:
    """A 2xx whose body tells of an error, and nothing was done."""

    def test_a_release_is_not_believed_and_made_when_it_is_still_wanted(self, workspace, sandbox):
        workspace.apply()
        refused = answer(200, executed=False, code="ModelArts.0001", message="no")
        sandbox.arm(refused | {"at": "DeleteDevServer"})
        failed = workspace.run_in_process("destroy", "--auto-approve")
        assert sandbox.hits == [1]
        assert failed.code == 7, workspace.ledger_counts("release")
        assert "tells of an error: ModelArts.0001" in failed.words
        planned = workspace.run_in_process("plan", "--detailed-exitcode")
        assert "to destroy" not in planned.out, "the specs want it, and nothing has begun to release it"
        assert (workspace.apply().code, workspace.ledger_counts("release")) == (0, {})
        assert workspace.run_in_process("destroy", "--auto-approve").code == 0
        assert workspace.ledger_counts("release") == {"alpha": 1}


class TestReturns:
    """A release that fails late: gone for a while, and back."""

    @pytest.fixture
    def back(self, workspace, sandbox):
        assert workspace.apply().code == 0
        sandbox.arm({"at": "DeleteDevServer", "fault": "returns", "seconds": 30})
        workspace.write("servers: {}\n")
        assert workspace.apply().code == 0
        assert "No changes" in workspace.run_in_process("plan").out
        sandbox.advance(31)
        return workspace

    @pytest.mark.parametrize("command", ["plan", "drift"])
    def test_it_is_named_by_every_plan(self, back, command):
        told = back.run_in_process(command, "--detailed-exitcode")
        assert told.code == 2
        assert "not-released" in told.text
        assert "DELETE_FAILED" in told.text
        assert "provisioner import" in told.text

    def test_what_it_says_leads_out(self, back):
        (server,) = {row.server_id for row in back.ledger if row.kind == "release"}
        back.write(ONE)
        assert back.run_in_process("import", "alpha", server).code == 0
        assert "not-released" not in back.run_in_process("plan").text
        back.write("servers: {}\n")
        assert back.apply().code == 0
        assert "not-released" not in back.run_in_process("plan").text
        assert back.ledger_counts("release") == {"alpha": 2}
        assert back.purchases == {"alpha": 1}


class TestReleaseThatIsNotCarriedOut:
    """It is answered with 2xx and nothing happens, and then the specs want the server again."""

    @pytest.fixture
    def kept(self, workspace, sandbox):
        brief = "servers: {alpha: {timeouts: {delete: 1s}}}\n"
        workspace.write(brief)
        assert workspace.apply().code == 0
        sandbox.arm({"at": "DeleteDevServer", "fault": "answer", "status": 200, "executed": False})
        assert workspace.run_in_process("destroy", "--auto-approve").code == 7
        workspace.write(brief)
        return workspace

    def test_the_plan_says_so_and_its_way_keeps_the_server(self, kept):
        planned = kept.run_in_process("plan").words
        (recorded,) = kept.state()["resources"].values()
        assert "Warning[release-not-seen]" in planned
        assert "the cloud still shows it with status RUNNING" in planned
        take = f"provisioner import 'alpha' {recorded['id']}"
        assert take in planned
        assert "provisioner state rm 'alpha'" in planned
        assert kept.run_in_process("state", "rm", "alpha", "--auto-approve").code == 0
        taken = kept.run_in_process("import", "alpha", recorded["id"])
        assert taken.code == 0, taken.text
        assert kept.run_in_process("plan", "--detailed-exitcode").code == 0
        assert (kept.purchases, kept.ledger_counts("release")) == ({"alpha": 1}, {})

    def test_and_the_other_releases_it_and_buys_none(self, kept):
        assert "provisioner destroy --target 'alpha'" in kept.run_in_process("plan").words
        assert kept.run_in_process("destroy", "--target", "alpha", "--auto-approve").code == 0
        assert (kept.purchases, kept.ledger_counts("release")) == ({"alpha": 1}, {"alpha": 1})

    def test_an_apply_does_nothing_about_it_until_a_person_names_it(self, kept):
        held = kept.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0")
        assert held.code == 7, held.text
        assert "release-not-seen" in held.text
        assert kept.run_in_process("plan", "--detailed-exitcode").code == 2
        assert (kept.purchases, kept.ledger_counts("release")) == ({"alpha": 1}, {})
        named = kept.run_in_process("apply", "--replace", "alpha", "--auto-approve", "--resolve-timeout", "0")
        assert named.code == 0, named.text
        assert (kept.purchases, kept.ledger_counts("release")) == ({"alpha": 2}, {"alpha": 1})


def test_a_body_that_tells_of_an_error_is_no_acceptance_of_a_release(workspace, sandbox):
    brief = "servers: {alpha: {timeouts: {delete: 1s}}}\n"
    workspace.write(brief)
    assert workspace.apply().code == 0
    body = {"code": "ModelArts.7", "message": "no"}
    sandbox.arm({"at": "DeleteDevServer", "fault": "answer", "status": 200, "body": body, "executed": False})
    told = workspace.run_in_process("destroy", "--auto-approve")
    assert told.code != 0
    assert "tells of an error: ModelArts.7 no" in told.words
    workspace.write(brief)
    put_back = workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0")
    assert put_back.code == 0, put_back.text
    assert (workspace.purchases, workspace.ledger_counts("release")) == ({"alpha": 1}, {})
