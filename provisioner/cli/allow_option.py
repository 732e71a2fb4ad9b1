"""The option `--allow CODE`, by which a person lifts guards for one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from provisioner.model.guards import Allowance

_ALL = "all"
_BY_ADDRESS = {"prepaid-replace": "it is allowed address by address, by naming it: --replace"}


class _AllowanceType(click.ParamType["frozenset[Allowance]"]):
    name = "code"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        from click.shell_completion import CompletionItem

        from provisioner.model.guards import Allowance

        codes = (*(code.value for code in Allowance), _ALL)
        return [CompletionItem(code) for code in codes if code.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[Allowance]:
        from provisioner.model.guards import ALL, Allowance

        if isinstance(value, frozenset):
            return value
        if value == _ALL:
            return ALL
        try:
            return frozenset({Allowance(value)})
        except ValueError:
            return self.fail(_unknown(value, [code.value for code in Allowance]), param, ctx)


def _unknown(value: str, codes: list[str]) -> str:
    import difflib

    if value in _BY_ADDRESS:
        return f"{value!r} is not allowed by this option: {_BY_ADDRESS[value]}"
    near = difflib.get_close_matches(value, [*codes, _ALL], n=1)
    meant = (
        f"did you mean {near[0]}?"
        if near
        else f"there are: {', '.join(codes)}, and all, which is all but protected, order-unseen, no-state, state-elsewhere, state-replaced and held-twice"
    )
    return f"{value!r} is not a guard that --allow lifts; {meant}"


def _union(
    _context: click.Context, _parameter: click.Parameter, given: tuple[frozenset[Allowance], ...]
) -> frozenset[Allowance]:
    return frozenset().union(*given)


allow_option = click.option(
    "--allow", "allow", metavar="CODE", type=_AllowanceType(), multiple=True, callback=_union,
    help="Lift this guard for this run: mass-change, prepaid-delete, max-servers, vanished, protected, "
    "not-listed, unread-sibling, list-incomplete, refused-before, charging-mismatch, term-ended, unknown-status, order-unseen, open-order, no-state, state-elsewhere, state-replaced, held-twice, or all (all except protected, order-unseen, no-state, state-elsewhere, state-replaced and held-twice). docs/guards.md explains them. May be repeated.",
)  # fmt: skip
