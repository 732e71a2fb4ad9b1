"""Big plans: whatever is done to many servers of a group is shown once in full and in a line for each other server."""

from __future__ import annotations

import re

import pytest
from rendering.samples import COLORED, PLAIN, body, create, plan, recorded
from support.builders import change_of

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.leftover import Leftover
from provisioner.model.plan import Mode
from provisioner.model.resource import Phase
from provisioner.rendering.drift import render_drift
from provisioner.rendering.machine import plan_document
from provisioner.rendering.plan import render_plan
from provisioner.rendering.style import Style

IMAGE = FieldChange(("image_id",), "old", "new", reinstalls=True)
TEAM = (FieldChange(("labels", "team"), "vision", None), FieldChange(("labels", "squad"), None, "vision"))


def change(action: Action, address: str, **parts):
    parts = {"recorded": recorded(address), "after": body(address)} | parts
    return change_of(Address.parse(address), "dev_server", action, **parts)


def group(action: Action, number: int, **parts):
    return [change(action, f'pool["{index:04}"]', **parts) for index in range(number)]


@pytest.mark.parametrize(
    ("action", "parts", "said", "sign"),
    [
        (Action.UPDATE, {"fields": TEAM}, "will be updated in place", "~"),
        (Action.REINSTALL, {"fields": (IMAGE,)}, "will be reinstalled and their system disks wiped", "~!"),
        (Action.REPLACE, {"fields": (FieldChange(("flavor",), "a", "b", forces_replacement=True),)}, "must be replaced", "-/+"),
        (Action.DELETE, {"reason": Reason.NOT_IN_SPECS}, "will be destroyed", "-"),
        (Action.ADOPT, {}, "will be adopted", "<="),
        (Action.FORGET, {"reason": Reason.VANISHED}, "will be forgotten", "."),
        (Action.RESUME, {"reason": Reason.UNDER_WAY}, "will be resumed", ">>"),
        (Action.RECORD, {"fields": TEAM}, "differ from what is recorded", "~"),
    ],
    ids=lambda value: value.value if isinstance(value, Action) else "",
)  # fmt: skip
def test_everything_is_condensed_and_each_server_keeps_a_line_with_its_sign(action, parts, said, sign):
    work = group(action, 300, **parts)
    text = render_plan(plan(*work), PLAIN)
    assert len(text.splitlines()) < 340
    assert f'  # 299 more {said} like pool["0000"]' in text
    assert all(re.search(rf'^ *{re.escape(sign)} pool\["{index:04}"\] ', text, re.MULTILINE) for index in range(1, 300))
    whole = render_plan(plan(*work), PLAIN, full=True)
    assert (" more " in whole, whole.count("dev_server")) == (False, 300)
    assert len(plan_document(plan(*work))["resource_changes"]) == 300


def test_doubts_are_condensed_and_named_one_by_one():
    work = [change(Action.RESUME, f"t[{index}]", recorded=None, reason=Reason.IN_DOUBT) for index in range(50)]
    text = render_plan(plan(*work), PLAIN)
    assert "  # 49 more are in doubt like t[0]\n  ? t[1]\n" in text
    assert len(text.splitlines()) < 62


def test_what_alternates_is_found_alike_as_well():
    work = []
    for index in range(100):
        work += [create(f'pool["{index:03}-new"]'), change(Action.DELETE, f'pool["{index:03}-old"]')]
    text = render_plan(plan(*work), PLAIN)
    assert len(text.splitlines()) < 240
    assert '# 99 more will be destroyed like pool["000-old"]' in text


def test_what_differs_is_said_with_each_server_and_what_is_the_same_is_not():
    work = group(Action.UPDATE, 6, fields=TEAM)
    work[2] = change(Action.UPDATE, 'pool["0002"]', fields=(TEAM[0], FieldChange(("labels", "squad"), None, "nlp")))
    work[3] = change(Action.UPDATE, 'pool["0003"]', fields=(*TEAM, FieldChange(("name",), "a", "b", drift=True)))
    work[4] = change(Action.UPDATE, 'pool["0004"]', fields=TEAM[:1])
    text = render_plan(plan(*work), Style(color=False, width=160))
    assert 'pool["0002"]  ' in text
    assert 'labels.squad = "nlp"' in text
    assert '"a" -> "b"' in text
    assert "labels.squad stays" in text


def test_different_reasons_losses_and_charging_are_different_groups():
    kept = [change(Action.DELETE, f"t[{index}]", reason=Reason.NOT_IN_SPECS) for index in range(4)]
    hourly = [change(Action.DELETE, f"t[{index}]", reason=Reason.NOT_IN_SPECS, recorded=recorded(f"t[{index}]", charging_mode="POST_PAID")) for index in range(4, 8)]  # fmt: skip
    assert re.findall(r"# \d+ more .* like (\S+)", render_plan(plan(*kept, *hourly), PLAIN)) == ["t[0]", "t[4]"]


def test_what_a_release_leaves_behind_stands_with_its_server():
    left = [
        change(Action.DELETE, f"t[{index}]", leftovers=(Leftover(f"disk {index}", f"id-{index}"),))
        for index in range(9)
    ]
    text = render_plan(plan(*left), PLAIN)
    assert all(f"# kept by the cloud, and billed on: disk {index}\n" in text for index in range(9))


def test_each_group_names_the_options_for_it_alone():
    text = render_plan(plan(*group(Action.UPDATE, 9, fields=TEAM)), PLAIN)
    assert "pool alone: provisioner apply --target 'pool'; all but pool: --exclude 'pool'" in text
    drift = render_drift(plan(*group(Action.RECORD, 9, fields=TEAM), mode=Mode.REFRESH), PLAIN)
    assert "pool alone: provisioner apply --refresh-only --target 'pool'" in " ".join(drift.split())


def test_drift_is_condensed_too():
    work = plan(*group(Action.RECORD, 300, fields=TEAM), mode=Mode.REFRESH)
    assert len(render_drift(work, PLAIN).splitlines()) < 330
    assert len(render_drift(work, PLAIN, full=True).splitlines()) > 2000


@pytest.mark.parametrize("width", [60, 80, 160])
def test_no_line_of_a_group_is_longer_than_the_screen(width):
    fields = tuple(
        FieldChange(("labels", f"label-{number}"), "before-the-change", "after-the-change") for number in range(3)
    )
    work = [*group(Action.UPDATE, 4, fields=TEAM), change(Action.UPDATE, 'pool["9999"]', fields=(*TEAM, *fields))]
    lines = render_plan(plan(*work), Style(color=False, width=width)).split("more will be")[1].splitlines()[1:]
    assert max(map(len, lines)) <= max(width, 69)


def test_what_loses_or_costs_is_bold_and_red_and_never_dim():
    wiped, charged = group(Action.REINSTALL, 6, fields=(IMAGE,)), group(Action.DELETE, 6)
    begun = change(Action.RESUME, "slow", recorded=recorded("slow", phase=Phase.REINSTALLING))
    left = change(Action.DELETE, "gone", leftovers=(Leftover("a disk", "id"),))
    unclear = change(Action.REPLACE, "r", charging=(FieldChange(("charging_info", "charging_mode"), "PRE_PAID", None),))
    let_go = change(Action.FORGET, "free", reason=Reason.REMOVED, let_go=True)
    text = render_plan(plan(*wiped, *charged, begun, left, unclear, let_go), COLORED)
    for said in (
        "wiped",
        "wipes",
        "lost",
        "will be unsubscribed",
        "billed on",
        "costing",
        "installed on it",
        "may be sold",
    ):
        lines = [line for line in text.splitlines() if said in line and "charging_mode" not in line]
        assert (bool(lines), any("\x1b[2m" in line for line in lines)) == (True, False), said
        assert all("\x1b[1m" in line and "\x1b[31m" in line for line in lines), (said, lines)


def test_a_text_that_changes_otherwise_than_the_first_is_shown_line_by_line_with_its_server():
    def wipe(rank: int, before: str, after: str):
        texts = FieldChange(("userdata",), {"sha256": f"a{rank}"}, {"sha256": f"b{rank}"}, reinstalls=True, text_before=before, text_after=after)  # fmt: skip
        return change(Action.REINSTALL, f"t[{rank}]", fields=(texts,))

    work = [wipe(rank, f"host {rank}\nold\n", f"host {rank}\nnew\n") for rank in range(5)]
    work[3] = wipe(3, "host 3\nold\n", "host 3\nrm -rf /\n")
    text = render_plan(plan(*work), PLAIN)
    assert (text.count("+ new"), text.count("- old"), text.count("+ rm -rf /")) == (1, 2, 1)
    assert text.index("t[3]") < text.index("+ rm -rf /") < text.index("t[4]")
