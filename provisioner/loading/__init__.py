"""Loads a stack: reads strict YAML, resolves variables and templates, expands groups and validates every resource.

All mistakes are collected and reported together, each with its file, line and column. Spec repositories are untrusted, so
the size, depth, memory and work of everything that is read are limited. Callers pass the kinds of resource in; this
package names none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.loading.sources import VariableInputs, declares_outputs
from provisioner.loading.stack_file import read_origins, read_stack, state_labels
from provisioner.loading.stack_search import (
    DEFAULT_DIRECTORY,
    choose_directory,
    enclosing_stack,
    find_stacks,
)

if TYPE_CHECKING:
    from provisioner.loading.codes import CODES
    from provisioner.loading.loader import Loaded, load
    from provisioner.loading.outputs import Outputs
    from provisioner.loading.spec_writer import ExistingResource, is_writable, quote_if_needed, render_spec, unique_key
    from provisioner.loading.state_setting import folder_in_specs
    from provisioner.loading.user_configuration import read_user_configuration
else:
    _MODULES = {
        "CODES": "codes",
        "Loaded": "loader",
        "Outputs": "outputs",
        "folder_in_specs": "state_setting",
        "load": "loader",
        "read_user_configuration": "user_configuration",
    }

    def __getattr__(name):  # noqa: ANN001, ANN202
        """Imports the loader when it is first used. `show` and `output` read only stack.yaml and don't pay for Jinja."""
        if name not in __all__:
            raise AttributeError(name)
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'spec_writer')}"), name)


__all__ = [
    "CODES",
    "DEFAULT_DIRECTORY",
    "ExistingResource",
    "Loaded",
    "Outputs",
    "VariableInputs",
    "choose_directory",
    "declares_outputs",
    "enclosing_stack",
    "find_stacks",
    "folder_in_specs",
    "is_writable",
    "load",
    "quote_if_needed",
    "read_origins",
    "read_stack",
    "read_user_configuration",
    "render_spec",
    "state_labels",
    "unique_key",
]
