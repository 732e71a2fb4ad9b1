"""JSON for machines still passes a terminal on its way: it says the same, and steers nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.rendering.style import escape_json


def test_what_steers_or_hides_is_written_as_an_escape() -> None:
    assert escape_json('"\x7f\x9b\u202e\u200b\u2028\ufeff\ud800"') == r'"\u007f\u009b\u202e\u200b\u2028\ufeff\ud800"'
    assert escape_json('"\U000e0041"') == r'"\udb40\udc41"'


def test_what_can_be_read_stays() -> None:
    text = '{\n  "name": "网关\u3000服务器 🚀 \\u001b"\n}\n'
    assert escape_json(text) == text


@pytest.mark.parametrize("letters", ["né", "\xa0", "\u0430\u0441\u0435", "\uff21", "a\u0301", "\u3164", "a\u3000b"])
def test_what_passes_for_other_text_is_written_as_an_escape(letters: str) -> None:
    assert escape_json(f'"{letters}"').isascii()


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_it_means_the_same(value: object) -> None:
    for indent in (None, 2):
        written = escape_json(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(written) == value
        assert not {"\x7f", "\x9b", "\u202e", "\u2066"} & set(written)
