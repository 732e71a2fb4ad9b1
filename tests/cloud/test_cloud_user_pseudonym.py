"""Whose credentials these are, by a pseudonym: the same for the same user, and no other's."""

from __future__ import annotations

import pytest

from provisioner.cloud import AccessKey, InstanceAgency, IssuedToken, Password
from provisioner.cloud.user_pseudonym import pseudonym_of
from provisioner.model.identity import TEMPORARY_KEY_PREFIX
from provisioner.model.secret import Secret

SECRET = Secret("canary")
LASTING = {
    "key": AccessKey("AK1", SECRET),
    "name": Password("ann", SECRET, "acme"),
    "id": Password(None, SECRET, None, "user-1"),
}
TEMPORARY = {"key": AccessKey("AK1", SECRET, SECRET), "token": IssuedToken(SECRET), "agency": InstanceAgency()}


@pytest.mark.parametrize("credentials", LASTING.values(), ids=LASTING)
def test_what_lasts_tells_it_whatever_name_is_given(credentials):
    pseudonym = pseudonym_of(credentials)
    assert (len(pseudonym), pseudonym_of(credentials, "pipeline")) == (16, pseudonym)


def test_different_users_have_different_ones():
    assert len({pseudonym_of(one) for one in (*LASTING.values(), TEMPORARY["key"])}) == 4


@pytest.mark.parametrize("credentials", TEMPORARY.values(), ids=TEMPORARY)
def test_temporary_proofs_are_known_by_the_name_that_is_given(credentials):
    named = {pseudonym_of(one, "pipeline") for one in TEMPORARY.values()}
    assert named == {pseudonym_of(credentials, "pipeline")}
    assert pseudonym_of(credentials, "another") not in named


def test_a_temporary_key_without_a_name_is_known_as_no_more_than_that():
    assert pseudonym_of(TEMPORARY["key"]).startswith(TEMPORARY_KEY_PREFIX)
    assert pseudonym_of(TEMPORARY["token"]) == pseudonym_of(TEMPORARY["agency"]) == ""
