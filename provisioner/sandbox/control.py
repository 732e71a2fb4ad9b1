"""The control API of a served sandbox, below /_sandbox/ (docs/sandbox.md), for tests and not for clients of the
cloud.

It needs a token that every start creates anew. It carries out a request completely or refuses it.
"""

import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from provisioner.sandbox import ledger, time_shift
from provisioner.sandbox.app import Sandbox
from provisioner.sandbox.clock import iso_time
from provisioner.sandbox.errors import WorldError, WorldWriteError
from provisioner.sandbox.fault_settings import FaultsFile, written
from provisioner.sandbox.performing import rehearse, settle
from provisioner.sandbox.settings_files import describe

PREFIX: Final = "/_sandbox"
TOKEN_HEADER: Final = "X-Sandbox-Token"  # noqa: S105 - a name

_MEGABYTE: Final = 1024 * 1024
_LONGEST_STEP: Final = 366 * 86_400
_LONGEST_NUMBER: Final = 18
_Model = TypeVar("_Model", bound=BaseModel)
_log = logging.getLogger(__name__)


class ControlError(Exception):
    """A refusal, with what to do about it."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class ClockStep(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    advance_seconds: Annotated[float, Field(gt=0, le=_LONGEST_STEP, allow_inf_nan=False)]


class Control:
    """Answers requests below the prefix, and passes all others on to the sandbox."""

    def __init__(self, sandbox: Sandbox, token: str) -> None:
        self._sandbox = sandbox
        self._token = token
        self._resources: dict[str, dict[str, Callable[[Request], Awaitable[Response]]]] = {
            "ledger": {"GET": self._show_ledger},
            "faults": {
                "GET": self._show_faults,
                "PUT": self._replace_faults,
                "POST": self._add_faults,
                "DELETE": self._clear_faults,
            },
            "clock": {"GET": self._show_clock, "POST": self._advance_clock},
            "reset": {"POST": self._reset},
            "snapshot": {"GET": self._show_snapshot, "PUT": self._restore_snapshot},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not f"{scope['path']}/".startswith(f"{PREFIX}/"):
            await self._sandbox(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        except ControlError as refusal:
            response = JSONResponse({"error": str(refusal)}, refusal.status, refusal.headers)
        except WorldWriteError as failure:
            _log.exception("the sandbox failed to answer %s %s", request.method, scope["path"])
            response = JSONResponse({"error": str(failure)}, 500)
        except Exception:  # noqa: BLE001 - a test that moves the sandbox is owed an answer that it can read
            _log.exception("the sandbox failed to answer %s %s", request.method, scope["path"])
            response = JSONResponse({"error": "the sandbox failed; its output on stderr says why"}, 500)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        given = request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode("latin-1"), self._token.encode()):
            raise ControlError(401, f"send the header {TOKEN_HEADER} with the token that `sandbox serve` has printed")
        methods = self._resources.get(request.scope["path"].removeprefix(f"{PREFIX}/"))
        if methods is None:
            raise ControlError(404, f"there is no such resource; there are {', '.join(sorted(self._resources))}")
        if (answer := methods.get(request.method)) is None:
            allowed = ", ".join(methods)
            raise ControlError(405, f"this resource has {allowed}", headers={"Allow": allowed})
        return await answer(request)

    async def _show_ledger(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) <= _LONGEST_NUMBER):
            raise ControlError(400, "after: must be the sequence number of a row")
        with self._sandbox.world.transaction() as transaction:
            settle(transaction)
            rows = ledger.entries(transaction.connection, after=int(after))
        return JSONResponse({"ledger": [asdict(row) for row in rows]})

    async def _show_faults(self, _request: Request) -> Response:
        return JSONResponse({"faults": [written(rule, hits) for rule, hits in self._sandbox.faults.hits()]})

    async def _replace_faults(self, request: Request) -> Response:
        self._sandbox.faults.replace((await _read(FaultsFile, request)).value())
        return await self._show_faults(request)

    async def _add_faults(self, request: Request) -> Response:
        self._sandbox.faults.add((await _read(FaultsFile, request)).value())
        return await self._show_faults(request)

    async def _clear_faults(self, request: Request) -> Response:
        self._sandbox.faults.replace(())
        return await self._show_faults(request)

    async def _show_clock(self, _request: Request) -> Response:
        with self._sandbox.world.transaction() as transaction:
            now, ahead = transaction.now, transaction.now - transaction.machine_now
        return JSONResponse({"now": iso_time(now), "milliseconds": now, "ahead_seconds": ahead / 1000})

    async def _advance_clock(self, request: Request) -> Response:
        step = round((await _read(ClockStep, request)).advance_seconds * 1000)
        world = self._sandbox.world
        with world.transaction() as transaction:
            if time_shift.ahead(transaction.connection) + step > time_shift.FURTHEST:
                raise ControlError(400, "the clock would be more than a hundred years ahead; reset brings it back")
            time_shift.advance(transaction.connection, step)
        with world.transaction() as transaction:
            settle(transaction)
        return await self._show_clock(request)

    async def _reset(self, _request: Request) -> Response:
        self._sandbox.world.reset()
        return Response(status_code=204)

    async def _show_snapshot(self, _request: Request) -> Response:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "world.db"
            self._sandbox.world.copy_to(copy)
            return Response(copy.read_bytes(), media_type="application/vnd.sqlite3")

    async def _restore_snapshot(self, request: Request) -> Response:
        with TemporaryDirectory() as folder:
            snapshot = Path(folder) / "world.db"
            with snapshot.open("xb") as file:
                async for chunk in _stream(request, limit=1024 * _MEGABYTE):
                    file.write(chunk)
            try:
                self._sandbox.world.become(snapshot, rehearse)
            except WorldError as unusable:
                raise ControlError(
                    400, f"the snapshot cannot be restored, it is {unusable.reason}; nothing was changed"
                ) from unusable
        return Response(status_code=204)


async def _read(model: type[_Model], request: Request) -> _Model:
    body = b"".join([chunk async for chunk in _stream(request, limit=_MEGABYTE)])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ControlError(400, f"{describe(error)}; nothing was changed") from None


async def _stream(request: Request, *, limit: int) -> AsyncIterator[bytes]:
    """Yields the body. Raises ControlError beyond the limit, in bytes."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise ControlError(413, f"the body is larger than {limit // _MEGABYTE} MB; nothing was changed")
        yield chunk
