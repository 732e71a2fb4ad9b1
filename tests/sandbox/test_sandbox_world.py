"""The world file: shared, durable, private, and never touched when it is not a world."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provisioner.sandbox import WorldError, create_app, read_ledger

CONFTEST = Path(__file__).with_name("conftest.py")
BUY = f"""
import importlib.util, sys
from pathlib import Path
specification = importlib.util.spec_from_file_location("sandbox_conftest", {str(CONFTEST)!r})
conftest = importlib.util.module_from_spec(specification)
specification.loader.exec_module(conftest)
clock = conftest.ManualClock()
cloud = conftest.Cloud(conftest.create_app(Path(sys.argv[1]), clock=clock), clock)
"""


def start(world: Path, work: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", BUY + work, world], stdout=subprocess.PIPE, text=True)


def test_what_was_answered_survives_the_death_of_the_process(world, open_cloud):
    buyer = start(world, "print(cloud.bought(name='lasting')['id'], flush=True)\nimport time\ntime.sleep(60)")
    server_id = buyer.stdout.readline().strip()
    buyer.send_signal(signal.SIGKILL)
    buyer.wait()
    buyer.stdout.close()
    assert open_cloud(world).show(server_id).json()["name"] == "lasting"
    assert [entry.server_id for entry in read_ledger(world)] == [server_id]


def test_several_processes_share_one_world_from_its_first_moment(world, open_cloud):
    buyers = [start(world, "[cloud.bought(name=f'server-{number}') for number in range(40)]") for _ in range(3)]
    assert [buyer.wait(timeout=60) for buyer in buyers] == [0, 0, 0]
    for buyer in buyers:
        buyer.stdout.close()
    assert open_cloud(world).servers()["total"] == 120
    assert [entry.kind for entry in read_ledger(world)] == ["purchase"] * 120
    assert not list(world.parent.glob(".*")), "no draft is left behind"


def test_two_apps_see_one_world(world, open_cloud):
    first, second = open_cloud(world), open_cloud(world)
    server_id = first.running()["id"]
    assert second.show(server_id).json()["status"] == "RUNNING"
    second.delete(server_id)
    assert first.show(server_id).json()["status"] == "DELETING"
    assert first.call("GET", first.SERVERS, token=second.project_token).status_code == 200


def test_two_worlds_in_memory_are_two(open_cloud):
    first, second = open_cloud(), open_cloud()
    first.bought()
    assert second.servers()["total"] == 0


def test_threads_may_share_an_app(world, clock, open_cloud):
    app = create_app(world, clock=clock)
    cloud_type = type(open_cloud(world))

    def buy_ten(_: int) -> None:
        cloud = cloud_type(app, clock)
        for _ in range(10):
            cloud.bought()
        cloud.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(buy_ten, range(4)))
    assert open_cloud(world).servers()["total"] == 40


def test_a_new_world_and_its_folders_are_the_users_alone(tmp_path):
    world = tmp_path / "state" / ".sandbox" / "world.sqlite"
    create_app(world)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (world, world.parent, world.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def world_of_another_version(path: Path) -> None:
    create_app(path)
    with path.open("r+b") as file:
        file.seek(60)
        file.write((7).to_bytes(4))


def truncated_world(path: Path) -> None:
    create_app(path)
    os.truncate(path, path.stat().st_size // 2)


def scribbled_world(path: Path) -> None:
    create_app(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 2000)


@pytest.mark.parametrize("use", [create_app, read_ledger])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_text("hello, this is a text\n" * 20), "not an SQLite file"),
        (lambda path: path.write_bytes(b""), "not an SQLite file"),
        (foreign_database, "another program"),
        (world_of_another_version, "format 7"),
        (truncated_world, "damaged"),
        (scribbled_world, "damaged"),
    ],
    ids=["text", "empty", "foreign", "version", "truncated", "scribbled"],
)
def test_what_is_no_usable_world_is_refused_and_left_alone(world, make, reason, use):
    make(world)
    before = world.read_bytes()
    with pytest.raises(WorldError, match=reason) as refusal:
        use(world)
    assert str(world) in str(refusal.value)
    assert world.read_bytes() == before


@pytest.mark.parametrize("use", [create_app, read_ledger])
def test_a_folder_is_no_world(tmp_path, use):
    with pytest.raises(WorldError, match="Choose another path"):
        use(tmp_path)


def test_a_world_below_a_file_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorldError, match="cannot create"):
        create_app(tmp_path / "file" / "world")


@pytest.mark.parametrize(
    ("path", "sign"),
    [
        ("/v1/0123456789abcdef0123456789abcdef/dev-servers", "ModelArts.0010"),
        ("/v2/orders/customer-orders", "CBC.0999"),
        ("/v3/projects", "Internal Server Error"),
    ],
)
def test_a_world_that_breaks_underneath_is_an_answer_of_500(world, open_cloud, path, sign):
    cloud = open_cloud(world)
    vandal = sqlite3.connect(world)
    vandal.execute("DROP TABLE servers")
    vandal.close()
    answer = cloud.call("GET", path)
    assert answer.status_code == 500
    assert sign in answer.text


def test_a_client_that_leaves_before_its_request_is_complete_buys_nothing(clock):
    app = create_app(clock=clock)
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v3/auth/tokens",
        "raw_path": b"",
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(app(scope, receive, send))
    assert sent == []


def test_a_thousand_servers_are_bought_and_listed_on_one_page(open_cloud, world):
    """How quickly is the benchmark's to say."""
    cloud = open_cloud(world)
    for _ in range(1000):
        cloud.bought()
    assert len(cloud.servers(limit=1000)["data"]) == 1000
