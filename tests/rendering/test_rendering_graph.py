"""The graph of a stack: groups instead of servers, what waits for what, and names that can't break a drawing."""

import re

from support.builders import a_desired

from provisioner.kinds import CATALOGUE
from provisioner.model.address import Address
from provisioner.model.resource import Lifecycle
from provisioner.model.stack_graph import StackGraph, groups_of, triggers_of
from provisioner.rendering.graph import render_graph, render_mermaid
from provisioner.rendering.style import Style

NODE = re.compile(r'  (g\d+(?:w\d+ --> g\d+w\d+| --> g\d+w\d+)?)\["[\w #;.,:()/<>-]*"\]')
EDGE = re.compile(r'  g\d+ -\.->\|"[\w #;.,:()/<>-]*"\| g\d+')


def graph(*desired) -> StackGraph:
    counted = CATALOGUE.counted(len(desired), ())
    return StackGraph("demo", "dev", counted, groups_of(desired, CATALOGUE), triggers_of(desired))


def text(*desired) -> str:
    return render_graph(graph(*desired), Style(color=False))


def mermaid(*desired) -> list[str]:
    """The lines, each of which has one of the three forms that Mermaid knows here."""
    first, *lines = render_mermaid(graph(*desired)).splitlines()
    assert first == "flowchart LR"
    assert all(NODE.fullmatch(line) or EDGE.fullmatch(line) for line in lines), lines
    return lines


def triggered_by(*causes: str) -> Lifecycle:
    return Lifecycle(replace_triggered_by=tuple(map(Address.parse, causes)))


def pool(number: int, **facts) -> list:
    return [a_desired(f"pool[{index}]", **facts) for index in range(number)]


def test_a_stack_without_servers() -> None:
    assert text() == "Stack demo, environment dev: 0 servers.\n"
    assert mermaid() == []


def test_groups_have_counts_and_what_is_declared_of_them() -> None:
    shown = text(
        a_desired("gateway", lifecycle=Lifecycle(prevent_destroy=True)),
        *pool(3, together=True, lifecycle=Lifecycle(create_before_destroy=True)),
    )
    assert "  gateway  1 server, protected\n" in shown
    assert "  pool     3 servers, bought together, successor first\n" in shown
    assert "pool[" not in shown
    assert shown.endswith("Order of work: everything is done at the same time.\n")


def test_waves_are_counted_and_equal_ones_told_once() -> None:
    members = [a_desired(f"pool[{index}]", wave=min(index, 1) + max(index - 3, 0) // 10) for index in range(44)]
    assert "  pool: 1 -> 12 -> 10 (3 times) -> 1\n" in text(*members)
    chain = [line for line in mermaid(*members) if "w" in line.partition("[")[0]]
    assert [line.partition("[")[2] for line in chain] == [
        '"wave 1<br/>1 server"]',
        '"wave 2<br/>12 servers"]',
        '"waves 3 to 5<br/>10 servers each"]',
        '"wave 6<br/>1 server"]',
    ]
    assert chain[0].startswith("  g0 --> g0w0")
    assert chain[3].startswith("  g0w2 --> g0w3")


def test_many_waves_of_different_sizes_are_cut() -> None:
    members = [a_desired(f"pool[{index}]", wave=int(index**0.5)) for index in range(400)]
    assert "-> 15 -> 12 more waves\n" in text(*members)
    assert "12 more waves" in mermaid(*members)[-1]


def test_triggers_name_the_servers_only_where_they_are_a_part() -> None:
    shown = text(
        a_desired("gateway"),
        *pool(3, lifecycle=triggered_by("gateway")),
        a_desired("all", lifecycle=triggered_by("pool")),
        a_desired("one", lifecycle=triggered_by("pool[1]")),
        a_desired("two", lifecycle=triggered_by("pool[1]", "pool[2]")),
        a_desired("some[0]", lifecycle=triggered_by("gateway")),
        a_desired("some[1]"),
        a_desired("none", lifecycle=triggered_by("empty")),
    )
    for line in (
        "gateway -> pool",
        "pool -> all",
        "pool[1] -> one",
        "pool (2 of 3) -> two",
        "gateway -> some (1 of 2)",
        "empty -> none",
    ):
        assert f"  {line}\n" in shown
    assert "  empty    0 servers\n" in shown


def test_a_thousand_servers_are_a_few_lines_however_they_are_declared() -> None:
    counted = [a_desired(f"pool[{index}]", wave=index // 100) for index in range(400)]
    alike = [a_desired(f"node{index:03}", lifecycle=triggered_by("pool")) for index in range(600)]
    shown = text(*counted, *alike, a_desired("gateway"))
    assert len(shown.splitlines()) < 20
    assert "node000, node001, node002 and 597 more  600 groups of 1 server\n" in shown
    assert "  pool -> node000, node001, node002 and 597 more\n" in shown
    assert len(mermaid(*counted, *alike, a_desired("gateway"))) == 5


def test_no_name_breaks_a_drawing_or_a_terminal() -> None:
    keys = (
        'a"b',
        "x</b>`#;",
        "--> y",
        '"]; click g0 "javascript:',
        "end",
        "\x1b[2J",
        "\u202e",
        "北京",
        "a|b",
        "%%{init}",
    )
    desired = [
        *(a_desired(str(Address("end", key)), lifecycle=triggered_by(str(Address("pool", key)))) for key in keys),
        *(a_desired(str(Address("pool", key))) for key in keys[:-1]),
        *(
            a_desired(f"c{number}", lifecycle=triggered_by(str(Address("pool", key))))
            for number, key in enumerate(keys)
        ),
    ]
    lines = mermaid(*desired)
    assert len([line for line in lines if EDGE.fullmatch(line)]) == len(keys) + 1
    assert any("北京" in line for line in lines)
    for shown in (text(*desired), "\n".join(lines)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
