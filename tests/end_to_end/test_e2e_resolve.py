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
