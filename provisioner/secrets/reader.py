"""Resolves references to secret values, and values to fingerprints.

A fingerprint shows whether a secret changed without revealing it. It is computed by scrypt and salted with the state's
lineage, so that two stacks with the same password have different fingerprints.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, assert_never

from provisioner.model.diagnostic import UsageError, error
from provisioner.model.secret import CHOOSE_YOUR_OWN, Secret, SecretReference, SecretSource, is_reserved

_FILE_LIMIT: Final = 64 * 1024
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1


class SecretReader:
    """Reads the secrets of one stack.

    `directory` is the stack's; secret files must be inside it. `environ` holds the process's environment variables. `on_reveal` is
    called with every value that is read.
    """

    def __init__(
        self, directory: Path, environ: Mapping[str, str], *, on_reveal: Callable[[Secret], None] = lambda _secret: None
    ) -> None:
        self._on_reveal = on_reveal
        self._directory = directory
        self._environ = environ
        self._revealed: dict[SecretReference, Secret] = {}
        self._fingerprints: dict[tuple[Secret, str], str] = {}

    def reveal(self, reference: SecretReference) -> Secret:
        """Returns the value of a reference, the same one all through a run. Raises UsageError `secret-unavailable`."""
        if reference not in self._revealed:
            self._revealed[reference] = self._read(reference)
            self._on_reveal(self._revealed[reference])
        return self._revealed[reference]

    def fingerprint(self, reference: SecretReference, lineage: str) -> str:
        """Returns the fingerprint of a secret. scrypt is slow on purpose, so the result is cached. Raises as `reveal` does."""
        secret = self.reveal(reference)
        key = (secret, lineage)
        if key not in self._fingerprints:
            value, salt = secret.reveal().encode(), lineage.encode()
            digest = hashlib.scrypt(value, salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL)
            self._fingerprints[key] = f"scrypt:{digest.hex()}"
        return self._fingerprints[key]

    def _read(self, reference: SecretReference) -> Secret:
        match reference.source:
            case SecretSource.ENVIRONMENT:
                return self._from_environment(reference.locator)
            case SecretSource.FILE:
                return self._from_file(reference.locator)
            case SecretSource.LITERAL:
                assert reference.literal is not None, "a literal reference carries its value"
                return reference.literal
            case _:
                assert_never(reference.source)

    def _from_environment(self, name: str) -> Secret:
        # Loading rejects specs that name a reserved variable, but a saved plan has not been checked for it.
        if is_reserved(name):
            what = f"the environment variable {name} is kept for credentials and for this tool"
            raise _unavailable(what, hint=CHOOSE_YOUR_OWN)
        value = self._environ.get(name)
        if not value:
            state = "is empty" if value == "" else "is not set"
            raise _unavailable(
                f"the environment variable {name} {state}", hint=f"set {name} to the secret and run again"
            )
        return _text(value.encode(errors="surrogateescape"), f"the environment variable {name}")

    def _from_file(self, locator: str) -> Secret:
        what = f"the secret file {locator}"
        try:
            path = (self._directory / locator).resolve(strict=True)
            if not path.is_relative_to(self._directory.resolve()):
                raise _unavailable(
                    f"{what} lies outside the stack's directory", hint="move it into the stack's directory"
                )
            content = _bytes(path, what)
        except (OSError, RuntimeError, ValueError) as reason:
            why = reason.strerror if isinstance(reason, OSError) else "this is not a path"
            raise _unavailable(f"{what} cannot be read: {why}", hint="check that it exists and may be read") from None
        return _text(content.removesuffix(b"\n").removesuffix(b"\r"), what)


def _bytes(path: Path, what: str) -> bytes:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would block for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unavailable(
                f"{what} is not a regular file", hint="put a file with nothing but the secret in its place"
            )
        content = file.read(_FILE_LIMIT + 1)
    if len(content) > _FILE_LIMIT:
        raise _unavailable(
            f"{what} is larger than {_FILE_LIMIT // 1024} KiB", hint="put nothing but the secret into it"
        )
    return content


def _text(content: bytes, what: str) -> Secret:
    try:
        value = content.decode()
    except UnicodeDecodeError:
        raise _unavailable(f"{what} is not UTF-8 text", hint="save the secret as UTF-8") from None
    if not value:
        raise _unavailable(f"{what} is empty", hint="put the secret into it")
    return Secret(value)


def _unavailable(summary: str, *, hint: str) -> UsageError:
    return UsageError(error("secret-unavailable", summary, hint=hint))
