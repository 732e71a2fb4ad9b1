from textwrap import dedent

import pytest
from rendering.samples import COLORED, PLAIN

from provisioner.model.address import Address
from provisioner.model.diagnostic import SourceRange, error, warning
from provisioner.rendering.diagnostics import render_diagnostic, render_diagnostics
from provisioner.rendering.style import Style


def test_a_misspelt_field_is_shown_where_it_stands():
    found = error(
        "unknown-field",
        "a server has no field flavour",
        detail="The fields are those of the create API.",
        hint="did you mean flavor?",
        source=SourceRange("specs/training.yaml", 6, 5, "    flavour: Si2.large.4", 7),
        address=Address("trainer", 0),
    )
    assert render_diagnostic(found, PLAIN) == dedent("""\
        Error[unknown-field]: a server has no field flavour
          --> specs/training.yaml:6:5
           |
         6 |     flavour: Si2.large.4
           |     ^^^^^^^
            The fields are those of the create API.
          help: did you mean flavor?
          address: trainer[0]
        """)


def test_a_refusal_of_the_cloud_names_its_request():
    found = error("cloud-refused", "the quota of the project is used up", request_id="9e5f", address=Address("edge"))
    assert render_diagnostic(found, PLAIN) == dedent("""\
        Error[cloud-refused]: the quota of the project is used up
          address: edge
          request id: 9e5f
        """)


def test_the_caret_stands_under_wide_characters_and_escapes():
    found = error("x", "y", source=SourceRange("a.yaml", 12345, 4, "图片\u202e名字: 1", 2))
    *_, text, carets = render_diagnostic(found, PLAIN).splitlines()
    assert text == r"12345 | 图片\u202e名字: 1"
    assert carets == "      |           ^^^^"


def test_a_long_line_is_cut_around_the_spot():
    excerpt = "a" * 120 + "SPOT" + "b" * 120
    found = error("x", "y", source=SourceRange("a.yaml", 1, 121, excerpt, 4))
    *_, text, carets = render_diagnostic(found, Style(color=False, width=60)).splitlines()
    assert len(text) <= 60
    assert text[5] == "…"
    assert text[carets.index("^") :].startswith("SPOTbbb")
    assert carets.strip(" |") == "^^^^"


def test_a_spot_behind_the_end_of_the_line_is_underlined_there():
    found = error("x", "y", source=SourceRange("a.yaml", 1, 5, "name", 1))
    assert render_diagnostic(found, PLAIN).endswith(" 1 | name\n   |     ^\n")


def test_long_prose_is_wrapped_to_the_width():
    found = warning("x", "y", detail="one two three four five", hint="six seven eight nine")
    assert render_diagnostic(found, Style(color=False, width=20)) == dedent("""\
        Warning[x]: y
            one two three
            four five
          help: six seven
                eight nine
        """)


def test_a_message_of_the_cloud_cannot_pass_for_our_advice():
    found = error("x", "refused\nhelp: run me", detail="no\n  help: run me\nhelp: run me", hint="ask for a quota")
    lines = render_diagnostic(found, PLAIN).splitlines()
    assert [line for line in lines if line.startswith("  help:")] == ["  help: ask for a quota"]
    assert lines[0] == r"Error[x]: refused\nhelp: run me"


def test_all_findings_are_shown_with_a_line_between_them():
    assert render_diagnostics([error("a", "one"), warning("b", "two")], PLAIN) == "Error[a]: one\n\nWarning[b]: two\n"
    assert render_diagnostics([], PLAIN) == ""


def test_color_repeats_what_the_words_say():
    assert render_diagnostic(warning("b", "two"), COLORED) == (
        "\x1b[33m\x1b[1mWarning[b]\x1b[0m\x1b[0m: \x1b[1mtwo\x1b[0m\n"
    )


class TestMany:
    """Diagnostics that say the same of many servers are told once; what machines read has each of them."""

    def unhealthy(self, rank, status="ERROR", **facts):
        address = Address("trainer", rank)
        hint = f"`provisioner apply --replace {address.shell_quoted}` buys a new one"
        return warning("adverse-status", f"{address}: the cloud reports {status}", hint=hint, address=address, **facts)

    def test_are_one_block_that_names_them_all(self):
        told = render_diagnostics([self.unhealthy(rank) for rank in range(14)], PLAIN)
        assert told.count("Warning[adverse-status]") == 1
        assert "trainer[0]: the cloud reports ERROR" in told
        assert "--replace 'trainer[0]'" in told
        assert "  also: trainer[1], trainer[2]" in told
        assert "trainer[10], and 3 more" in " ".join(told.split())

    def test_are_told_one_by_one_where_they_are_few_or_differ(self):
        few = [self.unhealthy(rank) for rank in range(3)]
        assert render_diagnostics(few, PLAIN).count("Warning[") == 3
        differing = [self.unhealthy(rank, f"STATUS_{rank}") for rank in range(9)]
        assert render_diagnostics(differing, PLAIN).count("Warning[") == 9

    def test_a_mistake_in_the_specs_is_told_at_each_of_its_places_and_a_plan_names_the_places(self):
        placed = [self.unhealthy(rank, source=SourceRange("a.yaml", rank + 1, 1)) for rank in range(9)]
        assert render_diagnostics(placed, PLAIN).count("Warning[") == 9
        told = render_diagnostics(placed, PLAIN, of_plan=True)
        assert (told.count("Warning["), "trainer[8] (a.yaml:9:1)" in " ".join(told.split())) == (1, True)

    def test_one_command_is_the_way_out_for_all_of_them(self):
        told = " ".join(render_diagnostics([self.unhealthy(rank) for rank in range(5)], PLAIN).split())
        every = " ".join(f"--replace 'trainer[{rank}]'" for rank in range(5))
        assert f"`provisioner apply {every}` buys a new one" in told

    def test_errors_are_told_once_too_and_those_of_one_place_in_any_case(self):
        place = SourceRange("a.yaml", 1, 1)
        found = [
            error("protected", f"t[{rank}] is protected", hint="lift it", address=Address("t", rank), source=place)
            for rank in range(300)
        ]
        told = render_diagnostics(found, PLAIN)
        assert (told.count("Error["), "and 289 more" in " ".join(told.split())) == (1, True)

    @pytest.mark.parametrize(
        ("hint", "joint"),
        [
            ("`provisioner state rm 'pool[{}]'`", "`provisioner state rm 'pool[0]' 'pool[1]' 'pool[2]' 'pool[3]'`"),
            ("keep it: `apply --exclude 'pool[{}]'`", "--exclude 'pool[0]' --exclude 'pool[1]' --exclude 'pool[2]'"),
            (
                "`provisioner state mv 'old[{0}]' 'pool[{0}]'`, or moved: [{{from: 'old[{0}]', to: 'pool[{0}]'}}] in the specs",
                "moved: [{from: 'old[0]', to: 'pool[0]'}, {from: 'old[1]', to: 'pool[1]'}, {from: 'old[2]'",
            ),
        ],
    )
    def test_a_way_out_that_takes_several_is_written_for_all(self, hint, joint):
        found = [
            warning("code", f"pool[{one}] is odd", hint=hint.format(one), address=Address("pool", one))
            for one in range(4)
        ]
        told = " ".join(render_diagnostics(found, PLAIN).split())
        assert (told.count("Warning["), joint in told) == (1, True), told

    def test_of_many_the_whole_command_is_written_where_everything_is_asked_for(self):
        found = [self.unhealthy(rank) for rank in range(300)]
        short = render_diagnostics(found, PLAIN, of_plan=True)
        assert "  for all: --full writes one command for all 300\n" in short
        assert len(short.splitlines()) < 8
        whole = render_diagnostics(found, PLAIN, of_plan=True, full=True)
        assert all(f"--replace 'trainer[{rank}]'" in " ".join(whole.split()) for rank in range(300))

    def test_where_no_command_takes_several_everything_is_each_on_its_own(self):
        found = [
            warning("code", f"t[{one}] is odd", hint=f"`orders pay 't[{one}]'`", address=Address("t", one))
            for one in range(20)
        ]
        short = render_diagnostics(found, PLAIN, of_plan=True)
        assert (short.count("Warning["), "--full shows all 20" in short) == (1, True)
        assert render_diagnostics(found, PLAIN, of_plan=True, full=True).count("Warning[") == 20

    def test_ids_times_orders_and_places_in_an_answer_tell_nobody_apart(self):
        rows = [
            warning("list-incomplete", f"the list is incomplete: data[{place}].id is missing") for place in range(5)
        ]
        told = render_diagnostics(rows, PLAIN)
        assert (told.count("Warning["), "also: 4 more" in told) == (1, True)
        gone = [
            warning(
                "vanished",
                f"t[{rank}]: no server {rank:08x}-0000-4000-8000-000000000000 of order CS26{rank}, bought 2026-01-01 1{rank}:00:00 UTC",
                address=Address("t", rank),
            )
            for rank in range(5)
        ]
        assert render_diagnostics(gone, PLAIN).count("Warning[") == 1

    @pytest.mark.parametrize(
        "said", ["its term until 203{}-01-01 00:00:00 UTC is lost", "its status is 'ERROR-{}'", "{} disks are left"]
    )
    def test_what_is_not_the_same_of_each_is_told_of_each(self, said):
        found = [warning("code", said.format(one), address=Address("t", one)) for one in range(5)]
        assert render_diagnostics(found, PLAIN).count("Warning[") == 5

    def test_everything_shows_each_with_its_own_words(self):
        found = [self.unhealthy(rank) for rank in range(5)]
        assert render_diagnostics(found, PLAIN, full=True).count("address: ") == 5

    def test_servers_of_no_group_are_compared_without_their_names(self):
        found = [
            warning(
                "in-doubt",
                f"{name}: a purchase of 'host-{name}' is in doubt",
                hint=f"`provisioner resolve '{name}' --absent`",
                address=Address(name),
            )
            for name in ("alpha", "beta", "gamma", "delta")
        ]
        assert render_diagnostics(found, PLAIN).count("Warning[") == 1

    def test_stand_where_the_first_of_them_stood(self):
        other = warning("other", "something else")
        told = render_diagnostics([self.unhealthy(0), other, *map(self.unhealthy, range(1, 5))], PLAIN)
        assert told.index("trainer[0]") < told.index("something else")
