"""Collects the configuration that is in force for a command, each value with its origin. It asks nobody and shows no secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from provisioner.loading import DEFAULT_DIRECTORY, read_origins
from provisioner.model.configured_value import DEFAULT_ORIGIN, ConfiguredValue, Origin, OriginType, Scalar
from provisioner.model.diagnostic import SourceRange, UsageError
from provisioner.model.guards import GuardLimits
from provisioner.model.pin import PinnedField
from provisioner.model.purchase_policy import PurchasePolicy
from provisioner.model.secret import HIDDEN
from provisioner.model.stack import CloudName, Stack
from provisioner.model.state_setting import StateAuthor, StateFolder, StateSetting
from provisioner.model.user_configuration import CredentialsProfile
from provisioner.settings import Settings
from provisioner.workflow.workspace import Workspace

_MINUTE = 60_000


def configuration(workspace: Workspace) -> tuple[ConfiguredValue, ...]:
    """Returns every value. Raises SpecError and UsageError for a stack or a configuration file that is invalid."""
    stack = workspace.stack_if_any()
    values = [*_command_values(workspace, stack)]
    if stack is not None:
        values += _stack_values(workspace, stack)
    return (*values, *_setting_values(workspace.settings), *_file_values(workspace))


def _command_values(workspace: Workspace, stack: Stack | None) -> Iterator[ConfiguredValue]:
    settings = workspace.settings
    given = workspace.directory not in ({settings.specs} if settings.specs else {DEFAULT_DIRECTORY, Path()})
    variable = None if settings.specs is None else str(settings.specs)
    yield ConfiguredValue("specs", str(workspace.directory), _origin_of("specs", given=given, variable=variable))
    if stack is not None:
        yield _state_value(workspace, stack)
    yield from _host_values(workspace)


def _state_value(workspace: Workspace, stack: Stack) -> ConfiguredValue:
    """Returns the place of the state. A store that is no folder is not opened for it, so nothing is connected to."""
    setting = workspace.explicit_state or stack.state
    if setting is None or isinstance(setting.location, StateFolder):
        return ConfiguredValue("state", workspace.store(stack).location, _state_origin(setting))
    return ConfiguredValue("state", setting.location.shown, _state_origin(setting))


def _state_origin(setting: StateSetting | None) -> Origin:
    if setting is None or setting.source is not None:
        return _file_origin(None if setting is None else setting.source)
    type_ = OriginType.OPTION if setting.author is StateAuthor.OPTION else OriginType.VARIABLE
    return Origin(type_, setting.name)


def _host_values(workspace: Workspace) -> Iterator[ConfiguredValue]:
    """Yields the hosts of stores that the user trusts, besides that of PROVISIONER_STATE and PGHOST."""
    for host, source in workspace.configuration().state_hosts:
        yield ConfiguredValue("state_host", str(host), _file_origin(source))
    for text in workspace.settings.state_hosts:
        yield ConfiguredValue("state_host", text.strip(), Origin(OriginType.VARIABLE, "PROVISIONER_STATE_HOSTS"))


def _origin_of(name: str, *, given: bool, variable: str | None) -> Origin:
    """Returns the origin of a value that an option gives, or else the environment variable of the same name."""
    if given:
        return Origin(OriginType.OPTION, f"--{name}")
    return Origin(OriginType.VARIABLE, f"PROVISIONER_{name.upper()}") if variable is not None else DEFAULT_ORIGIN


def _stack_values(workspace: Workspace, stack: Stack) -> Iterator[ConfiguredValue]:
    sources = read_origins(workspace.directory, stack.environment)
    values: dict[str, Scalar] = {"stack": stack.name, "cloud": stack.cloud.value, "strict": stack.strict}
    values |= {f"purchase.{key}": value for key, value in _policy(stack.purchase).items()}
    values |= {f"guards.{key}": value for key, value in _limits(stack.guards).items()}
    for name, value in values.items():
        yield ConfiguredValue(name, value, _file_origin(sources.get(name)))
    yield ConfiguredValue("environment", stack.environment, _environment_origin(workspace, stack, sources))
    trusted = workspace.configuration().settings_of(stack)
    for pin in stack.pins:
        yield ConfiguredValue(f"pin.{pin.field}", pin.value, _file_origin(pin.source))
    protected = next((one.protected for one in trusted if one.protected is not None), sources.get("protected"))
    yield ConfiguredValue("protected", stack.protected, _file_origin(protected))
    yield from _credential_values(workspace, stack, sources)


def _credential_values(
    workspace: Workspace, stack: Stack, sources: Mapping[str, SourceRange]
) -> Iterator[ConfiguredValue]:
    """Yields the region and the credentials. They are found as for a run, and nobody is asked whether they are valid."""
    region_pins = (pin.source for pin in stack.pins if pin.field is PinnedField.REGION)
    written = sources.get("region") or next(region_pins, None)
    if stack.cloud is CloudName.SANDBOX:
        yield ConfiguredValue("region", stack.region or workspace.emulator.region, _file_origin(written))
        yield ConfiguredValue("credentials", "the sandbox's own")
        return
    from provisioner.cloud import describe_credentials

    profile = workspace.configuration().profile_of(stack)
    try:
        found = workspace.credentials(stack)
    except UsageError:
        found = None
    named = None if found is None else found.region
    origin = Origin(OriginType.VARIABLE, "HW_REGION_NAME or the profile") if named else DEFAULT_ORIGIN
    yield ConfiguredValue("region", stack.region or named, _file_origin(written) if written else origin)
    if profile is not None:
        yield ConfiguredValue("credentials", _describe(profile), _file_origin(profile.source))
    elif found is None:
        yield ConfiguredValue("credentials", None)
    else:
        type_ = OriginType.FILE if "/" in found.source else OriginType.VARIABLE
        yield ConfiguredValue("credentials", describe_credentials(found.credentials), Origin(type_, found.source))


def _describe(profile: CredentialsProfile) -> str:
    """Describes a profile. The names of variables are left out: a secret may stand in their place by mistake."""
    if profile.hcloud is not None:
        return f"profile {profile.name}: hcloud profile {profile.hcloud}"
    return f"profile {profile.name}: {f'file {profile.file}' if profile.file is not None else 'variables'}"


def _environment_origin(workspace: Workspace, stack: Stack, sources: Mapping[str, SourceRange]) -> Origin:
    if workspace.environment is None or stack.environment is None:
        return _file_origin(sources.get("environment"))
    is_option = workspace.environment != workspace.settings.environment
    return _origin_of("environment", given=is_option, variable=workspace.settings.environment)


def _setting_values(settings: Settings) -> Iterator[ConfiguredValue]:
    default = Settings()
    for name in ("input", "in_automation", "log_level", "site", "instance_metadata", "user", "token_cache"):
        value = getattr(settings, name)
        variable = "PROVISIONER_LOG" if name == "log_level" else f"PROVISIONER_{name.upper()}"
        origin = Origin(OriginType.VARIABLE, variable) if value != getattr(default, name) else DEFAULT_ORIGIN
        yield ConfiguredValue(name, value or None if isinstance(value, str) else value, origin)
    for service, url in sorted(settings.endpoints.items()):
        origin = Origin(OriginType.VARIABLE, f"PROVISIONER_ENDPOINT_{service.upper()}")
        yield ConfiguredValue(f"endpoint.{service}", without_password(url), origin)
    for name in sorted(settings.variables):
        yield ConfiguredValue(f"variable.{name}", HIDDEN, Origin(OriginType.VARIABLE, f"PROVISIONER_VAR_{name}"))


def _file_values(workspace: Workspace) -> Iterator[ConfiguredValue]:
    for path in workspace.configuration_files:
        yield ConfiguredValue("configuration", "read" if path.exists() else None, Origin(OriginType.FILE, str(path)))


def _file_origin(source: SourceRange | None) -> Origin:
    return DEFAULT_ORIGIN if source is None else Origin(OriginType.FILE, str(source))


def _policy(policy: PurchasePolicy) -> Mapping[str, Scalar]:
    minutes, rest = divmod(policy.quiet_period, _MINUTE)
    return {
        "quiet_period": f"{minutes}m" if rest == 0 else f"{policy.quiet_period // 1000}s",
        "marker": policy.marker.value,
        "prepaid": policy.prepaid.value,
        "charging_default": policy.charging_default.value,
        "userdata_field": policy.userdata_field.value,
    }


def _limits(limits: GuardLimits) -> Mapping[str, Scalar]:
    return {
        "mass_change_percent": limits.mass_change_percent,
        "mass_change_from": limits.mass_change_from,
        "max_servers": limits.max_servers,
    }


def without_password(url: str) -> str:
    """Returns a URL or a path without what stands before the host and behind the path of a URL: either may be secret."""
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    user = f"{HIDDEN}@" if "@" in parts.netloc else ""
    return f"{parts.scheme}://{user}{host}{parts.path}" + (f"?{HIDDEN}" if parts.query else "")
