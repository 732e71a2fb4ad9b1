"""Judges a household by the sandbox's ledger: what must hold at every instant, and what an exit code 0 promises.

It remembers what it saw before, so that it can tell what must never go backwards.
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
SLOWEST_LANDING, SLOWEST_SIGHT = 14 * MINUTE, 10 * MINUTE
PREPAID = "charging_info: {charging_mode: PRE_PAID, period_type: MONTH, period_num: 1, is_auto_pay: true}"
SECRET = 'key_pair_name: null, admin_pass: {secret: "env:ADMIN_PASSWORD"}'


class Violation(AssertionError):  # noqa: N818 - what it is
    """An invariant is broken."""


@dataclass(frozen=True)
class ServerSpec:
    """What the specs say under one key."""

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
        """Names by address."""
        if self.count is None:
            return {key: self.name or key}
        return {f"{key}[{index}]": f"{key}-{index}" for index in range(self.count)}


@dataclass
class InvariantChecker:
    """`given_up`: servers and orders that a person has taken upon them, at their own word or with their money."""

    home: FakeWorkspace
    specs: dict[str, ServerSpec] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    serial: int = 0
    records: int = 0

    @property
    def wanted(self) -> dict[str, str]:
        return {address: name for key, spec in self.specs.items() for address, name in spec.servers(key).items()}

    @property
    def recorded(self) -> list[Recorded]:
        state = self.home.look()
        return [*state.resources.values()] if state else []

    @property
    def doubts(self) -> tuple[Intent, ...]:
        state = self.home.look()
        return state.purchases_in_doubt if state else ()

    @property
    def ours(self) -> list[tuple[str, Server]]:
        """The tool's, by address, but for what a person has taken upon them."""
        return [
            (address, server)
            for address, server in self.home.cloud.ours
            if not {server.id, server.order_id} & self.given_up
        ]

    def give_up(self, name: str) -> None:
        """What was bought under it until now and is recorded nowhere; what is bought under it from now on is another purchase."""
        known = {one.id for one in self.recorded} | {one.order_id for one in self.recorded} | {None}
        bought = (one.row for one in self.home.cloud.purchases if one.row.name == name)
        self.given_up |= {identity for row in bought for identity in (row.server_id, row.order_id)} - known

    def bought_as(self, server: Server) -> str | None:
        return next(one.row.name for one in self.home.cloud.purchases if one.is_of(server))

    def examine(self) -> None:
        """Raises Violation."""
        self.examine_ownership()
        self._examine_store()
        cloud = self.home.cloud
        strange = {one.id for one in cloud.strangers}
        _forbid("a stranger's server was taken", strange & {one.id for one in self.recorded})
        _forbid("a stranger's server was touched", strange & cloud.changed)
        _forbid("sent before the intent was on disk", self.home.unannounced)

    def examine_ownership(self) -> None:
        """Nothing of ours is lost sight of, and no address has two."""
        recorded, ours = self.recorded, self.ours
        ids = {one.id for one in recorded} | {one.order_id for one in recorded} - {None}
        sought = {(str(one.address), one.name) for one in self.doubts}
        for address, server in ours:
            if not {server.id, server.order_id} & ids:
                _forbid(f"{server.name} of {address} is lost", (address, self.bought_as(server)) not in sought)
        counts = Counter(address for address, _ in ours)
        _forbid("bought twice", [address for address, count in counts.items() if count > 1])

    def examine_success(self, *, wanted: dict[str, str], leaving: set[str]) -> None:
        """Exit 0: what is on disk, read by somebody else, is what the cloud has and what is wanted. `leaving`: addresses whose
        servers the run has told to be in a bad way, as somebody else was deleting them (test_protocol_violations.py).
        """
        recorded = {str(one.address): one.id for one in self.recorded}
        live = {address: recorded[address] for address in leaving & recorded.keys()}
        live |= {address: server.id for address, server in self.ours}
        _forbid(f"exit 0, and the state {recorded} is not the cloud's {live}", recorded != live)
        _forbid(f"exit 0, and there is {[*recorded]} where {[*wanted]} is wanted", recorded.keys() != wanted.keys())

    def examine_text(self, text: str) -> None:
        _forbid("a password was shown", PASSWORD in text)

    def _examine_store(self) -> None:
        state = self.home.look()
        if state is None:
            _forbid("the state is gone", self.serial)
            return
        _forbid("the state is invalid", list(state.problems()))
        _forbid(f"the serial fell from {self.serial} to {state.serial}", state.serial < self.serial)
        self.serial = state.serial
        history = list(self.home.elsewhere().history())
        _forbid("the history lost records", len(history) < self.records)
        intents = {one.entry.intent.id: one.entry.intent for one in history if isinstance(one.entry, Intended)}
        for record in history[self.records :]:
            if isinstance(record.entry, Adopted) and self.home.has_unread_sibling:
                _forbid("adopted beside a state that cannot be read", record.entry)
            if isinstance(record.entry, Settled) and record.entry.outcome == "absent":
                _examine_belief(intents[record.entry.intent], record.entry, record.time)
        self.records = len(history)
        files = (self.home.folder / "state").iterdir()
        _forbid("a password is in", [path.name for path in files if PASSWORD.encode() in path.read_bytes()])


def _examine_belief(intent: Intent, settled: Settled, when: int) -> None:
    if settled.evidence.startswith("decided by"):
        return
    least, silent = (
        least_silence(intent, bound=SLOWEST_LANDING + SLOWEST_SIGHT),
        (when - intent.sent_at) / 1000,  # by a clock that is right: the cloud's dates need not be
    )
    _forbid("silence was believed where money may have been spent", least is None)
    _forbid(f"silence was believed after {silent:g} s", least is not None and silent < least)


def _forbid(violation: str, found: object) -> None:
    if found:
        raise Violation(violation if found is True else f"{violation}: {found}")
