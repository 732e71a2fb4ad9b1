"""Stories in which an invariant was once broken, each as short as it could be made. What is not mended yet fails here, strictly."""

from __future__ import annotations

import pytest
from support.emulated_cloud import SERVERS, RequestFault, RequestType
from support.fake_workspace import FakeWorkspace
from support.invariants import InvariantChecker, ServerSpec
from support.operator import Operator

from provisioner.cli.exit_codes import ExitCode

MINUTE = 60.0
SLOWEST_LANDING, SLOWEST_SIGHT = 15 * MINUTE, 10 * MINUTE
ONE, TWO, NONE = "servers: {a: {}}\n", "servers: {a: {}, b: {}}\n", "servers: {}\n"


def server_of(home, address):
    return next(server for owner, server in home.cloud.ours if owner == address)


def deleted_before_it_was_seen(tmp_path):
    """A run bought a server, wrote its id down and died; a person deleted the server before any run saw it."""
    for step in range(100):
        folder = tmp_path / str(step)
        folder.mkdir()
        home = FakeWorkspace(folder)
        home.write(ONE)
        home.apply(die_at=step)
        state = home.look()
        if state is not None and any(one.id and not one.observed for one in state.resources.values()):
            home.let_pass(MINUTE)
            assert home.person("DELETE", f"{SERVERS}/{server_of(home, 'a').id}") == 200
            home.let_pass(300 * MINUTE)
            return home
    raise AssertionError("no death leaves an id that was never seen")


def test_silence_is_dated_by_when_the_list_was_read(tmp_path):
    home = FakeWorkspace(tmp_path, marker="nonce")
    home.write(ONE)
    assert home.apply().code is ExitCode.DONE
    home.cloud.lag, home.cloud.lateness = SLOWEST_SIGHT, SLOWEST_LANDING
    home.write(TWO)
    home.cloud.troubles = [(RequestType.PURCHASE, RequestFault.LATE)]
    sent = home.clock.time
    assert home.apply(resolve_timeout=0).code is ExitCode.IN_DOUBT
    home.person("DELETE", f"{SERVERS}/{server_of(home, 'a').id}")
    home.let_pass(sent + 24.6 * MINUTE - home.clock.time)
    home.cloud.troubles = [(RequestType.SHOW, RequestFault.TURNED_AWAY)] * 3
    home.apply(resolve_timeout=0)
    home.let_pass(60 * MINUTE)
    assert [address for address, _ in home.cloud.ours] == ["b"]


@pytest.mark.parametrize("wanted", [ONE, NONE], ids=["still wanted", "not in the specs"])
def test_a_server_that_was_deleted_before_it_was_seen_leaves_its_address_at_a_persons_word(tmp_path, wanted):
    """Nothing bought is forgotten by itself: it could not be released when it shows after all."""
    home = deleted_before_it_was_seen(tmp_path)
    home.write(wanted)
    assert home.apply().code is not ExitCode.DONE
    home.resolve("a", None)
    assert home.apply().code is ExitCode.DONE
    assert len(home.cloud.ours) == (wanted == ONE)


def test_a_server_that_is_there_is_not_given_up_at_a_persons_word(tmp_path):
    home = FakeWorkspace(tmp_path)
    home.write(ONE)
    for step in range(100):
        home.apply(die_at=step)
        state = home.look()
        if state is not None and any(one.id and not one.observed for one in state.resources.values()):
            break
    home.resolve("a", None)
    assert home.look().resources
    assert home.apply().code is ExitCode.DONE
    assert len(home.cloud.ours) == 1


def test_a_wanted_server_that_somebody_is_deleting_keeps_apply_from_being_done(tmp_path):
    home = FakeWorkspace(tmp_path)
    home.write(ONE)
    home.apply()
    home.person("DELETE", f"{SERVERS}/{server_of(home, 'a').id}")
    assert home.apply().code is ExitCode.INCOMPLETE


def test_what_is_bought_after_a_persons_word_is_another_purchase(tmp_path):
    """It has the name of the one that was given up, and the judge of lives must not take it for that."""
    home = FakeWorkspace(tmp_path)
    judge = InvariantChecker(home)
    judge.specs["a"] = ServerSpec(prepaid=True)
    home.write(f"servers: {{a: {judge.specs['a'].text()}}}\n")
    step = next(step for step in range(100) if home.apply(die_at=step).code is None and judge.doubts)
    assert not home.cloud.purchases, f"died at step {step}, and something was sent"
    Operator(judge, print).resolves_everything()
    assert home.apply().code is ExitCode.DONE
    judge.examine_success(wanted={"a": "a"}, leaving=set())


def test_silence_beside_an_order_that_nobody_accounts_for_is_not_promised_to_mean_anything(tmp_path):
    """How `b` is paid for was not declared, so the order that `a` has left unpaid may be its own: time alone ends that doubt never."""
    home = FakeWorkspace(tmp_path, prepaid="two-step")
    home.write("servers: {b: {}}\n")
    home.cloud.troubles = [(RequestType.PURCHASE, RequestFault.FAILED)]
    assert home.apply(resolve_timeout=0).code is ExitCode.IN_DOUBT
    home.write(f"servers: {{a: {ServerSpec(prepaid=True).text()}, b: {{}}}}\n")
    home.cloud.troubles = [(RequestType.PURCHASE, RequestFault.REPLY_LOST)]
    home.apply(resolve_timeout=0)
    home.let_pass(60 * MINUTE)
    ran = home.apply(resolve_timeout=0)
    assert (ran.code, len(home.cloud.pending_orders)) == (ExitCode.IN_DOUBT, 1)
    hints = [one.hint for one in ran.told if str(one.address) == "b"]
    assert hints
    assert all("and billing shows no order that may be it" in hint for hint in hints)
    home.resolve("b", None)
    home.resolve("a", home.cloud.pending_orders[0])
    assert home.apply().code is ExitCode.DONE
