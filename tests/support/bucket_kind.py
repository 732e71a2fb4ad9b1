"""A second kind of resource, as small as one can be: a bucket with a name, a size and an access list.

It has no orders, no billing, no batches, no stock, no system that could be reinstalled, and nothing attached. It proves that a kind is one
place and one line of a catalogue (docs/decisions/0027): no file of the tool knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from provisioner.kinds import CATALOGUE
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.facts import Facts
from provisioner.model.field_rule import FieldRule, OnChange
from provisioner.model.flow import (
    Answer,
    Call,
    CallFailed,
    Effect,
    Ended,
    Flow,
    ReadFlow,
    Remember,
    Reply,
    Service,
    Wait,
)
from provisioner.model.kind import Catalogue, Kind, Matching, Statuses
from provisioner.model.purchase_policy import Absence, PurchasePolicy
from provisioner.model.resource import Desired, FieldPath, Live, Phase, Recorded
from provisioner.model.state import Intent

PATH = "/v1/{project_id}/buckets"


class Bucket(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=3, max_length=63)]
    size: Annotated[int, Field(ge=1)]
    acl: Literal["private", "public-read"] = "private"


def read(row: JsonValue) -> Live:
    assert isinstance(row, Mapping)
    observed = {key: row[key] for key in ("status", "name", "size", "acl", "endpoint")}
    return Live(
        "bucket",
        row["id"],
        row["name"],
        row["status"],
        created_at=row["created_at"],
        shown=shown(observed),
        observed=observed,
    )


def shown(observed: JsonObject) -> JsonObject:
    return {key: observed[key] for key in ("name", "size", "acl") if key in observed}


def list_buckets() -> ReadFlow[tuple[Live, ...]]:
    reply = yield Call(Service.MODELARTS, "GET", PATH, Effect.READ)
    return tuple(map(read, reply.object()["buckets"]))


def show(identifier: str) -> ReadFlow[Live | None]:
    try:
        reply = yield Call(Service.MODELARTS, "GET", f"{PATH}/{identifier}", Effect.READ)
    except CallFailed as failed:
        if failed.not_found:
            return None
        raise
    return read(reply.body)


def create(desired: Desired, recorded: Recorded | None, _policy: PurchasePolicy) -> Flow:
    identifier = recorded.id if recorded else None
    if identifier is None:
        body = {"acl": "private", **desired.fields}
        reply = yield Call(
            Service.MODELARTS, "POST", PATH, Effect.PURCHASE, body=body, declares=desired.fields, id_fields=("id",)
        )
        identifier = answered(reply)["id"]
    row = yield Wait(lambda now: now is not None, id=identifier)
    assert isinstance(row, Live)
    yield Remember(Phase.READY, id=row.id, observed=row.observed, first_shown=row.shown)
    if row.name != desired.name:  # it was bought under a marker
        return (yield from change(row.id, {"name": desired.name}))
    return Ended(Phase.READY)


def update(desired: Desired, recorded: Recorded, changed: frozenset[FieldPath], _policy: PurchasePolicy) -> Flow:
    """Labels stand in the state alone: with nothing to send, only the facts are told."""
    body = {
        head: desired.fields.get(head, "private") for head in sorted({path[0] for path in changed} & {"name", "acl"})
    }
    if not body:
        yield Remember(Phase.READY)
        return Ended(Phase.READY)
    return (yield from change(recorded.id or "", body))


def change(identifier: str, body: JsonObject) -> Flow:
    reply = yield Call(Service.MODELARTS, "PUT", f"{PATH}/{identifier}", Effect.REPEATABLE, body=body)
    yield Remember(Phase.READY, declared=body, observed=read(answered(reply)).observed)
    return Ended(Phase.READY)


def delete(recorded: Recorded, _live: Live | None) -> Flow:
    yield Call(Service.MODELARTS, "DELETE", f"{PATH}/{recorded.id}", Effect.DESTRUCTIVE)
    yield Wait(lambda now: now is None, id=recorded.id)
    return Ended(None)


def answered(reply: Answer) -> JsonObject:
    assert isinstance(reply, Reply)
    return reply.object()


def exact(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    return tuple(row for row in live if row.name == intent.name and row in similar(intent, (row,)))


def similar(intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
    """By what cannot be changed: its size."""
    return tuple(
        row for row in live if row.id not in intent.known_before and row.shown["size"] == intent.declared["size"]
    )


KIND = Kind(
    name="bucket",
    noun="bucket",
    section="buckets",
    schema=Bucket,
    rules=(
        FieldRule(("name",), OnChange.IN_PLACE, shown=True),
        FieldRule(("size",), shown=True, always_shown=True),
        FieldRule(("acl",), OnChange.IN_PLACE, shown=True, default="private"),
    ),
    longest_name=63,
    list=list_buckets,
    show=show,
    create=create,
    update=update,
    delete=delete,
    matching=Matching(exact, similar, lambda _intent: Absence.AFTER_QUIET_PERIOD),
    statuses=Statuses(frozenset({"ACTIVE", "LOCKED", "DELETED"}), frozenset({"LOCKED"}), frozenset(), gone="DELETED"),
    shown=shown,
    facts=Facts(
        lambda observed: {key: observed[key] for key in ("status", "endpoint") if key in observed},
        ("status", "endpoint"),
    ),
)


def catalogue() -> Catalogue:
    """The tool's own with the bucket registered: one line."""
    return Catalogue((*CATALOGUE.kinds, KIND))
