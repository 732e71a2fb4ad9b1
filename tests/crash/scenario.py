"""What a scenario consists of: what is there before, which command runs, and what the sandbox's ledger has to show at the end."""

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
    """Returns specs of one server with a password, so that a killed run may leave the password behind somewhere."""
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
"""Fields of a row that does not name the order which bought its server."""
TRUE = "arch: X86, server_type: ECS, root_volume: {type: SSD, size: 100}, availability_zone: cn-north-4a"
BIGGER = "flavor: Si2.xlarge.4"
ALPHA, POOL = ("alpha",), tuple(f"pool-{number}" for number in range(8))


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """What the sandbox's tables show: how often each name was bought, released, refunded and wiped, and which names are alive.

    An order that nobody paid counts in `unpaid`, not in `bought`.
    """

    bought: Mapping[str, int]
    alive: tuple[str, ...]
    released: Mapping[str, int] = field(default_factory=dict)
    refunded: Mapping[str, int] = field(default_factory=dict)
    wiped: Mapping[str, int] = field(default_factory=dict)
    unpaid: int = 0
    systems: tuple[str, ...] | None = None
    """Status and image of each live server. None: the scenario does not check them."""


def once(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    specs: str
    expected: LedgerTotals
    initial_specs: str | None = None
    """Specs that are applied undisturbed before the scenario begins."""
    purchase: str = ""
    """More keys of the stack's `purchase:` section."""
    command: tuple[str, ...] = APPLY
    next_command: Callable[[CrashEnvironment], tuple[str, ...]] | None = None
    """The command that the operator types after the first run. None: the same one."""
    prepare: Callable[[CrashEnvironment], None] | None = None
    """What else happens before the scenario begins."""
    code: int = 0
    """The exit code of an undisturbed run."""
    follow_up: tuple[str, ...] | None = None
    """The command that runs at the end and then has nothing left to do. None: the same command as before."""
    after_finish: Callable[[CrashEnvironment], None] | None = None
    """What happens outside at the end. It must not give the next run of the command anything to do."""
    external_event: Callable[[CrashEnvironment], None] | None = None
    """What has to happen outside before another run can go on. That run exits 0."""
    expected_while_waiting: LedgerTotals | None = None
    """The ledger's totals until that event."""
    code_while_waiting: int = 7
    """The exit code of every run until that event."""
    list_override: Mapping[str, object] | None = None
    """Keys that replace those of every list's answer, whatever there is to list (the sandbox's rule `rewrite`)."""
    late_alternatives: tuple[LedgerTotals, ...] = ()
    """Totals that are fine as well if a request was carried out minutes after its answer was lost and after it was repeated.

    The tool repeats what is not a purchase once a read shows no effect of it (docs/decisions/0012).
    """
    stranger: str | None = None
    """A stranger buys a server of this name while we buy ours. The tool must not touch it."""
    may_meet_namesake: bool = False
    """A stranger's server may bear the name of ours after our purchase, though nobody buys one meanwhile."""
    adopted_names: tuple[str, ...] = ()
    """Names of servers without an owner that the tool adopts: until then they need not be recorded."""
    forgotten_names: tuple[str, ...] = ()
    """Names of servers that the tool forgets without a release: afterwards they need not be recorded."""
    build_seconds: float = 0.0
    used_up: str = ""
    """The code with which the same command is refused once it is done; `follow_up` then has nothing left to do."""
    expected_problem: str = ""
    """The code, or a part of the text, of the problem for which exactly one run is refused or exits 7. The next run goes on."""
    account: Account = PUBLIC_ACCOUNT
    row_override: Mapping[str, object] | None = None
    """Fields that the cloud shows for every server, whatever is done to it (the sandbox's rule `rewrite`)."""
    sale_override: Mapping[str, object] | None = None
    """How the cloud sells every server, whatever was asked for (the sandbox's rule `sells`)."""
    lasting_faults: tuple[Mapping[str, object], ...] = ()
    """Rules of the sandbox that stay in force from the moment when `initial_specs` is applied."""
    uses_access_keys: bool = False
    """The stack names the real cloud, and its users have access keys. So there may be two users, and this machine's clock counts."""
    between_runs: Callable[[CrashEnvironment], None] | None = None
    """What happens outside between the first run and the second."""
    external_fix: Callable[[CrashEnvironment], None] | None = None
    """What happens outside if neither a list nor the quiet period ends a doubt, or after a run met `expected_problem`."""
    doubt_reason: str = ""
    """What the output has to say about such a doubt."""
    needs_external_fix: bool = False
    """No run may end a doubt before `external_fix` happens."""
    leaves_drift: bool = False
    """A run that completes a purchase leaves drift of that server to the next run."""
    clock_error: float = 0.0
    """By how many seconds the cloud's dates may be wrong, in either direction."""

    @property
    def has_namesake(self) -> bool:
        """Whether somebody else's server may bear the name of one that we have bought."""
        return self.stranger is not None or self.may_meet_namesake

    @property
    def pays_in_two_steps(self) -> bool:
        return TWO_STEP in self.purchase
