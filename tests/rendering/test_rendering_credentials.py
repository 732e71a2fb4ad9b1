"""Who we are to the cloud, in the cloud's own words, which are not trusted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rendering.samples import PLAIN

from provisioner.model.identity import CallerIdentity, Identity
from provisioner.rendering.credentials import credentials_document, render_credentials

END = datetime(2026, 1, 2, 12, tzinfo=UTC)


def known(name: str | None = "acme", *, temporary: bool = True, ends_at: datetime | None = None) -> CallerIdentity:
    endpoints = {"iam": "https://iam.example"}
    identity = Identity("d", "p", "r")
    return CallerIdentity("HW_AUTH_TOKEN", "token", identity, name, name, temporary, ends_at, endpoints)


@pytest.mark.parametrize(
    ("introduction", "says"),
    [
        (known(temporary=False), "they are revoked; permanent keys do not expire"),
        (known(ends_at=END), "2026-01-02 12:00:00 UTC"),
        (known(), "unknown; temporary keys expire within a day"),
    ],
)
def test_how_long_they_are_good_is_told(introduction, says):
    assert f"Good until:   {says}\n" in render_credentials(introduction, PLAIN)


def test_a_name_that_nobody_may_ask_for_is_left_out():
    assert "Account:      d\n" in render_credentials(known(None), PLAIN)
    assert credentials_document(known(None))["account"] == {"id": "d", "name": None}


def test_a_name_cannot_paint_the_terminal():
    told = render_credentials(known("\x1b[31mred\nGood until: 2099"), PLAIN)
    assert "\x1b" not in told
    assert len(told.splitlines()) == 7


def test_machines_get_the_end_as_a_moment():
    assert credentials_document(known(ends_at=END))["expires_at"] == "2026-01-02T12:00:00+00:00"
