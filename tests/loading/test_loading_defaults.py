"""`defaults:` by section: what stands under a section's name is laid under that section, all else under the servers."""

from __future__ import annotations

import pytest
from loading.stack_folder import STACK, StackFolder
from support.bucket_kind import catalogue

from provisioner.loading import VariableInputs, load
from provisioner.model.diagnostic import SpecError

ONE = "servers: {x: {}}\n"


def with_defaults(stack: StackFolder, text: str) -> StackFolder:
    return stack.write("stack.yaml", STACK + text).write("servers.yaml", ONE)


def test_the_defaults_of_a_section_lie_over_those_without_one(stack: StackFolder):
    (wanted,) = with_defaults(stack, "  servers: {flavor: Other, network: {ipv6_enable: true}}\n").load().desired
    assert wanted.fields["flavor"] == "Other"
    assert wanted.fields["key_pair_name"] == "ops"
    assert wanted.fields["network"]["ipv6_enable"] is True
    assert wanted.fields["network"]["vpc_id"] == "05982b48-a70f-43a1-a2b0-1fe36a236172"


def test_what_is_written_of_one_needs_no_defaults_without_a_section(stack: StackFolder):
    sectioned = (
        STACK.replace("defaults:\n", "defaults:\n  servers:\n")
        .replace("\n  ", "\n    ")
        .replace("    servers", "  servers")
    )
    (wanted,) = stack.write("stack.yaml", sectioned).write("servers.yaml", ONE).load().desired
    assert wanted.fields["flavor"] == "Si2.large.4"


def test_a_mistake_in_them_is_told_where_it_stands(stack: StackFolder):
    found = with_defaults(stack, "  servers:\n    flavour: x\n").mistake()
    assert (found.code, str(found.source)) == ("unknown-field", "specs/stack.yaml:11:5")


@pytest.mark.parametrize("written", ["text", "[1]", "1"])
def test_what_is_no_map_of_fields_is_refused(stack: StackFolder, written):
    found = with_defaults(stack, f"  servers: {written}\n").mistake()
    assert (found.code, found.summary) == ("wrong-type", "defaults.servers must be a map of fields")
    assert str(found.source) == "specs/stack.yaml:10:3"


def test_an_empty_section_of_defaults_says_nothing(stack: StackFolder):
    (wanted,) = with_defaults(stack, "  servers:\n").load().desired
    assert wanted.fields["flavor"] == "Si2.large.4"


def with_buckets(stack: StackFolder, defaults: str, specs: str):
    stack.write("stack.yaml", STACK + defaults).write("servers.yaml", specs)
    return load(stack.path, catalogue=catalogue(), environment=None, inputs=VariableInputs())


def test_what_stands_without_a_section_is_laid_under_the_servers_alone(stack: StackFolder):
    bucket, server = with_buckets(stack, "  buckets: {size: 5}\n", "buckets: {archive: {}}\nservers: {b: {}}\n").desired
    assert (bucket.kind, bucket.fields) == ("bucket", {"name": "archive", "size": 5})
    assert "size" not in server.fields


def test_a_field_that_the_kind_lacks_is_told_at_the_defaults_of_its_section(stack: StackFolder):
    with pytest.raises(SpecError) as caught:
        with_buckets(stack, "  buckets: {flavor: x, size: 5}\n", "buckets: {archive: {}}\n")
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.source)) == ("unknown-field", "specs/stack.yaml:10:13")


def test_a_name_is_taken_once_a_kind_and_an_address_once(stack: StackFolder):
    names = [
        one.name
        for one in with_buckets(
            stack, "  buckets: {size: 5}\n", "buckets: {a: {name: same}}\nservers: {b: {name: same}}\n"
        ).desired
    ]
    assert names == ["same", "same"]
    with pytest.raises(SpecError, match="declared already"):
        with_buckets(stack, "  buckets: {size: 5}\n", "buckets: {archive: {}}\nservers: {archive: {}}\n")
