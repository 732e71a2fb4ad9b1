"""Sequences that once violated an invariant, each as short as possible. One that is not fixed yet is a strict xfail."""

from __future__ import annotations

import pytest
from support.emulated_cloud import SERVERS, RequestFault, RequestType
from support.fake_workspace import FakeWorkspace
from support.invariants import InvariantChecker, ServerSpec
from support.operator import Operator

from provisioner.cli.exit_codes import ExitCode

MINUTE = 60.0
MAX_EXECUTION_DELAY, MAX_LISTING_DELAY = 15 * MINUTE, 10 * MINUTE
ONE, TWO, NONE = "servers: {a: {}}\n", "servers: {a: {}, b: {}}\n", "servers: {}\n"


def server_of(workspace, address):
    return next(server for owner, server in workspace.cloud.ours if owner == address)


def deleted_before_it_was_seen(tmp_path):
    """A run bought a server, recorded its id and crashed; the operator deleted the server before any run saw it."""
    for step in range(100):
        folder = tmp_path / str(step)
        folder.mkdir()
        workspace = FakeWorkspace(folder)
        workspace.write(ONE)
        workspace.apply(die_at=step)
        state = workspace.load_state()
        if state is not None and any(one.id and not one.observed for one in state.resources.values()):
            workspace.advance(MINUTE)
            assert workspace.console_request("DELETE", f"{SERVERS}/{server_of(workspace, 'a').id}") == 200
            workspace.advance(300 * MINUTE)
            return workspace
    raise AssertionError("no death leaves an id that was never seen")


def test_silence_is_dated_by_when_the_list_was_read(tmp_path):
    workspace = FakeWorkspace(tmp_path, marker="nonce")
    workspace.write(ONE)
    assert workspace.apply().code is ExitCode.DONE
    workspace.cloud.listing_delay, workspace.cloud.execution_delay = MAX_LISTING_DELAY, MAX_EXECUTION_DELAY
    workspace.write(TWO)
    workspace.cloud.faults = [(RequestType.PURCHASE, RequestFault.LATE)]
    sent = workspace.clock.time
    assert workspace.apply(resolve_timeout=0).code is ExitCode.IN_DOUBT
    workspace.console_request("DELETE", f"{SERVERS}/{server_of(workspace, 'a').id}")
    workspace.advance(sent + 24.6 * MINUTE - workspace.clock.time)
    workspace.cloud.faults = [(RequestType.SHOW, RequestFault.TURNED_AWAY)] * 3
    workspace.apply(resolve_timeout=0)
    workspace.advance(60 * MINUTE)
    assert [address for address, _ in workspace.cloud.ours] == ["b"]


@pytest.mark.parametrize("wanted", [ONE, NONE], ids=["still wanted", "not in the specs"])
def test_a_server_that_was_deleted_before_it_was_seen_leaves_its_address_at_a_persons_word(tmp_path, wanted):
    """The tool forgets no purchase on its own: it could not release the server if that shows up after all."""
    workspace = deleted_before_it_was_seen(tmp_path)
    workspace.write(wanted)
    assert workspace.apply().code is not ExitCode.DONE
    workspace.resolve("a", None)
    assert workspace.apply().code is ExitCode.DONE
    assert len(workspace.cloud.ours) == (wanted == ONE)


def test_a_server_that_is_there_is_not_given_up_at_a_persons_word(tmp_path):
    workspace = FakeWorkspace(tmp_path)
    workspace.write(ONE)
    for step in range(100):
        workspace.apply(die_at=step)
        state = workspace.load_state()
        if state is not None and any(one.id and not one.observed for one in state.resources.values()):
            break
    workspace.resolve("a", None)
    assert workspace.load_state().resources
    assert workspace.apply().code is ExitCode.DONE
    assert len(workspace.cloud.ours) == 1


def test_a_wanted_server_that_somebody_is_deleting_keeps_apply_from_being_done(tmp_path):
    workspace = FakeWorkspace(tmp_path)
    workspace.write(ONE)
    workspace.apply()
    workspace.console_request("DELETE", f"{SERVERS}/{server_of(workspace, 'a').id}")
    assert workspace.apply().code is ExitCode.INCOMPLETE


def test_what_is_bought_after_a_persons_word_is_another_purchase(tmp_path):
    """It has the name of the disowned one, and the invariant checker must not take it for that."""
    workspace = FakeWorkspace(tmp_path)
    checker = InvariantChecker(workspace)
    checker.specs["a"] = ServerSpec(prepaid=True)
    workspace.write(f"servers: {{a: {checker.specs['a'].text()}}}\n")
    step = next(step for step in range(100) if workspace.apply(die_at=step).code is None and checker.doubts)
    assert not workspace.cloud.purchases, f"died at step {step}, and something was sent"
    Operator(checker, print).resolve_all()
    assert workspace.apply().code is ExitCode.DONE
    checker.check_success(wanted={"a": "a"}, leaving=set())


def test_silence_beside_an_order_that_nobody_accounts_for_is_not_promised_to_mean_anything(tmp_path):
    """How `b` is paid for was not declared, so the unpaid order of `a` may be that of `b`: the quiet period never ends this doubt."""
    workspace = FakeWorkspace(tmp_path, prepaid="two-step")
    workspace.write("servers: {b: {}}\n")
    workspace.cloud.faults = [(RequestType.PURCHASE, RequestFault.FAILED)]
    assert workspace.apply(resolve_timeout=0).code is ExitCode.IN_DOUBT
    workspace.write(f"servers: {{a: {ServerSpec(prepaid=True).text()}, b: {{}}}}\n")
    workspace.cloud.faults = [(RequestType.PURCHASE, RequestFault.REPLY_LOST)]
    workspace.apply(resolve_timeout=0)
    workspace.advance(60 * MINUTE)
    ran = workspace.apply(resolve_timeout=0)
    assert (ran.code, len(workspace.cloud.pending_orders)) == (ExitCode.IN_DOUBT, 1)
    hints = [one.hint for one in ran.diagnostics if str(one.address) == "b"]
    assert hints
    assert all("and billing shows no order that may be this purchase" in hint for hint in hints)
    workspace.resolve("b", None)
    workspace.resolve("a", workspace.cloud.pending_orders[0])
    assert workspace.apply().code is ExitCode.DONE
