"""No stack can keep the machine busy: what hostile specs and templates may cost is bounded, and honest ones never notice."""

from __future__ import annotations

import pytest
from loading.stack_folder import StackFolder

from provisioner.loading import budget, files
from provisioner.loading.template_engine import Engine
from provisioner.loading.unplaced_error import AlreadyReported, UnplacedError

LOOP = "{% for step in range(9900) %}%s{% endfor %}"


def loop(body: str, before: str = "") -> str:
    return before + LOOP.replace("%s", body)


@pytest.mark.parametrize(
    "bomb",
    [
        loop("{% if -1 in x %}{% endif %}", "{% set x = range(80000) | list %}"),
        loop("{% if -1 is in x %}{% endif %}", "{% set x = range(80000) | list %}"),
        loop("{% if x == y %}{% endif %}", "{% set x = range(40000) %}{% set y = range(40000) %}"),
        loop("{% if x is ge(y) %}{% endif %}", "{% set x = range(40000) %}{% set y = range(40000) %}"),
        loop("{% if y in x %}{% endif %}", "{% set x = 'a' * 2400 %}{% set y = 'a' * 600 ~ 'b' ~ 'a' * 600 %}"),
        loop("{% set y = x[:] %}", "{% set x = range(80000) %}"),
        loop("{% set y = x | join %}", "{% set x = [''] * 300000 %}"),
        loop("{% set y = x.split('a') %}", "{% set x = 'a' * 100000 %}"),
        loop("{% set y = x | sort %}", "{% set x = range(40000) | reverse %}"),
        loop("{% if 1 %}{% endif %}" * 1000),
        loop("{{ '' }}" * 100),
        "{% set x = range(80000) %}{% set y = 'a' | indent(-999999999) %}" + "{% set z = x[:] %}" * 200,
        "{% set y = '\n' * 2000000 %}{{ y | indent('a' * 60000) }}",
        "{{ 5 | round(-999999999) }}",
        "{{ '%999999999d' is odd }}",
        "{{ '%999999999d' is even }}",
    ],
)
def test_no_work_in_a_template_is_free(bomb):
    with pytest.raises(UnplacedError) as caught:
        Engine().render_file(bomb, {})
    assert caught.value.code in {"template-limit", "template-error"}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("1 != 1 or 2 >= 2", True),
        ("'b' in ['a', 'b'] and 'c' not in 'ab'", True),
        ("'a' in {'a': 1}", True),
        ("3 is odd and 4 is even and 2 is gt(1) and 2 is in([2])", True),
        ("[1, 2, 3][1:]", [2, 3]),
        ("'abcdef'[::-2]", "fdb"),
        ("[3, 1, 2] | sort(reverse=true)", [3, 2, 1]),
        ("2.345 | round(2)", 2.35),
        ("'a,b'.split(',')", ["a", "b"]),
    ],
)
def test_what_is_paid_for_gives_what_it_always_gave(expression, result):
    assert Engine().evaluate("{{ " + expression + " }}", {}) == result


def test_an_undefined_name_in_a_comparison_is_told():
    with pytest.raises(UnplacedError) as caught:
        Engine().evaluate("{{ nope < 1 }}", {})
    assert (caught.value.code, caught.value.summary) == ("undefined-variable", "nope does not exist")


@pytest.fixture
def tenth_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reaching the whole limit takes seconds, and a tenth of it takes the same path."""
    monkeypatch.setattr(budget, "RUN_LIMIT", budget.RUN_LIMIT // 10)


@pytest.mark.usefixtures("tenth_of_the_work")
def test_what_all_templates_of_a_stack_cost_together_is_bounded_and_told_once(stack: StackFolder):
    stack.write("user.tpl", loop(""))
    body = "{count: 600, userdata: {template: user.tpl}}"
    found = stack.mistake(f"servers:\n  a: {body}\n  b: {body}\n  c: {body}\n")
    assert found.code == "template-limit"
    assert found.summary == "userdata, template user.tpl: the templates of this stack take too much work together"
    assert found.hint == "make them do less, use a smaller count, or split the stack"


@pytest.mark.usefixtures("tenth_of_the_work")
def test_copies_of_a_large_body_are_work_too(stack: StackFolder):
    labels = ", ".join(f"k{index}: v" for index in range(5000))
    found = stack.mistake(f"servers:\n  a: {{count: 20000, labels: {{{labels}}}}}\n")
    assert (found.code, str(found.source)) == ("template-limit", "specs/servers.yaml:2:21")


@pytest.mark.usefixtures("tenth_of_the_work")
def test_compiling_is_work_too():
    engine = Engine()

    def compile_many() -> None:
        for number in range(100):
            engine.evaluate(f"{{{{ [{number}{', 1' * 1000}] | length }}}}", {})

    with pytest.raises(UnplacedError) as caught:
        compile_many()
    assert caught.value.summary == "the templates of this stack take too much work together"
    with pytest.raises(AlreadyReported):
        engine.evaluate("{{ 1 }}", {})


def test_honest_servers_stay_far_below_the_limit(monkeypatch: pytest.MonkeyPatch, stack: StackFolder):
    """A thousand with four templated values and a hundred lines of userdata spend less than a thirtieth."""
    monkeypatch.setattr(budget, "RUN_LIMIT", budget.RUN_LIMIT // 30)
    lines = "echo line of the set-up script for {{ role }} on host number {{ count.index }}\n" * 20
    stack.write("user.tpl", lines + "install -m 0644 /opt/files/service.conf /etc/service/service.conf\n" * 80)
    stack.write(
        "servers.yaml",
        """\
        servers:
          x:
            count: 1000
            name: "node-{{ count.index }}"
            labels:
              stack: "{{ stack }}-{{ count.index }}"
              number: "{{ '%03d' | format(count.index) }}"
              size: "{{ 'big' if count.index in [1, 2, 3] else 'small' }}"
            userdata: {template: user.tpl, vars: {role: trainer}}
        """,
    )
    assert len(stack.load().desired) == 1000


def test_the_files_of_a_stack_are_bounded_together(monkeypatch: pytest.MonkeyPatch, stack: StackFolder):
    monkeypatch.setattr(files, "STACK_LIMIT", 1024 * 1024)
    for number in range(9):
        stack.write(f"{number}.yaml", "# nothing\n" * 30_000)
    found = stack.mistake()
    assert (found.code, str(found.source)) == ("unreadable-file", "specs/3.yaml:1:1")
    assert found.summary == "with specs/3.yaml the files of this stack have more than 1 MiB"
    assert found.hint == "split the stack, or move what is no spec out of it"
