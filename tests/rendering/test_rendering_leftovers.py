"""The list of what releases have left."""

from __future__ import annotations

from support.builders import an_address

from provisioner.model.left_behind import LeftBehind
from provisioner.model.leftover import Leftover
from provisioner.rendering.leftovers import leftovers_document, render_leftovers
from provisioner.rendering.style import Style

PLAIN = Style(color=False)
FOUND = (
    LeftBehind(0, an_address("trainer[0]"), "id-1", (Leftover("data disk vol-1 (500 GB)", "vol-1", 500),)),
    LeftBehind(1_000, an_address("edge"), None, (Leftover("data disks ordered with it (2)"),)),
)


def test_each_disk_has_a_line_and_what_can_be_done_is_said_once():
    text = render_leftovers(FOUND, PLAIN, location="state/demo.json")
    lines = text.splitlines()
    assert lines[3].split() == ["1970-01-01T00:00:00Z", "trainer[0]", "id-1", *["data", "disk", "vol-1", "(500", "GB)"]]
    assert lines[4].split()[:3] == ["1970-01-01T00:00:01Z", "edge", "unknown"]
    assert " ".join(lines[5:]).count("console") == 1


def test_where_nothing_is_left_that_is_said():
    text = render_leftovers((), PLAIN, location="state/demo.json")
    assert text == "No release recorded at state/demo.json has left anything.\n"


def test_the_document_has_a_row_a_disk():
    rows = leftovers_document(FOUND)["leftovers"]
    assert rows[0] == {
        "since": "1970-01-01T00:00:00.000Z",
        "address": "trainer[0]",
        "server": "id-1",
        "what": "data disk vol-1 (500 GB)",
        "id": "vol-1",
        "size_gb": 500,
    }
    assert (rows[1]["id"], rows[1]["size_gb"]) == (None, None)
