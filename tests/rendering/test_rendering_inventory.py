"""Inventories: what other tools read out of them is what was meant, whatever foreign text says."""

from __future__ import annotations

import json
import subprocess
import unicodedata
from shlex import quote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.address import Address
from provisioner.model.inventory import Host, Inventory, UnreachableServer
from provisioner.rendering.inventory import FORMATS, render_inventory


class Reader(yaml.SafeLoader):
    """Knows Ansible's word for a text that is no template."""


Reader.add_constructor("!unsafe", lambda loader, node: ("unsafe", loader.construct_scalar(node)))


def host(address: str, private: str = "192.168.0.1", *public: str, **facts) -> Host:
    name = address.replace("[", "-").replace('"', "").strip("]")
    known = {"name": name, "status": "RUNNING", "private_addresses": (private,), "public_addresses": public}
    return Host(Address.parse(address), f"id-of-{name}", **(known | facts))


def inventory(*hosts: Host, left_out: tuple[UnreachableServer, ...] = ()) -> Inventory:
    groups: dict[str, list[Host]] = {}
    for one in hosts:
        if one.address.key is not None:
            groups.setdefault(str(Address(one.address.name, modules=one.address.modules)), []).append(one)
    return Inventory("demo", "dev", hosts, {key: tuple(value) for key, value in groups.items()}, left_out)


FLEET = inventory(
    host("gateway", "192.168.0.1", "80.1.2.3", labels={"team": "vision"}),
    host("trainer[2]", "192.168.0.2"),
    host("trainer[10]", "192.168.0.3"),
    host('pool["a"]', "fd00::7", labels={"team": "vision"}),
)


def ansible(made: Inventory, **how) -> dict:
    return yaml.load(render_inventory(made, form="ansible", **how).text, Loader=Reader)["all"]  # noqa: S506 - a SafeLoader


def environment(made: Inventory, tmp_path, **how) -> dict[str, str]:
    """As a shell understands it."""
    script = tmp_path / "env.sh"
    script.write_text(render_inventory(made, form="env", **how).text)
    names = [line.partition("=")[0] for line in script.read_text().splitlines() if not line.startswith("#")]
    print_all = "; ".join(f'printf "%s\\0" "${name}"' for name in names)
    told = subprocess.run(
        ["sh", "-euc", f". {quote(str(script))}; {print_all}"], capture_output=True, text=True, check=True
    )
    return dict(zip(names, told.stdout.split("\0"), strict=False))


def test_ansible_has_hosts_by_name_groups_in_rank_order_and_labels_as_groups():
    read = ansible(FLEET)
    assert list(read["hosts"]) == ["gateway", "trainer-2", "trainer-10", "pool-a"]
    assert {name: facts["ansible_host"] for name, facts in read["hosts"].items()}["pool-a"] == "fd00::7"
    assert read["hosts"]["trainer-10"]["provisioner_rank"] == 10
    assert read["hosts"]["pool-a"]["provisioner_key"] == "a"
    assert read["hosts"]["gateway"]["provisioner_labels"] == {"team": "vision"}
    groups = {name: list(group["hosts"]) for name, group in read["children"].items()}
    assert groups == {
        "trainer": ["trainer-2", "trainer-10"],
        "pool": ["pool-a"],
        "label_team_vision": ["gateway", "pool-a"],
    }


def test_an_inventory_without_hosts_is_one():
    assert ansible(inventory()) == {"hosts": {}, "children": {}}
    for form in FORMATS:
        assert render_inventory(inventory(), form=form).text


def test_a_label_is_no_program():
    """Ansible works out the templates that it finds in an inventory."""
    hostile = "{{ lookup('pipe', 'touch /tmp/owned') }}"
    facts = ansible(inventory(host("gateway", labels={"note": hostile}, status=hostile)))["hosts"]["gateway"]
    assert facts["provisioner_labels"] == {"note": ("unsafe", hostile)}
    assert facts["provisioner_status"] == ("unsafe", hostile)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(), max_size=3))
def test_every_label_is_read_as_it_was_written(labels):
    made = inventory(host("gateway", labels=labels))
    document = json.loads(render_inventory(made, form="json").text)
    assert document["hosts"][0]["labels"] == labels
    read = ansible(made)["hosts"]["gateway"]["provisioner_labels"]
    assert {key: value[1] if isinstance(value, tuple) else value for key, value in read.items()} == labels


@given(st.text(), st.sampled_from(sorted(FORMATS)))
def test_nothing_that_steers_a_terminal_comes_through(text, form):
    made = inventory(host("gateway", labels={"note": text}, status=text))
    told = render_inventory(made, form=form).text
    assert all(one.isprintable() or one in "\n\t" or unicodedata.category(one) == "Zs" for one in told)


def skipped(made: Inventory, form: str) -> dict[str, list[str]]:
    return {one.name: sorted(one.skipped) for one in render_inventory(made, form=form).clashes}


def test_labels_that_would_be_taken_for_one_make_no_group_and_the_rest_is_there():
    """Ansible's names are ASCII: each of these would be called label_team___."""
    made = inventory(
        host("gateway", labels={"team": "视觉", "zone": "a"}), host("edge", labels={"team": "语音"}), host("trainer[0]")
    )
    assert list(ansible(made)["children"]) == ["trainer", "label_zone_a"]
    assert list(ansible(made)["hosts"]) == ["gateway", "edge", "trainer-0"]
    assert skipped(made, "ansible") == {"label_team___": ["label team=视觉", "label team=语音"]}


def test_whose_name_needs_no_other_characters_keeps_it():
    made = inventory(host("a-b[0]", "192.168.0.1"), host("a_b[0]", "192.168.0.2"))
    assert list(ansible(made)["children"]["a_b"]["hosts"]) == ["a_b-0"]
    assert skipped(made, "ansible") == {"a_b": ["group a-b"]}


def test_a_label_never_merges_with_another_that_only_reads_like_it():
    made = inventory(host("gateway", labels={"a_b": "c"}), host("edge", labels={"a": "b_c"}))
    assert ansible(made)["children"] == {}
    assert skipped(made, "ansible") == {"label_a_b_c": ["label a=b_c", "label a_b=c"]}


def test_a_group_that_bears_a_name_of_ansible_s_own_gets_another():
    assert list(ansible(inventory(host("all[0]"), host("ungrouped[0]")))["children"]) == ["all_", "ungrouped_"]


def test_ssh_reaches_each_host_at_its_address(tmp_path):
    config = tmp_path / "config"
    config.write_text(render_inventory(FLEET, form="ssh-config").text)
    for name, address in {"gateway": "192.168.0.1", "trainer-10": "192.168.0.3", "pool-a": "fd00::7"}.items():
        told = subprocess.run(["ssh", "-G", "-F", config, name], capture_output=True, text=True, check=True)
        assert f"\nhostname {address}\n" in told.stdout


def test_hosts_has_a_line_a_server_in_the_order_of_ranks():
    lines = render_inventory(FLEET, form="hosts").text.splitlines()
    assert lines[0] == "# demo, environment dev: 4 servers"
    assert [line.split("\t")[:2] for line in lines[1:]] == [
        ["192.168.0.1", "gateway"],
        ["192.168.0.2", "trainer-2"],
        ["192.168.0.3", "trainer-10"],
        ["fd00::7", "pool-a"],
    ]


def test_a_shell_reads_hosts_and_groups_in_the_order_of_ranks(tmp_path):
    read = environment(FLEET, tmp_path)
    assert read["GATEWAY_ADDRESS"] == "192.168.0.1"
    assert read["GATEWAY_PUBLIC_ADDRESSES"] == "80.1.2.3"
    assert read["TRAINER_10_ID"] == "id-of-trainer-10"
    assert (read["TRAINER_COUNT"], read["TRAINER_ADDRESSES"]) == ("2", "192.168.0.2 192.168.0.3")
    assert read["POOL_NAMES"] == "pool-a"


@pytest.mark.parametrize(
    ("hosts", "left_out"),
    [
        ((host("a-b"), host("a_b")), {"server a-b", "server a_b"}),
        ((host("a"), host("a-private[0]"), host("a-private[1]")), {"server a", "group a-private"}),
        ((host('pool["x"]'), host('pool["X"]')), {'server pool["x"]', 'server pool["X"]'}),
    ],
)
def test_who_would_have_variables_of_one_name_has_none_and_the_rest_has_theirs(hosts, left_out, tmp_path):
    made = inventory(*hosts, host("gateway"))
    assert {one for names in skipped(made, "env").values() for one in names} == left_out
    assert environment(made, tmp_path)["GATEWAY_ID"] == "id-of-gateway"


def test_public_addresses_are_used_where_that_is_asked_for(tmp_path):
    made = inventory(host("gateway", "192.168.0.1", "80.1.2.3"))
    assert ansible(made, public=True)["hosts"]["gateway"]["ansible_host"] == "80.1.2.3"
    assert environment(made, tmp_path, public=True)["GATEWAY_ADDRESS"] == "80.1.2.3"
    assert "80.1.2.3\tgateway" in render_inventory(made, form="hosts", public=True).text


def test_how_many_are_left_out_stands_in_every_text():
    made = inventory(host("gateway"), left_out=(UnreachableServer(Address("trainer", 0), "it is being built"),))
    for form in FORMATS.keys() - {"json"}:
        assert render_inventory(made, form=form).text.startswith("# demo, environment dev: 1 server, 1 left out\n")
    document = json.loads(render_inventory(made, form="json").text)
    assert document["left_out"] == [{"address": "trainer[0]", "reason": "it is being built"}]
