"""A prepaid server that is taken over comes with the term that billing tells, and specs that say another one are refused before anything is recorded."""

from __future__ import annotations

import json

import pytest
from support.site import Site

from provisioner.sandbox import create_app
from provisioner.sandbox.serving import front

TWO_MONTHS = "{charging_mode: PRE_PAID, period_type: MONTH, period_num: 2, is_auto_pay: true, is_auto_renew: true}"


@pytest.fixture
def site(tmp_path, server, sandbox):
    world = tmp_path / "world" / "world.db"
    server.app = front(create_app(world, build_seconds=0.0), sandbox.token)
    (tmp_path / "site" / "state").mkdir(parents=True, mode=0o700)
    site = Site(tmp_path / "site", world, sandbox.url)
    site.write(f"servers: {{alpha: {{charging_info: {TWO_MONTHS}}}}}\n")
    assert site.apply().code == 0
    site.identifier = site.state()["resources"]["alpha"]["id"]
    assert site.here("state", "rm", "alpha", "--auto-approve").code == 0
    yield site
    assert (site.purchases, site.entries("release")) == ({"alpha": 1}, {})
    site.end()


def recorded(site):
    return site.state()["resources"]["alpha"]


def test_an_import_records_until_when_it_is_paid(site):
    assert site.here("import", "alpha", site.identifier).code == 0
    assert recorded(site)["declared"]["charging_info"]["period_num"] == 2
    assert (recorded(site)["term"]["renews"], recorded(site)["term"]["expires_at"] > 0) == (True, True)
    assert "expires_at" in site.here("show").text
    assert site.here("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (("period_num: 2", "period_num: 3"), "period_num: 2"),
        (("period_type: MONTH", "period_type: YEAR"), "period_type: 'MONTH'"),
    ],
)
@pytest.mark.parametrize("by_specs", [False, True])
def test_another_term_is_refused_and_the_right_one_named(site, other, named, by_specs):
    imports = f"imports: [{{to: alpha, id: {site.identifier}}}]\n" if by_specs else ""
    site.write(f"servers: {{alpha: {{charging_info: {TWO_MONTHS.replace(*other)}}}}}\n{imports}")
    refused = site.apply() if by_specs else site.here("import", "alpha", site.identifier)
    assert (refused.code, "import-differs" in refused.text) == (4 if by_specs else 1, True)
    assert f"charging_info.{named}" in refused.text
    assert "alpha" not in site.state()["resources"]


def test_a_term_that_billing_does_not_tell_is_taken_from_the_specs(site, sandbox):
    billing = ["ShowCustomerOrderDetails", "ListPayPerUseCustomerResources"]
    refusal = {"status": 403, "code": "CBC.0403", "message": "no right", "executed": False}
    sandbox.arm({"at": billing, "times": "always", "fault": "answer"} | refusal)
    site.write(f"servers: {{alpha: {{charging_info: {TWO_MONTHS.replace('2', '3')}}}}}\n")
    assert site.here("import", "alpha", site.identifier).code == 0
    assert "term" not in recorded(site) or recorded(site)["term"] is None
    site.write(f"servers: {{alpha: {{charging_info: {TWO_MONTHS}}}}}\n")
    refused = site.here("plan")
    text = " ".join(refused.text.split())
    assert refused.code == 4
    assert "`provisioner state rm 'alpha'`" in text
    assert f"`provisioner import 'alpha' {site.identifier}`" in text
    sandbox.ask("DELETE", "faults")
    assert site.here("state", "rm", "alpha", "--auto-approve").code == 0
    assert site.here("import", "alpha", site.identifier).code == 0
    assert site.here("plan", "--detailed-exitcode").code == 0


def test_adopt_writes_the_term_down(site):
    (site.folder / "specs" / "servers.yaml").unlink()
    assert site.here("adopt", "--all", "--auto-approve").code == 0
    written = (site.folder / "specs" / "adopted.yaml").read_text()
    assert all(part in written for part in ("PRE_PAID", "period_num: 2", "period_type: MONTH", "is_auto_renew: true"))
    assert recorded(site)["term"]["renews"] is True
    assert site.here("plan", "--detailed-exitcode").code == 0
    assert json.loads(site.here("plan", "--json").out)["findings"] == []


def test_a_plan_says_before_it_is_taken_over_that_the_specs_mean_pay_per_use(site):
    site.write(f"servers: {{alpha: {{}}}}\nimports: [{{to: alpha, id: {site.identifier}}}]\n")
    for _ in range(2):  # before it is taken over, and after
        told = site.here("plan", "--detailed-exitcode")
        assert (told.code, told.text.count("Warning[unconfirmed]: alpha")) == (2, 1)
        assert site.apply().code == 0
    assert recorded(site)["term"]["renews"] is True
