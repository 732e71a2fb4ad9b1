"""The one door to httpx: TLS, proxies, time-outs and a limit of size, for every room that speaks HTTP.

It retries nothing and understands no answer. Knows neither the cloud nor its credentials.
"""

from provisioner.web.client import (
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
from provisioner.web.slow_requests import LongReadingListener, SlowRequestListener

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
