"""The commands that only look, each so that it succeeds on a stack whose one server `gateway` is bought."""

from __future__ import annotations

from provisioner.cli.state import command as state_command

LOOKING = (
    ("plan",),
    ("plan", "--destroy"),
    ("plan", "--refresh-only"),
    ("show",),
    ("drift",),
    ("output",),
    ("output", "gateway.id"),
    ("history",),
    ("history", "--verify"),
    ("history", "--json"),
    ("inventory", "--format", "hosts"),
    ("explain", "lock-held"),
    ("explain", "gateway"),
    ("graph",),
    ("expiring",),
    ("leftovers",),
    ("completion", "bash"),
    ("orders", "list"),
    ("progress",),
    ("progress", "--wait"),
    ("state", "list"),
    ("state", "show", "gateway"),
    *((("state", "pull"),) if "pull" in state_command.commands else ()),
)
