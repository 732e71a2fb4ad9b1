"""Finds the home directory of the user, also where there is none: in containers, neither HOME nor the user's number may be known."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NO_HOME: Final = Path("/proc/nonexistent")
"""The home of a user who has none. Nothing is found there, and nobody, not even root, can make anything there."""


def home_directory(environ: Mapping[str, str]) -> Path:
    """Returns the directory that HOME names, or else the one that the system knows of this user.

    An empty or relative HOME counts as none: configuration and credentials would be looked for in the current directory, which
    is a repository that others write.
    """
    given = Path(environ.get("HOME", ""))
    if given.is_absolute():
        return given
    import pwd

    try:
        known = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return NO_HOME
    return known if known.is_absolute() else NO_HOME
