"""What `state rebuild` shows: plain rows in a line, doubtful ones with the reason and the way on, and nothing that steers a terminal."""

from __future__ import annotations

from dataclasses import dataclass

from support.builders import a_recorded, an_address, an_intent
from support.planning_builders import bought, shown, wanted

from provisioner.model.diagnostic import error
from provisioner.model.proposal import Confidence, Proposal, Row
from provisioner.rendering.state_rebuild import proposal_document, render_parts, render_proposal
from provisioner.rendering.style import Style

PLAIN = Style(color=False, width=100)
ALPHA, BETA = an_address("alpha"), an_address("beta")
LIVE = shown(bought(wanted("beta"), id="id-of-beta"))


@dataclass(frozen=True)
class Part:
    name: str
    found: str


def a_proposal(*rows, unclaimed=(), absent=()):
    return Proposal(rows, tuple(unclaimed), tuple(absent))


def test_a_certain_row_is_a_line():
    row = Row(ALPHA, Confidence.CERTAIN, "plain", recorded=a_recorded("alpha"))
    assert render_proposal(a_proposal(row), PLAIN).splitlines() == [
        "The rebuilt state would hold 1 row:",
        "  certain    alpha  id-of-alpha",
    ]


def test_a_row_that_is_left_out_says_why_what_is_listed_and_what_to_do():
    row = Row(BETA, Confidence.AMBIGUOUS, "two of them", candidates=(LIVE, LIVE))
    text = render_proposal(a_proposal(row), PLAIN)
    assert "The rebuilt state would hold nothing." in text
    assert "ambiguous  beta  left out" in text
    assert "two of them" in text
    assert text.count("listed: id-of-beta (RUNNING)") == 2
    assert "state rebuild --force" in " ".join(text.split())


def test_an_order_and_an_open_call_are_named_as_what_they_are():
    ordered = a_recorded("alpha", id=None, order_id="CS7")
    rows = (
        Row(ALPHA, Confidence.RECORDED, "no server yet", recorded=ordered),
        Row(BETA, Confidence.IN_DOUBT, "not known", intent=an_intent("beta")),
    )
    text = render_proposal(a_proposal(*rows), PLAIN)
    assert "recorded   alpha  order CS7" in text
    assert "in doubt   beta   an open call, kept as it is" in text


def test_servers_that_nothing_is_about_are_counted_and_the_first_ones_named():
    text = render_proposal(a_proposal(unclaimed=[LIVE] * 12), PLAIN)
    assert "12 servers that belong to no row: beta (id-of-beta)" in text
    assert "and 2 more." in text


def test_purchases_that_were_believed_absent_are_no_rows_and_are_named():
    text = render_proposal(a_proposal(absent=[an_intent("alpha")] * 12), PLAIN)
    assert "would hold nothing" in text
    assert "12 purchases" in text
    assert "alpha, alpha" in text
    assert "and 2 more" in " ".join(text.split())


def test_what_files_and_clouds_bring_reaches_no_terminal_unescaped():
    from dataclasses import replace

    evil = "\x1b]0;owned\x07\u202e"
    row = Row(ALPHA, Confidence.UNKNOWN, evil, candidates=(replace(LIVE, id=evil, status=evil),))
    kept = Row(BETA, Confidence.LIKELY, evil, recorded=a_recorded("beta", id=evil))
    text = render_proposal(a_proposal(row, kept, unclaimed=[replace(LIVE, name=evil)]), PLAIN)
    text += render_parts([Part(evil, evil)], [error("state-damaged", evil)], PLAIN, location=evil)
    assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_parts_stand_under_each_other_with_the_damage_below():
    parts = [Part("demo.json", "missing"), Part("demo.journal", "9 lines, all readable")]
    text = render_parts(parts, [error("state-missing", "it is missing")], PLAIN, location="state/demo.json")
    assert text.splitlines() == [
        "What is left of state/demo.json:",
        "  demo.json     missing",
        "  demo.journal  9 lines, all readable",
        "  it is missing",
    ]


def test_the_document_has_a_row_for_every_address_and_no_fingerprint():
    secret = a_recorded("alpha", declared={"name": "alpha", "admin_pass": {"fingerprint": "scrypt:f0"}})
    row = Row(ALPHA, Confidence.CERTAIN, "plain", "alpha", recorded=secret, candidates=(LIVE,))
    absent = an_intent("beta", declared=secret.declared)
    document = proposal_document(
        a_proposal(row, absent=[absent]), parts=(), damage=(), notes=(), written=True, aside=["x"]
    )
    assert document["written"] is True
    assert document["kept_aside"] == ["x"]
    assert document["rows"][0]["id"] == "id-of-alpha"
    assert document["rows"][0]["candidates"][0]["name"] == "beta"
    assert document["believed_absent"] == [{"address": "beta", "name": "beta"}]
    assert "scrypt" not in str(document)
