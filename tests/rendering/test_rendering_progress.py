import io

import pytest
from rendering.samples import COLORED, PLAIN
from rich.console import Console

from provisioner.model.action import Action
from provisioner.model.address import Address
from provisioner.model.diagnostic import error
from provisioner.model.event import Event, EventType
from provisioner.rendering.progress import LiveTable, event_line
from provisioner.rendering.style import Style

TRAINER = Address("trainer", 0)
SOLD_OUT = error("sold-out", "the flavor is sold out")


def event(kind: EventType, action: Action | None = Action.CREATE, address: Address | None = TRAINER, **parts) -> Event:
    return Event(kind, address, action, **parts)


@pytest.mark.parametrize(
    ("heard", "line"),
    [
        (event(EventType.STARTED), "trainer[0]: Creating..."),
        (event(EventType.STARTED, Action.DELETE), "trainer[0]: Destroying..."),
        (event(EventType.BOUGHT, id="6238", order_id="CS1"), "trainer[0]: Ordered [id=6238, order=CS1]"),
        (event(EventType.BOUGHT, order_id="CS1"), "trainer[0]: Ordered [order=CS1]"),
        (
            event(EventType.WAITING, elapsed=10.9, detail="CREATING"),
            "trainer[0]: Still creating... [10s elapsed, CREATING]",
        ),
        (event(EventType.WAITING, elapsed=62), "trainer[0]: Still creating... [1m02s elapsed]"),
        (event(EventType.FINISHED, elapsed=12, id="6238"), "trainer[0]: Creation complete after 12s [id=6238]"),
        (event(EventType.FINISHED, Action.DELETE, elapsed=3725), "trainer[0]: Destruction complete after 1h02m"),
        (
            event(EventType.FAILED, elapsed=2, diagnostic=SOLD_OUT),
            "trainer[0]: Creation failed after 2s: the flavor is sold out",
        ),
        (
            event(EventType.FAILED, elapsed=2, id="6238", built=True, diagnostic=SOLD_OUT),
            "trainer[0]: Creation complete after 2s [id=6238], but not as declared: the flavor is sold out",
        ),
        (event(EventType.IN_DOUBT, detail="the reply never came"), "trainer[0]: In doubt: the reply never came"),
        (event(EventType.ADOPTED, id="6238"), "trainer[0]: Adopted [id=6238]"),
        (event(EventType.SETTLED, detail="nothing was bought"), "trainer[0]: Settled: nothing was bought"),
        (event(EventType.DETACHED, id="6238"), "trainer[0]: Left [id=6238]"),
        (event(EventType.SKIPPED, detail="interrupted"), "trainer[0]: Not started: interrupted"),
        (event(EventType.NOTICE, None, None, detail="the cloud is slow"), "the cloud is slow"),
        (
            event(EventType.PAUSED, None, None, remaining=65),
            "The cloud asks for fewer requests: going on in 1m05s",
        ),
        (
            event(EventType.UNANSWERED, None, None, detail="GET /v1/p/dev-servers/all", elapsed=20.4),
            "Still waiting for the cloud's answer to GET /v1/p/dev-servers/all: 20s so far",
        ),
        (
            event(EventType.READING, None, None, detail="GET /v1/p/dev-servers/all", elapsed=50.2, requests=57),
            "Still reading from the cloud: 57 requests in 50s, now GET /v1/p/dev-servers/all",
        ),
    ],
)
def test_one_line_an_event(heard, line):
    assert event_line(heard, PLAIN) == line


def test_events_with_nothing_to_tell_have_no_line():
    assert event_line(event(EventType.NOTICE, None, None), PLAIN) is None
    assert event_line(event(EventType.STARTED, Action.NO_OP), PLAIN) is None


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def table(clock: Clock, total: int = 3, style: Style = PLAIN) -> LiveTable:
    return LiveTable(total, style, clock=clock)


def test_the_table_holds_the_latest_word_of_every_address_and_counts_on(clock):
    live = table(clock)
    for index in range(3):
        live.update(event(EventType.STARTED, address=Address("trainer", index)))
    live.update(event(EventType.FINISHED, elapsed=4, id="6238"))
    live.update(event(EventType.WAITING, address=Address("trainer", 1), elapsed=10, detail="CREATING"))
    live.update(event(EventType.FAILED, address=Address("trainer", 2), elapsed=2, diagnostic=SOLD_OUT))
    live.update(event(EventType.NOTICE, address=Address("trainer", 1), detail="an aside"))
    clock.now += 5
    assert live.lines(20) == [
        "  trainer[2]  Creation failed after 2s: the flavor is sold out",
        "  trainer[1]  Creating... 15s  CREATING",
        "  trainer[0]  Creation complete after 4s [id=6238]",
        "1 of 3 done, 1 under way, 1 failed, 5s",
    ]


def test_the_table_never_grows_above_its_height_nor_beyond_its_width(clock):
    live = table(clock, 50, Style(color=False, width=40))
    for index in range(50):
        live.update(event(EventType.WAITING, address=Address("trainer", index), detail="CREATING " * 20))
    lines = live.lines(6)
    assert len(lines) == 6
    assert lines[-2:] == ["  and 46 more", "0 of 50 done, 50 under way, 0s"]
    assert max(map(len, lines)) <= 40


def test_a_console_shows_the_table_within_its_height_and_takes_no_markup_from_names(clock):
    live = table(clock, 9, COLORED)
    for index in range(9):
        live.update(event(EventType.WAITING, address=Address("pool", f"[red]{index}"), detail="[bold]CREATING"))
    screen = io.StringIO()
    Console(file=screen, width=80, height=5, _environ={}).print(live)
    lines = screen.getvalue().splitlines()
    assert len(lines) == 4
    assert '  pool["[red]0"]  Creating... 0s  [bold]CREATING' in lines


def test_a_pause_is_counted_down_beside_the_totals_and_then_gone(clock):
    live = table(clock)
    live.update(event(EventType.PAUSED, None, None, remaining=45))
    clock.now += 15
    assert live.lines(9) == ["0 of 3 done, 15s  paused for 30s: the cloud asks for fewer requests"]
    clock.now += 30
    assert live.lines(9) == ["0 of 3 done, 45s"]


def test_a_pause_is_cut_to_the_width(clock):
    live = table(clock, 3, Style(color=False, width=40))
    live.update(event(EventType.PAUSED, None, None, remaining=45))
    assert len(live.lines(9)[0]) == 40
