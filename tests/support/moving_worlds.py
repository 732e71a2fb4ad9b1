"""Two places of a state, on disks and in memory, in which a run dies or stands still at any step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.disks import Crash, DyingDisk
from support.memory_backend import SHORT, MemoryBackend, Place

from provisioner.model.diagnostic import StoreError
from provisioner.model.state import State
from provisioner.store import StateStore
from provisioner.store.clock import StoreClock
from provisioner.store.contract import Store
from provisioner.store.folder import FolderStore
from provisioner.store.high_water_marks import HighWaterMarks
from provisioner.store.shared_store import SharedStore


@dataclass
class Steps:
    """Counts the steps of a run at all places, and calls `on_step` before number `at`."""

    at: int = 0
    count: int = 0
    on_step: Callable[[], None] = lambda: None
    is_dead: bool = False

    def step(self) -> None:
        if self.is_dead:
            raise Crash("dead")
        self.count += 1
        if self.count == self.at:
            self.on_step()

    def die(self) -> None:
        self.is_dead = True
        raise Crash("dies here")


class CountedDisk(DyingDisk):
    def __init__(self, steps: Steps) -> None:
        super().__init__(10**9)
        self._counted = steps

    def before_operation(self, operation):
        super().before_operation(operation)
        self._counted.step()

    def lose_power(self, folders: tuple[Path, ...]) -> None:
        """Leave in these folders only what a power failure leaves."""
        kept = {path: self._synced.get(file, b"") for path, file in self._names.items()}
        for folder in folders:
            for file in folder.iterdir() if folder.exists() else ():
                file.unlink()
        for path, data in kept.items():
            path.write_bytes(data)


@contextmanager
def no_renewal(_held: object, _terms: object) -> Iterator[None]:
    yield


class ManualBackend(MemoryBackend):
    """Waiting moves the clock of the world instead."""

    def __init__(self, place: Place, world: World) -> None:
        super().__init__(place)
        self._world = world

    def wait(self, label: str, seconds: float) -> None:
        del label
        self._world.elapsed += seconds


@dataclass
class World:
    """An old and a new place, each a folder or in memory. `steps` are those of the run that may die."""

    folder: Path
    old_is_folder: bool
    new_is_folder: bool
    steps: Steps = field(default_factory=Steps)
    elapsed: float = 0.0

    def __post_init__(self) -> None:
        self.disk = CountedDisk(self.steps)
        self.places = {name: Place(name=name) for name in ("old", "new")}
        self.marks = HighWaterMarks(self.folder / "marks")

    def open(self, name: str, *, is_counted: bool = False) -> Store:
        """Open the state at a place. The steps of a counted one are counted."""
        is_folder = self.old_is_folder if name == "old" else self.new_is_folder
        if is_folder:
            disk = self.disk if is_counted else None
            return FolderStore(self.folder / name, "demo.dev", disk=disk, clock=self.clock)
        place = self.places[name]
        if is_counted:
            place = Place(place.states, name=name, before_step=lambda *_: self.steps.step())
        return SharedStore(
            ManualBackend(place, self),
            "demo.dev",
            clock=self.clock,
            terms=SHORT,
            renewal=no_renewal,
            checkpoint_after=0,
        )

    @property
    def clock(self) -> StoreClock:
        def sleep(seconds: float) -> None:
            self.elapsed += seconds

        return StoreClock(elapsed=lambda: self.elapsed, sleep=sleep)

    def standing(self) -> tuple[State | str | None, State | str | None]:
        """What is read at the old and at the new place: a state, the code of a refusal, or None for nothing."""
        return self._read("old"), self._read("new")

    def _read(self, name: str) -> State | str | None:
        try:
            return StateStore(self.open(name), marks=self.marks).load()
        except StoreError as refusal:
            return refusal.diagnostics[0].code
