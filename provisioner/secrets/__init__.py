"""Where a secret's value comes from: the environment or a file of the stack, read when it is needed and not before.

The only room that reads them. Knows nothing of what a secret is for, and never prints one.
"""

from __future__ import annotations

from provisioner.secrets.reader import SecretReader

__all__ = ["SecretReader"]
