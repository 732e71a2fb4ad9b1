"""A kind that the tool has never seen lives a whole life beside the servers, and not one file of the tool knows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.bucket_kind import catalogue
from support.bucket_server import BucketServer
from support.process_workspace import STACK, ProcessWorkspace

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import LoopbackOnly

DONE, FAILED, REFUSED, IN_DOUBT = 0, 1, 4, 6
SECTIONED = STACK + "  buckets: {size: 5}\n"


@pytest.fixture
def buckets(server, tmp_path, clock):
    sandbox_db = tmp_path / "world" / "world.db"
    buckets = BucketServer(LoopbackOnly(create_app(sandbox_db, build_seconds=0.0, clock=clock), clock), clock)
    server.app = buckets
    return buckets


@pytest.fixture
def workspace(tmp_path, server, buckets):
    (tmp_path / "workspace" / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(
        tmp_path / "workspace", tmp_path / "world" / "world.db", server.url, catalogue=catalogue
    )
    workspace.write("buckets: {archive: {}}\n", stack=SECTIONED)
    yield workspace
    workspace.end()


def declare(workspace: ProcessWorkspace, body: str, *, more: str = "") -> None:
    workspace.write(f"buckets: {{archive: {body}}}\n{more}", stack=SECTIONED)


def test_it_stands_beside_servers_with_defaults_of_its_own_and_may_bear_a_servers_name(workspace, buckets):
    declare(workspace, "{name: alpha}", more="servers: {alpha: {}}\n")
    assert workspace.run_in_process("validate").code == DONE
    applied = workspace.apply()
    assert applied.code == DONE, applied.text
    assert (buckets.by_name("alpha")["size"], buckets.by_name("alpha")["acl"]) == (5, "private")
    assert workspace.purchases == {"alpha": 1}
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == DONE


def test_a_whole_life(workspace, buckets):
    assert workspace.apply().code == DONE
    assert workspace.run_in_process("plan").out == "No changes. Your buckets match the specs.\n"
    assert workspace.run_in_process("drift").out == "No drift. 1 bucket as recorded.\n"
    assert workspace.run_in_process("validate").out == "Success! The specs are valid: 1 bucket.\n"
    made = buckets.by_name("archive")["id"]
    declare(workspace, "{name: shelf, acl: public-read}")
    assert workspace.apply().code == DONE
    assert (buckets.by_name("shelf")["id"], buckets.by_name("shelf")["acl"]) == (made, "public-read")
    declare(workspace, "{name: shelf, size: 6}")
    planned = workspace.run_in_process("plan")
    assert "forces replacement" in planned.out, planned.text
    assert workspace.apply().code == DONE
    assert buckets.by_name("shelf")["id"] != made
    ended = workspace.run_in_process("destroy", "--auto-approve")
    assert (ended.code, "Destroy complete! Buckets: 1 destroyed." in ended.text, "billing" in ended.text) == (
        DONE,
        True,
        False,
    ), ended.text
    assert buckets.ledger == [
        ("created", "archive"),
        ("changed", "shelf"),
        ("deleted", "shelf"),
        ("created", "shelf"),
        ("deleted", "shelf"),
    ]


def test_one_that_exists_is_imported_and_its_drift_is_told_and_mended(workspace, buckets):
    declare(workspace, "{acl: private}")
    buckets.answer("POST", None, {"name": "archive", "size": 5, "acl": "private"})
    refused = workspace.run_in_process("apply", "--auto-approve")
    assert (refused.code, "a bucket named 'archive' exists" in refused.text) == (REFUSED, True), refused.text
    imported = workspace.run_in_process("import", "archive", "bucket-1")
    assert imported.code == DONE, imported.text
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == DONE
    buckets.answer("PUT", "bucket-1", {"acl": "public-read"})
    drift = workspace.run_in_process("drift")
    assert '"private" -> "public-read"' in drift.out, drift.text
    assert workspace.apply().code == DONE
    assert buckets.by_name("archive")["acl"] == "private"
    buckets.answer("DELETE", "bucket-1", {})
    gone = workspace.run_in_process("plan")
    assert "the cloud no longer knows bucket bucket-1" in gone.text, gone.text


def test_the_id_of_a_server_is_none_of_a_bucket(workspace, buckets):
    workspace.write("servers: {alpha: {}}\n", stack=SECTIONED)
    assert workspace.apply().code == DONE
    (server,) = [row["id"] for row in json.loads(workspace.run_in_process("show", "--json").out)["resources"]]
    declare(workspace, "{}", more="servers: {alpha: {}}\n")
    refused = workspace.run_in_process("import", "archive", server)
    assert f"the cloud lists no bucket {server}" in refused.text, refused.text


def test_a_lost_reply_leaves_one_bucket_whatever_else_bears_its_name(workspace, buckets):
    declare(workspace, "{name: alpha}", more="servers: {alpha: {}}\n")
    buckets.lose_reply("POST", executed=True)
    applied = workspace.apply()
    assert applied.code == DONE, applied.text
    assert buckets.ledger == [("created", "alpha")]
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == DONE


def test_a_request_that_was_lost_is_in_doubt_and_sent_again_once_it_is_known_to_be_absent(workspace, buckets, clock):
    soon = "purchase: {quiet_period: 1m, unsafe_quiet_period: true}\n"
    workspace.write("buckets: {archive: {}}\n", stack=SECTIONED + soon)
    buckets.lose_reply("POST", executed=False)
    left = workspace.apply("--resolve-timeout", "0s")
    assert left.code == IN_DOUBT, left.text
    doubt = workspace.run_in_process("plan")
    assert "no bucket of that name is listed" in doubt.text, doubt.text
    assert workspace.apply("--resolve-timeout", "0s").code == IN_DOUBT
    assert buckets.ledger == []
    clock.advance(2 * 60)
    again = workspace.apply()
    assert again.code == DONE, again.text
    assert buckets.ledger == [("created", "archive")]


def test_a_lost_release_is_seen_to_be_done(workspace, buckets):
    assert workspace.apply().code == DONE
    buckets.lose_reply("DELETE", executed=True)
    assert workspace.run_in_process("destroy", "--auto-approve").code != DONE
    ended = workspace.run_in_process("destroy", "--auto-approve")
    assert ended.code == DONE, ended.text
    assert [verb for verb, _ in buckets.ledger] == ["created", "deleted"]
    assert json.loads(workspace.run_in_process("show", "--json").out)["resources"] == []


def test_the_id_of_a_bucket_is_told_as_known_later_and_nothing_that_only_a_server_has(workspace):
    planned = workspace.run_in_process("plan")
    assert "+ id" in planned.out
    assert "private_address" not in planned.out
    assert "server" not in planned.text, planned.text


def test_its_facts_are_outputs_and_it_is_no_host(workspace):
    declare(workspace, "{}", more="outputs: {where: '{{ buckets.archive.endpoint }}'}\n")
    applied = workspace.apply()
    assert 'where = "bucket-1.buckets.invalid"' in applied.out, applied.text
    declare(workspace, "{}")
    recorded = json.loads(workspace.run_in_process("output", "--json").out)["archive"]
    assert recorded == {
        "id": "bucket-1",
        "name": "archive",
        "order_id": None,
        "status": "ACTIVE",
        "endpoint": "bucket-1.buckets.invalid",
        "labels": {},
    }
    inventory = workspace.run_in_process("inventory", "--format", "json")
    assert "archive" not in inventory.text, inventory.text


def test_an_output_that_asks_for_what_it_has_not_is_told_before_anything_is_made(workspace, buckets):
    declare(workspace, "{}", more="outputs: {where: '{{ buckets.archive.private_address }}'}\n")
    refused = workspace.apply()
    assert "buckets.archive.private_address does not exist" in refused.text, refused.text
    assert buckets.ledger == []


def test_a_replacement_can_be_made_before_the_release(workspace, buckets):
    declare(workspace, "{lifecycle: {create_before_destroy: true}}")
    assert workspace.apply().code == DONE
    declare(workspace, "{size: 6, lifecycle: {create_before_destroy: true}}")
    applied = workspace.apply()
    assert applied.code == DONE, applied.text
    assert buckets.ledger == [("created", "archive"), ("created", "archive"), ("deleted", "archive")]
    assert buckets.by_name("archive")["size"] == 6


def test_it_moves_to_another_address_and_a_saved_plan_carries_it(workspace, buckets):
    assert workspace.apply().code == DONE
    workspace.write("buckets: {shelf: {name: archive}}\nmoved: [{from: archive, to: shelf}]\n", stack=SECTIONED)
    assert workspace.run_in_process("plan", "--out", "moved.plan").code == DONE
    applied = workspace.run_in_process("apply", "moved.plan")
    assert applied.code == DONE, applied.text
    assert buckets.ledger == [("created", "archive")]
    assert [row["address"] for row in json.loads(workspace.run_in_process("show", "--json").out)["resources"]] == [
        "shelf"
    ]


def test_one_that_nobody_owns_is_adopted_into_its_section(workspace, buckets):
    workspace.write("", stack=SECTIONED)
    buckets.answer("POST", None, {"name": "archive", "size": 7, "acl": "public-read"})
    adopted = workspace.run_in_process("adopt", "--all", "--auto-approve")
    assert adopted.code == DONE, adopted.text
    written = (workspace.folder / "specs" / "adopted.yaml").read_text()
    assert "buckets:\n  archive:\n    name: archive\n    size: 7\n    acl: public-read\n" in written, written
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == DONE


def test_a_tool_that_does_not_know_the_kind_says_so_and_changes_nothing(workspace, buckets):
    assert workspace.apply().code == DONE
    workspace.catalogue = ProcessWorkspace.catalogue
    workspace.write("servers: {alpha: {}}\n")
    refused = workspace.apply()
    assert (refused.code, "Error[kind-unknown]" in refused.text) == (FAILED, True), refused.text
    assert (buckets.ledger, workspace.purchases) == ([("created", "archive")], {})


def test_what_it_cannot_do_is_refused_or_comes_to_nothing(workspace, buckets):
    workspace.write("buckets: {a: {count: 2, order: together}}\n", stack=SECTIONED)
    refused = workspace.run_in_process("validate")
    assert "order: together is not for resources of this kind" in refused.text, refused.text
    workspace.write("buckets: {archive: {}}\n", stack=SECTIONED)
    assert workspace.apply().code == DONE
    assert (
        workspace.run_in_process("plan", "--reinstall", "archive").out == "No changes. Your buckets match the specs.\n"
    )
    assert workspace.run_in_process("expiring").code == DONE
    assert workspace.run_in_process("orders", "list").out == "No orders.\n"
    assert buckets.ledger == [("created", "archive")]


def test_it_is_bought_under_a_marker_in_waves_and_labelled_without_a_call(workspace, buckets):
    nonce = SECTIONED + "purchase: {marker: nonce}\n"
    three = "count: 3, name: 'data-{{ count.index }}', rollout: [1, 2]"
    workspace.write(f"buckets: {{a: {{{three}}}}}\n", stack=nonce)
    applied = workspace.apply()
    assert applied.code == DONE, applied.text
    assert {one["name"] for one in buckets.buckets.values()} == {"data-0", "data-1", "data-2"}
    calls = len(buckets.ledger)
    workspace.write(f"buckets: {{a: {{{three}, labels: {{team: vision}}}}}}\n", stack=nonce)
    assert workspace.apply().code == DONE
    assert len(buckets.ledger) == calls
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == DONE


def test_a_lost_state_is_rebuilt_from_what_the_cloud_lists(workspace):
    declare(workspace, "{}", more="servers: {archive-server: {name: archive}}\n")
    assert workspace.apply().code == DONE
    for file in (workspace.folder / "state").glob("test.*"):
        file.unlink()
    rebuilt = workspace.run_in_process("state", "rebuild", "--auto-approve", "--force")
    assert (rebuilt.code, "Rebuilt: 2 resources" in rebuilt.text) == (DONE, True), rebuilt.text
    assert workspace.run_in_process("plan", "--detailed-exitcode").code == DONE


def test_not_one_file_of_the_tool_knows_it():
    ours = Path(__file__).parents[2] / "provisioner"
    tool = [path for path in ours.rglob("*.py") if "sandbox" not in path.parts]
    assert [path for path in tool if '"bucket' in path.read_text() or "/buckets" in path.read_text()] == []
