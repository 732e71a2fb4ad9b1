"""`environments:` in stack.yaml: which environments there are, their pins and limits, and what is refused with its place."""

from __future__ import annotations

import pytest
from loading.stack_folder import STACK, StackFolder

from provisioner.loading import read_stack
from provisioner.model.diagnostic import ProvisionerError, SpecError, UsageError
from provisioner.model.guards import GuardLimits
from provisioner.model.pin import PinnedField
from provisioner.model.stack import Stack

ID = "0123456789abcdef0123456789abcdef"
PINNED = """\
stack: demo
region: cn-north-4
guards: {max_servers: 9, mass_change_from: 5}
environments:
  prod:
    account: acme-prod
    project: cn-north-9_prod
    region: cn-north-9
    protected: true
    guards: {max_servers: 40}
  dev:
"""


def pins_of(stack: Stack) -> list[tuple[str, str, str]]:
    return [(pin.field.value, pin.value, str(pin.source)) for pin in stack.pins]


def test_an_environment_has_pins_a_region_limits_and_protection_of_its_own(stack: StackFolder):
    stack.write("stack.yaml", PINNED)
    prod = read_stack(stack.path, "prod")
    assert pins_of(prod) == [
        ("account", "acme-prod", "specs/stack.yaml:6:14"),
        ("project", "cn-north-9_prod", "specs/stack.yaml:7:14"),
        ("region", "cn-north-9", "specs/stack.yaml:8:13"),
    ]
    assert (prod.region, prod.protected, prod.approval_word) == ("cn-north-9", True, "prod")
    assert prod.guards == GuardLimits(mass_change_from=5, max_servers=40)
    dev = read_stack(stack.path, "dev")
    assert (dev.region, dev.pins, dev.protected, dev.approval_word) == ("cn-north-4", (), False, "yes")
    assert dev.guards == GuardLimits(mass_change_from=5, max_servers=9)
    assert dev.environments == ("prod", "dev")


def test_without_files_of_variables_the_section_makes_the_environments(stack: StackFolder):
    stack.write("stack.yaml", STACK + "environments: {prod: {account: acme}, dev: {}}\n")
    stack.write("servers.yaml", "servers: {x: {name: '{{ env }}-x'}}\n")
    assert [wanted.name for wanted in stack.load("prod").desired] == ["prod-x"]
    for chosen, code in ((None, "environment-required"), ("prd", "unknown-environment")):
        with pytest.raises(UsageError) as caught:
            stack.load(chosen)
        assert [found.code for found in caught.value.diagnostics] == [code]


def test_with_files_of_variables_a_name_without_one_is_a_mistake(stack: StackFolder):
    """It could be the misspelt name of an environment, which would go without its pins."""
    stack.write("environments/prod.yaml", "").write(
        "stack.yaml", STACK + "environments:\n  prdo: {account: acme}\n  other: {account: acme}\n"
    )
    found = stack.mistakes(environment="prod")
    assert [(one.code, str(one.source), one.hint) for one in found] == [
        ("unknown-environment", "specs/stack.yaml:11:3", "did you mean prod?"),
        ("unknown-environment", "specs/stack.yaml:12:3", "there are files for: prod"),
    ]


def test_an_environment_with_a_file_needs_no_line_in_the_section(stack: StackFolder):
    stack.write("environments/prod.yaml", "").write("environments/dev.yaml", "")
    stack.write("stack.yaml", STACK + "environments: {prod: {account: acme}}\n")
    assert stack.load("dev").stack.pins == ()
    assert [pin.field for pin in stack.load("prod").stack.pins] == [PinnedField.ACCOUNT]


@pytest.mark.parametrize(
    ("text", "code", "place", "summary"),
    [
        ("{prod: {acount: x}}", "unknown-field", "2:23", "there is no field environments.prod.acount"),
        ("{prod: {account: 3}}", "wrong-type", "2:32", "environments.prod.account must be a text and is a number"),
        ("{prod: {account: ''}}", "invalid-value", "2:32", None),
        ("{prod: {region: evil.example/}}", "invalid-value", "2:31", None),
        ("{prod: {protected: 'yes'}}", "wrong-type", "2:34", None),
        ("{prod: {guards: {max_server: 3}}}", "unknown-field", "2:32", None),
        ("{prod: {state: 'postgres://x'}}", "state-place-invalid", "2:30", "the URL names no database"),
        ("{a.b: {}}", "invalid-value", "2:16", None),
        ("[prod]", "wrong-type", "2:1", "environments must be a map and is a list"),
    ],
)
def test_a_mistake_in_an_environment_is_placed_and_causes_no_other(stack: StackFolder, text, code, place, summary):
    stack.write("stack.yaml", f"stack: demo\nenvironments: {text}\nenvironment: prod\n")
    with pytest.raises(SpecError) as caught:
        read_stack(stack.path, None if "a.b" not in text else "a.b")
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.source)) == (code, f"specs/stack.yaml:{place}")
    assert summary in (found.summary, None)


def test_a_misspelt_field_of_an_environment_has_a_suggestion(stack: StackFolder):
    stack.write("stack.yaml", "stack: demo\nenvironments: {prod: {acount: acme}}\n")
    with pytest.raises(ProvisionerError) as caught:
        read_stack(stack.path, "prod")
    assert caught.value.diagnostics[0].hint == "did you mean account?"


@pytest.mark.parametrize("key", ["modules", "locals"])
def test_what_a_later_version_reads_is_refused_and_not_passed_over(stack: StackFolder, key):
    stack.write("stack.yaml", f"stack: demo\n{key}: {{}}\n")
    found = stack.mistake()
    assert (found.code, str(found.source)) == ("not-supported-yet", "specs/stack.yaml:2:1")
    assert found.hint


@pytest.mark.parametrize("name", ["modules", "policies"])
def test_directories_that_a_later_version_reads_are_refused(stack: StackFolder, name):
    found = stack.write(f"{name}/limits.yaml", "max: 3\n").mistake()
    assert (found.code, found.summary) == ("not-supported-yet", f"specs/{name} is not supported yet")
    assert stack.write(f"deep/{name}/x.yaml", "") is stack


def test_two_files_for_one_environment_are_an_error_that_names_both(stack: StackFolder):
    stack.variables("nodes: {type: integer}\n").write("environments/dev.yaml", "nodes: 1\n")
    found = stack.write("environments/dev.yml", "{}\n").mistake(
        "servers: {x: {count: '{{ var.nodes }}'}}\n", environment="dev"
    )
    assert (found.code, str(found.source)) == ("duplicate-file", "specs/environments/dev.yml:1:1")
    assert "specs/environments/dev.yml and specs/environments/dev.yaml" in found.summary


def test_two_files_of_settings_are_an_error_that_names_both(stack: StackFolder):
    found = stack.write("stack.yml", STACK).mistake("servers: {x: {}}\n")
    assert (found.code, str(found.source)) == ("duplicate-file", "specs/stack.yml:1:1")
    assert "specs/stack.yml and specs/stack.yaml" in found.summary


def test_a_stack_file_with_the_other_ending_is_to_be_renamed(stack: StackFolder):
    (stack.path / "stack.yaml").rename(stack.path / "stack.yml")
    with pytest.raises(UsageError) as caught:
        stack.load()
    (found,) = caught.value.diagnostics
    assert (found.code, found.hint) == ("stack-missing", "rename specs/stack.yml to stack.yaml")


@pytest.mark.parametrize(
    "name", ["more.yaml.txt", "more.YAML", "more.ymal", "sub/more.YML", "environments/dev.yaml.txt"]
)
def test_a_file_whose_ending_hides_it_is_an_error(stack: StackFolder, name):
    stack.write("environments/prod.yaml", "{}\n")
    found = stack.write(name, "servers: {y: {}}\n").mistake("servers: {x: {}}\n", environment="prod")
    assert (found.code, str(found.source)) == ("misnamed-file", f"specs/{name}:1:1")


@pytest.mark.parametrize(
    "name", ["README.md", "more.yaml.bak", "more.yaml~", "_more.YAML", "boot.sh", "data.json", "yaml"]
)
def test_other_files_may_stand_beside_the_specs(stack: StackFolder, name):
    stack.write("servers.yaml", "servers: {x: {}}\n").write(name, "servers: [\n")
    assert len(stack.load().desired) == 1
