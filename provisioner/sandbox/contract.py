"""Lists every operation of the three services, and builds the table that finds the operation of a request. Knows no
HTTP library.
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
