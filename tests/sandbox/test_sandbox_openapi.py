"""schemathesis sends every operation what docs/api/openapi.yaml allows, and what it does not, and holds each answer against
it: no 5xx, no status, type, header or body that the document does not have.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.python.asgi import get_client
from support.document import CHECKS, OPERATIONS

from provisioner.sandbox import PUBLIC, create_app


@pytest.fixture
def app(clock):
    return create_app(clock=clock)


@pytest.fixture
def user(app, cloud_of):
    return cloud_of(app, {})


@pytest.fixture
def known(user, prepaid) -> dict[str, list[object]]:
    """What is there to be found, by the name under which a path or a body asks for it."""
    unpaid = user.bought(charging_info=prepaid | {"is_auto_pay": False})
    stopped, running = user.stopped(), user.running(charging_info=prepaid)
    servers: list[object] = [stopped["id"], running["id"]]
    return {
        "project_id": [PUBLIC.project_id],
        "id": servers,
        "resource_id": servers,
        "resource_ids": [servers],
        "order_id": [unpaid["order_id"], running["order_id"]],
    }


def aimed(value: object, target: dict[str, object]) -> object:
    """The same, with what is there in the place of whatever was made up under its name."""
    if isinstance(value, dict):
        return {name: target.get(name, aimed(inner, target)) for name, inner in value.items()}
    return [aimed(inner, target) for inner in value] if isinstance(value, list) else value


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_no_answer_is_outside_the_document(operation, app, user, known):
    valid, invalid = (operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
    targets = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in known.items()})

    @settings(
        max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(case=valid | valid | invalid, target=targets, aim=st.sampled_from(["path", "path and body", "nowhere"]))
    def conforms(case: Case, target: dict[str, object], aim: str) -> None:
        if aim != "nowhere":
            case.path_parameters = aimed(case.path_parameters, target)
        if aim == "path and body":
            case.body = aimed(case.body, target)
        token = user.account_token if case.path.startswith(("/v2/", "/v3/orders/")) else user.project_token
        answer = case.call("http://sandbox.invalid", client, {"X-Auth-Token": token})
        case.validate_response(answer, checks=CHECKS)

    with get_client(app) as client:
        conforms()
