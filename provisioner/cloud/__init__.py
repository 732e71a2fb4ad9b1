"""The client for the cloud.

It sends the calls that flows yield and reports the outcome of each. It also offers typed queries that no flow makes:
what is on sale, what was ordered and paid for, which account and project we act in.

It knows HTTP, signatures and tokens. It knows neither servers nor state, and never decides whether to buy again.
Callers import `catalogue`, `orders`, `prices` and `subscriptions` themselves, because loading them would slow down
every plan.
"""

from provisioner.cloud.answers import Ask
from provisioner.cloud.channel import Channel
from provisioner.cloud.clock import Clock
from provisioner.cloud.connection import Cloud, connect
from provisioner.cloud.credential_profile import find_profile_credentials
from provisioner.cloud.credential_sources import find_credentials
from provisioner.cloud.credentials import (
    AccessKey,
    Agency,
    AssumedAgency,
    Credentials,
    FoundCredentials,
    IdToken,
    InstanceAgency,
    IssuedToken,
    Password,
    describe_credentials,
)
from provisioner.cloud.endpoints import Endpoints, region_endpoints, sandbox_endpoints
from provisioner.cloud.identities import (
    Account,
    Project,
    list_own_accounts,
    list_own_projects,
    list_projects,
    read_account_name,
    read_names,
    read_project_name,
)
from provisioner.cloud.token_cache import cache_folder
from provisioner.cloud.translation import translate
from provisioner.cloud.user_pseudonym import user_named_by

__all__ = [
    "AccessKey",
    "Account",
    "Agency",
    "Ask",
    "AssumedAgency",
    "Channel",
    "Clock",
    "Cloud",
    "Credentials",
    "Endpoints",
    "FoundCredentials",
    "IdToken",
    "InstanceAgency",
    "IssuedToken",
    "Password",
    "Project",
    "cache_folder",
    "connect",
    "describe_credentials",
    "find_credentials",
    "find_profile_credentials",
    "list_own_accounts",
    "list_own_projects",
    "list_projects",
    "read_account_name",
    "read_names",
    "read_project_name",
    "region_endpoints",
    "sandbox_endpoints",
    "translate",
    "user_named_by",
]
