"""Whole surveys for the planner: fleets that are wanted, recorded and live in every combination that can come about."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from support.builders import a_state, an_intent
from support.planning_builders import (
    IMAGE,
    KIND,
    OTHER_IMAGE,
    PASSWORD,
    PREPAID,
    bought,
    fingerprint,
    shown,
    surveyed,
    wanted,
)

from provisioner.model.flow import Effect
from provisioner.model.resource import Lifecycle, Phase

ADDRESSES = ("gateway", "trainer[0]", "trainer[1]", 'pool["a"]', "module.vision.gateway")
STATUSES = ("CREATING", "RUNNING", "STOPPED", "ERROR", "CREATE_FAILED", "DELETING", "SOMETHING_NEW")

fields = st.fixed_dictionaries(
    {},
    optional={
        "flavor": st.sampled_from(["Si2.large.4", "Si2.large.8"]),
        "image_id": st.just(OTHER_IMAGE),
        "key_pair_name": st.none(),
        "admin_pass": st.just(PASSWORD),
        "root_volume": st.sampled_from([{}, {"type": "SSD"}, {"type": "SSD", "size": 200}]),
        "charging_info": st.just(PREPAID),
        "userdata": st.sampled_from(["aGk=", "eW8="]),
        "arch": st.sampled_from(["X86", "ARM"]),
        "server_type": st.sampled_from(["ECS", "BMS"]),
        "availability_zone": st.sampled_from(["az-1", "az-2"]),
        "data_volume": st.sampled_from([{"type": "SSD", "size": 200, "count": count} for count in (1, 2)]),
    },
)
machines = st.just({}) | st.fixed_dictionaries(
    {"flavor": st.none(), "resource_flavor": st.sampled_from(["rf", "rf-2"])}
)
rows = st.fixed_dictionaries(
    {},
    optional={
        "flavor": st.sampled_from(["Si2.large.4", "Si2.large.8", "SI2.LARGE.4"]),
        "resource_flavor": st.sampled_from(["rf", "rf-2"]),
        "image_id": st.sampled_from([IMAGE, OTHER_IMAGE]),
        "key_pair_name": st.sampled_from(["ops", "theirs"]),
        "root_volume": st.sampled_from([{"type": "SSD"}, {"type": "SAS", "size": 200}, {"size": 300}]),
        "charging_info": st.sampled_from([{"charging_mode": "PRE_PAID"}, {"charging_mode": "POST_PAID"}]),
        "arch": st.sampled_from(["X86", "ARM"]),
        "server_type": st.sampled_from(["ECS", "BMS"]),
        "data_volume": st.sampled_from([{"count": 0}, {"type": "SSD", "size": 200, "count": 2}]),
        "power": st.sampled_from(["running", "stopped"]),
        "name": st.just("theirs"),
    },
)
"""What a row may show, whatever it shows it of: late, partial, spelt otherwise, or changed by somebody else."""
labels = st.dictionaries(st.sampled_from(["team", "__x"]), st.sampled_from(["vision", "1"]), max_size=2)
ignored = st.sampled_from([(), (("image_id",),), (("root_volume",), ("name",))])


@st.composite
def servers(draw, address):
    """One wanted server; its name is its own, so that names are unique as loading makes them."""
    name = address.replace('["', "-").replace("[", "-").strip('"]').replace(".", "-")
    renamed = draw(st.sampled_from(["", "-renamed"]))
    lifecycle = Lifecycle(prevent_destroy=draw(st.booleans()), ignore_changes=draw(ignored))
    return replace(
        wanted(address, name=name + renamed, **{**draw(fields), **draw(machines)}),
        labels=draw(labels),
        lifecycle=lifecycle,
    )


@st.composite
def fleets(draw):
    """Wanted servers, each at an address of its own."""
    chosen = draw(st.lists(st.sampled_from(ADDRESSES), unique=True))
    return tuple(draw(servers(address)) for address in chosen)


@st.composite
def records(draw, desired):
    """A record of `desired` as an earlier run may have left it."""
    phase = draw(st.sampled_from(Phase))
    order_only = phase in {Phase.ORDERING, Phase.AWAITING_PAYMENT}
    record = bought(desired, phase=phase, protected=draw(st.booleans()))
    return replace(record, id=None, order_id=f"CS-{record.name}") if order_only else record


@st.composite
def standing(draw):
    """Servers that are there, each with a record, a row and specs that need not agree in anything."""
    addresses = draw(st.lists(st.sampled_from(ADDRESSES), unique=True, min_size=1, max_size=2))
    desired, recorded, live = [], [], []
    for address in addresses:
        was, now = draw(servers(address)), draw(servers(address))
        record = bought(was, baseline=KIND.baseline(KIND.redact(was.fields, fingerprint), draw(rows)))
        assumed = {
            key: value for key, value in draw(rows).items() if KIND.rule((key,)).cloud_chooses and key not in was.fields
        }
        record = replace(record, assumed=assumed)
        follows = draw(st.sampled_from([(), tuple(one.address for one in desired)]))
        desired.append(
            replace(draw(st.sampled_from([was, now])), lifecycle=replace(now.lifecycle, replace_triggered_by=follows))
        )
        recorded.append(record)
        live.append(draw(showings(record)))
    return surveyed(*desired, state=a_state(*recorded), live=[row for row in live if row is not None])


@st.composite
def showings(draw, record):
    """Any row that a server may have, or none."""
    status = draw(st.sampled_from(STATUSES))
    whole, partial = shown(record, status), draw(rows)
    row = draw(
        st.sampled_from([None, whole, replace(whole, shown={**whole.shown, **partial}), replace(whole, shown=partial)])
    )
    return row and replace(row, name=str(row.shown.get("name", "")))


@st.composite
def surveys(draw):
    """Any combination of what is wanted, recorded, live, in doubt and named for replacement."""
    recorded = tuple(draw(records(one)) for one in draw(fleets()))
    rows = [
        shown(record, draw(st.sampled_from(STATUSES)), **draw(st.sampled_from([{}, {"flavor": "theirs"}])))
        for record in recorded
        if record.id is not None and draw(st.booleans())
    ]
    strangers = [shown(bought(one, id=f"stranger-{one.name}")) for one in draw(fleets()) if draw(st.booleans())]
    doubtful = draw(st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=2))
    known = {record.address: record for record in recorded}
    intents = {}
    for address in doubtful:
        intent = an_intent(address)
        effect = Effect.DESTRUCTIVE if intent.address in known else Effect.PURCHASE
        intents[intent.id] = replace(intent, effect=effect)
    desired = draw(fleets())
    return surveyed(
        *desired,
        state=draw(st.sampled_from([a_state(*recorded, intents=intents)] + ([] if recorded or intents else [None]))),
        live=(*rows, *strangers),
        at_work=draw(st.booleans()),
        replace=frozenset(one.address for one in desired if draw(st.integers(0, 4)) == 0),
    )
