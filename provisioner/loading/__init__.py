"""From specs to what they want: strict YAML with positions, variables, templates, expansion, validation.

Every mistake is gathered and placed by file, line and column. Spec repositories are untrusted, so whatever is read here
is bounded in size, depth, memory and work. The kinds of resource are handed in, never named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.loading.sources import VariableInputs, declares_outputs
from provisioner.loading.stack_file import read_stack

if TYPE_CHECKING:
    from provisioner.loading.codes import CODES
    from provisioner.loading.loader import Loaded, load
    from provisioner.loading.spec_writer import ExistingResource, is_writable, render_spec, unique_key
else:
    _MODULES = {"CODES": "codes", "Loaded": "loader", "load": "loader"}

    def __getattr__(name):  # noqa: ANN001, ANN202
        """The templates and all that works them out are imported when specs are loaded: `show` and `output` read the stack file alone."""
        if name not in __all__:
            raise AttributeError(name)
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'spec_writer')}"), name)


__all__ = [
    "CODES",
    "ExistingResource",
    "Loaded",
    "VariableInputs",
    "declares_outputs",
    "is_writable",
    "load",
    "read_stack",
    "render_spec",
    "unique_key",
]
