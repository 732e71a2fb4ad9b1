"""Checks of the tool's installation and of the process it runs in: versions, extras, umask and clock."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Final

from provisioner.model.check import CheckResult, doubtful, failed, passed, skipped
from provisioner.workflow.check_runner import CheckRunner

_TOPIC: Final = "installation"
_PACKAGE: Final = "provisioner"
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*([^;]*)(?:;(.*))?")
_EXTRA: Final = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_CONDITION: Final = re.compile(r"(>=|<=|==|!=|~=|>|<)\s*([0-9]+(?:\.[0-9]+)*)")
_EXTRA_OF_SCHEME: Final = {"postgres": "postgres", "postgresql": "postgres"}
_PROCESS_STATUS: Final = Path("/proc/self/status")
_OWNER: Final = 0o700
_OTHERS_WRITE: Final = 0o002


async def check_installation(runner: CheckRunner, tool_version: str) -> None:
    """Check what the tool is made of, and the process that it runs in."""
    await runner.run_blocking(_TOPIC, "version", lambda: passed(f"provisioner {tool_version}"))
    await runner.run_blocking(_TOPIC, "python", _examine_python)
    await runner.run_blocking(_TOPIC, "dependencies", _examine_dependencies)
    await runner.run_blocking(_TOPIC, "umask", _examine_umask)
    await runner.run_blocking(_TOPIC, "boot-clock", _examine_boot_clock)


async def check_extras(runner: CheckRunner, scheme: Callable[[], str]) -> None:
    """Check the optional libraries. `scheme` returns that of the URL of the state, which may need one."""
    await runner.run_blocking(_TOPIC, "extras", lambda: _examine_extras(scheme()))


def _examine_python() -> CheckResult:
    running = ".".join(map(str, sys.version_info[:3]))
    try:
        wanted = metadata(_PACKAGE).json.get("requires_python", "")
    except PackageNotFoundError:
        return skipped("provisioner is not installed as a package, so nothing says which Python it needs")
    wanted = str(wanted)
    if meets(running, wanted):
        return passed(f"Python {running} ({wanted or 'any'} is required)")
    found = f"Python {running} runs it, and {wanted} is required"
    return doubtful("version-unsuitable", found, hint="Install provisioner with a Python that meets this.")


def _examine_dependencies() -> CheckResult:
    needed = [one for one in _requirements() if one[2] is None]
    if not needed:
        return skipped("provisioner is not installed as a package, so nothing says what it needs")
    if missing := [name for name, _, _ in needed if _installed(name) is None]:
        found = f"not installed: {', '.join(missing)}"
        return failed("dependency-missing", found, hint="Install provisioner again, in an environment of its own.")
    unsuitable = [
        f"{name} {_installed(name)} ({wanted} is required)"
        for name, wanted, _ in needed
        if not meets(_installed(name) or "", wanted)
    ]
    if unsuitable:
        hint = "Install provisioner again, in an environment of its own."
        return doubtful("version-unsuitable", ", ".join(unsuitable), hint=hint)
    return passed(", ".join(f"{name} {_installed(name)}" for name, _, _ in needed))


def _examine_extras(scheme: str) -> CheckResult:
    wanted = _EXTRA_OF_SCHEME.get(scheme)
    lacking: dict[str, list[str]] = {}
    for name, _, extra in _requirements():
        if extra is not None and _installed(name) is None:
            lacking.setdefault(extra, []).append(name)
    if wanted in lacking:
        found = f"the state is at {wanted}://, which needs {', '.join(lacking[wanted])}"
        return failed("extra-missing", found, hint=f"Run: pip install 'provisioner[{wanted}]'")
    if lacking:
        return passed(f"not installed, and not needed here: {', '.join(sorted(lacking))}")
    return passed("nothing is lacking")


def _examine_umask() -> CheckResult:
    umask = _umask()
    if umask is None:
        return skipped("the system does not tell the umask without changing it")
    if umask & _OWNER:
        found = f"the umask {umask:04o} takes rights from the owner of new files"
        return failed(
            "umask-unsuitable", found, hint="Run: umask 077. Else the next run cannot use what this one wrote."
        )
    if not umask & _OTHERS_WRITE:
        found = f"the umask {umask:04o} lets every user write new files, such as the specs that `init` writes"
        return doubtful("umask-unsuitable", found, hint="Run: umask 077. State, journal and lock are private anyway.")
    return passed(f"{umask:04o}")


def _examine_boot_clock() -> CheckResult:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    try:
        seconds = None if clock is None else time.clock_gettime(clock)
    except OSError:
        seconds = None
    if seconds is None:
        return doubtful(
            "clock-stops",
            "the system has no clock that goes on while the machine sleeps (CLOCK_BOOTTIME)",
            hint="Do not let the machine sleep during an apply: times that passed in sleep would be counted too short.",
        )
    return passed("a clock goes on while the machine sleeps")


def meets(found: str, wanted: str) -> bool:
    """Return whether a version meets conditions such as `>=8.2,<9`. What is not a number, such as `rc1`, is not compared."""
    have = _numbers(found)
    return all(_meets(have, sign, _numbers(given)) for sign, given in _CONDITION.findall(wanted))


def _meets(have: tuple[int, ...], sign: str, given: tuple[int, ...]) -> bool:
    length = max(len(have), len(given))
    left, right = (each + (0,) * (length - len(each)) for each in (have, given))
    match sign:
        case ">=":
            return left >= right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case "<":
            return left < right
        case "~=":
            return left >= right and left[: len(given) - 1] == right[: len(given) - 1]
        case "==":
            return left == right
        case _:
            return left != right


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def _requirements() -> Iterator[tuple[str, str, str | None]]:
    """Yield each requirement of the package: its name, its conditions, and the extra that alone needs it."""
    try:
        lines = requires(_PACKAGE) or ()
    except PackageNotFoundError:
        return
    for line in lines:
        if (found := _REQUIREMENT.match(line)) is not None:
            extra = _EXTRA.search(found[3] or "")
            yield found[1], found[2].strip(" ()"), extra[1] if extra else None


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _umask() -> int | None:
    """Return the umask. The system call would change it, for all threads."""
    try:
        found = re.search(r"^Umask:\s*([0-7]+)", _PROCESS_STATUS.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1], 8) if found else None
