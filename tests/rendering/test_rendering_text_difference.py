"""What changes in a text, line by line."""

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


def test_a_text_of_too_many_lines_is_counted():
    assert shown("\n" * 3000, "x" + "\n" * 3000) == ["  (3,000 lines become 3,000 lines, too many to compare)"]


def test_what_could_move_the_cursor_is_escaped():
    assert shown("", "a\x1b[2Jb\r") == ["+ a\\u001b[2Jb\\r"]
    assert [line.text for line in text_lines("a\u202eb")] == ["a\\u202eb"]
