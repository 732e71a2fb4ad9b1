"""`replace_triggered_by` in the specs: addresses and groups that are declared, and no chain that leads back to its beginning."""

from __future__ import annotations

import pytest
from loading.stack_folder import StackFolder

from provisioner.model.address import Address


def body(*triggers: str) -> str:
    return f"{{lifecycle: {{replace_triggered_by: [{', '.join(map(repr, triggers))}]}}}}"


def test_addresses_and_groups_are_read(stack: StackFolder):
    stack.write(
        "servers.yaml", f"servers:\n  a: {body('b', 'c[1]', 'd')}\n  b: {{}}\n  c: {{count: 2}}\n  d: {{count: 0}}\n"
    )
    (first, *_) = stack.load().desired
    assert first.lifecycle.replace_triggered_by == (Address("b"), Address("c", 1), Address("d"))


@pytest.mark.parametrize("unknown", ["z", "c[2]", 'c["x"]'])
def test_what_is_not_declared_is_refused_where_it_stands(stack: StackFolder, unknown):
    found = stack.mistake(f"servers:\n  a: {body('c', unknown)}\n  c: {{count: 2}}\n")
    assert (found.code, str(found.source)) == ("unknown-trigger", "specs/servers.yaml:2:47")
    assert unknown in found.summary


def test_what_is_no_address_is_refused_where_it_stands(stack: StackFolder):
    found = stack.mistake(f"servers:\n  a: {body('c[')}\n  c: {{count: 2}}\n")
    assert (found.code, str(found.source)) == ("invalid-value", "specs/servers.yaml:2:42")


def test_a_chain_that_leads_back_is_one_mistake_with_every_place(stack: StackFolder):
    found = stack.mistake(f"servers:\n  a: {body('b')}\n  b: {body('c')}\n  c: {body('a')}\n  d: {body('a')}\n")
    assert (found.code, str(found.source)) == ("trigger-cycle", "specs/servers.yaml:2:19")
    assert found.summary.rpartition(": ")[2] == "a -> b -> c -> a"
    assert found.detail.splitlines() == [
        f"{name} is triggered at specs/servers.yaml:{line}:19" for name, line in (("a", 2), ("b", 3), ("c", 4))
    ]


@pytest.mark.parametrize("own", ["a", "a[0]"])
def test_a_server_is_not_replaced_with_its_own_group(stack: StackFolder, own):
    declared = body(own).replace("{lifecycle", "{count: 2, lifecycle")
    found = stack.mistakes(f"servers:\n  a: {declared}\n")
    assert {one.code for one in found} == {"trigger-cycle"}


def test_a_long_chain_is_no_cycle_and_no_deep_recursion(stack: StackFolder):
    chain = "".join(f"  s{number}: {body(f's{number + 1}')}\n" for number in range(1500))
    stack.write("servers.yaml", f"servers:\n{chain}  s1500: {{}}\n")
    assert len(stack.load().desired) == 1501
