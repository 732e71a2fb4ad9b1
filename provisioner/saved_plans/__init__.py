"""Writes and reads plan files and computes the id of a plan. This package knows neither store, specs nor cloud."""

from provisioner.saved_plans.plan_file import plan_id, read_plan, write_plan

__all__ = ["plan_id", "read_plan", "write_plan"]
