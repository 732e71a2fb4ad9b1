"""Secrets in specs: references pass through, values are never shown, whatever else is wrong."""

from __future__ import annotations

import pytest
from loading.stack_folder import STACK, StackFolder

from provisioner.model.address import Address
from provisioner.model.diagnostic import ProvisionerError
from provisioner.model.secret import Secret, SecretReference, SecretSource

PASSWORD = "Xq7-canary-pass!"


@pytest.mark.parametrize(
    ("locator", "reference"),
    [
        ("env:GATEWAY_PASSWORD", SecretReference(SecretSource.ENVIRONMENT, "GATEWAY_PASSWORD")),
        ("file:_secrets/gateway", SecretReference(SecretSource.FILE, "_secrets/gateway")),
    ],
)
def test_a_reference_stays_a_reference(stack: StackFolder, locator, reference):
    wanted = stack.server(f"key_pair_name: null\nadmin_pass: {{secret: '{locator}'}}\n")
    assert wanted.fields["admin_pass"] == reference


def test_a_value_in_the_specs_works_and_warns(stack: StackFolder):
    loaded = stack.write(
        "servers.yaml", f"servers:\n  x:\n    key_pair_name: null\n    admin_pass: '{PASSWORD}'\n"
    ).load()
    reference = loaded.desired[0].fields["admin_pass"]
    assert reference == SecretReference(SecretSource.LITERAL, "specs/servers.yaml:4:17", Secret(PASSWORD))
    (warning,) = loaded.warnings
    assert (warning.code, warning.summary, warning.address) == (
        "secret-in-clear",
        "admin_pass is written in clear",
        Address("x"),
    )
    assert warning.hint == 'keep the value out of the specs: admin_pass: {secret: "env:NAME"}'
    assert warning.source.excerpt == "    admin_pass: (sensitive)"
    assert PASSWORD not in repr(loaded)


def test_a_weak_password_is_refused_without_being_shown(stack: StackFolder):
    found = stack.mistake("servers:\n  x:\n    key_pair_name: null\n    admin_pass: canary\n")
    assert (found.code, str(found.source)) == ("password-rule", "specs/servers.yaml:4:17")
    assert "8 to 26" in found.summary
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    "written",
    [
        "12345678",
        "[a]",
        "{secrt: 'env:A'}",
        "{secret: 3}",
        "{secret: 'env:A', more: 1}",
        "{secret: 'env:A B'}",
        "{secret: 'file:../a'}",
        "{secret: 'file:/etc/passwd'}",
        "{secret: 'file:'}",
        "{secret: 'vault:a'}",
        "{secret: A}",
    ],
)
def test_what_is_no_secret_is_refused_with_the_two_forms(stack: StackFolder, written):
    found = stack.mistake(f"servers:\n  x:\n    key_pair_name: null\n    admin_pass: {written}\n")
    assert found.code == "invalid-secret"
    assert found.hint == 'write {secret: "env:NAME"} or {secret: "file:path"}'


@pytest.mark.parametrize(
    "body",
    [
        f"    admin_pass: '{PASSWORD}'\n    admin_pass: '{PASSWORD}'\n",
        f"    admin_pass: '{PASSWORD}'\n    flavour: '{PASSWORD}'\n",
        f"    {{admin_pass: '{PASSWORD}', flavour: a}}\n",
        f'    "admin_pass": !!str {PASSWORD}\n',
        f"    admin_pass: |\n      {PASSWORD}\n       \u202e{PASSWORD}\n",
        f'    admin_pass: "{PASSWORD}\n',
        f"    admin_pass: >-\n      {PASSWORD}\n    flavour: a\n",
        f"    admin_pass:\n      !!str {PASSWORD}\n",
        f"    admin_pass: '{PASSWORD} {{{{ var.nope }}}}'\n",
        f"    admin_pass: '{{{{ \"{PASSWORD}\" | int }}}}'\n",
        f"    admin_pass: [{PASSWORD}]\n",
        f"    admin_pass: {{text: {PASSWORD}}}\n",
        f"    ? admin_pass\n    : !!str {PASSWORD}\n",
        f"    labels: [\n    admin_pass: '{PASSWORD}'\n",
    ],
)
def test_no_mistake_shows_a_password(stack: StackFolder, body):
    with pytest.raises(ProvisionerError) as caught:
        stack.write("servers.yaml", "servers:\n  x:\n" + body).load()
    assert PASSWORD not in repr(caught.value.diagnostics)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "password", "adminpass", "admin-pass", "admin_pas", "adminPass", "admn_pass", "admin_pasword", "passwd", "pwd", "root_pw",
        "secret", "api_token", "credentials", "apiKey", "access_key", "ssh-key", "private_key", "something", "'odd key'", '"quoted"',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "form",
    [
        "{key}: {value}",
        "{key}: '{value}'",
        "{key}: |\n      {value}\n      {value}",
        "network: {{{key}: {value}}}",
        "root_volume: {{{key}: {value}, sise: 3}}",
    ],
)
def test_what_stands_under_a_key_that_nobody_knows_is_not_shown(stack: StackFolder, key, form):
    """A key that nobody knows may be a misspelt one of a secret."""
    body = form.format(key=key, value=PASSWORD)
    with pytest.raises(ProvisionerError) as refused:
        stack.write("servers.yaml", f"servers:\n  x:\n    key_pair_name: null\n    {body}\n").load()
    assert refused.value.diagnostics
    assert PASSWORD not in repr(refused.value.diagnostics)


@pytest.mark.parametrize("broken", ["[1", '"open', "no", "010", "{{ var.nothing }}", "\t3", "!!str x", "*nowhere"])
@pytest.mark.parametrize("key", ["adminpass", "password", "admin_pass"])
def test_a_mistake_on_the_same_line_or_in_the_value_shows_no_password(stack: StackFolder, key, broken):
    for body in (
        f"{{{key}: {PASSWORD}, flavor: {broken}}}",
        f"{{flavor: {broken}, {key}: {PASSWORD}}}",
        f"{{{key}: {broken}{PASSWORD}}}",
    ):
        with pytest.raises(ProvisionerError) as refused:
            stack.write("servers.yaml", f"servers:\n  x: {body}\n").load()
        assert PASSWORD not in repr(refused.value.diagnostics), body


def test_what_stands_under_a_key_that_was_meant_for_a_known_one_is_shown(stack: StackFolder):
    found = stack.mistake("servers:\n  x:\n    flavour: Si2.large.4\n")
    assert found.source.excerpt == "    flavour: Si2.large.4"


@pytest.mark.parametrize(
    "body",
    [
        "{admin_pass WORD, key_pair_name: null}",
        "{admin pass: WORD}",
        "{flavor: [1, admin pass WORD}",
        "{userdata: {txt: 'echo root:WORD | chpasswd'}}",
        "{userdta: WORD}",
        "{user_data: WORD}",
        "{admin_pass: *WORD}",
        "{admin_pass: !WORD x}",
        "{password: !WORD}",
        "{userdata: *WORD}",
    ],
)
def test_no_form_of_a_mistake_shows_a_value_that_may_be_secret(stack: StackFolder, body):
    with pytest.raises(ProvisionerError) as refused:
        stack.write("servers.yaml", "servers:\n  x: " + body.replace("WORD", "Zq4-Kanarie_88vX") + "\n").load()
    assert "Zq4" not in repr(refused.value.diagnostics)
    assert refused.value.diagnostics[0].source.line == 2


def test_an_alias_and_a_tag_that_can_be_no_secret_are_named(stack: StackFolder):
    assert "the alias *base names" in stack.mistake("servers:\n  x: {flavor: *base}\n").summary
    assert "the tag !word is refused" in stack.mistake("servers:\n  x: {flavor: !word x}\n").summary


def test_a_password_in_clear_is_an_error_under_strict_and_is_not_shown(stack: StackFolder):
    body = f"servers:\n  x:\n    key_pair_name: null\n    admin_pass: '{PASSWORD}'\n"
    stack.write("stack.yaml", STACK + "strict: false\n").write("servers.yaml", body)
    assert [one.code for one in stack.load().warnings] == ["secret-in-clear"]
    found = stack.write("stack.yaml", STACK + "strict: true\n").mistake()
    assert (found.code, found.severity, str(found.source)) == ("secret-in-clear", "error", "specs/servers.yaml:4:17")
    assert found.summary == "admin_pass is written in clear, and strict: true in stack.yaml forbids it"
    assert 'admin_pass: {secret: "env:NAME"}' in found.hint
    assert PASSWORD not in repr(found)


def test_strict_allows_a_reference_and_leaves_other_warnings(stack: StackFolder):
    stack.write("stack.yaml", STACK + "strict: true\n")
    stack.write("servers.yaml", 'servers: {"x": {name: a.b, key_pair_name: null, admin_pass: {secret: "env:PW"}}}\n')
    assert [(one.code, one.severity) for one in stack.load().warnings] == [("dotted-name", "warning")]
