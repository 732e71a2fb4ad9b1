"""What is built installs into a clean environment and runs the stack that `init` writes."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.depth import WHOLE

ROOT = Path(__file__).parents[2]
PACKAGE = {
    str(path.relative_to(ROOT))
    for path in (ROOT / "provisioner").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}


def build(folder: Path, target: str, source: Path = ROOT) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"), "wheel")


def packaged(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("provisioner/")}


def test_the_wheel_has_every_file_of_the_package(wheel):
    assert "provisioner/py.typed" in PACKAGE
    assert packaged(wheel) == PACKAGE


def test_the_wheel_has_the_page_of_errors_itself(wheel):
    """In the repository it is a link, so that there is no copy to keep up to date."""
    assert (ROOT / "provisioner/workflow/errors.md").is_symlink()
    with zipfile.ZipFile(wheel) as opened:
        assert opened.read("provisioner/workflow/errors.md") == (ROOT / "docs/errors.md").read_bytes()


def test_the_wheel_of_the_source_archive_is_the_same(tmp_path):
    archive = build(tmp_path / "sdist", "sdist")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert packaged(build(tmp_path / "dist", "wheel", source)) == PACKAGE


class Installed:
    """In an environment of its own. The libraries, pip among them, are those of the tests, read through a path file: nothing is fetched."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        environment = folder / "environment"
        subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", environment], check=True)
        (packages,) = (environment / "lib").glob("python*/site-packages")
        (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self.bin = environment / "bin"
        install = ["install", "--quiet", "--no-index", "--no-deps", "--ignore-installed", wheel]
        subprocess.run([self.bin / "python", "-I", "-m", "pip", *install], check=True)

    def run(self, program: str, *arguments: str) -> str:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        ran = subprocess.run(
            [self.bin / program, *arguments],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


@WHOLE
def test_it_runs_the_stack_of_init(wheel, tmp_path):
    installed = Installed(tmp_path, wheel)
    where = installed.run("python", "-I", "-c", "import provisioner; print(provisioner.__file__)")
    assert where.startswith(str(tmp_path))
    installed.run("python", "-I", "-m", "pip", "check")
    assert "What to do" in installed.run("provisioner", "explain", "no-state")
    installed.run("provisioner", "init")
    installed.run("provisioner", "plan", "--out", "first.plan")
    installed.run("provisioner", "apply", "first.plan")
    installed.run("provisioner", "plan", "--detailed-exitcode")
    assert json.loads(installed.run("provisioner", "output", "--json"))
    installed.run("provisioner", "destroy", "--auto-approve", "--allow", "prepaid-delete")
    assert "purchase" in installed.run("provisioner", "sandbox", "ledger")
