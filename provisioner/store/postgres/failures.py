"""Sorts what a database can answer by what it says about the statement, and by what a person has to do.

Two questions matter. Was the statement surely not carried out (`is_harmless`)? And may the same statement succeed a
moment later (`is_passing`)? An append is repeated with the same bytes while its failure passes. It is reported as "not
written" only when none of its attempts can have been carried out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from provisioner.model.diagnostic import Diagnostic, error


@dataclass(frozen=True, slots=True)
class _Advice:
    code: str
    summary: str
    hint: str


class FailureKind(Enum):
    """Each value is the error for a person; `{address}` and `{grants}` are filled in."""

    UNREACHABLE = _Advice(
        "store-unreachable",
        "cannot reach the database of {address}",
        "Check host and port, that the server runs, and that a firewall or security group lets this machine in.",
    )
    LOGIN = _Advice(
        "store-login",
        "the server refused the login to {address}",
        "Check user, password and the name of the database. They are read as psql reads them: PGUSER, PGPASSWORD, PGPASSFILE, ~/.pgpass, "
        "PGSERVICE.",
    )
    TLS = _Advice(
        "store-tls",
        "no encrypted connection to {address} that can be trusted",
        "Check sslmode, sslrootcert and the certificate of the server (PGSSLMODE, PGSSLROOTCERT). Do not lower sslmode to make the error "
        "go away.",
    )
    BUSY = _Advice(
        "store-busy",
        "the server of {address} accepts no more connections",
        "Wait until other programs have closed theirs, raise max_connections or the limit of the role, or connect through a pooler.",
    )
    STANDBY = _Advice(
        "store-standby",
        "the server of {address} accepts no changes",
        "Name the primary, or all servers of the cluster, in the URL. To read from a standby on purpose, although it may be behind: set "
        "PGTARGETSESSIONATTRS=any.",
    )
    READ_ONLY = _Advice(
        "store-read-only",
        "the database of {address} is read-only",
        "Providers make a database read-only when its disk is full. Make room there or name the primary, then run the same command again.",
    )
    FULL = _Advice(
        "store-full",
        "the server of {address} has no room",
        "Make room on its disk or raise its limits, then run the same command again.",
    )
    FORBIDDEN = _Advice(
        "store-forbidden",
        "the role lacks a right on {address}",
        "Ask the owner of the tables to run: {grants}",
    )
    ABSENT = _Advice(
        "store-unreadable",
        "tables of {address} are missing",
        "The next command that writes creates what is missing. If states were kept here, restore the database.",
    )
    TAKEN = _Advice("store-unreadable", "{address} holds another record there", "Run the same command again.")
    ROLLED_BACK = _Advice(
        "store-unreadable",
        "{address} has rolled the statement back",
        "Run the same command again. Look for long transactions on these tables, and for a short statement_timeout or lock_timeout.",
    )
    LOST = _Advice(
        "store-unreachable",
        "lost the connection to {address}",
        "Run the same command again as soon as the database can be reached.",
    )
    UNKNOWN = _Advice("store-unreadable", "{address} answered with an error", "Ask the administrator of the database.")


_BY_SQLSTATE: Final[Mapping[str, FailureKind]] = {
    "08": FailureKind.LOST,  # connection exceptions; also how pgbouncer reports its own timeouts
    "22": FailureKind.UNKNOWN,  # no statement of ours should cause it, and repeating it would not help
    "23505": FailureKind.TAKEN,  # another append was first: what stands there decides
    "25006": FailureKind.READ_ONLY,  # a standby, or a primary made read-only because its disk is full
    "28": FailureKind.LOGIN,
    "3D000": FailureKind.LOGIN,  # no such database
    "3F000": FailureKind.ABSENT,  # no such schema
    "40": FailureKind.ROLLED_BACK,  # serialization failure or deadlock: rolled back, the same may succeed now
    "42501": FailureKind.FORBIDDEN,
    "42P01": FailureKind.ABSENT,  # no such table
    "53": FailureKind.FULL,  # disk full, out of memory, a configured limit
    "53300": FailureKind.BUSY,  # too many connections; refused before anything was sent
    "54000": FailureKind.FULL,  # also: the queue of notifications is full
    "55P03": FailureKind.ROLLED_BACK,  # lock_timeout
    "57014": FailureKind.ROLLED_BACK,  # statement_timeout or a cancel; after a commit it would be a warning instead
    "57": FailureKind.LOST,  # shutdown, crash, starting up, database dropped
}
"""Kinds by SQLSTATE, else by its class. Everything else is UNKNOWN."""

_BY_TEXT: Final = (
    (FailureKind.BUSY, r"too many (?:clients|connections)|remaining connection slots|no more connections allowed"),
    (FailureKind.STANDBY, r"session is read-only|hot standby|read-write|standby"),
    (FailureKind.UNREACHABLE, r"is (?:starting up|shutting down)|in recovery mode|not yet accepting connections"),
    (
        FailureKind.LOGIN,
        r"authentication failed|no password supplied|pg_hba\.conf|FATAL: +(?:role|database) .*not exist",
    ),
    (FailureKind.LOGIN, r"not permitted to log in|permission denied for database|SASL|SCRAM|no such (?:user|database)"),
    (FailureKind.LOGIN, r"definition of service|service file|no user specified"),
    (FailureKind.TLS, r"SSL|TLS|certificate|sslmode|sslrootcert"),
)
"""Kinds by the text of a failed connection attempt, of which libpq tells no SQLSTATE. Everything else is UNREACHABLE."""

_PASSING: Final = frozenset({FailureKind.UNREACHABLE, FailureKind.BUSY, FailureKind.ROLLED_BACK, FailureKind.LOST})

NEEDS_PERSON: Final = frozenset(
    {FailureKind.FORBIDDEN, FailureKind.LOGIN, FailureKind.TLS, FailureKind.ABSENT, FailureKind.UNKNOWN}
)
"""Failures of writes that no waiting ends. They get an error of their own."""


class DatabaseFailure(Exception):  # noqa: N818 - a statement's outcome; the error for a person is made from it
    """A statement that failed, or a connection that could not be opened.

    `is_harmless` means that the statement was surely not carried out: it was never sent, or the server answered that it
    has failed. A server that ends the connection says nothing about the statement before.
    """

    def __init__(self, message: str, kind: FailureKind, sqlstate: str | None, *, is_harmless: bool) -> None:
        super().__init__(message)
        self.message = message
        self.sqlstate = sqlstate
        self.kind = kind
        self.is_harmless = is_harmless

    @property
    def is_passing(self) -> bool:
        return self.kind in _PASSING

    @property
    def reason(self) -> str:
        """A clause about the place, as the outcomes of the store contract have it: its message names the address already."""
        clause = re.sub(r" (?:of|to|on) \{address\}", "", self.kind.value.summary).replace("{address}", "the database")
        return f"{clause}: {self.message}"


def failed_statement(message: str, sqlstate: str | None, *, is_answered: bool) -> DatabaseFailure:
    """`is_answered` means that the server reported an error and has kept the connection."""
    kind = _kind_of(sqlstate) if sqlstate else FailureKind.LOST
    return DatabaseFailure(message, kind, sqlstate, is_harmless=is_answered and kind is not FailureKind.LOST)


def failed_connection(message: str, sqlstate: str | None = None) -> DatabaseFailure:
    kind = _kind_of(sqlstate) if sqlstate else _kind_of_text(message)
    kind = FailureKind.UNREACHABLE if kind in {FailureKind.LOST, FailureKind.UNKNOWN} else kind
    return DatabaseFailure(message, kind, sqlstate, is_harmless=True)


def diagnostic_of(failure: DatabaseFailure, address: str, grants: str) -> Diagnostic:
    advice = failure.kind.value
    summary = advice.summary.replace("{address}", address)
    hint = f"Nothing was changed. {advice.hint.replace('{grants}', grants)}"
    return error(advice.code, f"{summary}: {failure.message}", hint=hint)


def _kind_of(sqlstate: str) -> FailureKind:
    return _BY_SQLSTATE.get(sqlstate) or _BY_SQLSTATE.get(sqlstate[:2], FailureKind.UNKNOWN)


def _kind_of_text(message: str) -> FailureKind:
    return next((kind for kind, pattern in _BY_TEXT if re.search(pattern, message)), FailureKind.UNREACHABLE)
