"""Set-up installs what the locks name, whatever has been published since, and mends what an earlier one left."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.depth import WHOLE
from support.local_index import ROOT, LocalIndex, Project

OLD_PIPS = sorted((ROOT / ".venv" / "wheels").glob("pip-*.whl"))
OLDEST_PIP = pytest.param(
    "oldest",
    marks=[
        pytest.mark.skipif(not OLD_PIPS, reason="the oldest supported pip is not there: `make heavy` fetches it"),
        pytest.mark.skipif(sys.version_info >= (3, 12), reason="the pip of Python 3.11.0 runs on no newer Python"),
    ],
)
DEV = ("pytest-cov==7.1.0", "coverage==7.17.3")


@pytest.fixture
def project(tmp_path):
    """Of each package there is a newer release than the locked one; coverage is also reached through its extra."""
    index = LocalIndex(tmp_path / "índex of 包" / "simple")
    index.publish("click", "8.5.1")
    index.publish("click", "9.0")
    index.publish("psycopg", "3.3.9")
    index.publish("psycopg", "3.4")
    index.publish("pytest-cov", "7.1.0", needs=("coverage[toml]>=7.10", "click"))
    index.publish("pytest-cov", "8.0", needs=("coverage[toml]>=7.10",))
    index.publish("coverage", "7.17.3", extras=("toml",))
    index.publish("coverage", "7.18.0", extras=("toml",))
    project = Project(tmp_path / "a clone 包", index)
    locks = {"runtime": ("click==8.5.1",), "postgres": ("psycopg==3.3.9",), "dev": DEV}
    project.lay_out(**{name: index.lock(*pinned) for name, pinned in locks.items()})
    return project


def assert_installed(project) -> None:
    assert (project.version("click"), project.version("coverage")) == ("8.5.1", "7.17.3")
    assert project.version("pytest_cov") == "7.1.0"


def prepare(project, pip: str) -> None:
    assert project.make("python").returncode == 0
    if pip == "oldest":
        project.put_pip(OLD_PIPS[0])


@WHOLE
@pytest.mark.parametrize("pip", ["own", OLDEST_PIP])
class TestReleasesThatAreNewerThanTheLock:
    def test_are_not_installed(self, project, pip):
        prepare(project, pip)
        ran = project.make()
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert_installed(project)
        assert ran.stdout == ""
        assert len(ran.stderr.splitlines()) == 3  # a line for each lock, and no other word
        assert project.make().stderr == ""


@WHOLE
@pytest.mark.parametrize("pip", [OLDEST_PIP])
def test_without_no_deps_newer_releases_stop_it(project, pip):
    """That the test above can fail."""
    script = project.folder / "locks" / "install.py"
    weaker = script.read_text().replace('INSTALL = ["install", "--no-deps", ', 'INSTALL = ["install", ')
    assert weaker != script.read_text()
    script.write_text(weaker)
    prepare(project, pip)
    ran = project.make()
    assert ran.returncode != 0
    assert "coverage" in ran.stderr


@WHOLE
class TestWhatIsRefused:
    def test_a_lock_that_lacks_a_package(self, project):
        (project.folder / "locks" / "dev.lock").write_text(project.index.lock("pytest-cov==7.1.0"))
        ran = project.make()
        assert ran.returncode != 0
        assert "requires coverage, which is not installed" in ran.stderr
        assert not (project.folder / ".venv" / ".dev").exists()

    def test_a_package_that_is_not_the_locked_one(self, project):
        locked = project.folder / "locks" / "runtime.lock"
        locked.write_text(re.sub("sha256:[0-9a-f]{4}", "sha256:0000", locked.read_text()))
        ran = project.make()
        assert ran.returncode != 0
        assert "DO NOT MATCH THE HASHES" in ran.stderr


@WHOLE
class TestWhateverTheUserHasSet:
    def test_for_pip_and_for_python(self, project, tmp_path):
        """A folder of theirs holds a click, which pip and the tool would take for installed."""
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        (theirs / "click.py").write_text("version = 'theirs'")
        configuration = tmp_path / "pip.conf"
        elsewhere = f"user = true\ntarget = {tmp_path}/target\nprefix = {tmp_path}/prefix\nroot = {tmp_path}/root\n"
        configuration.write_text(f"[global]\n{elsewhere}no-binary = :all:\nconstraint = {tmp_path}/constraints\n")
        (tmp_path / "constraints").write_text("click<8\n")
        pip = {f"PIP_{name}": "1" for name in ("USER", "REQUIRE_VIRTUALENV", "NO_DEPS", "DRY_RUN", "PRE")}
        pip |= {"PIP_TARGET": str(tmp_path / "target"), "PIP_CONSTRAINT": str(tmp_path / "constraints")}
        python = {"PYTHONPATH": str(theirs), "PYTHONHOME": str(theirs), "PYTHONSTARTUP": "/nowhere"}
        ran = project.make(PIP_CONFIG_FILE=str(configuration), **pip, **python)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert_installed(project)
        assert not (tmp_path / "target").exists()

    def test_the_index_of_their_configuration_is_asked(self, project, tmp_path):
        configuration = tmp_path / "pip.conf"
        configuration.write_text(f"[global]\nindex-url = {project.index.folder.as_uri()}\nquiet = 3\n")
        ran = project.make("runtime", PIP_CONFIG_FILE=str(configuration), PIP_INDEX_URL="")
        assert ran.returncode == 0, ran.stdout + ran.stderr


@WHOLE
class TestAnEarlierSetUp:
    def test_that_was_interrupted_moved_or_of_another_python_is_made_anew(self, project):
        half = project.folder / ".venv" / "bin"
        half.mkdir(parents=True)
        (half / "python").write_text("")
        assert "anew" in project.make("python").stderr
        moved = Project(project.folder.with_name("moved"), project.index)
        project.folder.rename(moved.folder)
        assert "anew" in moved.make("python").stderr
        stamp = moved.folder / ".venv" / ".python"
        stamp.write_text(stamp.read_text().replace(sys.version, "3.11.0"))
        assert "anew" in moved.make("python").stderr
        assert moved.make("python").stderr == ""


SET_UP = "import sys; sys.argv = ['install.py', 'python']; import runpy; {}; runpy.run_path('locks/install.py', run_name='__main__')"


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("sys.version_info = (3, 9, 18)", ["needs Python 3.11 or newer", "is 3.9.18", "make demo PYTHON="]),
        ("sys.modules['ensurepip'] = None", ["ensurepip are missing", "apt-get install python3-venv"]),
    ],
    ids=["too old", "without ensurepip"],
)
def test_a_python_that_will_not_do(tmp_path, lacking, said):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "install.py").write_bytes((ROOT / "locks" / "install.py").read_bytes())
    command = [sys.executable, "-I", "-c", SET_UP.format(lacking)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ})
    assert ran.returncode == 1
    assert all(words in ran.stderr for words in said), ran.stderr
    assert not Path(tmp_path / ".venv").exists()
