"""Whose word about the time counts, through the real wire: that of fresh, successful answers of ModelArts, and no other one's.

The machines are no witnesses here, as where a sandbox's clock is moved: the cloud's dates alone decide how long silence has lasted.
"""

from __future__ import annotations

import pytest
from support.emulated_cloud import RequestFault, RequestType
from support.fake_workspace import FakeWorkspace
from support.invariants import SLOWEST_LANDING, SLOWEST_SIGHT

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
    """Two nodes answer in turn, one of them ahead."""
    answers = iter(range(1_000))
    return lambda _request, _status: (13 * MINUTE * (next(answers) % 2), False)


@pytest.mark.parametrize("dates", DATES.values(), ids=DATES)
def test_silence_is_not_over_by_a_date_that_does_not_count(tmp_path, dates):
    home = FakeWorkspace(tmp_path, keeps_time=False)
    home.write(ONE)
    home.cloud.lag, home.cloud.lateness = SLOWEST_SIGHT, SLOWEST_LANDING
    home.cloud.troubles = [(RequestType.PURCHASE, RequestFault.LATE)]
    assert home.apply(resolve_timeout=0).code is ExitCode.IN_DOUBT
    home.let_pass(15 * MINUTE)
    home.cloud.dates = dates or alternating()
    home.cloud.troubles = [(RequestType.LIST, RequestFault.TURNED_AWAY)]
    assert home.apply(resolve_timeout=0).code is ExitCode.IN_DOUBT
    home.let_pass(60 * MINUTE)
    assert home.apply(resolve_timeout=0).code is ExitCode.DONE
    assert len(home.cloud.purchases) == 1


def test_what_a_cache_has_kept_dates_no_purchase(tmp_path):
    """It would be dated hours ago, and silence about it believed at once."""
    home = FakeWorkspace(tmp_path, keeps_time=False)
    home.write(ONE)
    home.cloud.dates = lambda request, _status: (-HOURS, request.method == "GET")
    ran = home.apply()
    assert (ran.code, [one.code for one in ran.told]) == (ExitCode.ERROR, ["cloud-undated"])
    assert not home.cloud.mutations
