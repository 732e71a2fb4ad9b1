"""Two values that differ are shown differently, wherever a plan sets them side by side."""

from __future__ import annotations

import pytest

from provisioner.model.action import FieldChange
from provisioner.model.lookalikes import are_forms_of_one, look_alike, quote_distinctly
from provisioner.rendering.blocks import block_text, changed_members
from provisioner.rendering.style import Style

ALIKE = [
    ("Si2.large.4", "Si2.large.4\xa0"),
    ("Si2.large.4", "Si2.l\u0430rge.4"),
    ("ace", "\u0430\u0441\u0435"),
    ("\u039f", "\u041e"),
    ("ops", "\uff4f\uff50\uff53"),
    ("ops", "o\u200bps"),
    ("ops", "ops\u3164"),
    ("caf\xe9", "cafe\u0301"),
    ("\u043e\u043d", "\u043e\u0301\u043d"),
    ("a b", "a\u2009b"),
    ("a-b", "a\u2010b"),
    ("网 关", "网\u3000关"),
    ("\ufa19", "\u795e"),
]


def line(before, after, **facts):
    (text,) = block_text(
        changed_members([FieldChange(("key",), before, after, **facts)]), Style(color=False), indent=""
    )
    return text


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_values_that_read_the_same_are_told_apart_by_numbers(one, other):
    for before, after in ((one, other), (other, one), ([one], [other])):
        shown = line(before, after).split(" = ", 1)[1]
        left, right = shown.split(" -> ")
        assert left != right
        assert shown.isascii()


@pytest.mark.parametrize(("one", "other"), [("网关", "图片"), ("网关一", "网关二"), ("网关", "gateway"), ("a", "b")])
def test_values_that_read_differently_stay_as_they_are(one, other):
    assert line(one, other) == f'~ key = "{one}" -> "{other}"'
    assert not look_alike(one, other)


def test_a_secret_stays_one():
    assert "\u0430" not in line("\u0430", "a", sensitive=True)
    assert "\\u0430" not in line("\u0430", "a", sensitive=True)


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_sentences_tell_them_apart_too(one, other):
    first, second = quote_distinctly(one, other)
    assert first != second
    assert (first + second).isascii() or not look_alike(one, other)


def test_what_reads_differently_is_quoted_as_it_is():
    assert quote_distinctly("网关", "图片") == ("'网关'", "'图片'")


@pytest.mark.parametrize(
    ("one", "other"),
    [("web", "WEB"), ("web", " web\u200b"), ("web-2", "web_2"), ("---", "---"), ("_", "_"), ("Straße", "STRASSE")],
)
def test_case_blanks_unseen_characters_and_separators_make_forms_of_one_name(one, other):
    assert are_forms_of_one(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web", "web-2"),
        ("web", "web2"),
        ("web", "dev-web"),
        ("web-11", "web-1-1"),
        ("web", ""),
        ("web", "---"),
        ("we", "web"),
    ],
)
def test_a_head_or_a_tail_makes_another_name(one, other):
    assert not are_forms_of_one(one, other)
