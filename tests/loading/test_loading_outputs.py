"""Outputs: judged with the specs, at the place of every mistake, and worked out from what is known of the servers."""

from __future__ import annotations

import pytest

from provisioner.kinds import CATALOGUE
from provisioner.model.address import Address
from provisioner.model.diagnostic import SpecError

FIELDS = CATALOGUE["dev_server"].facts.fields
SERVERS = """\
servers:
  gateway: {labels: {team: vision}}
  my-cache: {}
  trainer: {count: 3}
  pool: {for_each: [a, b]}
"""


def facts(text: str, **more):
    named = dict.fromkeys(FIELDS) | {"id": f"id-of-{text}", "name": text, "labels": {}, "private_addresses": []}
    return named | more


def everything(**missing):
    texts = ("gateway", "my-cache", "trainer[0]", "trainer[1]", "trainer[2]", 'pool["a"]', 'pool["b"]')
    return {Address.parse(text): None if text in missing.get("but", ()) else facts(text) for text in texts}


@pytest.fixture
def declared(stack):
    """The outputs of a stack with all sorts of servers."""

    def read(outputs: str):
        stack.write("servers.yaml", SERVERS)
        stack.write("outputs.yaml", f"outputs:\n{outputs}\n")
        return stack.load().outputs

    return read


def the_value(outputs, known=None):
    (found,) = outputs.values(everything() if known is None else known, outputs.names)
    return found


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"{{ servers.gateway.id }}"', "id-of-gateway"),
        ('"ssh {{ servers.gateway.name }}"', "ssh gateway"),
        ("\"{{ servers['my-cache'].id }}\"", "id-of-my-cache"),
        ('"{{ servers.trainer[1].id }}"', "id-of-trainer[1]"),
        ('"{{ servers.trainer[-1].id }}"', "id-of-trainer[2]"),
        ('"{{ servers.trainer | length }}"', 3),
        ("\"{{ servers.trainer | map(attribute='id') }}\"", [f"id-of-trainer[{rank}]" for rank in range(3)]),
        ("\"{{ servers.pool | map(attribute='id') | join(',') }}\"", 'id-of-pool["a"],id-of-pool["b"]'),
        ('"{{ servers.pool.a.id }}"', 'id-of-pool["a"]'),
        ("\"{{ servers.pool['b'].id }}\"", 'id-of-pool["b"]'),
        ('"{{ servers.pool.keys() }}"', ["a", "b"]),
        ('"{{ servers.gateway.order_id }}"', None),
        ('{value: ["{{ stack }}", 7], description: two things, sensitive: true}', ["demo", 7]),
        ("plain", "plain"),
        ("[1, true]", [1, True]),
    ],
)
def test_what_an_output_comes_to(declared, written, value):
    found = the_value(declared(f"  it: {written}"))
    assert (found.known, found.value) == (True, value)


def test_an_output_may_be_sensitive_and_described(declared):
    found = the_value(declared("  it: {value: x, sensitive: true, description: the word}"))
    assert (found.sensitive, found.description) == (True, "the word")


@pytest.mark.parametrize(
    "written",
    [
        "{{ servers.trainer[1].id }}",
        "{{ servers.trainer | map(attribute='id') }}",
        "{{ servers.trainer | map(attribute='id') | join(' ') }}",
        "{{ (servers.trainer | last).id }}",
        "{{ servers.trainer }}",
        "{{ servers | length }} {{ servers.trainer[2].id }}",
    ],
)
def test_what_is_made_of_a_server_that_is_not_there_is_not_known_yet(declared, written):
    found = the_value(declared(f'  it: "{written}"'), everything(but=("trainer[1]", "trainer[2]")))
    assert (found.known, found.value) == (False, None)


def test_a_rank_that_is_there_is_known_beside_one_that_is_not(declared):
    outputs = declared('  it: "{{ servers.trainer[0].id }} of {{ servers.trainer | length }}"')
    assert the_value(outputs, everything(but=("trainer[2]",))).value == "id-of-trainer[0] of 3"


@pytest.mark.parametrize(
    ("written", "place", "said", "hint"),
    [
        ("{{ servers.gatway.id }}", "2:7", "servers.gatway does not exist", "did you mean gateway?"),
        ("{{ servers.my-cache.id }}", "2:7", "servers.my does not exist", 'servers["a-b"]'),
        ("{{ servers.gateway.ip }}", "2:7", "servers.gateway.ip does not exist", "the fields are: id, labels"),
        ("{{ servers.gateway[0].id }}", "2:7", "servers.gateway is one server and no list", "servers.gateway.id"),
        ("{{ servers.trainer.id }}", "2:7", "is a list of servers and has no id", "servers.trainer[0].id"),
        ("{{ servers.trainer[3].id }}", "2:7", "servers.trainer[3] does not exist", "from servers.trainer[0] to servers.trainer[2]"),
        ("{{ servers.trainer[0].addr }}", "2:7", "servers.trainer[...].addr does not exist", "the fields are"),
        ("{{ servers.trainer | map(attribute='adress') }}", "2:7", "servers.trainer[...].adress", "did you mean"),
        ("{{ servers.pool.c.id }}", "2:7", "servers.pool.c does not exist", "the keys are: a, b"),
        ("{{ servers.gateway.id", "2:7", "cannot be read", "check the brackets"),
        ("{{ var.nope }}", "2:7", "var.nope is not declared", "declare it"),
        ("{{ count.index }}", "2:7", "count.index exists only in a resource", "leave count out here"),
        ("{{ servers.gateway.__class__ }}", "2:7", "__class__ is not allowed", "names begin with a letter"),
    ],
)  # fmt: skip
def test_a_slip_is_told_at_its_place_before_anything_is_bought(stack, written, place, said, hint):
    stack.write("outputs.yaml", f'outputs:\n  it: "{written}"\n')
    mistake = stack.mistake(SERVERS)
    assert str(mistake.source).endswith(f"outputs.yaml:{place}")
    assert said in mistake.summary
    assert hint in mistake.hint


@pytest.mark.parametrize(
    ("outputs", "code", "place"),
    [
        ("outputs: [a]\n", "wrong-type", "1:1"),
        ("outputs: text\n", "wrong-type", "1:1"),
        ("outputs: {1a: x}\n", "invalid-name", "1:11"),
        ("outputs: {it: {vallue: x}}\n", "unknown-field", "1:16"),
        ("outputs: {it: {description: x}}\n", "missing-field", "1:11"),
        ("outputs: {it: {value: x, sensitive: 'true'}}\n", "wrong-type", "1:37"),
        ("outputs: {it: {value: x, description: 5}}\n", "wrong-type", "1:39"),
    ],
)
def test_a_form_that_is_none_is_refused_at_its_place(stack, outputs, code, place):
    stack.write("outputs.yaml", outputs)
    mistake = stack.mistake(SERVERS)
    assert (mistake.code, str(mistake.source)) == (code, f"{mistake.source.file}:{place}")


def test_an_output_has_one_place(stack):
    stack.write("a.yaml", "outputs: {it: one}\n")
    stack.write("b.yaml", "outputs: {it: two}\n")
    mistake = stack.mistake(SERVERS)
    assert mistake.code == "duplicate-output"
    assert mistake.source.file.endswith("b.yaml")
    assert "a.yaml:1:11" in mistake.summary


def test_an_empty_section_declares_nothing(stack):
    stack.write("outputs.yaml", "outputs:\n")
    stack.write("servers.yaml", SERVERS)
    assert stack.load().outputs.names == ()


def test_what_cannot_be_worked_out_from_the_facts_is_told_at_its_place(declared):
    outputs = declared('  it: "order {{ servers.gateway.order_id }}"')
    with pytest.raises(SpecError) as refused:
        outputs.values(everything(), outputs.names)
    (finding,) = refused.value.diagnostics
    assert str(finding.source).endswith("outputs.yaml:2:7")
    assert "null cannot stand inside a text" in finding.summary


def test_servers_may_not_refer_to_each_other_yet(stack):
    mistake = stack.mistake('servers:\n  x: {labels: {other: "{{ servers.x.id }}"}}\n')
    assert mistake.code == "reference-unsupported"


@pytest.mark.parametrize("group", ["{count: 0}", "{for_each: []}", "{count: '{{ 1 - 1 }}'}"])
def test_a_group_without_servers_is_empty_and_not_unknown(stack, group):
    stack.write("servers.yaml", f"servers: {{none: {group}}}\n")
    stack.write("outputs.yaml", "outputs: {it: '{{ servers.none | length }}'}\n")
    assert the_value(stack.load().outputs, {}).value == 0
