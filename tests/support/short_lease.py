"""Makes the leases of a process a thirtieth as long, together with the calls that they have to outlast."""

from __future__ import annotations

from provisioner.store.lease_record import LeaseTerms

SHORT_TERMS = LeaseTerms(seconds=3.0, renew_after=0.5, stale=9.0, poll=0.1)
LONGEST_CALL = 2.0
_PAUSE = 0.05


def shorten_lease() -> None:
    """Changes the terms of this process. They keep the proportions of those that users have."""
    from provisioner.applying import intents, lock_wait
    from provisioner.cloud import connection
    from provisioner.store import shared_store

    shared_store.TERMS = SHORT_TERMS
    intents.LONGEST_CHANGE = lock_wait.LONGEST_CHANGE = LONGEST_CALL
    lock_wait._PAUSE = _PAUSE
    object.__setattr__(connection._DEFAULT_TIMEOUTS, "change", LONGEST_CALL)
