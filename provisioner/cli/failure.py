"""Writes the JSON of a command that failed, which stands on stdout in place of the result.

Knows the two shapes; the console decides which one is wanted and whether there is room for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from provisioner import __version__
from provisioner.model.diagnostic import Diagnostic


def now() -> str:
    """As the lines of a JSON stream are dated."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def failed_document(findings: Iterable[Diagnostic]) -> dict[str, Any]:
    from provisioner.rendering.machine import FORMAT_VERSION, diagnostic_document

    return {
        "format_version": FORMAT_VERSION,
        "errored": True,
        "diagnostics": [_writable(diagnostic_document(finding)) for finding in findings],
    }


def failed_lines(findings: Iterable[Diagnostic], *, first: bool) -> Iterator[dict[str, Any]]:
    """In the manner of Terraform's streams. `first`: nothing was said yet, and a stream begins with its version."""
    from provisioner.rendering.machine import diagnostic_document
    from provisioner.rendering.stream import version_document

    if first:
        yield version_document(version=__version__, timestamp=now())
    for finding in findings:
        yield {
            "@level": "error",
            "@message": _writable(f"Error: {finding.summary}"),
            "@module": "provisioner.ui",
            "@timestamp": now(),
            "type": "diagnostic",
            "diagnostic": _writable(diagnostic_document(finding)),
        }


def _writable(value: Any) -> Any:
    """What was typed may be no UTF-8, and JSON is nothing else."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {key: _writable(inner) for key, inner in value.items()}
        case _:
            return value
