"""What a kind of resource is: a declarative value that the other rooms are handed and never look inside by name.

A kind says what its fields are and what changing them means, what goes on the wire, and how one talks to the cloud
about it. The catalogue maps names to kinds; which kinds exist is known only to the kinds room.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from provisioner.model.canonical import JsonObject, JsonValue
from provisioner.model.change import Action, Change
from provisioner.model.draft import Draft
from provisioner.model.field_rule import FieldRule, OnChange
from provisioner.model.flow import Flow, ReadFlow, Remark
from provisioner.model.foresight import Ware
from provisioner.model.gap import Gap
from provisioner.model.leftover import Leftover
from provisioner.model.purchasing import DEFAULT_POLICY, Absence, PurchasePolicy, Trace
from provisioner.model.redaction import Fingerprint, at, leaves, redact, replaced
from provisioner.model.resource import Desired, FieldPath, Fields, Live, Recorded
from provisioner.model.state import Intent
from provisioner.model.term import Term

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Advice:
    """A remark of a kind on one field: `code` is stable; an error unless `warning`."""

    path: FieldPath
    code: str
    message: str
    hint: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Together:
    """How several that are alike but for their names are bought by one call, at most `most` of them.

    `buy` is told them in order, and ends when their order is known; what follows is each one's `create`, from a record with
    that order. `advise` says where that may not be wanted.
    """

    most: int
    buy: Callable[[tuple[Desired, ...], PurchasePolicy], Flow]
    advise: Callable[[Fields, PurchasePolicy], Iterable[Advice]]


@dataclass(frozen=True, slots=True)
class Terraform:
    """How the vendor's Terraform provider calls the kind, and what specs would say of one by its attributes there: only what
    its live row does not show. `actions` are resources that only note what was done to one, and own nothing.
    """

    resource: str
    hidden: Callable[[JsonObject, Live], JsonObject]
    actions: frozenset[str] = frozenset()


class OfARelease(Protocol):
    """A fact about releasing a server; `subscribed`: billing says that it is paid for in advance."""

    def __call__(self, recorded: Recorded, live: Live | None, *, subscribed: bool = False) -> bool: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource.

    `section` is its key in spec files; `schema` validates one resource's fields; `rules` are looked up by the longest
    matching path. `advise` judges a whole validated body, `check_secret` a secret's value (a sentence, or None).
    `listing` reads every live one completely or raises CallFailed; `show` reads one, None when it is not there.
    `update` is told the paths that changed, or none when it is to finish what is half way; `wiped` says whether a server shows
    that a reinstallation of unknown outcome was carried out. `pay` and `cancel` settle the order of what has one, at a person's
    word. `match` names the live rows that an open purchase intent may have bought,
    `traces` the orders placed since, any of which may be it (None: nobody says); `absence` says when its not being listed means anything.
    `resources_of` asks for the ids that an order has bought, where no row names it (None: nobody says);
    `all_resources_of` the same before that order is ended, and raises CallFailed where not all of it is said.
    """

    name: str
    section: str
    title: str
    schema: type[BaseModel]
    rules: tuple[FieldRule, ...]
    advise: Callable[[Fields], Iterable[Advice]]
    check_secret: Callable[[str], str | None]
    listing: Callable[[], ReadFlow[tuple[Live, ...]]]
    show: Callable[[str], ReadFlow[Live | None]]
    create: Callable[[Desired, Recorded | None, PurchasePolicy], Flow]
    update: Callable[[Desired, Recorded, frozenset[FieldPath], PurchasePolicy], Flow]
    wiped: Callable[[Intent, Live], bool]
    delete: Callable[[Recorded, Live | None], Flow]
    pay: Callable[[Recorded], Flow]
    cancel: Callable[[Recorded], Flow]
    match: Callable[[Intent, Iterable[Live]], tuple[Live, ...]]
    resembles: Callable[[Intent, Iterable[Live]], tuple[Live, ...]]
    """Likewise under any name: none of them is believed to be it, and while one is there it is not believed to be absent."""
    limited: Callable[[Collection[str]], ReadFlow[Gap | None]]
    """Whether a list of these ids may hold the reader's own only."""
    traces: Callable[[Intent], ReadFlow[tuple[Trace, ...] | None]]
    absence: Callable[[Intent], Absence]
    resources_of: Callable[[str], ReadFlow[tuple[str, ...] | None]]
    all_resources_of: Callable[[str], ReadFlow[tuple[str, ...]]]
    order_of: Callable[[str, int | None], ReadFlow[str | None]]
    """Asks for the order that has bought this one, by its id and when it was made, where no row names it (None: nobody says)."""
    longest_name: int
    statuses: frozenset[str]
    """All that the API describes. What any other means nobody knows."""
    adverse: frozenset[str]
    """Statuses that mean something is wrong with a resource that was ready."""
    uninstalled: frozenset[str]
    """Those of them that a failed reinstallation leaves: another one is the way out."""
    releasing: frozenset[str]
    """Statuses of a resource on its way out."""
    prepaid: Callable[[Recorded, Live | None], bool]
    """Whether anything, its row included where that is known, says that its term is paid for: money that a release would lose."""
    shows_prepaid: Callable[[Live], bool]
    """Whether its row alone says so."""
    with_term: Callable[[Live, tuple[str, int] | None, Term | None], Live]
    """The row with what billing tells of it: for how long it was bought, and whether it renews."""
    sold_otherwise: Callable[[Recorded, Live | None, Fields | None, PurchasePolicy], str | None]
    """How the cloud has sold it to us, where that is not as the specs (None: they do not name it) or the record want it."""
    draft: Callable[[Live, Mapping[str, JsonValue]], Draft]
    """What specs would say of a live one, under the stack's defaults."""
    hidden: str
    """In words, what the API never shows of one."""
    terraform: Terraform
    shown: Callable[[JsonObject], JsonObject]
    """From what is observed of one to what the rows have shown of it, as far as that is kept, in the shape of its specs."""
    facts: Callable[[JsonObject], JsonObject]
    """From what is observed of one to what no spec says and other tools ask for: `status`, addresses."""
    look_closer: Callable[[str], ReadFlow[JsonObject]]
    """Asks for what no list shows of one; what it answers is observed beside the row."""
    gone: str
    """The status of one that is not there any more."""
    together: Together
    ends_its_order: OfARelease
    """Whether releasing it releases all that was bought by its order."""
    gives_up_a_term: OfARelease
    """Whether releasing it loses what was paid in advance."""
    is_subscribed: Callable[[Live], ReadFlow[bool]]
    """Asks billing whether it is paid for in advance. Raises CallFailed where that decides how it is released and is not told."""
    ware: Callable[[Mapping[str, Any], PurchasePolicy], Ware]
    """What buying it asks the market for."""
    advise_of_row: Callable[[Fields, JsonObject], Iterable[Advice]]
    """What may be refused, of these fields, for a server of which this is observed."""
    advise_of_machine: Callable[[Fields, str | None], Iterable[Advice]]
    """The same before it is bought, by the type of machine that the catalogue has for its flavor."""
    advise_of_purchase: Callable[[Fields], Iterable[Advice]]
    """What a plan says that would buy it with these fields."""
    charging: Callable[[Fields, PurchasePolicy], JsonObject]
    """How a purchase will be paid for: the part of a body that says so, with nothing but None in it where the cloud decides."""
    charged: Callable[[Recorded], JsonObject]
    """The same of one that is there, by whatever says so."""
    leftovers: Callable[[Recorded, Live | None], tuple[Leftover, ...]]
    """What its release does not release."""
    reinstall_remarks: Callable[[Iterable[FieldPath], JsonObject], Iterable[Remark]]
    """What a plan says of a reinstallation for these fields, of a server that is to have all of that, beside that the disk is wiped."""
    renewal: FieldPath
    """The field that says whether a paid term is bought again by itself. Only billing shows it."""
    _rule_of: Mapping[FieldPath, FieldRule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rule_of", {rule.path: rule for rule in self.rules})

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
            was = at(declared, rule.path)
            now = rule.seen(shown, was, declared)
            costly = rule.on_change in {OnChange.REINSTALL, OnChange.REPLACE} and rule.path[0] != "charging_info"
            if costly and was is not None and now is not None and was != now:
                found = replaced(found, rule.path, now)
        return found

    def default(self, rule: FieldRule, policy: PurchasePolicy) -> JsonValue:
        """What leaving the field out says; how a server is charged may be the cloud's to choose."""
        return at(self.charging({}, policy), rule.path) if rule.path[0] == "charging_info" else rule.default

    def redact(self, fields: Fields, fingerprint: Fingerprint) -> JsonObject:
        """`fields` as they may be written down: secrets as fingerprints, content as digests, whatever a request puts it into."""
        return redact(fields, fingerprint, lambda path: self.rule(path).content or self.rule(path[-1:]).content)

    def image_to_install(self, change: Change) -> Ware | None:
        """The image that a reinstallation would put on the disk; None where the one that is there is kept."""
        if change.action is not Action.REINSTALL or change.after is None or change.desired is None:
            return None
        before = change.after
        for item in change.fields:
            before = replaced(before, item.path, item.before)
        wanted = self.ware(change.desired.fields, DEFAULT_POLICY)
        return None if self.ware(before, DEFAULT_POLICY).image == wanted.image else wanted.image_alone

    def sensitive(self) -> tuple[FieldPath, ...]:
        return tuple(rule.path for rule in self.rules if rule.secret)

    def unverifiable(self, declared: JsonObject) -> tuple[FieldPath, ...]:
        """The declared fields that the API hides: drift in them cannot be seen."""
        return tuple(path for path, _ in leaves(declared) if not self.rule(path).shown)

    def lasting(self, declared: JsonObject) -> JsonObject:
        """What a body says of one that is there: without what says only how it is bought, what says nothing beside another value,
        and what leaving it out would say as well.
        """
        lasting = declared
        for rule in self.rules:
            if (value := at(declared, rule.path)) is not None and self._says_nothing(rule, value, declared):
                lasting = replaced(lasting, rule.path, None)
        return lasting

    def _says_nothing(self, rule: FieldRule, value: JsonValue, body: JsonObject) -> bool:
        beside = rule.only_where
        idle = beside is not None and at(body, beside[0]) != beside[1]
        return idle or rule.on_change is OnChange.NOTHING or rule.is_default(value)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The kinds there are, by name and by section."""

    kinds: tuple[Kind, ...]

    def __getitem__(self, name: str) -> Kind:
        """Raises KeyError for a name that is in no catalogue of this version."""
        for kind in self.kinds:
            if kind.name == name:
                return kind
        raise KeyError(name)

    def section(self, section: str) -> Kind | None:
        return next((kind for kind in self.kinds if kind.section == section), None)

    @property
    def sections(self) -> tuple[str, ...]:
        return tuple(kind.section for kind in self.kinds)
