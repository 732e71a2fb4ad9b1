"""What the other rooms see of the cloud: connect once, open a channel for each worker, send calls through it.

Puts the parts of this room together and does nothing that one of them could do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from provisioner.cloud.authentication import Anonymous, Authentication, Signer
from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import AccessKey, Credentials
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.failures import request_id_of, unusable
from provisioner.cloud.identification import Claim, identify_by_list, identify_by_token
from provisioner.cloud.line import Line
from provisioner.cloud.request import Request, Reveal, encode
from provisioner.cloud.tokens import Scope, Tokens
from provisioner.cloud.translation import translate
from provisioner.cloud.transport import Answer, Network, Timeouts, Transport, Wire, in_process
from provisioner.model.canonical import JsonValue, parse_json
from provisioner.model.flow import Call, CallFailed, Reply
from provisioner.model.identity import Identity
from provisioner.model.secret import Secret, SecretReference

_DEFAULT_TIMEOUTS: Final = Timeouts()
_REAL_TIME: Final = Clock()
_DEEPEST: Final = 64


class Channel:
    """One worker's way to the cloud."""

    def __init__(self, line: Line, endpoints: Endpoints, identity: Identity | None) -> None:
        self._line = line
        self._endpoints = endpoints
        self._identity = identity

    async def send(self, call: Call, reveal: Reveal) -> Reply:
        """Raises CallFailed. Reads and repeatable calls are tried up to five times; all others are sent exactly once."""
        request = encode(call, endpoints=self._endpoints, identity=self._identity, reveal=reveal)
        return _reply(request, await self._line.deliver(request))


class Cloud:
    """`identity` is what every state is compared with before it is planned for."""

    def __init__(
        self,
        network: Network,
        *,
        authentication: Authentication,
        endpoints: Endpoints,
        identity: Identity,
        clock: Clock,
    ) -> None:
        self.identity = identity
        self._network = network
        self._authentication = authentication
        self._endpoints = endpoints
        self._clock = clock

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, over all channels, signing in included."""
        return self._network.requests

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[Channel]:
        async with self._network.wire() as wire:
            yield Channel(Line(wire, self._authentication, self._clock), self._endpoints, self.identity)


@asynccontextmanager
async def connect(
    *,
    endpoints: Endpoints,
    credentials: Credentials,
    region: str,
    user_agent: str,
    project_id: str | None = None,
    project_name: str | None = None,
    domain_id: str | None = None,
    app: Any = None,
    transport: Transport | None = None,
    timeouts: Timeouts = _DEFAULT_TIMEOUTS,
    clock: Clock = _REAL_TIME,
) -> AsyncIterator[Cloud]:
    """Find out who we are, and keep what all channels share. Raises CloudError, UsageError.

    `app` is an ASGI application that takes the cloud's place inside this process; `transport` takes the network's.
    """
    claim = Claim(region, project_id, project_name, domain_id)
    chosen = in_process(app) if app is not None else transport
    network = Network(endpoints, user_agent=user_agent, timeouts=timeouts, transport=chosen)
    async with network.wire() as wire:
        try:
            authentication, identity = await _introduce(wire, credentials, claim, endpoints=endpoints, clock=clock)
        except CallFailed as failed:
            raise translate(failed, "finding out the account and the project") from None
        yield Cloud(network, authentication=authentication, endpoints=endpoints, identity=identity, clock=clock)


async def _introduce(
    wire: Wire, credentials: Credentials, claim: Claim, *, endpoints: Endpoints, clock: Clock
) -> tuple[Authentication, Identity]:
    if isinstance(credentials, AccessKey):
        signer = Signer(credentials, clock)
        channel = Channel(Line(wire, signer, clock), endpoints, None)
        return signer, await identify_by_list(claim, lambda call: channel.send(call, _no_secrets))
    scopes = {
        Scope.PROJECT: {"id": claim.project_id} if claim.project_id else {"name": claim.name},
        Scope.ACCOUNT: {"id": claim.domain_id} if claim.domain_id else {"name": credentials.domain_name},
    }
    line = Line(wire, Anonymous(), clock)
    tokens = Tokens(credentials, scopes=scopes, endpoints=endpoints, deliver=line.deliver, clock=clock)
    return tokens, await identify_by_token(claim, tokens)


def _no_secrets(reference: SecretReference) -> Secret:
    raise AssertionError(f"a question to the identity service holds a secret: {reference}")


def _reply(request: Request, answer: Answer) -> Reply:
    try:
        body = parse_json(answer.body) if answer.body else None
    except ValueError:
        raise unusable(request, answer, "it is no JSON") from None
    if _is_too_deep(body):
        raise unusable(request, answer, f"its JSON is nested more than {_DEEPEST} deep")
    return Reply(answer.status, body, request_id_of(answer), answer.server_time)


def _is_too_deep(body: JsonValue) -> bool:
    """What comes in is written down later, and writers have a limit too. Level by level, so that no depth can hurt."""
    level = [body]
    for _ in range(_DEEPEST):
        children = (
            node.values() if isinstance(node, dict) else node for node in level if isinstance(node, dict | list)
        )
        level = [child for group in children for child in group if isinstance(child, dict | list)]
        if not level:
            return False
    return True
