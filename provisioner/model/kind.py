"""What a kind of resource is: a declarative value that the other rooms are handed and never look inside by name.

A kind says what its fields are and what changing them means, what goes on the wire, and how one talks to the cloud
about it. The catalogue maps names to kinds. The entry point (cli/main.py) hands it down; nothing else knows which kinds there are.
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
    never,
    not_limited,
    nothing,
    nothing_more,
    unknown,
)
from provisioner.model.change import Change
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
    """The statuses of a kind's rows. `known` are all that the API describes: what any other means nobody knows. `adverse` mean that
    something is wrong with a resource that was ready. Those in `releasing` are on their way out, and `gone` is that of one that is not
    there any more.
    """

    known: frozenset[str]
    adverse: frozenset[str]
    releasing: frozenset[str]
    gone: str
    shows: FieldPath = ()
    """The field of the specs that a status shows as well."""

    @property
    def unhealthy(self) -> frozenset[str]:
        return self.adverse | self.releasing


@dataclass(frozen=True, slots=True)
class Matching:
    """How a kind knows what a purchase of unknown outcome has become. Every kind has this, because each is created exactly once.

    `exact` are the live rows that an open purchase intent may have bought. `similar` are those under any name: none of them is
    believed to be it, and while one is there it is not believed to be absent. `absence` says when its not being listed means anything.
    Both are given rows of their own kind only. `another` says of the first row of the id that a purchase was answered with whether it shows
    something else than was asked for.
    """

    exact: Callable[[Intent, Iterable[Live]], tuple[Live, ...]]
    similar: Callable[[Intent, Iterable[Live]], tuple[Live, ...]]
    absence: Callable[[Intent], Absence]
    mismatch: Callable[[Intent, Live], bool] = never


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource: what every kind has, and the capabilities that only some have.

    `noun` is what messages call one, `section` its key in spec files; `schema` validates one resource's fields; `rules` are looked up by the
    longest matching path; `computed` are the fields that no spec can say and only the cloud decides. `advise` judges a whole validated body,
    `check_secret` a secret's value (a sentence, or None), `advise_of_row` what may be refused, of these fields, for a resource of which
    this is observed.

    `list` reads every live one completely or raises CallFailed; `limited` asks whether a list of these ids may hold the reader's own only;
    `show` reads one, None when it is not there; `read_detail` asks for what no list shows of one, which is observed beside the row.
    `update` is told the paths that changed, or none when it is to finish what is half way. `leftovers` is what a release does not release.

    `shown` goes from what is observed of one to what the rows have shown of it, as far as that is kept, in the shape of its specs; `facts`
    from the same to what no spec says and other tools ask for.
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
    computed: tuple[str, ...] = ("id",)
    advise: Callable[[Fields], Iterable[Advice]] = nothing
    advise_of_row: Callable[[Fields, JsonObject], Iterable[Advice]] = nothing
    check_secret: Callable[[str], str | None] = unknown
    read_limit: Callable[[Collection[str]], ReadFlow[ListGap | None]] = not_limited
    read_detail: Callable[[str], ReadFlow[JsonObject]] = nothing_more
    leftovers: Callable[[Recorded, Live | None], tuple[Leftover, ...]] = nothing
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
        """The rows of this kind that an open purchase intent may have bought."""
        return self.matching.exact(intent, [row for row in live if row.kind == self.name])

    def match_similar(self, intent: Intent, live: Iterable[Live]) -> tuple[Live, ...]:
        """Likewise under any name."""
        return self.matching.similar(intent, [row for row in live if row.kind == self.name])

    def is_mismatch(self, intent: Intent, row: Live) -> bool:
        """Whether the first row of what a purchase was answered with shows something else than was asked for."""
        return self.matching.mismatch(intent, row)

    def absence(self, intent: Intent) -> Absence:
        return self.matching.absence(intent)

    @property
    def has_terms(self) -> bool:
        """Whether one can be paid for in more than one way, so that it matters how it was sold, and billing is asked of it."""
        return bool(self.billing.field)

    def rule(self, path: FieldPath) -> FieldRule:
        """The rule with the longest path that `path` begins with; replace and hidden where none is given."""
        for length in range(len(path), 0, -1):
            if (rule := self._rule_of.get(path[:length])) is not None:
                return rule
        return FieldRule(path)

    def baseline(self, declared: JsonObject, shown: JsonObject) -> JsonObject:
        """What a first row shows otherwise than it was declared, in fields that no change in place mends. How it is paid for is
        none of it: that is judged by whatever says so, always.
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
        """What leaving the field out says; how a server is charged may be the cloud's to choose."""
        return (
            value_at(self.billing.charging({}, policy), rule.path)
            if rule.path[0] == self.billing.field
            else rule.default
        )

    def redact(self, fields: Fields, fingerprint: Fingerprint) -> JsonObject:
        """`fields` as they may be written down: secrets as fingerprints, content as digests, whatever a request puts it into."""
        return redact(fields, fingerprint, lambda path: self.rule(path).content or self.rule(path[-1:]).content)

    def flavor(self, fields: Mapping[str, Any], policy: PurchasePolicy) -> str | None:
        """What the cloud sells at one price, and how it sells one of it is how it sells the next."""
        ware = self.stock.offering(fields, policy)
        return None if ware is None else ware.flavor

    def image_to_install(self, change: Change) -> Offering | None:
        """The image that a reinstallation would put on the disk; None where the one that is there is kept."""
        if change.action is not Action.REINSTALL or change.after is None or change.desired is None:
            return None
        before = change.after
        for item in change.fields:
            before = with_value(before, item.path, item.before)
        was, wanted = (self.stock.offering(fields, DEFAULT_POLICY) for fields in (before, change.desired.fields))
        return None if was is None or wanted is None or was.image == wanted.image else wanted.image_only

    def sensitive(self) -> tuple[FieldPath, ...]:
        return tuple(rule.path for rule in self.rules if rule.secret)

    def unverifiable(self, declared: JsonObject) -> tuple[FieldPath, ...]:
        """The declared fields that the API hides: drift in them cannot be seen."""
        return tuple(path for path, _ in leaves(declared) if not self.rule(path).shown)

    def lasting_fields(self, declared: JsonObject) -> JsonObject:
        """What a body says of one that is there: without what says only how it is bought, what says nothing beside another value,
        and what leaving it out would say as well.
        """
        lasting = declared
        for rule in self.rules:
            if (value := value_at(declared, rule.path)) is not None and self._says_nothing(rule, value, declared):
                lasting = with_value(lasting, rule.path, None)
        return lasting

    def _says_nothing(self, rule: FieldRule, value: JsonValue, body: JsonObject) -> bool:
        beside = rule.only_where
        idle = beside is not None and value_at(body, beside[0]) != beside[1]
        return idle or rule.on_change is OnChange.NOTHING or rule.is_default(value)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The kinds there are, by name and by section."""

    kinds: tuple[Kind, ...]

    def __getitem__(self, name: str) -> Kind:
        """Raises StoreError for a name that is in no catalogue of this version: a record or a saved plan of another one has it."""
        for kind in self.kinds:
            if kind.name == name:
                return kind
        summary = f"there is something of the kind {name!r}, which this version does not know"
        raise StoreError(
            error("kind-unknown", summary, hint="use the version that has recorded it; nothing was changed")
        )

    @property
    def first(self) -> Kind:
        """The kind of which settings speak that name none: `defaults:` without a section, and `guards.max_servers`."""
        return self.kinds[0]

    def noun(self, name: str) -> str:
        """What messages call one of this kind; "resource" where the name is empty."""
        return self[name].noun if name else "resource"

    def common_noun(self, names: Iterable[str]) -> str:
        """What one of these kinds is called; "resource" where they are several, and the first kind's noun where there are none."""
        nouns = {self[name].noun for name in names} or {self.first.noun}
        return nouns.pop() if len(nouns) == 1 else "resource"

    def counted(self, number: int, names: Iterable[str]) -> str:
        """So many of these kinds, in words: "3 servers"."""
        noun = self.common_noun(names)
        return f"{number} {noun}{'' if number == 1 else 's'}"

    def section(self, section: str) -> Kind | None:
        return next((kind for kind in self.kinds if kind.section == section), None)

    @property
    def sections(self) -> tuple[str, ...]:
        return tuple(kind.section for kind in self.kinds)
