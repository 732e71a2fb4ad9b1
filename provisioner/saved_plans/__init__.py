"""Plan files: a plan is written to a file, read back, and known by its digest. This room knows no store, specs or cloud."""

from provisioner.saved_plans.plan_file import plan_id, read_plan, write_plan

__all__ = ["plan_id", "read_plan", "write_plan"]
