"""Plays a scenario to its end, with a death at each of its steps, or without one; and says where the promise was broken."""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from crash.judgement import Violation, agree, books_of, compare, examine, require
from crash.scenarios import Scenario
from crash.stage import QUIET_SECONDS, Machinery, Stage
from support.zygote import Ended, Fate

from provisioner.model.state import Intent

_NO_CHANGE = re.compile(r"^(before|after) sync |^before (?!POST|PUT|DELETE|GET)")
"""Killed processes leave what they have written: a sync changes nothing for them, and before a step is after the last."""


@dataclass
class Tally:
    """For the table: of how many steps, in how many runs, what went wrong."""

    name: str
    steps: int = 0
    runs: int = 0
    violations: list[str] = field(default_factory=list)
    began: float = field(default_factory=monotonic)

    def row(self) -> dict[str, object]:
        return {
            "name": self.name,
            "steps": self.steps,
            "runs": self.runs,
            "violations": len(self.violations),
            "seconds": monotonic() - self.began,
        }


class Theatre:
    """Plays one scenario again and again, from the same moment each time."""

    def __init__(self, folder: Path, machinery: Machinery, scenario: Scenario, tally: Tally) -> None:
        self.scenario = scenario
        self.tally = tally
        self._folder = folder
        self._names = itertools.count()
        (folder / "prepared").mkdir()
        self._prepared = Stage(
            folder / "prepared", machinery, build_seconds=scenario.build_seconds, account=scenario.account
        )
        if scenario.before is not None:
            self._prepared.write(scenario.before, purchase=scenario.purchase)
            assert self._prepared.run("apply", "--auto-approve").code == 0
        self._prepared.write(scenario.specs, purchase=scenario.purchase)
        if scenario.prepare is not None:
            scenario.prepare(self._prepared)

    def stage(self, of: Stage | None = None) -> AbstractContextManager[Stage]:
        return (of or self._prepared).copy(self._folder / f"play-{next(self._names)}")

    def alone(self) -> tuple[str, ...]:
        """Nobody dies. The names of the steps that such a run passes."""
        with self.stage() as stage:
            stage.expect_stranger(self.scenario.stranger)
            ended = self.run(stage, self.scenario.command)
            require(ended.code == self.scenario.code, f"exit {ended.code} although nobody died: {ended.text}")
            examine(stage, self.scenario)
            self.make_good(stage, ended, deaths=0)
        self.tally.steps = len(ended.steps)
        return ended.steps

    def run(self, stage: Stage, command: tuple[str, ...], events: dict[int, str] | None = None) -> Ended:
        self.tally.runs += 1
        return stage.run(*command, fate=Fate(events or {}))

    def die(self, stage: Stage, number: int, command: tuple[str, ...] | None = None) -> None:
        """Or end: a run with many workers may be over before its step comes."""
        ended = self.run(stage, command or self.scenario.command, {number: "KILL"})
        require(ended.code == -signal.SIGKILL or len(ended.steps) < number, f"exit {ended.code} at its death")
        examine(stage, self.scenario)

    def die_at_each(self, numbers: Iterable[int], names: tuple[str, ...]) -> None:
        for number in numbers:
            with self.recorded(f"step {number} ({names[number - 1]})"), self.stage() as stage:
                stage.expect_stranger(self.scenario.stranger)
                self.die(stage, number)
                self.make_good(stage, self.go_on(stage), deaths=1)

    def die_at_each_pair(self, numbers: Iterable[int], names: tuple[str, ...]) -> None:
        """Once at each of `numbers`, then in the next run at each step that tells, and then once more in peace."""
        for number in numbers:
            with self.stage() as dead:
                self.die(dead, number)
                with self.stage(dead) as stage:
                    again = self.go_on(stage).steps
                for second in distinct(again):
                    where = f"steps {number} ({names[number - 1]}) and {second} ({again[second - 1]})"
                    with self.recorded(where), self.stage(dead) as stage:
                        self.die(stage, second, self.command_again(stage))
                        self.make_good(stage, self.go_on(stage), deaths=2)
                        self.tally.steps += 1

    def recorded(self, where: str) -> Recorded:
        return Recorded(self.tally, where)

    def command_again(self, stage: Stage) -> tuple[str, ...]:
        return self.scenario.command if self.scenario.again is None else self.scenario.again(stage)

    def go_on(self, stage: Stage) -> Ended:
        ended = self.run(stage, self.command_again(stage))
        examine(stage, self.scenario)
        return ended

    def make_good(self, stage: Stage, ended: Ended, *, deaths: int) -> None:
        """From the end of a run that nobody killed: what it left is settled as its user would, and then nothing is left to do."""
        if ended.code == 6:
            ended = self._settle_doubts(stage, ended)
        if (
            self.scenario.stranger is not None and ended.code == 4
        ):  # the name is taken: for a purchase, or for the last rename
            agree(stage, self.scenario)
            require(max(books_of(stage, self.scenario).bought.values(), default=0) <= 1, "bought twice, and refused")
            return
        if self.scenario.waits_for is not None and self.scenario.waiting is not None:
            require(ended.code == 7, f"exit {ended.code} where something is waited for: {ended.text}")
            books = books_of(stage, self.scenario)
            compare(books, self.scenario.waiting, self.scenario, deaths=deaths, names_final=False)
            self.scenario.waits_for(stage)
            ended = self.go_on(stage)
        require(ended.code == 0, f"exit {ended.code} at last: {ended.text}")
        if self.scenario.follow is not None:
            ended = self.run(stage, self.scenario.follow)
            require(ended.code == 0, f"exit {ended.code} of what follows: {ended.text}")
        agree(stage, self.scenario)
        self._nothing_is_left(stage, deaths)

    def _settle_doubts(self, stage: Stage, told: Ended) -> Ended:
        """Doubt may stay only where no list shows a server, or where nobody can tell whose it is; time ends it, or where money was
        at stake a person.
        """
        state = stage.state
        doubts = state.purchases_in_doubt if state else ()
        require(doubts, "exit 6, and nothing is in doubt")
        require(all(str(intent.address) in told.text for intent in doubts), f"a doubt is not shown: {told.text}")
        listed = {server.name for server in stage.alive}
        before = books_of(stage, self.scenario)
        require(not listed & {one.name for one in doubts if not one.members}, "in doubt, and listed for all to see")
        stage.pass_time(QUIET_SECONDS)
        ended = self.go_on(stage)
        if "PRE_PAID" not in self.scenario.specs:
            return ended
        require(ended.code == 6, f"exit {ended.code}: a prepaid server was not left to a person: {ended.text}")
        require(books_of(stage, self.scenario) == before, "something was bought in doubt")
        for intent in doubts:
            self._decide(stage, intent, ended)
        return self.go_on(stage)

    def _decide(self, stage: Stage, intent: Intent, told: Ended) -> None:
        """A person looks at the console: there is an order that nobody has paid, or one of several servers, or nothing."""
        bought = (row for row in stage.ledger if row.kind == "purchase" and row.name == intent.name)
        order = next((row.order_id for row in bought if row.server_id is None or intent.members), None)
        require(order is None or order in told.text, f"order {order} may be the purchase in doubt, and is not named")
        verdict = ("--absent",) if order is None else ("--adopt", order)
        decided = self.run(stage, ("resolve", str(intent.address), *verdict))
        require(decided.code == 0, f"the person's word was not taken: {decided.text}")
        stage.absent.add(intent.id)
        examine(stage, self.scenario)

    def _nothing_is_left(self, stage: Stage, deaths: int) -> None:
        stage.changes_asked_for()
        books = books_of(stage, self.scenario)
        compare(books, self.scenario.ends, self.scenario, deaths=deaths, names_final=True)
        last = self.run(stage, self.scenario.follow or self.command_again(stage))
        require(last.code == 0, f"exit {last.code} with nothing left to do: {last.text}")
        require("No changes" in last.out, f"something was left to do: {last.text}")
        asked = stage.changes_asked_for()
        require(not asked, f"nothing was left to do, and the cloud was asked for {asked}")


class Recorded:
    """A broken promise is written down, and the next step is tried all the same."""

    def __init__(self, tally: Tally, where: str) -> None:
        self._tally = tally
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Violation):
            self._tally.violations.append(f"{self._where}: {error}")
            return True
        return False


def distinct(names: tuple[str, ...]) -> list[int]:
    """The numbers of the steps at which a death leaves something else than at the step before."""
    return [number for number, name in enumerate(names, start=1) if not _NO_CHANGE.match(name)]
