"""expiring, the renewal in the specs and in the console, and what the state keeps of a term."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from provisioner.rendering.style import escape

CHARGING = "charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true"
DAY = 86_400


def specs(**renewals):
    """By name, what the specs say of the renewal; None says nothing, False off."""
    texts = {None: "", True: ", is_auto_renew: true", False: ", is_auto_renew: false"}
    servers = [f"  {name}: {{charging_info: {{{CHARGING}{texts[flag]}}}}}" for name, flag in renewals.items()]
    return "\n".join(["servers:", "  hourly: {}", *servers, ""])


@pytest.fixture
def subscribed(cli, clock):
    """`ends` does not renew, `goes-on` does, of `silent` the specs say nothing; `hourly` has no term."""
    cli.write_specs(specs(ends=False, silent=None, **{"goes-on": True}))
    cli.apply()
    return cli


def in_the_console(cli, name, *, on):
    """Somebody switches the renewal."""
    with closing(sqlite3.connect(cli.state / ".sandbox" / "world.db")) as connection:
        connection.execute("UPDATE servers SET auto_renew = ? WHERE name = ?", (on, name))
        connection.commit()


def in_billing(cli, name):
    with closing(sqlite3.connect(cli.state / ".sandbox" / "world.db")) as connection:
        return bool(connection.execute("SELECT auto_renew FROM servers WHERE name = ?", (name,)).fetchone()[0])


def expiring(cli, *flags):
    ran = cli.run("expiring", "--json", *flags)
    assert ran.code in {0, 2}, ran.text
    return ran.document


def recorded(cli, name):
    return cli.run("state", "show", name, "--json").document["resource"]["term"]


class TestExpiring:
    def test_nothing_ends_soon(self, subscribed):
        ran = subscribed.run("expiring", "--within", "7d", "--detailed-exitcode")
        assert (ran.code, ran.out) == (0, "None of 3 prepaid servers reaches the end of its term within 7 days.\n")

    def test_what_ends_is_shown_with_when_and_whether_it_renews(self, subscribed, clock):
        clock.advance(5 * DAY)
        ran = subscribed.run("expiring")
        heading, *rows = ran.out.splitlines()
        assert heading.split() == ["address", "id", "expires", "in", "renews", "status"]
        assert [(row.split()[0], row.split()[-3]) for row in rows] == [
            ("ends", "no"),
            ("goes-on", "yes"),
            ("silent", "no"),
        ]
        assert "25 days" in rows[0]
        assert "hours" in rows[0], "what ends within 26 days does not end within 25"

    def test_for_a_pipeline(self, subscribed, clock):
        """A month of the sandbox's is a twelfth of a year."""
        clock.advance(5 * DAY)
        ran = subscribed.run("expiring", "--detailed-exitcode", "--json")
        assert (ran.code, ran.document["exit_code"], ran.document["ending"]) == (2, 2, 2)
        by_address = {one["address"]: one for one in ran.document["servers"]}
        assert {name: one["ending"] for name, one in by_address.items()} == {
            "ends": True,
            "goes-on": False,
            "silent": True,
        }
        assert by_address["ends"]["days"] == 25
        assert subscribed.run("expiring", "--within", "25d", "--detailed-exitcode").code == 0
        assert subscribed.run("expiring", "--within", "26d").code == 0

    def test_what_renews_by_itself_is_no_reason_to_stop_a_pipeline(self, cli, clock):
        cli.write_specs(specs(**{"goes-on": True}))
        cli.apply()
        clock.advance(20 * DAY)
        ran = cli.run("expiring", "--detailed-exitcode")
        assert ran.code == 0
        assert "goes-on" in ran.out

    def test_what_is_over_was_over_days_ago(self, subscribed, clock):
        clock.advance(33 * DAY)
        (ends,) = [row for row in subscribed.run("expiring").out.splitlines() if row.startswith("ends")]
        assert "days ago" in ends
        assert "in use" not in ends

    def test_what_billing_does_not_know_is_unknown_and_said_so(self, subscribed):
        with closing(sqlite3.connect(subscribed.state / ".sandbox" / "world.db")) as connection:
            connection.execute("UPDATE servers SET built = 0 WHERE name = 'ends'")
            connection.commit()
        before = subscribed.state_files()
        ran = subscribed.run("expiring", "--within", "1d", "--detailed-exitcode")
        assert ran.code == 0
        (row,) = [row for row in ran.out.splitlines() if row.startswith("ends")]
        assert row.split()[2:] == ["unknown"] * 4
        assert "Warning[expiry-unknown]: ends: billing does not say until when it is paid" in ran.stderr_text
        assert subscribed.state_files() == before

    def test_without_prepaid_servers_nobody_is_asked(self, applied):
        assert applied.run("expiring").out == "No prepaid servers are recorded.\n"
        assert expiring(applied)["servers"] == []

    def test_it_writes_nothing(self, subscribed, clock):
        clock.advance(5 * DAY)
        before = subscribed.state_files()
        expiring(subscribed)
        assert subscribed.state_files() == before

    @pytest.mark.parametrize("within", ["soon", "-1d", "1w", ""])
    def test_a_time_that_is_none(self, subscribed, within):
        ran = subscribed.run("expiring", "--within", within)
        assert (ran.code, "is not a duration" in ran.err) == (1, True)


class TestTheRenewalInTheSpecs:
    def test_it_is_switched_in_place_and_then_there_is_nothing_to_do(self, subscribed):
        subscribed.write_specs(specs(ends=True, silent=None, **{"goes-on": False}))
        planned = subscribed.run("plan")
        assert "Plan: 0 to add, 2 to change, 0 to destroy." in planned.out
        assert "is_auto_renew = false -> true" in planned.out
        subscribed.apply()
        assert (in_billing(subscribed, "ends"), in_billing(subscribed, "goes-on")) == (True, False)
        assert recorded(subscribed, "ends")["renews"] is True
        assert subscribed.run("plan", "--detailed-exitcode").code == 0
        assert len(subscribed.bought()) == 4

    def test_what_the_specs_do_not_say_any_more_is_off(self, subscribed):
        subscribed.write_specs(specs(ends=False, silent=None, **{"goes-on": None}))
        subscribed.apply()
        assert not in_billing(subscribed, "goes-on")
        assert subscribed.run("plan", "--detailed-exitcode").code == 0

    def test_to_leave_out_what_was_off_is_nothing_to_do_and_nobodys_difference_from_then_on(self, subscribed):
        subscribed.write_specs(specs(ends=None, silent=None, **{"goes-on": True}))
        assert subscribed.run("plan", "--detailed-exitcode").code == 0
        in_the_console(subscribed, "ends", on=True)
        assert subscribed.run("plan", "--detailed-exitcode").code == 0
        assert subscribed.run("drift", "--detailed-exitcode").code == 0
        subscribed.apply()
        assert in_billing(subscribed, "ends")
        subscribed.write_specs(specs(ends=False, silent=None, **{"goes-on": True}))
        subscribed.apply()
        assert not in_billing(subscribed, "ends")


class TestTheRenewalInTheConsole:
    @pytest.mark.parametrize(("name", "on"), [("ends", True), ("goes-on", False)])
    def test_plan_sees_it_and_apply_mends_it(self, subscribed, name, on):
        in_the_console(subscribed, name, on=on)
        planned = subscribed.run("plan", "--detailed-exitcode")
        assert planned.code == 2
        assert "# changed outside of the specs" in planned.out
        subscribed.apply()
        assert in_billing(subscribed, name) is not on
        assert subscribed.run("plan", "--detailed-exitcode").code == 0

    def test_what_the_specs_say_nothing_about_is_nobodys_difference(self, subscribed):
        in_the_console(subscribed, "silent", on=True)
        assert subscribed.run("plan", "--detailed-exitcode").code == 0

    def test_what_is_to_be_ignored_is_not_even_asked_about(self, subscribed, monkeypatch):
        lines = specs(ends=False, silent=None, **{"goes-on": True}).replace(
            "}}", "}, lifecycle: {ignore_changes: [charging_info.is_auto_renew]}}"
        )
        subscribed.write_specs(lines)
        in_the_console(subscribed, "ends", on=True)
        assert subscribed.run("plan", "--detailed-exitcode").code == 0

    def test_destroy_asks_nobody_about_it(self, subscribed):
        in_the_console(subscribed, "ends", on=True)
        assert "is_auto_renew = " not in subscribed.run("plan", "--destroy").out

    def test_too_many_to_ask_about_are_said_and_nothing_else_changes(self, subscribed, monkeypatch):
        monkeypatch.setattr("provisioner.workflow.terms.MOST_IN_A_PLAN", 1)
        in_the_console(subscribed, "ends", on=True)
        ran = subscribed.run("plan", "--detailed-exitcode")
        assert (ran.code, ran.out.startswith("No changes.")) == (0, True)
        assert "Warning[renewal-unread]: nobody knows whether 2 prepaid servers still renew" in ran.stderr_text

    def test_where_billing_may_not_be_asked_the_plan_goes_on_and_says_so(self, subscribed, monkeypatch):
        from provisioner.model.flow import CallFailed, Outcome
        from provisioner.workflow import terms

        async def refused(_cloud, _identifiers):
            raise CallFailed(Outcome.REFUSED, "billing is not yours to read", status=403)

        monkeypatch.setattr(terms, "read_terms", refused)
        ran = subscribed.run("plan", "--detailed-exitcode")
        assert ran.code == 0
        assert "Warning[renewal-unread]" in ran.stderr_text
        assert "billing is not yours to read" in ran.stderr_text
        subscribed.apply()


class TestTheTermInTheState:
    def test_apply_writes_down_what_is_paid_until_when(self, subscribed):
        term = recorded(subscribed, "ends")
        assert term["renews"] is False
        assert term["expires_at"] in subscribed.run("state", "show", "ends").out
        outputs = subscribed.run("output", "--json").document
        assert outputs["ends"]["expires_at"] == term["expires_at"]
        assert outputs["hourly"]["expires_at"] is None
        assert recorded(subscribed, "hourly") is None
        assert subscribed.run("history", "--verify").code == 0

    def test_an_apply_with_nothing_to_do_writes_nothing_more(self, subscribed):
        before = subscribed.state_files()
        subscribed.apply()
        assert subscribed.state_files() == before

    def test_a_term_that_was_renewed_is_told_by_the_next_apply(self, subscribed, clock):
        before = recorded(subscribed, "goes-on")
        clock.advance(32 * DAY)
        subscribed.apply()
        after = recorded(subscribed, "goes-on")
        assert after["expires_at"] > before["expires_at"]
        assert after["renews"] is True

    def test_it_is_no_deed_of_anybodys(self, subscribed):
        told = subscribed.run("history").out
        assert "outside of a run" not in told
        records = json.loads(subscribed.run("history", "ends", "--json").out)["records"]
        assert [one["entry"]["term"]["renews"] for one in records if one["entry"].get("term")] == [False]

    def test_a_new_server_at_the_address_has_a_term_of_its_own(self, subscribed, clock):
        clock.advance(60)
        before = recorded(subscribed, "ends")
        subscribed.write_specs(
            specs(ends=False, silent=None, **{"goes-on": True}).replace("ends: {", "ends: {flavor: Si2.xlarge.4, ")
        )
        ran = subscribed.run("apply", "--auto-approve", "--replace", "ends")
        assert ran.code == 0, escape(ran.text)
        assert recorded(subscribed, "ends")["expires_at"] > before["expires_at"]
