"""A purchase in doubt over real HTTP: how long silence means nothing, and what markers and two steps change. By the ledger."""

import io
import time

import httpx
import pytest
import yaml
from support.fault_proxy import answering, message, resetting
from support.plain_http import NO_TLS
from support.process_workspace import PREPAID, STACK

import provisioner.workflow.apply
from provisioner.sandbox import PUBLIC
from provisioner.workflow.system_clock import SystemClock

BAD_GATEWAY = message("502 Bad Gateway", b'{"error_code": "APIG.0203", "error_msg": "Backend timeout."}')
DEFAULTS = yaml.safe_load(STACK)["defaults"]
IMAGE, NETWORK = DEFAULTS["image_id"], DEFAULTS["network"]
FOUND_LATER = ("apply", "--auto-approve", "--resolve-timeout", "0")


def stack_with(**purchase: str) -> str:
    return f"{STACK}purchase: {{{', '.join(f'{key}: {value}' for key, value in purchase.items())}}}\n"


@pytest.fixture
def lost(workspace, proxy):
    """The purchase of `alpha` never arrived; silence is believed after ten minutes."""
    workspace.write("servers: {alpha: {}}\n", stack=stack_with(unsafe_quiet_period="true", quiet_period="10m"))
    proxy.on(resetting(executed=False), name="alpha")
    return workspace


class TestSilence:
    def test_is_believed_after_the_quiet_period_of_the_clouds_own_time(self, lost, proxy, clock):
        first = lost.run_in_process("apply", "--auto-approve")
        assert first.code == 6
        assert "If none has appeared by" in first.words
        clock.advance(9 * 60)
        assert lost.apply().code == 6
        clock.advance(2 * 60)
        shown = lost.run_in_process("plan", "--detailed-exitcode", "--out", "over.plan")
        assert shown.code == 2
        assert "Plan: 1 to add, 0 to change, 0 to destroy." in shown.out
        assert "Warning[doubt-over]: alpha" in shown.out
        assert len(proxy.purchases) == 1
        believed = lost.run_in_process("apply", "over.plan")
        assert believed.code == 0
        assert "alpha: Settled" in believed.err
        assert lost.purchases == {"alpha": 1}
        assert len(proxy.purchases) == 2
        assert lost.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_is_not_believed_while_only_the_clouds_clock_says_so(self, lost, clock, monkeypatch):
        """It runs ahead between two runs: the sandbox's is moved on purpose, and no other one's."""
        stack = (lost.folder / "specs" / "stack.yaml").read_text()
        lost.write("servers: {alpha: {}}\n", stack=stack.replace("cloud: sandbox", "cloud: huaweicloud"))
        lost.environment |= {"HW_ACCESS_KEY": PUBLIC.access_key, "HW_SECRET_KEY": PUBLIC.secret_key}
        assert lost.run_in_process(*FOUND_LATER).code == 6
        clock.advance(11 * 60)
        told = lost.run_in_process("plan").words
        assert "by the cloud's clock the quiet period is over, and by this machine's clock it is not" in told
        assert lost.run_in_process(*FOUND_LATER).code == 6
        assert lost.purchases == {}
        monkeypatch.setattr(SystemClock, "now", lambda _: time.time_ns() // 1_000_000 + 11 * 60 * 1000)
        assert lost.apply().code == 0
        assert lost.purchases == {"alpha": 1}

    def test_is_not_believed_from_a_list_that_cannot_be_read(self, lost, proxy, clock):
        lost.run_in_process(*FOUND_LATER)
        clock.advance(11 * 60)
        proxy.on(answering(BAD_GATEWAY, executed=False), method="GET", ending="/all", nth=None)
        refused = lost.run_in_process(*FOUND_LATER)
        assert refused.code == 6, "the own list is read instead, and what it lacks may be another user's"
        assert lost.purchases == {}
        assert [intent["address"] for intent in lost.state()["intents"].values()] == ["alpha"]

    def test_is_never_believed_of_a_prepaid_server_and_a_person_decides(self, workspace, proxy, clock):
        workspace.write(
            f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n",
            stack=stack_with(unsafe_quiet_period="true", quiet_period="10m"),
        )
        proxy.on(resetting(executed=False), name="alpha")
        workspace.apply()
        clock.advance(14 * 60)
        assert workspace.apply().code == 6
        assert workspace.purchases == {}
        assert workspace.run_in_process("resolve", "alpha", "--absent").code == 0
        assert workspace.apply().code == 0
        assert workspace.purchases == {"alpha": 1}

    def test_a_person_who_says_absent_early_is_told_until_when_it_may_appear(self, lost):
        lost.run_in_process(*FOUND_LATER)
        resolved = lost.run_in_process("resolve", "alpha", "--absent")
        assert resolved.code == 0
        assert "it may still appear until" in resolved.err

    def test_a_ghost_is_named_by_the_next_plan_and_adopted_at_a_persons_word(self, lost, proxy, clock):
        """Kept by a gateway for longer than anybody believed."""
        proxy.clear()
        gate = proxy.gate()
        proxy.on(gate.before, name="alpha")
        assert lost.run_in_process(*FOUND_LATER).code == 6
        gate.await_arrival()
        assert lost.run_in_process("resolve", "alpha", "--absent", "--reason", "nothing in the console").code == 0
        gate.open()
        gate.await_arrival()
        planned = lost.run_in_process("plan")
        assert planned.code == 4
        assert planned.text.count("help:") == 1, "one way for one server"
        assert "Error[untracked]" in planned.text
        (bought,) = [row.server_id for row in lost.ledger if row.kind == "purchase"]
        assert bought in planned.text
        assert lost.apply().code == 4, "the name is taken, so it is not bought again beside it"
        assert lost.run_in_process("resolve", "alpha", "--adopt", bought).code == 0
        assert lost.apply().code == 0
        assert lost.purchases == {"alpha": 1}


class TestNonce:
    @pytest.fixture
    def marking(self, workspace):
        workspace.write("servers: {alpha: {}, beta: {}}\n", stack=stack_with(marker="nonce"))
        return workspace

    def names(self, workspace) -> list[str]:
        return [row.name for row in workspace.ledger if row.kind == "purchase"]

    def test_a_ghost_is_adopted_by_the_next_apply_though_nothing_else_is_in_doubt(self, workspace, proxy):
        workspace.write("servers: {alpha: {}}\n", stack=stack_with(marker="nonce"))
        gate = proxy.gate()
        proxy.on(gate.before, name=None)
        assert workspace.run_in_process(*FOUND_LATER).code == 6
        gate.await_arrival()
        assert workspace.run_in_process("resolve", "alpha", "--absent", "--reason", "nothing in the console").code == 0
        gate.open()
        gate.await_arrival()
        (bought,) = [row.server_id for row in workspace.ledger if row.kind == "purchase"]
        planned = workspace.run_in_process("plan")
        assert planned.code == 0, "the plan says what apply does"
        assert f"it adopts {bought}" in planned.words
        assert workspace.run_in_process("plan", "--out", "the.plan").code == 6
        assert workspace.apply().code == 0
        assert list(workspace.outputs) == ["alpha"]
        assert len(self.names(workspace)) == 1

    def test_servers_are_bought_under_names_of_their_own_and_renamed(self, marking, proxy):
        assert marking.apply().code == 0
        assert all(name.startswith(("alpha-", "beta-")) for name in self.names(marking))
        assert {value["name"] for value in marking.outputs.values()} == {"alpha", "beta"}
        assert sorted(each.document["name"] for each in proxy.of("PUT")) == ["alpha", "beta"]
        assert marking.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_a_strangers_server_of_the_same_name_is_never_taken_for_ours(self, marking, proxy):
        proxy.on(resetting(executed=False), name=None)
        assert marking.run_in_process(*FOUND_LATER).code == 6
        sent = proxy.purchases[0].document
        buy_as_a_stranger(marking, {**sent, "name": "alpha"})
        assert marking.run_in_process(*FOUND_LATER).code == 6
        assert len(marking.state()["intents"]) == 1


class TestTwoSteps:
    @pytest.fixture
    def careful(self, workspace):
        """Silence is believed after a minute."""
        soon = {"unsafe_quiet_period": "true", "quiet_period": "1m"}
        workspace.write(
            f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n", stack=stack_with(prepaid="two-step", **soon)
        )
        return workspace

    def test_an_order_is_placed_unpaid_and_then_paid_by_its_id(self, careful, proxy):
        assert careful.apply().code == 0
        (purchase,) = proxy.purchases
        assert purchase.document["charging_info"]["is_auto_pay"] is False
        (payment,) = proxy.of("POST", "/customer-orders/pay")
        assert payment.document["order_id"] == careful.outputs["alpha"]["order_id"]
        assert careful.ledger_counts("payment") == {"alpha": 1}
        assert careful.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_five_runs_place_one_order_which_a_person_takes_or_gives_up(self, careful, proxy, clock):
        proxy.on(resetting(executed=True), name="alpha")
        for _ in range(5):
            assert careful.run_in_process(*FOUND_LATER).code == 6
            clock.advance(2 * 60)
        assert (careful.ledger_counts("payment"), careful.purchases) == ({}, {"alpha": 1})
        (order,) = [row.order_id for row in careful.ledger if row.kind == "purchase"]
        planned = careful.run_in_process("plan").words
        assert f"orders placed since, which may be this purchase: {order} (unpaid)" in planned
        assert "`provisioner resolve 'alpha' --adopt` with the id of the server or of its order" in planned
        assert careful.run_in_process("resolve", "alpha", "--adopt", order).code == 0
        assert careful.apply().code == 0
        assert (careful.ledger_counts("payment"), careful.purchases) == ({"alpha": 1}, {"alpha": 1})
        assert careful.run_in_process("plan", "--detailed-exitcode").code == 0

    def test_one_that_a_person_pays_is_settled_by_a_person_however_long_it_was_quiet(self, careful, proxy, clock):
        stack = stack_with(prepaid="two-step", unsafe_quiet_period="true", quiet_period="1m")
        careful.write(f"servers: {{alpha: {{charging_info: {PREPAID.replace('true', 'false')}}}}}\n", stack=stack)
        proxy.on(resetting(executed=True), name="alpha")
        way = "`provisioner resolve 'alpha' --adopt` with the id of the server or of its order"
        for _ in range(2):
            doubtful = careful.run_in_process(*FOUND_LATER)
            assert (doubtful.code, way in doubtful.words) == (6, True), doubtful.text
            clock.advance(2 * 60)
        assert way in careful.run_in_process("plan").words
        (order,) = [row.order_id for row in careful.ledger if row.kind == "purchase"]
        assert careful.run_in_process("resolve", "alpha", "--adopt", order).code == 0
        assert careful.apply().code == 7
        assert careful.run_in_process("orders", "pay", "alpha", "--auto-approve").code == 0
        assert careful.apply().code == 0
        assert (careful.ledger_counts("payment"), careful.purchases) == ({"alpha": 1}, {"alpha": 1})

    def test_one_that_is_taken_can_be_given_up_and_another_is_ordered(self, careful, proxy, clock):
        proxy.on(resetting(executed=True), name="alpha")
        assert careful.run_in_process(*FOUND_LATER).code == 6
        (order,) = [row.order_id for row in careful.ledger if row.kind == "purchase"]
        assert careful.run_in_process("resolve", "alpha", "--adopt", order).code == 0
        assert careful.run_in_process("orders", "cancel", "alpha", "--auto-approve").code == 0
        assert careful.apply().code == 0
        assert (careful.ledger_counts("payment"), careful.purchases) == ({"alpha": 1}, {"alpha": 2})

    def test_what_was_never_ordered_is_ordered_once_silence_means_that(self, careful, proxy, clock):
        proxy.on(resetting(executed=False), name="alpha")
        assert careful.run_in_process(*FOUND_LATER).code == 6
        assert careful.run_in_process(*FOUND_LATER).code == 6
        clock.advance(2 * 60)
        assert careful.apply().code == 0
        assert (careful.ledger_counts("payment"), careful.purchases) == ({"alpha": 1}, {"alpha": 1})

    @pytest.mark.parametrize("executed", [True, False])
    def test_a_lost_payment_is_read_from_the_order(self, careful, proxy, executed):
        proxy.on(resetting(executed=executed), ending="/customer-orders/pay")
        assert careful.apply().code == 0
        assert careful.ledger_counts("payment") == {"alpha": 1}
        assert careful.state()["intents"] == {}


class TestAnOrderInDoubt:
    def test_is_named_and_adopted_by_its_id(self, workspace, proxy):
        """Nobody pays it, so no list of servers will ever show it."""
        unpaid = PREPAID.replace("is_auto_pay: true", "is_auto_pay: false")
        workspace.write(f"servers: {{alpha: {{charging_info: {unpaid}}}}}\n")
        proxy.on(resetting(executed=True), name="alpha")
        assert workspace.run_in_process(*FOUND_LATER).code == 6
        (order,) = [row.order_id for row in workspace.ledger if row.kind == "purchase"]
        assert f"orders placed since, which may be this purchase: {order}" in " ".join(
            workspace.run_in_process("plan").text.split()
        )
        adopted = workspace.run_in_process("resolve", "alpha", "--adopt", order)
        assert adopted.code == 0
        waiting = workspace.apply()
        assert waiting.code == 7
        assert f"order {order} awaits payment" in waiting.text
        assert workspace.purchases == {"alpha": 1}

    def test_an_order_that_the_journal_knows_is_not_offered(self, workspace, proxy):
        """Of a server that was released to make room for the one in doubt."""
        workspace.write(f"servers: {{alpha: {{charging_info: {PREPAID}}}}}\n")
        workspace.apply()
        known = workspace.outputs["alpha"]["order_id"]
        proxy.on(resetting(executed=False), name="alpha", nth=1)
        assert workspace.run_in_process(*FOUND_LATER, "--replace", "alpha").code == 6
        told = workspace.run_in_process("plan").text
        assert "in-doubt" in told
        assert known not in told
        refused = workspace.run_in_process("resolve", "alpha", "--adopt", known)
        assert refused.code == 1
        assert "unknown-server" in refused.err


class Thoughtful(io.StringIO):
    """A person at a terminal who says yes, after something has happened."""

    def __init__(self, happening) -> None:
        super().__init__()
        self._happening = happening

    def isatty(self) -> bool:
        return True

    def readline(self, *_size) -> str:
        self._happening()
        return "yes\n"


class TestWhileAPersonIsAsked:
    def test_what_has_changed_meanwhile_is_not_bought_beside(self, workspace, proxy, monkeypatch):
        monkeypatch.setattr(provisioner.workflow.apply, "_FRESH_SECONDS", -1.0)
        workspace.run_in_process("validate")
        sent = {"flavor": "Si2.large.4", "image_id": IMAGE, "key_pair_name": "ops", "network": NETWORK, "name": "alpha"}
        monkeypatch.setattr("sys.stdin", Thoughtful(lambda: buy_as_a_stranger(workspace, sent)))
        refused = workspace.run_in_process("apply")
        assert refused.code == 1
        assert "plan-outdated" in refused.err
        assert workspace.purchases == {"alpha": 1}, "the stranger's"

    def test_where_nothing_has_changed_it_is_bought(self, workspace, monkeypatch):
        monkeypatch.setattr(provisioner.workflow.apply, "_FRESH_SECONDS", -1.0)
        monkeypatch.setattr("sys.stdin", Thoughtful(lambda: None))
        assert workspace.run_in_process("apply").code == 0
        assert workspace.purchases == {"alpha": 1}


def buy_as_a_stranger(workspace, body) -> None:
    """Somebody in the console, with the account's password."""
    user = {"domain": {"name": PUBLIC.domain_name}, "name": PUBLIC.user_name, "password": PUBLIC.user_password}
    identity = {"methods": ["password"], "password": {"user": user}}
    with httpx.Client(base_url=workspace.endpoint, verify=NO_TLS, trust_env=False) as client:
        scope = {"project": {"id": PUBLIC.project_id}}
        token = client.post("/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        headers = {"X-Auth-Token": token.headers["X-Subject-Token"]}
        client.post(f"/v1/{PUBLIC.project_id}/dev-servers", json=body, headers=headers).raise_for_status()
