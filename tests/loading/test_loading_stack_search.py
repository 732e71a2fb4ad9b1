"""Which directories are stacks, which one is meant, and which states they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.loading import choose_directory, enclosing_stack, find_stacks, state_labels
from provisioner.loading.stack_search import nearby_hint
from provisioner.model.diagnostic import UsageError


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(directory, text="stack: demo\n"):
        (tmp_path / directory).mkdir(parents=True, exist_ok=True)
        (tmp_path / directory / "stack.yaml").write_text(text)
        return tmp_path / directory

    return make


def test_the_current_directory_is_the_stack_where_it_holds_one(place):
    assert choose_directory(None) == Path("specs")
    assert choose_directory(Path("else")) == Path("else")
    place(".")
    assert choose_directory(None) == Path()
    place("specs")
    with pytest.raises(UsageError) as caught:
        choose_directory(None)
    assert caught.value.diagnostics[0].code == "stack-ambiguous"
    assert choose_directory(Path("specs")) == Path("specs")


def test_stacks_are_found_to_a_depth_and_not_in_hidden_folders_or_through_links(place, tmp_path):
    near, far = place("teams/vision"), place("a/b/c/specs")
    for hidden in (".git/x", "_old", "a/b/c/d/e"):
        place(hidden)
    (tmp_path / "link").symlink_to(near)
    assert [*find_stacks(tmp_path)] == [near, far]
    assert [*find_stacks(tmp_path, deepest=2)] == [near]
    assert [*find_stacks(tmp_path / "gone")] == []
    place("teams/vision/inner")
    assert [*find_stacks(near)] == [near]


def test_a_search_ends_in_a_folder_of_many(place, tmp_path, monkeypatch):
    monkeypatch.setattr("provisioner.loading.stack_search._MOST_DIRECTORIES", 3)
    for name in "abcdef":
        (tmp_path / name).mkdir()
    place("z")
    assert [*find_stacks(tmp_path)] == []


def test_what_is_inside_of_a_stack(place, tmp_path):
    stack = place("specs")
    assert enclosing_stack(stack / "templates" / "deeper") == stack
    assert enclosing_stack(stack) is None
    assert enclosing_stack(tmp_path) is None


@pytest.mark.parametrize(
    ("stack", "wrong", "said"),
    [
        ("specs", "specs/templates", "--specs specs"),
        ("repo/specs", "repo", "--specs repo/specs"),
        ("repo/specs", "repo/docs", "--specs repo/specs"),
        ("teams/vision", "teams/speech", "--specs teams/vision"),
        ("repo/deeper/than/this/specs", "other/specs", "provisioner init"),
    ],
)
def test_init_is_advised_only_where_no_stack_is_near(place, stack, wrong, said):
    place(stack)
    assert said in nearby_hint(Path(wrong))
    assert ("init" in nearby_hint(Path(wrong))) == (said == "provisioner init")


def test_a_stack_names_one_state_an_environment(place):
    stack = place("specs")
    assert state_labels(stack) == {"demo"}
    (stack / "environments").mkdir()
    assert state_labels(stack) == set()
    (stack / "environments" / "dev.yaml").write_text("{}")
    (stack / "environments" / "_draft.yaml").write_text("{}")
    assert state_labels(stack) == {"demo.dev"}
    assert state_labels(place("declared", "stack: other\nenvironments: {a: {}, b: {}}\n")) == {"other.a", "other.b"}


@pytest.mark.parametrize("text", ["", "stack: [\n", "- no map\n", "stack: a/b\n"])
def test_a_stack_that_cannot_be_read_names_no_state_of_anybody(place, text):
    assert state_labels(place("specs", text)) <= {"broken"}
    assert state_labels(Path("gone")) == set()
