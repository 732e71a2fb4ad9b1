"""Makes the JSON of a failed command, which is written to stdout in place of the result.

There are two forms, a document and lines of a stream; the console decides whether to write one, and which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from provisioner import __version__
from provisioner.model.diagnostic import Diagnostic


def now() -> str:
    """Returns the current time in UTC, as the lines of a JSON stream have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def failed_document(findings: Iterable[Diagnostic]) -> dict[str, Any]:
    from provisioner.rendering.machine import FORMAT_VERSION, diagnostic_document

    return {
        "format_version": FORMAT_VERSION,
        "errored": True,
        "diagnostics": [diagnostic_document(finding) for finding in findings],
    }


def failed_lines(findings: Iterable[Diagnostic], *, first: bool) -> Iterator[dict[str, Any]]:
    """Yields one line per finding in the form of Terraform's streams.

    `first`: nothing was written yet, so that the version line, with which a stream begins, comes first.
    """
    from provisioner.rendering.machine import diagnostic_document
    from provisioner.rendering.stream import version_document

    if first:
        yield version_document(version=__version__, timestamp=now())
    for finding in findings:
        yield {
            "@level": "error",
            "@message": f"Error: {finding.summary}",
            "@module": "provisioner.ui",
            "@timestamp": now(),
            "type": "diagnostic",
            "diagnostic": diagnostic_document(finding),
        }
