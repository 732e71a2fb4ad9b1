"""Why an answer tells no time: the header is missing, cannot be read, or is a cache's."""

import pytest

from provisioner.cloud.clock import Clock
from provisioner.cloud.server_time import ServerTime
from provisioner.web.client import HttpAnswer


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "carry no Date header"),
        ({"date": "yesterday"}, "carry a Date header that cannot be read"),
        ({"date": "Thu, 01 Jan 2026 00:00:00 GMT", "age": "86400"}, "come from a cache, as their Age header says"),
        ({"date": "Thu, 01 Jan 2026 00:00:00 GMT"}, ""),
    ],
)
def test_the_cause_is_told_by_its_name(headers, why):
    told, because = HttpAnswer(200, headers, b"").trusted_time
    assert (because, told is None) == (why, bool(why))
    time = ServerTime(Clock(monotonic=lambda: 0.0))
    time.observe(told, because)
    assert (time.latest() is None, time.unknown_because if why else "") == (bool(why), why)
