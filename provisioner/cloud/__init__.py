"""The way to the cloud: sends the calls that flows are made of, and says honestly what became of each; and asks, in types,
what no flow asks: what is on sale, what was ordered and paid for, who we are.

Knows HTTP, signatures and tokens; knows neither servers nor state, and never decides whether to buy again. `catalogue`,
`orders`, `prices` and `subscriptions` are imported by those who ask: every plan would pay for loading them.
"""

from provisioner.cloud.answers import Ask
from provisioner.cloud.channel import Channel
from provisioner.cloud.clock import Clock
from provisioner.cloud.connection import Cloud, connect
from provisioner.cloud.credentials import (
    AccessKey,
    Credentials,
    FoundCredentials,
    InstanceAgency,
    IssuedToken,
    Password,
    describe_credentials,
    find_credentials,
)
from provisioner.cloud.endpoints import Endpoints, region_endpoints, sandbox_endpoints
from provisioner.cloud.identities import (
    Account,
    Project,
    list_own_accounts,
    list_own_projects,
    list_projects,
    read_names,
)
from provisioner.cloud.token_cache import cache_folder
from provisioner.cloud.translation import translate

__all__ = [
    "AccessKey",
    "Account",
    "Ask",
    "Channel",
    "Clock",
    "Cloud",
    "Credentials",
    "Endpoints",
    "FoundCredentials",
    "InstanceAgency",
    "IssuedToken",
    "Password",
    "Project",
    "cache_folder",
    "connect",
    "describe_credentials",
    "find_credentials",
    "list_own_accounts",
    "list_own_projects",
    "list_projects",
    "read_names",
    "region_endpoints",
    "sandbox_endpoints",
    "translate",
]
