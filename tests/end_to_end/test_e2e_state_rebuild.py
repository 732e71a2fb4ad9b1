"""A state that was damaged or lost is put together again: nothing is bought for it, nothing that was ours is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from support.disks import Died, DyingDisk, NumberedDisk
from support.fault_proxy import resetting
from support.site import PASSWORD, PREPAID, STACK, THREE, Sandbox, Site

from provisioner.cloud import AccessKey, connect, for_region
from provisioner.model.flow import Call, Effect, Service
from provisioner.model.secret import Secret
from provisioner.sandbox import PUBLIC, create_app
from provisioner.sandbox.serving import front
from provisioner.store.folder import store


@pytest.fixture
def applied(site):
    """Three servers over two runs: `alpha` and a prepaid `beta`, then `gamma`."""
    site.write(f"servers: {{alpha: {{}}, beta: {{charging_info: {PREPAID}}}}}\n")
    assert site.apply().code == 0
    site.write(THREE)
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1, "beta": 1, "gamma": 1}
    return site


def files(site):
    return {path.name: path.read_bytes() for path in (site.folder / "state").glob("test.*") if path.suffix != ".lock"}


def flip(path, share=0.5):
    content = path.read_bytes()
    at = int(len(content) * share)
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])


def state_file(site, suffix="json"):
    return site.folder / "state" / f"test.{suffix}"


def owned(site):
    return {address: (row["id"], row["order_id"], row["phase"]) for address, row in site.state()["resources"].items()}


def rows(ran):
    return {row["address"]: row["confidence"] for row in json.loads(ran.out)["rows"]}


def rebuild(site, *options):
    return site.here("state", "rebuild", "--auto-approve", "--json", *options)


def require_as_before(site, before):
    """Nothing to do, nothing bought for it, and what is recorded is what was."""
    assert owned(site) == before
    planned = site.here("plan", "--detailed-exitcode")
    assert planned.code == 0, planned.text
    assert "No changes" in planned.out
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1, "beta": 1, "gamma": 1}


def lose_state(site):
    state_file(site).unlink()


def lose_state_and_backup(site):
    state_file(site).unlink()
    state_file(site, "backup").unlink()


def flip_state(site):
    flip(state_file(site))


def empty_state(site):
    state_file(site).write_bytes(b"")


def lose_journal(site):
    state_file(site, "journal").unlink()


def flip_journal_in_the_middle(site):
    flip(state_file(site, "journal"))


def cut_journal_in_the_middle(site):
    content = state_file(site, "journal").read_bytes()
    state_file(site, "journal").write_bytes(content[: len(content) // 2])


def put_older_state_back_over_a_run(site):
    older = state_file(site, "backup").read_bytes()
    site.write(THREE.replace("{alpha: {}", "{alpha: {labels: {seen: again}}"))
    assert site.apply().code == 0
    state_file(site).write_bytes(older)


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
    assert applied.here("plan").code == 1
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
    assert "is taken from the specs" in ran.out
    require_as_before(applied, before)


def test_a_purchase_in_doubt_survives(site, proxy):
    site.write("servers: {alpha: {}, beta: {}}\n")
    proxy.on(resetting(executed=True), name="alpha")
    assert site.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    (before,) = in_doubt(site)
    flip_state(site)
    ran = rebuild(site)
    assert ran.code == 0, ran.text
    assert rows(ran) == {"alpha": "in_doubt", "beta": "certain"}
    assert in_doubt(site) == [before]
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1, "beta": 1}
    assert "No changes" in site.here("plan").out


def test_a_purchase_that_was_believed_absent_is_still_known(site, proxy):
    """It shows up after the rebuild, and is named as what it is: this address's, and bought twice."""
    site.write("servers: {alpha: {}}\n")
    gate = proxy.gate()
    proxy.on(gate.before, name="alpha")
    assert site.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    gate.await_arrival()
    assert site.here("resolve", "alpha", "--absent").code == 0
    gate.open()
    gate.await_arrival()
    (ghost,) = [entry.server_id for entry in site.ledger if entry.kind == "purchase"]
    before = site.state()["absent"]
    flip_state(site)
    ran = rebuild(site)
    assert ran.code == 0, ran.text
    assert json.loads(ran.out)["believed_absent"] == [{"address": "alpha", "name": "alpha"}]
    assert site.state()["absent"] == before
    said = " ".join(site.here("plan").text.split())
    assert f"resolve 'alpha' --adopt {ghost}" in said


def in_doubt(site):
    return json.loads(site.here("show", "--json").out)["in_doubt"]


@pytest.fixture
def stranger(applied, tmp_path):
    """Somebody else's server, bought from another folder and then given the name of one of ours."""

    def appear(name):
        folder = tmp_path / "another"
        (folder / "state").mkdir(parents=True, mode=0o700)
        other = Site(folder, applied.world, applied.endpoint)
        other.write("servers: {passing: {}}\n")
        assert other.apply().code == 0
        identifier = other.state()["resources"]["passing"]["id"]
        send(applied, "PUT", identifier, body={"name": name})
        return identifier

    return appear


def send(site, method, identifier, *, body=None):
    """What somebody else does with a server, who knows nothing of our state."""

    async def sending():
        endpoints = for_region(PUBLIC.region, dict.fromkeys(Service, site.endpoint))
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
    assert "No changes" in applied.here("plan").out


def test_where_records_are_whole_a_wanted_name_of_a_strangers_is_left_alone(applied, stranger):
    identifier = stranger("delta")
    applied.write(THREE.replace("gamma: {}", "gamma: {}, delta: {}"))
    flip_state(applied)
    ran = rebuild(applied)
    assert rows(ran)["delta"] == "unknown"
    assert "it is a stranger's" in ran.out
    assert "delta" not in owned(applied)
    planned = applied.here("plan")
    assert planned.code == 4
    assert identifier in planned.text


def test_of_two_servers_of_one_name_none_is_chosen(applied, stranger):
    ours, theirs = owned(applied)["alpha"][0], stranger("alpha")
    lose_everything(applied)
    ran = applied.here("state", "rebuild", "--auto-approve")
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
    planned = applied.here("plan")
    assert "Warning[vanished]: gamma" in planned.out
    assert "No changes" in planned.out


def lose_everything(site):
    for suffix in ("json", "journal", "backup"):
        state_file(site, suffix).unlink()


def test_an_older_pair_is_whole_and_is_brought_up_to_date_on_request(site):
    """State and journal of the first run: no file shows to somebody else that anything is missing."""
    assert site.apply().code == 0
    older = {suffix: state_file(site, suffix).read_bytes() for suffix in ("json", "journal")}
    site.write("servers: {alpha: {}, beta: {}}\n")
    assert site.apply().code == 0
    before = owned(site)
    for suffix, content in older.items():
        state_file(site, suffix).write_bytes(content)
    assert "state-older" in site.here("plan").err
    site.environment["XDG_STATE_HOME"] = str(site.folder / "of somebody else")
    assert "name-taken" in site.here("plan").out
    assert site.apply().code == 4
    unforced = site.here("state", "rebuild", "--auto-approve")
    assert unforced.code == 0
    assert "Nothing is damaged" in unforced.out
    assert rows(rebuild(site, "--force")) == {"alpha": "certain", "beta": "likely"}
    assert owned(site) == before
    assert "No changes" in site.here("plan").out
    assert site.purchases == {"alpha": 1, "beta": 1}


def test_a_marked_server_that_an_older_pair_lacks_is_placed_on_request(site, proxy):
    site.write("servers: {beta: {}}\n")
    assert site.apply().code == 0
    older = {suffix: state_file(site, suffix).read_bytes() for suffix in ("json", "journal")}
    site.write("servers: {alpha: {}, beta: {}}\n", stack=f"{STACK}purchase: {{marker: nonce}}\n")
    proxy.on(resetting(executed=True), name=None)
    assert site.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    for suffix, content in older.items():
        state_file(site, suffix).write_bytes(content)
    site.environment["XDG_STATE_HOME"] = str(site.folder / "of somebody else")
    said = " ".join(site.here("plan").out.split())
    assert "Error[untracked]" in said
    assert "provisioner import 'alpha'" in said
    ran = rebuild(site, "--force")
    assert rows(ran) == {"alpha": "certain", "beta": "certain"}
    assert json.loads(ran.out)["written"]
    assert site.apply().code == 0
    assert len(site.ledger) == 2
    assert "No changes" in site.here("plan").out


def test_passwords_are_neither_shown_nor_taken_for_changed(site):
    """The salt of their fingerprints is lost with the state, its backup and the first line of the journal."""
    site.environment["ALPHA_PASSWORD"] = PASSWORD
    site.write('servers: {alpha: {admin_pass: {secret: "env:ALPHA_PASSWORD"}, key_pair_name: null}}\n')
    assert site.apply().code == 0
    lose_state_and_backup(site)
    flip(state_file(site, "journal"), 0.001)
    before = files(site)
    del site.environment["ALPHA_PASSWORD"]
    refused = rebuild(site)
    assert refused.code == 1
    assert "secret-unavailable" in refused.err
    assert files(site) == before
    site.environment["ALPHA_PASSWORD"] = PASSWORD
    ran = rebuild(site)
    assert ran.code == 0, ran.text
    assert "Warning[rebuild-lineage-lost]" in ran.err
    assert "No changes" in site.here("plan").out
    assert PASSWORD.encode() not in b"".join([ran.text.encode(), *files(site).values()])


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
        with disk(DyingDisk(step)), pytest.raises(Died):
            rebuild(applied)
        if applied.here("plan").code != 0:
            ran = rebuild(applied)
            assert ran.code == 0, ran.text
            assert set(rows(ran).values()) == {"certain"}
        require_as_before(applied, before)


def put_back(site, whole):
    for name in files(site).keys() - whole.keys():
        (site.folder / "state" / name).unlink()
    for name, content in whole.items():
        (site.folder / "state" / name).write_bytes(content)


@contextlib.contextmanager
def disk(of_test):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "Disk", lambda: of_test)
        yield


def test_when_the_cloud_lists_none_of_them_the_credentials_are_asked_about(site):
    assert site.apply().code == 0
    send(site, "DELETE", owned(site)["alpha"][0])
    flip_state(site)
    ran = rebuild(site)
    assert rows(ran) == {"alpha": "recorded"}
    assert "Warning[rebuild-none-listed]" in ran.err


def test_an_id_that_no_line_gives_an_address_is_told(site):
    """Of the whole story only the answer to the purchase is left."""
    assert site.apply().code == 0
    bought = owned(site)["alpha"][0]
    lose_state_and_backup(site)
    journal = state_file(site, "journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"answered"' in line)
    journal.write_bytes(b"".join([*lines[: at - 1], b"unreadable\n", lines[at]]))
    assert "Warning[rebuild-stray]" not in site.here("state", "rebuild").err
    site.write("servers: {beta: {}}\n")
    ran = rebuild(site)
    assert rows(ran) == {}
    assert f"the journal names {bought} as bought" in " ".join(ran.err.split())
    assert [row["id"] for row in json.loads(ran.out)["unclaimed"]] == [bought]


def test_a_purchase_whose_intent_cannot_be_read_is_not_made_again(site, proxy):
    """The line that says it was sent is damaged, and the server shows up only later."""
    gate = proxy.gate()
    proxy.on(gate.before, name="alpha")
    assert site.apply().code == 6
    gate.await_arrival()
    journal = state_file(site, "journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"intended"' in line)
    state_file(site).write_bytes(state_file(site, "backup").read_bytes())
    journal.write_bytes(b"".join([*lines[:at], lines[at].replace(b"purchase", b"purchasf"), *lines[at + 1 :]]))
    ran = rebuild(site)
    assert rows(ran) == {"alpha": "in_doubt"}
    assert site.apply().code == 6
    gate.open()
    gate.await_arrival()
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1}
    assert "No changes" in site.here("plan").out


def test_a_server_that_is_listed_under_a_name_which_only_reads_like_ours_is_told_before_another_is_bought(
    tmp_path, server
):
    sandbox, folder = Sandbox(server.url), tmp_path / "alike"
    server.app = front(create_app(tmp_path / "alike.db", build_seconds=0.0), sandbox.token)
    (folder / "state").mkdir(parents=True, mode=0o700)
    site = Site(folder, tmp_path / "alike.db", server.url)
    site.write("servers: {alpha: {}}\n")
    assert site.apply().code == 0
    identifier = owned(site)["alpha"][0]
    lists = ["ListAllDevServers", "ListDevServers"]
    sandbox.arm({"at": lists, "fault": "rewrite", "server": "alpha", "rows": {"name": "alph\u0430"}, "times": "always"})
    lose_everything(site)
    ran = rebuild(site)
    assert rows(ran) == {"alpha": "alike"}
    assert "alph\\\\u0430" in ran.out
    planned = site.here("plan")
    assert "Warning[name-alike]" in planned.text
    assert f"provisioner import 'alpha' {identifier}" in " ".join(planned.text.split())
    assert site.here("import", "alpha", identifier).code == 0
    assert owned(site)["alpha"][0] == identifier
    assert site.purchases == {"alpha": 1}
