"""A kind that the tool has never seen lives a whole life beside the servers, and not one file of the tool knows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.bucket_kind import catalogue
from support.bucket_server import BucketServer
from support.site import STACK, Site

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import LoopbackOnly

DONE, FAILED, REFUSED, IN_DOUBT = 0, 1, 4, 6
SECTIONED = STACK + "  buckets: {size: 5}\n"


@pytest.fixture
def buckets(server, tmp_path, clock):
    world = tmp_path / "world" / "world.db"
    buckets = BucketServer(LoopbackOnly(create_app(world, build_seconds=0.0, clock=clock), clock), clock)
    server.app = buckets
    return buckets


@pytest.fixture
def site(tmp_path, server, buckets):
    (tmp_path / "site" / "state").mkdir(parents=True, mode=0o700)
    site = Site(tmp_path / "site", tmp_path / "world" / "world.db", server.url, catalogue=catalogue)
    site.write("buckets: {archive: {}}\n", stack=SECTIONED)
    yield site
    site.end()


def declare(site: Site, body: str, *, more: str = "") -> None:
    site.write(f"buckets: {{archive: {body}}}\n{more}", stack=SECTIONED)


def test_it_stands_beside_servers_with_defaults_of_its_own_and_may_bear_a_servers_name(site, buckets):
    declare(site, "{name: alpha}", more="servers: {alpha: {}}\n")
    assert site.here("validate").code == DONE
    applied = site.apply()
    assert applied.code == DONE, applied.text
    assert (buckets.by_name("alpha")["size"], buckets.by_name("alpha")["acl"]) == (5, "private")
    assert site.purchases == {"alpha": 1}
    assert site.here("plan", "--detailed-exitcode").code == DONE


def test_a_whole_life(site, buckets):
    assert site.apply().code == DONE
    assert site.here("plan").out == "No changes. Your buckets match the specs.\n"
    assert site.here("drift").out == "No drift. 1 bucket as recorded.\n"
    assert site.here("validate").out == "Success! The specs are valid: 1 bucket.\n"
    made = buckets.by_name("archive")["id"]
    declare(site, "{name: shelf, acl: public-read}")
    assert site.apply().code == DONE
    assert (buckets.by_name("shelf")["id"], buckets.by_name("shelf")["acl"]) == (made, "public-read")
    declare(site, "{name: shelf, size: 6}")
    planned = site.here("plan")
    assert "forces replacement" in planned.out, planned.text
    assert site.apply().code == DONE
    assert buckets.by_name("shelf")["id"] != made
    ended = site.here("destroy", "--auto-approve")
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


def test_one_that_exists_is_imported_and_its_drift_is_told_and_mended(site, buckets):
    declare(site, "{acl: private}")
    buckets.answer("POST", None, {"name": "archive", "size": 5, "acl": "private"})
    refused = site.here("apply", "--auto-approve")
    assert (refused.code, "a bucket named 'archive' exists" in refused.text) == (REFUSED, True), refused.text
    imported = site.here("import", "archive", "bucket-1")
    assert imported.code == DONE, imported.text
    assert site.here("plan", "--detailed-exitcode").code == DONE
    buckets.answer("PUT", "bucket-1", {"acl": "public-read"})
    drift = site.here("drift")
    assert '"private" -> "public-read"' in drift.out, drift.text
    assert site.apply().code == DONE
    assert buckets.by_name("archive")["acl"] == "private"
    buckets.answer("DELETE", "bucket-1", {})
    gone = site.here("plan")
    assert "the cloud no longer knows bucket bucket-1" in gone.text, gone.text


def test_the_id_of_a_server_is_none_of_a_bucket(site, buckets):
    site.write("servers: {alpha: {}}\n", stack=SECTIONED)
    assert site.apply().code == DONE
    (server,) = [row["id"] for row in json.loads(site.here("show", "--json").out)["resources"]]
    declare(site, "{}", more="servers: {alpha: {}}\n")
    refused = site.here("import", "archive", server)
    assert f"the cloud lists no bucket {server}" in refused.text, refused.text


def test_a_lost_reply_leaves_one_bucket_whatever_else_bears_its_name(site, buckets):
    declare(site, "{name: alpha}", more="servers: {alpha: {}}\n")
    buckets.lose_reply("POST", executed=True)
    applied = site.apply()
    assert applied.code == DONE, applied.text
    assert buckets.ledger == [("created", "alpha")]
    assert site.here("plan", "--detailed-exitcode").code == DONE


def test_a_request_that_was_lost_is_in_doubt_and_sent_again_once_it_is_known_to_be_absent(site, buckets, clock):
    soon = "purchase: {quiet_period: 1m, unsafe_quiet_period: true}\n"
    site.write("buckets: {archive: {}}\n", stack=SECTIONED + soon)
    buckets.lose_reply("POST", executed=False)
    left = site.apply("--resolve-timeout", "0s")
    assert left.code == IN_DOUBT, left.text
    doubt = site.here("plan")
    assert "no bucket of that name is listed" in doubt.text, doubt.text
    assert site.apply("--resolve-timeout", "0s").code == IN_DOUBT
    assert buckets.ledger == []
    clock.advance(2 * 60)
    again = site.apply()
    assert again.code == DONE, again.text
    assert buckets.ledger == [("created", "archive")]


def test_a_lost_release_is_seen_to_be_done(site, buckets):
    assert site.apply().code == DONE
    buckets.lose_reply("DELETE", executed=True)
    assert site.here("destroy", "--auto-approve").code != DONE
    ended = site.here("destroy", "--auto-approve")
    assert ended.code == DONE, ended.text
    assert [verb for verb, _ in buckets.ledger] == ["created", "deleted"]
    assert json.loads(site.here("show", "--json").out)["resources"] == []


def test_the_id_of_a_bucket_is_told_as_known_later_and_nothing_that_only_a_server_has(site):
    planned = site.here("plan")
    assert "+ id" in planned.out
    assert "private_address" not in planned.out
    assert "server" not in planned.text, planned.text


def test_its_facts_are_outputs_and_it_is_no_host(site):
    declare(site, "{}", more="outputs: {where: '{{ buckets.archive.endpoint }}'}\n")
    applied = site.apply()
    assert 'where = "bucket-1.buckets.invalid"' in applied.out, applied.text
    declare(site, "{}")
    recorded = json.loads(site.here("output", "--json").out)["archive"]
    assert recorded == {
        "id": "bucket-1",
        "name": "archive",
        "order_id": None,
        "status": "ACTIVE",
        "endpoint": "bucket-1.buckets.invalid",
        "labels": {},
    }
    inventory = site.here("inventory", "--format", "json")
    assert "archive" not in inventory.text, inventory.text


def test_an_output_that_asks_for_what_it_has_not_is_told_before_anything_is_made(site, buckets):
    declare(site, "{}", more="outputs: {where: '{{ buckets.archive.private_address }}'}\n")
    refused = site.apply()
    assert "buckets.archive.private_address does not exist" in refused.text, refused.text
    assert buckets.ledger == []


def test_a_replacement_can_be_made_before_the_release(site, buckets):
    declare(site, "{lifecycle: {create_before_destroy: true}}")
    assert site.apply().code == DONE
    declare(site, "{size: 6, lifecycle: {create_before_destroy: true}}")
    applied = site.apply()
    assert applied.code == DONE, applied.text
    assert buckets.ledger == [("created", "archive"), ("created", "archive"), ("deleted", "archive")]
    assert buckets.by_name("archive")["size"] == 6


def test_it_moves_to_another_address_and_a_saved_plan_carries_it(site, buckets):
    assert site.apply().code == DONE
    site.write("buckets: {shelf: {name: archive}}\nmoved: [{from: archive, to: shelf}]\n", stack=SECTIONED)
    assert site.here("plan", "--out", "moved.plan").code == DONE
    applied = site.here("apply", "moved.plan")
    assert applied.code == DONE, applied.text
    assert buckets.ledger == [("created", "archive")]
    assert [row["address"] for row in json.loads(site.here("show", "--json").out)["resources"]] == ["shelf"]


def test_one_that_nobody_owns_is_adopted_into_its_section(site, buckets):
    site.write("", stack=SECTIONED)
    buckets.answer("POST", None, {"name": "archive", "size": 7, "acl": "public-read"})
    adopted = site.here("adopt", "--all", "--auto-approve")
    assert adopted.code == DONE, adopted.text
    written = (site.folder / "specs" / "adopted.yaml").read_text()
    assert "buckets:\n  archive:\n    name: archive\n    size: 7\n    acl: public-read\n" in written, written
    assert site.here("plan", "--detailed-exitcode").code == DONE


def test_a_tool_that_does_not_know_the_kind_says_so_and_changes_nothing(site, buckets):
    assert site.apply().code == DONE
    site.catalogue = Site.catalogue
    site.write("servers: {alpha: {}}\n")
    refused = site.apply()
    assert (refused.code, "Error[kind-unknown]" in refused.text) == (FAILED, True), refused.text
    assert (buckets.ledger, site.purchases) == ([("created", "archive")], {})


def test_what_it_cannot_do_is_refused_or_comes_to_nothing(site, buckets):
    site.write("buckets: {a: {count: 2, order: together}}\n", stack=SECTIONED)
    refused = site.here("validate")
    assert "order: together is not for resources of this kind" in refused.text, refused.text
    site.write("buckets: {archive: {}}\n", stack=SECTIONED)
    assert site.apply().code == DONE
    assert site.here("plan", "--reinstall", "archive").out == "No changes. Your buckets match the specs.\n"
    assert site.here("expiring").code == DONE
    assert site.here("orders", "list").out == "No orders.\n"
    assert buckets.ledger == [("created", "archive")]


def test_it_is_bought_under_a_marker_in_waves_and_labelled_without_a_call(site, buckets):
    nonce = SECTIONED + "purchase: {marker: nonce}\n"
    three = "count: 3, name: 'data-{{ count.index }}', rollout: [1, 2]"
    site.write(f"buckets: {{a: {{{three}}}}}\n", stack=nonce)
    applied = site.apply()
    assert applied.code == DONE, applied.text
    assert {one["name"] for one in buckets.buckets.values()} == {"data-0", "data-1", "data-2"}
    calls = len(buckets.ledger)
    site.write(f"buckets: {{a: {{{three}, labels: {{team: vision}}}}}}\n", stack=nonce)
    assert site.apply().code == DONE
    assert len(buckets.ledger) == calls
    assert site.here("plan", "--detailed-exitcode").code == DONE


def test_a_lost_state_is_rebuilt_from_what_the_cloud_lists(site):
    declare(site, "{}", more="servers: {archive-server: {name: archive}}\n")
    assert site.apply().code == DONE
    for file in (site.folder / "state").glob("test.*"):
        file.unlink()
    rebuilt = site.here("state", "rebuild", "--auto-approve", "--force")
    assert (rebuilt.code, "Rebuilt: 2 resources" in rebuilt.text) == (DONE, True), rebuilt.text
    assert site.here("plan", "--detailed-exitcode").code == DONE


def test_not_one_file_of_the_tool_knows_it():
    ours = Path(__file__).parents[2] / "provisioner"
    tool = [path for path in ours.rglob("*.py") if "sandbox" not in path.parts]
    assert [path for path in tool if '"bucket' in path.read_text() or "/buckets" in path.read_text()] == []
