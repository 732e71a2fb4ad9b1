"""Compares the account, project and region of a run with the pins of its environment, before anything is planned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.model.diagnostic import Diagnostic, UsageError, error, warning
from provisioner.model.flow import CallFailed
from provisioner.model.identity import Identity
from provisioner.model.pin import Pin, PinnedField
from provisioner.model.plan import Plan
from provisioner.model.stack import CloudName, Stack
from provisioner.workflow.caller import complete_caller

if TYPE_CHECKING:
    from provisioner.cloud import Cloud

_HINTS = {
    PinnedField.ACCOUNT: "use credentials of that account (`provisioner credentials` shows the account), or another environment",
    PinnedField.PROJECT: "set HW_PROJECT_NAME or HW_PROJECT_ID to that project, or choose another environment",
    PinnedField.REGION: "unset HW_REGION_NAME or choose that region, or choose another environment",
}


def require_region(stack: Stack, region: str | None) -> None:
    """Raises UsageError `pin-mismatch` when the credentials are for another region than the one that is pinned."""
    pins = (pin for pin in stack.pins if pin.field is PinnedField.REGION)
    if region is not None and (found := tuple(_mismatch(stack, pin, region) for pin in pins if pin.value != region)):
        raise UsageError(*found)


async def require_pins(stack: Stack, cloud: Cloud, *, account_is_given: bool = False) -> None:
    """Raises UsageError when a pin names another account, project or region than the cloud shows, or cannot be compared.

    `account_is_given`: the account was named beside the credentials (HW_DOMAIN_ID), and the cloud has not confirmed it.
    The cloud is asked for a name where a pin is by name, and for a given account.
    """
    if not stack.pins:
        return
    await _read_names(stack, cloud, account_is_given=account_is_given)
    accounts = [pin for pin in stack.pins if pin.field is PinnedField.ACCOUNT]
    if accounts and account_is_given and not cloud.caller.account_name:
        raise UsageError(*(_unconfirmed(stack, pin, cloud) for pin in accounts))
    problems = tuple(found for pin in stack.pins if (found := _problem(stack, pin, cloud)) is not None)
    if problems:
        raise UsageError(*problems)


async def with_account_warning(plan: Plan, stack: Stack, cloud: Cloud) -> Plan:
    """Returns the first plan of a state with a warning if it buys something in an account that no pin names."""
    from provisioner.workflow.known_orders import has_purchases

    is_pinned = any(pin.field is PinnedField.ACCOUNT for pin in stack.pins)
    if is_pinned or stack.cloud is CloudName.SANDBOX or not has_purchases(plan):
        return plan
    account = (await complete_caller(cloud)).account_text
    finding = warning(
        "account-unpinned",
        f"no pin says which account {_subject(stack)} belongs to, and this would be its first purchase, in account {account}",
        hint=f"check that this is the right account; to pin it, write {_pin_advice(stack)}",
    )
    return replace(plan, findings=(finding, *plan.findings))


def _pin_advice(stack: Stack) -> str:
    """Returns how to pin the account. It never suggests a new environment, because that would give the state another
    name.
    """
    if stack.environment is None:
        return f"stacks: {{{stack.name}: {{account: ...}}}} in your own configuration"
    return (
        f"environments: {{{stack.environment}: {{account: ...}}}} in stack.yaml, or the same in your own configuration"
    )


async def _read_names(stack: Stack, cloud: Cloud, *, account_is_given: bool) -> None:
    from provisioner.cloud import read_account_name, read_project_name, translate

    fields = {
        pin.field for pin in stack.pins if pin.is_by_name or (account_is_given and pin.field is PinnedField.ACCOUNT)
    }
    if not fields:
        return
    async with cloud.channel() as channel:
        try:
            if PinnedField.ACCOUNT in fields:
                cloud.add_names(account=await read_account_name(channel.ask, cloud.identity))
            if PinnedField.PROJECT in fields:
                cloud.add_names(project=await read_project_name(channel.ask, cloud.identity))
        except CallFailed as failed:
            raise translate(failed, "comparing the account and the project with their pins") from failed


def _problem(stack: Stack, pin: Pin, cloud: Cloud) -> Diagnostic | None:
    identifier, name = _found(pin.field, cloud)
    if pin.matches(identifier, name):
        return None
    if pin.is_by_name and name is None:
        return error(
            "pin-unverified",
            f"{_subject(stack)} is pinned to {pin.field} {pin.value}, and these credentials may not read the name of"
            f" {pin.field} {identifier}",
            hint=f"pin the {pin.field} by its id; nothing was planned",
            source=pin.source,
        )
    return _mismatch(stack, pin, identifier if name is None else f"{name} ({identifier})")


def _unconfirmed(stack: Stack, pin: Pin, cloud: Cloud) -> Diagnostic:
    account = cloud.identity.account
    return error(
        "pin-unverified",
        f"{_subject(stack)} is pinned to account {pin.value}; account {account} was set with the credentials, and the cloud does not list it among the accounts that they may use",
        hint="unset HW_DOMAIN_ID, or use credentials of that account; nothing was planned",
        source=pin.source,
    )


def _found(field: PinnedField, cloud: Cloud) -> tuple[str, str | None]:
    identity: Identity = cloud.identity
    match field:
        case PinnedField.ACCOUNT:
            return identity.account, cloud.caller.account_name or None
        case PinnedField.PROJECT:
            return identity.project, cloud.caller.project_name or None
        case PinnedField.REGION:
            return identity.region, None


def _mismatch(stack: Stack, pin: Pin, found: str) -> Diagnostic:
    by = "your own configuration pins" if pin.trusted else "stack.yaml pins"
    return error(
        "pin-mismatch",
        f"this run would act in {pin.field} {found}, and {by} {_subject(stack)} to {pin.field} {pin.value}",
        hint=f"{_HINTS[pin.field]}; nothing was planned",
        source=pin.source,
    )


def _subject(stack: Stack) -> str:
    return f"stack {stack.name}" if stack.environment is None else f"environment {stack.environment} of {stack.name}"


def choose_region(in_specs: str | None, found: str | None) -> str:
    """Returns the region of the specs, or else that of the environment.

    Raises UsageError when both are given and differ, or neither is.
    """
    region = in_specs or found
    if region is None:
        hint = "write `region:` in stack.yaml, or set HW_REGION_NAME"
        raise UsageError(error("region-missing", "no region is given", hint=hint))
    if found is not None and region != found:
        summary = f"stack.yaml says region {region}; HW_REGION_NAME or the hcloud profile says {found}"
        hint = "make them agree, or unset HW_REGION_NAME; nothing was sent"
        raise UsageError(error("region-conflict", summary, hint=hint))
    return region
