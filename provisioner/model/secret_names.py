"""Recognises names of secrets, such as `db_password`, in texts that the tool does not understand."""

from __future__ import annotations

import re
from typing import Final

SECRET_NAME: Final = re.compile(
    r"pass|pw|psw|secret|token|credential|private|auth(?!or(?!iz))|(api|access|ssh|encryption).?key|\bs?ak\b|\bsk\b",
    re.IGNORECASE,
)
"""Matches within a name or a line. It errs on the side of matching, because what matches is only hidden."""
