"""Plays a scenario to its end, with a death at each of its steps, or without one; and says where the promise was broken."""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from crash.crash_environment import ALONE, QUIET_SECONDS, CrashEnvironment, SharedServers
from crash.ledger_checks import (
    Violation,
    agree,
    books_of,
    compare,
    examine,
    keep_secrets,
    never_arrived,
    require,
    wanted_name,
)
from crash.leftovers import remains
from crash.scenarios import APPLY, Scenario
from support.crash_fork_server import FaultPlan, ProcessResult
from support.run_counters import RunCounters

from provisioner.model.state import Intent

_NO_CHANGE = re.compile(r"^(before|after) sync |^before (?!POST|PUT|DELETE|GET)")
"""Killed processes leave what they have written: a sync changes nothing for them, and before a step is after the last."""


_SLEPT_SECONDS = 300
"""At most, by the tool: its sleeps take no time, so this cloud's clock does not know of them, and is that much behind."""


class CrashRunner:
    """Plays one scenario again and again, from the same moment each time."""

    def __init__(self, folder: Path, shared_servers: SharedServers, scenario: Scenario, counters: RunCounters) -> None:
        self.scenario = scenario
        self.counters = counters
        self._folder = folder
        self._names = itertools.count()
        self._judged: set[str] = set()
        self.calls: list[str] = []
        """Of a run that is left alone, the operations of the cloud in their order."""
        (folder / "prepared").mkdir()
        self._prepared = CrashEnvironment(
            folder / "prepared",
            shared_servers,
            build_seconds=scenario.build_seconds,
            account=scenario.account,
            shows=scenario.shows,
            sells=scenario.sells,
            by_keys=scenario.by_keys,
        )
        if scenario.before is not None:
            self._prepared.write(scenario.before, purchase=scenario.purchase)
            assert self._prepared.run("apply", "--auto-approve").code == 0
        self._prepared.write(scenario.specs, purchase=scenario.purchase)
        if scenario.prepare is not None:
            scenario.prepare(self._prepared)
        self._prepared.lists = scenario.lists
        self._prepared.beside = (*self._prepared.beside, *scenario.beside)
        self._prepared.arm()

    def stage(self, of: CrashEnvironment | None = None) -> AbstractContextManager[CrashEnvironment]:
        return (of or self._prepared).copy(self._folder / f"play-{next(self._names)}")

    def alone(self) -> tuple[str, ...]:
        """Nothing happens. The names of the steps that such a run passes."""
        with self.stage() as stage:
            stage.expect_stranger(self.scenario.stranger)
            ended = self.run(stage, self.scenario.command)
            self.calls = [*stage.calls]
            require(ended.code == self.scenario.code, f"exit {ended.code} although nothing happened: {ended.text}")
            examine(stage, self.scenario)
            self.make_good(stage, ended)
        self.counters.points = len(ended.steps)
        return ended.steps

    def run(self, stage: CrashEnvironment, command: tuple[str, ...], fault_plan: FaultPlan = ALONE) -> ProcessResult:
        self.counters.runs += 1
        ended = stage.run(*command, fault_plan=fault_plan)
        self.counters.deaths += ended.code == -signal.SIGKILL
        return ended

    def die(self, stage: CrashEnvironment, number: int, command: tuple[str, ...] | None = None) -> None:
        """Or end: a run with many workers may be over before its step comes."""
        ended = self.run(stage, command or self.scenario.command, FaultPlan({number: "KILL"}))
        require(ended.code == -signal.SIGKILL or len(ended.steps) < number, f"exit {ended.code} at its death")
        examine(stage, self.scenario)

    def die_at_each(self, numbers: Iterable[int], names: tuple[str, ...]) -> None:
        for number in numbers:
            with self.recorded(f"step {number} ({names[number - 1]})"), self.stage() as stage:
                stage.expect_stranger(self.scenario.stranger)
                self.die(stage, number)
                if self.is_new(stage):
                    self.make_good(stage, self.go_on(stage))

    def die_at_each_pair(self, numbers: Iterable[int], names: tuple[str, ...]) -> None:
        """Once at each of `numbers`, then in the next run at each step that tells, and then once more in peace."""
        for number in numbers:
            with self.stage() as dead:
                self.die(dead, number)
                if not self.is_new(dead):
                    continue
                with self.stage(dead) as stage:
                    again = self.go_on(stage).steps
                for second in distinct(again):
                    where = f"steps {number} ({names[number - 1]}) and {second} ({again[second - 1]})"
                    with self.recorded(where), self.stage(dead) as stage:
                        self.die(stage, second, self.command_again(stage))
                        if self.is_new(stage, after="a second death"):
                            self.make_good(stage, self.go_on(stage))
                        self.counters.points += 1

    def is_new(self, stage: CrashEnvironment, *, after: str = "") -> bool:
        """Whether no earlier play has left the same `after` the same: what would follow has been judged already."""
        left = f"{after} {remains(stage)}"
        if left in self._judged:
            self.counters.alike += 1
            return False
        self._judged.add(left)
        return True

    def recorded(self, where: str) -> ViolationRecorder:
        return ViolationRecorder(self.counters, where)

    def command_again(self, stage: CrashEnvironment) -> tuple[str, ...]:
        return self.scenario.command if self.scenario.again is None else self.scenario.again(stage)

    def go_on(self, stage: CrashEnvironment) -> ProcessResult:
        if self.scenario.meanwhile is not None and not stage.is_later:
            stage.is_later = True
            self.scenario.meanwhile(stage)
            stage.arm()
        ended = self.run(stage, self.command_again(stage))
        examine(stage, self.scenario)
        return ended

    def make_good(self, stage: CrashEnvironment, ended: ProcessResult, *, belated: bool = False) -> None:
        """From the end of a run that nobody killed: what it left is settled as its user would, and then nothing is left to do."""
        if self.scenario.meets and ended.code == 1:
            ended = self._go_past(stage, ended)
        if ended.code == 6:
            ended = self._settle_doubts(stage, ended)
        if (
            self.scenario.stranger is not None and ended.code == 4
        ):  # the name is taken: for a purchase, or for the last rename
            agree(stage, self.scenario)
            require(max(books_of(stage, self.scenario).bought.values(), default=0) <= 1, "bought twice, and refused")
            return
        if self.scenario.meets and ended.code in {4, 7}:
            ended = self._go_past(stage, ended)
        # What is carried out late is sold as it was wanted: the sandbox's rule `sells` is over with the request that it hit.
        sold_as_wanted = belated and bool(self.scenario.sells) and ended.code == 0
        if self.scenario.waits_for is not None and self.scenario.waiting is not None and not sold_as_wanted:
            code = self.scenario.waiting_code
            require(ended.code == code, f"exit {ended.code} where something is waited for: {ended.text}")
            books = books_of(stage, self.scenario)
            compare(books, self.scenario, waiting=True)
            self.scenario.waits_for(stage)
            ended = self.go_on(stage)
        require(ended.code == 0, f"exit {ended.code} at last: {ended.text}")
        if self.scenario.leaves_drift:
            ended = self.go_on(stage)
            require(ended.code == 0, f"exit {ended.code} of the run that mends drift: {ended.text}")
        if never_arrived(stage, self.scenario):
            self._repeat_by_name(stage)
        if self.scenario.follow is not None:
            ended = self.run(stage, self.scenario.follow)
            require(ended.code == 0, f"exit {ended.code} of what follows: {ended.text}")
        if self.scenario.afterwards is not None:
            self.scenario.afterwards(stage)
        agree(stage, self.scenario)
        self._nothing_is_left(stage, belated=belated)

    def _repeat_by_name(self, stage: CrashEnvironment) -> None:
        """A reinstallation whose answer was lost counts as carried out. A person whom the tool has told that nothing shows it, and
        who sees that it never arrived, has it sent again.
        """
        told = self.run(stage, ("plan",))
        require(
            "Warning[unconfirmed]: alpha" in told.text, f"nobody was told what the cloud does not show: {told.text}"
        )
        ended = self.run(stage, (*APPLY, "--reinstall=alpha"))
        require(ended.code == 0, f"exit {ended.code} of a reinstallation by name: {ended.text}")
        examine(stage, self.scenario)

    def _settle_doubts(self, stage: CrashEnvironment, told: ProcessResult) -> ProcessResult:
        """Doubt may stay only where no list shows a server, or where nobody can tell whose it is; time ends it, or where money was
        at stake a person.
        """
        doubts = _doubts_told(stage, told)
        if self.scenario.way_out is not None:
            ended = self._end_from_outside(stage, self.scenario.way_out)
            if ended.code != 6:
                return ended
            doubts = _doubts_told(stage, ended)
        state = stage.state
        recorded = {record.id for record in state.resources.values()} if state else set()
        listed = {server.name for server in stage.alive if server.is_listed and server.id not in recorded}
        require(
            stage.lists or not listed & {one.name for one in doubts if not one.members},
            "in doubt, and listed for all to see",
        )
        stage.changes_asked_for()
        if self.scenario.seems_later:
            ended = self._look_too_early(stage)
            if ended.code != 6:
                return ended
        stage.pass_time(QUIET_SECONDS + _SLEPT_SECONDS + self.scenario.seems_later)
        ended = self.go_on(stage)
        has_an_order = bool(self.scenario.sells) and ended.code == 6
        if "PRE_PAID" not in self.scenario.specs and not has_an_order:
            is_beside_one = ended.code == 6 and self.scenario.stranger is not None
            return self._rule_out_strangers(stage, doubts, ended) if is_beside_one else ended
        if self.scenario.pays_in_two_steps and ended.code != 6:
            return ended  # billing knew of no order, so that another one was placed: the books tell whether that is so
        asked = [change for change in stage.changes_asked_for() if change.endswith("/dev-servers")]
        require(not asked, "a prepaid server was bought in doubt")
        shown = {wanted_name(server.name) for server in stage.alive} - {wanted_name(name) for name in listed}
        if shown & {wanted_name(intent.name) for intent in doubts if not intent.members}:
            return ended  # it came to light, and has its name by now
        require(ended.code == 6, f"exit {ended.code}: a prepaid server was not left to a person: {ended.text}")
        for intent in doubts:
            self._decide(stage, intent, ended)
        return self.go_on(stage)

    def _end_from_outside(self, stage: CrashEnvironment, way_out: Callable[[CrashEnvironment], None]) -> ProcessResult:
        """Neither a look nor time need tell what became of it; that there is no purchase too many the books say."""
        stage.pass_time(QUIET_SECONDS + _SLEPT_SECONDS)
        ended = self.go_on(stage)
        require(
            ended.code == 6 or not self.scenario.outlasts_time, f"exit {ended.code}, and nobody can know: {ended.text}"
        )
        if ended.code == 6:
            told = " ".join(ended.text.split())
            require(self.scenario.doubt_tells in told, f"in doubt, and nobody is told why: {ended.text}")
            self._take(stage, way_out)
            ended = self.go_on(stage)
        return ended

    def _go_past(self, stage: CrashEnvironment, ended: ProcessResult) -> ProcessResult:
        """What the scenario says that one run meets."""
        told = " ".join(ended.text.split())
        require(self.scenario.meets in told, f"exit {ended.code} for something else: {ended.text}")
        if self.scenario.way_out is not None:
            self._take(stage, self.scenario.way_out)
        return self.go_on(stage)

    def _take(self, stage: CrashEnvironment, way_out: Callable[[CrashEnvironment], None]) -> None:
        way_out(stage)
        stage.arm()

    def _look_too_early(self, stage: CrashEnvironment) -> ProcessResult:
        """When only a clock that is ahead says that the quiet period is over."""
        stage.pass_time(QUIET_SECONDS - self.scenario.seems_later)
        ended = self.go_on(stage)
        asked = [change for change in stage.changes_asked_for() if change.endswith("/dev-servers")]
        require(not asked, f"bought before the quiet period was over: {ended.text}")
        return ended

    def _rule_out_strangers(
        self, stage: CrashEnvironment, doubts: Iterable[Intent], told: ProcessResult
    ) -> ProcessResult:
        """What a stranger bought in the same minutes is like ours but for the name: a person, who is told of it, says that it is not."""
        text = " ".join(told.text.split())
        is_told = "as it was asked for but for the name" in text
        require(is_told, f"in doubt after the quiet period, and nobody is told why: {told.text}")
        for intent in doubts:
            self._decide(stage, intent, told)
        return self.go_on(stage)

    def _decide(self, stage: CrashEnvironment, intent: Intent, told: ProcessResult) -> None:
        """A person looks at the console: there is an order that nobody has paid, or one of several servers, or nothing."""
        bought = (row for row in stage.ledger if row.kind == "purchase" and row.name == intent.name)
        order = next((row.order_id for row in bought if row.server_id is None or intent.members), None)
        require(order is None or order in told.text, f"order {order} may be the purchase in doubt, and is not named")
        verdict = ("--absent",) if order is None else ("--adopt", order)
        decided = self.run(stage, ("resolve", str(intent.address), *verdict))
        require(decided.code == 0, f"the person's word was not taken: {decided.text}")
        stage.absent.add(intent.id)
        examine(stage, self.scenario)

    def _nothing_is_left(self, stage: CrashEnvironment, *, belated: bool) -> None:
        if stage.awaits_time:
            stage.pass_time(QUIET_SECONDS + _SLEPT_SECONDS)
            landed = self.go_on(stage)
            require(landed.code == 0, f"exit {landed.code} once everything has arrived: {landed.text}")
            agree(stage, self.scenario)
        stage.changes_asked_for()
        books = books_of(stage, self.scenario)
        compare(books, self.scenario, belated=belated)
        last = self.run(stage, self.scenario.follow or self.command_again(stage))
        require(last.code == 0, f"exit {last.code} with nothing left to do: {last.text}")
        require("No changes" in last.out, f"something was left to do: {last.text}")
        asked = stage.changes_asked_for()
        require(not asked, f"nothing was left to do, and the cloud was asked for {asked}")
        keep_secrets(stage)


class ViolationRecorder:
    """A broken promise is written down, and the next step is tried all the same."""

    def __init__(self, counters: RunCounters, where: str) -> None:
        self._tally = counters
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Violation):
            self._tally.violations.append(f"{self._where}: {error}")
            return True
        return False


def _doubts_told(stage: CrashEnvironment, told: ProcessResult) -> tuple[Intent, ...]:
    state = stage.state
    doubts = state.purchases_in_doubt if state else ()
    require(doubts, "exit 6, and nothing is in doubt")
    require(all(str(intent.address) in told.text for intent in doubts), f"a doubt is not shown: {told.text}")
    return doubts


def distinct(names: tuple[str, ...]) -> list[int]:
    """The numbers of the steps at which a death leaves something else than at the step before."""
    return [number for number, name in enumerate(names, start=1) if not _NO_CHANGE.match(name)]
