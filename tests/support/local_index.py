"""An index of packages in a folder, with wheels built by hand, and a project whose locks name some of them."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
BACKEND = """
import zipfile
def get_requires_for_build_editable(config_settings=None):
    return []
def build_editable(directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{directory}/tool-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tool-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tool\\nVersion: 1.0\\n")
        wheel.writestr("tool-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("tool-1.0.dist-info/RECORD", "")
    return "tool-1.0-py3-none-any.whl"
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@dataclass
class LocalIndex:
    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)

    def publish(self, name: str, version: str, *, needs: tuple[str, ...] = (), extras: tuple[str, ...] = ()) -> None:
        page = self.folder / name
        page.mkdir(parents=True, exist_ok=True)
        file = page / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        _write_wheel(file, name, version, needs, extras)
        self.hashes[f"{name}=={version}"] = digest = hashlib.sha256(file.read_bytes()).hexdigest()
        with (page / "index.html").open("a") as links:
            links.write(f'<a href="{file.name}#sha256={digest}">{file.name}</a><br>\n')

    def lock(self, *pinned: str) -> str:
        return "".join(f"{each} \\\n    --hash=sha256:{self.hashes[each]}\n" for each in pinned)


def _write_wheel(file: Path, name: str, version: str, needs: tuple[str, ...], extras: tuple[str, ...]) -> None:
    information = f"{name.replace('-', '_')}-{version}.dist-info"
    headers = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    headers += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {need}" for need in needs]
    contents = {
        f"{name.replace('-', '_')}.py": f"version = {version!r}\n",
        f"{information}/METADATA": "\n".join(headers) + "\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in contents.items())
    with zipfile.ZipFile(file, "w") as wheel:
        for path, text in {**contents, f"{information}/RECORD": f"{record}{information}/RECORD,,\n"}.items():
            wheel.writestr(path, text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Project:
    """The Makefile and the set-up of this repository, over other locks. No address but the index's is there to be asked."""

    folder: Path
    index: LocalIndex

    def lay_out(self, *, runtime: str, postgres: str, dev: str) -> None:
        (self.folder / "locks").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", self.folder)
        shutil.copy(ROOT / "locks" / "install.py", self.folder / "locks")
        for name, text in {"runtime.lock": runtime, "postgres.lock": postgres, "dev.lock": dev}.items():
            (self.folder / "locks" / name).write_text(text)
        (self.folder / "pyproject.toml").write_text(PYPROJECT)
        (self.folder / "backend.py").write_text(BACKEND)

    def make(self, layer: str = "dev", **environment: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
        environ |= {"PIP_RETRIES": "0", "PIP_PROXY": "http://127.0.0.1:9"}  # whatever asks another index fails at once
        environ |= {"PIP_INDEX_URL": self.index.folder.as_uri(), **environment}
        command = ["make", f".venv/.{layer}", f"PYTHON={sys.executable}"]
        return subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)

    def put_pip(self, wheel: Path) -> None:
        """In the place of the one that the environment was made with."""
        (packages,) = (self.folder / ".venv" / "lib").glob("python*/site-packages")
        for old in packages.glob("pip*"):
            shutil.rmtree(old)
        zipfile.ZipFile(wheel).extractall(packages)

    def version(self, module: str) -> str:
        command = [self.folder / ".venv" / "bin" / "python", "-I", "-c", f"import {module}; print({module}.version)"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
