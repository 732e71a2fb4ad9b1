"""The file of faults: what it may say, and that a mistake in it is named by its place. docs/sandbox.md describes the file."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from provisioner.sandbox import SettingsError, create_app
from provisioner.sandbox.contract import OPERATIONS
from provisioner.sandbox.fault_settings import FaultsFile, read_faults
from provisioner.sandbox.faults import Faults, Rule, Throttle

MANUAL = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
AT = "at: CreateDevServer, "


@pytest.fixture
def file(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "faults.yaml"
        path.write_text(text)
        return path

    return write


WHOLE = """
faults:
  - {at: CreateDevServer, server: "alpha*", after: 1, times: 2, fault: reset, executed: true}
  - {at: [ListDevServers, ShowDevServer], times: always, fault: answer, status: 503, executed: false}
  - {at: "*", fault: answer, status: 307, code: Moved, message: moved, headers: {Location: /x}, executed: true}
  - {at: "*", fault: throttle, retry_after: 5, by: service}
  - {at: "*", fault: throttle, limit: 5, time: 10 second}
  - {at: "*", fault: truncate}
  - {at: "*", fault: oversize, megabytes: 40}
  - {at: "*", fault: slow, seconds: 0.5, bytes_per_second: 100}
  - {at: "*", fault: late, seconds: 90}
  - {at: CreateDevServer, fault: lag, seconds: 30, show: false}
  - {at: ListAllDevServers, fault: shift, rows: -1}
  - {at: "*", fault: short, rows: 2}
  - {at: CreateDevServer, fault: stranger, when: after, user: colleague}
  - {at: ListAllDevServers, fault: cap, rows: 100, refused: true}
  - {at: CreateDevServer, fault: sells, charging_mode: PRE_PAID}
  - {at: "*", fault: spelling, takes: user_data, refused: false}
  - {at: "*", fault: rewrite, server: "alpha*", set: {total: null}, drop: [pages], rows: null, rows_drop: [image.name], rows_in: data, add: [3], headers: {Age: "9"}}
"""


def test_every_kind_is_understood(file):
    rules = read_faults(file(WHOLE))
    assert len({type(rule.fault) for rule in rules}) == 15
    assert (rules[0].server, rules[0].after, rules[0].times) == ("alpha*", 1, 2)
    assert rules[1].operations == {"ListDevServers", "ShowDevServer"}
    assert rules[1].times is None
    assert len(rules[5].operations) == len(OPERATIONS)


def test_everywhere_means_wherever_the_fault_can_happen(file):
    rules = read_faults(file(WHOLE))
    late, short = rules[8].operations, rules[11].operations
    assert short == {"ListDevServers", "ListAllDevServers", "SyncDevServers"}
    assert {"CreateDevServer", "DeleteDevServer", "CancelResourcesSubscription"} < late
    assert not [
        name
        for name in late
        if name.startswith(("List", "Show", "Keystone")) and "Rat" not in name and "PayPer" not in name
    ]


def test_a_rule_is_shown_as_it_was_written(file):
    rules = [
        {"at": ["ListDevServers"], "fault": "throttle"},
        {"at": "*", "fault": "short", "rows": 2, "times": "always"},
    ]
    form = FaultsFile.model_validate_json(json.dumps({"faults": rules}))
    assert [rule.written for rule in form.value()] == rules


@pytest.mark.parametrize(
    ("rule", "place", "said"),
    [
        ("at: CreateDevserver, fault: truncate", "faults.0.truncate", "did you mean CreateDevServer?"),
        ("at: Zzz, fault: truncate", "faults.0.truncate", "docs/api/openapi.yaml"),
        ("at: [], fault: truncate", "faults.0.truncate.at", ""),
        ("at: ShowDevServer, fault: lag, seconds: 1", "faults.0.lag", "cannot happen to ShowDevServer, only to Create"),
        ("at: ListDevServers, fault: late, seconds: 1", "faults.0.late", "cannot happen to ListDevServers"),
        ("at: CreateDevServer, fault: shift, rows: 1", "faults.0.shift", "cannot happen to CreateDevServer"),
        ("at: PayOrders, fault: stranger, when: after", "faults.0.stranger", "cannot happen to PayOrders"),
        ("at: KeystoneCreateUserTokenByPassword, fault: late, seconds: 1", "faults.0.late", "cannot happen"),
        ("fault: truncate", "faults.0.truncate.at", "is missing"),
        ("at: '*'", "faults.0", "fault"),
        (AT + "fault: explode", "faults.0", "'fault' must be one of"),
        (AT + "fault: reset", "faults.0.reset.executed", "is missing"),
        (AT + "fault: reset, executed: 1", "faults.0.reset.executed", "boolean"),
        (AT + "fault: reset, executed: true, rows: 3", "faults.0.reset.rows", "no key that is known"),
        (AT + "fault: truncate, after: -1", "faults.0.truncate.after", ""),
        (AT + "fault: truncate, times: 0", "faults.0.truncate.times", ""),
        (AT + "fault: truncate, times: never", "faults.0.truncate.times", ""),
        (AT + "fault: answer, status: 199, executed: true", "faults.0.answer.status", "200"),
        (AT + "fault: answer, status: 600, executed: true", "faults.0.answer.status", "599"),
        (AT + "fault: answer, status: 500", "faults.0.answer.executed", "is missing"),
        (AT + "fault: answer, status: 500, message: x, executed: true", "faults.0.answer", "needs a code"),
        (AT + "fault: answer, status: 304, code: x, executed: true", "faults.0.answer", "no body"),
        (AT + 'fault: answer, status: 500, executed: true, headers: {X: "a\\r\\nY: b"}', "faults.0.answer.headers.X", ""),
        (AT + 'fault: answer, status: 500, executed: true, headers: {"X Y": a}', "faults.0.answer.headers", ""),
        (AT + "fault: answer, status: 500, executed: true, headers: {content-Length: '9'}", "faults.0.answer", "content-Length"),
        (AT + "fault: answer, status: 500, executed: true, headers: {A: b, a: c}", "faults.0.answer", "twice"),
        (AT + "fault: throttle, retry_after: -1", "faults.0.throttle.retry_after", ""),
        (AT + "fault: throttle, by: nobody", "faults.0.throttle.by", ""),
        (AT + "fault: throttle, time: soon", "faults.0.throttle.time", ""),
        (AT + "fault: oversize, megabytes: 0", "faults.0.oversize.megabytes", ""),
        (AT + "fault: oversize, megabytes: 99999", "faults.0.oversize.megabytes", ""),
        (AT + "fault: slow, seconds: .nan", "faults.0.slow.seconds", ""),
        (AT + "fault: slow, seconds: .inf", "faults.0.slow.seconds", ""),
        (AT + "fault: slow, seconds: 1, bytes_per_second: 0", "faults.0.slow.bytes_per_second", ""),
        (AT + "fault: late, seconds: -1", "faults.0.late.seconds", ""),
        (AT + "fault: lag", "faults.0.lag.seconds", "is missing"),
        (AT + "fault: stranger", "faults.0.stranger.when", "is missing"),
        ("at: '*', fault: short, rows: 0", "faults.0.short.rows", ""),
        ("at: '*', fault: shift, rows: 0", "faults.0.shift", "moves nothing"),
        ("at: '*', fault: short, rows: 1.5", "faults.0.short.rows", ""),
        ("at: '*', fault: rewrite", "faults.0.rewrite", "say what to rewrite"),
        ("at: '*', fault: rewrite, server: x", "faults.0.rewrite", "say what to rewrite"),
        ("at: '*', fault: rewrite, drop: ['a..b']", "faults.0.rewrite.drop.0", ""),
        ("at: '*', fault: rewrite, headers: {Date: x}", "faults.0.rewrite", "Date"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_place_and_nothing_is_made(file, tmp_path, rule, place, said):
    path = file(f"faults:\n  - {{{rule}}}\n")
    with pytest.raises(SettingsError) as mistake:
        create_app(tmp_path / "world.db", faults=path)
    message = str(mistake.value)
    assert str(path) in message
    assert place in message
    assert said in message
    assert not (tmp_path / "world.db").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file"),
        ("faults: 3", "faults"),
        ("fault: []", "faults: is missing"),
        ("faults: [", "line"),
        ("faults: []\nfaults: []", "given twice"),
        ("\0", "not text in YAML"),
    ],
)
def test_what_is_no_such_file_is_an_error_too(file, text, said):
    with pytest.raises(SettingsError, match=said):
        create_app(faults=file(text))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        create_app(faults=tmp_path / "nowhere.yaml")


def test_the_file_that_the_manual_shows_is_right(file):
    (shown,) = re.findall(r"^```yml\n# faults\.yml\n(.*?)^```", MANUAL, re.MULTILINE | re.DOTALL)
    assert read_faults(file(shown))


def test_the_manual_names_every_kind_and_every_setting():
    (section,) = re.findall(r"^## Faults.*?(?=^## )", MANUAL, re.MULTILINE | re.DOTALL)
    for kind, reference in FaultsFile.model_json_schema()["$defs"].items():
        for name in reference.get("properties", ()):
            assert re.search(rf"\b{name}\b", section), f"{kind} has {name}"


NAMES = st.sampled_from(["a", "b", "c"])


@given(
    rules=st.lists(st.tuples(NAMES, st.integers(0, 3), st.none() | st.integers(1, 3)), max_size=4),
    requests=st.lists(NAMES, max_size=25),
)
def test_a_rule_hits_exactly_the_requests_it_says(rules, requests):
    """Each rule by itself: those that match, less the first `after`, and no more than `times`."""
    for name, after, times in rules:
        fault = Throttle(by="service", retry_after=None, limit=1, time="second")
        rule = Rule(operations=frozenset({name}), server=None, after=after, times=times, fault=fault, written={})
        faults = Faults([rule])
        hit = [faults.take(each, lambda: None).wire is not None for each in requests]
        matching = [index for index, each in enumerate(requests) if each == name]
        expected = matching[after : None if times is None else after + times]
        assert [index for index, was in enumerate(hit) if was] == expected
        assert faults.hits() == [(rule, len(expected))]


@given(st.text(max_size=20))
def test_no_name_of_an_operation_breaks_it(name):
    try:
        FaultsFile.model_validate({"faults": [{"at": name, "fault": "truncate"}]})
    except ValidationError:
        assert name not in {operation.name for operation in OPERATIONS}
