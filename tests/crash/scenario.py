"""What a scenario says: what the world is like before, what is run, and what the cloud's own books have to say at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crash.crash_environment import PASSWORD_VARIABLE, PUBLIC_ACCOUNT, Account, CrashEnvironment
from support.process_workspace import PREPAID

APPLY = ("apply", "--auto-approve", "--resolve-timeout", "3s")
REFRESH = ("apply", "--refresh-only", "--auto-approve")
DESTROY = ("destroy", "--auto-approve", "--resolve-timeout", "3s")
PAY = ("orders", "pay", "alpha", "--auto-approve")
CANCEL = ("orders", "cancel", "alpha", "--auto-approve")
NONCE = "marker: nonce"
TWO_STEP = "prepaid: two-step"
SECRET = f'key_pair_name: null, admin_pass: {{secret: "env:{PASSWORD_VARIABLE}"}}'


def alpha(*fields: str) -> str:
    """Specs of one server with a password, so that every death may leave it behind somewhere."""
    return f"servers: {{alpha: {{{', '.join((SECRET, *fields))}}}}}\n"


ONE = alpha()
TWO = "servers: {alpha: {}, beta: {}}\n"
EIGHT = "servers: {pool: {count: 8}}\n"
ONE_PREPAID = alpha(f"charging_info: {PREPAID}")
ONE_UNPAID = ONE_PREPAID.replace("is_auto_pay: true", "is_auto_pay: false")
EIGHT_PREPAID = f"servers: {{pool: {{count: 8, charging_info: {PREPAID}}}}}\n"
IMAGE, OTHER_IMAGE = "c90fb553-2cdb-4b81-b56a-ef68812c6cf7", "7a1b2c3d-2cdb-4b81-b56a-ef68812c6cf7"
VOLUME, ADDRESS = "0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7", "1c6b2e3f-2cdb-4b81-956a-ef68812c6cf7"
THREE_TOGETHER = f"servers: {{pool: {{count: 3, order: together, charging_info: {PREPAID}}}}}\n"
UNNAMED = {"order_id": None}
"""No row names the order that bought its server."""
TRUE = "arch: X86, server_type: ECS, root_volume: {type: SSD, size: 100}, availability_zone: cn-north-4a"
BIGGER = "flavor: Si2.xlarge.4"
ALPHA, POOL = ("alpha",), tuple(f"pool-{number}" for number in range(8))


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """By the cloud's own tables: how often each name was bought (an order that nobody paid is not), released, refunded and wiped
    in all, and which names are alive. `unpaid` is how many orders wait for money.
    """

    bought: Mapping[str, int]
    alive: tuple[str, ...]
    released: Mapping[str, int] = field(default_factory=dict)
    refunded: Mapping[str, int] = field(default_factory=dict)
    wiped: Mapping[str, int] = field(default_factory=dict)
    unpaid: int = 0
    systems: tuple[str, ...] | None = None
    """Status and image of those that are alive, where a scenario is about that."""


def once(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    specs: str
    ends: LedgerTotals
    before: str | None = None
    """Specs that were applied, and in peace, before."""
    purchase: str = ""
    """More of the stack's `purchase:`."""
    command: tuple[str, ...] = APPLY
    again: Callable[[CrashEnvironment], tuple[str, ...]] | None = None
    """What a person types after the death; None: the same again."""
    prepare: Callable[[CrashEnvironment], None] | None = None
    """What else has happened before."""
    code: int = 0
    """Of a run in which nobody dies."""
    follow: tuple[str, ...] | None = None
    """What is run when that has come to its end, and then has nothing left to do; None: the same again."""
    afterwards: Callable[[CrashEnvironment], None] | None = None
    """What happens outside once it has come to its end. The same command again has nothing to do because of that."""
    waits_for: Callable[[CrashEnvironment], None] | None = None
    """What has to happen outside before another run can go on; that run exits 0."""
    waiting: LedgerTotals | None = None
    """The books until it has happened."""
    waiting_code: int = 7
    """Of every run until it has happened."""
    lists: Mapping[str, object] | None = None
    """What every list says from then on, whatever there is (the sandbox's rule `rewrite`)."""
    belated: tuple[LedgerTotals, ...] = ()
    """What the books may say instead where a call was carried out minutes after its answer was lost, and after it was made
    again: what is not a purchase is repeated once a look shows nothing of it (docs/decisions/0012).
    """
    stranger: str | None = None
    """Somebody buys a server of this name while we buy ours. It is not ours, and must stay as it is."""
    takes_over: tuple[str, ...] = ()
    """Servers of these names are nobody's until they are recorded."""
    gives_up: tuple[str, ...] = ()
    """Servers of these names become nobody's."""
    build_seconds: float = 0.0
    meets: str = ""
    """The code, or a part of the text, of what one run, and no other, is refused or ends 7 for; the next one goes on."""
    account: Account = PUBLIC_ACCOUNT
    shows: Mapping[str, object] | None = None
    """What the cloud shows of every server for ever, whatever is done to it (the sandbox's rule `rewrite`)."""
    sells: Mapping[str, object] | None = None
    """How the cloud sells every server, whatever was asked for (the sandbox's rule `sells`)."""
    beside: tuple[Mapping[str, object], ...] = ()
    """Rules of the sandbox that are in force as soon as `before` is applied, whatever else happens."""
    by_keys: bool = False
    """The stack names a real cloud and its users their keys, so that there may be two of them, and this machine's clock is a witness."""
    meanwhile: Callable[[CrashEnvironment], None] | None = None
    """What has happened outside when a second run begins."""
    way_out: Callable[[CrashEnvironment], None] | None = None
    """What happens outside where neither a look nor time has ended a doubt, or a run was refused as `meets` says."""
    doubt_tells: str = ""
    """What a doubt says then."""
    outlasts_time: bool = False
    """No run may end a doubt before `way_out` does."""
    leaves_drift: bool = False
    """A run that goes on with what is built leaves what others have changed of it to the next one."""
    seems_later: float = 0.0
    """By so many seconds the cloud's clock may tell of more time than has passed since, or of less."""

    @property
    def pays_in_two_steps(self) -> bool:
        return TWO_STEP in self.purchase
