"""A spec chooses which variable is sent as a password: the credentials of whoever runs it are none to choose."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading.stack_folder import STACK, StackFolder

from provisioner.model.diagnostic import UsageError
from provisioner.model.secret import Secret, SecretReference, SecretSource
from provisioner.secrets import SecretReader

RESERVED = ["HW_USER_PASSWORD", "HUAWEICLOUD_SDK_SK", "OS_PASSWORD", "PROVISIONER_VAR_TOKEN"]
RESERVED += ["PGPASSWORD", "PGSSLKEY"]
RESERVED += ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CI_JOB_TOKEN", "HW_ASSUME_ROLE_ID_TOKEN"]
HINT = "choose a variable of its own, such as GATEWAY_PASSWORD"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFolder:
    monkeypatch.chdir(tmp_path)
    return StackFolder(Path("specs")).write("stack.yaml", STACK)


@pytest.mark.parametrize("name", RESERVED)
def test_specs_that_name_a_credential_are_refused(stack: StackFolder, name):
    found = stack.mistake(f"servers:\n  x:\n    key_pair_name: null\n    admin_pass: {{secret: 'env:{name}'}}\n")
    assert (found.code, found.hint) == ("invalid-secret", HINT)
    assert found.summary == f"admin_pass.secret names {name}, which is kept for credentials and for this tool"


@pytest.mark.parametrize("name", RESERVED)
def test_a_saved_plan_that_names_one_gets_nothing(tmp_path: Path, name):
    reader = SecretReader(tmp_path, {name: "credential"})
    with pytest.raises(UsageError) as caught:
        reader.reveal(SecretReference(SecretSource.ENVIRONMENT, name))
    (found,) = caught.value.diagnostics
    assert (found.code, found.hint) == ("secret-unavailable", HINT)
    assert found.summary == f"the environment variable {name} is kept for credentials and for this tool"


@pytest.mark.parametrize("name", ["GATEWAY_PASSWORD", "MY_OS_PASSWORD", "hw_password", "OSLO"])
def test_other_variables_are_the_authors_to_choose(tmp_path: Path, name):
    reader = SecretReader(tmp_path, {name: "value"})
    assert reader.reveal(SecretReference(SecretSource.ENVIRONMENT, name)) == Secret("value")
