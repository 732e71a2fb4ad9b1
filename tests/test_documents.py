"""The documents are true: every snippet is run, every code is explained, every link leads somewhere."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import pytest
from support.forked_command import ForkedCommand
from support.postgres_server import PASSWORD, required_server

from provisioner.cli.spelling import LONG_OPTIONS
from provisioner.kinds import CATALOGUE
from provisioner.loading import CODES, VariableInputs, load, read_user_configuration
from provisioner.loading.budget import Budget
from provisioner.loading.filters import Operations
from provisioner.model.resource import Timeouts
from provisioner.sandbox import PUBLIC

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
MAKERS_OF_FINDINGS = {"error", "warning", "doubtful", "failed", "Advice", "Remark", "UnplacedError"}


def snippets(document: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(document.read_text()) if kind == language]


TUTORIALS = [document for document in DOCUMENTS if "\n*Tutorial · " in document.read_text()]
"""A reader works through these from start to end in one terminal, so their snippets are one session."""


WITH_DATABASE = [ROOT / "docs" / "teams.md"]
"""Their snippets are one session, too. It needs a PostgreSQL server."""


def documents_with(language: str) -> list[Path]:
    return [
        document
        for document in DOCUMENTS
        if document not in [*TUTORIALS, *WITH_DATABASE] and snippets(document, language)
    ]


def session(tutorial: Path) -> str:
    """Returns the tutorial as a shell script: its commands, and its files as they stand between them."""
    steps = []
    for language, body in FENCE.findall(tutorial.read_text()):
        if language == "sh" and not is_for_make(body):
            steps.append(body)
        elif language == "yaml":
            name = re.match(r"# (specs/[\w./-]+)", body)
            assert name is not None, f"a YAML snippet of {tutorial.name} does not say which file it is"
            steps.append(f"cat > {name[1]} <<'END OF FILE'\n{body}END OF FILE\n")
    return "".join(steps)


def is_for_make(script: str) -> bool:
    return script.startswith("make ")


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a command `provisioner` that costs a twentieth of a new interpreter."""
    command = ForkedCommand(tmp_path_factory.mktemp("command"))
    yield command.folder
    command.end()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The specs of this repository, a state folder, and a `.venv` whose command is the one under test."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    return tmp_path


def activates(clone: Path, *folders: Path) -> str:
    """What `.venv/bin/activate` says there: the PATH."""
    path = ":".join(map(str, (*folders, Path(sys.executable).parent)))
    (clone / ".venv" / "bin" / "activate").write_text(f'PATH="{path}:$PATH"\n')
    return f"{path}:{os.environ['PATH']}"


def environment(home: Path, **more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", **more}


def run_shell(script: str, *, directory: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """What the script leaves running in the background, as a reader would, ends with it."""
    output = directory / "output"
    with output.open("w") as stream:
        shell = subprocess.Popen(
            ["sh", "-eu", "-c", script],
            cwd=directory,
            env=environment(directory, **more),
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        code = shell.wait(timeout=120)
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
    return subprocess.CompletedProcess(shell.args, code, output.read_text())


@contextmanager
def served_sandbox(directory: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "provisioner", "sandbox", "serve", "--build-seconds", "0.1", "--world", "world.db"]
    server = subprocess.Popen(command, cwd=directory, env=environment(directory), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().removeprefix("listening on ").strip()
    finally:
        server.terminate()
        server.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.slow
@pytest.mark.parametrize("document", documents_with("sh"), ids=lambda path: path.name)
def test_the_commands_that_a_document_shows_work(document, clone, forked):
    path = activates(clone, *([] if document.name == "README.md" else [forked]))
    for script in snippets(document, "sh"):
        if is_for_make(script):
            continue
        done = run_shell(script.replace("8901", str(free_port())), directory=clone, PATH=path)
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.name)
def test_a_tutorial_works_from_start_to_end(tutorial, clone, forked):
    done = run_shell(session(tutorial), directory=clone, PATH=activates(clone, forked))
    assert done.returncode == 0, done.stdout
    assert "Destroy complete!" in done.stdout


@pytest.fixture
def database(clone):
    """The variables that lead to a PostgreSQL server, which keeps what it confirms as long as the test lasts."""
    server = required_server()
    server.configure("fsync", "on")
    login = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "owner", "PGPASSWORD": PASSWORD}
    yield login
    server.configure("fsync", "off")


def without_waiting(script: str) -> str:
    """Let the lease of a killed run be as old as one that nobody renews, and give each run in the background a process of its own, so that it can
    be killed.
    """
    age = "UPDATE team.batches SET written_at = written_at - interval '1 hour' WHERE log = 'lease'"
    script = script.replace("kill -9 $RUN\n", f'kill -9 $RUN\npsql --quiet machines -c "{age}"\n')
    return re.sub(r"^provisioner (.* &)$", rf"{sys.executable} -m provisioner \1", script, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_DATABASE, ids=lambda path: path.name)
def test_a_page_about_a_database_works_from_start_to_end(document, clone, forked, database):
    script = without_waiting(session(document))
    done = run_shell(script, directory=clone, PATH=activates(clone, forked), **database)
    assert done.returncode == 0, done.stdout
    told = set(re.findall(r"# (?:refused: )?((?:store|state)-[a-z]+)", script))
    assert told <= set(re.findall(r"^Error\[([a-z-]+)\]", done.stdout, re.MULTILINE))
    assert done.stdout.count("\nNo changes.") >= script.count("# No changes.") > len(told) > 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_targets_of_make_that_a_document_names_exist(document):
    targets = {
        target for script in snippets(document, "sh") for target in re.findall(r"^make (\w+)", script, re.MULTILINE)
    }
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("document", documents_with("console"), ids=lambda path: path.name)
def test_the_session_on_the_real_cloud_works_against_a_served_sandbox(document, tmp_path):
    write_specs(document, tmp_path)
    with served_sandbox(tmp_path) as address:
        endpoints = {f"PROVISIONER_ENDPOINT_{name}": address for name in ("MODELARTS", "BSS", "IAM")}
        for session in snippets(document, "console"):
            lines = [line.removeprefix("$ ") for line in session.splitlines() if line.startswith("$ ")]
            script = "\n".join(lines).replace("HW_ACCESS_KEY=...", f"HW_ACCESS_KEY={PUBLIC.access_key}")
            script = script.replace("HW_SECRET_KEY=...", f"HW_SECRET_KEY={PUBLIC.secret_key}")
            done = run_shell(script, directory=tmp_path, **endpoints)
            assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_demo_runs_from_start_to_end(clone):
    done = subprocess.run(
        ["sh", str(ROOT / "docs" / "demo.sh")],
        cwd=clone, env=environment(clone), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Apply complete! Servers: 5 added" in done.stdout
    assert "No changes." in done.stdout
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in done.stdout
    assert "Destroy complete! Servers: 9 destroyed." in done.stdout
    assert re.findall(r"^\[(\d)/8\] ", done.stdout, re.MULTILINE) == [*"12345678"]
    assert done.stdout.count("# gateway will be created") == 1  # what was approved is not shown again
    assert "\x1b" not in done.stdout
    bought = re.findall(r"  purchase  .*  (vision-dev-[\w-]+) ", done.stdout)
    assert (len(bought), len({*bought})) == (9, 9)  # although a run was killed
    assert "provisioner init --template" in done.stdout[-600:]


def write_specs(document: Path, directory: Path) -> None:
    """Snippets that begin with `# specs/NAME` are files, as is `# config.yaml`, the user's own configuration."""
    for text in snippets(document, "yaml"):
        name = re.match(r"# (specs/[\w./-]+|config\.yaml)", text)
        assert name is not None, f"a YAML snippet of {document.name} does not say which file it is"
        path = directory / name[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)


@pytest.mark.parametrize("document", documents_with("yaml"), ids=lambda path: path.name)
def test_the_specs_that_a_document_shows_are_valid(document, tmp_path):
    write_specs(document, tmp_path)
    loaded = load(tmp_path / "specs", catalogue=CATALOGUE, environment=None, inputs=VariableInputs())
    assert loaded.desired
    assert not loaded.warnings
    read_user_configuration([tmp_path / "config.yaml"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def codes_in_the_source() -> set[str]:
    """The literal that whatever makes a finding is given for a code; an Advice names its field before."""
    found = set(CODES)
    for path in (ROOT / "provisioner").rglob("*.py"):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS_OF_FINDINGS:
                texts = [
                    arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                ]
                found |= {text for text in texts[:1] if re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", text)}
    return found


def test_every_code_is_explained():
    explained = set(re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE))
    assert codes_in_the_source() - explained == set()


def script(name: str) -> ModuleType:
    """Imports a script that stands beside the documents."""
    specification = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_command_reference_says_what_the_commands_say_today():
    reference = script("command_reference")
    assert reference.page() == reference.PAGE.read_text(encoding="utf-8"), "run `make reference`"


def test_the_command_reference_has_every_option():
    words = set(re.findall(r"--([a-z][a-z-]*)", (ROOT / "docs" / "command-reference.md").read_text()))
    assert words >= LONG_OPTIONS - {"help"}


KINDS = {"Tutorial": "Tutorials", "How-to": "How-to guides", "Reference": "Reference", "Explanation": "Explanation"}
"""The four kinds of page, and the heading of each in the index."""
PAGES = [document for document in DOCUMENTS if document.parent == ROOT / "docs" and document.name != "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_says_its_kind_and_the_index_lists_it_under_that_kind(page):
    title, _, kind, *_ = page.read_text().splitlines()
    assert title.startswith("# ")
    said = re.fullmatch(r"\*(\S+) · \[[^]]+\]\(README\.md\) · [^][()]+\[.+\]\(.+\)\*", kind)
    assert said is not None, "its third line is: *KIND · [All pages](README.md) · See also: [...](...), ...*"
    index = (ROOT / "docs" / "README.md").read_text()
    (listed,) = re.findall(rf"^## {KINDS[said[1]]}\n(.*?)(?=^## |\Z)", index, re.MULTILINE | re.DOTALL)
    assert re.search(rf"^- .*\({re.escape(page.name)}\).*: .*[?]", listed, re.MULTILINE)
    assert index.count(f"({page.name})") == 1


def test_the_language_page_names_every_filter_of_templates():
    page = (ROOT / "docs" / "specs.md").read_text()
    assert {name for name in Operations(Budget()).filters() if f"`{name}`" not in page} == set()


def test_the_readme_keeps_its_order():
    headings = re.findall(r"^#+ .*|^!\[", (ROOT / "README.md").read_text(), re.MULTILINE)
    shown = [heading for heading in headings if heading.startswith(("## ", "!["))]
    assert shown == [
        "![",
        "## Try it: two commands, no account",
        "## The same on the real cloud",
        "## Where to go next",
    ]


def test_the_defaults_of_the_timeouts_are_told():
    text = " ".join((ROOT / "docs" / "specs.md").read_text().split())
    for name in ("create", "delete"):
        assert f"`{name}`, {getattr(Timeouts(), name) / 60:.0f} minutes" in text


def test_the_picture_shows_what_the_tool_prints_today():
    picture = script("picture")
    ids = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    drawn, kept = (ids.sub("ID", text) for text in (picture.draw(), (ROOT / "docs" / "plan.svg").read_text()))
    assert drawn == kept, "run `make picture`"


LOCKS = sorted((ROOT / "locks").glob("*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_the_lock_pins_with_hashes_and_names_no_index(lock):
    text = lock.read_text()
    assert "://" not in text
    assert "--index" not in text
    pinned = re.findall(r"^[\w.-]+(?:\[[\w,]+\])?==\S+", text, re.MULTILINE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)
