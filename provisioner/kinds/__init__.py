"""Registers the kinds of resource: each is a folder, and one line here. Pure: no I/O, no clock, no HTTP library."""

from __future__ import annotations

from provisioner.kinds import dev_server
from provisioner.model.kind import Catalogue

CATALOGUE = Catalogue((dev_server.KIND,))
