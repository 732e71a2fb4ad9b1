"""Scenarios beside an untidy cloud: other users' views, names that others change or the cloud spells otherwise, clocks that disagree,
replies that name a stranger's server, and a state of the same folder that nobody can read.
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
"""Seconds between two nodes of a gateway."""
_AHEAD = {"at": "*", "times": "always", "fault": "skew", "seconds": _APART}
_BEHIND = {"at": "*", "times": "always", "fault": "skew", "seconds": -_APART}
_CACHED = _ALL | {"fault": "skew", "age": 60}
_SIBLING = "test.prod.json"


def _a_colleague_takes_over(stage: CrashEnvironment) -> None:
    stage.user = COLLEAGUE


def _the_sender_comes_back(stage: CrashEnvironment) -> None:
    stage.user = OURSELVES


def _somebody_renames_it(stage: CrashEnvironment) -> None:
    for server in stage.alive:
        if server.is_listed:
            stage.rename(server.id, "somebodys")


def _somebody_names_it_back(stage: CrashEnvironment) -> None:
    state = stage.state
    assert state is not None
    (doubt,) = state.purchases_in_doubt
    for server in stage.alive:
        stage.rename(server.id, doubt.name)


def _it_is_as_it_was(stage: CrashEnvironment) -> None:
    stage.beside = ()


def _a_person_adopts_it(stage: CrashEnvironment) -> None:
    (server,) = stage.alive
    assert stage.run("resolve", "alpha", "--adopt", server.id).code == 0


def _another_node_answers(rule: dict[str, object]) -> Callable[[CrashEnvironment], None]:
    def meanwhile(stage: CrashEnvironment) -> None:
        stage.beside = (rule,)

    return meanwhile


def _replies_name_a_strangers(stage: CrashEnvironment) -> None:
    strangers = stage.buy_as_stranger("beta")
    reply = {"at": "CreateDevServer", "times": "always", "fault": "rewrite", "set": {"id": strangers.id}}
    stage.beside = (reply,)


def _replies_name_a_strangers_order(stage: CrashEnvironment) -> None:
    term = {"charging_mode": "PRE_PAID", "period_type": "MONTH", "period_num": 1, "is_auto_pay": True}
    strangers = stage.buy_as_stranger("beta", charging_info=term)
    reply = {
        "at": "CreateDevServer",
        "times": "always",
        "fault": "rewrite",
        "set": {"id": strangers.id, "order_id": strangers.order_id},
    }
    stage.beside = (reply,)


def _a_stranger_has_one(stage: CrashEnvironment) -> None:
    stage.buy_as_stranger("beta")


def _a_stranger_takes_the_name(stage: CrashEnvironment) -> None:
    for identifier in [*stage.strangers]:
        stage.rename_stranger(identifier, "alpha")


def _the_stranger_gives_it_back(stage: CrashEnvironment) -> None:
    for identifier in [*stage.strangers]:
        stage.rename_stranger(identifier, "beta")


def _a_sibling_breaks(stage: CrashEnvironment) -> None:
    (stage.folder / "state" / _SIBLING).write_text('{"format": ')


def _the_sibling_is_moved_away(stage: CrashEnvironment) -> None:
    (stage.folder / "state" / _SIBLING).unlink()


UNTIDY = (
    *(
        Scenario(
            name=f"a colleague's{kind}, {view}",
            specs=specs,
            by_keys=True,
            beside=(rule,),
            meanwhile=_a_colleague_takes_over,
            way_out=_the_sender_comes_back,
            doubt_tells="another user sent it",
            outlasts_time=True,
            ends=LedgerTotals(once(*ALPHA), ALPHA),
        )
        for kind, specs in (("", ONE), (" prepaid", ONE_PREPAID))
        for view, rule in (("all refused", _REFUSED), ("all filtered", _FILTERED))
    ),
    *(
        Scenario(
            name=f"a colleague's release, {view}",
            before=ONE,
            specs=ONE,
            command=DESTROY,
            by_keys=True,
            beside=(rule,),
            meanwhile=_a_colleague_takes_over,
            way_out=_the_sender_comes_back,
            meets="is not listed, and another user sent it",
            ends=LedgerTotals(once(*ALPHA), (), once(*ALPHA)),
        )
        for view, rule in (("all refused", _REFUSED), ("all filtered", _FILTERED))
    ),
    Scenario(
        name="renamed meanwhile",
        specs=ONE,
        meanwhile=_somebody_renames_it,
        leaves_drift=True,
        way_out=_somebody_names_it_back,
        doubt_tells="but for the name",
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="renamed meanwhile, nonce",
        specs=ONE,
        purchase=NONCE,
        meanwhile=_somebody_renames_it,
        leaves_drift=True,
        way_out=_somebody_names_it_back,
        doubt_tells="but for the name",
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="name in another case",
        specs=ONE,
        beside=({**_RESPELT, "rows_upper": ["name"]},),
        way_out=_it_is_as_it_was,
        doubt_tells="but for the name",
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="flavor and image in another case",
        specs=ONE,
        beside=({**_RESPELT, "rows_upper": ["flavor", "image.image_id"]},),
        way_out=_a_person_adopts_it,
        doubt_tells="listed under that name",
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="ids in another case",
        specs=ONE,
        beside=({**_RESPELT, "rows_upper": ["id"]},),
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="another image, in another case",
        before=ONE,
        specs=alpha(f"image_id: {OTHER_IMAGE}"),
        beside=({**_RESPELT, "rows_upper": ["flavor", "image.image_id"]},),
        ends=LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"RUNNING {OTHER_IMAGE}",)),
        belated=(LedgerTotals(once(*ALPHA), ALPHA, wiped=once(*ALPHA), systems=(f"STOPPED {OTHER_IMAGE}",)),),
    ),
    *(
        Scenario(
            name=name,
            specs=ONE,
            by_keys=True,
            beside=first,
            meanwhile=_another_node_answers(then),
            seems_later=_APART,
            ends=LedgerTotals(once(*ALPHA), ALPHA),
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
        by_keys=True,
        beside=(_CACHED | {"seconds": -3600},),
        meanwhile=_it_is_as_it_was,
        seems_later=_APART,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="dates of a cache later",
        specs=ONE,
        by_keys=True,
        meanwhile=_another_node_answers(_CACHED | {"seconds": 3600}),
        meets="cloud-undated",
        way_out=_it_is_as_it_was,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="the reply names a stranger's id",
        specs=ONE,
        prepare=_replies_name_a_strangers,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="the reply names a stranger's order",
        specs=ONE_PREPAID,
        prepare=_replies_name_a_strangers_order,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="a stranger takes the name",
        specs=ONE,
        prepare=_a_stranger_has_one,
        meanwhile=_a_stranger_takes_the_name,
        meets="name-taken",
        way_out=_the_stranger_gives_it_back,
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="a sibling breaks",
        specs=ONE,
        meanwhile=_a_sibling_breaks,
        way_out=_the_sibling_is_moved_away,
        doubt_tells=_SIBLING.removesuffix(".json"),
        ends=LedgerTotals(once(*ALPHA), ALPHA),
    ),
    Scenario(
        name="release beside a broken sibling",
        before=ONE,
        specs=ONE,
        prepare=_a_sibling_breaks,
        command=(*DESTROY, "--allow=unread-sibling"),
        ends=LedgerTotals(once(*ALPHA), (), once(*ALPHA)),
    ),
)
