"""Templates: what authors may write, what they are told when it fails, and that none can hurt the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loading.stack_folder import StackFolder

from provisioner.loading.template_engine import Engine
from provisioner.loading.unplaced_error import UnplacedError

SCOPE = {
    "var": {
        "team": "vision",
        "nodes": 3,
        "disks": ["vda", "vdb"],
        "sizes": {"items": 1, "a": 2},
        "flag": True,
        "nothing": None,
    },
    "stack": "demo",
    "env": "dev",
    "count": {"index": 7},
}


def value(text):
    return Engine().evaluate(text, SCOPE)


def refused(text):
    with pytest.raises(UnplacedError) as caught:
        value(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ var.nodes }}", 3),
        ("{{ var.disks }}", ["vda", "vdb"]),
        ("{{ var.nothing }}", None),
        ("{{ var.flag }}", True),
        (" {{ var.nodes }}", " 3"),
        ("{{ var.team }}-{{ env }}-{{ count.index }}", "vision-dev-7"),
        ("{{ var.flag }}/{{ 0.5 }}", "true/0.5"),
        ("{{ '%03d' | format(count.index) }}", "007"),
        ("{{ '%03d' % count.index }}", "007"),
        ("{{ var.nodes * 2 + 1 }}", 7),
        ("{{ var.team ~ '-' ~ var.nodes }}", "vision-3"),
        ("{{ var.disks | join(', ') }}", "vda, vdb"),
        ("{{ var.sizes.items }}", 1),
        ("{{ var['team'] | upper }}", "VISION"),
        ("{{ var.team.replace('v', 'V') }}", "Vision"),
        ("{{ var.team.split('s') }}", ["vi", "ion"]),
        ("{{ var.team[:3] }}", "vis"),
        ("{{ 'big' if var.nodes > 2 else 'small' }}", "big"),
        ("{{ var.other | default('none') }}", "none"),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ {'a': var.disks} | tojson }}", '{"a": ["vda", "vdb"]}'),
        ('{{ "it\'s" | quote }}', "'it'\"'\"'s'"),
        ("{{ '{%' }}", "{%"),
        ("{{ '{{' }}", "{{"),
        ("line\n{{ stack }}\n", "line\ndemo\n"),
    ],
)
def test_expressions_give_values(text, result):
    assert value(text) == result
    assert type(value(text)) is type(result)


def test_a_value_is_not_rendered_twice():
    assert Engine().evaluate("{{ var.a }}", {"var": {"a": "{{ stack }}"}}) == "{{ stack }}"


def test_a_value_is_a_copy_of_the_variable():
    assert value("{{ var.disks }}") is not SCOPE["var"]["disks"]


@pytest.mark.parametrize(
    ("text", "code", "summary", "hint"),
    [
        ("{{ var.tem }}", "undefined-variable", "var.tem is not declared", "did you mean team?"),
        ("{{ vra.team }}", "undefined-variable", "vra does not exist", "did you mean var?"),
        (
            "{{ each.key }}",
            "undefined-variable",
            "each.key and each.value exist only in a resource that has for_each",
            "leave each out here",
        ),
        (
            "{{ servers.gateway.id }}",
            "reference-unsupported",
            "references to other servers are not supported yet",
            "write the value out, or share it by a variable",
        ),
        ("a {{ var.disks }}", "template-error", "a list cannot stand inside a text", None),
        (
            "a {{ var.nothing }}",
            "template-error",
            "null cannot stand inside a text",
            "give it a value with | default(..., true)",
        ),
        (
            "{{ 'a' if false }}",
            "template-error",
            "the condition is false and there is no else",
            "write: ... if ... else ...",
        ),
        (
            "{{ 1e400 }}",
            "template-error",
            "this expression cannot be worked out: a number in it is too large",
            "write a number with fewer digits",
        ),
        ("{{ 1 / 0 }}", "template-error", "this expression cannot be worked out: division by zero", None),
        (
            "{{ var.team.upper }}",
            "template-error",
            "this is no value that can stand in a text",
            "methods are called with ()",
        ),
        ("{{ var.team | uper }}", "template-forbidden", "there is no filter uper", "did you mean upper?"),
        ("{{ var.team", "template-syntax", "this template cannot be read: {{ without }}", None),
        ("{{ }}", "template-syntax", None, None),
        (
            "{{ 1 2 }}",
            "template-syntax",
            "this template cannot be read: something stands behind the end of the expression",
            None,
        ),
        ("{% if true %}a{% endif %}", "template-statement", "{% may not stand in a value; only {{ }} may", None),
        ("${#array[@]}", "template-statement", "{# may not stand in a value; only {{ }} may", None),
    ],
)
def test_a_failing_expression_is_explained(text, code, summary, hint):
    mistake = refused(text)
    assert mistake.code == code
    assert summary in (mistake.summary, None)
    assert hint in (mistake.hint, None)


def test_an_undefined_variable_is_shown_where_it_stands(stack: StackFolder):
    stack.variables("team: {type: string, default: vision}\n")
    found = stack.mistake('servers:\n  x:\n    name: "{{ var.tem }}-x"\n')
    assert (found.code, found.summary, found.hint) == (
        "undefined-variable",
        "var.tem is not declared",
        "did you mean team?",
    )
    assert (str(found.source), found.source.excerpt, found.source.length) == (
        "specs/servers.yaml:3:11",
        '    name: "{{ var.tem }}-x"',
        17,
    )


@pytest.mark.parametrize(
    "bomb",
    [
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * ['a'] }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 2 ** 63 }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%.999999999f' % 1 }}",
        "{{ '%*d' % (999999999, 1) }}",
        "{{ range(999999999) }}",
        "{{ 'aaaaaaaaaa' | replace('a', 'a' * 1000000) }}",
        "{{ 'a\n' | indent(999999999) }}",
        "{{ ('a' * 1000) | list | join('b' * 100000) }}",
        "{{ 'a' * 70000 }}",
        "{{ 'a' | center(999999999) }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ lipsum(n=100000) }}",
        "{{ cycler('a') }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ 1" + " + 1" * 10000 + " }}",
        "{{ " + "-" * 10000 + "1 }}",
        "{{ " + "9" * 6000 + " }}",
        "{{ 'a'" + " | tojson" * 2000 + " }}",
        "{{ '" + "a" * 100_000 + "' }}",
    ],
)
def test_a_bomb_in_a_value_is_refused(bomb):
    assert refused(bomb).code in {"template-limit", "template-forbidden", "template-syntax"}


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
        "{% for i in range(90000) %}" + "x" * 1000 + "{% endfor %}",
        "{% set a = ['a'] %}" + "{% set a = [a, a] %}" * 40 + "{{ a == a }}",
        "{% set a = 'aa' %}" + "{% set a = a ~ a %}" * 40,
        "{% set a = 'aa' %}" + "{% set a = a + a %}" * 40,
        "{% set a = {'k': 'aa'} %}" + "{% set a = {'k': a, 'l': a} %}" * 40,
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% set a %}aa{% endset %}",
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% filter upper %}a{% endfilter %}",
        "{% if a %}" * 3000,
        "{% include '/etc/passwd' %}",
        "{% import 'a' as b %}",
        "{% extends 'a' %}",
    ],
)
def test_a_bomb_in_a_template_file_is_refused(bomb):
    with pytest.raises(UnplacedError) as caught:
        Engine().render_file(bomb, SCOPE)
    assert caught.value.code in {"template-limit", "template-forbidden", "template-syntax"}


@pytest.mark.parametrize(
    "escape",
    [
        "{{ var.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ var['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ var.team.upper.__self__ }}",
        "{{ ''.format.__globals__ }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ range.__globals__ }}",
        "{{ range }}",
        "{{ namespace() }}",
        "{{ joiner() }}",
        "{{ dict() }}",
        "{{ [] | map(attribute='__class__') }}",
        "{{ var.get('team').encode() }}",
        "{{ var.update({'a': 1}) }}",
        "{{ var.disks.append(1) }}",
        "{{ range(*var.disks) }}",
        "{{ 'a' | _weigh }}",
    ],
)
def test_nothing_but_values_can_be_reached(escape):
    assert refused(escape).code in {"template-forbidden", "template-error", "undefined-variable"}


def test_a_template_file_may_walk_a_map():
    source = "{% for key, size in sizes.items() %}{{ key }}={{ size }};{% endfor %}"
    assert Engine().render_file(source, {"sizes": {"a": 1, "b": 2}}) == "a=1;b=2;"


_PIECES = st.sampled_from(
    [
        "var",
        "stack",
        "team",
        "disks",
        "nodes",
        "__class__",
        "_x",
        ".",
        "[",
        "]",
        "(",
        ")",
        "|",
        "'a'",
        "1",
        "0",
        "-",
        "*",
        "**",
        "%",
        "~",
        "+",
        "upper",
        "join",
        "format",
        "default",
        "items",
        "range",
        "loop",
        " if ",
        " else ",
        " in ",
        " is ",
        "defined",
        ",",
        "{",
        "}",
        ":",
        "==",
    ]
)


@given(st.lists(_PIECES, max_size=14))
def test_no_expression_does_more_than_give_a_value_or_a_mistake(pieces):
    try:
        result = value("{{ " + " ".join(pieces) + " }}")
    except UnplacedError:
        return
    assert result is None or type(result) in {str, int, float, bool, list, dict}
    assert "<" not in str(result) or "object at" not in str(result)


RAW_AND_FILE = ("{% raw %}", "{% endraw %}", "{file: path}")


@pytest.mark.parametrize(
    ("script", "code", "line", "said"),
    [
        ("a\nb {{.State.Status}}\n", "template-syntax", 2, "a template of Go or Docker"),
        ("a\n\nb {{range .Items}}{{.Name}}{{end}}\n", "template-syntax", 3, "a template of Go or Docker"),
        ("a\necho ${#list[@]}\n", "template-syntax", 2, "in ${#, {# begins a comment"),
        ("echo ${#list[@]} ${x#}\nlost\n", "template-syntax", 1, "in ${#, {# begins a comment"),
        ("a\n{# open\n", "template-syntax", 2, "{# begins a comment, which #} has to end"),
        ("a\nprintf '{%s}'\n", "template-syntax", 2, "there is no statement s"),
    ],
)
def test_what_belongs_to_another_language_is_named_with_its_line_and_both_ways_out(
    stack: StackFolder, script, code, line, said
):
    found = stack.write("t.sh", script).mistake("servers:\n  x:\n    userdata: {template: t.sh}\n")
    assert (found.code, str(found.source), found.detail) == (code, "specs/servers.yaml:3:5", f"at specs/t.sh:{line}")
    assert said in found.summary
    assert all(words in found.hint for words in RAW_AND_FILE)


@pytest.mark.parametrize(
    ("inside", "code", "place"),
    [
        ("docker inspect -f '{{.State}}' a", "template-syntax", "5:28"),
        ("echo ${#list[@]}", "template-statement", "5:12"),
        ("echo {{ 1 // 0 }}", "template-error", "5:15"),
        ("echo {{ var.nope }}", "undefined-variable", "5:15"),
    ],
)
def test_a_mistake_in_a_text_of_several_lines_is_told_at_its_line(stack: StackFolder, inside, code, place):
    found = stack.mistake(f"servers:\n  x:\n    userdata: |\n      #!/bin/sh\n      {inside}\n")
    assert (found.code, str(found.source)) == (code, f"specs/servers.yaml:{place}")
    if code in {"template-syntax", "template-statement"}:
        assert all(words in found.hint for words in RAW_AND_FILE)


def test_raw_leaves_a_part_of_a_value_as_it_is(stack: StackFolder):
    script = "{% raw %}${#list[@]} {{.x}} {% x %}{% endraw %} {{ stack }}{%- raw -%} {{ y }}{% endraw %}"
    assert stack.server(f'labels: {{a: "{script}"}}\n').labels == {"a": "${#list[@]} {{.x}} {% x %} demo {{ y }}"}


@pytest.mark.parametrize(
    ("line", "said", "values"),
    [
        ("{{ 10 // disks }}", "division by zero", "disks is 0"),
        ("{{ role + 1 }}", "+ cannot take a text and a number", "role is the text 'web'"),
        ("{{ role < disks }}", "< cannot take a text and a number", "role is the text 'web' and disks is 0"),
        ("{{ password + 1 }}", "+ cannot take a text and a number", "password is a text"),
        ("{{ more + 1 }}", "+ cannot take a list and a number", "more is a list of 2"),
        ("{% for one in disks %}{% endfor %}", "a list, a map or a text is needed here", "disks is 0"),
        ("{% for one in more %}{{ one.x }}{% endfor %}", "a number has no field x", ""),
    ],
)
def test_a_template_file_that_fails_is_told_with_its_line_and_the_values_on_it(stack: StackFolder, line, said, values):
    given = "{disks: 0, role: web, password: Canary-7, more: [1, 2]}"
    found = stack.write("t.sh", f"#!/bin/sh\n\n{line}\n{{{{ role }}}}\n").mistake(
        f"servers:\n  x: {{userdata: {{template: t.sh, vars: {given}}}}}\n  y: {{userdata: {{template: t.sh, vars: {given}}}}}\n"
    )
    assert said in found.summary
    also = "\nalso at specs/servers.yaml:3:7"
    assert found.detail == f"at specs/t.sh:3{': ' if values else ''}{values}{also}"
    assert "Canary" not in repr(found)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("count: 2\nlabels: {rank: '{{ count.index }}'}", '"{{ count.index | string }}"'),
        ("key_pair_name: '{{ 1 + 1 }}'", '"{{ (1 + 1) | string }}"'),
        ("arch: '{{ 3 }}'", '"{{ 3 | string }}"'),
        ("root_volume: {size: '{{ stack }}'}", '"{{ stack | int }}"'),
        ("root_volume: {size: '1{{ 5 }}0'}", "a template with text around it gives a text"),
        ("count: '{{ stack }}'", '"{{ stack | int }}"'),
        ("for_each: '{{ stack }}'", "the template has to give a list or a map"),
    ],
)
def test_a_template_that_gives_another_type_is_told_the_filter_and_not_to_use_quotes(stack: StackFolder, body, hint):
    found = stack.mistake("servers:\n  x:\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    assert hint in found.hint
    assert "write it in quotes" not in found.hint


def test_the_markers_of_a_merge_in_a_template_file_are_refused(stack: StackFolder):
    stack.write("t.sh", "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\n")
    for form in ("template", "file"):
        found = stack.mistake(f"servers:\n  x:\n    userdata: {{{form}: t.sh}}\n")
        assert (found.code, found.source.line) == ("merge-conflict", 3)
        assert "(line 2)" in found.summary


def test_a_secret_under_another_name_is_not_shown_among_the_values(stack: StackFolder):
    stack.variables("db_password: {type: string, default: Canary-7}\n").write("t.sh", "{{ given + 1 }}\n")
    found = stack.mistake("servers: {x: {userdata: {template: t.sh, vars: {given: '{{ var.db_password }}'}}}}\n")
    assert found.detail == "at specs/t.sh:1: given is the text '(sensitive)'"
