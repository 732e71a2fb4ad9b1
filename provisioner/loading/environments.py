"""Finds the environments of a stack, chooses one, and reads what `environments:` in stack.yaml says about it.

An environment exists because of its file of variables in `environments/`, or, in a stack without that folder, because
`environments:` names it.
"""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.loading.findings import Findings
from provisioner.loading.sources import ENVIRONMENTS, Sources
from provisioner.loading.stack_search import STACK_FILE
from provisioner.loading.stack_sections import PinsSection, is_slug
from provisioner.loading.tree import Layer, MapNode, locate
from provisioner.loading.unplaced_error import UnplacedError, closest_match, suggest
from provisioner.model.pin import Pin

_CHOICE_KEYS = ("environment", ENVIRONMENTS)


def read_environment_names(layer: Layer, sources: Sources) -> tuple[str, ...] | None:
    """Returns the names of the environments; None if the stack has none, or if `environments:` is no map.

    With a folder of variable files, a name without a file is reported: it may be the misspelt name of an environment
    that then has no pins.
    """
    section = layer.node.get(ENVIRONMENTS)
    declared = section if isinstance(section, MapNode) else MapNode()
    files = sources.environments()
    if files is None:
        return tuple(declared) or None
    unread = sources.directory / ENVIRONMENTS in sources.unread
    for name in () if unread else declared.keys() - files.keys():
        hint = suggest(name, files, title="there are files for") or f"make {ENVIRONMENTS}/{name}.yaml"
        summary = f"{ENVIRONMENTS} names {name}, and there is no {ENVIRONMENTS}/{name}.yaml"
        at = locate([layer], (ENVIRONMENTS, name), key=True)
        sources.findings.add(UnplacedError("unknown-environment", summary, hint=hint), at=at)
    return tuple(dict.fromkeys((*files, *declared)))


def choose_environment(
    requested: str | None, layer: Layer, available: tuple[str, ...] | None, findings: Findings
) -> str | None:
    """Returns the environment's name: `requested` (from -e), else the one in stack.yaml.

    Returns None if the stack has no environments, or after a finding.
    """
    written = layer.node.get("environment")
    if requested is None and not _is_settled(layer):
        return None
    chosen = requested or (written if isinstance(written, str) else None)
    if chosen is not None and available is not None and chosen in available:
        return chosen
    if not isinstance(layer.node.get(ENVIRONMENTS, MapNode()), MapNode | None):
        return None  # what `environments:` means is unknown, and reported
    mistake = _choice_error(chosen, available)
    if mistake is not None:
        at = None if requested or chosen is None else locate([layer], ("environment",))
        findings.add(mistake, at=at, usage=requested is not None or chosen is None)
    return None


def _is_settled(layer: Layer) -> bool:
    """Returns whether `environment:` can be judged: it names one, or is absent where no unknown key may be its misspelt name."""
    written = layer.node.get("environment")
    if written is None:
        return all(closest_match(key, _CHOICE_KEYS) is None or key in _CHOICE_KEYS for key in layer.node)
    return isinstance(written, str) and is_slug(written)


def _choice_error(chosen: str | None, available: tuple[str, ...] | None) -> UnplacedError | None:
    if available is None:
        if chosen is None:
            return None
        hint = f"leave the environment out, or make {ENVIRONMENTS}/{chosen}.yaml beside {STACK_FILE}"
        return UnplacedError("unknown-environment", "this stack has no environments", hint=hint)
    names = ", ".join(available) or "none yet"
    if chosen is None:
        hint = f"add -e NAME or write environment: in {STACK_FILE}; there are: {names}"
        return UnplacedError("environment-required", "this stack has environments and none was chosen", hint=hint)
    suggestion = closest_match(chosen, available)
    hint = (
        f"did you mean {suggestion}?" if suggestion else f"choose one that there is, or make {ENVIRONMENTS}/NAME.yaml"
    )
    return UnplacedError("unknown-environment", f"there is no environment {chosen}; there are: {names}", hint=hint)


def to_pins(section: PinsSection, layer: Layer, path: Iterable[str], *, trusted: bool = False) -> tuple[Pin, ...]:
    """Returns the pins of `section`, which stands at `path` of `layer`."""
    return tuple(
        Pin(field, value, locate([layer], (*path, field.value)), trusted=trusted)
        for field, value in section.pinned().items()
    )
