"""Whatever becomes of specs, state, cloud and file: applying it buys, wipes and releases what the file has and a plan of now has, or nothing."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.cli_runner import CliRunner
from support.depth import DEEP

from provisioner.model.action import Action
from provisioner.model.approval import Approval
from provisioner.model.approved_content import approved_content
from provisioner.model.diagnostic import ProvisionerError
from provisioner.saved_plans import read_plan, write_plan

ADDRESSES = ("one", "two")
BODIES = ("{}", "{flavor: Si2.xlarge.8}", "{image_id: 2a5d0c4e-9d1c-4c5f-8a57-08d5d0b52b62}", "{power: stopped}", None)
BUYS, RELEASES = {Action.CREATE, Action.REPLACE}, {Action.DELETE, Action.REPLACE}

specs = st.fixed_dictionaries({address: st.sampled_from(BODIES) for address in ADDRESSES})
options = st.sampled_from([(), ("--destroy",), ("--replace", "one"), ("--reinstall", "two"), ("--target", "one")])
edits = st.sampled_from(
    ["none", "none", "of another plan", "of another plan, signed by nobody", "fewer changes", "torn"]
)
trust = st.sampled_from([(), ("--auto-approve",), ("--approved",)])
between = st.sampled_from(["nothing", "nothing", "another run", "older state", "another machine"])


def write(cli: CliRunner, wanted: dict[str, str | None]) -> None:
    cli.write_specs("servers:\n" + "".join(f"  {name}: {body}\n" for name, body in wanted.items() if body) + "\n")
    if not any(wanted.values()):
        cli.write_specs("servers: {}\n")


def costly(plan) -> set[tuple[str, str]]:
    """What a plan buys, wipes and releases, by what the ledger calls it."""
    found = set()
    for change in plan.work:
        address = str(change.address)
        found |= {("purchase", address)} if change.action in BUYS else set()
        found |= {("release", address)} if change.action in RELEASES else set()
        found |= {("wipe", address)} if change.action is Action.REINSTALL else set()
    return found


def costly_in(document) -> set[tuple[str, str]]:
    found = set()
    for change in document.get("resource_changes", ()):  # none where it cannot be planned any more
        actions = set(change["change"]["actions"])
        words = {"create": "purchase", "delete": "release", "reinstall": "wipe"}
        found |= {(word, change["address"]) for action, word in words.items() if action in actions}
    return found


def edit(how: str, path: Path, other: Path) -> None:
    if how == "torn":
        path.write_bytes(path.read_bytes()[:-200])
    elif how.startswith("of another plan"):
        mine, theirs = json.loads(path.read_text()), read_plan(other)
        if theirs.approval is not None and how.endswith("nobody"):
            write_plan(path, theirs.plan, theirs.approval, theirs.scope, tool_version="0", key=None)
        else:
            made = Approval.parse(mine["approval"])
            write_plan(path, theirs.plan, made, theirs.scope, tool_version="0", key=None)
    elif how == "fewer changes":
        saved = read_plan(path)
        plan = replace(saved.plan, changes=saved.plan.changes[1:])
        old = saved.approval
        made = Approval.of(approved_content(plan, saved.scope), created=old.created, expires=old.expires, head=old.head)
        write_plan(path, plan, made, saved.scope, tool_version="0", key=None)


def start_again(cli: CliRunner) -> None:
    for name in ("state", "home", "specs", "copy"):
        shutil.rmtree(cli.path / name, ignore_errors=True)
    (cli.path / "state").mkdir(mode=0o700)
    cli.write_stack()


NOTHING = dict.fromkeys(ADDRESSES)
BOTH = dict.fromkeys(ADDRESSES, "{}")


@dataclass(frozen=True)
class Life:
    """Specs that were applied first, that were approved, of another plan, and of the moment of applying (None: those that were approved)."""

    first: dict[str, str | None]
    approved: dict[str, str | None]
    other: dict[str, str | None] = field(default_factory=lambda: NOTHING)
    now: dict[str, str | None] | None = None
    options: tuple[str, ...] = ()
    edit: str = "none"
    trust: tuple[str, ...] = ()
    meanwhile: str = "nothing"


lives = st.builds(Life, specs, specs, specs, st.none() | specs, options, edits, trust, between)


@settings(max_examples=300 if DEEP else 6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives)
@example(Life(NOTHING, BOTH))
@example(Life(BOTH, BOTH, options=("--destroy",)))
@example(Life(BOTH, BOTH, other=NOTHING, edit="of another plan, signed by nobody", now=NOTHING))
@example(
    Life(BOTH, BOTH, other=NOTHING, edit="of another plan, signed by nobody", now=NOTHING, trust=("--auto-approve",))
)
@example(Life(NOTHING, BOTH, edit="fewer changes", trust=("--auto-approve",)))
def test_what_is_sent_is_in_the_file_and_in_a_plan_of_now(cli, life) -> None:
    start_again(cli)
    write(cli, life.first)
    cli.run("apply", "--auto-approve")
    shutil.copytree(cli.path / "state", cli.path / "copy")
    file, another = cli.path / "approved.plan", cli.path / "other.plan"
    for stale in (file, another):
        stale.unlink(missing_ok=True)
    write(cli, life.other)
    cli.run("plan", "--out", "other.plan")
    write(cli, life.approved)
    if cli.run("plan", *life.options, "--out", "approved.plan").code != 0:
        return
    text = json.loads(file.read_text())["approval"]
    if another.exists():
        edit(life.edit, file, another)
    write(cli, life.approved if life.now is None else life.now)
    pass_time(cli, life.meanwhile)
    allowed = set()
    for options in (life.options, ()):  # the other plan has none
        plan = cli.run("plan", *options, "--json")
        allowed |= costly_in(plan.document) if plan.out.startswith("{") else set()
    try:
        in_file = costly(read_plan(file).plan)
    except ProvisionerError:
        in_file = set()
    before = cli.ledger()
    ran = cli.run("apply", "approved.plan", *life.trust, *([text] if life.trust == ("--approved",) else []))
    sent = {(kind, name) for kind, name in cli.ledger()[len(before) :] if kind in {"purchase", "release", "wipe"}}
    assert sent <= allowed, ran.text
    assert sent <= in_file, ran.text
    assert "Traceback" not in ran.text
    if (life.edit, life.now, life.meanwhile) == ("none", None, "nothing"):
        assert sent == in_file, ran.text


def pass_time(cli: CliRunner, what: str) -> None:
    if what == "another run":
        cli.run("apply", "--auto-approve", "--target", "two")
    elif what == "another machine":
        shutil.rmtree(cli.path / "home")
    elif what == "older state":
        for kept in (cli.path / "copy").glob("demo*"):
            shutil.copy2(kept, cli.path / "state" / kept.name)
