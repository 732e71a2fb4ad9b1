"""Writes the file of specs for adopted servers: decides their addresses, the text, and the path."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from provisioner.disk import Disk, place_file
from provisioner.loading import ExistingResource, Loaded, is_writable, render_spec, unique_key
from provisioner.model.address import Address
from provisioner.model.diagnostic import UsageError, error
from provisioner.model.kind import Kind
from provisioner.model.resource import Live
from provisioner.model.state import State
from provisioner.workflow.terraform_state import TerraformInstance
from provisioner.workflow.workspace import Workspace


def servers_as_specs(
    workspace: Workspace,
    loaded: Loaded,
    state: State | None,
    chosen: Iterable[Live],
    managed: Sequence[TerraformInstance],
) -> Iterable[ExistingResource]:
    """Yields an address, and a draft of a spec where it needs one, for each server of `chosen`.

    A server whose name the specs declare at a vacant address gets that address: an earlier run may have died after it
    wrote the specs. Raises UsageError `adopt-unwritable` for a value that specs cannot hold.
    """
    managed_by_id = {one.id: one for one in managed}
    named = {(one.address, one.id) for one in loaded.refactoring.imports}
    recorded = state.resources if state else {}
    vacant = {
        (desired.kind, desired.name): desired.address for desired in loaded.desired if desired.address not in recorded
    }
    taken = {address.name for address in (*recorded, *(desired.address for desired in loaded.desired))}
    for row in chosen:
        kind = workspace.catalogue[row.kind]
        if (address := vacant.get((row.kind, row.name))) is not None:
            yield ExistingResource(address, row.id, kind.section, is_imported=(address, row.id) in named)
            continue
        draft, key = kind.adoption.draft(row, loaded.defaults.get(kind.section, {})), row.name
        if (one := managed_by_id.get(row.id)) is not None:
            draft, key = draft.with_missing(kind.adoption.from_terraform(one.attributes, row)), one.key
        key = unique_key(key, frozenset(taken), noun=kind.noun)
        if not is_writable(draft):
            take = f"`provisioner import {Address(key).shell_quoted} {row.id}`"
            hint = f"declare it by hand, then: {take}; nothing was changed"
            summary = (
                f"{kind.noun} {row.id} has a value that specs would read as a template, or that hides text from readers"
            )
            raise UsageError(error("adopt-unwritable", summary, hint=hint))
        taken.add(key)
        yield ExistingResource(Address(key), row.id, kind.section, draft)


def specs_text(
    workspace: Workspace,
    loaded: Loaded,
    existing: Sequence[ExistingResource],
    chosen: Sequence[Live],
    *,
    terraform: bool,
) -> str:
    """Returns the text of the new spec file; empty when the specs import all of `existing` already."""
    if all(one.is_imported for one in existing):
        return ""
    kinds = [workspace.catalogue[name] for name in dict.fromkeys(row.kind for row in chosen)]
    return render_spec(
        existing, defaults=loaded.defaults, remarks=tuple(_remarks(kinds, existing[0], terraform=terraform))
    )


def _remarks(kinds: Sequence[Kind], example: ExistingResource, *, terraform: bool) -> Iterable[str]:
    address = example.address.shell_quoted
    yield f"Written by `provisioner adopt` on {datetime.now(UTC):%Y-%m-%d}, from what the cloud shows; edit it as you like."
    yield from (f"It never shows{f' of a {kind.noun}' * (len(kinds) > 1)}: {kind.adoption.hidden}." for kind in kinds)
    source = "what the Terraform state says of them, else from " if terraform else ""
    yield f"These are taken from {source}`defaults:` in stack.yaml, and never verified. To declare one otherwise"
    yield f"without a replacement: `provisioner state rm {address}`, edit, `provisioner import {address} {example.id}`."
    yield "`imports:` says which server each address took over. Once `provisioner plan` has no changes, it may be deleted."


def free_path(directory: Path) -> Path:
    """Returns the first of adopted.yaml, adopted-2.yaml, ... that does not exist."""
    number = 1
    while os.path.lexists(path := directory / ("adopted.yaml" if number == 1 else f"adopted-{number}.yaml")):
        number += 1
    return path


def write_once(path: Path, text: str) -> None:
    """Writes the file completely or not at all, as half a spec would declare half of the servers.

    Raises UsageError `adopt-not-written`, also when anything has the name `path`.
    """
    try:
        place_file(Disk(), path, text.encode(), is_shared=True)
    except OSError as failure:
        hint = "Nothing was recorded. Make the folder of the specs writable"
        raise UsageError(error("adopt-not-written", f"cannot write {path}: {failure.strerror}", hint=hint)) from failure


def remove_written(path: Path, text: str) -> None:
    """Removes the file that `write_once` has written, unless somebody has changed it since."""
    disk = Disk()
    with suppress(OSError):
        if disk.read(path) == text.encode():
            disk.remove(path)
