"""What a person copies is never cut: ids, addresses, commands, values. What does not fit a terminal takes more lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering.samples import create
from rendering.samples import plan as plan_of
from rendering.test_rendering_history import a_purchase, read
from rendering.test_rendering_orders import ORDER
from support.builders import change_of

from provisioner.model.action import Action, FieldChange
from provisioner.model.address import Address
from provisioner.model.event import Event, EventType
from provisioner.model.resource import Live
from provisioner.planning import UnmanagedServer
from provisioner.rendering.adoption import render_unmanaged
from provisioner.rendering.blocks import block_text, changed_members
from provisioner.rendering.history import render_history
from provisioner.rendering.orders import render_orders
from provisioner.rendering.plan import render_plan
from provisioner.rendering.progress import LiveTable
from provisioner.rendering.style import Style, cells, wrap
from provisioner.rendering.table import table_text
from provisioner.rendering.values import LONGEST_VALUE, shortened, shortened_pair

NARROW = Style(color=False, width=40, columns=40)
PIPE = Style(color=False, width=40)
LONG_ADDRESS = 'module.training.pool["a-very-long-key-that-somebody-chose"]'
IDS = ("62383738-e52a-450a-9f84-f9e705402be8", "CS2311140000000000000000000000")


def squeezed(text: str) -> str:
    return "".join(text.split())


class TestTheTableOfARun:
    @pytest.mark.parametrize("address", ["gateway", "trainer[2]", LONG_ADDRESS])
    @pytest.mark.parametrize("width", [40, 60, 80])
    def test_ids_and_addresses_are_whole_at_every_width(self, address, width):
        table = LiveTable(1, Style(color=False, width=width), clock=lambda: 0.0)
        identifier, order = IDS
        table.update(Event(EventType.BOUGHT, Address.parse(address), Action.CREATE, id=identifier, order_id=order))
        bought = table.lines(20)
        table.update(Event(EventType.FINISHED, Address.parse(address), Action.CREATE, id=identifier, elapsed=185))
        finished = table.lines(20)
        assert max(map(cells, (*bought, *finished))) <= width
        assert squeezed(address) in squeezed("".join(finished))
        assert identifier in squeezed("".join(finished))

    def test_a_row_that_does_not_fit_the_height_is_counted(self):
        table = LiveTable(9, Style(color=False, width=60), clock=lambda: 0.0)
        for index in range(9):
            table.update(Event(EventType.FINISHED, Address("trainer", index), Action.CREATE, id=IDS[0], elapsed=185))
        for height in range(2, 40):
            lines = table.lines(height)
            assert len(lines) <= height
            shown = sum("trainer[" in line for line in lines)
            assert sum(IDS[0] in line for line in lines) == shown
            assert shown == 9 or f"  and {9 - shown} more" in lines

    def test_a_status_of_a_server_under_way_takes_one_line(self):
        table = LiveTable(1, NARROW, clock=lambda: 0.0)
        table.update(Event(EventType.WAITING, Address("trainer", 0), Action.CREATE, detail="BUILDING " * 20))
        assert len(table.lines(20)) == 2


ROWS = [(LONG_ADDRESS, IDS[0], "", "ready"), ("gateway", IDS[1], "yes", "x" * 100)]


def test_a_table_wider_than_the_terminal_becomes_a_list():
    text = table_text(("address", "id", "renews", "status"), ROWS, NARROW)
    assert text == (
        f"address  {LONG_ADDRESS}\nid       {IDS[0]}\nstatus   ready\n"
        f"\naddress  gateway\nid       {IDS[1]}\nrenews   yes\nstatus   {'x' * 100}\n"
    )


def test_a_table_that_fits_or_is_piped_has_a_row_each():
    for style in (PIPE, Style(color=False, width=80, columns=300)):
        assert len(table_text(("address", "id", "renews", "status"), ROWS, style).splitlines()) == 3
    assert render_orders([ORDER], PIPE).count("\n") == 2
    assert render_orders([ORDER], NARROW).startswith("address  ")


def test_the_list_of_what_nobody_owns_breaks_into_lines():
    row = Live("dev_server", IDS[0], "a-name-of-some-length", "RUNNING")
    found = [UnmanagedServer(row, "it is being built", particulars=("Si2.large.4", "PRE_PAID"))]
    assert render_unmanaged(found, NARROW).splitlines()[2:] == [
        "  1", "      a-name-of-some-length", f"      {IDS[0]}", "      Si2.large.4", "      PRE_PAID", "      RUNNING",
        "      cannot be taken over: it is being built",
    ]  # fmt: skip
    assert len(render_unmanaged(found, PIPE).splitlines()) == 3


def test_the_history_breaks_into_lines():
    history = read(*a_purchase())
    for line in render_history(history, PIPE).splitlines():
        assert squeezed(line) in squeezed(render_history(history, NARROW))
    assert "      order=CS1\n" in render_history(history, NARROW)


def test_a_command_in_a_sentence_stays_in_one_piece():
    command = "`provisioner apply --replace 'trainer[0]' --allow mass-change`"
    lines = [*wrap(f"to buy it again run {command}, or leave it out", 30)]
    assert lines == ["to buy it again run", f"{command},", "or leave it out"]
    assert [*wrap("it's a ` alone in a text of words", 12)] == ["it's a `", "alone in a", "text of", "words"]


class TestLongValuesOfAPlan:
    LONG = "x" * 4_096

    def test_on_a_terminal_they_say_how_long_they_are(self):
        text = render_plan(plan_of(create("gateway", note=self.LONG)), NARROW)
        assert self.LONG not in text
        assert '..." (4,096 characters, sha256 ' in text

    def test_in_a_pipe_they_are_whole(self):
        assert f'"{self.LONG}"' in render_plan(plan_of(create("gateway", note=self.LONG)), PIPE)

    @given(st.integers(0, 4_095), st.sampled_from(["y", "", "xx"]))
    def test_two_that_differ_never_look_the_same(self, place, other):
        changed = f"{self.LONG[:place]}{other}{self.LONG[place + 1 :]}"
        if changed != self.LONG:
            before, after = shortened_pair(f'"{self.LONG}"', f'"{changed}"')
            assert before != after
            assert shortened(f'"{self.LONG}"') != shortened(f'"{changed}"')

    def test_a_change_is_shown_where_it_begins(self):
        changed = f"{self.LONG[:3_000]}here{self.LONG[3_000:]}"
        fields = [FieldChange(("note",), self.LONG, changed)]
        text = "\n".join(block_text(changed_members(fields), NARROW, indent="", shorten=True))
        assert "xxxhere" in text
        assert len(text) < 1_000
        change = change_of(
            Address("gateway"),
            "dev_server",
            Action.UPDATE,
            after={"name": "gateway", "note": changed},
            fields=tuple(fields),
        )
        piped = render_plan(plan_of(change), PIPE)
        assert f'"{self.LONG}"\n' in piped
        assert f'-> "{changed}"\n' in piped

    def test_contents_whose_digests_begin_alike_are_told_apart(self):
        before, after = ({"sha256": f"1a2b3c4d{digit * 56}"} for digit in "01")
        text = "\n".join(block_text(changed_members([FieldChange(("userdata",), before, after)]), NARROW, indent=""))
        assert f"1a2b3c4d{'0' * 56}" in text
        assert f"1a2b3c4d{'1' * 56}" in text

    def test_what_is_not_very_long_is_whole(self):
        assert shortened("y" * LONGEST_VALUE) == "y" * LONGEST_VALUE
