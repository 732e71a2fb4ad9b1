"""stack.yaml, environments and variables: where a value comes from and who is to act when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading.stack_folder import STACK, StackFolder

from provisioner.loading import read_stack
from provisioner.model.diagnostic import SpecError, UsageError
from provisioner.model.purchase_policy import MINUTE, Marker, Prepaid, PurchasePolicy, UserdataField
from provisioner.model.stack import CloudName, Stack


def test_a_stack_says_its_name_cloud_and_region(stack: StackFolder):
    stack.write("stack.yaml", "stack: demo\ncloud: sandbox\nregion: cn-north-4\n")
    assert read_stack(stack.path, None) == Stack("demo", CloudName.SANDBOX, "cn-north-4", None)
    assert stack.load().stack == read_stack(stack.path, None)


@pytest.mark.parametrize(
    ("text", "code", "place", "summary"),
    [
        ("cloud: sandbox\n", "missing-field", "1:1", "stack is required and missing"),
        ("stak: demo\n", "unknown-field", "1:1", "there is no field stak"),
        ("stack: a.b\n", "invalid-value", "1:8", None),
        ("stack: ../a\n", "invalid-value", "1:8", None),
        ("stack: demo\ncloud: aws\n", "invalid-value", "2:8", "cloud must be one of huaweicloud, sandbox"),
        (
            "stack: demo\nregion: evil.example.com/\n",
            "invalid-value",
            "2:9",
            "region: a region is written like cn-north-4",
        ),
        ("stack: demo\nendpoint: http://evil\n", "unknown-field", "2:1", "there is no field endpoint"),
        ("stack: demo\ndefaults: 3\n", "wrong-type", "2:11", "defaults must be a map and is a number"),
        ("stack: demo\nvariables: {a: 3}\n", "wrong-type", "2:13", "the variable a must be a map"),
        ("stack: demo\nvariables: {a: {type: strin}}\n", "invalid-value", "2:23", None),
        ("stack: demo\nvariables: {a-b: {type: string}}\n", "invalid-name", "2:13", "a-b cannot be a variable's name"),
        (
            "stack: demo\nvariables: {a: {type: string, default: 3}}\n",
            "wrong-type",
            "2:40",
            "the variable a must be of type string and is a number",
        ),
        ("stack: demo\nvariables: {a: {type: string, default: b, minimum: 3}}\n", "invalid-value", "2:52", None),
    ],
)
def test_a_mistake_in_the_stack_file_is_placed(stack: StackFolder, text, code, place, summary):
    found = stack.write("stack.yaml", text).mistakes()[0]
    assert (found.code, str(found.source)) == (code, f"specs/stack.yaml:{place}")
    assert summary in (found.summary, None)


def test_an_environment_is_chosen_by_option_or_by_the_stack(stack: StackFolder):
    stack.variables("size: {type: integer, default: 1}\n").write("environments/dev.yaml", "size: 2\n").write(
        "environments/prod.yml", "size: 3\n"
    )
    stack.write("servers.yaml", "servers: {x: {count: '{{ var.size }}', name: '{{ env }}-{{ count.index }}'}}\n")
    assert [wanted.name for wanted in stack.load("prod").desired] == ["prod-0", "prod-1", "prod-2"]
    stack.write("stack.yaml", (stack.path / "stack.yaml").read_text() + "environment: dev\n")
    assert stack.load().stack.environment == "dev"
    assert len(stack.load("prod").desired) == 3
    assert read_stack(stack.path, "prod").label == "demo.prod"


def test_without_a_choice_the_environments_are_named(stack: StackFolder):
    stack.write("environments/dev.yaml", "").write("environments/prod.yaml", "")
    with pytest.raises(UsageError) as caught:
        stack.load()
    (found,) = caught.value.diagnostics
    assert (found.code, found.hint) == (
        "environment-required",
        "add -e NAME or write environment: in stack.yaml; there are: dev, prod",
    )


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("prd", "did you mean prod?"),
        ("../secret", "choose one that there is, or make environments/NAME.yaml"),
        ("prod.yaml", "did you mean prod?"),
    ],
)
def test_an_environment_that_does_not_exist_is_the_callers_to_mend(stack: StackFolder, asked, hint):
    stack.write("environments/dev.yaml", "").write("environments/prod.yaml", "")
    with pytest.raises(UsageError) as caught:
        stack.load(asked)
    (found,) = caught.value.diagnostics
    assert (found.summary, found.hint) == (f"there is no environment {asked}; there are: dev, prod", hint)


def test_an_unknown_environment_in_the_stack_file_is_the_authors_to_mend(stack: StackFolder):
    stack.write("environments/dev.yaml", "").write("stack.yaml", STACK + "environment: prod\n")
    found = stack.mistake()
    assert (found.code, str(found.source)) == ("unknown-environment", "specs/stack.yaml:10:14")


def test_a_stack_without_environments_takes_none(stack: StackFolder):
    with pytest.raises(UsageError, match="this stack has no environments"):
        stack.load("dev")


def test_what_is_said_last_wins(stack: StackFolder, tmp_path: Path):
    stack.variables("a: {type: string, default: default}\n").write("environments/dev.yaml", "")
    stack.write("servers.yaml", "servers: {x: {name: '{{ var.a }}'}}\n")

    def name(**options):
        return stack.load("dev", **options).desired[0].name

    assert name() == "default"
    stack.write("environments/dev.yaml", "a: environment\n")
    assert name() == "environment"
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("a: one\n")
    two.write_text("a: two\n")
    assert name(files=(two, one)) == "one"
    assert name(files=(one,), environ={"a": "environ"}) == "environ"
    assert name(files=(one,), environ={"a": "environ"}, assignments=("a=x", "a=last")) == "last"


@pytest.mark.parametrize(
    ("kind", "text", "result"),
    [
        ("string", "007", "007"),
        ("string", "a=b", "a=b"),
        ("integer", "7", "7"),
        ("number", "0.5", "0.5"),
        ("boolean", "true", "true"),
        ("list", "[a, b]", '["a", "b"]'),
        ("map", "{a: 1}", '{"a": 1}'),
    ],
)
def test_a_text_is_read_by_the_declared_type(stack: StackFolder, kind, text, result):
    stack.variables(f"v: {{type: {kind}}}\n")
    expression = "{{ var.v | tojson }}" if kind in {"list", "map"} else "v{{ var.v }}"
    wanted = stack.server(f"labels: {{v: '{expression}'}}\n", assignments=(f"v={text}",))
    assert wanted.labels["v"].removeprefix("v") == result


@pytest.mark.parametrize(
    ("declaration", "text", "code", "summary"),
    [
        ("{type: integer}", "x", "wrong-type", "the variable v must be of type integer and is a text"),
        ("{type: integer}", "010", "wrong-type", "the variable v must be of type integer and is a text"),
        ("{type: integer}", "true", "wrong-type", "the variable v must be of type integer and is true or false"),
        ("{type: boolean}", "yes", "wrong-type", "the variable v must be of type boolean and is a text"),
        ("{type: integer, minimum: 1}", "0", "invalid-value", "the variable v must be at least 1"),
        ("{type: number, maximum: 1}", "1.5", "invalid-value", "the variable v must be at most 1"),
        ("{type: string, allowed: [a, b]}", "c", "invalid-value", "the variable v must be one of a, b"),
        ("{type: list}", "{a: 1}", "wrong-type", "the variable v must be of type list and is a map"),
    ],
)
def test_a_value_that_does_not_fit_is_the_callers_to_mend(stack: StackFolder, declaration, text, code, summary):
    stack.variables(f"v: {declaration}\n")
    with pytest.raises(UsageError) as caught:
        stack.load(assignments=(f"v={text}",))
    (found,) = caught.value.diagnostics
    assert (found.code, found.summary, found.hint) == (code, summary, "change the value given by --var v")


def test_a_broken_list_on_the_command_line_is_shown(stack: StackFolder):
    stack.variables("v: {type: list}\n")
    found = stack.mistake(assignments=("v=[a, no]",))
    assert (found.code, str(found.source), found.source.excerpt) == ("ambiguous-value", "--var v:1:5", "[a, no]")


def test_a_variable_without_a_value_names_the_ways_to_give_one_and_nothing_that_follows_from_it(stack: StackFolder):
    stack.variables("team: {type: string}\n").write(
        "servers.yaml", "servers: {x: {name: '{{ var.team }}-x'}, z: {count: '{{ var.team }}'}}\n"
    )
    with pytest.raises(UsageError) as caught:
        stack.load()
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.source)) == ("missing-variable", "specs/stack.yaml:11:3")
    assert "environments/NAME.yaml, --var-file FILE, PROVISIONER_VAR_team or --var team=..." in found.hint


def test_a_variable_may_default_to_nothing(stack: StackFolder):
    stack.variables("key: {type: string, default: null}\n")
    wanted = stack.server("key_pair_name: '{{ var.key }}'\nadmin_pass: {secret: 'env:PW'}\n")
    assert "key_pair_name" not in wanted.fields


def test_a_value_for_no_variable_is_refused_in_files_and_options_and_passed_over_in_the_environment(stack: StackFolder):
    stack.variables("team: {type: string, default: a}\n").write("environments/dev.yaml", "tem: b\n")
    found = stack.mistakes(environment="dev", environ={"tem": "c"}, assignments=("tem=d", "oops"))
    assert [(mistake.code, mistake.source and str(mistake.source)) for mistake in found] == [
        ("invalid-assignment", None),
        ("undeclared-variable", None),
        ("undeclared-variable", "specs/environments/dev.yaml:1:1"),
    ]
    assert found[2].hint == "did you mean team?"


def test_a_var_file_that_is_not_there_is_the_callers_to_mend(stack: StackFolder):
    with pytest.raises(UsageError) as caught:
        stack.load(files=(Path("missing.yaml"),))
    assert caught.value.diagnostics[0].summary == "missing.yaml cannot be read: No such file or directory"


def test_reading_only_the_stack_ignores_broken_specs(stack: StackFolder):
    stack.write("servers.yaml", "servers: [\n")
    assert read_stack(stack.path, None).name == "demo"
    with pytest.raises(SpecError):
        stack.load()


def test_without_a_word_purchases_are_careful(stack: StackFolder):
    assert stack.load().stack.purchase == PurchasePolicy(25 * MINUTE, Marker.NAME, Prepaid.ONE_STEP)


def test_a_stack_says_how_it_is_bought(stack: StackFolder):
    stack.write("stack.yaml", f"{STACK}purchase: {{quiet_period: 1h, marker: nonce, prepaid: two-step}}\n")
    assert stack.load().stack.purchase == PurchasePolicy(60 * MINUTE, Marker.NONCE, Prepaid.TWO_STEP)


@pytest.mark.parametrize("field", list(UserdataField))
def test_a_stack_chooses_what_requests_call_userdata(stack: StackFolder, field):
    assert stack.load().stack.purchase.userdata_field is UserdataField.AS_PUBLISHED
    stack.write("stack.yaml", f"{STACK}purchase: {{userdata_field: {field.value}}}\n")
    assert stack.load().stack.purchase == PurchasePolicy(userdata_field=field)


def test_a_dangerous_quiet_period_has_to_be_called_unsafe(stack: StackFolder):
    mistake = stack.write("stack.yaml", f"{STACK}purchase: {{quiet_period: 19m}}\n").mistakes()[0]
    assert mistake.code == "invalid-value"
    assert "bought twice" in mistake.summary
    assert "unsafe_quiet_period: true" in mistake.summary
    stack.write("stack.yaml", f"{STACK}purchase: {{quiet_period: 19m, unsafe_quiet_period: true}}\n")
    assert stack.load().stack.purchase.quiet_period == 19 * MINUTE


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("{quiet_period: 0}", "invalid-value"),
        ("{quiet_period: soon}", "invalid-value"),
        ("{marker: tag}", "invalid-value"),
        ("{prepaid: maybe}", "invalid-value"),
        ("{userdata_field: userData}", "invalid-value"),
        ("{userdata_field: true}", "wrong-type"),
        ("{quit_period: 25m}", "unknown-field"),
        ("3", "wrong-type"),
    ],
)
def test_a_mistake_in_how_it_is_bought_is_placed(stack: StackFolder, section, code):
    mistake = stack.write("stack.yaml", f"{STACK}purchase: {section}\n").mistakes()[0]
    assert mistake.code == code
    assert "purchase" in mistake.summary or mistake.source is not None
