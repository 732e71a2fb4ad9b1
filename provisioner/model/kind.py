"""A kind of resource as a declarative value. The other packages get it as a parameter and never depend on which kind it
is.

A kind defines its fields and what changing them requires, what requests contain, and the flows that talk to the cloud.
The catalogue maps names to kinds. The entry point (cli/main.py) passes it down; nothing else knows which kinds exist.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provisioner.model.action import Action
from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.capability import (
    NO_ADOPTION,
    NO_BATCH,
    NO_BILLING,
    NO_ORDERS,
    NO_REINSTALL,
    NO_STOCK,
    Adoption,
    Advice,
    Batch,
    Billing,
    Orders,
    Reinstall,
    StockCheck,
    always_empty,
    always_false,
    always_none,
    no_detail,
    no_list_gap,
)
from provisioner.model.change import Change
from provisioner.model.content import content_texts
from provisioner.model.diagnostic import StoreError, error
from provisioner.model.facts import Facts
from provisioner.model.field_rule import FieldRule, OnChange
from provisioner.model.flow import Flow, ReadFlow
from provisioner.model.leftover import Leftover
from provisioner.model.list_gap import ListGap
from provisioner.model.purchase_policy import DEFAULT_POLICY, Absence, PurchasePolicy
from provisioner.model.redaction import Fingerprint, leaves, redact, value_at, with_value
from provisioner.model.release_facts import Offering
from provisioner.model.resource import Desired, FieldPath, Fields, Live, Recorded
from provisioner.model.state import Intent

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Statuses:
    """The statuses of a kind's rows. `known` are all that the API describes; the meaning of any other is not known.
    `adverse` statuses mean that something is wrong with a resource that was ready. Those in `releasing` mean that it is
    being released, and `gone` that it no longer exists.
    """

    known: frozenset[str]
    adverse: frozenset[str]
    releasing: frozenset[str]
    gone: str
    shows: FieldPath = ()
    """The path of the spec field that a status shows as well; empty if there is none."""

    @property
    def unhealthy(self) -> frozenset[str]:
        return self.adverse | self.releasing


@dataclass(frozen=True, slots=True)
class Matching:
    """How a kind recognises the outcome of a purchase that was not answered. Every kind has this, because every
    purchase must be carried out exactly once.

    `exact` returns the live rows that an open purchase intent may have bought, and `similar` those that fit under any
    name: none of the latter is taken for it, but while one exists it is not presumed absent. Both get rows of their own
    kind only. `absence` returns when a missing row proves anything. `mismatch` returns whether the first row of the id
    that answered a purchase shows something else than was requested.
    """

    exact: Callable[[Intent, Iterable[Live]], tuple[Live, ...]]
    similar: Callable[[Intent, Iterable[Live]], tuple[Live, ...]]
    absence: Callable[[Intent], Absence]
    mismatch: Callable[[Intent, Live], bool] = always_false


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource: what every kind has, and the capabilities that only some have.

    - `noun`: what messages call one; `section`: its key in spec files; `schema`: validates the fields of one resource.
    - `rules`: looked up by the longest matching path; `computed`: the fields that only the cloud decides and no spec
      can set.
    - `advise`: findings about a whole validated body; `check_secret`: what is wrong with a secret's value, as a
      sentence, or None; `advise_by_row`: which of these fields the cloud may refuse for a resource of which this is
      observed.
    - `list`: reads every live resource, or raises CallFailed if the list is incomplete; `read_list_gap`: reads whether
      a list of these ids may hold only the reader's own resources; `show`: reads one, None if it does not exist;
      `read_detail`: reads what no list shows of one, to be added to what is observed of its row.
    - `list_permission`: the permission to grant to a user for whom `list` is refused, or falls short.
    - `update`: gets the paths that changed, or none to finish a change that is half done; `leftovers`: what a release
      leaves.
    - `shown`: converts what the state observes of one into what its rows have shown, as far as that is kept, in the
      shape of the specs; `facts`: reads facts that no spec contains from the same.
    """

    name: str
    noun: str
    section: str
    schema: type[BaseModel]
    rules: tuple[FieldRule, ...]
    longest_name: int
    list: Callable[[], ReadFlow[tuple[Live, ...]]]
    show: Callable[[str], ReadFlow[Live | None]]
    create: Callable[[Desired, Recorded | None, PurchasePolicy], Flow]
    update: Callable[[Desired, Recorded, frozenset[FieldPath], PurchasePolicy], Flow]
    delete: Callable[[Recorded, Live | None], Flow]
    matching: Matching
    statuses: Statuses
    shown: Callable[[JsonObject], JsonObject]
    facts: Facts
    list_permission: str = ""
    computed: tuple[str, ...] = ("id",)
    advise: Callable[[Fields], Iterable[Advice]] = always_empty
    advise_by_row: Callable[[Fields, JsonObject], Iterable[Advice]] = always_empty
    check_secret: Callable[[str], str | None] = always_none
    read_list_gap: Callable[[Collection[str]], ReadFlow[ListGap | None]] = no_list_gap
    read_detail: Callable[[str], ReadFlow[JsonObject]] = no_detail
    leftovers: Callable[[Recorded, Live | None], tuple[Leftover, ...]] = always_empty
    orders: Orders = NO_ORDERS
    billing: Billing = NO_BILLING
    reinstall: Reinstall = NO_REINSTALL
    batch: Batch = NO_BATCH
    stock: StockCheck = NO_STOCK
    adoption: Adoption = NO_ADOPTION
    _rule_of: Mapping[FieldPath, FieldRule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rule_of", {rule.path: rule for rule in self.rules})

    def match(self, intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
        """Returns the rows of this kind that an open purchase intent may have bought."""
        return self.matching.exact(intent, [row for row in live if row.kind == self.name])

    def match_similar(self, intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
        """Returns the rows of this kind that fit an open purchase intent under any name."""
        return self.matching.similar(intent, [row for row in live if row.kind == self.name])

    def is_mismatch(self, intent: Intent, row: Live) -> bool:
        """Returns whether the first row of the id that answered a purchase shows something else than was requested."""
        return self.matching.mismatch(intent, row)

    def absence(self, intent: Intent) -> Absence:
        """Returns when a complete list without the server proves that the purchase was never carried out."""
        return self.matching.absence(intent)

    @property
    def has_terms(self) -> bool:
        """Whether there are several ways to pay for one, so that it matters how it was sold, and billing is asked."""
        return bool(self.billing.field)

    def rule(self, path: FieldPath) -> FieldRule:
        """Returns the rule with the longest path that `path` begins with. Default: hidden, a change replaces."""
        for length in range(len(path), 0, -1):
            if (rule := self._rule_of.get(path[:length])) is not None:
                return rule
        return FieldRule(path)

    def baseline(self, declared: JsonObject, shown: JsonObject) -> JsonObject:
        """Returns what a first row shows that differs from what was declared, in fields that can't change in place. How
        the resource is paid for is excluded, because that is always compared.
        """
        found: JsonObject = {}
        for rule in self.rules:
            was = value_at(declared, rule.path)
            now = rule.observed_value(shown, was, declared)
            costly = rule.on_change in {OnChange.REINSTALL, OnChange.REPLACE} and rule.path[0] != self.billing.field
            if costly and was is not None and now is not None and was != now:
                found = with_value(found, rule.path, now)
        return found

    def default(self, rule: FieldRule, policy: PurchasePolicy) -> JsonValue:
        """Returns the value that omitting the field means; how a server is charged may be left to the cloud."""
        return (
            value_at(self.billing.future_charging({}, policy), rule.path)
            if rule.path[0] == self.billing.field
            else rule.default
        )

    def redact(self, fields: Fields, fingerprint: Fingerprint) -> JsonObject:
        """Returns `fields` as they may be recorded: secrets as fingerprints, content as digests, however nested."""
        return redact(fields, fingerprint, self._is_content)

    def content_texts(self, fields: Fields, hide: Callable[[str], str]) -> Mapping[str, str]:
        """Returns what people may read of the content in `fields`, by the digests that stand for it in a redacted body.
        `hide` removes the secrets that are known.
        """
        return {key: hide(text) for key, text in content_texts(fields, self._is_content).items()}

    def _is_content(self, path: FieldPath) -> bool:
        return self.rule(path).content or self.rule(path[-1:]).content

    def flavor(self, fields: Mapping[str, Any], policy: PurchasePolicy) -> str | None:
        """Returns the flavor of a purchase, or None. A flavor has one price, and its purchases are charged alike."""
        offering = self.stock.offering(fields, policy)
        return None if offering is None else offering.flavor

    def image_to_install(self, change: Change) -> Offering | None:
        """Returns the image that a reinstallation would install; None if it keeps the present one."""
        if change.action is not Action.REINSTALL or change.after is None or change.desired is None:
            return None
        before = change.after
        for item in change.fields:
            before = with_value(before, item.path, item.before)
        was, wanted = (self.stock.offering(fields, DEFAULT_POLICY) for fields in (before, change.desired.fields))
        return None if was is None or wanted is None or was.image == wanted.image else wanted.image_only

    def sensitive(self) -> tuple[FieldPath, ...]:
        """Returns the paths of the fields that hold secrets."""
        return tuple(rule.path for rule in self.rules if rule.secret)

    def unverifiable(self, declared: JsonObject) -> tuple[FieldPath, ...]:
        """Returns the declared fields that the API hides, in which drift can't be seen."""
        return tuple(path for path, _ in leaves(declared) if not self.rule(path).shown)

    def lasting_fields(self, declared: JsonObject) -> JsonObject:
        """Returns the part of a body that means something for an existing resource: without what only affects the
        purchase, what has no meaning beside the value of another field, and what omitting it would mean as well.
        """
        lasting = declared
        for rule in self.rules:
            if (value := value_at(declared, rule.path)) is not None and self._is_meaningless(rule, value, declared):
                lasting = with_value(lasting, rule.path, None)
        return lasting

    def _is_meaningless(self, rule: FieldRule, value: JsonValue, body: JsonObject) -> bool:
        condition = rule.only_where
        is_unused = condition is not None and value_at(body, condition[0]) != condition[1]
        return is_unused or rule.on_change is OnChange.NOTHING or rule.is_default(value)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All kinds, by name and by section."""

    kinds: tuple[Kind, ...]

    def __getitem__(self, name: str) -> Kind:
        """Returns the kind of that name. Raises StoreError if this version has none: a record or saved plan of another
        version names it.
        """
        for kind in self.kinds:
            if kind.name == name:
                return kind
        summary = f"there is a resource of the kind {name!r}, which this version does not know"
        raise StoreError(error("kind-unknown", summary, hint="use the version that recorded it; nothing was changed"))

    @property
    def first(self) -> Kind:
        """The kind that settings without a kind apply to: `defaults:` without a section, and `guards.max_servers`."""
        return self.kinds[0]

    def noun(self, name: str) -> str:
        """Returns what messages call one of this kind; "resource" for an empty name."""
        return self[name].noun if name else "resource"

    def common_noun(self, names: Iterable[str]) -> str:
        """Returns the noun for one of these kinds: "resource" for several kinds, and the first kind's noun for none."""
        nouns = {self[name].noun for name in names} or {self.first.noun}
        return nouns.pop() if len(nouns) == 1 else "resource"

    def counted(self, number: int, names: Iterable[str]) -> str:
        """Returns a number with the noun of these kinds: "3 servers"."""
        noun = self.common_noun(names)
        return f"{number} {noun}{'' if number == 1 else 's'}"

    def section(self, section: str) -> Kind | None:
        return next((kind for kind in self.kinds if kind.section == section), None)

    @property
    def sections(self) -> tuple[str, ...]:
        return tuple(kind.section for kind in self.kinds)
