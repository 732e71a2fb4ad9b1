"""What the cloud imposes on a run: its pace, which whoever watches is told, and its clock, which every intent bears."""

import json

import pytest
from support.fault_proxy import answering, message

from provisioner.cloud import request_budget

LIMITED = b'{"error_code": "APIG.0308", "error_msg": "over ratelimit,limit:2400,time:1 second"}'
SLOW_DOWN = message("429 Too Many Requests", LIMITED, extra="Retry-After: 1\r\n")
SENTENCE = "The cloud asks for fewer requests: going on in 1s"


@pytest.fixture
def throttled(workspace, proxy, monkeypatch):
    """The first look at the servers and the first purchase are turned away, for a second that counts as long."""
    monkeypatch.setattr(request_budget, "REPORT_FROM", 0.9)
    proxy.on(answering(SLOW_DOWN, executed=False), method="GET", ending="/dev-servers/all")
    proxy.on(answering(SLOW_DOWN, executed=False))
    return workspace


class TestThePace:
    def test_a_plan_tells_that_it_waits(self, throttled):
        planned = throttled.run_in_process("plan")
        assert planned.code == 0
        assert SENTENCE in planned.err
        assert SENTENCE not in planned.out

    def test_an_apply_tells_it_too_and_buys_once(self, throttled):
        applied = throttled.run_in_process("apply", "--auto-approve")
        assert applied.code == 0
        assert applied.err.count(SENTENCE) == 2
        assert throttled.purchases == {"alpha": 1}

    def test_a_stream_has_the_seconds_as_a_number(self, throttled):
        applied = throttled.run_in_process("apply", "--auto-approve", "--json")
        pauses = [line for line in map(json.loads, applied.out.splitlines()) if line["type"] == "paused"]
        assert [round(pause["remaining_seconds"]) for pause in pauses] == [1, 1]
        assert applied.err == ""


class TestTheClock:
    def test_the_first_intent_bears_the_clouds_time(self, workspace, clock):
        """Signatures allow for a quarter of an hour."""
        clock.advance(600)
        assert workspace.apply().code == 0
        (intent,) = (record["intent"] for record in workspace.journal_records if record["type"] == "intended")
        assert 598_000 < intent["server_time"] - intent["sent_at"] < 602_000
