"""Whole runs on a state in PostgreSQL with one fault at any piece of what they send: nothing confirmed is lost or doubled."""

from __future__ import annotations

from contextlib import suppress

import pytest
from support.builders import IDENTITY, a_purchase, a_run, an_intent
from support.postgres_stores import close_backends, new_url, open_backend, shared_store
from support.tcp_proxy import Cut, TcpProxy

from provisioner.model.diagnostic import StoreError
from provisioner.model.journal import Intended
from provisioner.store import StateStore
from provisioner.store.postgres.connection import Limits

LABEL = "demo.dev"
QUICK = Limits(statement=0.3, patience=0.0)
_MOST_PIECES = 400


def run(backend, name, confirmed):
    """Buy one server, and note in `confirmed` each entry that was confirmed."""
    states = StateStore(shared_store(backend, LABEL))
    with states.write(command="apply", who="ana", timeout=2) as session:
        if session.state is None:
            session.create("demo", "dev", identity=IDENTITY)
        for entries in ([*a_run()], *([entry] for entry in a_purchase(name))):
            session.append(entries)
            confirmed.extend(entries)
        session.checkpoint()


def journaled(backend):
    return [record.entry for record in StateStore(shared_store(backend, LABEL)).history()]


def play(server, cut, nth):
    """Play a run with a fault at its nth piece, and another one without. Return whether the fault came."""
    url = new_url(server)
    direct, confirmed = open_backend(url), []
    run(direct, "first", confirmed)
    with TcpProxy(("127.0.0.1", server.port)) as proxy:
        faulty = open_backend(url.replace(f":{server.port}/", f":{proxy.port}/") + "&connect_timeout=2", limits=QUICK)
        proxy.on(cut, b"", nth=nth)
        with suppress(StoreError):
            run(faulty, "second", confirmed)
        is_hit = not proxy.has_rules
        faulty.close()
    run(direct, "third", confirmed)
    found = journaled(direct)
    assert StateStore(shared_store(direct, LABEL)).verify().torn == 0
    missing = [entry for entry in confirmed if entry not in found]
    assert missing == []
    intents = [entry.intent.id for entry in found if isinstance(entry, Intended)]
    assert len(intents) == len({*intents})
    assert {an_intent(name).id for name in ("first", "third")} <= {*intents}
    close_backends()
    return is_hit


@pytest.mark.parametrize(("cut", "nth"), [(Cut.BEFORE, 9), (Cut.AFTER, 13), (Cut.AFTER, 17), (Cut.SILENT, 18)])
def test_a_fault_at_one_of_the_pieces(server, cut, nth):
    assert play(server, cut, nth)


@pytest.mark.crash_whole
@pytest.mark.parametrize("cut", Cut)
def test_a_fault_at_each_of_the_pieces(server, cut):
    nth = 1
    while play(server, cut, nth):
        nth += 1
        assert nth < _MOST_PIECES
    assert nth > 20
