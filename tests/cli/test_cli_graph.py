"""graph: what the specs declare, without credentials, a network or a state."""

FLEET = """\
servers:
  gateway: {}
  fleet: {count: 40, rollout: [1, 3, 50%], lifecycle: {replace_triggered_by: [gateway]}}
"""


def test_the_groups_and_the_order_of_work(cli) -> None:
    cli.write_specs(FLEET)
    ran = cli.run("graph")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Stack demo: 41 servers.\n")
    assert "  fleet    40 servers\n" in ran.out
    assert "  fleet: 1 -> 3 -> 20 -> 16\n" in ran.out
    assert "  gateway -> fleet\n" in ran.out
    drawn = cli.run("graph", "-format=mermaid")
    assert (drawn.code, drawn.err) == (0, "")
    assert drawn.out.startswith('flowchart LR\n  g0["fleet<br/>40 servers"]\n')


def test_it_needs_no_credentials_and_touches_nothing(cli) -> None:
    cli.write_stack(cloud="huaweicloud")
    assert cli.run("graph").code == 0
    assert [*cli.state.iterdir()] == []


def test_specs_with_mistakes_are_no_graph(cli) -> None:
    cli.write_specs("servers: {gateway: {flavour: x}}\n")
    cli.assert_fails("graph", code="unknown-field")
