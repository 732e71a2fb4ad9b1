"""docs/api/openapi.yaml as the judge of answers, whoever asked for them. Knows the document and no sandbox."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "api" / "openapi.yaml"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# With credentials that are made up, nearly every request would end at the gateway.
_GENERATION = GenerationConfig(with_security_parameters=False)
_CONFIGURATION = schemathesis.Config(projects=ProjectsConfig(default=ProjectConfig(generation=_GENERATION)))
_SCHEMA = schemathesis.openapi.from_path(DOCUMENT, config=_CONFIGURATION)

OPERATIONS = {found.ok().definition.raw["operationId"]: found.ok() for found in _SCHEMA.get_all_operations()}


def check_answer(response) -> None:
    """Raises a group of failures unless the document has this answer to its request; passes over what it does not describe."""
    segments = urlsplit(str(response.request.url)).path.split("/")
    fitting = [each for each in OPERATIONS.values() if each.method == response.request.method.lower()]
    fitting = [each for each in fitting if _fits(each.path, segments)]
    # Literal paths take precedence over placeholders, as the document says.
    if (operation := min(fitting, key=lambda each: each.path.count("{"), default=None)) is not None:
        pairs = zip(operation.path.split("/"), segments, strict=True)
        values = {name.strip("{}"): value for name, value in pairs if name.startswith("{")}
        operation.Case(path_parameters=values).validate_response(response, checks=CHECKS)


def _fits(template: str, segments: list[str]) -> bool:
    names = template.split("/")
    return len(names) == len(segments) and all(
        name.startswith("{") or name == segment for name, segment in zip(names, segments, strict=True)
    )
