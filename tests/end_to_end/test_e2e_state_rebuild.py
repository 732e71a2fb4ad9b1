"""A state that was damaged or lost is put together again: nothing is bought for it, nothing that was ours is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from support.disks import Crash, DyingDisk, NumberedDisk
from support.fault_proxy import resetting
from support.process_workspace import PREPAID, STACK, THREE, ProcessWorkspace, SandboxControl
from support.stack_text import PASSWORD

from provisioner.cloud import AccessKey, connect, region_endpoints
from provisioner.model.flow import Call, Effect, Service
from provisioner.model.secret import Secret
from provisioner.sandbox import PUBLIC, create_app
from provisioner.sandbox.serving import front
from provisioner.store.folder import store


@pytest.fixture
def applied(workspace):
    """Three servers over two runs: `alpha` and a prepaid `beta`, then `gamma`."""
    workspace.write(f"servers: {{alpha: {{}}, beta: {{charging_info: {PREPAID}}}}}\n")
    assert workspace.apply().code == 0
    workspace.write(THREE)
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
    return workspace


def files(workspace):
    return {
        path.name: path.read_bytes() for path in (workspace.folder / "state").glob("test.*") if path.suffix != ".lock"
    }


def flip(path, share=0.5):
    content = path.read_bytes()
    at = int(len(content) * share)
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])


def state_file(workspace, suffix="json"):
    return workspace.folder / "state" / f"test.{suffix}"


def owned(workspace):
    return {
        address: (row["id"], row["order_id"], row["phase"]) for address, row in workspace.state()["resources"].items()
    }


def rows(ran):
    return {row["address"]: row["confidence"] for row in json.loads(ran.out)["rows"]}


def rebuild(workspace, *options):
    return workspace.run_in_process("state", "rebuild", "--auto-approve", "--json", *options)


def require_as_before(workspace, before):
    """Nothing to do, nothing bought for it, and what is recorded is what was."""
    assert owned(workspace) == before
    planned = workspace.run_in_process("plan", "--detailed-exitcode")
    assert planned.code == 0, planned.text
    assert "No changes" in planned.out
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1, "gamma": 1}


def lose_state(workspace):
    state_file(workspace).unlink()


def lose_state_and_backup(workspace):
    state_file(workspace).unlink()
    state_file(workspace, "backup").unlink()


def flip_state(workspace):
    flip(state_file(workspace))


def empty_state(workspace):
    state_file(workspace).write_bytes(b"")


def lose_journal(workspace):
    state_file(workspace, "journal").unlink()


def flip_journal_in_the_middle(workspace):
    flip(state_file(workspace, "journal"))


def cut_journal_in_the_middle(workspace):
    content = state_file(workspace, "journal").read_bytes()
    state_file(workspace, "journal").write_bytes(content[: len(content) // 2])


def put_older_state_back_over_a_run(workspace):
    older = state_file(workspace, "backup").read_bytes()
    workspace.write(THREE.replace("{alpha: {}", "{alpha: {labels: {seen: again}}"))
    assert workspace.apply().code == 0
    state_file(workspace).write_bytes(older)


@pytest.mark.parametrize(
    "harm",
    [
        lose_state, lose_state_and_backup, flip_state, empty_state, lose_journal, flip_journal_in_the_middle,
        cut_journal_in_the_middle, put_older_state_back_over_a_run,
    ],
)  # fmt: skip
def test_what_is_still_readable_leads_back_to_the_same_state(applied, harm):
    before = owned(applied)
    harm(applied)
    assert applied.run_in_process("plan").code == 1
    ran = rebuild(applied)
    assert ran.code == 0, ran.text
    assert rows(ran) == {"alpha": "certain", "beta": "certain", "gamma": "certain"}
    require_as_before(applied, before)


def test_both_state_and_journal_are_lost(applied):
    before, lineage = owned(applied), applied.state()["lineage"]
    lose_state(applied)
    lose_journal(applied)
    ran = rebuild(applied)
    assert set(rows(ran).values()) == {"certain", "likely"}
    assert "records may be missing" in ran.err
    assert applied.state()["lineage"] == lineage
    require_as_before(applied, before)


def test_everything_is_lost(applied):
    before = owned(applied)
    lose_everything(applied)
    ran = rebuild(applied)
    assert rows(ran) == {"alpha": "likely", "beta": "likely", "gamma": "likely"}
    require_as_before(applied, before)


def test_damage_on_both_sides_keeps_what_lines_behind_it_say(applied):
    """The state and its backup are gone, and the line that says what `gamma` was bought with is damaged."""
    before = owned(applied)
    lose_state_and_backup(applied)
    journal = state_file(applied, "journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"gamma"' in line)
    journal.write_bytes(b"".join([*lines[:at], lines[at].replace(b"gamma", b"gammb"), *lines[at + 1 :]]))
    ran = rebuild(applied)
    assert rows(ran) == {"alpha": "certain", "beta": "certain", "gamma": "certain"}
    assert "the values of the specs are used" in ran.out
    require_as_before(applied, before)


def test_a_purchase_in_doubt_survives(workspace, proxy):
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    proxy.on(resetting(executed=True), name="alpha")
    assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    (before,) = in_doubt(workspace)
    flip_state(workspace)
    ran = rebuild(workspace)
    assert ran.code == 0, ran.text
    assert rows(ran) == {"alpha": "in_doubt", "beta": "certain"}
    assert in_doubt(workspace) == [before]
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1}
    assert "No changes" in workspace.run_in_process("plan").out


def test_a_purchase_that_was_believed_absent_is_still_known(workspace, proxy):
    """It shows up after the rebuild, and is named as what it is: this address's, and bought twice."""
    workspace.write("servers: {alpha: {}}\n")
    gate = proxy.gate()
    proxy.on(gate.before, name="alpha")
    assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    gate.await_arrival()
    assert workspace.run_in_process("resolve", "alpha", "--absent").code == 0
    gate.open()
    gate.await_arrival()
    (ghost,) = [entry.server_id for entry in workspace.ledger if entry.kind == "purchase"]
    before = workspace.state()["absent"]
    flip_state(workspace)
    ran = rebuild(workspace)
    assert ran.code == 0, ran.text
    assert json.loads(ran.out)["believed_absent"] == [{"address": "alpha", "name": "alpha"}]
    assert workspace.state()["absent"] == before
    said = workspace.run_in_process("plan").words
    assert f"resolve 'alpha' --adopt {ghost}" in said


def in_doubt(workspace):
    return json.loads(workspace.run_in_process("show", "--json").out)["in_doubt"]


@pytest.fixture
def stranger(applied, tmp_path):
    """Somebody else's server, bought from another folder and then given the name of one of ours."""

    def appear(name):
        folder = tmp_path / "another"
        (folder / "state").mkdir(parents=True, mode=0o700)
        other = ProcessWorkspace(folder, applied.sandbox_db, applied.endpoint)
        other.write("servers: {passing: {}}\n")
        assert other.apply().code == 0
        identifier = other.state()["resources"]["passing"]["id"]
        send(applied, "PUT", identifier, body={"name": name})
        return identifier

    return appear


def send(workspace, method, identifier, *, body=None):
    """What somebody else does with a server, who knows nothing of our state."""

    async def sending():
        endpoints = region_endpoints(PUBLIC.region, dict.fromkeys(Service, workspace.endpoint))
        key = AccessKey(PUBLIC.access_key, Secret(PUBLIC.secret_key))
        path = f"/v1/{{project_id}}/dev-servers/{identifier}"
        connecting = connect(endpoints=endpoints, credentials=key, region=PUBLIC.region, user_agent="a colleague")
        async with connecting as cloud, cloud.channel() as channel:
            await channel.send(Call(Service.MODELARTS, method, path, Effect.REPEATABLE, body=body), lambda _: None)

    asyncio.run(sending())


@pytest.mark.parametrize("harm", [flip_state, lose_journal, flip_journal_in_the_middle])
def test_a_server_that_is_recorded_is_not_mistaken_for_a_strangers_of_its_name(applied, stranger, harm):
    before = owned(applied)
    stranger("alpha")
    harm(applied)
    ran = rebuild(applied)
    assert rows(ran) == {"alpha": "certain", "beta": "certain", "gamma": "certain"}
    assert [row["name"] for row in json.loads(ran.out)["unclaimed"]] == ["alpha"]
    assert owned(applied) == before
    assert "No changes" in applied.run_in_process("plan").out


def test_where_records_are_whole_a_wanted_name_of_a_strangers_is_left_alone(applied, stranger):
    identifier = stranger("delta")
    applied.write(THREE.replace("gamma: {}", "gamma: {}, delta: {}"))
    flip_state(applied)
    ran = rebuild(applied)
    assert rows(ran)["delta"] == "unknown"
    assert "it belongs to somebody else" in ran.out
    assert "delta" not in owned(applied)
    planned = applied.run_in_process("plan")
    assert planned.code == 4
    assert identifier in planned.text


def test_of_two_servers_of_one_name_none_is_chosen(applied, stranger):
    ours, theirs = owned(applied)["alpha"][0], stranger("alpha")
    lose_everything(applied)
    ran = applied.run_in_process("state", "rebuild", "--auto-approve")
    assert ran.code == 0, ran.text
    assert "ambiguous  alpha" in ran.out
    assert ours in ran.out
    assert theirs in ran.out
    assert set(owned(applied)) == {"beta", "gamma"}
    assert applied.apply().code == 4
    assert applied.purchases["alpha"] == 1


def test_a_server_that_differs_from_the_specs_is_left_out(applied):
    lose_everything(applied)
    applied.write(THREE.replace("alpha: {}", "alpha: {key_pair_name: other}"))
    ran = rebuild(applied)
    assert rows(ran) == {"alpha": "unknown", "beta": "likely", "gamma": "likely"}
    assert "differs from the specs" in ran.out


def test_a_server_that_is_gone_is_kept_as_vanished(applied):
    send(applied, "DELETE", owned(applied)["gamma"][0])
    flip_state(applied)
    ran = rebuild(applied)
    assert rows(ran) == {"alpha": "certain", "beta": "certain", "gamma": "recorded"}
    planned = applied.run_in_process("plan")
    assert "Warning[vanished]: gamma" in planned.out
    assert "No changes" in planned.out


def lose_everything(workspace):
    for suffix in ("json", "journal", "backup"):
        state_file(workspace, suffix).unlink()


def test_an_older_pair_is_whole_and_is_brought_up_to_date_on_request(workspace):
    """State and journal of the first run: no file shows to somebody else that anything is missing."""
    assert workspace.apply().code == 0
    older = {suffix: state_file(workspace, suffix).read_bytes() for suffix in ("json", "journal")}
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    assert workspace.apply().code == 0
    before = owned(workspace)
    for suffix, content in older.items():
        state_file(workspace, suffix).write_bytes(content)
    assert "state-older" in workspace.run_in_process("plan").err
    workspace.environment["XDG_STATE_HOME"] = str(workspace.folder / "of somebody else")
    assert "name-taken" in workspace.run_in_process("plan").out
    assert workspace.apply().code == 4
    unforced = workspace.run_in_process("state", "rebuild", "--auto-approve")
    assert unforced.code == 0
    assert "Nothing is damaged" in unforced.out
    assert rows(rebuild(workspace, "--force")) == {"alpha": "certain", "beta": "likely"}
    assert owned(workspace) == before
    assert "No changes" in workspace.run_in_process("plan").out
    assert workspace.purchases == {"alpha": 1, "beta": 1}


def test_a_marked_server_that_an_older_pair_lacks_is_placed_on_request(workspace, proxy):
    workspace.write("servers: {beta: {}}\n")
    assert workspace.apply().code == 0
    older = {suffix: state_file(workspace, suffix).read_bytes() for suffix in ("json", "journal")}
    workspace.write("servers: {alpha: {}, beta: {}}\n", stack=f"{STACK}purchase: {{marker: nonce}}\n")
    proxy.on(resetting(executed=True), name=None)
    assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    for suffix, content in older.items():
        state_file(workspace, suffix).write_bytes(content)
    workspace.environment["XDG_STATE_HOME"] = str(workspace.folder / "of somebody else")
    said = " ".join(workspace.run_in_process("plan").out.split())
    assert "Error[untracked]" in said
    assert "provisioner import 'alpha'" in said
    ran = rebuild(workspace, "--force")
    assert rows(ran) == {"alpha": "certain", "beta": "certain"}
    assert json.loads(ran.out)["written"]
    assert workspace.apply().code == 0
    assert len(workspace.ledger) == 2
    assert "No changes" in workspace.run_in_process("plan").out


def test_passwords_are_neither_shown_nor_taken_for_changed(workspace):
    """The salt of their fingerprints is lost with the state, its backup and the first line of the journal."""
    workspace.environment["ALPHA_PASSWORD"] = PASSWORD
    workspace.write('servers: {alpha: {admin_pass: {secret: "env:ALPHA_PASSWORD"}, key_pair_name: null}}\n')
    assert workspace.apply().code == 0
    lose_state_and_backup(workspace)
    flip(state_file(workspace, "journal"), 0.001)
    before = files(workspace)
    del workspace.environment["ALPHA_PASSWORD"]
    refused = rebuild(workspace)
    assert refused.code == 1
    assert "secret-unavailable" in refused.err
    assert files(workspace) == before
    workspace.environment["ALPHA_PASSWORD"] = PASSWORD
    ran = rebuild(workspace)
    assert ran.code == 0, ran.text
    assert "Warning[rebuild-lineage-lost]" in ran.err
    assert "No changes" in workspace.run_in_process("plan").out
    assert PASSWORD.encode() not in b"".join([ran.text.encode(), *files(workspace).values()])


@pytest.mark.slow
def test_dying_while_it_is_written_leaves_what_the_next_rebuild_sees_through(applied):
    before, whole = owned(applied), files(applied)
    numbered = NumberedDisk()
    flip_state(applied)
    with disk(numbered):
        assert rebuild(applied).code == 0
    for step in range(1, len(numbered.steps) + 1):
        put_back(applied, whole)
        flip_state(applied)
        with disk(DyingDisk(step)), pytest.raises(Crash):
            rebuild(applied)
        if applied.run_in_process("plan").code != 0:
            ran = rebuild(applied)
            assert ran.code == 0, ran.text
            assert set(rows(ran).values()) == {"certain"}
        require_as_before(applied, before)


def put_back(workspace, whole):
    for name in files(workspace).keys() - whole.keys():
        (workspace.folder / "state" / name).unlink()
    for name, content in whole.items():
        (workspace.folder / "state" / name).write_bytes(content)


@contextlib.contextmanager
def disk(of_test):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "Disk", lambda: of_test)
        yield


def test_when_the_cloud_lists_none_of_them_the_credentials_are_asked_about(workspace):
    assert workspace.apply().code == 0
    send(workspace, "DELETE", owned(workspace)["alpha"][0])
    flip_state(workspace)
    ran = rebuild(workspace)
    assert rows(ran) == {"alpha": "recorded"}
    assert "Warning[rebuild-none-listed]" in ran.err


def test_an_id_that_no_line_gives_an_address_is_told(workspace):
    """Of the whole story only the answer to the purchase is left."""
    assert workspace.apply().code == 0
    bought = owned(workspace)["alpha"][0]
    lose_state_and_backup(workspace)
    journal = state_file(workspace, "journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"answered"' in line)
    journal.write_bytes(b"".join([*lines[: at - 1], b"unreadable\n", lines[at]]))
    assert "Warning[rebuild-stray]" not in workspace.run_in_process("state", "rebuild").err
    workspace.write("servers: {beta: {}}\n")
    ran = rebuild(workspace)
    assert rows(ran) == {}
    assert f"the journal names {bought} as bought" in " ".join(ran.err.split())
    assert [row["id"] for row in json.loads(ran.out)["unclaimed"]] == [bought]


def test_a_purchase_whose_intent_cannot_be_read_is_not_made_again(workspace, proxy):
    """The line that says it was sent is damaged, and the server shows up only later."""
    gate = proxy.gate()
    proxy.on(gate.before, name="alpha")
    assert workspace.apply().code == 6
    gate.await_arrival()
    journal = state_file(workspace, "journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"intended"' in line)
    state_file(workspace).write_bytes(state_file(workspace, "backup").read_bytes())
    journal.write_bytes(b"".join([*lines[:at], lines[at].replace(b"purchase", b"purchasf"), *lines[at + 1 :]]))
    ran = rebuild(workspace)
    assert rows(ran) == {"alpha": "in_doubt"}
    assert workspace.apply().code == 6
    gate.open()
    gate.await_arrival()
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1}
    assert "No changes" in workspace.run_in_process("plan").out


def test_a_server_that_is_listed_under_a_name_which_only_reads_like_ours_is_told_before_another_is_bought(
    tmp_path, server
):
    sandbox, folder = SandboxControl(server.url), tmp_path / "alike"
    server.app = front(create_app(tmp_path / "alike.db", build_seconds=0.0), sandbox.token)
    (folder / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(folder, tmp_path / "alike.db", server.url)
    workspace.write("servers: {alpha: {}}\n")
    assert workspace.apply().code == 0
    identifier = owned(workspace)["alpha"][0]
    lists = ["ListAllDevServers", "ListDevServers"]
    sandbox.arm({"at": lists, "fault": "rewrite", "server": "alpha", "rows": {"name": "alph\u0430"}, "times": "always"})
    lose_everything(workspace)
    ran = rebuild(workspace)
    assert rows(ran) == {"alpha": "alike"}
    assert "alph\\\\u0430" in ran.out
    planned = workspace.run_in_process("plan")
    assert "Warning[name-alike]" in planned.text
    assert f"provisioner import 'alpha' {identifier}" in planned.words
    assert workspace.run_in_process("import", "alpha", identifier).code == 0
    assert owned(workspace)["alpha"][0] == identifier
    assert workspace.purchases == {"alpha": 1}
