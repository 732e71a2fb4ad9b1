"""Defines the workspace of a command: its specs, state, cloud and credentials.

Making it does no work: loading, connecting and locking happen when a command asks for them. `provisioner.cloud` and the
template engine take most of the start-up time, so only the methods that need them import them.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.disk import may_exist
from provisioner.loading import read_stack
from provisioner.model.caller import Caller
from provisioner.model.content_mask import ContentMask
from provisioner.model.diagnostic import SpecError, UsageError
from provisioner.model.event import Event, EventType, Listener
from provisioner.model.kind import Catalogue
from provisioner.model.mask import Mask
from provisioner.model.reading_progress import NOT_SHOWN, ReadingProgress
from provisioner.model.redaction import find_secrets
from provisioner.model.secret import Secret
from provisioner.model.stack import CloudName, Stack
from provisioner.model.state_setting import StateSetting
from provisioner.model.state_url import StateUrl
from provisioner.model.user_configuration import NO_CONFIGURATION, UserConfiguration
from provisioner.secrets import SecretReader
from provisioner.settings import Settings
from provisioner.store import StateStore, high_water_mark_folder, locate, state_folders
from provisioner.workflow.caller import read_pipeline
from provisioner.workflow.pins import choose_region, require_pins, require_region
from provisioner.workflow.sandbox_world import world_in, world_to_open
from provisioner.workflow.state_places import StatePlaces
from provisioner.workflow.vendor_endpoints import endpoint_overrides, vendor_endpoints

if TYPE_CHECKING:
    from provisioner.cloud import Cloud, FoundCredentials
    from provisioner.loading import Loaded, VariableInputs


@dataclass(frozen=True, slots=True)
class Emulator:
    """The sandbox: an application that answers requests, and the public credentials that it accepts."""

    app: Callable[[Path], Any]
    """Makes an ASGI application from the path of the world's file."""
    access_key: str
    secret_key: str
    region: str


@dataclass(frozen=True, slots=True)
class Workspace:
    directory: Path
    environment: str | None
    inputs: VariableInputs
    explicit_state: StateSetting | None
    """The place of the state that --state or PROVISIONER_STATE names."""
    settings: Settings
    environ: Mapping[str, str]
    home: Path
    catalogue: Catalogue
    emulator: Emulator
    version: str
    configuration_files: tuple[Path, ...] = ()
    """The user's own configuration files, in falling precedence. Not all of them need to exist."""
    mask: Mask = field(default_factory=Mask)
    """Removes the secrets that it knows from the cloud's answers."""
    content_mask: ContentMask = field(default_factory=ContentMask)
    """Removes the values of variables that may be secrets from texts that are only for people."""
    progress: ReadingProgress = NOT_SHOWN
    """Tells a person who waits what is being read."""

    def load(self, *, for_release: bool = False) -> Loaded:
        """Loads the specs, and adds their secrets to the mask, as the cloud may return what an earlier run has sent.

        With `for_release`, specs are enough in which values that only creating needs cannot be worked out.
        """
        from provisioner.loading import load

        self.progress.begin("Reading the specs")
        load_here = partial(load, self.directory, catalogue=self.catalogue, for_release=for_release)
        loaded = load_here(environment=self.environment, inputs=self.inputs)
        secrets = self.secrets()
        for reference in {reference for desired in loaded.desired for _, reference in find_secrets(desired.fields)}:
            with suppress(UsageError):  # a secret that is not available is reported when it is needed
                secrets.reveal(reference)
        for value in loaded.sensitive_values:
            self.content_mask.add(value)
        return replace(loaded, stack=self._in_force(loaded.stack))

    def hide(self, text: str) -> str:
        """Returns a text for people, such as userdata, without the secrets that are known so far."""
        return self.content_mask.text(self.mask.lines(text))

    def stack(self) -> Stack:
        """Returns the settings of the stack, with the pins of the user's own configuration."""
        return self._in_force(read_stack(self.directory, self.environment))

    def _in_force(self, stack: Stack) -> Stack:
        """Returns the settings with those of the user's own configuration, for the place where the state is."""
        stack = self.configuration().apply_to(stack)
        place = self.explicit_state or stack.state
        is_shared = place is not None and isinstance(place.location, StateUrl)
        return replace(stack, purchase=stack.purchase.for_shared_state()) if is_shared else stack

    def configuration(self) -> UserConfiguration:
        """Reads the user's own configuration. Raises UsageError for an invalid file, and for one that is not believed."""
        if not any(map(may_exist, self.configuration_files)):
            return NO_CONFIGURATION
        from provisioner.loading import read_user_configuration

        return read_user_configuration(self.configuration_files)

    def stack_if_any(self) -> Stack | None:
        """Returns the stack, or None without a specs directory, for commands that work before there are specs."""
        return self.stack() if self.directory.exists() else None

    def store(self, stack: Stack) -> StateStore:
        return self.store_of(stack.label, stack.state, owner=(stack.name, stack.environment))

    def store_of(
        self, label: str, declared: StateSetting | None, *, owner: tuple[str, str | None] | None = None
    ) -> StateStore:
        """Opens the state of this label, which need not be a state of the stack. `declared` is where the specs or the user's
        configuration keep it; `owner` is as in `open_store`.

        Raises UsageError `state-host-untrusted` before anything is connected to.
        """
        self.progress.begin("Reading the state")
        return self.places.open(label, declared, owner=owner)

    @property
    def places(self) -> StatePlaces:
        return StatePlaces(
            self.directory,
            self.explicit_state,
            self.settings,
            self.environ,
            self.home,
            self.configuration,
            self.configuration_files,
        )

    def plan_key(self) -> bytes | None:
        """What plan files are signed with; None where no key can be kept. Raises UsageError for one that is given and is none."""
        from provisioner.saved_plans import signing_key

        return signing_key(self.settings.plan_key, high_water_mark_folder(self.environ, self.home).parent)

    def place(self, stack: Stack) -> str:
        """Where the state is, as an approval names it: the same in two checkouts of one repository."""
        return self.places.name(stack)

    def secrets(self) -> SecretReader:
        return SecretReader(self.directory, self.environ, on_reveal=self.mask.add)

    def world(self, stack: Stack) -> Path:
        """Returns the path of the sandbox's world, in the state folder of the stack.

        All stacks and environments of a folder share it.
        """
        return world_in(locate(self.directory, stack.label))

    @asynccontextmanager
    async def cloud(self, stack: Stack, listen: Listener) -> AsyncIterator[Cloud]:
        """Connects to the cloud of the stack, as the account that its pins name. `listen` receives warnings about the
        credentials, and long pauses.

        Raises UsageError for invalid credentials, region or endpoints, and for an account, project or region that is not
        the pinned one; CloudError when connecting fails.
        """
        for finding in self.configuration().warnings(stack):
            listen(Event(EventType.NOTICE, diagnostic=finding))
        if stack.cloud is CloudName.SANDBOX:
            async with self.sandbox_cloud(stack, listen) as cloud:
                cloud.caller = self.caller
                await require_pins(stack, cloud)
                yield cloud
            return
        from provisioner.cloud import user_named_by

        found = self.credentials(stack)
        require_region(stack, found.region)
        require_region(stack, stack.region)
        async with self.vendor_cloud(found, stack.region, listen) as cloud:
            user = user_named_by(found.credentials)
            cloud.caller = replace(self.caller, account=cloud.identity.account, user=user)
            await require_pins(stack, cloud, account_is_given=found.domain_id is not None)
            yield cloud

    @property
    def caller(self) -> Caller:
        """Who runs the command, as far as it is known without asking the cloud."""
        return Caller(pipeline=read_pipeline(self.environ))

    def credentials(self, stack: Stack | None) -> FoundCredentials:
        """Finds the credentials: those of the stack's profile, or else the first that the vendor's tools would find.

        Raises UsageError when there are none, or only invalid ones.
        """
        from provisioner.cloud import find_credentials, find_profile_credentials

        profile = None if stack is None else self.configuration().profile_of(stack)
        if profile is not None:
            return find_profile_credentials(profile, self.environ, self.home)
        return find_credentials(self.environ, self.home, instance_metadata=self.settings.instance_metadata)

    def vendor_cloud(
        self, found: FoundCredentials, region_in_specs: str | None, listen: Listener
    ) -> AbstractAsyncContextManager[Cloud]:
        from provisioner.cloud import cache_folder

        for finding in found.warnings:
            listen(Event(EventType.NOTICE, diagnostic=finding))
        region = choose_region(region_in_specs, found.region)
        return self._connect(listen)(
            endpoints=vendor_endpoints(region, self.settings, self.environ),
            credentials=found.credentials,
            region=region,
            project_id=found.project_id,
            project_name=found.project_name,
            user_named=self.settings.user,
            domain_id=found.domain_id,
            token_folder=cache_folder(self.environ, self.home) if self.settings.token_cache else None,
        )

    def sandbox_cloud(
        self, stack: Stack, listen: Listener, *, world: Path | None = None
    ) -> AbstractAsyncContextManager[Cloud]:
        """Connects to the sandbox. `world` is the path of its world, in place of the one in the stack's state folder."""
        from provisioner.cloud import AccessKey, region_endpoints, sandbox_endpoints

        region = stack.region or self.emulator.region
        overrides = endpoint_overrides(self.settings)
        return self._connect(listen)(
            endpoints=region_endpoints(region, overrides) if overrides else sandbox_endpoints(region),
            credentials=AccessKey(self.emulator.access_key, Secret(self.emulator.secret_key)),
            region=region,
            app=None if overrides else self.emulator.app(world or world_to_open(self.directory, stack)),
            keeps_time=False,
        )

    def _connect(self, listen: Listener) -> Callable[..., AbstractAsyncContextManager[Cloud]]:
        """Returns `connect` with what is the same for every cloud."""
        from provisioner.cloud import connect

        self.progress.begin("Connecting to the cloud")
        return partial(
            connect,
            user_agent=f"provisioner/{self.version}",
            mask=self.mask,
            progress=self.progress,
            on_wait=lambda seconds: listen(Event(EventType.PAUSED, remaining=seconds)),
            on_slow_request=lambda line, seconds: listen(Event(EventType.UNANSWERED, detail=line, elapsed=seconds)),
            on_long_reading=lambda line, count, seconds: listen(
                Event(EventType.READING, detail=line, elapsed=seconds, requests=count)
            ),
        )

    @property
    def locations(self) -> tuple[Path | StateUrl, ...]:
        """Every place where a state of this stack may be looked for. Specs that cannot be read name none."""
        if self.explicit_state is not None:
            return (self.places.path_or_url(self.explicit_state),)
        declared = None
        with suppress(SpecError, UsageError):
            declared = self.stack().state
        own = () if declared is None else (self.places.path_or_url(declared),)
        return (*own, *state_folders(self.directory))


def who() -> str:
    """Returns `user@host`, and in a pipeline also for whom it runs, as it is written into the lock, every intent and the
    history.
    """
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    pipeline = read_pipeline(os.environ)
    return f"{user}@{socket.gethostname()}" + (f" for {pipeline}" if pipeline else "")
