"""Makes .venv and installs exactly what the lock files name. The Makefile calls it: `python3 -I locks/install.py LAYER`.

Layers: `python` (the empty environment), `runtime` (what the tool imports, and the tool itself), `dev` (what `make test` needs)
and `heavy` (what only some tests need). Each includes the ones before it. Says one line a step on standard error.

It has to be readable by Pythons that are too old for the tool, because it is what tells their users so.
"""
# ruff: noqa: T201 - it speaks to a person at a terminal

import ast
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

OLDEST_PYTHON = (3, 11)
ROOT = pathlib.Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LAYERS = {"python": [], "runtime": ["runtime"], "dev": ["postgres", "dev"], "heavy": ["sdk", "contract"]}
# A lock names every package there is to install. Without --no-deps, pip would resolve extras anew and refuse what is newer.
INSTALL = ["install", "--no-deps", "--require-hashes", "--requirement"]
WHERE_PACKAGES_ARE = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "keyring-provider"),
    *("cert", "client-cert", "proxy", "timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir"),
}
"""The settings of pip that are the user's. Any other (user, target, prefix, constraint ...) would change what is installed."""


def main(layer):
    check_python()
    os.chdir(str(ROOT))
    with open(str(LOCKS / "install.py")) as held:  # noqa: PTH123 - Path.open came later than some that must read this
        fcntl.flock(held, fcntl.LOCK_EX)  # two makes at a time take turns; a death frees it
        install(list(LAYERS)[: list(LAYERS).index(layer) + 1])


def check_python():
    if sys.version_info < OLDEST_PYTHON:
        found = "{}.{}.{}".format(*sys.version_info)
        stop(f"provisioner needs Python 3.11 or newer, and {sys.executable} is {found}.", another_python())
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop(
            f"{sys.executable} cannot make virtual environments: its modules venv and ensurepip are missing.",
            "On Debian and Ubuntu `apt-get install python3-venv` brings them. " + another_python(),
        )


def another_python():
    return "Another Python is chosen so: make demo PYTHON=/path/to/python3.12"


def install(layers):
    missing = [layer for layer in layers if not is_installed(layer)]
    if not missing:
        return
    if "python" in missing:
        make_environment()
        missing = layers
    for layer in missing:
        stamp(layer).unlink(missing_ok=True)
        for name in LAYERS[layer]:
            install_lock(name)
        if layer == "runtime":
            pip("install", "--no-index", "--no-deps", "--no-build-isolation", "--editable", ".")
        if layer == "heavy":
            fetch_oldest_pip()
        if layer != "python":
            pip("check")
        stamp(layer).write_text(wanted(layer))


def make_environment():
    """Also in the place of one that was left half made, is of another Python, or was moved with its folder."""
    again = " anew, because what is there is unfinished, or of another folder or Python" if VENV.exists() else ""
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"making .venv for Python {version}{again}")
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(str(VENV))
    run([sys.executable, "-I", "-m", "venv", str(VENV)], clean_environment())


def install_lock(name):
    lock = LOCKS / f"{name}.lock"
    count = sum("==" in line for line in lock.read_text().splitlines())
    say(f"installing the {count} packages of locks/{name}.lock")
    pip(*INSTALL, str(lock))


def fetch_oldest_pip():
    """Only fetched: a test installs packages with it."""
    lock = LOCKS / "oldest-pip.lock"
    pip("download", "--no-deps", "--require-hashes", "--requirement", str(lock), "--dest", str(VENV / "wheels"))


def stamp(layer):
    return VENV / f".{layer}"


def is_installed(layer):
    try:
        return stamp(layer).read_text() == wanted(layer)
    except OSError:
        return False


def wanted(layer):
    """What has to be the same for the layer to be whole: the folder, the Python, and the contents of its files."""
    files = [LOCKS / f"{name}.lock" for name in LAYERS[layer]]
    files += [ROOT / "pyproject.toml"] if layer == "runtime" else []
    contents = b"".join(path.read_bytes() for path in files)
    return "\n".join([str(ROOT), sys.base_prefix, sys.version, hashlib.sha256(contents).hexdigest()])


def pip(*arguments):
    run([str(PYTHON), "-I", "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments], pip_environment())


def pip_environment():
    """As `pip config list` tells them, by the names under which pip reads them from the environment."""
    environment = clean_environment()
    kept = {name: value for name, value in os.environ.items() if name == "PIP_CONFIG_FILE"}
    kept["PIP_QUIET"] = "0"  # a configuration that asks for silence would silence the list
    command = [str(PYTHON), "-I", "-m", "pip", "config", "list"]
    listed = subprocess.run(
        command, env={**environment, **kept}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    for line in listed.stdout.decode().splitlines():
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        if option in WHERE_PACKAGES_ARE:
            environment[variable(option)] = ast.literal_eval(value)
    for option in WHERE_PACKAGES_ARE:
        if os.environ.get(variable(option)):  # pip passes over what is set to nothing
            environment[variable(option)] = os.environ[variable(option)]
    return {**environment, "PIP_CONFIG_FILE": os.devnull}


def variable(option):
    return "PIP_" + option.upper().replace("-", "_")


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}


def run(command, environment):
    """Quietly; what it said is shown when it fails."""
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stdout)
        stop(f"`{' '.join(map(str, command))}` failed.", "The same make command goes on from here.")


def say(words):
    print(f"Set-up: {words} ...", file=sys.stderr, flush=True)


def stop(what, hint):
    print(f"Set-up stopped: {what}\n{hint}", file=sys.stderr, flush=True)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        stop(str(error), "Whoever runs make must be able to write .venv; `make clean` removes it.")
    except KeyboardInterrupt:
        stop("interrupted.", "The same make command goes on from here.")
