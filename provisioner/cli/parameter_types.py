"""The types of parameters that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.candidates import complete_addresses, complete_addresses_and_groups

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from provisioner.model.address import Address


class AddressType(click.ParamType["Address"]):
    """An address. With `groups` shells complete those of groups, too."""

    name = "address"

    def __init__(self, *, groups: bool = False) -> None:
        self._complete = complete_addresses_and_groups if groups else complete_addresses

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return self._complete(ctx, param, incomplete)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        from provisioner.model.address import Address

        if isinstance(value, Address):
            return value
        try:
            return Address.parse(value)
        except ValueError as failure:
            self.fail(str(failure), param, ctx)


class DurationType(click.ParamType[float]):
    """Terraform's durations: `0s`, `30s`, `5m`, `1h30m`, and days: `30d`; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        import re

        if isinstance(value, float | int):
            return float(value)
        found = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", value)
        if not value or found is None:
            self.fail(f"{value!r} is not a duration; write one like 30s, 5m, 1h30m or 30d", param, ctx)
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return float(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
