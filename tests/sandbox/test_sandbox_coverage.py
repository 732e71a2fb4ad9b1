"""Every path of docs/api/openapi.yaml is answered, under the name it has there."""

from pathlib import Path

import yaml

from provisioner.sandbox.calls import Routes
from provisioner.sandbox.contract import OPERATIONS

DOCUMENT = Path(__file__).parents[2] / "docs" / "api" / "openapi.yaml"
METHODS = {"get", "put", "post", "delete"}
BEYOND_THE_DOCUMENT = {"AttachDevServerPort", "DetachDevServerPort", "PayCustomerOrder"}
"""Described in docs/api/devserver-api.md only."""


def published() -> dict[str, tuple[str, str]]:
    paths = yaml.safe_load(DOCUMENT.read_text())["paths"]
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if method in METHODS
    }


def test_every_operation_of_the_document_is_found_by_its_path():
    routes = Routes(OPERATIONS)
    found = {name: routes.find(method, path) for name, (method, path) in published().items()}
    assert {name: hit and hit[0].name for name, hit in found.items()} == {name: name for name in found}


def test_nothing_else_is_answered():
    assert {operation.name for operation in OPERATIONS} - published().keys() == BEYOND_THE_DOCUMENT


def documented(parameter: dict, document: dict) -> tuple[str, str]:
    if "$ref" in parameter:
        parameter = document["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
    return parameter["in"], parameter["name"]


def test_every_query_parameter_of_the_document_is_known_and_no_other():
    """Whatever is not known is refused (performing.py), so that nothing is passed over in silence."""
    document = yaml.safe_load(DOCUMENT.read_text())
    published = {
        operation["operationId"]: {
            name
            for place, name in (
                documented(each, document)
                for each in (*methods.get("parameters", ()), *operation.get("parameters", ()))
            )
            if place == "query"
        }
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method in METHODS
    }
    known = {operation.name: set(operation.parameters) for operation in OPERATIONS}
    differing = {name: known[name] ^ parameters for name, parameters in published.items() if known[name] != parameters}
    assert differing == dict.fromkeys(UNPUBLISHED_PAGING, PAGING)


UNPUBLISHED_PAGING = {"ListAllDevServers", "ListAllHyperinstances"}
"""They publish none, and page as the lists beside them do: every client sends it."""
PAGING = {"sort_key", "sort_dir", "limit", "offset"}


def test_every_operation_has_a_name_of_its_own():
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
