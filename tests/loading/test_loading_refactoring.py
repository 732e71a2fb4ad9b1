"""`imports:`, `moved:` and `removed:` as they are written, and what is said of slips in them."""

from __future__ import annotations

import pytest
from support.builders import an_address

from provisioner.model.refactoring import Import, Move, Removal

ID = "45b8fb2e-0d7c-4bb9-9d3e-3f3a7d1f5a11"


def test_all_three_are_read_from_any_file(stack):
    stack.write("servers.yaml", "servers: {gateway: {}, worker: {count: 1}}\n")
    stack.write("a.yaml", f"imports: [{{to: gateway, id: {ID}}}]\nmoved: [{{from: trainer, to: worker}}]\n")
    stack.write("b.yaml", "removed: [{from: 'edge[\"north\"]'}]\nimports:\n")
    read = stack.load().refactoring
    assert [(one.address, one.id) for one in read.imports] == [(an_address("gateway"), ID)]
    assert [(one.origin, one.address) for one in read.moves] == [(an_address("trainer"), an_address("worker"))]
    assert [one.address for one in read.removals] == [an_address('edge["north"]')]
    assert all(isinstance(one, Import | Move | Removal) for one in (*read.imports, *read.moves, *read.removals))
    assert str(read.moves[0].source) == "specs/a.yaml:2:9"


def test_an_id_may_be_a_variable_as_each_environment_has_its_own(stack):
    stack.variables(f"edge_id: {{type: string, default: {ID}}}")
    stack.write("servers.yaml", 'servers: {edge: {}}\nimports: [{to: edge, id: "{{ var.edge_id }}"}]\n')
    assert [one.id for one in stack.load().refactoring.imports] == [ID]


@pytest.mark.parametrize(
    ("specs", "code", "column"),
    [
        ("moved: {from: a, to: b}", "wrong-type", 1),
        ("moved: [a]", "wrong-type", 9),
        ("moved: [{from: a}]", "missing-field", 9),
        ("moved: [{from: a, to: b, too: c}]", "unknown-field", 26),
        ("moved: [{from: 3, to: b}]", "wrong-type", 16),
        ("moved: [{from: a b, to: b}]", "invalid-address", 16),
        ("moved: [{from: a@deposed, to: gateway}]", "invalid-address", 16),
        ("moved: [{from: gateway, to: b}]", "still-declared", 9),
        ("moved: [{from: pool, to: other}]", "still-declared", 9),
        ("moved: [{from: a, to: b}, {from: a, to: c}]", "moved-twice", 27),
        ("moved: [{from: a, to: a}]", "move-cycle", 9),
        ("removed: [{from: gateway}]", "still-declared", 11),
        ("removed: [{from: pool}]", "still-declared", 11),
        ("removed: [{from: a}, {from: a}]", "moved-twice", 22),
        ("imports: [{to: nobody, id: x}]", "undeclared-address", 11),
        ("imports: [{to: gateway, id: x y}]", "invalid-value", 29),
        ('imports: [{to: gateway, id: "{{ var.nothing }}"}]', "undefined-variable", 29),
        ("imports: [{to: gateway, id: x}, {to: 'pool[0]', id: x}]", "imported-twice", 33),
        ("imports: [{to: gateway, id: x}, {to: gateway, id: z}]", "imported-twice", 33),
    ],
)
def test_a_slip_is_told_where_it_stands(stack, specs, code, column):
    stack.write("servers.yaml", "servers: {gateway: {}, pool: {count: 2}}\n")
    finding = stack.write("z.yaml", specs + "\n").mistake()
    assert (finding.code, finding.source.line, finding.source.column) == (code, 1, column)
    assert finding.hint or code == "invalid-value"


def test_moves_in_a_circle_are_one_mistake_with_every_place(stack):
    stack.write("servers.yaml", "servers: {gateway: {}}\n")
    found = stack.write("z.yaml", "moved: [{from: a, to: b}, {from: b, to: a}]\n").mistakes()
    assert [(one.code, one.summary) for one in found] == [("move-cycle", "moved leads back to itself: a -> b -> a")]
    assert found[0].detail == "a is moved at specs/z.yaml:1:9\nb is moved at specs/z.yaml:1:27"


def test_a_server_may_move_into_the_group_of_its_own_name(stack):
    stack.write("servers.yaml", 'servers: {trainer: {count: 2}}\nmoved: [{from: trainer, to: "trainer[0]"}]\n')
    assert len(stack.load().refactoring.moves) == 1


def test_what_a_broken_server_would_declare_is_not_called_undeclared(stack):
    specs = "servers: {gateway: {flavour: x}}\nimports: [{to: gateway, id: x}]\n"
    assert {one.code for one in stack.mistakes(specs)} == {"unknown-field"}
