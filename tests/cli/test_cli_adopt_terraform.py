"""adopt --from-terraform: what a Terraform state manages is taken over with what it knows, or refused as a whole."""

from __future__ import annotations

import json

import pytest
from support.stack_text import PASSWORD

from provisioner.sandbox import read_ledger

GROUP = "99999999-1334-45f6-b28f-419f9b1d1742"
PREPAID = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"


def resource(name, *instances, type_="huaweicloud_modelarts_devserver", **facts):
    return {"mode": "managed", "type": type_, "name": name, "instances": [*instances], **facts}


ATTRIBUTES = (
    "id", "region", "name", "resource_flavor", "flavor", "architecture", "vpc_id", "subnet_id", "security_group_id",
    "image_id", "type", "availability_zone", "admin_pass", "key_pair_name", "enterprise_project_id", "root_volume",
    "ipv6_enable", "roce_id", "user_data", "charging_mode", "period_unit", "period", "auto_renew", "created_at",
    "timeouts",
)  # fmt: skip
"""The schema of huaweicloud_modelarts_devserver, release 1.97.1: a state has all of them, null where nothing is known."""


def instance(identifier, index=None, **attributes):
    unknown = attributes.keys() - {*ATTRIBUTES}
    assert not unknown
    known = {"id": identifier, "security_group_id": GROUP, "availability_zone": "", "admin_pass": PASSWORD}
    indexed = {} if index is None else {"index_key": index}
    whole = dict.fromkeys(ATTRIBUTES) | {"root_volume": []} | known | attributes
    return {"schema_version": 0, "attributes": whole, "sensitive_attributes": [], **indexed}


@pytest.fixture
def inherited(cli):
    cli.write_specs(f"servers: {{edge: {{}}, node: {{count: 2}}, paid: {{charging_info: {PREPAID}}}}}\n")
    cli.apply()
    for file in cli.state.glob("demo*"):
        file.unlink()
    cli.write_specs("servers: {}\n")
    return cli


def ids(cli):
    rows = read_ledger(cli.state / ".sandbox" / "world.db")
    return {row.name: row.server_id for row in rows if row.kind == "purchase"} | {
        row.name: row.server_id for row in rows if row.server_id
    }


def tfstate(cli, *resources, version=4):
    text = json.dumps({"version": version, "terraform_version": "1.11.4", "resources": [*resources]})
    return str(cli.write("terraform.tfstate", text))


def adopt(cli, path):
    return cli.run("adopt", "--from-terraform", path, "--auto-approve")


def test_what_it_manages_is_taken_over_with_what_the_cloud_hides(inherited) -> None:
    of = ids(inherited)
    path = tfstate(
        inherited,
        resource("bastion", instance(of["edge"], root_volume=[{"type": "SSD", "size": 500}], ipv6_enable=True)),
        resource(
            "trainer", instance(of["node-0"], 0, architecture="ARM"), instance(of["node-1"], 1), module="module.ai"
        ),
        resource(
            "bought", instance(of["paid"], charging_mode="PRE_PAID", period_unit="MONTH", period=3, auto_renew="false")
        ),
        resource("flavors", type_="huaweicloud_modelarts_devserver_flavors", mode="data"),
    )
    ran = adopt(inherited, path)
    assert ran.code == 0, ran.text
    assert "Warning[two-owners]" in ran.err
    assert inherited.run("state", "list").out.split() == ["ai-trainer-0", "ai-trainer-1", "bastion", "bought"]
    assert inherited.run("plan", "--detailed-exitcode").code == 0
    shown = inherited.run("state", "show", "bastion", "--json").document["resource"]["declared"]
    assert shown["network"]["security_group_id"] == GROUP
    assert shown["network"]["ipv6_enable"] is True
    assert shown["root_volume"] == {"type": "SSD", "size": 500}
    charging = inherited.run("state", "show", "bought", "--json").document["resource"]["declared"]["charging_info"]
    assert (charging["period_type"], charging["period_num"], charging["is_auto_renew"]) == ("MONTH", 3, False)
    text = (inherited.path / "specs" / "adopted.yaml").read_text()
    assert PASSWORD not in text
    assert "what the Terraform state says of them, else from `defaults:`" in text
    assert len(inherited.ledger()) == len([entry for entry in inherited.ledger() if entry[0] != "release"])


TERM = {"charging_mode": "PRE_PAID", "period_unit": "MONTH", "period": 3, "auto_renew": "false"}
"""As the provider's acceptance test declares it, and as its state has it."""


@pytest.mark.parametrize(
    ("attributes", "charging"),
    [
        (TERM, ("PRE_PAID", "MONTH", 3, False)),
        (TERM | {"period_unit": "YEAR", "period": 1}, ("PRE_PAID", "YEAR", 1, False)),
        (TERM | {"charging_mode": "COMMON"}, ("PRE_PAID", "MONTH", 3, False)),  # copied from a row that says so
        (TERM | {"charging_mode": None}, ("PRE_PAID", "MONTH", 3, False)),
    ],
)
def test_the_term_of_a_prepaid_server_is_taken_over(inherited, attributes, charging) -> None:
    path = tfstate(inherited, resource("bought", instance(ids(inherited)["paid"], **attributes)))
    assert adopt(inherited, path).code == 0
    shown = inherited.run("state", "show", "bought", "--json").document["resource"]["declared"]["charging_info"]
    keys = ("charging_mode", "period_type", "period_num", "is_auto_renew")
    assert tuple(shown[key] for key in keys) == charging


def test_what_the_cloud_shows_wins_over_what_terraform_remembers(inherited) -> None:
    """The server is pay-per-use by now, and the subnet that the row shows is the right one."""
    of = ids(inherited)
    elsewhere = "00000000-2cdb-4b81-b56a-ef68812c6cf7"
    path = tfstate(inherited, resource("edge", instance(of["edge"], **TERM, subnet_id=elsewhere)))
    assert adopt(inherited, path).code == 0
    declared = inherited.run("state", "show", "edge", "--json").document["resource"]["declared"]
    assert "charging_info" not in declared
    assert declared["network"]["subnet_id"] != elsewhere


def test_a_replacement_of_what_was_taken_over_is_bought_for_the_same_term(inherited) -> None:
    path = tfstate(inherited, resource("bought", instance(ids(inherited)["paid"], **TERM)))
    assert adopt(inherited, path).code == 0
    allowed = ("--replace", "bought")
    planned = inherited.run("plan", *allowed)
    assert 'charging_mode = "PRE_PAID"' in planned.out
    assert "period_num    = 3" in planned.out
    change = next(
        one
        for one in inherited.run("plan", *allowed, "--json").document["resource_changes"]
        if one["address"] == "bought"
    )
    charging = {one["path"][-1]: (one["before"], one["after"]) for one in change["charging"]}
    assert charging["charging_mode"] == ("PRE_PAID", "PRE_PAID")
    assert charging["period_num"] == (3, 3)
    assert inherited.run("apply", *allowed, "--auto-approve").code == 0
    kept = inherited.run("state", "show", "bought", "--json").document["resource"]["declared"]["charging_info"]
    assert (kept["charging_mode"], kept["period_num"]) == ("PRE_PAID", 3)


def test_records_of_actions_own_nothing_and_are_passed_over(inherited) -> None:
    edge = ids(inherited)["edge"]
    stop = {"schema_version": 0, "attributes": {"id": edge, "devserver_id": edge, "action": "stop"}}
    path = tfstate(
        inherited,
        resource("edge", instance(edge)),
        resource("stop", stop, type_="huaweicloud_modelarts_devserver_action"),
    )
    assert adopt(inherited, path).code == 0
    assert inherited.run("state", "list").out.split() == ["edge"]


def test_what_terraform_is_mistaken_about_is_told_by_the_plan(inherited) -> None:
    """The renewal was switched off in the console since: billing tells, so that no plan comes out empty and is not."""
    paid = instance(ids(inherited)["paid"], charging_mode="PRE_PAID", period_unit="MONTH", period=1, auto_renew="true")
    ran = adopt(inherited, tfstate(inherited, resource("paid", paid)))
    assert ran.code == 7
    assert "has work for 1: look at `provisioner plan`" in ran.out
    assert "updated in place" in inherited.run("plan").out


def test_doing_it_again_changes_nothing(inherited) -> None:
    path = tfstate(inherited, resource("edge", instance(ids(inherited)["edge"])))
    assert adopt(inherited, path).code == 0
    before = inherited.state_files()
    again = adopt(inherited, path)
    assert (again.code, again.out[:11]) == (0, "No changes.")
    assert inherited.state_files() == before
    assert not (inherited.path / "specs" / "adopted-2.yaml").exists()


@pytest.mark.parametrize(
    ("resources", "version", "code"),
    [
        ([resource("edge", instance("x"))], 3, "tfstate-version"),
        ([resource("vpc", instance("x"), type_="huaweicloud_vpc")], 4, "tfstate-foreign"),
        ([], 4, "tfstate-unfit"),
        ([resource("edge", instance("x") | {"status": "tainted"})], 4, "tfstate-unfit"),
        ([resource("edge", instance("x") | {"deposed": "0a"})], 4, "tfstate-unfit"),
        ([resource("edge", instance(""))], 4, "tfstate-unfit"),
        ([resource("edge", instance("11111111-2222-4333-8444-555555555555"))], 4, "unknown-server"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_as_a_whole(inherited, resources, version, code) -> None:
    sound = [resource("node", instance(ids(inherited)["node-0"]))] if resources else []
    path = tfstate(inherited, *sound, *resources, version=version)
    inherited.assert_fails("adopt", "--from-terraform", path, "--auto-approve", code=code)
    assert not (inherited.path / "specs" / "adopted.yaml").exists()


def test_a_member_that_is_tainted_is_named_with_its_index(inherited) -> None:
    path = tfstate(inherited, *(resource("pool", instance("x", key) | {"status": "tainted"}) for key in (3, "a")))
    said = inherited.assert_fails("adopt", "--from-terraform", path, "--auto-approve", code="tfstate-unfit").stderr_text
    assert ".pool[3] is tainted" in said
    assert '.pool["a"] is tainted' in said


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00", "{}", '{"version": "4"}'])
def test_a_file_that_is_no_state(inherited, content) -> None:
    path = inherited.write("terraform.tfstate", content)
    inherited.assert_fails("adopt", "--from-terraform", str(path), code="tfstate-unreadable")
    inherited.assert_fails("adopt", "--from-terraform", "nowhere", code="tfstate-unreadable")


def test_it_says_by_itself_which_servers(inherited) -> None:
    assert "choose without one" in inherited.run("adopt", "--all", "--from-terraform", "x").err
