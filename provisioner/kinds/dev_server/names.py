"""Renames a DevServer by one call that may be repeated, and remembers the name with what the cloud then shows.

Source: docs/api/devserver-api.md section 2.1: the name is the only property that the cloud itself changes in place.
"""

from __future__ import annotations

from collections.abc import Generator

from provisioner.kinds.dev_server import rows
from provisioner.model.flow import Answer, Call, Effect, Remember, Reply, Service, Step
from provisioner.model.resource import Desired, Phase


def rename(identifier: str, desired: Desired, *, phase: Phase = Phase.READY) -> Generator[Step, Answer, None]:
    """Gives the server its desired name. `phase` is what is recorded with it."""
    name = {"name": desired.name}
    reply = yield Call(Service.MODELARTS, "PUT", rows.server_path(identifier), Effect.REPEATABLE, body=name)
    observed = rows.read(reply.body).observed if isinstance(reply, Reply) else None
    yield Remember(phase, declared=name, observed=observed)
