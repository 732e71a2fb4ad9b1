"""What is left of an approval after a run of it has died."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import a_desired, a_plan, a_recorded, an_address

from provisioner.model.approval import ApprovalUse
from provisioner.model.approved_content import approved_changes
from provisioner.model.change import CreateChange, DeleteChange, ReplaceChange, UpdateChange
from provisioner.planning import uncovered

TEXT = "the approval"
GATEWAY = an_address("gateway")
REPLACE = ReplaceChange(GATEWAY, "dev_server", desired=a_desired("gateway"), recorded=a_recorded("gateway"))


def use_of(*changes) -> ApprovalUse:
    return ApprovalUse(TEXT, approved_changes(a_plan(*changes)))


def problems(use, *changes) -> list[str]:
    return [problem.code for problem in uncovered(use, a_plan(*changes), None)]


def test_a_server_that_a_dead_run_deposed_comes_back_to_its_address_to_be_replaced() -> None:
    assert problems(use_of(REPLACE), replace(REPLACE, moved_from=GATEWAY.as_deposed)) == []


def test_a_record_that_comes_from_elsewhere_was_not_approved() -> None:
    assert problems(use_of(REPLACE), replace(REPLACE, moved_from=an_address("portal"))) == ["plan-differs"]


def test_what_is_left_of_a_replacement_is_its_purchase() -> None:
    create = CreateChange(GATEWAY, "dev_server", desired=a_desired("gateway"))
    assert problems(use_of(REPLACE), create) == []
    bought = replace(use_of(REPLACE), bought=(GATEWAY,), released=("id-of-gateway",))
    assert problems(bought, create) == ["plan-differs"]


def test_what_is_left_of_a_replacement_is_its_release_wherever_the_server_stands() -> None:
    deposed = replace(a_recorded("gateway"), address=GATEWAY.as_deposed)
    release = DeleteChange(GATEWAY.as_deposed, "dev_server", recorded=deposed)
    use = replace(use_of(REPLACE), bought=(GATEWAY,))
    assert problems(use, release) == []
    another = replace(deposed, id="another")
    assert problems(use, replace(release, recorded=another))[0] == "plan-differs"


@pytest.mark.parametrize(("wanted", "found"), [({}, []), ({"labels": {"a": "b"}}, ["plan-differs"])])
def test_an_update_goes_on_where_the_same_is_wanted(wanted, found) -> None:
    desired = a_desired("gateway")
    update = UpdateChange(GATEWAY, "dev_server", desired=desired, recorded=a_recorded("gateway"))
    assert sorted(set(problems(use_of(update), replace(update, desired=replace(desired, **wanted))))) == found


def test_a_release_that_was_approved_by_its_order_is_of_its_own_address_only() -> None:
    """When it was approved nobody knew the ids yet of the servers that the order has bought."""
    first, second = (a_recorded(f"trainer[{number}]", order_id="order-1") for number in (0, 1))
    release = DeleteChange(second.address, "dev_server", recorded=replace(second, id=None))
    use = use_of(release)
    assert problems(use, replace(release, recorded=second)) == []
    of_another = DeleteChange(first.address, "dev_server", recorded=first)
    assert problems(use, replace(release, recorded=second), of_another) == ["plan-differs"]
    deposed = replace(second, address=second.address.as_deposed)
    replacement = use_of(
        ReplaceChange(second.address, "dev_server", desired=a_desired("trainer[1]"), recorded=replace(second, id=None))
    )
    bought = replace(replacement, bought=(second.address,))
    assert problems(bought, DeleteChange(deposed.address, "dev_server", recorded=deposed)) == []
