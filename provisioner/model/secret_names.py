"""Recognises names of secrets, such as `db_password`, in texts that the tool does not understand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

SECRET_NAME: Final = re.compile(
    r"pass|pw|psw|secret|token|credential|creds|private|auth(?!or(?!iz))|bearer|jwt|psk"
    r"|(api|access|ssh|encryption|shared|account|storage|licen[cs]e|signing|master|deploy).?key"
    r"|(?<![a-z0-9])(s?ak|sk|pin)(?![a-z0-9])"
    r"|密码|密碼|口令|密钥|密鑰|contraseñ|kennwort|senha",
    re.IGNORECASE,
)
"""Matches within a name or a line. It errs on the side of matching, because what matches is only hidden."""


@lru_cache(maxsize=4096)
def sounds_secret(name: str) -> bool:
    """Returns whether the name of a value says that it may be a secret."""
    return SECRET_NAME.search(name) is not None


def named_secrets(
    value: object, may_be_secret: Callable[[str], bool] = sounds_secret, *, is_named: bool = False
) -> Iterator[str]:
    """Yields all texts and numbers in `value` that stand below a secret's name at any depth. `is_named`: all of it does."""
    match value:
        case Mapping():
            for key, item in value.items():
                yield from named_secrets(item, may_be_secret, is_named=is_named or may_be_secret(str(key)))
        case list() | tuple():
            for item in value:
                yield from named_secrets(item, may_be_secret, is_named=is_named)
        case str() | int() | float() if is_named and not isinstance(value, bool):
            yield str(value)
