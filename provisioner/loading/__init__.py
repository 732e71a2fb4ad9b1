"""From specs to what they want: strict YAML with positions, variables, templates, expansion, validation.

Every mistake is gathered and placed by file, line and column. Spec repositories are untrusted, so whatever is read here
is bounded in size, depth, memory and work. The kinds of resource are handed in, never named.
"""

from __future__ import annotations

from provisioner.loading.codes import CODES
from provisioner.loading.composing import Existing, compose, is_writable, key_for
from provisioner.loading.loader import Loaded, declares_outputs, load, read_stack
from provisioner.loading.variables import VariableInputs

__all__ = [
    "CODES",
    "Existing",
    "Loaded",
    "VariableInputs",
    "compose",
    "declares_outputs",
    "is_writable",
    "key_for",
    "load",
    "read_stack",
]
