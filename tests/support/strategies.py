"""Hypothesis strategies for the project's values: whatever a cloud, a spec or a history may hold."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

from hypothesis import strategies as st
from support.builders import a_recorded, an_intent

from provisioner.model.action import FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, Severity, SourceRange
from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.journal import (
    Adopted,
    Answered,
    Entry,
    Forgotten,
    Imported,
    Intended,
    Moved,
    Remembered,
    RunEnded,
    RunStarted,
    Settled,
    Stated,
)
from provisioner.model.plan import Basis, Mode, Plan
from provisioner.model.resource import Desired, Lifecycle, Phase, Timeouts
from provisioner.model.secret import SecretReference, SecretSource
from provisioner.model.state import JournalHead
from provisioner.model.term import Term

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = st.text("abcxyz_", min_size=1, max_size=6)
INTEGERS = st.integers(-(2**53), 2**53)
SCALARS = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | TEXT


def containers(leaves, keys=TEXT):
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
    )


json_values = containers(SCALARS)
json_objects = st.dictionaries(TEXT, json_values, max_size=4)
addresses = st.builds(
    Address,
    name=WORDS,
    key=st.none() | st.integers(0, 10**6) | TEXT,
    modules=st.lists(WORDS, max_size=2).map(tuple),
)
paths = st.lists(TEXT, min_size=1, max_size=3).map(tuple)
secret_references = st.builds(
    SecretReference, st.sampled_from([SecretSource.ENVIRONMENT, SecretSource.FILE]), st.text("AB_:/.", max_size=8)
)
spec_fields = st.dictionaries(
    TEXT | st.just("$secret"), containers(SCALARS | secret_references, TEXT | st.just("$secret")), max_size=4
)
sources = st.builds(SourceRange, WORDS, st.integers(1, 99), st.integers(1, 99), excerpt=TEXT)
desired = st.builds(
    Desired,
    addresses,
    WORDS,
    spec_fields,
    labels=st.dictionaries(TEXT, TEXT, max_size=2),
    lifecycle=st.builds(Lifecycle, st.booleans(), st.lists(paths, max_size=2).map(tuple)),
    timeouts=st.builds(Timeouts, st.floats(0, 1e6), st.floats(0, 1e6)),
    source=st.none() | sources,
    together=st.booleans(),
)
field_changes = st.builds(
    FieldChange, paths, json_values, json_values, st.booleans(), sensitive=st.booleans(), drift=st.booleans()
)
terms = st.builds(Term, st.none() | st.integers(0, 2**50), st.none() | st.booleans(), st.integers(0, 2**50))
recorded = st.builds(
    a_recorded,
    address=addresses.map(str),
    phase=st.sampled_from(Phase),
    declared=json_objects,
    observed=json_objects,
    order_id=st.none() | WORDS,
    protected=st.booleans(),
    term=st.none() | terms,
)
_FACTS: dict[str, Any] = {
    "fields": st.lists(field_changes, max_size=2).map(tuple),
    "desired": desired,
    "recorded": recorded,
    "after": st.none() | json_objects,
    "observed": json_objects,
    "reason": st.none() | st.sampled_from(Reason),
    "sensitive": st.lists(paths, max_size=2).map(tuple),
    "unverifiable": st.lists(paths, max_size=2).map(tuple),
}


def _changes(variant: type[Change]) -> Any:
    facts = {each.name: each for each in dataclasses.fields(variant)}
    return st.builds(
        variant,
        addresses,
        WORDS,
        **{
            name: st.none() | fact if facts[name].default is None else fact
            for name, fact in _FACTS.items()
            if name in facts
        },
    )


changes = st.one_of(*map(_changes, get_args(Change)))
findings = st.builds(
    Diagnostic, st.sampled_from(Severity), WORDS, TEXT, source=st.none() | sources, address=st.none() | addresses
)
plans = st.builds(
    Plan,
    st.sampled_from(Mode),
    st.builds(
        Basis,
        WORDS,
        st.none() | WORDS,
        st.builds(Identity, WORDS, WORDS, WORDS),
        lineage=st.none() | WORDS,
        serial=st.integers(0, 9),
        head=st.builds(JournalHead, st.integers(0, 9), WORDS),
    ),
    changes=st.lists(changes, max_size=3).map(tuple),
    findings=st.lists(findings, max_size=2).map(tuple),
    refusals=st.lists(findings, max_size=2).map(tuple),
    together=st.lists(st.lists(addresses, min_size=2, max_size=3).map(tuple), max_size=2).map(tuple),
)


@st.composite
def histories(draw, servers=4, steps=8):
    """Entries as runs write them: what is remembered was bought before, and no address is bought twice at a time."""
    entries: list[Entry] = [RunStarted("run-1", "apply", draw(TEXT), "0.1.0", plan=draw(st.none() | WORDS))]
    names = [f"server[{index}]" for index in range(servers)]
    open_intents: dict[str, Effect] = {}
    owned: set[str] = set()
    for step in range(draw(st.integers(0, steps))):
        name = draw(st.sampled_from(names))
        address = Address.parse(name)
        if name in open_intents:
            entries.append(draw(_outcomes(f"intent-for-{name}", step)))
            bought = open_intents.pop(name) is Effect.PURCHASE and not isinstance(entries[-1], Settled)
            owned |= {name} if bought else set()
        elif name in owned and draw(st.booleans()):
            entries.append(
                Remembered(address, Phase.CREATING, observed=draw(json_objects), term=draw(st.none() | terms))
            )
        elif name in owned and draw(st.booleans()):
            entries.append(Stated(address, *(draw(json_objects) for _ in range(3)), draw(st.none() | json_objects)))
        elif name in owned and draw(st.booleans()):
            entries.append(Forgotten(address, draw(TEXT)))
            owned.discard(name)
        elif name in owned and draw(st.booleans()) and (free := [*set(names) - owned - open_intents.keys()]):
            other = draw(st.sampled_from(sorted(free)))
            entries.append(Moved(address, Address.parse(other)))
            owned = owned - {name} | {other}
        elif name not in owned and draw(st.booleans()):
            entries.append(
                Imported(a_recorded(name, id=f"imported-{step}", order_id=draw(st.none() | WORDS)), draw(TEXT))
            )
            owned.add(name)
        else:
            open_intents[name] = Effect.DESTRUCTIVE if name in owned else Effect.PURCHASE
            entries.append(Intended(an_intent(name, effect=open_intents[name], declared=draw(json_objects))))
    return (*entries, RunEnded("run-1", "done"))


def _outcomes(intent, step):
    answered = st.builds(Answered, st.just(intent), st.just(200), id=st.just(f"id-{step}"), order_id=st.none() | WORDS)
    ordered = st.builds(Answered, st.just(intent), st.just(200), order_id=st.just(f"order-{step}"))
    adopted = st.builds(Adopted, st.just(intent), st.just(f"id-{step}"), TEXT)
    settled = st.builds(Settled, st.just(intent), st.sampled_from(["not_sent", "refused", "absent"]), TEXT)
    return answered | ordered | adopted | settled
