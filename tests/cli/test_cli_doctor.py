"""`provisioner doctor`: every check's failure is provoked, none hides another one, and nothing is changed or left behind."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from email.utils import formatdate
from functools import partial
from pathlib import Path

import pytest
from support.process_workspace import SandboxServer

from provisioner import sandbox
from provisioner.disk import Disk
from provisioner.model.check import CheckOutcome, passed
from provisioner.model.reading_progress import NOT_SHOWN, ReadingProgress
from provisioner.sandbox import PUBLIC
from provisioner.store.folder import checks as folder_checks
from provisioner.store.folder.mounts import Mount, mount_of
from provisioner.store.words import LockHolder
from provisioner.workflow import doctor as doctor_verb
from provisioner.workflow import installation_checks
from provisioner.workflow.check_runner import CheckRunner
from provisioner.workflow.network_checks import judge_clock

NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def server():
    made = SandboxServer()
    yield made
    made.end()


@pytest.fixture
def vendor(real_cloud, point_to, server, tmp_path):
    """A stack in the vendor's cloud, which is a sandbox over HTTP; its faults are those of `arm`."""
    point_to(server.url)
    arm(server, tmp_path)
    return real_cloud


@pytest.fixture
def armed(vendor, server, tmp_path):
    return partial(arm, server, tmp_path)


def arm(server, folder: Path, *rules: dict) -> None:
    file = folder / "faults.json"
    file.write_text(json.dumps({"faults": [*rules]}))
    server.app = sandbox.create_app(None, build_seconds=0, faults=file)


def refuse(*operations: str, status: int = 403) -> dict:
    fault = {"fault": "answer", "executed": False, "status": status, "code": "APIG.0302", "message": "no permission"}
    return {"at": [*operations], "times": "always", **fault}


def examine(cli, *, code: int | None = None) -> dict[str, dict]:
    """Runs doctor on a stack, and checks what holds of every run. Returns the checks by topic/name."""
    before = tree(cli.state)
    ran = cli.run("doctor", "--json")
    assert "Traceback" not in ran.text
    assert tree(cli.state) == before
    checks = ran.document["checks"]
    assert ran.code == int(ran.document["stops_apply"]) == int(any(one["outcome"] == "failed" for one in checks))
    assert all(one["hint"] and one["code"] for one in checks if one["outcome"] in {"warning", "failed"}), checks
    assert not [one for one in checks if one["code"] == "check-broken"]
    if code is not None:
        assert ran.code == code, ran.text
    return {f"{one['topic']}/{one['name']}": one for one in checks}


def tree(folder: Path) -> dict[str, bytes]:
    """Returns the files of the state, without the sandbox's own."""
    files = [path for path in folder.glob("*") if path.is_file()]
    return {path.name: path.read_bytes() if os.access(path, os.R_OK) else b"" for path in files}


def outcomes(checks: dict[str, dict], outcome: str) -> set[str]:
    return {name for name, one in checks.items() if one["outcome"] == outcome}


class TestNothingWrong:
    def test_a_stack_of_the_sandbox_is_checked_against_the_sandbox_and_nothing_is_made(self, cli) -> None:
        checks = examine(cli, code=0)
        assert outcomes(checks, "failed") == set()
        assert outcomes(checks, "skipped") == {"connection/endpoints", "state/journal"}
        assert [path.name for path in cli.state.iterdir()] == []

    def test_a_state_folder_that_does_not_exist_is_not_made(self, cli) -> None:
        cli.state.rmdir()
        checks = examine(cli, code=0)
        assert "does not exist yet" in checks["state/folder"]["found"]
        assert not cli.state.exists()

    def test_what_was_applied_is_verified(self, applied) -> None:
        checks = examine(applied, code=0)
        assert checks["state/state"]["found"].startswith("1 recorded")
        assert "each follows from the one before" in checks["state/journal"]["found"]
        assert applied.bought() == ["gateway"]

    def test_a_vendors_stack_over_http(self, vendor) -> None:
        checks = examine(vendor, code=0)
        assert outcomes(checks, "warning") <= {"state/file-system"}
        assert outcomes(checks, "skipped") == {"state/journal"}
        assert "by PROVISIONER_ENDPOINT_BSS" in checks["connection/endpoint-bss"]["found"]
        assert checks["credentials/source"]["found"] == "HW_ACCESS_KEY (access key)"
        assert PUBLIC.domain_name in checks["credentials/names"]["found"]
        assert "differ by 0 s" in checks["clock/cloud"]["found"]

    def test_the_text_names_each_check_with_its_help_and_ends_with_a_verdict(self, vendor, armed) -> None:
        armed(refuse("ListDevServerFlavors"))
        ran = vendor.run("doctor")
        said = " ".join(ran.out.split())
        assert ran.code == 0
        assert "warning flavors [cloud-denied]: listing the flavors failed" in said
        assert "help: Grant modelarts:devserver:list. Without it, a plan does not notice that a flavor" in said
        assert "Nothing that was found stops an apply." in said
        assert PUBLIC.secret_key not in ran.text


class TestPermissions:
    @pytest.mark.parametrize(
        ("operations", "check", "grant", "code"),
        [
            (("ListAllDevServers", "ListDevServers"), "list-servers", "Grant modelarts:devserver:list", 1),
            (("ListAllDevServers",), "list-servers", "Grant modelarts:devserver:list", 0),
            (("ListDevServerFlavors",), "flavors", "Grant modelarts:devserver:list", 0),
            (("ListDevServerImages",), "images", "Grant modelarts:devserver:list", 0),
            (("ListCustomerOrders",), "orders", "Grant bss:order:view", 0),
            (("ListOnDemandResourceRatings",), "prices", "Grant bss:order:view", 0),
        ],
    )
    def test_one_that_is_missing_names_what_to_grant_and_hides_no_other(
        self, vendor, armed, operations, check, grant, code
    ) -> None:
        armed(refuse(*operations))
        checks = examine(vendor, code=code)
        found = checks.pop(f"permissions/{check}")
        assert found["outcome"] == ("failed" if code else "warning")
        assert grant in found["hint"]
        assert all(one["outcome"] == "ok" for name, one in checks.items() if name.startswith("permissions/"))

    @pytest.mark.parametrize(("way", "code"), [("one-step", 0), ("two-step", 1)])
    def test_orders_that_may_not_be_read_stop_an_apply_that_pays_them_in_a_second_step(
        self, vendor, armed, way: str, code: int
    ) -> None:
        armed(refuse("ListCustomerOrders", "ShowCustomerOrderDetails"))
        stack = (vendor.path / "specs" / "stack.yaml").read_text()
        vendor.write("specs/stack.yaml", f"{stack}purchase: {{prepaid: {way}}}\n")
        term = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
        vendor.write_specs(f"servers: {{gateway: {{charging_info: {term}}}}}\n")
        assert examine(vendor, code=code)["permissions/orders"]["code"] == "cloud-denied"

    def test_names_that_may_not_be_read(self, vendor, armed) -> None:
        armed(refuse("KeystoneListAuthDomains"))
        assert examine(vendor, code=0)["credentials/names"]["code"] == "pin-unverified"

    def test_answers_without_a_time_stop_an_apply(self, vendor, armed) -> None:
        armed(
            {"at": ["ListAllDevServers", "ListDevServers"], "times": "always", "fault": "skew", "seconds": 0, "age": 5}
        )
        checks = examine(vendor, code=1)
        assert checks["clock/dated"]["code"] == "cloud-undated"


class TestCredentials:
    def test_none(self, vendor, monkeypatch) -> None:
        monkeypatch.delenv("HW_ACCESS_KEY")
        monkeypatch.delenv("HW_SECRET_KEY")
        checks = examine(vendor, code=1)
        assert checks["credentials/source"]["code"] == "credentials-missing"
        assert checks["connection/endpoint-modelarts"]["outcome"] == "ok"
        assert checks["permissions/orders"]["found"] == "because credentials/sign-in was skipped"

    def test_wrong_ones(self, vendor, monkeypatch) -> None:
        monkeypatch.setenv("HW_SECRET_KEY", "canary-wrong")
        checks = examine(vendor, code=1)
        assert checks["credentials/sign-in"]["code"] == "cloud-unauthorized"
        assert "canary" not in json.dumps(checks)

    def test_another_account_than_the_pinned_one(self, vendor) -> None:
        vendor.configure("stacks: {demo: {account: somebody-else}}\n")
        assert examine(vendor, code=1)["credentials/pins"]["code"] == "pin-mismatch"

    def test_another_account_than_the_states(self, applied, point_to, server, tmp_path, monkeypatch) -> None:
        applied.write_stack(cloud="huaweicloud")
        point_to(server.url)
        arm(server, tmp_path)
        monkeypatch.setenv("HW_ACCESS_KEY", PUBLIC.access_key)
        monkeypatch.setenv("HW_SECRET_KEY", PUBLIC.secret_key)
        assert examine(applied, code=0)["credentials/state"]["outcome"] == "ok"
        monkeypatch.setenv("HW_PROJECT_ID", "0" * 32)
        monkeypatch.setenv("HW_DOMAIN_ID", PUBLIC.domain_id)
        assert examine(applied, code=1)["credentials/state"]["code"] == "identity-mismatch"

    def test_a_passwords_token_is_renewed_by_the_tool(self, vendor, monkeypatch) -> None:
        monkeypatch.delenv("HW_ACCESS_KEY")
        monkeypatch.delenv("HW_SECRET_KEY")
        monkeypatch.setenv("HW_USER_NAME", PUBLIC.user_name)
        monkeypatch.setenv("HW_USER_PASSWORD", PUBLIC.user_password)
        monkeypatch.setenv("HW_DOMAIN_NAME", PUBLIC.domain_name)
        assert "renewed by the tool" in examine(vendor, code=0)["credentials/expiry"]["found"]

    def test_no_region(self, vendor) -> None:
        vendor.write("specs/stack.yaml", (vendor.path / "specs/stack.yaml").read_text().replace("region:", "# region:"))
        checks = examine(vendor, code=1)
        assert checks["credentials/region"]["code"] == "region-missing"
        assert checks["connection/endpoints"]["outcome"] == "skipped"


class TestNetwork:
    def test_nobody_listens(self, vendor, point_to) -> None:
        point_to(NOBODY)
        checks = examine(vendor, code=1)
        assert "connection refused" in checks["connection/endpoint-modelarts"]["found"]
        assert outcomes(checks, "failed") == {"connection/endpoint-modelarts"}
        assert checks["connection/endpoint-bss"]["outcome"] == "warning"

    def test_billing_alone_is_away(self, vendor, monkeypatch) -> None:
        monkeypatch.setenv("PROVISIONER_ENDPOINT_BSS", NOBODY)
        checks = examine(vendor, code=0)
        assert checks["permissions/orders"]["found"] == "because connection/endpoint-bss failed"
        assert checks["permissions/images"]["outcome"] == "ok"

    def test_a_server_that_speaks_no_tls(self, vendor, server, monkeypatch) -> None:
        monkeypatch.setenv("PROVISIONER_ENDPOINT_MODELARTS", server.url.replace("http:", "https:"))
        assert "TLS failed" in examine(vendor, code=1)["connection/endpoint-modelarts"]["found"]

    def test_a_proxy_is_named_without_its_password_and_where_it_fails(self, real_cloud, monkeypatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://ann:canary@127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "")
        checks = examine(real_cloud, code=1)
        found = checks["connection/endpoint-modelarts"]["found"]
        assert "of region cn-north-4" in found
        assert "through the proxy that HTTPS_PROXY names" in found
        assert "canary" not in json.dumps(checks)

    @pytest.mark.parametrize(
        ("variable", "value", "code"),
        [
            ("HTTPS_PROXY", "socks5://127.0.0.1:1", "proxy-invalid"),
            ("HTTPS_PROXY", "http://[", "proxy-invalid"),
        ],
    )
    def test_a_proxy_that_is_none(self, real_cloud, monkeypatch, variable, value, code) -> None:
        monkeypatch.setenv(variable, value)
        monkeypatch.setenv("NO_PROXY", "")
        assert examine(real_cloud, code=1)["connection/endpoint-modelarts"]["code"] == code

    @pytest.mark.parametrize("url", ["http://elsewhere.example", "nonsense", "https://u:canary@127.0.0.1"])
    def test_an_endpoint_that_is_none(self, vendor, monkeypatch, url) -> None:
        monkeypatch.setenv("PROVISIONER_ENDPOINT_MODELARTS", url)
        checks = examine(vendor, code=1)
        assert checks["connection/endpoints"]["code"] == "endpoint-invalid"
        assert checks["state/writable"]["outcome"] == "ok"
        assert "canary" not in json.dumps(checks)

    def test_one_that_hangs_is_given_up_and_says_so(self, vendor, point_to, monkeypatch) -> None:
        monkeypatch.setattr(doctor_verb, "CheckRunner", partial(CheckRunner, scale=0.02))
        with socket.create_server(("127.0.0.1", 0)) as silent:
            point_to(f"http://127.0.0.1:{silent.getsockname()[1]}")
            checks = examine(vendor, code=1)
        assert checks["connection/endpoint-modelarts"]["code"] == "check-timeout"
        assert "within 0.2 s" in checks["connection/endpoint-modelarts"]["found"]
        assert checks["permissions/list-servers"]["outcome"] == "skipped"

    @pytest.mark.parametrize(("ahead", "outcome", "code"), [(0, "ok", 0), (-120, "warning", 0), (900, "failed", 1)])
    def test_the_cloud_has_another_time(self, vendor, server, ahead, outcome, code) -> None:
        server.app = with_date(server.app, formatdate(time.time() + ahead, usegmt=True))
        checks = examine(vendor, code=code)
        assert checks["clock/cloud"]["outcome"] == outcome

    @pytest.mark.parametrize(
        ("seconds", "outcome"),
        [
            (59, "ok"),
            (-59, "ok"),
            (60, "warning"),
            (-60, "warning"),
            (599, "warning"),
            (600, "failed"),
            (-600, "failed"),
        ],
    )
    def test_how_far_clocks_may_differ(self, seconds, outcome) -> None:
        result = judge_clock(seconds * 1000, 1_700_000_000_000)
        assert result.outcome.value == outcome
        assert outcome == "ok" or ("behind" if seconds > 0 else "ahead of") in result.found


def with_date(app, date: str):
    async def answer(scope, receive, send):
        async def send_dated(message):
            if message["type"] == "http.response.start":
                others = [header for header in message["headers"] if header[0].lower() != b"date"]
                message = {**message, "headers": [*others, (b"date", date.encode())]}
            await send(message)

        await app(scope, receive, send_dated)

    return answer


class TestSpecs:
    def test_there_are_none(self, cli) -> None:
        (cli.path / "specs").rename(cli.path / "elsewhere")
        checks = examine(cli, code=0)
        assert checks["specs/stack"]["found"] == "there is no stack at specs"
        assert checks["state/place"]["outcome"] == "skipped"
        assert checks["credentials/source"]["outcome"] == "warning"

    def test_a_broken_server_hides_nothing(self, cli) -> None:
        cli.write_specs("servers: {gateway: {flavour: x}}\n")
        checks = examine(cli, code=1)
        assert outcomes(checks, "failed") == {"specs/resources"}
        assert "servers.yaml:1" in checks["specs/resources"]["found"]
        assert checks["permissions/list-servers"]["outcome"] == "ok"

    def test_a_broken_stack_file(self, vendor) -> None:
        vendor.write("specs/stack.yaml", "stack: [\n")
        checks = examine(vendor, code=1)
        assert checks["specs/stack"]["code"] == "yaml-syntax"
        assert checks["specs/resources"]["outcome"] == "skipped"
        assert checks["installation/python"]["outcome"] == "ok"

    def test_a_broken_configuration_of_ones_own(self, cli) -> None:
        cli.configure("profiles: [\n")
        assert examine(cli, code=1)["specs/configuration"]["outcome"] == "failed"


@contextmanager
def held(lock: Path):
    holder = LockHolder(
        who="ann@laptop", pid=os.getpid(), host=socket.gethostname(), command="apply", since=0, id="abc"
    )
    with lock.open("w") as file:
        file.write(json.dumps(asdict(holder)))
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class FailingDisk(Disk):
    """A disk on which one operation fails."""

    def __init__(self, operation: str, number: int) -> None:
        def fail(*_arguments: object) -> None:
            raise OSError(number, os.strerror(number))

        setattr(self, operation, fail)


def with_failing_disk(monkeypatch, operation: str, number: int) -> None:
    original = folder_checks.FolderChecks.__init__

    def init(self, files, *, disk):
        original(self, files, disk=FailingDisk(operation, number))

    monkeypatch.setattr(folder_checks.FolderChecks, "__init__", init)


class TestState:
    def test_the_lock_is_held(self, applied) -> None:
        with held(applied.state / "demo.lock"):
            checks = examine(applied, code=0)
        assert checks["state/lock"]["code"] == "lock-held"
        assert "ann@laptop is at work on this state" in checks["state/lock"]["found"]

    @pytest.mark.parametrize(
        ("damage", "check", "code"),
        [
            (lambda state: (state / "demo.json").write_text("{"), "state", "state-damaged"),
            (lambda state: (state / "demo.journal").unlink(), "state", "journal-missing"),
            (lambda state: (state / "demo.json").chmod(0o644), "files", "state-file-open"),
        ],
    )
    def test_what_is_wrong_with_its_files(self, applied, damage, check, code) -> None:
        damage(applied.state)
        checks = examine(applied)
        assert checks[f"state/{check}"]["code"] == code
        assert checks["state/lock"]["outcome"] == "ok"
        assert checks["permissions/list-servers"]["outcome"] == "ok"

    def test_a_symbolic_link_in_place_of_a_file(self, applied) -> None:
        (applied.state / "demo.json").rename(applied.state / "elsewhere")
        (applied.state / "demo.json").symlink_to("elsewhere")
        assert examine(applied, code=1)["state/files"]["code"] == "store-unreadable"

    def test_a_file_in_place_of_the_folder(self, cli) -> None:
        checks = examine_elsewhere(cli, cli.write("occupied", ""))
        assert checks["state/folder"]["code"] == "store-folder-unusable"
        assert checks["state/writable"]["found"] == "because state/folder failed"

    def test_others_may_write_the_folder(self, cli) -> None:
        cli.state.chmod(0o777)
        checks = examine(cli, code=0)
        assert checks["state/permissions"]["code"] == "store-folder-open"
        assert checks["state/notices"]["outcome"] == "ok"

    @pytest.mark.parametrize(
        ("operation", "number", "check", "code"),
        [
            ("open", 30, "writable", "store-folder-unusable"),
            ("sync", 5, "writable", "store-folder-unusable"),
            ("reserve", 28, "disk-space", "disk-full"),
            ("lock", 37, "flock", "lock-unusable"),
        ],
    )
    def test_a_disk_that_refuses(self, cli, monkeypatch, operation, number, check, code) -> None:
        with_failing_disk(monkeypatch, operation, number)
        checks = examine(cli, code=1)
        assert checks[f"state/{check}"]["code"] == code
        assert os.strerror(number) in checks[f"state/{check}"]["found"]
        assert list(cli.state.iterdir()) == []

    def test_a_slow_disk_and_a_nearly_full_one(self, cli, monkeypatch) -> None:
        monkeypatch.setattr(folder_checks, "_SLOW", -1.0)
        monkeypatch.setattr(folder_checks, "_LOW", 1 << 60)
        checks = examine(cli, code=0)
        assert (checks["state/latency"]["code"], checks["state/disk-space"]["code"]) == ("store-slow", "disk-low")

    @pytest.mark.parametrize(
        ("mount", "code"),
        [
            (Mount(Path("/mnt"), "nfs4", frozenset({"rw", "local_lock=none"})), ""),
            (Mount(Path("/mnt"), "nfs4", frozenset({"rw", "local_lock=flock"})), "lock-not-shared"),
            (Mount(Path("/mnt"), "nfs", frozenset({"nolock"})), "lock-not-shared"),
            (Mount(Path("/run"), "tmpfs", frozenset()), "store-not-lasting"),
        ],
    )
    def test_the_file_system_of_the_folder(self, cli, monkeypatch, mount, code) -> None:
        monkeypatch.setattr(folder_checks, "mount_of", lambda _path: mount)
        assert (examine(cli, code=0)["state/file-system"]["code"] or "") == code

    def test_a_place_that_is_none_is_refused_like_a_wrong_option(self, cli, monkeypatch) -> None:
        monkeypatch.setenv("PROVISIONER_STATE", "ftp://ann:canary@example/")
        ran = cli.run("doctor", "--json")
        assert (ran.code, ran.document["errored"]) == (1, True)
        assert "canary" not in ran.text

    def test_a_place_that_only_the_specs_name_is_not_asked(self, cli) -> None:
        cli.write("specs/stack.yaml", (cli.path / "specs/stack.yaml").read_text() + "state: postgres://db.example/x\n")
        checks = examine(cli, code=1)
        assert checks["state/place"]["code"] == "state-host-untrusted"
        assert checks["permissions/list-servers"]["outcome"] == "ok"

    def test_marks_that_cannot_be_kept(self, cli, monkeypatch) -> None:
        monkeypatch.setenv("HOME", "/proc/nonexistent")
        assert examine(cli, code=0)["state/high-water-marks"]["code"] == "high-water-marks-unusable"


def examine_elsewhere(cli, location: Path) -> dict[str, dict]:
    ran = cli.run("doctor", "--json", "--state", str(location))
    assert ran.code == 1
    return {f"{one['topic']}/{one['name']}": one for one in ran.document["checks"]}


def test_the_mount_of_a_path_is_the_one_nearest_above_it(tmp_path) -> None:
    listed = tmp_path / "mountinfo"
    listed.write_text(
        "1 0 8:1 / / rw - ext4 /dev/a rw\n"
        "broken\n"
        f"2 1 0:5 / {tmp_path} rw,nosuid shared:1 - tmpfs tmpfs rw\n"
        "3 1 0:6 / /a\\040b rw - nfs4 host:/x rw,local_lock=flock\n"
    )
    assert mount_of(tmp_path / "state", mounts=listed) == Mount(tmp_path, "tmpfs", frozenset({"rw", "nosuid"}))
    assert mount_of(Path("/a b/c"), mounts=listed).options == {"rw", "local_lock=flock"}
    assert mount_of(Path("/elsewhere"), mounts=listed).type == "ext4"
    assert mount_of(tmp_path, mounts=tmp_path / "none") is None


class TestInstallation:
    @pytest.mark.parametrize(
        ("umask", "outcome"),
        [("0077", "ok"), ("0022", "ok"), ("0000", "warning"), ("0777", "failed"), ("0200", "failed")],
    )
    def test_the_umask(self, tmp_path, monkeypatch, umask, outcome) -> None:
        status = tmp_path / "status"
        status.write_text(f"Name:\tpython\nUmask:\t{umask}\n")
        monkeypatch.setattr(installation_checks, "_PROCESS_STATUS", status)
        assert installation_checks._examine_umask().outcome.value == outcome

    def test_a_dependency_that_is_missing_or_too_old_and_a_python_too(self, cli, monkeypatch) -> None:
        monkeypatch.setattr(installation_checks, "requires", lambda _name: ["click>=999", "rich>=14,<99"])
        monkeypatch.setattr(installation_checks.sys, "version_info", (3, 1, 0))
        checks = examine(cli, code=0)
        assert checks["installation/dependencies"]["code"] == "version-unsuitable"
        assert "click" in checks["installation/dependencies"]["found"]
        assert "rich" not in checks["installation/dependencies"]["found"]
        assert checks["installation/python"]["code"] == "version-unsuitable"
        monkeypatch.setattr(installation_checks, "requires", lambda _name: ["no-such-package>=1"])
        assert examine(cli, code=1)["installation/dependencies"]["code"] == "dependency-missing"

    @pytest.mark.parametrize(("scheme", "code"), [("postgres", 1), ("postgresql", 1), ("", 0)])
    def test_an_extra_is_missed_only_where_it_is_needed(self, monkeypatch, scheme, code) -> None:
        needed = ['no-such-driver[binary]>=3; extra == "postgres"', "click>=8"]
        monkeypatch.setattr(installation_checks, "requires", lambda _name: needed)
        result = installation_checks._examine_extras(scheme)
        assert (result.code == "extra-missing") == bool(code)

    @pytest.mark.parametrize(
        ("found", "wanted", "is_met"),
        [
            ("8.10", ">=8.2", True), ("8.2", ">=8.10", False), ("9.1.0", "<10,>=9.1", True), ("10.0", "<10,>=9.1", False),
            ("1.4.5", "~=1.4", True), ("2.0", "~=1.4", False), ("1.0", "==1.0.0", True), ("1.0", "!=1.0", False), ("5", "", True),
        ],
    )  # fmt: skip
    def test_versions_are_compared_as_numbers(self, found, wanted, is_met) -> None:
        assert installation_checks.meets(found, wanted) is is_met

    def test_a_system_without_a_clock_that_goes_on_in_sleep(self, cli, monkeypatch) -> None:
        monkeypatch.delattr(installation_checks.time, "CLOCK_BOOTTIME")
        assert examine(cli, code=0)["installation/boot-clock"]["code"] == "clock-stops"


class TestRunner:
    def test_a_broken_check_hides_no_other_and_its_followers_say_why_they_were_skipped(self) -> None:
        runner = CheckRunner(NOT_SHOWN)

        async def run() -> None:
            await runner.run_blocking("a", "breaks", lambda: 1 // 0)
            await runner.run_blocking("a", "follows", lambda: passed("yes"), needs=("a/breaks",))
            await runner.run_blocking("a", "stands-alone", lambda: passed("yes"))

        asyncio.run(run())
        assert [(one.result.outcome, one.result.code) for one in runner.checks] == [
            (CheckOutcome.FAILED, "check-broken"),
            (CheckOutcome.SKIPPED, ""),
            (CheckOutcome.OK, ""),
        ]
        assert runner.checks[1].result.found == "because a/breaks failed"

    def test_a_thread_that_hangs_is_given_up_while_somebody_sees_what_is_waited_for(self) -> None:
        shown, ends = [], threading.Event()
        runner = CheckRunner(ReadingProgress(shown.append), scale=0.001)
        asyncio.run(runner.run_blocking("state", "folder", ends.wait, stops=False))
        ends.set()
        assert runner.checks[0].result.code == "check-timeout"
        assert runner.checks[0].result.outcome is CheckOutcome.WARNING
        assert shown[0].what == "Checking state: folder"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOME", ""), ("HOME", "relative"), ("HOME", "/proc/nonexistent"), ("XDG_STATE_HOME", "\udcff"), ("XDG_CONFIG_HOME", "/dev/null"),
        ("SSL_CERT_FILE", "/nonexistent"), ("HTTP_PROXY", "http://["), ("PROVISIONER_ENDPOINT_NONSENSE", "x"),
        ("PROVISIONER_SITE", "nowhere"), ("PROVISIONER_SPECS", "/dev/null"), ("PROVISIONER_SPECS", "a\udcffb"), ("PROVISIONER_ENVIRONMENT", "../x"),
        ("PROVISIONER_STATE", "/dev/null"), ("PROVISIONER_STATE", "http://["), ("PROVISIONER_STATE", "/dev/null/below"),
        ("HW_REGION_NAME", "../../x"), ("HW_CLOUD", "evil.example"), ("COLUMNS", "-5"), ("HW_ACCESS_KEY", "a\nb"),
    ],
)  # fmt: skip
def test_hostile_variables_never_end_in_a_traceback(vendor, monkeypatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    ran = vendor.run("doctor")
    assert ran.code in {0, 1}
    assert "Traceback" not in ran.text
    assert "check-broken" not in ran.text
    assert "Error[internal]" not in ran.text
