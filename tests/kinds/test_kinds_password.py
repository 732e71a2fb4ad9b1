"""The password rule, against its table and against the published schema (docs/api/openapi.yaml, AdminPass)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.kinds import CATALOGUE

KIND = CATALOGUE["dev_server"]
OPENAPI = Path(__file__).parents[2] / "docs" / "api" / "openapi.yaml"
CHARACTERS = "a password has 8 to 26 letters, digits or characters of !@%-_=+[{}]:,./?"
CLASSES = "a password needs three of: upper case, lower case, digits, special characters"
WORDS = "a password must not contain root, administrator, or either reversed"


@cache
def published():
    document = yaml.load(OPENAPI.read_text(), Loader=yaml.CSafeLoader)
    return document["components"]["schemas"]["AdminPass"]


def obeys_the_schema(password):
    rule = published()
    return (
        rule["minLength"] <= len(password) <= rule["maxLength"]
        and re.search(rule["pattern"], password) is not None
        and any(re.search(one["pattern"], password) for one in rule["anyOf"])
        and re.search(rule["not"]["pattern"], password) is None
    )


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("@DevServer", None),
        ("Abcdefg1", None),
        ("abcdef1!", None),
        ("ABCDEF1!", None),
        ("Abc!defgh", None),
        ("A1!" + "a" * 23, None),
        ("Aa1!%-_=+[{}]:,./?", None),
        ("Abcde1!", CHARACTERS),
        ("A1!" + "a" * 24, CHARACTERS),
        ("", CHARACTERS),
        ("Abcdef1$", CHARACTERS),
        ("Abcdef1^", CHARACTERS),
        ("Abcdef 1", CHARACTERS),
        ("Äbcdefg1", CHARACTERS),
        ("Abcdefg1\n", CHARACTERS),
        ("Abcdefg\u0661", CHARACTERS),
        ("abcdefgh", CLASSES),
        ("abcdefg1", CLASSES),
        ("ABCDEFG!", CLASSES),
        ("12345678", CLASSES),
        ("Root1234", WORDS),
        ("xxTOOR1a", WORDS),
        ("1Administrator", WORDS),
        ("1rotartsinimdA", WORDS),
        ("Ro0t1234", None),
    ],
)
def test_a_password_is_judged_in_a_sentence(password, said):
    assert KIND.check_secret(password) == said


passwords = (
    st.text(st.characters(max_codepoint=0x2FF), max_size=30)
    | st.text("aA1!?", min_size=6, max_size=28)
    | st.text("rRoOtTaAbB1!", min_size=8, max_size=26)
    | st.tuples(st.sampled_from(["root", "TOOR", "Administrator", "rotartsinimda"]), st.text("aA1!", max_size=14)).map(
        "".join
    )
)


@given(passwords)
def test_the_rule_agrees_with_the_published_schema(password):
    assert (KIND.check_secret(password) is None) == obeys_the_schema(password)


@given(passwords)
def test_no_complaint_repeats_the_password(password):
    complaint = KIND.check_secret(password)
    assert complaint in {None, CHARACTERS, CLASSES, WORDS}
