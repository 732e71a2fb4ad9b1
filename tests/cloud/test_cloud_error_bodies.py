"""A status of success whose body tells of an error: nobody knows what was done, so it is neither a success nor a refusal."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from provisioner.model.flow import Call, CallFailed, Effect, Outcome, Reply, Service
from provisioner.model.secret import Secret

PATH = "/v1/{project_id}/dev-servers/one"
ERRORS = [
    {"error_code": "ModelArts.0001", "error_msg": "Internal error."},
    {"error_code": "APIG.0202", "error_message": "Backend timeout."},
    {"errorCode": "CBC.0999", "errorMsg": "Other errors."},
    {"error": {"error_code": "ModelArts.7000", "error_msg": "refused"}},
    {"error_code": 500, "error_msg": "odd"},
    {"id": "one", "status": "RUNNING", "error_code": "ModelArts.6404", "error_msg": "gone"},
    {"code": "ModelArts.7", "message": "no"},
    {"code": "ModelArts.7"},
    {"code": 500, "msg": "no", "data": None},
    {"error": {"code": "X", "message": "no"}},
    {"error": "denied"},
    {"errors": [{"error_code": "X", "error_msg": "no"}]},
    {"errors": ["denied"]},
    {"success": False, "message": "no"},
    {"is_success": "false"},
    {"id": "one", "success": False},
    {"status": "FAILED", "error_msg": "denied"},
    {"status": "error", "message": "denied"},
    {"status": 403, "message": "denied"},
    {"status": "FAILED"},
    {"error_msg": "denied", "error_code": None, "status": "FAILED"},
    {"error_msg": "denied"},
    {"ret_code": 500, "ret_msg": "no"},
    {"result": {"code": "X.1", "message": "no"}},
    {"Code": "X.1", "Message": "no"},
    {"ErrorCode": "X.1", "ErrorMsg": "no"},
    {"Success": False},
    {"success": "no"},
    {"failed": True},
    {"status": "403 Forbidden", "title": "no"},
    {"id": "one", "error": {"code": "X", "message": "no"}},
    {"id": "one", "name": "alpha", "error": {"error_code": "X", "error_msg": "no"}},
    [{"error_code": "X", "error_msg": "no"}],
]
SUCCESSES = [
    {"id": "one", "status": "DELETING"},
    {"error_code": "CBC.0000", "error_msg": "Success."},
    {"error_code": None, "error_msg": None, "id": "one"},
    {"error_code": "", "order_ids": []},
    {"order_ids": ["CS1"], "fail_resource_infos": [{"resource_id": "one", "error_code": "CBC.0", "error_msg": "no"}]},
    {"code": 0, "message": "accepted"},
    {"code": "202", "message": "accepted"},
    {"success": True, "message": "accepted", "error": None, "errors": []},
    {"error": {"code": "0", "message": ""}},
    {"error": {}},
    {"error_msg": "success", "error_code": "0"},
    {"id": "one", "name": "alpha", "status": "ERROR", "message": "its disk is broken"},
    {"devservers": [{"id": "one", "status": "ERROR", "code": "X", "message": "no"}], "total_count": 1},
    {"status": "DELETING", "message": "accepted"},
    {"operation_id": "op", "operation_status": "failed", "operation_error": {"code": "X", "message": "of a disk"}},
    {"message": "accepted"},
    {"id": "one", "error": {"code": None, "message": None}},
    {"error": {"code": "", "message": ""}},
    {"error_msg": "Success."},
    {"error_msg": "成功"},
    {"error": "false"},
    {"error": "no error"},
    {"id": "one", "status": "ERROR", "fault": {"code": 500, "message": "its disk is broken"}},
    {"id": "one", "name": "alpha", "error": "build failed"},
    {"id": "one", "status": "FAILED", "message": "build failed"},
    [{"id": "one", "status": "ERROR"}, {"error_code": "X"}],
    {},
    [],
    None,
]


@pytest.fixture
def send(connect_to):
    def play(effect: Effect, body: object) -> Reply | CallFailed:
        async def conversation() -> Reply | CallFailed:
            async with connect_to(lambda _: httpx.Response(200, json=body)) as cloud, cloud.channel() as channel:
                call = Call(Service.MODELARTS, "GET" if effect is Effect.READ else "POST", PATH, effect)
                try:
                    return await channel.send(call, lambda _: Secret(""))
                except CallFailed as failed:
                    return failed

        return asyncio.run(conversation())

    return play


@pytest.mark.parametrize("body", ERRORS)
@pytest.mark.parametrize("effect", [Effect.DESTRUCTIVE, Effect.WIPE, Effect.PURCHASE, Effect.REPEATABLE, Effect.READ])
def test_an_error_in_it_is_an_unknown_outcome(send, effect, body):
    failed = send(effect, body)
    assert isinstance(failed, CallFailed)
    assert (failed.outcome, failed.status) == (Outcome.UNKNOWN, 200)
    assert "tells of an error" in failed.message


@pytest.mark.parametrize("body", SUCCESSES)
def test_what_is_no_error_is_a_success(send, body):
    assert isinstance(send(Effect.DESTRUCTIVE, body), Reply)
