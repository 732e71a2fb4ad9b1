"""explain: the page of a code as docs/errors.md has it, and a pointer to it behind errors on a terminal."""

import re
from pathlib import Path

import pytest

from provisioner.workflow import explain
from provisioner.workflow.explain import read_error_pages

DOCUMENT = Path(__file__).parents[2] / "docs" / "errors.md"


def test_a_code_is_explained_by_its_row_of_the_document(cli) -> None:
    ran = cli.run("explain", "stack-missing")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "stack-missing (Specs)\n\n"
        "What it means\n  The directory does not exist or has no stack.yaml.\n\n"
        "What to do\n  The hint names a stack nearby; check `--specs` and the current directory. If there is no stack\n"
        "  yet, `provisioner init` writes one.\n"
    )


def test_every_row_of_the_document_is_a_page() -> None:
    written = re.findall(r"^\| `([a-z0-9-]+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert [*read_error_pages()] == written
    assert all(page.section and page.meaning and page.remedy for page in read_error_pages().values())


def test_no_page_shows_the_marks_of_its_markdown(cli) -> None:
    for code, page in read_error_pages().items():
        if (
            "](" in page.meaning + page.remedy
            or "\\|" in page.meaning + page.remedy
            or "**" in page.meaning + page.remedy
        ):
            shown = cli.run("explain", code).out
            assert not re.search(r"\]\(|\\\||\*\*", shown)
            assert ".md" not in shown or "docs/" in shown


@pytest.mark.parametrize("shown", ["Error[no-state]", "Warning[no-state]:", "[no-state]"])
def test_a_code_may_be_pasted_as_it_was_shown(cli, shown: str) -> None:
    assert cli.run("explain", shown).out.startswith("no-state (")


def test_all_codes_are_listed_in_a_line_each(cli) -> None:
    listed = cli.run("explain").out.splitlines()
    assert listed[0] == "Specs"
    assert sum(line.startswith("  ") for line in listed) == len(read_error_pages())
    assert all(len(line) <= 100 for line in listed)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("no-stat", "did you mean no-state?"),
        ("NO-STATE", "did you mean no-state?"),
        ("router", "`provisioner state show 'router'` shows what is recorded"),
        ("router", "`provisioner explain 'gateway'` shows one that is declared"),
        ("gateway[0]", "`provisioner explain 'gateway'` shows one that is declared"),
        ("x y", "`provisioner explain` lists all codes"),
    ],
)
def test_what_is_no_code(cli, given: str, hint: str) -> None:
    assert hint in cli.assert_fails("explain", given, code="unknown-code").stderr_text


def test_an_address_is_explained_by_what_the_specs_come_to(cli, monkeypatch) -> None:
    monkeypatch.setenv("PASSWORD", "never-shown-1")
    secret = '{secret: "env:PASSWORD"}'
    cli.write_specs(
        "servers:\n  trainer:\n    count: 2\n    key_pair_name: null\n"
        f"    admin_pass: {secret}\n    labels: {{role: trainer}}\n"
        '    userdata: "#!/bin/sh\\necho {{ count.index }}\\ntoken=abc\\n"\n'
    )
    shown = cli.run("explain", "trainer[1]")
    assert shown.out.startswith("# trainer[1]: declared at specs/servers.yaml:2:3\n")
    assert "        #!/bin/sh\n        echo 1\n        token=(sensitive)\n" in shown.out
    assert "admin_pass" in shown.out
    assert 'role = "trainer"' in shown.out
    assert "never-shown-1" not in shown.text
    assert not cli.ledger()


def test_specs_with_mistakes_explain_codes_all_the_same(cli) -> None:
    cli.write_specs("servers: {gateway: {flavour: x}}\n")
    assert cli.run("explain", "no-state").code == 0
    cli.assert_fails("explain", "gateway", code="unknown-field")


def test_an_installation_without_the_document(cli, monkeypatch) -> None:
    monkeypatch.setattr(explain, "_PAGE", Path("nowhere.md"))
    cli.assert_fails("explain", "no-state", code="explanations-missing")


@pytest.mark.parametrize("command", ["plan", "validate"])
def test_errors_on_a_terminal_end_with_the_way_to_read_more(cli, monkeypatch, command: str) -> None:
    cli.write_specs("servers: {gateway: {flavour: x}}\n")
    assert "provisioner explain" not in cli.run(command).text
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    last = cli.run(command).err.splitlines()[-1]
    assert last == "To read more about it: provisioner explain unknown-field"
    assert cli.run("explain", last.split()[-1]).code == 0
    assert "provisioner explain" not in cli.run(command, "--json").text
    cli.write_specs("servers: {gateway: {flavour: x, name: 7}}\n")
    assert cli.run(command).err.splitlines()[-1] == "To read more about it: provisioner explain CODE"
