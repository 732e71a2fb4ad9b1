"""Turns credentials into an authentication, and finds the identity and the user that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from provisioner.cloud.authentication import Anonymous, Authentication, Signer
from provisioner.cloud.channel import Channel
from provisioner.cloud.clock import Clock
from provisioner.cloud.credentials import (
    AccessKey,
    AssumedAgency,
    BaseCredentials,
    Credentials,
    IdToken,
    InstanceAgency,
    IssuedToken,
    Password,
)
from provisioner.cloud.endpoints import Endpoints
from provisioner.cloud.identification import GivenIdentity, identify_by_list, identify_by_token
from provisioner.cloud.key_exchange import (
    IdTokenExchange,
    KeyExchange,
    RequestExchange,
    agency_request,
    instance_metadata_request,
    own_key_request,
    token_exchange_request,
)
from provisioner.cloud.request import Request
from provisioner.cloud.request_budget import RequestBudget
from provisioner.cloud.request_sender import RequestSender
from provisioner.cloud.server_time import ServerTime
from provisioner.cloud.temporary_keys import TemporaryKeys
from provisioner.cloud.tokens import Scope, TokenCache, Tokens
from provisioner.cloud.tokens_and_keys import KEYS_ADVICE, TokensAndKeys
from provisioner.cloud.user_pseudonym import (
    pseudonym_of,
    pseudonym_of_agency,
    pseudonym_of_federated_user,
    pseudonym_of_token,
)
from provisioner.model.flow import Service
from provisioner.model.identity import Identity
from provisioner.model.mask import Mask
from provisioner.model.resource import Fields
from provisioner.web import HttpTransport


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What credentials have become. `user` is a pseudonym; it is empty when the user is unknown."""

    authentication: Authentication
    identity: Identity
    user: str


@dataclass(frozen=True, slots=True)
class Authenticator:
    transport: HttpTransport
    endpoints: Endpoints
    given: GivenIdentity
    budget: RequestBudget
    clock: Clock
    cache: TokenCache
    mask: Mask
    times: Mapping[Service, ServerTime]

    async def sign_in(self, credentials: Credentials, named: str) -> SignedIn:
        """Raises CallFailed and UsageError. `named` is a name that the user gave to temporary credentials."""
        match credentials:
            case AssumedAgency():
                return await self._assume(credentials, named)
            case Password():
                tokens = self._tokens(credentials, self._scopes(credentials))
                identity = await identify_by_token(self.given, tokens)
                exchange = self._request_exchange(own_key_request(self.endpoints), tokens)
                keys = TemporaryKeys(exchange, advice=KEYS_ADVICE, clock=self.clock)
                return SignedIn(TokensAndKeys(tokens, keys), identity, pseudonym_of(credentials, named))
            case IdToken():
                federated = self._id_token_exchange(credentials)
                keys = self._id_token_keys(federated)
                identity = await self._identify(keys, confirm=True)
                return SignedIn(keys, identity, _federated(credentials, federated, named))
            case AccessKey() | IssuedToken() | InstanceAgency():
                authentication = self._keys(credentials)
                identity = await self._identify(authentication)
                return SignedIn(authentication, identity, await self._user_of(credentials, named))
            case _:
                assert_never(credentials)

    async def _assume(self, assumed: AssumedAgency, named: str) -> SignedIn:
        """Sign in as an agency.

        The cloud confirms in which account that is, even where project and account are given: nothing may be bought in
        the account of the base credentials.
        """
        agency, base = assumed.agency, assumed.base
        advice = (
            f"check that the account {agency.account} has the agency {agency.name}, that it delegates to the account of"
            " the credentials that assume it, and that these have the permission Agent Operator"
        )
        exchange, federated = self._agency_exchange(assumed)
        keys = TemporaryKeys(exchange, advice=advice, clock=self.clock)
        identity = await self._identify(keys, confirm=True)
        if isinstance(base, IdToken):
            assert federated is not None
            user = _federated(base, federated, named)
        else:
            user = await self._user_of(base, named)
        return SignedIn(keys, identity, pseudonym_of_agency(agency.name, identity.account, user))

    def _agency_exchange(self, assumed: AssumedAgency) -> tuple[KeyExchange, IdTokenExchange | None]:
        """Return the exchange for the agency's keys, and the one of the ID token that its base credentials may be."""
        request, base = agency_request(assumed.agency, self.endpoints), assumed.base
        match base:
            case IssuedToken():
                request = agency_request(assumed.agency, self.endpoints, base)
                return self._request_exchange(request, Anonymous(_TOKEN_ADVICE)), None
            case Password():
                name, account = base.domain_name, assumed.base_account
                scope: Fields = {"name": name} if name else {"id": account}
                tokens = self._tokens(base, {Scope.ACCOUNT: scope}, identity_scope=Scope.ACCOUNT)
                return self._request_exchange(request, tokens), None
            case IdToken():
                federated = self._id_token_exchange(base)
                return self._request_exchange(request, self._id_token_keys(federated)), federated
            case _:
                return self._request_exchange(request, self._keys(base)), None

    def _keys(self, credentials: AccessKey | IssuedToken | InstanceAgency) -> Authentication:
        match credentials:
            case AccessKey():
                return Signer(credentials, self.clock)
            case IssuedToken():
                return self._temporary(token_exchange_request(credentials, self.endpoints), _TOKEN_ADVICE)
            case InstanceAgency():
                advice = "check that this machine is a cloud server, and the agency that it has"
                return self._temporary(instance_metadata_request(), advice)
            case _:
                assert_never(credentials)

    async def _user_of(self, credentials: BaseCredentials, named: str) -> str:
        if isinstance(credentials, IssuedToken) and not named:
            return await pseudonym_of_token(credentials, self.endpoints, self._sender(Anonymous("")).send)
        return pseudonym_of(credentials, named)

    async def _identify(self, authentication: Authentication, *, confirm: bool = False) -> Identity:
        channel = Channel(self._sender(authentication), self.endpoints, None, self.budget, self.mask)
        return await identify_by_list(self.given, channel.ask, confirm=confirm)

    def _temporary(self, request: Request, advice: str) -> TemporaryKeys:
        return TemporaryKeys(self._request_exchange(request, Anonymous(advice)), advice=advice, clock=self.clock)

    def _request_exchange(self, request: Request, authentication: Authentication) -> RequestExchange:
        return RequestExchange(request, self._sender(authentication).send)

    def _id_token_exchange(self, token: IdToken) -> IdTokenExchange:
        return IdTokenExchange(token, self.endpoints, self._sender(Anonymous(_ID_TOKEN_ADVICE)).send)

    def _id_token_keys(self, exchange: IdTokenExchange) -> TemporaryKeys:
        return TemporaryKeys(exchange, advice=_ID_TOKEN_ADVICE, clock=self.clock)

    def _scopes(self, user: Password) -> Mapping[Scope, Fields]:
        given = self.given
        account: Fields | None = (
            {"id": given.domain_id} if given.domain_id else {"name": user.domain_name} if user.domain_name else None
        )
        return {
            Scope.PROJECT: {"id": given.project_id} if given.project_id else {"name": given.name},
            **({Scope.ACCOUNT: account} if account else {}),
        }

    def _tokens(self, user: Password, scopes: Mapping[Scope, Fields], identity_scope: Scope = Scope.PROJECT) -> Tokens:
        return Tokens(
            user,
            scopes=scopes,
            endpoints=self.endpoints,
            send=self._sender(Anonymous(Tokens.advice)).send,
            clock=self.clock,
            cache=self.cache,
            identity_scope=identity_scope,
        )

    def _sender(self, authentication: Authentication) -> RequestSender:
        return RequestSender(
            self.transport, authentication, budget=self.budget, clock=self.clock, mask=self.mask, times=self.times
        )


_TOKEN_ADVICE = "check HW_AUTH_TOKEN: a token ends a day after it was given, or when its user's password changes"  # noqa: S105
_ID_TOKEN_ADVICE = (
    "check the id of the identity provider, and that the ID token is new, is meant for it (aud) and names a user that its"  # noqa: S105
    " rules map"
)


def _federated(token: IdToken, exchange: IdTokenExchange, named: str) -> str:
    return pseudonym_of(token, named) or pseudonym_of_federated_user(token.provider_id, exchange.user_id)
