"""Carries a plan out: journals, sends, waits, recovers. It re-decides nothing and never looks at a kind by name.

The cloud, the store, secrets and time are protocols here (ports.py), so that this room knows none of those rooms.
"""

from provisioner.applying.executor import Execution, execute
from provisioner.applying.interruption import Interruption
from provisioner.applying.reading import read_live
from provisioner.applying.recovery import recover

__all__ = ["Execution", "Interruption", "execute", "read_live", "recover"]
