"""Which dates count for the quiet period, through the real HTTP client: those of fresh, successful answers of ModelArts.

This machine's clock does not count here, as if the sandbox's clock had been moved: the cloud's dates alone decide.
"""

from __future__ import annotations

import pytest
from support.emulated_cloud import RequestFault, RequestType
from support.fake_workspace import FakeWorkspace
from support.invariants import MAX_EXECUTION_DELAY, MAX_LISTING_DELAY

from provisioner.cli.exit_codes import ExitCode

MINUTE, HOURS = 60.0, 180 * 60.0
ONE = "servers: {a: {}}\n"


def is_billing(request):
    return request.url.host == "bss.sandbox.invalid"


DATES = {
    "billing is ahead": lambda request, _status: (HOURS * is_billing(request), False),
    "refusals are ahead": lambda _request, status: (HOURS * (status >= 400), False),
    "a node is ahead": None,
}


def alternating():
    """Returns the dates of two nodes that answer in turn, one of them ahead."""
    answers = iter(range(1_000))
    return lambda _request, _status: (13 * MINUTE * (next(answers) % 2), False)


@pytest.mark.parametrize("dates", DATES.values(), ids=DATES)
def test_silence_is_not_over_by_a_date_that_does_not_count(tmp_path, dates):
    workspace = FakeWorkspace(tmp_path, keeps_time=False)
    workspace.write(ONE)
    workspace.cloud.listing_delay, workspace.cloud.execution_delay = MAX_LISTING_DELAY, MAX_EXECUTION_DELAY
    workspace.cloud.faults = [(RequestType.PURCHASE, RequestFault.LATE)]
    assert workspace.apply(resolve_timeout=0).code is ExitCode.IN_DOUBT
    workspace.advance(15 * MINUTE)
    workspace.cloud.answer_dates = dates or alternating()
    workspace.cloud.faults = [(RequestType.LIST, RequestFault.TURNED_AWAY)]
    assert workspace.apply(resolve_timeout=0).code is ExitCode.IN_DOUBT
    workspace.advance(60 * MINUTE)
    assert workspace.apply(resolve_timeout=0).code is ExitCode.DONE
    assert len(workspace.cloud.purchases) == 1


def test_what_a_cache_has_kept_dates_no_purchase(tmp_path):
    """The purchase would be dated hours ago, and its absence confirmed at once."""
    workspace = FakeWorkspace(tmp_path, keeps_time=False)
    workspace.write(ONE)
    workspace.cloud.answer_dates = lambda request, _status: (-HOURS, request.method == "GET")
    ran = workspace.apply()
    assert (ran.code, [one.code for one in ran.diagnostics]) == (ExitCode.ERROR, ["cloud-undated"])
    assert not workspace.cloud.mutations
