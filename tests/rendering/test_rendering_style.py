import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.rendering.style import Style, cells, choose_color, cut, escape, pad, wrap


@pytest.mark.parametrize(
    ("flag", "environ", "is_terminal", "colored"),
    [
        (None, {}, True, True),
        (None, {}, False, False),
        (True, {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        (False, {"FORCE_COLOR": "1"}, True, False),
        (None, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        (None, {"NO_COLOR": ""}, True, True),
        (None, {"FORCE_COLOR": "1"}, False, True),
        (None, {"CLICOLOR_FORCE": "1"}, False, True),
        (None, {"FORCE_COLOR": "0"}, False, False),
        (None, {"FORCE_COLOR": ""}, False, False),
        (None, {"FORCE_COLOR": "3", "CLICOLOR": "0", "TERM": "dumb"}, False, True),
        (None, {"CLICOLOR": "0"}, True, False),
        (None, {"CLICOLOR": "1"}, True, True),
        (None, {"CLICOLOR": "1"}, False, False),
        (None, {"TERM": "dumb"}, True, False),
    ],
)
def test_who_decides_about_color(flag, environ, is_terminal, colored):
    assert choose_color(environ=environ, is_terminal=is_terminal, flag=flag) is colored


def test_without_color_text_stays_as_it_is():
    assert Style(color=False).red("failed") == "failed"
    assert Style(color=True).red("failed") == "\x1b[31mfailed\x1b[0m"


@pytest.mark.parametrize(
    ("hostile", "visible"),
    [
        ("\x1b[2Jgone", r"\u001b[2Jgone"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x7f\x9b1m", r"\u007f\u009b1m"),
        ("user\u202etxt.exe", r"user\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("half\ud83d", r"half\ud83d"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("line\u2028break", r"line\u2028break"),
        ("图片\u3000服务器 é", "图片\u3000服务器 é"),
        ("GPU服务器 参数flavor不合法", "GPU服务器 参数flavor不合法"),
        ("Si2.l\u0430rge.4", r"Si2.l\u0430rge.4"),
        ("\uff33i2", r"\uff33i2"),
        ("caf\xe9 \u043e\u043d", r"caf\u00e9 " + "\u043e\u043d"),
        ("e\u0301a", r"e\u0301a"),
        ("Si2.large.4\xa0", r"Si2.large.4\u00a0"),
        ("a\u2009b\u3000c", r"a\u2009b\u3000c"),
        ("a\u034fb\u115f\u3164\u2800\ufe0f", r"a\u034fb\u115f\u3164\u2800\ufe0f"),
    ],
)
def test_foreign_text_shows_what_it_hides(hostile, visible):
    assert escape(hostile) == visible


@settings(deadline=None)
@given(st.text(st.characters(codec=None)))
def test_escaped_text_is_encodable_and_one_line_and_escaping_it_again_changes_nothing(text):
    escaped = escape(text)
    escaped.encode()
    assert len(escaped.splitlines()) <= 1
    assert escape(escaped) == escaped


@settings(deadline=None)
@given(st.text(), st.integers(1, 40))
def test_cut_text_fits(text, width):
    safe = escape(text)
    assert cells(cut(safe, width)) <= width
    assert cut(safe, width) == safe or cut(safe, width).endswith("…")


def test_wide_characters_take_two_cells():
    assert cells("图片ab") == 6
    assert cells("e\u0301") == 1
    assert cut("图片服务器", 6) == "图片…"
    assert pad("图", 4) + "|" == "图  |"


def test_wrapping_keeps_breaks_and_indentation_and_never_splits_a_word():
    text = "one two three\n  - four five\nunbreakable-word"
    assert list(wrap(text, 9)) == ["one two", "three", "  - four", "  five", "unbreakable-word"]
    assert list(wrap("", 9)) == [""]
