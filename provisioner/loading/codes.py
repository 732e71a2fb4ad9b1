"""The diagnostic codes of this package, each with its description in docs/errors.md.

Scripts filter by codes, so a code is never renamed and never reused with another meaning. Kinds add codes of their own
through `Advice`. Those are not listed here, except for one that both use.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

CODES: Final = MappingProxyType(
    {
        "stack-missing": "The directory does not exist or holds no stack.yaml.",
        "stack-ambiguous": "The current directory and `specs` in it both hold a stack.yaml.",
        "unreadable-file": "A file cannot be opened or read, or is too large.",
        "not-a-regular-file": "A device, pipe, socket or directory stands where a file is expected.",
        "linked-directory": "A directory in the stack is a symbolic link; its specs could be read twice or for ever.",
        "outside-stack": "A path or symbolic link leads out of the stack's directory.",
        "not-utf8": "A file is not UTF-8 text, or begins with a byte order mark.",
        "control-character": "A control or bidirectional character stands in a file or value, where it could hide text.",
        "lookalike-character": "A character looks like a part of YAML's syntax and is none, such as a full-width colon.",
        "merge-conflict": "A file holds the markers of a merge that was not finished.",
        "yaml-syntax": "A file is not valid YAML.",
        "yaml-too-deep": "A YAML file nests maps and lists more than 64 deep.",
        "yaml-too-large": "A YAML file's aliases stand for more values than are allowed.",
        "several-documents": "A file holds more than one YAML document.",
        "duplicate-key": "A map has the same key twice.",
        "complex-key": "A map's key is not a plain text; often a template that lacks its quotes.",
        "ambiguous-value": "A plain value (no, 010, 1:30) means different things to different YAML readers.",
        "number-out-of-range": "A number is not finite or does not fit into 64 bits.",
        "yaml-tag": "A YAML tag is used; values have only the types that YAML and the schema give them.",
        "yaml-alias": "An alias names no anchor, or stands inside the value that its anchor names.",
        "merge-key": "The YAML merge key << is used.",
        "wrong-type": "A value is of another type than its field wants.",
        "unknown-section": "A top-level key of a spec file is no section.",
        "unknown-field": "A field is not known where it stands.",
        "missing-field": "A required field is absent.",
        "invalid-value": "A value is of the right type but breaks a rule of its field.",
        "empty-section": "Warning: a section such as `root_volume: {}` is empty and says nothing.",
        "invalid-name": "A key cannot be a resource's or a variable's name.",
        "not-supported-yet": "A feature is reserved for a later version.",
        "environment-required": "The stack has environments and none was chosen.",
        "unknown-environment": "The chosen environment does not exist in the stack.",
        "unknown-profile": "The user's configuration names a profile of credentials that it lacks.",
        "configuration-untrusted": "Other users own or may write a configuration file of this user.",
        "undeclared-variable": "A value is given to a variable that stack.yaml does not declare.",
        "missing-variable": "A variable has neither a default nor a value.",
        "invalid-assignment": "A --var option does not have the form name=value.",
        "template-syntax": "A template expression cannot be read.",
        "template-statement": "A template statement or comment stands in a value; only expressions may.",
        "template-forbidden": "A template uses something that templates of specs may not do.",
        "template-limit": "A template would take too much memory or work.",
        "template-error": "A template expression cannot be worked out.",
        "undefined-variable": "A template names something that does not exist.",
        "reference-unsupported": "A template refers to another server.",
        "invalid-count": "count is not a whole number from 0, or stands beside for_each.",
        "invalid-for-each": "for_each is neither a map nor a list of unique texts.",
        "invalid-rollout": "The waves of a group do not add up, or stand at a server that is no group.",
        "too-many-resources": "The stack declares more than 20,000 resources.",
        "unknown-trigger": "replace_triggered_by names an address that the specs do not declare.",
        "trigger-cycle": "replace_triggered_by leads back to the server that it began with.",
        "duplicate-address": "Two files declare the same address.",
        "invalid-address": "What imports, moved or removed names is no address.",
        "undeclared-address": "imports names an address that the specs do not declare.",
        "still-declared": "An address is moved or removed, and declared all the same.",
        "imported-twice": "imports names an address or an id twice.",
        "moved-twice": "An address is moved or removed twice.",
        "move-cycle": "moved leads from an address back to itself.",
        "duplicate-output": "Two files declare the same output.",
        "duplicate-name": "Two resources have the same name.",
        "invalid-content": "A content field is not given as exactly one of text, template, file or base64.",
        "invalid-secret": 'A secret field is not given as {secret: "env:NAME"} or {secret: "file:path"}.',
        "secret-in-clear": "A secret's value is written in the specs themselves.",
        "password-rule": "A secret's value breaks the cloud's rule for it.",
        "too-many-mistakes": "More mistakes were found than are shown.",
    }
)
