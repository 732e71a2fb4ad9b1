"""A person settles a doubt: the decision is recorded, nothing is sent by it, and slips change nothing."""

import pytest
from support.fault_proxy import resetting


@pytest.fixture
def doubtful(workspace, proxy):
    """The purchase of `alpha` was lost on its way; `beta` is bought."""
    workspace.write("servers: {alpha: {}, beta: {}}\n")
    proxy.on(resetting(executed=False), name="alpha")
    assert workspace.apply().code == 6
    return workspace


def records(workspace) -> list[str]:
    return [record["type"] for record in workspace.journal_records]


def test_absent_lets_the_next_apply_buy_it_once(doubtful):
    resolved = doubtful.run_in_process("resolve", "alpha", "--absent", "--reason", "looked at orders and servers")
    assert resolved.code == 0
    assert "the next apply may buy 'alpha'" in resolved.out
    (settled,) = [record for record in doubtful.journal_records if record["type"] == "settled"]
    assert settled["outcome"] == "absent"
    assert "looked at orders and servers" in settled["evidence"]
    assert doubtful.purchases == {"beta": 1}
    assert doubtful.apply().code == 0
    assert doubtful.purchases == {"alpha": 1, "beta": 1}


def test_adopting_goes_on_with_the_server_that_was_named(workspace, proxy):
    workspace.write("servers: {alpha: {}}\n")
    proxy.on(resetting(executed=True), name="alpha")
    assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    (purchase,) = [entry for entry in workspace.ledger if entry.kind == "purchase"]
    resolved = workspace.run_in_process("resolve", "alpha", "--adopt", purchase.server_id)
    assert resolved.code == 0
    assert f"adopted {purchase.server_id}" in resolved.out
    assert workspace.apply().code == 0
    assert workspace.purchases == {"alpha": 1}
    assert workspace.state()["resources"]["alpha"]["id"] == purchase.server_id


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("beta", "--absent"), "not-in-doubt"),
        (("gamma", "--absent"), "not-in-doubt"),
        (("alpha", "--adopt", "11111111-2222-4333-8444-555555555555"), "unknown-server"),
    ],
)
def test_a_slip_changes_nothing(doubtful, arguments, code):
    before = records(doubtful)
    refused = doubtful.run_in_process("resolve", *arguments)
    assert refused.code == 1
    assert f"Error[{code}]" in refused.err
    assert "help:" in refused.err
    assert records(doubtful) == before
    assert doubtful.apply().code == 6


def test_a_server_of_another_address_is_not_given_away(doubtful):
    owned = doubtful.state()["resources"]["beta"]["id"]
    refused = doubtful.run_in_process("resolve", "alpha", "--adopt", owned)
    assert refused.code == 1
    assert "server-owned" in refused.err
    assert doubtful.apply().code == 6


@pytest.mark.parametrize("flags", [(), ("--absent", "--adopt", "x")])
def test_one_of_the_two_must_be_said(doubtful, flags):
    refused = doubtful.run_in_process("resolve", "alpha", *flags)
    assert refused.code == 1
    assert "either --adopt ID or --absent" in refused.err


class TestListed:
    """`--absent` is no word on a server that is there for all to see."""

    @pytest.fixture
    def listed(self, workspace, proxy):
        workspace.write("servers: {alpha: {}}\n")
        proxy.on(resetting(executed=True), name="alpha")
        assert workspace.run_in_process("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
        return workspace

    @pytest.fixture
    def bought(self, listed):
        (purchase,) = [entry for entry in listed.ledger if entry.kind == "purchase"]
        return purchase.server_id

    def test_it_is_refused_and_apply_goes_on_with_that_server(self, listed, bought):
        before = records(listed)
        refused = listed.run_in_process("resolve", "alpha", "--absent", "--reason", "surely not")
        assert refused.code == 1
        assert "Error[server-listed]" in refused.err
        assert bought in refused.err
        assert records(listed) == before
        assert listed.apply().code == 0
        assert listed.purchases == {"alpha": 1}

    def test_whoever_means_it_has_that_server_renamed_first(self, listed, bought, console):
        console.rename(bought, "somebody-elses")
        resolved = listed.run_in_process("resolve", "alpha", "--absent")
        assert resolved.code == 0
        assert f"Warning[passed-over]: what may be it after all: server {bought} (somebody-elses" in resolved.err
        assert listed.apply().code == 0
        assert listed.purchases == {"alpha": 2}

    def test_or_lets_it_go_as_it_is(self, listed, bought):
        assert listed.run_in_process("resolve", "alpha", "--adopt", bought).code == 0
        assert listed.run_in_process("state", "rm", "alpha", "--auto-approve").code == 0
        listed.write("servers: {alpha: {name: omega}}\n")
        assert listed.apply().code == 0
        assert listed.purchases == {"alpha": 1, "omega": 1}
        assert listed.ledger_counts("release") == {}


def test_an_answer_that_named_another_server_is_put_right(direct_workspace, sandbox):
    rows = {"id": "11111111-2222-3333-4444-555555555555"}
    sandbox.arm({"at": "CreateDevServer", "times": 1, "fault": "rewrite", "rows": rows})
    direct_workspace.write("servers: {alpha: {timeouts: {create: 30}}}\n")
    assert direct_workspace.apply().code == 7
    (bought,) = [entry.server_id for entry in direct_workspace.ledger if entry.kind == "purchase"]
    told = direct_workspace.run_in_process("plan").words
    assert f"`provisioner resolve 'alpha' --absent`, then `provisioner import 'alpha' {bought}`" in told
    assert "release it" not in told
    given_up = direct_workspace.run_in_process("resolve", "alpha", "--absent")
    assert f"what may be it after all: server {bought}" in given_up.text
    assert direct_workspace.apply().code == 4, "nothing is bought beside it"
    assert direct_workspace.run_in_process("import", "alpha", bought).code == 0
    assert direct_workspace.run_in_process("plan", "--detailed-exitcode").code == 0
    assert (direct_workspace.purchases, direct_workspace.ledger_counts("release")) == ({"alpha": 1}, {})
