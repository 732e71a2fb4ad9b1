"""Two clones of a repository, with a state each, that buy within the time in which a list does not show new servers."""

import json
import shutil
import signal

from support.fault_proxy import editing, message
from support.process_workspace import STACK, ProcessWorkspace

APPLY = ("apply", "--auto-approve", "--resolve-timeout", "0")
FIRST_IS_LISTED_LATE = {
    "at": "CreateDevServer",
    "server": "alpha",
    "fault": "lag",
    "seconds": 120,
    "show": False,
    "times": 1,
}


def a_clone(workspace, folder):
    shutil.copytree(workspace.folder, folder)
    return ProcessWorkspace(folder, workspace.sandbox_db, workspace.endpoint)


def held(clone):
    return {record["id"] for record in clone.state()["resources"].values()}


def words(text):
    return " ".join(text.split())


async def bought_by_two(exchange):
    """A fault: somebody else's purchase of the same name arrives right before this one."""
    await exchange.carry_out()
    await exchange.tell(await exchange.carry_out())


def test_the_run_that_can_see_it_says_so_at_its_end(direct_workspace, fork_server, sandbox, proxy, tmp_path):
    """The first clone's server is hidden while the second one buys, and shows before the first one's run ends."""
    other = a_clone(direct_workspace, tmp_path / "clone")
    direct_workspace.fork_server, direct_workspace.endpoint = fork_server, proxy.url
    sandbox.arm(FIRST_IS_LISTED_LATE)
    gate = proxy.gate()
    proxy.on(gate.after, name="alpha")
    first = direct_workspace.start(*APPLY)
    gate.await_arrival()
    second = other.run_in_process(*APPLY)
    assert (second.code, direct_workspace.purchases) == (0, {"alpha": 2}), second.text
    sandbox.advance(121)
    gate.open()
    told = first.end()
    (ours,), (theirs,) = held(direct_workspace), held(other)
    assert told.code == 7, told.text
    assert "Error[namesake]" in told.err
    assert f"two servers named 'alpha': {ours}, which was bought for alpha, and {theirs} (RUNNING)" in words(told.err)
    assert f"{ours} was created 20" in words(told.err)
    assert f"{theirs} was created 20" in words(told.err)
    assert "provisioner destroy --target 'alpha'" in words(told.err)
    assert "Apply incomplete." in told.out
    later = direct_workspace.run_in_process("plan", "--detailed-exitcode")
    assert (later.code, "namesake" in later.text) == (2, True)


def test_it_stands_in_the_json_stream(workspace, proxy):
    proxy.on(bought_by_two, name="alpha")
    told = workspace.run_in_process(*APPLY, "--json")
    last = json.loads(told.out.splitlines()[-1])
    assert (told.code, [one["code"] for one in last["findings"]]) == (7, ["namesake"])
    assert last["changes"]["add"] == 1
    assert workspace.purchases == {"alpha": 2}


def test_a_run_that_buys_nothing_does_not_look_again(workspace, proxy):
    assert workspace.run_in_process(*APPLY).code == 0
    before = len(proxy.exchanges)
    assert workspace.run_in_process(*APPLY).code == 0
    lists = [one for one in proxy.exchanges[before:] if one.path.endswith("/dev-servers/all")]
    assert len(lists) == 1


def failing_after_the_purchase(proxy, answer):
    """The list is read once while the run waits for its server, and once at its end: then `answer` comes, however often it is asked."""
    reads = []

    async def fault(exchange):
        reads.append(exchange)
        await exchange.tell(answer if len(reads) > 2 else await exchange.carry_out())

    for ending in ("/dev-servers/all", "/dev-servers"):
        proxy.on(fault, method="GET", ending=ending, nth=None)


def test_a_list_that_cannot_be_read_again_is_said_and_changes_no_exit_code(workspace, proxy):
    failing_after_the_purchase(proxy, message("403 Forbidden", b"{}"))
    told = workspace.run_in_process(*APPLY)
    assert (told.code, "Warning[namesake-unread]" in told.err) == (0, True), told.text
    assert "Apply complete!" in told.out
    assert held(workspace) == {row.server_id for row in workspace.ledger if row.kind == "purchase"}


def test_a_list_that_is_not_whole_shows_what_it_has(workspace, proxy):
    def with_a_gap(document):
        return {**document, "total": document["total"] + 1}

    proxy.on(bought_by_two, name="alpha")
    proxy.on(editing(with_a_gap), method="GET", ending="/all", nth=3)
    told = workspace.run_in_process(*APPLY)
    assert told.code == 7
    assert "Error[namesake]" in told.err


def test_what_another_state_of_the_folder_holds_is_no_namesake(workspace, proxy, console):
    """The two share the place that keeps them apart, and the plan speaks of it."""
    stack = f"{STACK}environment: dev\n"
    workspace.write("servers: {alpha: {name: '{{ env }}s'}}\n", stack=stack)
    (workspace.folder / "specs" / "environments").mkdir()
    for name in ("dev", "prod"):
        (workspace.folder / "specs" / "environments" / f"{name}.yaml").write_text("{}\n")
    assert workspace.run_in_process(*APPLY, "-e", "prod").code == 0
    (prods,) = [row.server_id for row in workspace.ledger if row.kind == "purchase"]

    async def renamed_meanwhile(exchange):
        console.rename(prods, "devs")
        await exchange.tell(await exchange.carry_out())

    proxy.on(renamed_meanwhile, name="devs")
    told = workspace.run_in_process(*APPLY, "-e", "dev")
    assert (told.code, "namesake" in told.err) == (0, False), told.text


def test_a_purchase_that_a_later_run_finishes_is_looked_after_too(workspace, proxy):
    async def bought_by_two_and_cut(exchange):
        await exchange.carry_out()
        await exchange.carry_out()
        exchange.cut()

    proxy.on(bought_by_two_and_cut, name="alpha")
    assert workspace.run_in_process(*APPLY).code == 6
    (first, second) = [row.server_id for row in workspace.ledger if row.kind == "purchase"]
    assert workspace.run_in_process("resolve", "alpha", "--adopt", second).code == 0
    told = workspace.run_in_process(*APPLY)
    assert (first in told.text, "namesake" in told.text) == (True, True)


def test_an_interrupted_run_does_not_look(workspace, proxy):
    gate = proxy.gate()
    proxy.on(gate.after, name="alpha")
    run = workspace.start(*APPLY)
    gate.await_arrival()
    run.process.send_signal(signal.SIGINT)
    run.wait_for_stderr("Stopping")
    before = len(proxy.of("GET", "/all"))
    gate.open()
    assert run.end().code == 8
    assert len(proxy.of("GET", "/all")) == before


def test_the_server_that_a_replacement_has_released_is_no_namesake(workspace, proxy):
    """The list may show it for a while after it has gone."""
    assert workspace.run_in_process(*APPLY).code == 0
    (old,) = held(workspace)
    last_seen = []

    def with_the_old_one(document):
        """From when the new one is listed."""
        last_seen.extend(row for row in document["data"] if row["id"] == old)
        if {row["id"] for row in document["data"]} <= {old}:
            return document
        return {"data": [*document["data"], last_seen[0]], "total": document["total"] + 1}

    proxy.on(editing(with_the_old_one), method="GET", ending="/all", nth=None)
    told = workspace.run_in_process(*APPLY, "--replace", "alpha")
    assert (told.code, workspace.purchases["alpha"], "namesake" in told.text) == (0, 2, False), told.text
