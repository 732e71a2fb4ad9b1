"""What changes in a text, line by line."""

import pytest

from provisioner.rendering.text_difference import text_difference, text_lines


def shown(before, after):
    return [f"{line.sign} {line.text}".rstrip() for line in text_difference(before, after)]


def test_lines_that_change_are_shown_with_three_neighbours():
    before = "".join(f"line {number}\n" for number in range(1, 21))
    after = before.replace("line 10\n", "line ten\nand more\n")
    assert shown(before, after) == [
        "  (6 unchanged lines)",
        *(f"  line {number}" for number in (7, 8, 9)),
        "- line 10",
        "+ line ten",
        "+ and more",
        *(f"  line {number}" for number in (11, 12, 13)),
        "  (7 unchanged lines)",
    ]


def test_a_text_that_comes_or_goes_is_shown_whole():
    assert shown("", "one\ntwo\n") == ["+ one", "+ two"]
    assert shown("one\ntwo", "") == ["- one", "- two"]


def test_a_text_that_was_never_recorded_is_said_to_be_unknown():
    assert shown(None, "one") == [
        "  (the text that is there is not on record, so the new text is shown whole)",
        "+ one",
    ]


def test_content_that_is_no_text_is_said_to_be_none():
    assert shown("one", None)[1:] == ["- one"]
    assert shown(None, None) == []


def test_texts_that_differ_in_what_is_hidden_are_not_shown_as_equal():
    assert "hidden" in shown("password=(sensitive)", "password=(sensitive)")[0]


def test_a_line_break_at_the_end_is_a_difference_that_is_named():
    assert shown("one\n", "one") == ["  (1 unchanged line)", "  (only the line break at the end differs)"]


def test_a_text_of_too_many_changed_lines_is_counted():
    [line] = shown("a\n" * 3000, "b\n" * 3000)
    assert "3,000 lines become 3,000 lines, too many to compare" in line
    assert "`provisioner explain` and `provisioner state show`" in line


def test_a_change_in_a_long_text_is_shown():
    before = "a\n" * 3000 + "one\n" + "b\n" * 3000
    assert shown(before, before.replace("one", "two")) == [
        "  (2997 unchanged lines)",
        *["  a"] * 3,
        "- one",
        "+ two",
        *["  b"] * 3,
        "  (2997 unchanged lines)",
    ]
    assert shown("a\na\n", "a\na\na\n") == ["  a", "  a", "+ a"]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a\x1bb", "a\\u001bb", ["- a\\u001bb", "+ a\\\\u001bb"]),
        ("a", "a  ", ["- a", "+ a \\u0020"]),
        ("a ", "a\\u0020", ["- a\\u0020", "+ a\\\\u0020"]),
        ("\u0441\u043e\u0440", "cop", ["- \\u0441\\u043e\\u0440", "+ cop"]),
    ],
)
def test_lines_that_look_the_same_are_told_apart(before, after, lines):
    assert shown(before, after) == lines


def test_a_text_that_is_hidden_as_a_whole_is_said_to_be():
    assert shown("one", "(sensitive)") == [
        "  (the new text is hidden as a whole, because it may hold a secret)",
        "- one",
    ]
    assert shown("(sensitive)", "(sensitive)") == [
        "  (both texts are hidden as a whole, because they may hold a secret)"
    ]


def test_what_could_move_the_cursor_is_escaped():
    assert shown("", "a\x1b[2Jb\r") == ["+ a\\u001b[2Jb\\r"]
    assert [line.text for line in text_lines("a\u202eb")] == ["a\\u202eb"]
