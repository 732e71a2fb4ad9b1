"""YAML that could be read in two ways is not read at all; the author is told where and what to write instead."""

from __future__ import annotations

import gc
import os

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from loading.stack_folder import StackFolder

from provisioner.loading import yaml_reader
from provisioner.loading.document import Document
from provisioner.loading.findings import Findings
from provisioner.loading.tree import without_invalid
from provisioner.loading.yaml_reader import read_yaml
from provisioner.model.diagnostic import SpecError


def mistakes(text, secret_keys=frozenset()):
    findings = Findings()
    read_yaml(Document("spec.yaml", text, secret_keys), findings)
    return findings.errors


def read(text):
    """What a text is read as, and the code, line and column of each finding."""
    findings = Findings()
    value, _ = without_invalid(read_yaml(Document("spec.yaml", text), findings))
    try:
        findings.raise_errors()
    except SpecError as error:
        return value, [(found.code, found.source.line, found.source.column) for found in error.diagnostics]
    return value, []


def refused(text):
    return read(text)[1]


def test_a_server_written_twice_in_one_file_is_reported_at_the_second_place(stack: StackFolder):
    found = stack.mistake("servers:\n  a: {flavor: one}\n  b: {}\n  a: {flavor: two}\n")
    assert found.code == "duplicate-key"
    assert found.summary == "the key a stands twice in this map"
    assert found.hint == "keep one of the two; the first is at line 2"
    assert str(found.source) == "specs/servers.yaml:4:3"
    assert found.source.excerpt == "  a: {flavor: two}"
    assert found.source.length == 1


@pytest.mark.parametrize(
    "plain",
    [
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "n",
        "True",
        "NULL",
        "010",
        "-07",
        "0x1F",
        "0o17",
        "0b1",
        "1_000",
        "1:30",
        "190:20:30.15",
        "1e3",
        "123e4567",
        "1.",
        ".5",
        "+1",
        "1.5e3",
        "2001-12-14",
        "2001-12-14t21:59:43.10-05:00",
        "=",
        "<<",
        "00:16:30:12:34:56",
    ],
)
def test_a_plain_value_that_readers_disagree_on_is_refused(plain):
    assert refused(f"servers:\n  a: {plain}\n") == [("ambiguous-value", 2, 6)]
    assert read(f'a: "{plain}"\n') == ({"a": plain}, [])


@pytest.mark.parametrize(
    "plain", [".nan", ".NaN", ".inf", "-.inf", "1.0e+999", "9223372036854775808", "-9223372036854775809", "9" * 6000]
)
def test_a_number_that_does_not_survive_the_way_is_refused(plain):
    assert refused(f"a: {plain}\n") == [("number-out-of-range", 1, 4)]


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-12", -12),
        ("9223372036854775807", 2**63 - 1),
        ("0.5", 0.5),
        ("1.5e+3", 1500.0),
        ("10.0.0.1", "10.0.0.1"),
        ("8GB", "8GB"),
        ("fa:16:3e:12:34:56", "fa:16:3e:12:34:56"),
        *[
            ("05982b48-a70f-43a1-a2b0-1fe36a236172", "05982b48-a70f-43a1-a2b0-1fe36a236172"),
            ("Norway", "Norway"),
            ("-", None),
        ][:-1],
    ],
)
def test_a_plain_value_that_readers_agree_on_is_read(plain, value):
    result, findings = read(f"a: {plain}\n")
    assert (result["a"], type(result["a"]), findings) == (value, type(value), [])


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: !!str 1\n", "yaml-tag", 1, 4),
        ("a: !python/object:os.system {}\n", "yaml-tag", 1, 4),
        ("base: &b {x: 1}\na:\n  <<: *b\n", "merge-key", 3, 3),
        ("a: 1\n---\nb: 2\n", "several-documents", 2, 1),
        ("a: &x [*x]\n", "yaml-alias", 1, 8),
        ("a: *nowhere\n", "yaml-alias", 1, 4),
        ("{a: 1}: b\n", "complex-key", 1, 1),
        ("? [a]\n: b\n", "complex-key", 1, 3),
        ("a: &x b\n*x : c\n", "complex-key", 2, 1),
        ("1: b\n", "ambiguous-value", 1, 1),
        ("a:\n  - b\n c\n", "yaml-syntax", 3, 2),
        ("a: [1\n", "yaml-syntax", 2, 1),
        ("a: '\n", "yaml-syntax", 1, 4),
        ("a: b\x07c\n", "control-character", 1, 5),
        ("a: b\u202ec\n", "control-character", 1, 5),
        ("a: b\u0085c\n", "control-character", 1, 5),
        ('a: "b\\ec"\n', "control-character", 1, 4),
        ('a: "\\u202e"\n', "control-character", 1, 4),
        ('"a\\nb": 1\n', "control-character", 1, 1),
    ],
)
def test_what_yaml_offers_and_specs_do_not_need_is_refused(text, code, line, column):
    assert refused(text) == [(code, line, column)]


def test_a_template_without_quotes_is_told_to_be_quoted(stack: StackFolder):
    found = stack.mistake("servers:\n  a:\n    name: {{ var.team }}-a\n")
    assert found.code == "complex-key"
    assert found.hint == 'put the template in quotes: "{{ ... }}"'
    assert str(found.source) == "specs/servers.yaml:3:12"


def test_a_tab_in_the_indentation_is_told_to_be_spaces(stack: StackFolder):
    found = stack.mistake("servers:\n\ta: {}\n")
    assert (found.code, found.hint, str(found.source)) == (
        "yaml-syntax",
        "indent with spaces, not tabs",
        "specs/servers.yaml:2:1",
    )


def test_several_mistakes_of_one_file_are_told_together():
    text = "a: no\nb: 010\nc: [yes, {d: 1:30}]\na: 1\n"
    assert refused(text) == [
        ("ambiguous-value", 1, 4),
        ("ambiguous-value", 2, 4),
        ("ambiguous-value", 3, 5),
        ("ambiguous-value", 3, 14),
        ("duplicate-key", 4, 1),
    ]


def test_a_file_of_nothing_but_mistakes_is_not_read_to_its_end(stack: StackFolder):
    found = stack.mistakes("a: no\n" * 5000)
    assert (len(found), found[-1].summary) == (101, "... and 901 more")


def test_the_letters_y_and_n_are_good_names():
    assert read("n: 1\ny: 2\n") == ({"n": 1, "y": 2}, [])


def test_block_texts_keep_their_lines_and_tabs():
    assert read("a: |\n  one\n  \ttwo\n") == ({"a": "one\n\ttwo\n"}, [])


def test_an_alias_stands_for_its_value():
    assert read("a: &x {k: [1, 2]}\nb: *x\n") == ({"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}, [])


def test_a_bomb_of_aliases_is_refused_before_it_is_followed():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert [code for code, _, _ in refused("\n".join(lines))] == ["yaml-too-large"]


def test_a_ladder_of_aliases_cannot_nest_deeper_than_brackets_can():
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 2000))]
    assert [code for code, _, _ in refused("\n".join(lines))] == ["yaml-too-deep"]


@pytest.mark.parametrize(
    "text", ["a: " + "[" * 100_000, "a: " + "{b: " * 5000, "\n".join(" " * n + "a:" for n in range(2000)), "- " * 5000]
)
def test_deep_nesting_is_refused_and_not_climbed(text):
    assert [code for code, _, _ in refused(text)] == ["yaml-too-deep"]


def test_the_parser_without_libyaml_finds_the_same(monkeypatch):
    text = "a: no\nb: {c: &x [1, é😀], d: *x}\r\nb: 2\n"
    fast = read(text)
    monkeypatch.setattr(yaml_reader, "_PARSER", yaml.SafeLoader)
    assert read(text) == fast
    assert fast[1] == [("ambiguous-value", 1, 4), ("duplicate-key", 3, 1)]


_WORDS = st.text("abcxyz äß漢😀_-.", min_size=1, max_size=12)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=25,
)


@given(st.dictionaries(_WORDS, _VALUES), st.booleans())
def test_unambiguous_documents_are_read_as_by_pyyaml(document, flow):
    text = yaml.safe_dump(document, allow_unicode=True, default_flow_style=flow, width=1000)
    result, findings = read(text)
    ambiguous = {"ambiguous-value"}  # PyYAML writes some floats and words in a form that YAML 1.2 reads differently
    if not findings:
        assert result == yaml.load(text, Loader=yaml.CSafeLoader)
    assert {code for code, _, _ in findings} <= ambiguous


@given(st.text(max_size=60) | st.text("a:-[]{}&*!|>'\"#%@, \n?<y1.0", max_size=60))
def test_no_text_makes_the_reader_fail(text):
    read(text)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: \xff\n", "not-utf8"),
        (b"\xef\xbb\xbfservers: {}\n", "not-utf8"),
        ("servers: {}\n".encode("utf-16"), "not-utf8"),
        (b"a: b\x00c\n", "control-character"),
        (b"# " + b"x" * (16 * 1024 * 1024), "unreadable-file"),
        (b"- a\n", "wrong-type"),
        (b"text\n", "wrong-type"),
    ],
    ids=["broken", "mark", "utf-16", "nul", "huge", "list", "text"],
)
def test_a_file_that_is_no_spec_is_named(stack: StackFolder, content, code):
    (stack.path / "hostile.yaml").write_bytes(content)
    found = stack.mistake()
    assert (found.code, found.source.file, found.source.line) == (code, "specs/hostile.yaml", 1)


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "---\n", "servers:\n", "servers: {}\n"])
def test_an_empty_spec_wants_nothing(stack: StackFolder, content):
    assert stack.write("servers.yaml", content).load().desired == ()


def test_a_pipe_does_not_hang_the_run(stack: StackFolder):
    os.mkfifo(stack.path / "pipe.yaml")
    found = stack.mistake()
    assert (found.code, found.summary) == ("not-a-regular-file", "specs/pipe.yaml is not a regular file")


@pytest.mark.parametrize(
    ("target", "code"),
    [("/etc/passwd", "outside-stack"), ("nowhere", "unreadable-file"), ("link.yaml", "unreadable-file")],
)
def test_a_link_that_leads_out_or_nowhere_is_refused(stack: StackFolder, target, code):
    (stack.path / "link.yaml").symlink_to(target)
    assert stack.mistake().code == code


def test_a_link_to_a_file_of_the_stack_is_followed(stack: StackFolder):
    stack.write("_shared/pool.yaml", "servers: {a: {}}\n")
    (stack.path / "pool.yaml").symlink_to("_shared/pool.yaml")
    assert [str(wanted.address) for wanted in stack.load().desired] == ["a"]


def test_a_link_to_a_directory_is_refused_so_that_no_walk_is_endless(stack: StackFolder):
    (stack.path / "again").symlink_to(".")
    found = stack.mistake()
    assert (found.code, found.summary) == ("linked-directory", "specs/again is a link to a directory")


def test_the_collector_is_left_as_it_was(stack: StackFolder):
    stack.write("servers.yaml", "servers: {a: {}}\n").load()
    assert gc.isenabled()
    stack.mistakes("servers: {a: {count: -1}}\n")
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("text", "place", "character", "meant"),
    [
        ("a: 1\nb\uff1a2\n", "2:2", "U+FF1A", ":"),
        ("a\uff1a\n  b: 1\n", "1:2", "U+FF1A", ":"),
        ("a: {b: 1\uff0cc: 2}\n", "1:9", "U+FF0C", ","),
        ("a: \uff5bb: 1\uff5d\n", "1:4", "U+FF5B", "{"),
        ("a: b\n\uff03 note\n", "2:1", "U+FF03", "#"),
        ("a:\n  \u2013 b: 1\n    c: 2\n", "2:3", "U+2013", "-"),
        ("a: \u201cb\u201d\n", "1:4", "U+201C", '"'),
        ("a: [\u2018b\u2019]\n", "1:5", "U+2018", "'"),
        ("\u201ca\u201d: b\n", "1:1", "U+201C", '"'),
        ("a:\n\u00a0\u00a0b: 1\n", "2:1", "U+00A0", "space"),
        ("a:\n\u3000\u3000b: 1\n", "2:1", "U+3000", "space"),
        ("a: 1\nb:\u00a0{c: 1}\n", "2:3", "U+00A0", "space"),
    ],
)
def test_a_character_that_only_looks_like_yaml_is_named_at_its_place(text, place, character, meant):
    (found,) = mistakes(text)
    assert (found.code, str(found.source)) == ("lookalike-character", f"spec.yaml:{place}")
    assert character in found.summary
    assert meant in found.hint


@pytest.mark.parametrize(
    "text",
    [
        "a: \u8bf4\u660e\uff1a\u8bad\u7ec3\uff0c\u63a8\u7406\n",
        "a: \u201cb\u201d \u548c \u201cc\u201d\n",
        "\u7532\u3001\u4e59: 1\n",
        "a: |\n  note\uff1ab\n  \u2013 c\n",
        "a: 'b\uff1a\u00a0c'\n",
        "a\u2013b: 1\n",
    ],
)
def test_texts_may_contain_such_characters(text):
    assert read(text)[1] == []


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", ">>>>>>> main", "<<<<<<<"])
def test_the_marker_of_a_merge_is_named_at_its_place(marker):
    (found,) = mistakes(f"a: 1\n{marker}\nb: 2\n")
    assert (found.code, str(found.source)) == ("merge-conflict", "spec.yaml:2:1")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: 1\nb:2\nc: 3\n", "2:1", "there is no space behind the colon of b:"),
        ("a: 1\nb 2\n", "2:1", "there is no colon behind this key"),
        ("a: 1\nb = 2\n", "2:1", "a key is set with = here"),
        ("a: 1\n// b\n", "2:1", "// begins no comment"),
        ("a:\n  -b: 1\n   c: 2\n", "2:3", "there is no space behind the hyphen"),
        ("a: {b: 1}}\n", "1:10", "this } closes nothing"),
        ("a: [b, c\nd: e\n", "2:2", "the [ of line 1, column 4 is not closed"),
        ("a: 'b' c\n", "1:8", "text follows behind the closing quote"),
        ("a: b\n  c: d\n", "2:3", "this line is indented below a key that has a value already"),
        ("a: b: c\n", "1:5", "a value without quotes contains a colon and a space"),
        ("a: - b\n", "1:4", "a list cannot begin on the line of its key"),
        ('a: "\\d"\n', "1:5", "a backslash in double quotes begins an escape"),
        ("a: *.b\n", "1:5", "cannot begin with * or &"),
        ("a: `b`\n", "1:4", "a value without quotes cannot begin with `"),
        ("a:\n  b: |\n  c\n  d: 1\n", "3:3", "the text of b: is not indented"),
        ("a:\n  b: 1\n - c\n", "3:2", "an item of a list stands here"),
    ],
)
def test_a_slip_in_yaml_is_told_in_the_authors_words(text, place, said):
    (found,) = mistakes(text)
    assert (found.code, str(found.source)) == ("yaml-syntax", f"spec.yaml:{place}")
    assert said in found.summary


@pytest.mark.parametrize(
    "line",
    [
        "admin_pass: @Canary",
        "admin_pass:Canary",
        "admin_pass: |\n Canary:x\n y",
        'admin_pass: "\\Canary"',
        "admin_pass: {Canary",
    ],
)
def test_a_secret_in_a_line_that_cannot_be_read_is_not_repeated(line):
    (found,) = mistakes(f"{line}\nb: 1\n c: d\n", frozenset(["admin_pass"]))
    assert "Canary" not in repr(found)
