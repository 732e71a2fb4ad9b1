"""Compares a fake workspace with the sandbox's ledger: what must hold at every instant, and what exit code 0 promises.

The checker remembers the last serial and number of records, because neither may decrease.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from support.emulated_cloud import Server
from support.fake_workspace import PASSWORD, FakeWorkspace
from support.silence import least_silence

from provisioner.model.journal import Adopted, Intended, Settled
from provisioner.model.resource import Recorded
from provisioner.model.state import Intent

MINUTE = 60.0
MAX_EXECUTION_DELAY, MAX_LISTING_DELAY = 14 * MINUTE, 10 * MINUTE
PREPAID = "charging_info: {charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
SECRET = 'key_pair_name: null, admin_pass: {secret: "env:ADMIN_PASSWORD"}'


class Violation(AssertionError):  # noqa: N818 - an invariant was violated; the test has no error
    """An invariant does not hold. The message says which."""


@dataclass(frozen=True)
class ServerSpec:
    """What the specs have under one key."""

    flavor: str = "Si2.large.4"
    prepaid: bool = False
    count: int | None = None
    name: str | None = None
    secret: bool = False

    def text(self) -> str:
        parts = [
            f"flavor: {self.flavor}",
            PREPAID if self.prepaid else "",
            "" if self.count is None else f"count: {self.count}",
            "" if self.name is None else f"name: {self.name}",
            SECRET if self.secret else "",
        ]
        return f"{{{', '.join(filter(None, parts))}}}"

    def servers(self, key: str) -> dict[str, str]:
        """Returns the names of the servers by address."""
        if self.count is None:
            return {key: self.name or key}
        return {f"{key}[{index}]": f"{key}-{index}" for index in range(self.count)}


@dataclass
class InvariantChecker:
    """Checks one workspace. `disowned`: ids of servers and orders that are no longer the tool's, by the operator's decision or payment."""

    workspace: FakeWorkspace
    specs: dict[str, ServerSpec] = field(default_factory=dict)
    disowned: set[str] = field(default_factory=set)
    serial: int = 0
    records: int = 0

    @property
    def wanted(self) -> dict[str, str]:
        return {address: name for key, spec in self.specs.items() for address, name in spec.servers(key).items()}

    @property
    def recorded(self) -> list[Recorded]:
        state = self.workspace.load_state()
        return [*state.resources.values()] if state else []

    @property
    def doubts(self) -> tuple[Intent, ...]:
        state = self.workspace.load_state()
        return state.purchases_in_doubt if state else ()

    @property
    def ours(self) -> list[tuple[str, Server]]:
        """The live servers that the tool bought, each with its address, without the disowned ones."""
        return [
            (address, server)
            for address, server in self.workspace.cloud.ours
            if not {server.id, server.order_id} & self.disowned
        ]

    def disown(self, name: str) -> None:
        """Disowns what was bought under this name so far and is not recorded. A later purchase of the same name is another one."""
        known = {one.id for one in self.recorded} | {one.order_id for one in self.recorded} | {None}
        bought = (one.row for one in self.workspace.cloud.purchases if one.row.name == name)
        self.disowned |= {identity for row in bought for identity in (row.server_id, row.order_id)} - known

    def bought_as(self, server: Server) -> str | None:
        """Returns the name under which the server was bought."""
        return next(one.row.name for one in self.workspace.cloud.purchases if one.is_of(server))

    def check(self) -> None:
        """Raises Violation unless everything holds that must hold at every instant."""
        self.check_ownership()
        self._check_store()
        cloud = self.workspace.cloud
        strange = {one.id for one in cloud.strangers}
        _fail_if("a stranger's server was taken", strange & {one.id for one in self.recorded})
        _fail_if("a stranger's server was touched", strange & cloud.changed)
        _fail_if("sent before the intent was on disk", self.workspace.sent_before_intent)

    def check_ownership(self) -> None:
        """Raises Violation if one of our servers is neither recorded nor in doubt, or an address has two."""
        recorded, ours = self.recorded, self.ours
        ids = {one.id for one in recorded} | {one.order_id for one in recorded} - {None}
        sought = {(str(one.address), one.name) for one in self.doubts}
        for address, server in ours:
            if not {server.id, server.order_id} & ids:
                _fail_if(f"{server.name} of {address} is lost", (address, self.bought_as(server)) not in sought)
        counts = Counter(address for address, _ in ours)
        _fail_if("bought twice", [address for address, count in counts.items() if count > 1])

    def check_success(self, *, wanted: dict[str, str], leaving: set[str]) -> None:
        """Raises Violation unless the state on disk is what the cloud has and what is wanted, as exit 0 promises.

        `leaving`: addresses whose servers the run reported in an adverse status, because somebody else was deleting them
        (test_protocol_violations.py).
        """
        recorded = {str(one.address): one.id for one in self.recorded}
        live = {address: recorded[address] for address in leaving & recorded.keys()}
        live |= {address: server.id for address, server in self.ours}
        _fail_if(f"exit 0, and the state {recorded} is not the cloud's {live}", recorded != live)
        _fail_if(f"exit 0, and there is {[*recorded]} where {[*wanted]} is wanted", recorded.keys() != wanted.keys())

    def check_output(self, text: str) -> None:
        _fail_if("a password was shown", PASSWORD in text)

    def _check_store(self) -> None:
        state = self.workspace.load_state()
        if state is None:
            _fail_if("the state is gone", self.serial)
            return
        _fail_if("the state is invalid", list(state.problems()))
        _fail_if(f"the serial fell from {self.serial} to {state.serial}", state.serial < self.serial)
        self.serial = state.serial
        history = list(self.workspace.fresh_store().history())
        _fail_if("the history lost records", len(history) < self.records)
        intents = {one.entry.intent.id: one.entry.intent for one in history if isinstance(one.entry, Intended)}
        for record in history[self.records :]:
            if isinstance(record.entry, Adopted) and self.workspace.has_unread_sibling:
                _fail_if("adopted beside a state that cannot be read", record.entry)
            if isinstance(record.entry, Settled) and record.entry.outcome == "absent":
                _check_absence(intents[record.entry.intent], record.entry, record.time)
        self.records = len(history)
        files = (self.workspace.folder / "state").iterdir()
        _fail_if("a password is in", [path.name for path in files if PASSWORD.encode() in path.read_bytes()])


def _check_absence(intent: Intent, settled: Settled, when: int) -> None:
    if settled.evidence.startswith("decided by"):
        return
    least, silent = (
        least_silence(intent, bound=MAX_EXECUTION_DELAY + MAX_LISTING_DELAY),
        (when - intent.sent_at) / 1000,  # by a clock that is right, unlike the cloud's dates
    )
    _fail_if("silence was believed where money may have been spent", least is None)
    _fail_if(f"silence was believed after {silent:g} s", least is not None and silent < least)


def _fail_if(violation: str, found: object) -> None:
    if found:
        raise Violation(violation if found is True else f"{violation}: {found}")
