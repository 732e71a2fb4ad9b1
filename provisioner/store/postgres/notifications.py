"""Waits until something was appended to a state: by notifications of the database, and by looking every few seconds.

A transaction pooler delivers no notifications, and a lost connection loses some. So a look is always taken as well.
"""

from __future__ import annotations

from typing import Final

from provisioner.model.diagnostic import StoreError
from provisioner.store.clock import StoreClock
from provisioner.store.postgres.connection import DatabaseConnection
from provisioner.store.postgres.failures import DatabaseFailure
from provisioner.store.postgres.schema import DatabaseSchema

LOOK_AFTER: Final = 2.0
"""Seconds between two looks."""
_HEADS: Final = """
SELECT string_agg(log || ' ' || last_sequence || ' ' || last_hash, ',' ORDER BY log) FROM $schema.logs WHERE state = %(state)s"""


class AppendWatch:
    """Watches the states of one place for one thread at a time."""

    def __init__(
        self,
        connection: DatabaseConnection,
        schema: DatabaseSchema,
        clock: StoreClock,
        *,
        look_after: float = LOOK_AFTER,
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._clock = clock
        self._look_after = look_after
        self._session: object = None
        self._is_listening = False
        self._seen: dict[str, str | None] = {}

    def wait(self, label: str, seconds: float) -> None:
        """Return as soon as something was appended since the last call for the state, and after `seconds` at the latest.

        The first call returns at once, because nobody knows what was appended before it. Never raises.
        """
        until = self._clock.elapsed() + seconds
        while (left := min(until - self._clock.elapsed(), self._look_after)) > 0:
            try:
                self._listen()
                if self._has_changed(label):
                    return
                self._pause(label, left)
            except (DatabaseFailure, StoreError):
                self._clock.sleep(left)

    def _listen(self) -> None:
        """Listen, once for each session. A pooler's session serves somebody else next, so it is left alone."""
        session = self._connection.session()
        if session is self._session:
            return
        self._is_listening = not self._connection.is_pooled()
        if self._is_listening:
            self._connection.run(f'LISTEN "{self._schema.channel}"')
        self._session = session

    def _has_changed(self, label: str) -> bool:
        rows = self._connection.run(self._schema.statement(_HEADS), {"state": label})
        is_known, before = label in self._seen, self._seen.get(label)
        self._seen[label] = rows[0][0]
        return not is_known or before != rows[0][0]

    def _pause(self, label: str, seconds: float) -> None:
        if not self._is_listening:
            self._clock.sleep(seconds)
            return
        until = self._clock.elapsed() + seconds
        while (left := until - self._clock.elapsed()) > 0 and label not in self._connection.notifications(left):
            """What arrived is about another state."""
