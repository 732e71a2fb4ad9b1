"""A person at the console, who also reads what the tool says and does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from support.emulated_cloud import CANCEL, PAY, SERVERS, UNSUBSCRIBE, Server
from support.invariants import InvariantChecker, Violation

from provisioner.kinds import CATALOGUE
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.purchase_policy import Absence
from provisioner.model.state import Intent

Something = TypeVar("Something")
_BODY = {
    "flavor": "Si2.large.4",
    "image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7",
    "key_pair_name": "ops",
    "network": {
        "vpc_id": "05982b48-a70f-43a1-a2b0-1fe36a236172",
        "subnet_id": "38cf274a-98f9-4f6f-b622-5ed0e4a3db54",
        "security_group_id": "150a2c76-1334-45f6-b28f-419f9b1d1742",
    },
}


@dataclass
class Operator:
    """`which` picks one of what there is to choose from, whatever its number."""

    judge: InvariantChecker
    tell: Callable[[str], None]

    def __post_init__(self) -> None:
        self.home = self.judge.home

    def buys(self, name: str) -> None:
        self.tell(f"a person buys a server named {name}")
        assert self.home.person("POST", SERVERS, {"name": name, **_BODY}) == 200

    def deletes(self, which: int, *, during_a_run: bool = False) -> None:
        """Not what is bought and was never seen: its address would be stuck (test_protocol_violations.py)."""
        unseen = {str(one.address) for one in self.judge.recorded if not one.observed}
        unseen |= {str(one.address) for one in self.judge.doubts} if during_a_run else set()
        spared = {server.id for address, server in self.home.cloud.ours if address in unseen}
        if (one := _pick(which, [one for one in self._there if one.id not in spared])) is not None:
            self._release(one)

    def renames_and_stops(self, which: int) -> None:
        """Not while its purchase is in doubt: by its name it is found."""
        known = {one.id for one in self.judge.recorded}
        if (one := _pick(which, [one for one in self._there if one.id in known])) is not None:
            self.tell(f"a person renames and stops {one.name}")
            self.home.person("PUT", f"{SERVERS}/{one.id}", {"name": "renamed-by-a-person"})
            self.home.person("PUT", f"{SERVERS}/{one.id}/stop")

    def settles_an_order(self, which: int, *, pays: bool) -> None:
        if (order := _pick(which, self.home.cloud.pending_orders)) is None:
            return
        self.tell(f"a person {'pays' if pays else 'cancels'} order {order}")
        if pays and order not in {one.order_id for one in self.judge.recorded} and not self._is_sought(order):
            self.judge.given_up.add(order)
        self._settle(order, pays=pays)

    def _is_sought(self, order: str) -> bool:
        """Its purchase is in doubt: once it is paid, its server is found, and is the tool's."""
        names = {one.name for one in self.judge.doubts}
        return any(one.row.order_id == order and one.row.name in names for one in self.home.cloud.purchases)

    def resolves_everything(self) -> None:
        for intent in self.judge.doubts:
            self._resolve(intent)

    def heeds(self, told: Iterable[Diagnostic]) -> Iterator[Address]:
        """Does what each diagnostic says is to be done; the addresses to be named for replacement. Raises Violation where the
        tool asks which server is its own.
        """
        for order in {one.order_id for one in self.judge.recorded} & {*self.home.cloud.pending_orders}:
            assert order is not None
            self._settle(order, pays=True)
        wanted = self.judge.wanted
        for finding in told:
            address = str(finding.address)
            match finding.code:
                case "name-taken" | "untracked":
                    for stranger in self.home.cloud.strangers:
                        if stranger.is_there and stranger.name == wanted.get(address):
                            self._release(stranger)
                case "vanished" | "failed" | "prepaid-replace" if address in wanted:
                    yield Address.parse(address)
                case "in-doubt":
                    self._settle_doubts(finding)

    def _settle_doubts(self, finding: Diagnostic) -> None:
        if "choose" in finding.hint:
            raise Violation(f"a person was asked which server is {finding.address}")
        for intent in self.judge.doubts:
            asking = (
                "orders placed since",
                "as it was asked for but for the name",
            )  # a stranger's, or another of ours renamed
            is_asked = finding.address == intent.address and any(reason in finding.detail for reason in asking)
            if is_asked or CATALOGUE[intent.kind].absence(intent) is Absence.BY_A_PERSON:
                self._resolve(intent)

    @property
    def _there(self) -> list[Server]:
        return [one for one in self.home.cloud.servers if one.is_there]

    def _release(self, server: Server) -> None:
        self.tell(f"a person deletes {server.name}")
        if server.order_id is None:
            self.home.person("DELETE", f"{SERVERS}/{server.id}")
        else:
            self.home.person("POST", UNSUBSCRIBE, {"resource_ids": [server.id], "unsubscribe_type": 1})

    def _settle(self, order: str, *, pays: bool) -> None:
        if pays:
            self.home.person("POST", PAY, {"order_id": order, "use_coupon": "NO", "use_discount": "NO"})
        else:
            self.home.person("PUT", CANCEL, {"order_id": order})

    def _resolve(self, intent: Intent) -> None:
        """As somebody does who has looked, and waited for what may still come."""
        if self.home.cloud.next_landing is not None:
            return
        bought = ((address, one) for address, one in self.judge.ours if self.judge.bought_as(one) == intent.name)
        became = next((one for address, one in bought if address == str(intent.address)), None)
        found = became.id if became else self._unpaid_order(intent)
        self.tell(f"a person resolves {intent.address}: {f'adopt {found}' if found else 'absent'}")
        if found is None:
            self.judge.give_up(intent.name)
        self.home.resolve(str(intent.address), found)

    def _unpaid_order(self, intent: Intent) -> str | None:
        """The one that the purchase has placed, as the console shows it."""
        placed = (one.row for one in self.home.cloud.purchases if one.address == str(intent.address))
        pending = {*self.home.cloud.pending_orders}
        return next((row.order_id for row in placed if row.order_id in pending and row.name == intent.name), None)


def apart(work: Callable[[], Something]) -> Something:
    """In a thread of its own, because a loop is running in this one."""
    found: list[Something] = []
    failed: list[BaseException] = []

    def do() -> None:
        try:
            found.append(work())
        except BaseException as failure:  # noqa: BLE001 - raised again where it belongs
            failed.append(failure)

    thread = threading.Thread(target=do)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def _pick(which: int, among: list[Any]) -> Any:
    return among[which % len(among)] if among else None
