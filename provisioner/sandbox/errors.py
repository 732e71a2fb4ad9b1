"""The errors of the sandbox. `SandboxError` tells the person who runs the sandbox why it cannot run. `ApiError` is a
refusal on the wire, in the body shapes of docs/api/devserver-api.md section 5. Knows no HTTP library.
"""

from enum import Enum, auto
from http import HTTPStatus
from pathlib import Path
from typing import assert_never


class SandboxError(Exception):
    """The sandbox cannot do what was requested. The message says what to do instead."""


class WorldError(SandboxError):
    """A world file cannot be used. It was not changed. `reason` describes the problem without the file name."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class WorldWriteError(SandboxError):
    """A world cannot be written to, and is unchanged."""


class SettingsError(SandboxError):
    """A file of accounts, of the market or of faults cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the file {path} cannot be used: {reason}. Mend it; nothing was started")


class InvalidParameterError(Exception):
    """A body or query breaks a rule of the API; the message names the field and never its value, which may be a secret."""


class ApiError(Exception):
    """A refusal by a service: body shape 1 of section 5.1."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def body(self, request_id: str) -> dict[str, object]:  # noqa: ARG002 - only the gateway prints it
        return {"error_code": self.code, "error_msg": self.message}


class GatewayError(ApiError):
    """A refusal before any service was reached: shape 1 with the id of the request."""

    def body(self, request_id: str) -> dict[str, object]:
        return super().body(request_id) | {"request_id": request_id}


class KeystoneError(ApiError):
    """A refusal by IAM: shape 4, whose code is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, str(status), message)

    def body(self, request_id: str) -> dict[str, object]:  # noqa: ARG002 - only the gateway prints it
        return {"error": {"code": self.status, "message": self.message, "title": HTTPStatus(self.status).phrase}}


class Service(Enum):
    MODELARTS = auto()
    BILLING = auto()
    IDENTITY = auto()


def parameter_error(service: Service, message: str) -> ApiError:
    match service:
        case Service.MODELARTS:
            return ApiError(400, "ModelArts.0104", f"Parameter error. {message}")
        case Service.BILLING:
            return ApiError(400, "CBC.0100", f"Parameter error. {message}")
        case Service.IDENTITY:
            return ApiError(400, "IAM.0007", f"Request parameter is invalid. {message}")
        case _:
            assert_never(service)


def internal_error(service: Service) -> ApiError:
    match service:
        case Service.MODELARTS:
            return ApiError(500, "ModelArts.0010", "Internal error.")
        case Service.BILLING:
            return ApiError(500, "CBC.0999", "Other error.")
        case Service.IDENTITY:
            return KeystoneError(500, "Internal error.")
        case _:
            assert_never(service)


def throttled(service: Service) -> ApiError:
    """Returns a 429 of the service itself. No code is published for it, so it uses the code of an exceeded count."""
    text = "The number of requests exceeds the limit."
    match service:
        case Service.MODELARTS:
            return ApiError(429, "ModelArts.0116", text)
        case Service.BILLING:
            return ApiError(429, "CBC.0999", text)
        case Service.IDENTITY:
            return KeystoneError(429, text)
        case _:
            assert_never(service)


def throttled_by_gateway(limit: int, time: str) -> GatewayError:
    text = f"The throttling threshold has been reached: policy user over ratelimit,limit:{limit},time:{time}"
    return GatewayError(429, "APIG.0308", text)


def server_not_found(server_id: str) -> ApiError:
    return ApiError(400, "ModelArts.6404", f"LiteServer instance '{server_id}' not found.")


def operation_refused(server_id: str, reason: str) -> ApiError:
    return ApiError(400, "ModelArts.7000", f"Server {server_id} {reason}")


def unauthenticated(reason: str) -> GatewayError:
    return GatewayError(401, "APIG.0301", f"Incorrect IAM authentication information: {reason}")


def not_authorized() -> GatewayError:
    return GatewayError(403, "APIG.0302", "The IAM user is not authorized to access the API.")


def no_such_route() -> GatewayError:
    return GatewayError(404, "APIG.0101", "The API does not exist or has not been published in the environment.")


def request_error(reason: str) -> GatewayError:
    return GatewayError(400, "APIG.0201", f"Request error: {reason}")
