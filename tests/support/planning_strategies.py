"""Whole surveys for the planner: fleets that are wanted, recorded and live in every combination that can come about."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from support.builders import a_state, an_intent
from support.planning_builders import OTHER_IMAGE, PASSWORD, PREPAID, bought, shown, surveyed, wanted

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
    },
)
labels = st.dictionaries(st.sampled_from(["team", "__x"]), st.sampled_from(["vision", "1"]), max_size=2)
ignored = st.sampled_from([(), (("image_id",),), (("root_volume",), ("name",))])


@st.composite
def servers(draw, address):
    """One wanted server; its name is its own, so that names are unique as loading makes them."""
    name = address.replace('["', "-").replace("[", "-").strip('"]').replace(".", "-")
    renamed = draw(st.sampled_from(["", "-renamed"]))
    lifecycle = Lifecycle(prevent_destroy=draw(st.booleans()), ignore_changes=draw(ignored))
    return replace(wanted(address, name=name + renamed, **draw(fields)), labels=draw(labels), lifecycle=lifecycle)


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
