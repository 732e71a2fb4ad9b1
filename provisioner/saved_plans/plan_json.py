"""Converts plans to JSON and back, by the annotations of the model's own dataclasses.

A reference to a secret is written as {"$secret": "env:NAME"}. A key of a mapping that begins with $ gets a second $.
Tuples are read back as lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, field, fields, make_dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from provisioner.model import change as variants
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.change import Change
from provisioner.model.document import STRICT, Damaged, FromNewerVersion, from_json, to_json
from provisioner.model.plan import Plan
from provisioner.model.resource import Desired, FieldPath, Fields, FieldValue
from provisioner.model.secret import SecretReference, SecretSource

_SECRET = "$secret"  # noqa: S105 - the key under which a reference is written


_VARIANTS: dict[str, type[Change]] = {
    "create": variants.CreateChange,
    "update": variants.UpdateChange,
    "reinstall": variants.ReinstallChange,
    "replace": variants.ReplaceChange,
    "delete": variants.DeleteChange,
    "adopt": variants.ImportChange,
    "forget": variants.ForgetChange,
    "record": variants.RecordChange,
    "resume": variants.ResumeChange,
    "resolve": variants.ResolveChange,
    "pay": variants.PayChange,
    "cancel": variants.CancelChange,
    "move": variants.MoveChange,
    "no-op": variants.NoOpChange,
}
"""The types of changes by the `action` that is written for them."""
_ACTIONS = {variant: word for word, variant in _VARIANTS.items()}
_ALL_FIELDS = {each.name for variant in _ACTIONS for each in fields(variant)}
_PURCHASES = (variants.CreateChange, variants.ReplaceChange)
_OLD_COMPUTED: JsonValue = ["id", "private_address"]
"""`computed` of plans that lack it. They were saved when servers were the only kind."""
_WITH_DESIRED = (
    variants.CreateChange,
    variants.UpdateChange,
    variants.ReinstallChange,
    variants.ReplaceChange,
    variants.ImportChange,
    variants.ResumeChange,
)
"""Changes that need a desired resource."""


def plan_to_json(plan: Plan) -> JsonObject:
    return {**_write(plan, "changes"), "changes": list(map(_change_to_json, plan.changes))}


def plan_from_json(content: JsonValue) -> Plan:
    if not isinstance(content, Mapping):
        raise Damaged("holds no plan")
    changes = content.get("changes")
    if not isinstance(changes, list):
        raise Damaged("holds no changes")
    plan: Plan = _read(Plan, _with_new_names(content), "changes", lambda _: tuple(map(_change_from_json, changes)))
    return plan


def _with_new_names(plan: Mapping[str, JsonValue]) -> JsonObject:
    """Returns a plan with the names of today. Older versions called its dependencies `turns`, and what each is `what`."""
    turns = plan.get("turns")
    if not isinstance(turns, list):
        return plan
    dependencies: list[JsonValue] = [
        {("description" if key == "what" else key): value for key, value in turn.items()}
        if isinstance(turn, Mapping)
        else turn
        for turn in turns
    ]
    return {**{key: value for key, value in plan.items() if key != "turns"}, "dependencies": dependencies}


def _change_to_json(change: Change) -> JsonObject:
    document = {"action": _ACTIONS[type(change)], **_write(change, "desired")}
    if (desired := change.desired) is not None:
        document["desired"] = {**_write(desired, "fields"), "fields": _mapping_to_json(desired.fields)}
    return document


def _change_from_json(content: JsonValue) -> Change:
    if not isinstance(content, Mapping):
        raise Damaged("holds a change that is not an object")
    variant = _variant(content)
    foreign = _ALL_FIELDS - {each.name for each in fields(variant)}
    facts = {key: value for key, value in content.items() if key not in foreign and key != "action"}
    if facts.get("reason") == "held_back":
        facts["reason"] = "blocked"
    if variant in _PURCHASES:
        facts.setdefault("computed", _OLD_COMPUTED)
    change: Change = _read(variant, facts, "desired", _desired_from_json)
    if isinstance(change, _WITH_DESIRED) and change.desired is None:
        raise Damaged("holds a change that lacks what is wanted")
    return change


def _variant(change: Mapping[str, JsonValue]) -> type[Change]:
    """Returns the type of a written change.

    Older versions wrote a purchase in doubt as `resume` without a record. They also wrote every field of every variant, which
    `_change_from_json` ignores.
    """
    word = change.get("action")
    if word == "resume" and change.get("recorded") is None:
        return variants.ResolveChange
    if not isinstance(word, str) or word not in _VARIANTS:
        raise FromNewerVersion(f"is not understood by this version of the tool: it knows no action {word!r}")
    return _VARIANTS[word]


def _desired_from_json(content: JsonValue) -> Desired | None:
    if content is None:
        return None
    if not isinstance(content, Mapping) or not isinstance(content.get("fields"), Mapping):
        raise Damaged("holds a change whose fields are not an object")
    desired: Desired = _read(Desired, content, "fields", _value_from_json)
    return desired


def _read(cls: Any, facts: JsonObject, separate: str, read: Callable[[JsonValue], object]) -> Any:
    """Builds a dataclass from its written fields. The field `separate` is converted by `read`, as no annotation describes it."""
    others = from_json(_adapter(cls, separate)[1], {key: fact for key, fact in facts.items() if key != separate})
    if separate not in facts:
        if any(each.name == separate and each.default is MISSING for each in fields(cls)):
            raise Damaged(f"lacks {separate}")
        return cls(**_field_values(others))
    return cls(**_field_values(others), **{separate: read(facts[separate])})


def _write(instance: Any, separate: str) -> dict[str, JsonValue]:
    """Returns the fields of a dataclass as JSON, without the field `separate`, which the caller converts."""
    cls: Any = type(instance)
    partial_type, adapter = _adapter(cls, separate)
    facts = {name: fact for name, fact in _field_values(instance).items() if name != separate}
    return dict(to_json(adapter, partial_type(**facts)))


def _field_values(instance: Any) -> dict[str, Any]:
    return {each.name: getattr(instance, each.name) for each in fields(instance)}


def _mapping_to_json(mapping: Fields) -> JsonObject:
    return {f"${key}" if key.startswith("$") else key: _value_to_json(value) for key, value in mapping.items()}


def _value_to_json(value: FieldValue) -> JsonValue:
    match value:
        case SecretReference():
            return {_SECRET: str(value)}
        case Mapping():
            return _mapping_to_json(value)
        case list() | tuple():
            return [_value_to_json(item) for item in value]
        case _:
            return value


def _value_from_json(value: JsonValue) -> Any:
    match value:
        case {"$secret": str(text), **others} if not others:
            source, _, locator = text.partition(":")
            return SecretReference(SecretSource(source), locator)
        case Mapping():
            return {key.removeprefix("$"): _value_from_json(item) for key, item in value.items()}
        case list():
            return [_value_from_json(item) for item in value]
        case _:
            return value


def literal_secrets(path: FieldPath, value: FieldValue) -> Iterator[FieldPath]:
    """Yields the paths of the literal secrets in `value`."""
    match value:
        case SecretReference(source=SecretSource.LITERAL):
            yield path
        case Mapping():
            for key, item in value.items():
                yield from literal_secrets((*path, key), item)
        case list() | tuple():
            for index, item in enumerate(value):
                yield from literal_secrets((*path, str(index)), item)
        case _:
            return


@cache
def _adapter(cls: Any, separate: str) -> tuple[type[Any], TypeAdapter[tuple[Any]]]:
    """Returns a copy of a dataclass type without one field, and the adapter that converts it."""
    others = [
        (each.name, each.type, field(default=each.default, default_factory=each.default_factory))
        for each in fields(cls)
        if each.name != separate
    ]
    partial_type: Any = make_dataclass(cls.__name__, others, kw_only=True, namespace={"__module__": cls.__module__})
    return partial_type, TypeAdapter(tuple[partial_type], config=STRICT)
