"""Checks whether the plan's flavors and images can be had, for every purchase and every other image, and refuses a
release or a wipe whose replacement is known to be unavailable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from provisioner.model.action import Action
from provisioner.model.capability import Advice
from provisioner.model.change import Change
from provisioner.model.diagnostic import Diagnostic, error, warning
from provisioner.model.kind import Catalogue
from provisioner.model.plan import Plan
from provisioner.model.release_facts import (
    Availability,
    Offer,
    Offering,
    Questions,
    ReleaseFacts,
    unavailable_code,
    unavailable_hint,
)
from provisioner.planning.address_list import list_addresses
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.releases import release_has_begun

_RELEASING = frozenset({Action.DELETE, Action.REPLACE})
_NAMED = 3
"""How many addresses a warning names at most."""


def collect_questions(plan: Plan, catalogue: Catalogue) -> Questions:
    """Returns the questions that a plan depends on: none for a plan that buys, wipes and releases nothing."""
    released = [(change, change.recorded) for change in plan.changes if change.action in _RELEASING and change.recorded]
    findings = (*plan.findings, *plan.refusals, *plan.lifted)
    ended = {finding.address for finding in findings if finding.code in {"expired", "term-ended"}}
    terms = [one.id for _, one in released if one.id]  # only billing may know a term
    terms += [
        change.recorded.id
        for change in plan.changes
        if change.action in {Action.UPDATE, Action.REINSTALL}
        and change.recorded is not None
        and change.recorded.id is not None
        and change.address in ended
        and catalogue[change.kind].billing.is_prepaid(change.recorded, None)
    ]
    offerings = dict.fromkeys(offering for _, offering in _at_risk(plan, catalogue))
    purchases = dict.fromkeys(offering for _, offering in _purchases(plan, catalogue) if offering not in offerings)
    return Questions(tuple(terms), tuple(offerings), tuple(purchases))


def unavailable(plan: Plan, inputs: PlanInput, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Refuses to release or wipe a server while its replacement or image cannot be had: that would lose both."""
    for change, offering in _at_risk(plan, catalogue):
        offer = inputs.release_facts.offers.get(offering)
        if offer is not None and offer.is_unavailable:
            loss = "would have its system disk wiped" if change.action is Action.REINSTALL else "would be released"
            instead = "" if change.action is Action.REINSTALL else ", so no replacement could be bought"
            yield error(
                unavailable_code(offer),
                f"{change.address} {loss}, and {offer.why}{instead}",
                hint=unavailable_hint(offer),
                source=change.desired.source if change.desired else None,
                address=change.address,
            )


def with_offer_warnings(plan: Plan, facts: ReleaseFacts, catalogue: Catalogue) -> Plan:
    """Returns the plan with warnings about the offers, where nothing is refused because of them."""
    return replace(plan, findings=(*plan.findings, *offer_warnings(plan, facts, catalogue)))


def offer_warnings(plan: Plan, facts: ReleaseFacts, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Warns about what the cloud would likely refuse to sell, and about offers that are unknown, once for each
    offering.
    """
    purchases, at_risk = [*_purchases(plan, catalogue)], [*_at_risk(plan, catalogue)]
    for offering, changes in _by_offering(purchases).items():
        offer = facts.offers.get(offering)
        if offer is not None and offer.is_unavailable:
            yield _warning(
                unavailable_code(offer),
                f"{offer.why}; the cloud is likely to refuse it",
                changes,
                _purchase_hint(offer),
            )
    for offering, changes in _by_offering([*at_risk, *purchases]).items():
        offer = facts.offers.get(offering)
        if offer is not None and offer.availability is Availability.PRIVATE:
            yield _warning("private-image", offer.why, changes, "nothing to do, if it is the image that you mean")
        if offer is not None and offer.availability is Availability.UNKNOWN:
            hint = "this does not stop the plan; check in the console before something is released or wiped for it"
            yield _warning("catalogue-unread", f"it may not be available: {offer.why}", changes, hint)
    yield from _machine_warnings([*at_risk, *purchases], facts, catalogue)


def _machine_warnings(
    pairs: Iterable[tuple[Change, Offering]], facts: ReleaseFacts, catalogue: Catalogue
) -> Iterator[Diagnostic]:
    """Warns about what the machines that the catalogue has for the flavors to be bought may refuse."""
    by_advice: defaultdict[Advice, list[Change]] = defaultdict(list)
    for change, offering in pairs:
        offer = facts.offers.get(offering)
        if offer is not None and change.desired is not None and change.action is not Action.REINSTALL:
            for advice in catalogue[change.kind].stock.advise(change.desired.fields, offer.server_type):
                by_advice[advice].append(change)
    for advice, changes in by_advice.items():
        yield _warning(advice.code, advice.message, changes, advice.hint)


def _purchase_hint(offer: Offer) -> str:
    """Returns the hint for a purchase with nothing to lose, for which nobody has to allow anything."""
    return unavailable_hint(offer) if offer.availability is Availability.SOLD_OUT else "correct the specs"


def _at_risk(plan: Plan, catalogue: Catalogue) -> Iterator[tuple[Change, Offering]]:
    """Yields the changes that release or wipe a server before its replacement or image is there. A server that stays
    until the other is there has nothing to lose, and a release that has begun is not undone.
    """
    for change in plan.changes:
        kind = catalogue[change.kind]
        offering = kind.image_to_install(change)
        if change.action is Action.REPLACE and change.desired is not None and not _has_nothing_to_lose(change):
            offering = kind.stock.offering(change.desired.fields, plan.basis.policy)
        if offering is not None:
            yield change, offering


def _purchases(plan: Plan, catalogue: Catalogue) -> Iterator[tuple[Change, Offering]]:
    for change in plan.changes:
        is_replaced = change.action is Action.REPLACE and _has_nothing_to_lose(change)
        if change.desired is not None and (change.action is Action.CREATE or is_replaced):
            offering = catalogue[change.kind].stock.offering(change.desired.fields, plan.basis.policy)
            yield from ((change, offering),) if offering is not None else ()


def _has_nothing_to_lose(change: Change) -> bool:
    return change.create_first or release_has_begun(change)


def _by_offering(pairs: Iterable[tuple[Change, Offering]]) -> Mapping[Offering, list[Change]]:
    found: defaultdict[Offering, list[Change]] = defaultdict(list)
    for change, offering in pairs:
        found[offering].append(change)
    return found


def _warning(code: str, summary: str, changes: list[Change], hint: str) -> Diagnostic:
    named = list_addresses([change.address for change in changes], most=_NAMED)
    first = changes[0]
    return warning(
        code,
        f"{named}: {summary}",
        hint=hint,
        source=first.desired.source if first.desired else None,
        address=first.address if len(changes) == 1 else None,
    )
