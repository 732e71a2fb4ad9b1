"""The one door to httpx: TLS, proxies, time-outs and a limit of size, for every room that speaks HTTP.

It retries nothing and understands no answer. Knows neither the cloud nor its credentials.
"""

import sys

# httpx imports its own command line where rich and pygments are installed: 70 modules, a tenth of the start of a plan.
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
from provisioner.web.slow_requests import LongReadingListener, SlowRequestListener  # noqa: E402 - likewise

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
