"""What specs say of a server that exists: what its row shows, and nothing that specs could not say."""

from __future__ import annotations

import pytest
from support.rows import a_live

from provisioner.kinds import CATALOGUE

ROOT = {"type": "ROOT", "evs_type": "SSD", "size": 200, "evs_id": "root"}
DATA = {"type": "DATA", "evs_type": "SAS", "size": 500, "evs_id": "one"}


def drafted(defaults=None, **row):
    return CATALOGUE["dev_server"].adoption.draft(a_live(**row), defaults or {})


def test_machine_and_disks_are_written_as_they_are_shown():
    fields = drafted(volumes=[ROOT, DATA]).fields
    assert (fields["arch"], fields["server_type"]) == ("X86", "ECS")
    assert fields["root_volume"] == {"type": "SSD", "size": 200}
    assert fields["data_volume"] == {"type": "SAS", "size": 500, "count": 1}


def test_data_disks_come_with_a_remark_that_others_may_have_attached_them():
    assert [remark for remark in drafted(volumes=[ROOT, DATA]).remarks if remark.startswith("data_volume")]
    assert not [remark for remark in drafted(volumes=[ROOT]).remarks if remark.startswith("data_volume")]


def test_a_default_of_data_disks_is_taken_away_from_a_server_without_any():
    assert drafted(volumes=[ROOT]).fields["data_volume"] is None


@pytest.mark.parametrize("row", [{"volumes": None}, {"volumes": []}, {"volumes": ["odd", ROOT]}])
def test_what_a_row_does_not_tell_is_left_to_the_defaults(row):
    assert not {"root_volume", "data_volume"} & drafted(**row).fields.keys()


def test_a_supernode_is_not_written_as_something_that_could_be_bought():
    assert "server_type" not in drafted(cloud_server={"type": "HPS"}).fields


@pytest.mark.parametrize(
    ("row", "defaults", "machine"),
    [
        ({}, {}, ("Si2.large.4", None)),
        ({"flavor": None, "resource_flavor": "rf"}, {}, (None, "rf")),
        ({"resource_flavor": "rf"}, {}, ("Si2.large.4", None)),
        ({"resource_flavor": "rf"}, {"resource_flavor": "usual"}, (None, "rf")),
        ({}, {"resource_flavor": "usual"}, ("Si2.large.4", None)),
    ],
)
def test_of_the_two_names_of_a_machine_the_one_that_the_stack_uses_is_written(row, defaults, machine):
    fields = drafted(defaults, **row).fields
    assert (fields["flavor"], fields["resource_flavor"]) == machine
