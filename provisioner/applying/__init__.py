"""Carries out a plan: journals, sends, waits and recovers. It makes no decision that the plan has made, and names no
kind.

The cloud, the store, secrets and time are protocols here (ports.py), so that this package imports none of those
packages.
"""

from provisioner.applying.cloud_reading import (
    CloudListing,
    CloudSnapshot,
    read_detail,
    read_listing,
    read_lists,
    read_live,
    read_order_resources,
    read_traces,
    run_read,
)
from provisioner.applying.executor import execute
from provisioner.applying.interruption import Interruption
from provisioner.applying.ports import OtherStatesPort, no_other_states
from provisioner.applying.recovery import absent_by_now, recover
from provisioner.applying.run_context import RunContext

__all__ = [
    "CloudListing",
    "CloudSnapshot",
    "Interruption",
    "OtherStatesPort",
    "RunContext",
    "absent_by_now",
    "execute",
    "no_other_states",
    "read_detail",
    "read_listing",
    "read_lists",
    "read_live",
    "read_order_resources",
    "read_traces",
    "recover",
    "run_read",
]
