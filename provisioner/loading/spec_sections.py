"""Finds the declarations of resources in the sections of spec files, and explains what stands where none can stand.

Wrong indentation puts a field beside its server, or a server beside its section. Whoever reads "there is no section
flavor" looks for the mistake in the wrong place, so the usual misplacements are recognised by their names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from provisioner.loading.declarations import Declarations
from provisioner.loading.findings import Findings
from provisioner.loading.lookalike_syntax import hint_for_text
from provisioner.loading.meta_arguments import declaration_fields
from provisioner.loading.misplacement import find_misplaced, listed
from provisioner.loading.refactoring import REFACTORING_SECTIONS
from provisioner.loading.sources import ENVIRONMENTS, OUTPUTS
from provisioner.loading.stack_file import STACK_KEYS
from provisioner.loading.stack_search import STACK_FILE
from provisioner.loading.tree import INVALID, Layer, MapNode, locate
from provisioner.loading.unplaced_error import UnplacedError, closest_match, suggest
from provisioner.model.address import NAME_PATTERN
from provisioner.model.diagnostic import SourceRange
from provisioner.model.kind import Catalogue, Kind
from provisioner.model.lookalikes import describe_non_ascii

_CLOUD_INIT = "#cloud-config"
_RESERVED_SECTIONS = frozenset(("modules", "locals"))
_OTHER_SECTIONS = (*REFACTORING_SECTIONS, OUTPUTS)


class SectionReader:
    """Yields the declarations of all spec files. A name may be declared once in the whole stack."""

    def __init__(
        self, catalogue: Catalogue, declarations: Declarations, findings: Findings, variables: Collection[str]
    ) -> None:
        """`variables`: the names of the declared ones, whose values stand in other files."""
        self._variables = variables
        self._catalogue = catalogue
        self._declarations = declarations
        self._findings = findings
        self._places: dict[str, SourceRange] = {}

    def read(self, layer: Layer) -> Iterator[tuple[Kind, str, Layer]]:
        """Yields the kind, the name and the body of each declaration of one file."""
        unknown = []
        for section, content in layer.node.items():
            if section in _OTHER_SECTIONS:
                continue
            kind = self._catalogue.section(section)
            if kind is not None and isinstance(content, MapNode | None):
                yield from self._bodies(kind, layer.child(section))
            elif content is INVALID:
                self._declarations.mark_incomplete()
            elif kind is not None:
                self._declarations.mark_incomplete()
                hint = f"write the name of each {kind.noun} with a colon, and its fields indented below it"
                summary = f"{section} must be a map of names and bodies{_as_list(content)}"
                self._report(layer, section, UnplacedError("wrong-type", summary, hint=hint))
            else:
                unknown.append(section)
        if unknown:
            self._report_unknown(layer, unknown)

    def _report_unknown(self, layer: Layer, unknown: list[str]) -> None:
        """Reports the sections that do not exist. Those that one slip explains are one mistake."""
        if layer.document.text.startswith(_CLOUD_INIT):
            summary = f"this is a file for cloud-init and no spec: there is no section {unknown[0]}"
            hint = (
                "move it into templates/, where no specs are read, and name it there: userdata: {file: templates/NAME}"
            )
            self._report(layer, unknown[0], UnplacedError("unknown-section", summary, hint=hint))
            return
        if owner := self._empty_section(layer):
            misplaced = [name for name in unknown if self._may_be_resource(name, layer.node[name])]
            if misplaced:
                for name in misplaced:
                    self._declarations.mark_unclear(name)
                names = listed(misplaced)
                summary = f"{names} {_stands(misplaced)} beside {owner}: and not below it"
                hint = f"indent {names} by two more spaces, so that {owner}: contains {_it(misplaced)}"
                self._report(layer, misplaced[0], UnplacedError("unknown-section", summary, hint=hint))
                unknown = [name for name in unknown if name not in misplaced]
        if settings := [name for name in unknown if name in STACK_KEYS]:
            names = listed(settings)
            summary = (
                f"{names} {'belongs' if len(settings) == 1 else 'belong'} into {STACK_FILE}, and this is another file"
            )
            hint = f"move {_it(settings)} into {STACK_FILE}; a spec file declares resources"
            self._report(layer, settings[0], UnplacedError("unknown-section", summary, hint=hint))
            unknown = [name for name in unknown if name not in settings]
        kind = self._catalogue.first
        if fields := [name for name in unknown if name in declaration_fields(kind.schema)]:
            self._declarations.mark_incomplete()
            names, noun = listed(fields), kind.noun
            summary = f"{names} {_is_field(fields, noun)}, and {_stands(fields)} at the top of the file"
            hint = f"write it below the {noun}'s name, and that below {kind.section}:"
            self._report(layer, fields[0], UnplacedError("unknown-section", summary, hint=hint))
            unknown = [name for name in unknown if name not in fields]
        for name in unknown:
            self._report(layer, name, self._unknown_section_error(name, layer.node[name]))

    def _unknown_section_error(self, section: str, content: Any) -> UnplacedError:
        if section in _RESERVED_SECTIONS:
            self._declarations.mark_incomplete()
            return UnplacedError("not-supported-yet", f"{section} is not supported yet", hint="leave it out for now")
        if section in self._variables:
            summary = f"{section} is a variable, and a spec gives no values to variables"
            hint = f"write it in {ENVIRONMENTS}/NAME.yaml, or give it a default in {STACK_FILE}"
            return UnplacedError("unknown-section", summary, hint=hint)
        kind = self._catalogue.first
        if isinstance(content, MapNode) and content and content.keys() <= set(declaration_fields(kind.schema)):
            self._declarations.mark_unclear(section)
            hint = f"if it is a {kind.noun}, write {kind.section}: above it and indent it by two more spaces"
            return UnplacedError("unknown-section", f"there is no section {section}", hint=hint)
        known = (*self._catalogue.sections, *_OTHER_SECTIONS)
        if closest_match(section, known) not in _OTHER_SECTIONS:
            self._declarations.mark_incomplete()
        summary = f"there is no section {section}{describe_non_ascii(section)}"
        return UnplacedError("unknown-section", summary, hint=suggest(section, known, title="the sections are"))

    def _empty_section(self, layer: Layer) -> str | None:
        """Returns the first section of resources that is written without any."""
        return next((name for name in self._catalogue.sections if layer.node.get(name, INVALID) is None), None)

    def _may_be_resource(self, name: str, content: Any) -> bool:
        known = (*self._catalogue.sections, *_OTHER_SECTIONS, *STACK_KEYS)
        return (
            isinstance(content, MapNode | None)
            and NAME_PATTERN.fullmatch(name) is not None
            and closest_match(name, known) is None
        )

    def _bodies(self, kind: Kind, section: Layer) -> Iterator[tuple[Kind, str, Layer]]:
        misplaced = find_misplaced(section, frozenset(declaration_fields(kind.schema)), kind.noun)
        if misplaced is not None:
            self._findings.add(misplaced.mistake, at=misplaced.at)
            if misplaced.owner is None:
                self._declarations.mark_incomplete()
            else:
                self._declarations.mark_unclear(misplaced.owner)
        for name, body in section.node.items():
            if misplaced is not None and misplaced.explains(name):
                continue
            at = locate([section], (name,), key=True)
            if body is INVALID:
                self._declarations.mark_unclear(name)
                if NAME_PATTERN.fullmatch(name) is None:
                    self._declarations.mark_incomplete()
            elif (mistake := _name_error(name)) is not None:
                self._declarations.mark_incomplete()
                self._findings.add(mistake, at=at)
            elif name in self._places:
                self._declarations.mark_unclear(name)
                first = self._places[name]
                hint = f"rename one of the two; the first is at {first}"
                summary = f"{name} is declared already, at {first}"
                self._findings.add(UnplacedError("duplicate-address", summary, hint=hint), at=at)
            else:
                self._places[name] = at
                if isinstance(body, (MapNode, type(None))):
                    yield kind, name, section.child(name)
                else:
                    self._declarations.mark_unclear(name)
                    self._findings.add(_body_error(kind, name, body), at=at)

    def _report(self, layer: Layer, key: str, mistake: UnplacedError) -> None:
        self._findings.add(mistake, at=locate([layer], (key,), key=True))


def _name_error(name: str) -> UnplacedError | None:
    if NAME_PATTERN.fullmatch(name) is not None:
        return None
    hint = "use letters, digits, - and _, and begin with a letter or _"
    summary = f"{name} cannot be the name of a resource{describe_non_ascii(name)}"
    return UnplacedError("invalid-name", summary, hint=hint)


def _body_error(kind: Kind, name: str, body: Any) -> UnplacedError:
    hint = "write field: value below it"
    if isinstance(body, list):
        hint = "write its fields below it as field: value, without the hyphens of a list"
    elif isinstance(body, str) and (lookalike := hint_for_text(body)):
        hint = f"{lookalike}{describe_non_ascii(body)}"
    elif isinstance(body, str) and "=" in body:
        hint = "write its fields below it as field: value, with a colon and a space, not with ="
    elif isinstance(body, str) and (
        found := closest_match(body.partition(":")[0].strip(), declaration_fields(kind.schema))
    ):
        hint = f"write its fields below it, with a colon and a space: {found}: ..."
    return UnplacedError("wrong-type", f"{name} must be a map of fields{_as_list(body)}", hint=hint)


def _as_list(content: Any) -> str:
    return " and is a list" if isinstance(content, list) else ""


def _stands(names: list[str]) -> str:
    return "stands" if len(names) == 1 else "stand"


def _it(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _is_field(names: list[str], noun: str) -> str:
    return f"is a field of a {noun}" if len(names) == 1 else f"are fields of a {noun}"
