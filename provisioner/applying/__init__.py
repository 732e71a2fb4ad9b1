"""Carries a plan out: journals, sends, waits, recovers. It re-decides nothing and never looks at a kind by name.

The cloud, the store, secrets and time are protocols here (ports.py), so that this room knows none of those rooms.
"""

from provisioner.applying.cloud_reading import (
    CloudListing,
    CloudSnapshot,
    read_detail,
    read_listing,
    read_live,
    read_order_resources,
    read_traces,
    run_read,
)
from provisioner.applying.executor import execute
from provisioner.applying.interruption import Interruption
from provisioner.applying.ports import OtherStatesPort, no_other_states
from provisioner.applying.recovery import recover
from provisioner.applying.run_context import RunContext

__all__ = [
    "CloudListing",
    "CloudSnapshot",
    "Interruption",
    "OtherStatesPort",
    "RunContext",
    "execute",
    "no_other_states",
    "read_detail",
    "read_listing",
    "read_live",
    "read_order_resources",
    "read_traces",
    "recover",
    "run_read",
]
