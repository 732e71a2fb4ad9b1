"""The tokens by which an index tells which states mention an id or a name.

An append brings the tokens of its entries, in the same statement (`Log.append`). Who wants to know whether another state
holds a server asks for the tokens of its id and name, and reads the states that are found. The tokens are
only ever added, so they may find a state that has let the server go long ago, and they never miss one that holds it: no
id or name comes into a state except by an entry that is passed through here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

from provisioner.model.flow import Effect
from provisioner.model.journal import Adopted, Answered, Created, Entry, Imported, Intended, Remembered
from provisioner.model.lookalikes import shared_spelling
from provisioner.model.resource import Live
from provisioner.model.state import Intent, State

INDEXED: Final = "journal"
"""The token of every journal's first record. A state whose index lacks it may hold anything."""
_LONGEST: Final = 100
"""How many characters of a token are written as they are. A database limits the size of what it indexes, and an append
must not fail because the cloud has answered with a long id.
"""
_PREFIX: Final = 12
"""How many characters of the name of a purchase of several servers are compared."""


def mentions_of(entries: Iterable[Entry]) -> frozenset[str]:
    """Return the tokens of entries: of one append, or of a whole journal that is written to another place."""
    return frozenset(token for entry in entries for token in _of_entry(entry))


def mentions_of_state(state: State) -> frozenset[str]:
    """Return the tokens of all that a state holds, for a state that is written to another place with its journal."""
    ids = (one for record in state.resources.values() for one in (record.id, record.order_id))
    intents = (*state.intents.values(), *state.absent.values())
    return id_tokens(ids) | {token for intent in intents for token in _of_intent(intent)}


def id_tokens(ids: Iterable[str | None]) -> frozenset[str]:
    """Return the tokens of the ids of servers and of orders, which are the same in every letter case."""
    return frozenset(_token("id", one.casefold()) for one in ids if one is not None)


def name_tokens(names: Iterable[str]) -> frozenset[str]:
    """Return the tokens of names. All forms of one name (`lookalikes.are_forms_of_one`) have the same token."""
    return frozenset(_token("name", shared_spelling(name)) for name in names)


def row_tokens(rows: Iterable[Live]) -> frozenset[str]:
    """Return the tokens of which each state mentions one that records one of these servers or its order, or may have
    bought it.
    """
    rows = tuple(rows)
    numbered = {shared_spelling(row.name) for row in rows if row.order_id is not None}
    return (
        id_tokens(one for row in rows for one in (row.id, row.order_id))
        | name_tokens({row.name for row in rows})
        | {_token("several", name[:length]) for name in numbered for length in range(_PREFIX + 1)}
    )


def _of_entry(entry: Entry) -> Iterator[str]:
    match entry:
        case Created():
            yield INDEXED
        case Intended():
            yield from _of_intent(entry.intent)
        case Answered() | Adopted() | Remembered():
            yield from id_tokens((entry.id, entry.order_id))
        case Imported():
            yield from id_tokens((entry.recorded.id, entry.recorded.order_id))
        case _:
            pass


def _of_intent(intent: Intent) -> Iterator[str]:
    """Yield the names that a purchase may give its servers, and the ids that the call is about.

    The cloud numbers the servers of one call, in a way that is not published, so their names only begin alike.
    """
    yield from id_tokens((intent.target_id, intent.answered_id or None))
    if intent.effect is Effect.PURCHASE:
        yield from name_tokens((intent.name, *intent.names))
        if intent.members:
            yield _token("several", shared_spelling(intent.name)[:_PREFIX])


def _token(kind: str, text: str) -> str:
    plain = text.replace("\0", "")  # no database keeps this character
    if len(plain) > _LONGEST:
        plain = sha256(plain.encode(errors="surrogatepass")).hexdigest()
    return f"{kind}:{plain}"
