"""The whole API in one place: every operation of the three services, and the table that finds the one a request asks for.
Knows no HTTP library; who asks for what, and what goes wrong on the way, is decided elsewhere.
"""

from typing import Final

from provisioner.sandbox.calls import Routes
from provisioner.sandbox.services import (
    attaching,
    billing,
    catalogue,
    dev_servers,
    identity,
    ratings,
    subscriptions,
    supernodes,
    tools,
)

OPERATIONS: Final = (
    *catalogue.OPERATIONS,
    *tools.OPERATIONS,
    *supernodes.OPERATIONS,
    *dev_servers.OPERATIONS,
    *attaching.OPERATIONS,
    *billing.OPERATIONS,
    *subscriptions.OPERATIONS,
    *ratings.OPERATIONS,
    *identity.OPERATIONS,
)
ROUTES: Final = Routes(OPERATIONS)
BY_NAME: Final = {operation.name: operation for operation in OPERATIONS}
