"""Writes and reads plan files: a plan with its approval, and the signature of who made it."""

from __future__ import annotations

from provisioner.saved_plans.plan_file import SavedPlan, find_target, read_plan, write_plan
from provisioner.saved_plans.signing import signing_key

__all__ = ["SavedPlan", "find_target", "read_plan", "signing_key", "write_plan"]
