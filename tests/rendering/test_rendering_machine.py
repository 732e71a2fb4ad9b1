import json
from dataclasses import replace

from rendering.samples import FINGERPRINT, create, intent, plan, recorded, state
from support.builders import change_of

from provisioner.model.action import Action, FieldChange, Reason
from provisioner.model.address import Address
from provisioner.model.change import Change
from provisioner.model.diagnostic import SourceRange, error, warning
from provisioner.model.event import Event, EventType, Result, ResultType, RunResult
from provisioner.model.flow import Effect
from provisioner.rendering.machine import plan_document, validate_document
from provisioner.rendering.state_document import state_document
from provisioner.rendering.stream import event_document, run_document, version_document
from provisioner.rendering.wording import WORDS

NOW = "2026-01-02T03:04:05Z"


def replacement() -> Change:
    fields = (
        FieldChange(("flavor",), "Si2.large.4", "Si2.large.8", forces_replacement=True),
        FieldChange(("admin_pass",), "clear-a", {"fingerprint": FINGERPRINT}, sensitive=True),
    )
    return change_of(
        Address("gateway"),
        "dev_server",
        Action.REPLACE,
        fields=fields,
        recorded=recorded(),
        after=create("gateway", admin_pass="clear-b").after,
        reason=Reason.CANNOT_UPDATE,
        sensitive=(("admin_pass",),),
        unverifiable=(("userdata",),),
        computed=("id", "private_address"),
    )


def test_a_plan_is_a_document_in_the_manner_of_terraform():
    document = plan_document(plan(replacement(), findings=[warning("vanished", "edge is gone")]))
    assert document == json.loads(json.dumps(document))
    assert document["format_version"] == "2.0"
    assert document["applyable"] is True
    assert document["summary"] == {
        "add": 1,
        "change": 0,
        "destroy": 1,
        "reinstall": 0,
        "resume": 0,
        "forget": 0,
        "adopt": 0,
        "move": 0,
        "record": 0,
    }
    assert document["basis"]["serial"] == 3
    assert [finding["code"] for finding in document["findings"]] == ["vanished"]
    [change] = document["resource_changes"]
    assert change["address"] == "gateway"
    assert change["action_reason"] == "cannot_update"
    assert change["change"]["actions"] == ["delete", "create"]
    assert change["change"]["after"]["root_volume"] == {"type": "SSD", "size": 200}
    assert change["change"]["after_unknown"] == {"id": True, "private_address": True}
    assert change["change"]["after_sensitive"] == {"admin_pass": True}
    assert change["fields"] == [
        {
            "path": ["flavor"],
            "before": "Si2.large.4",
            "after": "Si2.large.8",
            "forces_replacement": True,
            "reinstalls": False,
            "sensitive": False,
            "drift": False,
        },
        {
            "path": ["admin_pass"],
            "before": "(sensitive)",
            "after": "(sensitive)",
            "forces_replacement": False,
            "reinstalls": False,
            "sensitive": True,
            "drift": False,
        },
    ]
    assert change["unverifiable"] == [["userdata"]]


def test_every_action_has_its_words():
    assert set(WORDS) == set(Action)


def test_every_action_has_its_array():
    changes = [change_of(Address(f"s{number}"), "dev_server", action) for number, action in enumerate(Action)]
    found = {one["address"]: one["change"]["actions"] for one in plan_document(plan(*changes))["resource_changes"]}
    assert list(found.values()) == [
        ["create"],
        ["update"],
        ["reinstall"],
        ["delete", "create"],
        ["delete"],
        ["adopt"],
        ["move"],
        ["forget"],
        ["resume"],
        ["record"],
        ["pay"],
        ["cancel"],
        ["no-op"],
    ]


def test_no_document_holds_a_secret_or_its_fingerprint():
    texts = [
        json.dumps(plan_document(plan(create("edge"), replacement()))),
        json.dumps(state_document(state(recorded(), intents=(intent(),)))),
    ]
    for text in texts:
        assert "clear" not in text
        assert FINGERPRINT not in text
        assert "(sensitive)" in text


def test_secrets_inside_lists_are_marked_where_they_stand():
    keys = [{"user": "root"}, {"user": "ops", "key": {"fingerprint": FINGERPRINT}}]
    [change] = plan_document(plan(create("edge", keys=keys)))["resource_changes"]
    assert change["change"]["after"]["keys"][1] == {"user": "ops", "key": "(sensitive)"}
    assert change["change"]["after_sensitive"]["keys"] == [{}, {"key": True}]


def test_a_refused_plan_is_not_applyable():
    assert plan_document(plan(create("edge"), refusals=[error("protected", "no")]))["applyable"] is False


def test_validation_counts_and_places_what_it_found():
    source = SourceRange("specs/a.yaml", 6, 5, "    flavour: x", 7)
    document = validate_document([error("unknown-field", "no such field", source=source), warning("b", "hm")])
    assert document["valid"] is False
    assert (document["error_count"], document["warning_count"]) == (1, 1)
    first, second = document["diagnostics"]
    assert first["range"] == {
        "filename": "specs/a.yaml",
        "start": {"line": 6, "column": 5},
        "end": {"line": 6, "column": 12},
    }
    assert first["snippet"] == {"code": "    flavour: x", "start_line": 6}
    assert second["range"] is None
    assert validate_document([])["valid"] is True


def test_a_state_lists_servers_and_doubts():
    document = state_document(state(recorded(), intents=(intent(),)))
    assert document == json.loads(json.dumps(document))
    assert document["resources"][0]["address"] == "gateway"
    assert document["resources"][0]["sensitive"] == {"admin_pass": True}
    assert document["resources"][0]["declared"]["admin_pass"] == "(sensitive)"
    assert document["in_doubt"][0]["address"] == "trainer[2]"
    assert (document["in_flight"], document["unsettled"]) == ([], [])
    release = state_document(state(intents=(replace(intent(), effect=Effect.DESTRUCTIVE),)))
    assert (release["in_doubt"], release["unsettled"][0]["address"]) == ([], "trainer[2]")
    at_work = state_document(state(intents=(intent(),)), in_flight=True)
    assert (len(at_work["in_doubt"]), len(at_work["in_flight"])) == (0, 1)


def test_a_stream_begins_with_its_version_and_ends_with_the_counts():
    assert version_document(version="0.1.0", timestamp=NOW) == {
        "@level": "info",
        "@message": "Provisioner 0.1.0",
        "@module": "provisioner.ui",
        "@timestamp": NOW,
        "type": "version",
        "provisioner": "0.1.0",
        "ui": "1.0",
    }
    sold_out = error("sold-out", "the flavor is sold out")
    run = RunResult(
        (
            Result(Address("a"), Action.CREATE, ResultType.DONE),
            Result(Address("b"), Action.CREATE, ResultType.FAILED, sold_out),
        )
    )
    last = run_document(run, message="Apply incomplete.", timestamp=NOW)
    assert last["type"] == "change_summary"
    assert last["changes"] == {
        "add": 1,
        "change": 0,
        "remove": 0,
        "resume": 0,
        "forget": 0,
        "adopt": 0,
        "move": 0,
        "record": 0,
    }
    assert [(one["address"], one["outcome"], one["diagnostic"]["code"]) for one in last["not_done"]] == [
        ("b", "failed", "sold-out")
    ]


def test_an_event_is_a_line_with_terraforms_names():
    bought = event_document(
        Event(EventType.BOUGHT, Address("a"), Action.CREATE, id="6238", elapsed=1.23456), timestamp=NOW
    )
    assert bought == {
        "@level": "info",
        "@message": "a: Bought [id=6238]",
        "@module": "provisioner.ui",
        "@timestamp": NOW,
        "type": "bought",
        "hook": {
            "resource": {"addr": "a"},
            "action": "create",
            "id": "6238",
            "order_id": None,
            "elapsed_seconds": 1.235,
            "detail": "",
        },
    }
    failed = event_document(
        Event(EventType.FAILED, Address("a"), Action.CREATE, diagnostic=error("sold-out", "sold out")), timestamp=NOW
    )
    assert (failed["@level"], failed["type"], failed["diagnostic"]["code"]) == ("error", "apply_errored", "sold-out")
    notice = event_document(Event(EventType.NOTICE, detail="the cloud is slow"), timestamp=NOW)
    assert (notice["type"], notice["@message"], "hook" in notice) == ("log", "the cloud is slow", False)
