from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from support.builders import a_change, a_desired, a_plan
from support.strategies import plans

from provisioner.model.action import Action, Reason
from provisioner.model.canonical import digest, readable
from provisioner.model.change import Change, ResolveChange
from provisioner.model.diagnostic import UsageError
from provisioner.model.purchase_policy import PurchasePolicy, UserdataField
from provisioner.model.secret import Secret, SecretReference, SecretSource
from provisioner.saved_plans import plan_file, plan_id, read_plan, write_plan

SAMPLES = Path(__file__).parent / "samples"
PASSWORD = "correct-horse-battery"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "plan"


def save(path, plan):
    write_plan(path, plan, tool_version="0.1.0", created=1_700_000_000_000)


def with_password(reference):
    return a_plan(a_change(desired=a_desired(fields={"name": "x", "login": {"admin_pass": reference}})))


def refusal(path):
    with pytest.raises(UsageError) as caught:
        read_plan(path)
    (finding,) = caught.value.diagnostics
    assert str(path) in finding.summary
    return finding


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(plan=plans)
def test_a_plan_reads_back_as_it_was_and_keeps_its_id(file, plan):
    save(file, plan)
    assert read_plan(file) == plan
    assert plan_id(read_plan(file)) == plan_id(plan)


def test_every_variant_of_a_change_can_be_written():
    assert set(get_args(Change)) == set(plan_file._ACTIONS)


def test_a_plan_that_writes_every_fact_of_every_change_is_read_as_its_variants_say():
    """As versions before the union of variants wrote them."""
    changes = read_plan(SAMPLES / "facts-of-every-change.plan").changes
    assert [change.action for change in changes] == [
        *(Action.CREATE, Action.UPDATE, Action.REINSTALL, Action.REPLACE, Action.DELETE, Action.ADOPT, Action.MOVE),
        *(Action.FORGET, Action.RESUME, Action.RESUME, Action.RECORD, Action.PAY, Action.CANCEL, Action.NO_OP),
    ]
    wanted = {
        "name": "x",
        "login": {"admin_pass": SecretReference(SecretSource.ENVIRONMENT, "PASS")},
        "$odd": [1, {"source": "env", "locator": "x"}],
    }
    assert {change.action for change in changes if change.desired is None} == {
        *(Action.FORGET, Action.RECORD, Action.PAY, Action.CANCEL)
    }
    assert all(change.desired.fields == wanted for change in changes if change.desired)
    create, update, _, replacement, release, *_, doubt, record, _, _, idle = changes
    assert (create.recorded, create.after, create.sensitive) == (None, {"name": "x"}, (("admin_pass",),))
    assert (update.noted.id, update.assumed, len(update.fields)) == ("id-of-s[1]", (("arch",),), 1)
    assert (replacement.create_first, len(replacement.charging), replacement.live_name) == (True, 1, "y")
    assert (release.noted, [one.what for one in release.leftovers]) == (None, ["disk"])
    assert isinstance(doubt, ResolveChange)
    assert record.observed == {"status": "X"}
    assert idle.reason is Reason.HELD_BACK


def test_a_change_that_this_version_does_not_know_is_refused(file):
    document = json.loads((SAMPLES / "facts-of-every-change.plan").read_text())
    document["plan"]["changes"][0]["hibernated"] = True
    file.write_bytes(readable({**document, "checksum": digest({k: v for k, v in document.items() if k != "checksum"})}))
    assert refusal(file).code == "plan-format"


def test_other_plans_have_other_ids():
    assert plan_id(a_plan(a_change("one"))) != plan_id(a_plan(a_change("two")))


def test_a_saved_plan_can_be_read_by_its_owner_only(file):
    before = os.umask(0)
    try:
        save(file, a_plan(a_change()))
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_is_replaced_and_never_written_through(file, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    file.symlink_to(victim)
    save(file, a_plan())
    assert victim.read_text() == "mine"
    assert not file.is_symlink()


def test_a_saved_plan_names_where_a_secret_comes_from(file):
    plan = with_password(SecretReference(SecretSource.ENVIRONMENT, "GATEWAY_PASSWORD"))
    save(file, plan)
    assert read_plan(file) == plan
    assert '"$secret": "env:GATEWAY_PASSWORD"' in file.read_text()


def test_a_secret_in_clear_is_never_saved(file):
    literal = SecretReference(SecretSource.LITERAL, "", Secret(PASSWORD))
    with pytest.raises(UsageError) as caught:
        save(file, with_password(literal))
    (finding,) = caught.value.diagnostics
    assert finding.code == "plan-holds-secret"
    assert "trainer[0]" in finding.summary
    assert "login.admin_pass" in finding.summary
    assert 'admin_pass: {secret: "env:' in finding.hint
    assert PASSWORD not in str(caught.value)
    assert not file.exists()


def test_the_id_of_a_plan_does_not_depend_on_a_secrets_value():
    ids = {plan_id(with_password(SecretReference(SecretSource.LITERAL, "", Secret(value)))) for value in ("a", "b")}
    assert len(ids) == 1


def test_every_changed_byte_is_noticed(file):
    save(file, a_plan(a_change()))
    data = file.read_bytes()
    for position in range(len(data)):
        for mask in (0x01, 0x20, 0xFF):
            file.write_bytes(data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :])
            assert refusal(file).code in {"plan-damaged", "plan-format"}


def test_every_cut_is_noticed(file):
    save(file, a_plan(a_change()))
    data = file.read_bytes()
    for length in range(len(data)):
        file.write_bytes(data[:length])
        assert refusal(file).code == "plan-damaged"


def test_a_plan_of_a_newer_version_is_refused_with_its_name(file):
    document = {"format": 99, "tool": "9.9.9", "plan": {}}
    file.write_bytes(readable({**document, "checksum": digest(document)}))
    finding = refusal(file)
    assert finding.code == "plan-format"
    assert "9.9.9" in finding.summary


@pytest.mark.parametrize("plan", [None, [], {}, {"mode": "apply"}, {"mode": "apply", "code": "print()"}])
def test_a_sealed_file_that_holds_no_plan_is_refused(file, plan):
    document = {"format": 1, "tool": "0.1.0", "created": 0, "plan": plan}
    file.write_bytes(readable({**document, "checksum": digest(document)}))
    assert refusal(file).code in {"plan-damaged", "plan-format"}


def test_a_plan_from_before_userdata_had_a_choice_is_read_with_the_default(file):
    plan = a_plan()
    save(file, dataclasses.replace(plan, basis=dataclasses.replace(plan.basis, policy=PurchasePolicy(quiet_period=1))))
    document = json.loads(file.read_text())
    document.pop("checksum")
    document["plan"]["basis"]["policy"].pop("userdata_field", None)
    file.write_bytes(readable({**document, "checksum": digest(document)}))
    assert read_plan(file).basis.policy == PurchasePolicy(quiet_period=1)


def test_the_choice_of_a_name_for_userdata_is_kept(file):
    plan = a_plan()
    chosen = PurchasePolicy(userdata_field=UserdataField.USER_DATA)
    save(file, dataclasses.replace(plan, basis=dataclasses.replace(plan.basis, policy=chosen)))
    assert read_plan(file).basis.policy == chosen
    assert plan_id(read_plan(file)) != plan_id(plan)


def test_an_unknown_source_of_a_secret_is_refused(file):
    save(file, with_password(SecretReference(SecretSource.ENVIRONMENT, "X")))
    document = json.loads(file.read_text().replace("env:X", "shell:rm"))
    document.pop("checksum")
    file.write_bytes(readable({**document, "checksum": digest(document)}))
    assert refusal(file).code == "plan-damaged"


def test_a_plan_that_is_not_there_is_named(file):
    finding = refusal(file)
    assert finding.code == "plan-unreadable"
    assert "plan --out" in finding.hint


def test_a_plan_that_cannot_be_read_or_written_is_named(file, tmp_path):
    file.mkdir()
    assert refusal(file).code == "plan-unreadable"
    with pytest.raises(UsageError) as caught:
        save(tmp_path / "missing" / "plan", a_plan())
    assert caught.value.diagnostics[0].code == "plan-not-written"
