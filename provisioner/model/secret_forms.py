"""Recognises secrets on a line without their names: users and passwords in URLs, options of commands, tokens of known
services, and long random words. Each pattern takes time in proportion to the line.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from provisioner.model.secret import HIDDEN

_URL: Final = re.compile(r"://(\S*)")
_SIGNED: Final = re.compile(r"((?<![a-z])(?:sig|sign|signature)=)[^\s&\"']+", re.IGNORECASE)
_HOOK: Final = re.compile(r"((?:hooks\.slack\.com|/api/webhooks|/bot/v2/hook)/)[^\s\"']+")
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9])(?:glpat-|gh[pousr]_|github_pat_|xox[a-z]-|sk-|AKIA|hf_|npm_)[\w.-]{4,}")
_RANDOM: Final = re.compile(r"[A-Za-z0-9+]{20,}={0,2}")
_HEX: Final = re.compile(r"\b[0-9A-Fa-f]{32,}\b")
_USER_OPTION: Final = re.compile(
    r"(?<!\S)(-[A-Za-z]{0,6}[uU]|--user|--proxy-user)[\s=]?[ \t\"']{0,8}[^\s:%]{0,200}[:%](?=\S)"
)
_COMMAND: Final = re.compile(
    r"\b(?:mysql\w*|mariadb(?:-\w+)?|\w*login|sshpass|useradd|usermod|redis-cli|smbclient|ldap\w+|openssl|mongo\w*|sqlcmd"
    r"|ipmitool|htpasswd|7za?|zip|unzip|snmp\w+)(?=\s)"
)
"""Commands that take a secret as an option of one letter."""
_SECRET_OPTION: Final = re.compile(r"(?<=\s)-[A-Za-z]{0,2}?[apkPUwWyY]")


@lru_cache(maxsize=1024)
def without_secret_forms(line: str) -> str:
    """Returns the line with everything hidden that looks like a secret by its form."""
    begin = option_value(line)
    shown = line if begin is None else line[:begin]
    shown = _URL.sub(_without_user, shown)
    shown = _TOKEN.sub(HIDDEN, _HOOK.sub(rf"\1{HIDDEN}", _SIGNED.sub(rf"\1{HIDDEN}", shown)))
    shown = _RANDOM.sub(_hide_random, _HEX.sub(HIDDEN, shown))
    return shown if begin is None else f"{shown}{HIDDEN}"


def option_value(line: str) -> int | None:
    """Returns where the value of an option begins that may be a secret, as in `curl -u user:X` or `mysql -pX`."""
    places = []
    if (user := _USER_OPTION.search(line)) is not None:
        places.append(user.end(1))
    command = _COMMAND.search(line)
    if command is not None and (option := _SECRET_OPTION.search(line, command.end())) is not None:
        places.append(option.end())
    return min(places, default=None)


def _without_user(found: re.Match[str]) -> str:
    """The password in a URL may contain a slash and an @; a path may contain an @ as well, but no colon comes before it."""
    user, at, host = found[1].rpartition("@")
    if not at or ("/" in user and ":" not in user.partition("/")[0]):
        first, at, host = found[1].partition("@")
        if not at or "/" in first:
            return found[0]
    return f"://{HIDDEN}@{host}"


def _hide_random(found: re.Match[str]) -> str:
    word = found[0]
    is_mixed = any(map(str.isdigit, word)) and any(map(str.islower, word)) and any(map(str.isupper, word))
    return HIDDEN if is_mixed else word
