"""Random lives of a stack, as a Hypothesis state machine.

Specs are edited, runs crash, requests fail, time passes, the operator works in the console, two runs meet, clocks differ, another
state of the folder cannot be read. After every step the invariants are checked that hold at any instant; at the end, when
everything has calmed down, the others. A failing life is printed in words.

`TEST_DEPTH=deep TEST_EXAMPLES=2000` runs more and longer lives; `make crash` does so, too. Under the default marker no stranger
takes a wanted name: what that could do is known (docs/decisions/0008).
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from support.depth import DEEP, EXAMPLES
from support.emulated_cloud import COLLEAGUE, OURSELVES, RequestFault, RequestType
from support.fake_workspace import ApplyOutcome, AtStep, FakeWorkspace
from support.invariants import MAX_EXECUTION_DELAY, MAX_LISTING_DELAY, MINUTE, InvariantChecker, ServerSpec, Violation
from support.operator import Operator, run_in_thread
from support.run_counters import RunCounters

from provisioner.cli.exit_codes import ExitCode
from provisioner.model.address import Address
from provisioner.model.plan import Mode, Plan

KEYS = ("a", "b", "c")
QUIET = 26 * MINUTE
ROUNDS = 12
"""How many runs the operator gives the tool at most, following its advice, until nothing is left to do."""

HOURS = 180 * MINUTE
BILLING_HOST = "bss.sandbox.invalid"


def right(_request, _status):
    return 0.0, False


def two_nodes():
    """Returns the dates of two nodes that answer in turn."""
    answers = itertools.count()
    return lambda _request, _status: (13 * MINUTE * (next(answers) % 2), False)


DATES = {
    "all clocks are right": lambda: right,
    "two nodes are 13 minutes apart": two_nodes,
    "billing is hours ahead": lambda: lambda request, _status: (HOURS * (request.url.host == BILLING_HOST), False),
    "refusals are hours ahead": lambda: lambda _request, status: (HOURS * (status >= 400), False),
    "what is read comes from a cache": lambda: (
        lambda request, _status: (-HOURS, True) if request.method == "GET" else (0.0, False)
    ),
}

deaths = st.none() | st.integers(0, 45)
moments = st.integers(0, 45)
choices = st.integers(0, 9)
keys = st.sampled_from(KEYS)
specs = st.builds(
    ServerSpec,
    flavor=st.sampled_from(["Si2.large.4", "Si2.large.8"]),
    prepaid=st.booleans(),
    count=st.none() | st.integers(0, 2),
)
_OF_SOME = {RequestFault.SHORT, RequestFault.MISNAMED}
lost = st.sampled_from([one for one in RequestFault if one not in _OF_SOME])
execution_delays = st.sampled_from([10.0, 5 * MINUTE, MAX_EXECUTION_DELAY])
request_faults = st.one_of(
    st.tuples(st.sampled_from([RequestType.PURCHASE, RequestType.PAYMENT]), lost),
    st.just((RequestType.PURCHASE, RequestFault.MISNAMED)),
    st.tuples(st.sampled_from([RequestType.RELEASE, RequestType.RENAME, RequestType.READ]), lost),
    st.tuples(
        st.just(RequestType.LIST),
        st.sampled_from([one for one in RequestFault if one not in {RequestFault.LATE, RequestFault.MISNAMED}]),
    ),
    st.tuples(st.just(RequestType.SHOW), lost),
)


_ALL = {"at": "ListAllDevServers", "times": "always"}
_ROWS = ["ListDevServers", "ListAllDevServers", "ShowDevServer"]
_REFUSED = {"fault": "answer", "status": 403, "code": "ModelArts.0103", "message": "Forbidden.", "executed": False}
ANOMALIES = {
    "only one's own servers are listed": ("view", _ALL | {"fault": "filtered"}),
    "the list of everybody's servers is refused": ("view", _ALL | _REFUSED),
    "rows are in capitals": (
        "rows",
        {"at": _ROWS, "times": "always", "fault": "rewrite", "rows_upper": ["id", "flavor", "image.image_id"]},
    ),
    "names are in capitals": ("rows", {"at": _ROWS, "times": "always", "fault": "rewrite", "rows_upper": ["name"]}),
}
"""Sandbox rules by description, each with the aspect that it concerns. One rule an aspect is in force (docs/sandbox.md)."""


class Life(RuleBasedStateMachine):
    def __init__(self, counters: RunCounters) -> None:
        super().__init__()
        counters.points += 1
        self.counters = counters
        place = Path("/dev/shm")  # noqa: S108 - a disk that costs nothing, where there is one
        self.folder = Path(tempfile.mkdtemp(prefix="life-", dir=place if place.is_dir() else None))
        self.checker: InvariantChecker | None = None
        self.broken = False
        self.unlogged: list[str] = []
        self.anomalies: dict[str, dict[str, Any]] = {}

    @initialize(
        marker=st.sampled_from(["name", "nonce"]),
        prepaid=st.sampled_from(["one-step", "two-step"]),
        lag=st.sampled_from([0.0, MINUTE, MAX_LISTING_DELAY]),
        secret=st.sampled_from([False] * 7 + [True]),
    )
    def begins(self, marker, prepaid, lag, secret):
        self.log(f"a stack with marker {marker}, prepaid {prepaid}; servers show after {lag:g} s; password: {secret}")
        self.secret = secret
        self.workspace = FakeWorkspace(self.folder, marker, prepaid)
        self.workspace.cloud.listing_delay = lag
        self.checker = InvariantChecker(self.workspace)
        self.specs = self.checker.specs
        self.operator = Operator(self.checker, self.log)
        self.specs["a"] = ServerSpec()
        self.write("the specs want a")
        self.names = (*KEYS, "c-0", "stranger") if marker == "nonce" else ("stranger",)

    @rule(key=keys, spec=specs)
    def wants(self, key, spec):
        self.specs[key] = replace(spec, secret=self.secret and key == "c")
        self.write(f"the specs want {key}: {spec.text()}")

    @rule(key=keys, change=st.sampled_from(["drop", "rename", "name back"]))
    def edits(self, key, change):
        spec = self.specs.get(key)
        if spec is not None and change == "drop":
            del self.specs[key]
        elif spec is not None and spec.count is None:
            self.specs[key] = replace(spec, name=f"{key}-alias" if change == "rename" else None)
        self.write(f"edit {key}: {change}")

    @rule()
    def plans(self):
        self.log("plan")
        before = self.workspace.cloud.mutations
        self.workspace.plan()
        self.require(self.workspace.cloud.mutations == before, "plan changed something")

    @rule(die_at=deaths, resolve_timeout=st.sampled_from([0.0, 30.0]))
    def applies(self, die_at, resolve_timeout):
        self.run("apply", die_at=die_at, resolve_timeout=resolve_timeout)

    @rule(fault=lost, lateness=execution_delays, die_at=deaths)
    def a_purchase_has_trouble(self, fault, lateness, die_at):
        self.add_faults((RequestType.PURCHASE, fault), 1, lateness)
        self.run("apply", die_at=die_at, resolve_timeout=0.0)

    @rule(key=keys, die_at=deaths)
    def replaces(self, key, die_at):
        if wanted := [Address.parse(one) for one in self.specs.get(key, ServerSpec(count=0)).servers(key)]:
            self.run(f"apply --replace {wanted[0]}", die_at=die_at, replacing=frozenset(wanted[:1]))

    @rule(die_at=deaths)
    def destroys(self, die_at):
        self.run("destroy", mode=Mode.DESTROY, die_at=die_at)

    @rule(moment=moments)
    def two_run_at_once(self, moment):
        def visit(number: int, step: str) -> None:
            if number == moment and self.workspace.fresh_store().holder() is not None:
                self.log(f"  before {step!r} somebody else runs apply")
                self.require(
                    run_in_thread(self.workspace.apply_concurrently) is ExitCode.LOCK_HELD, "a second run was let in"
                )

        self.run("apply", at_step=visit)

    @rule(moment=moments, which=choices, deletes=st.booleans())
    def a_person_interferes(self, moment, which, deletes):
        def interfere(number: int, step: str) -> None:
            if number == moment:
                self.log(f"  before {step!r}:")
                name = self.names[which % len(self.names)]
                run_in_thread(
                    lambda: (
                        self.operator.delete_server(which, during_a_run=True)
                        if deletes
                        else self.operator.buy_server(name)
                    )
                )

        self.run("apply", at_step=interfere, undisturbed=False)

    @rule(fault=request_faults, times=st.integers(1, 3), lateness=execution_delays)
    def trouble_comes(self, fault, times, lateness):
        self.add_faults(fault, times, lateness)

    @rule(seconds=st.sampled_from([1.0, 40.0, 5 * MINUTE, MAX_LISTING_DELAY, 24 * MINUTE, QUIET, 60 * MINUTE]))
    def time_passes(self, seconds):
        self.log(f"{seconds:g} s pass")
        self.workspace.advance(seconds)

    @rule(dates=st.sampled_from([*DATES]))
    def answers_are_dated_otherwise(self, dates):
        self.log(f"from now on {dates}")
        self.workspace.cloud.answer_dates = DATES[dates]()

    @rule(broken=st.booleans())
    def a_sibling_state_changes(self, broken):
        self.log(f"the state beside this one {'cannot be read' if broken else 'is moved away'}")
        self.workspace.break_sibling(broken=broken)

    @rule(which=choices, what=st.sampled_from(["buy", "delete", "rename", "pay", "cancel", "resolve"]))
    def a_person_works(self, which, what):
        match what:
            case "buy":
                self.operator.buy_server(self.names[which % len(self.names)])
            case "delete":
                self.operator.delete_server(which)
            case "rename":
                self.operator.rename_and_stop_server(which)
            case "pay" | "cancel":
                self.operator.settle_order(which, pays=what == "pay")
            case "resolve":
                self.operator.resolve_all()

    @rule(what=st.sampled_from(sorted(ANOMALIES)))
    def the_cloud_gets_untidy(self, what):
        self.log(f"from now on {what}")
        about, rule_ = ANOMALIES[what]
        self.anomalies[about] = rule_
        self.workspace.cloud.set_rules(*self.anomalies.values())

    @rule(about=st.sampled_from(["view", "rows"]))
    def the_cloud_is_tidied(self, about):
        self.log(f"the {about} are as they should be")
        self.anomalies.pop(about, None)
        self.workspace.cloud.set_rules(*self.anomalies.values())

    @rule(user=st.sampled_from([OURSELVES, COLLEAGUE]))
    def somebody_takes_over(self, user):
        self.log(f"{user.name} runs it from now on")
        self.workspace.user = user

    @rule()
    def it_calms_down(self):
        self.log("everything calms down")
        self.calm_down()

    @invariant()
    def what_holds_at_every_instant(self):
        if self.checker is not None and not self.broken:
            self.run_check(self.checker.check)

    def teardown(self):
        try:
            if self.checker is not None and not self.broken:
                self.log("at last everything calms down")
                self.calm_down()
        finally:
            shutil.rmtree(self.folder)

    def log(self, sentence: str) -> None:
        """Adds a sentence to the report of a failing life. Hypothesis takes notes only from the thread that it runs in."""
        self.unlogged.append(sentence)
        if threading.current_thread() is threading.main_thread():
            while self.unlogged:
                note(self.unlogged.pop(0))

    def require(self, holds: object, violation: str) -> None:
        if not holds:
            self.broken = True
            raise Violation(violation)

    def run_check(self, check: Any, **details: Any) -> None:
        """Runs a check. After a violation this life has ended, and nothing more is checked."""
        try:
            check(**details)
        except Violation:
            self.broken = True
            raise

    def add_faults(self, fault: tuple[RequestType, RequestFault], times: int, lateness: float) -> None:
        request_type, what = fault
        self.log(f"the next {times} of the sort {request_type.value}: {what.value} (late: {lateness:g} s)")
        self.workspace.cloud.execution_delay = lateness
        self.workspace.cloud.faults += [fault] * times

    def write(self, sentence: str) -> None:
        self.log(sentence)
        lines = "".join(f"  {key}: {spec.text()}\n" for key, spec in sorted(self.specs.items()))
        self.workspace.write(f"servers:\n{lines}" if lines else "servers: {}\n")

    def run(
        self, command: str, *, undisturbed: bool = True, at_step: AtStep | None = None, **options: Any
    ) -> ApplyOutcome:
        def watch(number: int, step: str) -> None:
            if at_step is not None:
                at_step(number, step)
            if step.startswith("before release"):
                self.require(not self.workspace.has_unread_sibling, "released beside a state that cannot be read")
            if step.startswith(("after purchase", "after payment", "after release")):
                self.run_check(self.checker.check_ownership)

        bought = Counter(one.address for one in self.workspace.cloud.purchases)
        self.counters.runs += 1
        ran = self.workspace.apply(at_step=watch, **options)
        self.counters.deaths += ran.code is None
        ended = f"died at step {options['die_at']}" if ran.code is None else f"exit {int(ran.code)}"
        self.log(f"{command}: {ended}; {'; '.join(one.summary for one in ran.diagnostics)}")
        self.run_check(self.checker.check_output, text=ran.text)
        now = Counter(one.address for one in self.workspace.cloud.purchases)
        self.require(max((now - bought).values(), default=0) <= 1, "one run bought an address twice")
        if ran.code is ExitCode.DONE and undisturbed:
            wanted = self.checker.wanted if options.get("mode", Mode.APPLY) is Mode.APPLY else {}
            leaving = {str(one.address) for one in ran.diagnostics if one.code == "adverse-status"}
            self.run_check(self.checker.check_success, wanted=wanted, leaving=leaving)
        return ran

    def calm_down(self) -> None:
        """Ends all faults, lets time pass and follows the tool's advice; then everything wanted is there, and no work is left."""
        self.workspace.cloud.faults.clear()
        self.anomalies.clear()
        self.workspace.cloud.set_rules()
        self.workspace.cloud.answer_dates = right
        self.workspace.break_sibling(broken=False)
        replacing: frozenset[Address] = frozenset()
        for number in range(ROUNDS):
            self.workspace.user = (OURSELVES, COLLEAGUE)[
                number % 2
            ]  # the user who sent a purchase in doubt can find it
            self.workspace.advance(QUIET)
            ran = self.run("apply", resolve_timeout=0.0, replacing=replacing)
            if ran.code is ExitCode.DONE and not (ran.plan and ran.plan.work):
                break
            replacing = frozenset(self.operator.follow_advice(ran.diagnostics))
        else:
            self.require(holds=False, violation=f"it does not settle: {[one.code for one in ran.diagnostics]}")
        names = {address: one.name for address, one in self.checker.ours}
        self.require(names == self.checker.wanted, f"settled, and the names are {names}")
        before, plan = self.workspace.cloud.mutations, self.workspace.plan()
        self.require(isinstance(plan, Plan) and not plan.work, "settled, and there is work to do")
        self.run("apply")
        self.require(self.workspace.cloud.mutations == before, "settled, and the next apply changed something")


_PARTS = 4 if DEEP else 1
_SETTINGS = settings(
    max_examples=EXAMPLES // _PARTS if DEEP else 20,
    stateful_step_count=50 if DEEP else 15,
    derandomize=not DEEP,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[*HealthCheck],
)


@pytest.mark.crash_part("long life")
@pytest.mark.parametrize("part", range(_PARTS))
def test_any_life_of_a_stack(counters, part):
    counters.kinds = int(part == 0)
    run_state_machine_as_test(lambda: Life(counters), settings=_SETTINGS)
