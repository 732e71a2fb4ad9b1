"""The one door to httpx: TLS, proxies, time-outs and a limit of size, for every room that speaks HTTP.

It retries nothing and understands no answer. Knows neither the cloud nor its credentials.
"""

from provisioner.web.client import (
    Answer,
    HttpRequest,
    Network,
    NetworkSettings,
    NoAnswer,
    Timeouts,
    Transport,
    Wire,
    in_process,
    is_loopback,
)
from provisioner.web.patience import Unanswered

__all__ = [
    "Answer",
    "HttpRequest",
    "Network",
    "NetworkSettings",
    "NoAnswer",
    "Timeouts",
    "Transport",
    "Unanswered",
    "Wire",
    "in_process",
    "is_loopback",
]
