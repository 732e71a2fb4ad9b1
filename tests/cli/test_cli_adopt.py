"""adopt: which servers it lists, how they are chosen, and what happens when one does not fit: specs and state stay as they are."""

from __future__ import annotations

import errno
import io
import re

import pytest
from support.cli_runner import STACK

from provisioner.cli.adopt import parse_numbers
from provisioner.disk import Disk

FLEET = "servers: {edge: {}, node: {count: 3}}\n"


@pytest.fixture
def inherited(cli):
    cli.write_specs(FLEET)
    cli.apply()
    for file in cli.state.glob("demo*"):
        file.unlink()
    cli.write_specs("servers: {}\n")
    return cli


class Typed(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(cli) -> list[str]:
    return sorted(file.name for file in (cli.path / "specs").iterdir())


def test_without_a_choice_it_only_lists(inherited) -> None:
    ran = inherited.run("adopt")
    assert ran.code == 0
    assert "4 servers that no address of this state owns" in ran.out
    assert "`provisioner adopt --all`, or `provisioner adopt --match`" in ran.err
    assert (inherited.state_files(), written(inherited)) == ({}, ["servers.yaml", "stack.yaml"])


def test_machines_get_a_document(inherited) -> None:
    document = inherited.run("adopt", "--json").document
    assert [one["name"] for one in document["unmanaged"]] == ["edge", "node-0", "node-1", "node-2"]
    assert document["adopted"] == []
    document = inherited.run("adopt", "--json", "--all", "--auto-approve").document
    assert document["adopted"] == ["edge", "node-0", "node-1", "node-2"]
    assert document["file"] == "specs/adopted.yaml"
    assert document["requests"] <= 10


def test_a_person_chooses_by_number_and_says_yes(inherited, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", Typed("1,3-4\nyes\n"))
    ran = inherited.run("adopt")
    assert ran.code == 0, ran.text
    assert "From then on `destroy` releases them." in ran.err
    assert inherited.run("state", "list").out.split() == ["edge", "node-1", "node-2"]
    assert inherited.run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("typed", ["9\n", "none\n", "\n", "3-1\n", "1;2\n"])
def test_what_cannot_be_read_chooses_none(inherited, monkeypatch, typed) -> None:
    monkeypatch.setattr("sys.stdin", Typed(typed))
    assert inherited.run("adopt").code == 0
    assert (inherited.state_files(), written(inherited)) == ({}, ["servers.yaml", "stack.yaml"])


def test_a_choice_that_is_not_approved_changes_nothing(inherited, monkeypatch) -> None:
    inherited.assert_fails("adopt", "--all", code="no-approval", exit_code=8)
    monkeypatch.setattr("sys.stdin", Typed("all\nno\n"))
    assert inherited.run("adopt").code == 8
    assert (inherited.state_files(), written(inherited)) == ({}, ["servers.yaml", "stack.yaml"])


def test_numbers_and_spans_of_them() -> None:
    assert parse_numbers("2, 4-6", 9) == {2, 4, 5, 6}
    assert parse_numbers("ALL", 3) == {1, 2, 3}
    assert parse_numbers("1-999999999", 3) == frozenset()


def test_hidden_fields_that_every_server_needs_are_asked_for(inherited) -> None:
    without = "\n".join(line for line in STACK.splitlines() if "security_group_id" not in line)
    inherited.write_stack(without)
    said = inherited.assert_fails("adopt", "--all", "--auto-approve", code="adopt-unfit").stderr_text
    assert "network.security_group_id is required and missing" in said
    assert "under `defaults:` in stack.yaml" in said
    assert (inherited.state_files(), written(inherited)) == ({}, ["servers.yaml", "stack.yaml"])


def test_servers_unlike_the_defaults_are_written_in_full(inherited) -> None:
    group = "150a2c76-1334-45f6-b28f-419f9b1d1742"
    inherited.write_stack(
        "stack: demo\ncloud: sandbox\nregion: cn-north-4\ndefaults:\n  flavor: other\n  key_pair_name: mine\n"
        f"  network: {{security_group_id: {group}}}\n"
    )
    assert inherited.run("adopt", "--all", "--auto-approve").code == 0
    text = (inherited.path / "specs" / "adopted.yaml").read_text()
    assert "flavor: Si2.large.4" in text
    assert "key_pair_name: ops" in text
    assert inherited.run("plan", "--detailed-exitcode").code == 0


def test_a_server_that_the_specs_want_already_is_that_address(inherited) -> None:
    inherited.write_specs("servers: {gate: {name: edge}, node: {count: 2}}\n")
    assert inherited.run("adopt", "--all", "--auto-approve").code == 0
    assert inherited.run("state", "list").out.split() == ["gate", "node[0]", "node[1]", "node-2"]
    assert inherited.run("plan", "--detailed-exitcode").code == 0


def test_a_difference_from_what_the_specs_want_leaves_all_as_it_was(inherited) -> None:
    inherited.write_specs("servers: {edge: {flavor: Si2.xlarge.4}}\n")
    assert (
        "has flavor 'Si2.large.4'"
        in inherited.assert_fails("adopt", "--all", "--auto-approve", code="adopt-unfit").stderr_text
    )
    assert written(inherited) == ["servers.yaml", "stack.yaml"]


def test_a_folder_that_cannot_be_written_leaves_all_as_it_was(inherited, monkeypatch) -> None:
    def read_only(*_arguments):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Disk, "open_shared", read_only)
    inherited.assert_fails("adopt", "--all", "--auto-approve", code="adopt-not-written")


def test_a_link_beside_the_new_specs_is_not_written_through(inherited) -> None:
    """A temporary file of a name that anybody can guess would be."""
    mine = inherited.path / "mine"
    mine.write_text("mine\n")
    (inherited.path / "specs" / ".adopted.yaml.part").symlink_to(mine)
    (inherited.path / "specs" / ".adopted.yaml.new").symlink_to(mine)
    assert inherited.run("adopt", "--all", "--auto-approve").code == 0
    assert mine.read_text() == "mine\n"
    assert (inherited.path / "specs" / "adopted.yaml").is_file()


def test_a_name_of_which_nobody_owns_a_server(inherited) -> None:
    inherited.assert_fails("adopt", "--match", "trainer-*", "--auto-approve", code="unknown-server")


def test_specs_that_are_wrong_come_first(inherited) -> None:
    inherited.write_specs("servers: {edge: {flavour: x}}\n")
    inherited.assert_fails("adopt", "--all", "--auto-approve", code="unknown-field")


def test_files_of_earlier_adoptions_stay_as_they_are(inherited) -> None:
    assert inherited.run("adopt", "--match", "edge", "--auto-approve").code == 0
    first = (inherited.path / "specs" / "adopted.yaml").read_text()
    assert inherited.run("adopt", "--all", "--auto-approve").code == 0
    assert (inherited.path / "specs" / "adopted.yaml").read_text() == first
    assert "node-2" in (inherited.path / "specs" / "adopted-2.yaml").read_text()
    assert inherited.run("adopt").out.startswith("No changes.")


def test_what_another_stack_of_the_same_folder_holds_stays_there(cli) -> None:
    cli.write_specs(FLEET)
    cli.apply()
    cli.write_stack(stack="other")
    cli.write_specs("servers: {mine: {}}\n")
    assert cli.run("adopt").out.count("it is recorded in the state demo") == 4
    assert cli.run("adopt", "--all", "--auto-approve").code == 0
    edge = next(one["id"] for one in cli.run("adopt", "--json").document["unmanaged"] if one["name"] == "edge")
    cli.assert_fails("import", "mine", edge, code="server-owned")
    assert written(cli) == ["servers.yaml", "stack.yaml"]


def test_what_was_adopted_and_destroyed_stands_in_nobodys_way_and_is_not_bought_unasked(inherited) -> None:
    inherited.run("adopt", "--match", "edge", "--auto-approve")
    inherited.write_specs("servers: {other: {}}\n")
    inherited.apply()
    assert inherited.run("destroy", "--auto-approve").code == 0
    bought = len(inherited.bought())
    planned = inherited.run("plan")
    assert planned.code == 0, planned.text
    assert "Warning[import-done]: edge has no server" in planned.out
    assert "Plan: 1 to add" in planned.out
    inherited.apply()
    assert len(inherited.bought()) == bought + 1
    adopted = inherited.path / "specs" / "adopted.yaml"
    adopted.write_text(re.sub(r"(?m)^imports:\n( .*\n)+", "", adopted.read_text()))
    assert "# edge will be created" in inherited.run("plan").out
