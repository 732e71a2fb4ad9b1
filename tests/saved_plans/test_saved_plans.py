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
from provisioner.model.approval import Approval
from provisioner.model.approved_content import ApprovalScope, approved_content
from provisioner.model.canonical import digest, readable
from provisioner.model.change import Change, ResolveChange
from provisioner.model.diagnostic import Refused, UsageError
from provisioner.model.purchase_policy import PurchasePolicy, UserdataField
from provisioner.model.secret import Secret, SecretReference, SecretSource
from provisioner.saved_plans import plan_json, read_plan, signing_key, write_plan

SCOPE = ApprovalScope(variables={"nodes": 2}, place="../state")
SAMPLES = Path(__file__).parent / "samples"
PASSWORD = "correct-horse-battery"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "plan"


def approval_of(plan):
    return Approval.of(approved_content(plan, SCOPE), created=1_700_000_000, expires=1_700_086_400, head="0")


def save(path, plan, *, key=None):
    write_plan(path, plan, approval_of(plan), SCOPE, tool_version="0.1.0", key=key)


def read(path):
    return read_plan(path).plan


def rewrite(path, change):
    """Edits the document and seals it again, as somebody would who knows how."""
    document = json.loads(path.read_text())
    document.pop("checksum")
    change(document)
    path.write_bytes(readable({**document, "checksum": digest(document)}))


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
def test_a_plan_reads_back_as_it_was_with_its_approval(file, plan):
    save(file, plan)
    saved = read_plan(file)
    assert saved.plan == plan
    assert (saved.approval, saved.scope, saved.is_signed) == (approval_of(plan), SCOPE, False)


def test_every_variant_of_a_change_can_be_written():
    assert set(get_args(Change)) == set(plan_json._ACTIONS)


def test_a_plan_that_writes_every_fact_of_every_change_is_read_as_its_variants_say():
    """As versions before the union of variants wrote them."""
    changes = read(SAMPLES / "facts-of-every-change.plan").changes
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
    assert idle.reason is Reason.BLOCKED


def test_a_change_that_this_version_does_not_know_is_refused(file):
    document = json.loads((SAMPLES / "facts-of-every-change.plan").read_text())
    document["plan"]["changes"][0]["hibernated"] = True
    file.write_bytes(readable({**document, "checksum": digest({k: v for k, v in document.items() if k != "checksum"})}))
    assert refusal(file).code == "plan-format"


def test_the_dependencies_of_a_plan_of_an_older_version_are_read_by_their_old_names(file):
    document = json.loads((SAMPLES / "facts-of-every-change.plan").read_text())
    document.pop("checksum")
    document["plan"]["turns"] = [{"what": "wave 2 of s", "addresses": ["s[1]"], "after": ["s[0]"]}]
    file.write_bytes(readable({**document, "checksum": digest(document)}))
    (dependency,) = read(file).dependencies
    assert (dependency.description, len(dependency.addresses)) == ("wave 2 of s", 1)


def test_a_plan_of_an_older_version_has_no_approval():
    assert read_plan(SAMPLES / "facts-of-every-change.plan").approval is None


def test_a_saved_plan_can_be_read_by_its_owner_only(file):
    before = os.umask(0)
    try:
        save(file, a_plan(a_change()))
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_is_neither_replaced_nor_written_through(file, tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    file.symlink_to(target)
    with pytest.raises(UsageError) as caught:
        save(file, a_plan())
    assert caught.value.diagnostics[0].code == "plan-not-written"
    assert (target.read_text(), file.is_symlink()) == ("mine", True)


def test_a_saved_plan_names_where_a_secret_comes_from(file):
    plan = with_password(SecretReference(SecretSource.ENVIRONMENT, "GATEWAY_PASSWORD"))
    save(file, plan)
    assert read(file) == plan
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


def test_an_approval_does_not_depend_on_a_secrets_value():
    plans = (with_password(SecretReference(SecretSource.LITERAL, "", Secret(value))) for value in ("a", "b"))
    assert len({approval_of(plan) for plan in plans}) == 1


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
    rewrite(file, lambda document: document["plan"]["basis"]["policy"].pop("userdata_field"))
    assert read(file).basis.policy == PurchasePolicy(quiet_period=1)


def test_the_choice_of_a_name_for_userdata_is_kept(file):
    plan = a_plan()
    chosen = PurchasePolicy(userdata_field=UserdataField.USER_DATA)
    save(file, dataclasses.replace(plan, basis=dataclasses.replace(plan.basis, policy=chosen)))
    assert read(file).basis.policy == chosen
    assert read_plan(file).approval != approval_of(plan)


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


def test_a_plan_that_was_edited_and_sealed_again_is_not_what_was_approved(file):
    """Whoever can compute a checksum can seal, and not make the approval fit."""
    plan = a_plan(a_change("one"))
    forgeries = {
        "a change": lambda document: document["plan"]["changes"][0]["desired"]["fields"].update(flavor="Si2.xlarge.8"),
        "what is shown of it": lambda document: document["plan"]["changes"][0].update(after={"name": "other"}),
        "its address": lambda document: document["plan"]["changes"][0].update(address="two"),
        "a change more": lambda document: document["plan"]["changes"].append(document["plan"]["changes"][0]),
        "the mode": lambda document: document["plan"].update(mode="destroy"),
        "an allowance": lambda document: document["plan"].update(allowed=["prepaid-delete"]),
        "the account": lambda document: document["plan"]["basis"]["identity"].update(account="other"),
        "the environment": lambda document: document["plan"]["basis"].update(environment="prod"),
        "a variable": lambda document: document["variables"].update(nodes=3),
        "an option": lambda document: document["options"].update(replace=["one"]),
        "the place": lambda document: document.update(place="/elsewhere"),
        "the policy": lambda document: document["plan"]["basis"]["policy"].update(quiet_period=1),
    }
    for what, forge in forgeries.items():
        save(file, plan)
        rewrite(file, forge)
        if what == "a change more":  # the same address twice is one change to whoever compares
            continue
        with pytest.raises(Refused) as caught:
            read_plan(file)
        assert caught.value.diagnostics[0].code == "plan-altered", what


def test_an_approval_with_another_time_is_no_approval_of_this_plan(file):
    plan = a_plan(a_change())
    save(file, plan)
    later = dataclasses.replace(approval_of(plan), expires=1_900_000_000)
    rewrite(file, lambda document: document.update(approval=str(later)))
    with pytest.raises(Refused) as caught:
        read_plan(file)
    assert caught.value.diagnostics[0].code == "plan-altered"


@pytest.mark.parametrize("approval", ["", "no approval", None, 7, "20231114T221320Z.20231115T221320Z.-.0.abc"])
def test_a_plan_without_a_whole_approval_is_damaged(file, approval):
    save(file, a_plan(a_change()))
    rewrite(file, lambda document: document.update(approval=approval))
    assert refusal(file).code == "plan-damaged"


def test_a_plan_is_known_by_the_key_it_was_signed_with(file, tmp_path):
    key = signing_key(None, tmp_path / "keys")
    save(file, a_plan(a_change()), key=key)
    assert read_plan(file, key=key).is_signed
    assert read_plan(file, key=signing_key(None, tmp_path / "keys")).is_signed
    for other in (None, signing_key(None, tmp_path / "others"), signing_key("a key of sixteen or more", tmp_path)):
        assert not read_plan(file, key=other).is_signed
    rewrite(file, lambda document: document["plan"].update(noun="machine"))  # nothing that an approval covers
    assert not read_plan(file, key=key).is_signed


@pytest.mark.parametrize("signature", ["", "é", "0" * 64, None, 7])
def test_a_signature_that_is_none_signs_nothing(file, tmp_path, signature):
    key = signing_key(None, tmp_path / "keys")
    save(file, a_plan(a_change()), key=key)
    rewrite(file, lambda document: document.update(signature=signature))
    assert not read_plan(file, key=key).is_signed


def test_a_key_is_kept_where_nobody_else_can_read_it(tmp_path):
    key = signing_key(None, tmp_path / "keys")
    path = tmp_path / "keys" / "plan.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert signing_key(None, tmp_path / "keys") is None
    path.chmod(0o600)
    assert signing_key(None, tmp_path / "keys") == key
    path.write_bytes(b"short")
    assert signing_key(None, tmp_path / "keys") is None
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert signing_key(None, tmp_path / "keys") is None
    (tmp_path / "file").write_text("")
    assert signing_key(None, tmp_path / "file" / "below") is None


def test_a_given_key_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError) as caught:
        signing_key("short", tmp_path)
    assert caught.value.diagnostics[0].code == "plan-key-invalid"
    assert "short" not in str(caught.value.diagnostics[0].hint)


def test_what_is_no_regular_file_is_not_read(file):
    os.mkfifo(file)
    assert refusal(file).code == "plan-unreadable"


def test_a_file_that_is_larger_than_any_plan_is_not_read(file):
    with file.open("wb") as large:
        large.truncate(300 * 1024 * 1024)
    assert refusal(file).code == "plan-damaged"


def test_a_given_key_may_be_any_bytes(tmp_path):
    assert signing_key("\udcff\udcfe0123456789abcdefgh", tmp_path) == b"\xff\xfe0123456789abcdefgh"
