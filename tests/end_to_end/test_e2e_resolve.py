"""A person settles a doubt: the decision is recorded, nothing is sent by it, and slips change nothing."""

import pytest
from support.fault_proxy import resetting


@pytest.fixture
def doubtful(site, proxy):
    """The purchase of `alpha` was lost on its way; `beta` is bought."""
    site.write("servers: {alpha: {}, beta: {}}\n")
    proxy.on(resetting(executed=False), name="alpha")
    assert site.apply().code == 6
    return site


def records(site) -> list[str]:
    return [record["type"] for record in site.whole_records]


def test_absent_lets_the_next_apply_buy_it_once(doubtful):
    resolved = doubtful.here("resolve", "alpha", "--absent", "--reason", "looked at orders and servers")
    assert resolved.code == 0
    assert "the next apply may buy 'alpha'" in resolved.out
    (settled,) = [record for record in doubtful.whole_records if record["type"] == "settled"]
    assert settled["outcome"] == "absent"
    assert "looked at orders and servers" in settled["evidence"]
    assert doubtful.purchases == {"beta": 1}
    assert doubtful.apply().code == 0
    assert doubtful.purchases == {"alpha": 1, "beta": 1}


def test_adopting_goes_on_with_the_server_that_was_named(site, proxy):
    site.write("servers: {alpha: {}}\n")
    proxy.on(resetting(executed=True), name="alpha")
    assert site.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
    (purchase,) = [entry for entry in site.ledger if entry.kind == "purchase"]
    resolved = site.here("resolve", "alpha", "--adopt", purchase.server_id)
    assert resolved.code == 0
    assert f"adopted {purchase.server_id}" in resolved.out
    assert site.apply().code == 0
    assert site.purchases == {"alpha": 1}
    assert site.state()["resources"]["alpha"]["id"] == purchase.server_id


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
    refused = doubtful.here("resolve", *arguments)
    assert refused.code == 1
    assert f"Error[{code}]" in refused.err
    assert "help:" in refused.err
    assert records(doubtful) == before
    assert doubtful.apply().code == 6


def test_a_server_of_another_address_is_not_given_away(doubtful):
    owned = doubtful.state()["resources"]["beta"]["id"]
    refused = doubtful.here("resolve", "alpha", "--adopt", owned)
    assert refused.code == 1
    assert "server-owned" in refused.err
    assert doubtful.apply().code == 6


@pytest.mark.parametrize("flags", [(), ("--absent", "--adopt", "x")])
def test_one_of_the_two_must_be_said(doubtful, flags):
    refused = doubtful.here("resolve", "alpha", *flags)
    assert refused.code == 1
    assert "either --adopt ID or --absent" in refused.err


class TestListed:
    """`--absent` is no word on a server that is there for all to see."""

    @pytest.fixture
    def listed(self, site, proxy):
        site.write("servers: {alpha: {}}\n")
        proxy.on(resetting(executed=True), name="alpha")
        assert site.here("apply", "--auto-approve", "--resolve-timeout", "0").code == 6
        return site

    @pytest.fixture
    def bought(self, listed):
        (purchase,) = [entry for entry in listed.ledger if entry.kind == "purchase"]
        return purchase.server_id

    def test_it_is_refused_and_apply_goes_on_with_that_server(self, listed, bought):
        before = records(listed)
        refused = listed.here("resolve", "alpha", "--absent", "--reason", "surely not")
        assert refused.code == 1
        assert "Error[server-listed]" in refused.err
        assert bought in refused.err
        assert records(listed) == before
        assert listed.apply().code == 0
        assert listed.purchases == {"alpha": 1}

    def test_whoever_means_it_has_that_server_renamed_first(self, listed, bought, console):
        console.rename(bought, "somebody-elses")
        resolved = listed.here("resolve", "alpha", "--absent")
        assert resolved.code == 0
        assert f"Warning[passed-over]: what may be it after all: server {bought} (somebody-elses" in resolved.err
        assert listed.apply().code == 0
        assert listed.purchases == {"alpha": 2}

    def test_or_lets_it_go_as_it_is(self, listed, bought):
        assert listed.here("resolve", "alpha", "--adopt", bought).code == 0
        assert listed.here("state", "rm", "alpha", "--auto-approve").code == 0
        listed.write("servers: {alpha: {name: omega}}\n")
        assert listed.apply().code == 0
        assert listed.purchases == {"alpha": 1, "omega": 1}
        assert listed.entries("release") == {}


def test_an_answer_that_named_another_server_is_put_right(served, sandbox):
    rows = {"id": "11111111-2222-3333-4444-555555555555"}
    sandbox.arm({"at": "CreateDevServer", "times": 1, "fault": "rewrite", "rows": rows})
    served.write("servers: {alpha: {timeouts: {create: 30}}}\n")
    assert served.apply().code == 7
    (bought,) = [entry.server_id for entry in served.ledger if entry.kind == "purchase"]
    told = " ".join(served.here("plan").text.split())
    assert f"`provisioner resolve 'alpha' --absent`, then `provisioner import 'alpha' {bought}`" in told
    assert "release it" not in told
    given_up = served.here("resolve", "alpha", "--absent")
    assert f"what may be it after all: server {bought}" in given_up.text
    assert served.apply().code == 4, "nothing is bought beside it"
    assert served.here("import", "alpha", bought).code == 0
    assert served.here("plan", "--detailed-exitcode").code == 0
    assert (served.purchases, served.entries("release")) == ({"alpha": 1}, {})
