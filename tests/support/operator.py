"""The operator: works in the cloud's console, and follows the hints that the tool shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from support.emulated_cloud import CANCEL, PAY, SERVERS, UNSUBSCRIBE, Server
from support.invariants import InvariantChecker, Violation
from support.stack_text import DEFAULTS

from provisioner.kinds import CATALOGUE
from provisioner.model.address import Address
from provisioner.model.diagnostic import Diagnostic
from provisioner.model.purchase_policy import Absence
from provisioner.model.state import Intent

T = TypeVar("T")
_BODY = yaml.safe_load(DEFAULTS)["defaults"]


@dataclass
class Operator:
    """`which` is a number that picks one of the candidates, modulo their count. `log` gets a sentence for each action."""

    checker: InvariantChecker
    log: Callable[[str], None]

    def __post_init__(self) -> None:
        self.workspace = self.checker.workspace

    def buy_server(self, name: str) -> None:
        self.log(f"a person buys a server named {name}")
        assert self.workspace.console_request("POST", SERVERS, {"name": name, **_BODY}) == 200

    def delete_server(self, which: int, *, during_a_run: bool = False) -> None:
        """Deletes a server, but none that the tool has bought and never seen: its address would be stuck (test_protocol_violations.py)."""
        unseen = {str(one.address) for one in self.checker.recorded if not one.observed}
        unseen |= {str(one.address) for one in self.checker.doubts} if during_a_run else set()
        spared = {server.id for address, server in self.workspace.cloud.ours if address in unseen}
        if (one := _pick(which, [one for one in self._live_servers if one.id not in spared])) is not None:
            self._release(one)

    def rename_and_stop_server(self, which: int) -> None:
        """Renames and stops a recorded server. A server in doubt is left alone, because it is found by its name."""
        known = {one.id for one in self.checker.recorded}
        if (one := _pick(which, [one for one in self._live_servers if one.id in known])) is not None:
            self.log(f"a person renames and stops {one.name}")
            self.workspace.console_request("PUT", f"{SERVERS}/{one.id}", {"name": "renamed-by-a-person"})
            self.workspace.console_request("PUT", f"{SERVERS}/{one.id}/stop")

    def settle_order(self, which: int, *, pays: bool) -> None:
        if (order := _pick(which, self.workspace.cloud.pending_orders)) is None:
            return
        self.log(f"a person {'pays' if pays else 'cancels'} order {order}")
        if pays and order not in {one.order_id for one in self.checker.recorded} and not self._is_in_doubt(order):
            self.checker.disowned.add(order)
        self._settle(order, pays=pays)

    def _is_in_doubt(self, order: str) -> bool:
        """Whether the order's purchase is in doubt. Once it is paid, the tool finds its server and owns it."""
        names = {one.name for one in self.checker.doubts}
        return any(one.row.order_id == order and one.row.name in names for one in self.workspace.cloud.purchases)

    def resolve_all(self) -> None:
        for intent in self.checker.doubts:
            self._resolve(intent)

    def follow_advice(self, diagnostics: Iterable[Diagnostic]) -> Iterator[Address]:
        """Does what each diagnostic advises, and yields the addresses to name with --replace.

        Raises Violation if the tool asks which server is its own.
        """
        for order in {one.order_id for one in self.checker.recorded} & {*self.workspace.cloud.pending_orders}:
            assert order is not None
            self._settle(order, pays=True)
        wanted = self.checker.wanted
        for finding in diagnostics:
            address = str(finding.address)
            match finding.code:
                case "name-taken" | "untracked":
                    for stranger in self.workspace.cloud.strangers:
                        if stranger.is_there and stranger.name == wanted.get(address):
                            self._release(stranger)
                case "vanished" | "failed" | "prepaid-replace" if address in wanted:
                    yield Address.parse(address)
                case "in-doubt":
                    self._settle_doubts(finding)

    def _settle_doubts(self, finding: Diagnostic) -> None:
        if "choose" in finding.hint:
            raise Violation(f"a person was asked which server is {finding.address}")
        for intent in self.checker.doubts:
            # An order or a server that may be the purchase in doubt: a stranger's, or another one of ours, renamed.
            asking = ("orders placed since", "as requested except for the name")
            is_asked = finding.address == intent.address and any(reason in finding.detail for reason in asking)
            if is_asked or CATALOGUE[intent.kind].absence(intent) is Absence.BY_A_PERSON:
                self._resolve(intent)

    @property
    def _live_servers(self) -> list[Server]:
        return [one for one in self.workspace.cloud.servers if one.is_there]

    def _release(self, server: Server) -> None:
        self.log(f"a person deletes {server.name}")
        if server.order_id is None:
            self.workspace.console_request("DELETE", f"{SERVERS}/{server.id}")
        else:
            self.workspace.console_request("POST", UNSUBSCRIBE, {"resource_ids": [server.id], "unsubscribe_type": 1})

    def _settle(self, order: str, *, pays: bool) -> None:
        if pays:
            self.workspace.console_request("POST", PAY, {"order_id": order, "use_coupon": "NO", "use_discount": "NO"})
        else:
            self.workspace.console_request("PUT", CANCEL, {"order_id": order})

    def _resolve(self, intent: Intent) -> None:
        """Resolves a doubt by what the console shows, once no late request is left to be carried out."""
        if self.workspace.cloud.next_due is not None:
            return
        bought = ((address, one) for address, one in self.checker.ours if self.checker.bought_as(one) == intent.name)
        became = next((one for address, one in bought if address == str(intent.address)), None)
        found = became.id if became else self._unpaid_order(intent)
        self.log(f"a person resolves {intent.address}: {f'adopt {found}' if found else 'absent'}")
        if found is None:
            self.checker.disown(intent.name)
        self.workspace.resolve(str(intent.address), found)

    def _unpaid_order(self, intent: Intent) -> str | None:
        """Returns the pending order that the purchase has placed, if any."""
        placed = (one.row for one in self.workspace.cloud.purchases if one.address == str(intent.address))
        pending = {*self.workspace.cloud.pending_orders}
        return next((row.order_id for row in placed if row.order_id in pending and row.name == intent.name), None)


def run_in_thread(work: Callable[[], T]) -> T:
    """Runs `work` in another thread, because an event loop is running in this one. Returns or raises what it does."""
    found: list[T] = []
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
