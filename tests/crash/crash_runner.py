"""Runs a scenario to its end, undisturbed or killed at each of its steps, and records every violation of the promise."""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from crash.crash_environment import NO_FAULTS, QUIET_SECONDS, CrashEnvironment, SharedServers
from crash.ledger_checks import (
    Violation,
    check_invariants,
    check_no_secrets,
    check_state_matches_cloud,
    check_totals,
    is_reinstallation_missing,
    ledger_totals,
    require,
    without_marker,
)
from crash.leftovers import leftovers_digest
from crash.scenarios import APPLY, Scenario
from crash.state_place import StatePlace
from support.crash_fork_server import FaultPlan, ProcessResult
from support.run_counters import RunCounters

from provisioner.model.state import Intent

_NO_CHANGE = re.compile(r"^(before|after) sync |^answered (select|begin)|^before (?!POST|PUT|DELETE|GET)")
"""Steps at which a kill leaves the same as at the step before: what a killed process has written stays, synced or not, and
"before" one step is the same moment as "after" the previous one. What only reads leaves nothing.
"""

_PLACED_EARLIER = re.compile(r"it was placed (\d+) s before it was sent")
_SLEPT_SECONDS = 300
"""How long the tool sleeps at most in one run. Its sleeps take no real time, so the cloud's clock is behind by up to this much."""


class CrashRunner:
    """Runs one scenario many times, each time in a fresh copy of the same prepared environment."""

    def __init__(
        self,
        folder: Path,
        shared_servers: SharedServers,
        scenario: Scenario,
        counters: RunCounters,
        place: StatePlace | None = None,
    ) -> None:
        self.scenario = scenario
        self.counters = counters
        self._folder = folder
        self._names = itertools.count()
        self._seen: set[str] = set()
        self.calls: list[str] = []
        """The cloud operations that an undisturbed run requests, in order. Set by `run_undisturbed`."""
        (folder / "prepared").mkdir()
        self._prepared = CrashEnvironment(
            folder / "prepared",
            shared_servers,
            build_seconds=scenario.build_seconds,
            account=scenario.account,
            row_override=scenario.row_override,
            sale_override=scenario.sale_override,
            uses_access_keys=scenario.uses_access_keys,
            place=place,
        )
        if scenario.initial_specs is not None:
            self._prepared.write(scenario.initial_specs, purchase=scenario.purchase)
            assert self._prepared.run("apply", "--auto-approve").code == 0
        self._prepared.write(scenario.specs, purchase=scenario.purchase)
        if scenario.prepare is not None:
            scenario.prepare(self._prepared)
        self._prepared.list_override = scenario.list_override
        self._prepared.lasting_faults = (*self._prepared.lasting_faults, *scenario.lasting_faults)
        self._prepared.arm()
        self._prepared.highest_serial = state.serial if (state := self._prepared.state) else 0

    def new_environment(self, source: CrashEnvironment | None = None) -> AbstractContextManager[CrashEnvironment]:
        """Copies `source`, or the prepared environment. The copy is deleted at the end of the context."""
        return (source or self._prepared).copy(self._folder / f"run-{next(self._names)}")

    def run_undisturbed(self) -> tuple[str, ...]:
        """Runs the scenario without a fault, checks it to its end, and returns the names of the steps of the first run."""
        with self.new_environment() as environment:
            environment.expect_stranger(self.scenario.stranger)
            result = self.run(environment, self.scenario.command)
            self.calls = [*environment.calls]
            require(result.code == self.scenario.code, f"exit {result.code} although nothing happened: {result.text}")
            check_invariants(environment, self.scenario)
            self.settle(environment, result)
        self.counters.points = len(result.steps)
        return result.steps

    def run(
        self, environment: CrashEnvironment, command: tuple[str, ...], fault_plan: FaultPlan = NO_FAULTS
    ) -> ProcessResult:
        self.counters.runs += 1
        result = environment.run(*command, fault_plan=fault_plan)
        self.counters.deaths += result.code == -signal.SIGKILL
        return result

    def kill_at(self, environment: CrashEnvironment, number: int, command: tuple[str, ...] | None = None) -> None:
        """Kills a run at step `number`, counted from 1. A run with several workers may also end before it reaches that step."""
        result = self.run(environment, command or self.scenario.command, FaultPlan({number: "KILL"}))
        require(result.code == -signal.SIGKILL or len(result.steps) < number, f"exit {result.code} at its death")
        check_invariants(environment, self.scenario)

    def kill_at_each(self, numbers: Iterable[int], names: tuple[str, ...]) -> None:
        for number in numbers:
            with self.record_violations(f"step {number} ({names[number - 1]})"), self.new_environment() as environment:
                environment.expect_stranger(self.scenario.stranger)
                self.kill_at(environment, number)
                if self.is_new(environment):
                    self.settle(environment, self.run_again(environment))

    def kill_at_each_pair(self, numbers: Iterable[int], names: tuple[str, ...]) -> None:
        """Kills the first run at each of `numbers` and the next run at each of its distinct steps; the run after that is undisturbed."""
        for number in numbers:
            with self.new_environment() as dead:
                self.kill_at(dead, number)
                if not self.is_new(dead):
                    continue
                with self.new_environment(dead) as environment:
                    again = self.run_again(environment).steps
                for second in distinct_steps(again):
                    where = f"steps {number} ({names[number - 1]}) and {second} ({again[second - 1]})"
                    with self.record_violations(where), self.new_environment(dead) as environment:
                        self.kill_at(environment, second, self.next_command(environment))
                        if self.is_new(environment, after="a second death"):
                            self.settle(environment, self.run_again(environment))
                        self.counters.points += 1

    def is_new(self, environment: CrashEnvironment, *, after: str = "") -> bool:
        """Returns False if an earlier run of this scenario left the same files and the same cloud after the same faults.

        `after` describes those faults. What would follow has then been checked already.
        """
        key = f"{after} {leftovers_digest(environment)}"
        if key in self._seen:
            self.counters.repeats += 1
            return False
        self._seen.add(key)
        return True

    def record_violations(self, where: str) -> ViolationRecorder:
        return ViolationRecorder(self.counters, where)

    def next_command(self, environment: CrashEnvironment) -> tuple[str, ...]:
        return self.scenario.command if self.scenario.next_command is None else self.scenario.next_command(environment)

    def run_again(self, environment: CrashEnvironment) -> ProcessResult:
        """Gives the next command, undisturbed, and checks the invariants. Before the second run, `between_runs` happens."""
        if self.scenario.between_runs is not None and not environment.is_second_run:
            environment.is_second_run = True
            self.scenario.between_runs(environment)
            environment.arm()
        result = self.run(environment, self.next_command(environment))
        check_invariants(environment, self.scenario)
        return result

    def settle(self, environment: CrashEnvironment, result: ProcessResult, *, executed_late: bool = False) -> None:
        """Brings the scenario to its end as a user would, and checks that nothing is left to do.

        `result` is that of the last run, which was not killed. `executed_late`: an injected fault had a request carried out
        long after its answer was lost.
        """
        result = self._pass_used_up(environment, result)
        if self.scenario.expected_problem and result.code == 1:
            result = self._pass_expected_failure(environment, result)
        if result.code == 6:
            result = self._settle_doubts(environment, result)
        if result.code == 7 and "Error[namesake]" in result.text:  # somebody else's server of our name, which stays
            require(self.scenario.has_namesake, f"a namesake is named where there is none: {result.text}")
            result = self.run_again(environment)
        if self.scenario.stranger is not None and result.code == 4:  # a purchase or the last rename: the name is taken
            check_state_matches_cloud(environment, self.scenario)
            require(
                max(ledger_totals(environment, self.scenario).bought.values(), default=0) <= 1,
                "bought twice, and refused",
            )
            return
        if self.scenario.expected_problem and result.code in {4, 7}:
            result = self._pass_expected_failure(environment, result)
        # A late request is sold as it was asked for: the sandbox's rule `sells` ends with the request that it matched.
        sold_as_wanted = executed_late and bool(self.scenario.sale_override) and result.code == 0
        if (
            self.scenario.external_event is not None
            and self.scenario.expected_while_waiting is not None
            and not sold_as_wanted
        ):
            code = self.scenario.code_while_waiting
            require(result.code == code, f"exit {result.code} where something is waited for: {result.text}")
            totals = ledger_totals(environment, self.scenario)
            check_totals(totals, self.scenario, waiting=True)
            self.scenario.external_event(environment)
            result = self.run_again(environment)
        result = self._pass_used_up(environment, result)
        require(result.code == 0, f"exit {result.code} at last: {result.text}")
        if self.scenario.leaves_drift:
            result = self.run_again(environment)
            require(result.code == 0, f"exit {result.code} of the run that mends drift: {result.text}")
        if is_reinstallation_missing(environment, self.scenario):
            self._reinstall_by_name(environment)
        if self.scenario.follow_up is not None:
            result = self.run(environment, self.scenario.follow_up)
            require(result.code == 0, f"exit {result.code} of what follows: {result.text}")
        if self.scenario.after_finish is not None:
            self.scenario.after_finish(environment)
        check_state_matches_cloud(environment, self.scenario)
        self._check_nothing_left(environment, executed_late=executed_late)

    def _pass_used_up(self, environment: CrashEnvironment, result: ProcessResult) -> ProcessResult:
        """Runs what follows if the run was refused because an earlier one, killed at its very end, had done everything."""
        used_up, follow_up = self.scenario.used_up, self.scenario.follow_up
        if not used_up or follow_up is None or result.code != 1 or f"Error[{used_up}]" not in result.text:
            return result
        return self.run(environment, follow_up)

    def _reinstall_by_name(self, environment: CrashEnvironment) -> None:
        """Repeats a reinstallation that never arrived, as an operator does after the tool's warning.

        The tool counts a reinstallation whose answer was lost as carried out, and warns that the cloud shows no sign of it.
        """
        result = self.run(environment, ("plan",))
        require(
            "Warning[unconfirmed]: alpha" in result.text, f"nobody was told what the cloud does not show: {result.text}"
        )
        result = self.run(environment, (*APPLY, "--reinstall=alpha"))
        require(result.code == 0, f"exit {result.code} of a reinstallation by name: {result.text}")
        check_invariants(environment, self.scenario)

    def _settle_doubts(self, environment: CrashEnvironment, result: ProcessResult) -> ProcessResult:
        """Ends the purchases in doubt: by waiting for the quiet period or, where money was at stake, by the operator's decision.

        A doubt is a violation if a list shows its server and nothing prevents the tool from telling whose it is.
        """
        doubts = reported_doubts(environment, result)
        if self.scenario.external_fix is not None:
            result = self._settle_externally(environment, self.scenario.external_fix)
            if result.code != 6:
                return result
            doubts = reported_doubts(environment, result)
        state = environment.state
        recorded = {record.id for record in state.resources.values()} if state else set()
        listed = {server.name for server in environment.live_servers if server.is_listed and server.id not in recorded}
        require(
            environment.list_override or not listed & {one.name for one in doubts if not one.members},
            "in doubt, and listed for all to see",
        )
        environment.take_change_requests()
        if self.scenario.clock_error:
            result = self._run_too_early(environment)
            if result.code != 6:
                return result
        environment.advance_clock(
            QUIET_SECONDS + environment.place.signature_seconds + _SLEPT_SECONDS + self.scenario.clock_error
        )
        result = self.run_again(environment)
        has_an_order = bool(self.scenario.sale_override) and result.code == 6
        if "PRE_PAID" not in self.scenario.specs and not has_an_order:
            is_beside_one = result.code == 6 and self.scenario.stranger is not None
            return self._rule_out_strangers(environment, doubts, result) if is_beside_one else result
        if self.scenario.pays_in_two_steps and result.code != 6:
            return result  # billing knew of no order, so another one was placed; the ledger is checked for that later
        asked = [change for change in environment.take_change_requests() if change.endswith("/dev-servers")]
        require(not asked, "a prepaid server was bought in doubt")
        shown = {without_marker(server.name) for server in environment.live_servers} - {
            without_marker(name) for name in listed
        }
        if shown & {without_marker(intent.name) for intent in doubts if not intent.members}:
            return result  # the server was listed after all, and has its name by now
        require(result.code == 6, f"exit {result.code}: a prepaid server was not left to a person: {result.text}")
        for intent in doubts:
            self._resolve_by_operator(environment, intent, result)
        return self.run_again(environment)

    def _settle_externally(
        self, environment: CrashEnvironment, external_fix: Callable[[CrashEnvironment], None]
    ) -> ProcessResult:
        """Applies the scenario's external fix if neither a list nor the quiet period ended the doubt. Returns the last run."""
        environment.advance_clock(QUIET_SECONDS + environment.place.signature_seconds + _SLEPT_SECONDS)
        result = self.run_again(environment)
        require(
            result.code == 6 or not self.scenario.needs_external_fix,
            f"exit {result.code}, and nobody can know: {result.text}",
        )
        if result.code == 6:
            text = " ".join(result.text.split())
            require(self.scenario.doubt_reason in text, f"in doubt, and nobody is told why: {result.text}")
            self._apply_external_fix(environment, external_fix)
            result = self.run_again(environment)
        return result

    def _pass_expected_failure(self, environment: CrashEnvironment, result: ProcessResult) -> ProcessResult:
        """Checks that the run failed with the scenario's expected problem, applies the external fix, and runs again."""
        text = " ".join(result.text.split())
        # A stranger may have the name by now.
        is_namesake = self.scenario.has_namesake and "Error[namesake]" in text
        is_expected = self.scenario.expected_problem in text or is_namesake
        require(is_expected, f"exit {result.code} for something else: {result.text}")
        if self.scenario.external_fix is not None:
            self._apply_external_fix(environment, self.scenario.external_fix)
        return self.run_again(environment)

    def _apply_external_fix(
        self, environment: CrashEnvironment, external_fix: Callable[[CrashEnvironment], None]
    ) -> None:
        external_fix(environment)
        environment.arm()

    def _run_too_early(self, environment: CrashEnvironment) -> ProcessResult:
        """Runs when the quiet period is over only by a clock that is ahead, and checks that nothing is bought."""
        environment.advance_clock(QUIET_SECONDS - self.scenario.clock_error)
        result = self.run_again(environment)
        asked = [change for change in environment.take_change_requests() if change.endswith("/dev-servers")]
        require(not asked, f"bought before the quiet period was over: {result.text}")
        return result

    def _rule_out_strangers(
        self, environment: CrashEnvironment, doubts: Iterable[Intent], result: ProcessResult
    ) -> ProcessResult:
        """Resolves doubts kept open by a stranger's server that differs from ours in the name only. The tool has to say so."""
        text = " ".join(result.text.split())
        is_told = "as requested except for the name" in text
        require(is_told, f"in doubt after the quiet period, and nobody is told why: {result.text}")
        for intent in doubts:
            self._resolve_by_operator(environment, intent, result)
        return self.run_again(environment)

    def _resolve_by_operator(self, environment: CrashEnvironment, intent: Intent, result: ProcessResult) -> None:
        """Resolves one doubt as an operator does who sees in the console an unpaid order, an order of several servers, or nothing."""
        bought = (row for row in environment.ledger if row.kind == "purchase" and row.name == intent.name)
        order = next((row.order_id for row in bought if row.server_id is None or intent.members), None)
        require(order is None or order in result.text, f"order {order} may be the purchase in doubt, and is not named")
        option = ("--absent",) if order is None else ("--adopt", order)
        decided = self.run(environment, ("resolve", str(intent.address), *option))
        if order is not None and _seems_placed_earlier(decided):
            environment.cancel(order)
            decided = self.run(environment, ("resolve", str(intent.address), "--absent"))
        require(decided.code == 0, f"the operator's decision was refused: {decided.text}")
        environment.accepted_absences.add(intent.id)
        check_invariants(environment, self.scenario)

    def _check_nothing_left(self, environment: CrashEnvironment, *, executed_late: bool) -> None:
        """Checks the ledger's totals, and that one more run reports no changes and requests none."""
        if environment.has_pending_events:
            environment.advance_clock(QUIET_SECONDS + environment.place.signature_seconds + _SLEPT_SECONDS)
            follow_up = self.scenario.follow_up if self.scenario.used_up else None
            after = self.run(environment, follow_up) if follow_up else self.run_again(environment)
            require(after.code == 0, f"exit {after.code} once everything has arrived: {after.text}")
            check_state_matches_cloud(environment, self.scenario)
        environment.take_change_requests()
        totals = ledger_totals(environment, self.scenario)
        check_totals(totals, self.scenario, executed_late=executed_late)
        last = self.run(environment, self.scenario.follow_up or self.next_command(environment))
        require(last.code == 0, f"exit {last.code} with nothing left to do: {last.text}")
        require("No changes" in last.out, f"something was left to do: {last.text}")
        asked = environment.take_change_requests()
        require(not asked, f"nothing was left to do, and the cloud was asked for {asked}")
        if self.scenario.used_up:
            again = self.run(environment, self.next_command(environment))
            is_refused = again.code == 1 and f"Error[{self.scenario.used_up}]" in again.text
            require(is_refused, f"exit {again.code} of what is used up: {again.text}")
            require(not environment.take_change_requests(), "what was used up has been done once more")
        check_no_secrets(environment)


def _seems_placed_earlier(decided: ProcessResult) -> bool:
    """Whether an order was refused as older than its purchase because of sleeps that took no time on the cloud's clock."""
    found = _PLACED_EARLIER.search(" ".join(decided.text.split()))
    return decided.code == 1 and found is not None and int(found[1]) <= _SLEPT_SECONDS


class ViolationRecorder:
    """A context that adds a Violation to the counters and suppresses it, so that the next step is tried all the same."""

    def __init__(self, counters: RunCounters, where: str) -> None:
        self._counters = counters
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Violation):
            self._counters.violations.append(f"{self._where}: {error}")
            return True
        return False


def reported_doubts(environment: CrashEnvironment, result: ProcessResult) -> tuple[Intent, ...]:
    """Returns the purchases in doubt, and checks that the output of the run, which exited 6, shows each of them."""
    state = environment.state
    doubts = state.purchases_in_doubt if state else ()
    require(doubts, "exit 6, and nothing is in doubt")
    require(all(str(intent.address) in result.text for intent in doubts), f"a doubt is not shown: {result.text}")
    return doubts


def distinct_steps(names: tuple[str, ...]) -> list[int]:
    """Returns the numbers, counted from 1, of the steps at which a kill leaves something else than at the step before."""
    return [number for number, name in enumerate(names, start=1) if not _NO_CHANGE.match(name)]
