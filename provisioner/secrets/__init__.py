"""Reads secret values from environment variables or files of the stack, only when they are needed.

No other package reads secrets. This one doesn't know what a secret is for and never prints one.
"""

from __future__ import annotations

from provisioner.secrets.reader import SecretReader

__all__ = ["SecretReader"]
