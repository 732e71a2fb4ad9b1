"""The refactoring sections of spec files: `imports:`, `moved:` and `removed:`.

Templates are evaluated in them, so that each environment can name its own ids. Entries are checked against the declared
addresses, not against the state: planning decides whether there is anything to move.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from provisioner.loading.declarations import Declarations
from provisioner.loading.findings import Findings
from provisioner.loading.template_engine import Engine, Scope
from provisioner.loading.template_types import advise_conversion
from provisioner.loading.template_values import render
from provisioner.loading.tree import Layer, ListNode, MapNode, Path, locate
from provisioner.loading.unplaced_error import UnplacedError
from provisioner.loading.validation import validate
from provisioner.model.address import Address, lost_quotes
from provisioner.model.diagnostic import SourceRange
from provisioner.model.refactoring import Import, Move, Refactoring, Removal

_ID = Annotated[str, Field(pattern=r"^[-a-zA-Z0-9]{1,64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


def _entry_model(**fields: Any) -> type[BaseModel]:
    """Builds the schema of an entry with create_model, because a class can't have a field named `from`."""
    definitions: dict[str, Any] = {name: (type_, ...) for name, type_ in fields.items()}
    model: type[BaseModel] = create_model("_Entry", __base__=_Entry, **definitions)
    return model


_ENTRY_MODELS: Mapping[str, type[BaseModel]] = {
    "imports": _entry_model(to=str, id=_ID),
    "moved": _entry_model(**{"from": str, "to": str}),
    "removed": _entry_model(**{"from": str}),
}
_EXAMPLES = {
    "imports": "{to: gateway, id: 45b8fb2e-...}",
    "moved": "{from: trainer, to: worker}",
    "removed": "{from: gateway}",
}
REFACTORING_SECTIONS = frozenset(_ENTRY_MODELS)


@dataclass(slots=True)
class RefactoringReader:
    """Collects the entries of all spec files; `build` checks them against the declared addresses."""

    scope: Scope
    findings: Findings
    is_complete: bool = True
    """Whether every entry of `moved` and `removed` so far could be worked out."""
    _engine: Engine = field(default_factory=Engine)
    _imports: list[Import] = field(default_factory=list)
    _moves: list[Move] = field(default_factory=list)
    _removals: list[Removal] = field(default_factory=list)

    def read(self, layer: Layer, section: str) -> None:
        """Reads one section of one file."""
        entries = layer.node[section]
        if entries is None:
            return
        if not isinstance(entries, ListNode):
            hint = f"write a list of entries like {_EXAMPLES[section]}"
            at = locate([layer], (section,), key=True)
            self.findings.add(UnplacedError("wrong-type", f"{section} must be a list", hint=hint), at=at)
            return
        for index, entry in enumerate(entries):
            self._read(layer, section, index, entry)

    def _read(self, layer: Layer, section: str, index: int, entry: Any) -> None:
        at = (section, index)
        if not isinstance(entry, MapNode):
            hint = f"write it like {_EXAMPLES[section]}"
            self._report(layer, at, UnplacedError("wrong-type", f"an entry of {section} must be a map", hint=hint))
            return
        rendered = render(entry, self.scope, self._engine)
        omitted = {path for path, _ in rendered.failures}
        for path, mistake in rendered.failures:
            if mistake is not None:
                self._report(layer, (*at, *path), mistake)
        found = validate(_ENTRY_MODELS[section], rendered.value, omitted)
        for problem in found:
            advise_conversion(problem, entry)
            self._report(layer, (*at, *problem.path), problem.mistake, key=problem.key, unknown=problem.unknown)
        if found or omitted:
            self.is_complete = self.is_complete and section == "imports"
            return
        addresses = {key: self._address(layer, (*at, key), rendered.value[key]) for key in entry if key != "id"}
        if None not in addresses.values():
            self._append(section, addresses, rendered.value, locate([layer], at))

    def _append(self, section: str, addresses: Mapping[str, Any], values: Mapping[str, Any], at: SourceRange) -> None:
        match section:
            case "imports":
                self._imports.append(Import(addresses["to"], values["id"], at))
            case "moved":
                self._moves.append(Move(addresses["from"], addresses["to"], at))
            case _:
                self._removals.append(Removal(addresses["from"], at))

    def _address(self, layer: Layer, path: Path, text: str) -> Address | None:
        """Parses an address; None after a finding.

        A deposed server can only be named in `removed:`. It moves with its successor, or by `state mv`.
        """
        try:
            address = Address.parse(text)
        except ValueError as reason:
            meant = lost_quotes(text)
            hint = (
                "write it as `state list` shows it" if meant is None else f"in YAML, write '{meant}' in single quotes"
            )
            self._report(layer, path, UnplacedError("invalid-address", str(reason), hint=hint))
            return None
        if address.deposed and path[0] != "removed":
            hint = f"write {address.successor}; to move that one itself: provisioner state mv"
            self._report(layer, path, UnplacedError("invalid-address", f"{path[0]} cannot name {address}", hint=hint))
            return None
        return address

    def _report(
        self, layer: Layer, path: Path, mistake: UnplacedError, *, key: bool = False, unknown: bool = False
    ) -> None:
        self.findings.add(mistake, at=locate([layer], path, key=key, unknown=unknown), path=path)

    def build(self, declarations: Declarations) -> Refactoring:
        """Returns the entries after checking them against what is declared."""
        read = Refactoring(tuple(self._imports), tuple(self._moves), tuple(self._removals))
        for mistake, at in _consistency_errors(read, declarations):
            self.findings.add(mistake, at=at)
        return read


def _consistency_errors(
    read: Refactoring, declarations: Declarations
) -> Iterator[tuple[UnplacedError, SourceRange | None]]:
    yield from _import_errors(read.imports, declarations)
    yield from _origin_errors(read, declarations)
    yield from _cycle_errors([move for move in read.moves if not _is_declared(move, declarations)])


def _import_errors(
    imports: tuple[Import, ...], declarations: Declarations
) -> Iterator[tuple[UnplacedError, SourceRange | None]]:
    seen: dict[Address | str, Import] = {}
    for import_ in imports:
        address = import_.address
        if declarations.lacks(address) or (declarations.is_group(address) and declarations.has_certain(address)):
            mistake = UnplacedError(
                "undeclared-address",
                f"imports names {address}, which is a group"
                if declarations.is_group(address)
                else f"imports names {address}, which is not declared",
                hint=declarations.suggest(address),
                about=declarations.missing(address),
            )
            yield mistake, import_.source
        for what in (address, import_.id):
            if (first := seen.setdefault(what, import_)) is not import_:
                summary = f"imports names {what} twice, first at {first.source}"
                yield (
                    UnplacedError("imported-twice", summary, hint="one resource, one address: keep one of the two"),
                    import_.source,
                )


def _origin_errors(read: Refactoring, declarations: Declarations) -> Iterator[tuple[UnplacedError, SourceRange | None]]:
    """Yields an error for each moved or removed address that is still declared, or moved or removed twice."""
    seen: dict[Address, SourceRange | None] = {}
    entries: tuple[Move | Removal, ...] = (*read.moves, *read.removals)
    for entry in entries:
        origin, what = (entry.origin, "moved") if isinstance(entry, Move) else (entry.address, "removed")
        if _is_declared(entry, declarations):
            hint = "remove its declaration, or this entry"
            summary = f"{origin} is {what}, and declared all the same"
            yield UnplacedError("still-declared", summary, hint=hint), entry.source
        if origin in seen:
            summary = f"{origin} is moved or removed twice, first at {seen[origin]}"
            yield UnplacedError("moved-twice", summary, hint="keep one of the two"), entry.source
        seen.setdefault(origin, entry.source)


def _is_declared(entry: Move | Removal, declarations: Declarations) -> bool:
    """Returns whether what is moved away or removed is certainly declared. A server may move into the group of its name."""
    origin = entry.origin if isinstance(entry, Move) else entry.address
    if isinstance(entry, Move) and entry.address.key is not None and declarations.is_group(origin):
        return False
    return declarations.has_certain(origin) and not declarations.is_empty_group(origin)


def _cycle_errors(moves: Sequence[Move]) -> Iterator[tuple[UnplacedError, SourceRange | None]]:
    """Yields one error for each circle, at its first move."""
    by_origin = {move.origin: move for move in moves}
    finished: set[Address] = set()
    for move in moves:
        chain: list[Move] = []
        step: Move | None = move
        while step is not None and step.origin not in finished:
            finished.add(step.origin)
            chain.append(step)
            step = by_origin.get(step.address)
        if step is move and chain:
            loop = " -> ".join(map(str, (*(one.origin for one in chain), move.origin)))
            detail = "\n".join(f"{one.origin} is moved at {one.source}" for one in chain)
            hint = "take one of these entries away"
            yield (
                UnplacedError("move-cycle", f"moved leads back to itself: {loop}", hint=hint, detail=detail),
                move.source,
            )
