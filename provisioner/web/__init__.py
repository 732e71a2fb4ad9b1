"""Sends HTTP requests for every package that needs to: TLS, proxies, time-outs and a size limit.

Only this package imports httpx.

It retries nothing and interprets no answer. It knows neither the cloud nor its credentials.
"""

import sys

# httpx imports its own command line when rich and pygments are installed: 70 modules, a tenth of the start of a plan.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

from provisioner.web.client import (  # noqa: E402 - see above
    HttpAnswer,
    HttpBackend,
    HttpNetwork,
    HttpRequest,
    HttpTimeouts,
    HttpTransport,
    NetworkSettings,
    NoAnswer,
    in_process,
    is_loopback,
)
from provisioner.web.slow_requests import LongReadingListener, SlowRequestListener  # noqa: E402 - see above

__all__ = [
    "HttpAnswer",
    "HttpBackend",
    "HttpNetwork",
    "HttpRequest",
    "HttpTimeouts",
    "HttpTransport",
    "LongReadingListener",
    "NetworkSettings",
    "NoAnswer",
    "SlowRequestListener",
    "in_process",
    "is_loopback",
]
