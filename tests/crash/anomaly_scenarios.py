"""Scenarios with an anomaly of the cloud or of the folder.

Another user sees less, somebody renames a server, the cloud changes the case of names, clocks disagree, a reply names a
stranger's server, or another state of the same folder cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable

from crash.crash_environment import COLLEAGUE, OURSELVES, SHOWING, CrashEnvironment
from crash.scenario import (
    ALPHA,
    DESTROY,
    NONCE,
    ONE,
    ONE_PREPAID,
    OTHER_IMAGE,
    LedgerTotals,
    Scenario,
    alpha,
    once,
)

_ALL = {"at": "ListAllDevServers", "times": "always"}
_REFUSED = _ALL | {
    "fault": "answer",
    "status": 403,
    "code": "ModelArts.0103",
    "message": "Forbidden.",
    "executed": False,
}
_FILTERED = _ALL | {"fault": "filtered"}
_RESPELT = {"at": SHOWING, "times": "always", "fault": "rewrite"}
_APART = 780.0
"""By how many seconds the clocks of two gateway nodes differ."""
_AHEAD = {"at": "*", "times": "always", "fault": "skew", "seconds": _APART}
_BEHIND = {"at": "*", "times": "always", "fault": "skew", "seconds": -_APART}
_CACHED = _ALL | {"fault": "skew", "age": 60}
_SIBLING = "test.prod.json"


def _switch_to_colleague(environment: CrashEnvironment) -> None:
    environment.user = COLLEAGUE


def _switch_back_to_sender(environment: CrashEnvironment) -> None:
    environment.user = OURSELVES


def _rename_listed_servers(environment: CrashEnvironment) -> None:
    for server in environment.live_servers:
        if server.is_listed:
            environment.rename(server.id, "somebodys")


def _restore_name(environment: CrashEnvironment) -> None:
    state = environment.state
    assert state is not None
    (doubt,) = state.purchases_in_doubt
    for server in environment.live_servers:
        environment.rename(server.id, doubt.name)


def _end_anomaly(environment: CrashEnvironment) -> None:
    environment.lasting_faults = ()


def _adopt_by_id(environment: CrashEnvironment) -> None:
    (server,) = environment.live_servers
    assert environment.run("resolve", "alpha", "--adopt", server.id).code == 0


def _switch_to_rule(rule: dict[str, object]) -> Callable[[CrashEnvironment], None]:
    def between_runs(environment: CrashEnvironment) -> None:
        environment.lasting_faults = (rule,)

    return between_runs


def _name_stranger_id_in_replies(environment: CrashEnvironment) -> None:
    strangers = environment.buy_as_stranger("beta")
    reply = {"at": "CreateDevServer", "times": "always", "fault": "rewrite", "set": {"id": strangers.id}}
    environment.lasting_faults = (reply,)


def _name_stranger_order_in_replies(environment: CrashEnvironment) -> None:
    term = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}
    strangers = environment.buy_as_stranger("beta", charging_info=term)
    reply = {
        "at": "CreateDevServer",
        "times": "always",
        "fault": "rewrite",
        "set": {"id": strangers.id, "order_id": strangers.order_id},
    }
    environment.lasting_faults = (reply,)


def _buy_as_stranger(environment: CrashEnvironment) -> None:
    environment.buy_as_stranger("beta")


def _give_stranger_our_name(environment: CrashEnvironment) -> None:
    for identifier in [*environment.strangers]:
        environment.rename_stranger(identifier, "alpha")


def _give_stranger_old_name(environment: CrashEnvironment) -> None:
    for identifier in [*environment.strangers]:
        environment.rename_stranger(identifier, "beta")


def _damage_sibling(environment: CrashEnvironment) -> None:
    (environment.folder / "state" / _SIBLING).write_text('{"format": ')


def _remove_sibling(environment: CrashEnvironment) -> None:
    (environment.folder / "state" / _SIBLING).unlink(missing_ok=True)


ANOMALY_SCENARIOS = (
    *(
        Scenario(
            name=f"a colleague's{kind}, {view}",
            specs=specs,
            uses_access_keys=True,
            lasting_faults=(rule,),
            between_runs=_switch_to_colleague,
            external_fix=_switch_back_to_sender,
            doubt_reason="another user sent it",
            needs_external_fix=True,
            expected=LedgerTotals(once(*ALPHA), ALPHA),
        )
        for kind, specs in (("", ONE), (" prepaid", ONE_PREPAID))
        for view, rule in (("all refused", _REFUSED), ("all filtered", _FILTERED))
    ),
    *(
        Scenario(
            name=f"a colleague's release, {view}",
            initial_specs=ONE,
            specs=ONE,
            command=DESTROY,
            uses_access_keys=True,
            lasting_faults=(rule,),
            between_runs=_switch_to_colleague,
            external_fix=_switch_back_to_sender,
            expected_problem="is not listed, and another user sent it",
            expected=LedgerTotals(once(*ALPHA), (), once(*ALPHA)),
        )
        for view, rule in (("all refused", _REFUSED), ("all filtered", _FILTERED))
    ),
    Scenario(
        name="renamed meanwhile",
        specs=ONE,
        between_runs=_rename_listed_servers,
        leaves_drift=True,
        external_fix=_restore_name,
        doubt_reason="except for the name",
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="renamed meanwhile, nonce",
        specs=ONE,
        purchase=NONCE,
        between_runs=_rename_listed_servers,
        leaves_drift=True,
        external_fix=_restore_name,
        doubt_reason="except for the name",
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="name in another case",
        specs=ONE,
        lasting_faults=({**_RESPELT, "rows_upper": ["name"]},),
        external_fix=_end_anomaly,
        doubt_reason="except for the name",
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="flavor and image in another case",
        specs=ONE,
        lasting_faults=({**_RESPELT, "rows_upper": ["flavor", "image.image_id"]},),
        external_fix=_adopt_by_id,
        doubt_reason="listed under that name",
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="ids in another case",
        specs=ONE,
        lasting_faults=({**_RESPELT, "rows_upper": ["id"]},),
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="another image, in another case",
        initial_specs=ONE,
        specs=alpha(f"image_id: {OTHER_IMAGE}"),
        lasting_faults=({**_RESPELT, "rows_upper": ["flavor", "image.image_id"]},),
        expected=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {OTHER_IMAGE}",)),
        late_alternatives=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {OTHER_IMAGE}",)),),
    ),
    *(
        Scenario(
            name=name,
            specs=ONE,
            uses_access_keys=True,
            lasting_faults=first,
            between_runs=_switch_to_rule(then),
            clock_error=_APART,
            expected=LedgerTotals(once(*ALPHA), ALPHA),
        )
        for name, first, then in (
            ("dates of a node that is ahead", (), _AHEAD),
            ("dates of a node that was behind", (_BEHIND,), {**_BEHIND, "seconds": 0}),
            ("dates of a node that is behind", (), _BEHIND),
        )
    ),
    Scenario(
        name="dates of a cache",
        specs=ONE,
        uses_access_keys=True,
        lasting_faults=(_CACHED | {"seconds": -3600},),
        between_runs=_end_anomaly,
        clock_error=_APART,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="dates of a cache later",
        specs=ONE,
        uses_access_keys=True,
        between_runs=_switch_to_rule(_CACHED | {"seconds": 3600}),
        expected_problem="cloud-undated",
        external_fix=_end_anomaly,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="the reply names a stranger's id",
        specs=ONE,
        prepare=_name_stranger_id_in_replies,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="the reply names a stranger's order",
        specs=ONE_PREPAID,
        prepare=_name_stranger_order_in_replies,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="a stranger takes the name",
        specs=ONE,
        prepare=_buy_as_stranger,
        between_runs=_give_stranger_our_name,
        may_meet_namesake=True,
        expected_problem="name-taken",
        external_fix=_give_stranger_old_name,
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="a sibling breaks",
        specs=ONE,
        between_runs=_damage_sibling,
        external_fix=_remove_sibling,
        doubt_reason=_SIBLING.removesuffix(".json"),
        expected_problem="no-state",  # of a run that died before it had a state: this one may be its own under a former name
        expected=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="release beside a broken sibling",
        initial_specs=ONE,
        specs=ONE,
        prepare=_damage_sibling,
        command=(*DESTROY, "--allow=unread-sibling"),
        expected=LedgerTotals(once(*ALPHA), (), once(*ALPHA)),
    ),
)
