"""Makes a plan from the desired, recorded and live resources. The package is pure: no I/O, no clock, no environment, no
randomness.

It decides what happens to each resource, and why. The guards decide whether that is allowed, and `applying` carries it
out.
"""

from provisioner.planning.approval_check import PLAN_AGAIN, differences, is_begun, is_used_up, uncovered
from provisioner.planning.comparison import declares_new_billed_field
from provisioner.planning.doubts import doubt_over_warnings
from provisioner.planning.drift import list_gap_warnings
from provisioner.planning.namesakes import bought_records, find_namesakes
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.planner import plan
from provisioner.planning.proposal_entries import proposal_to_entries
from provisioner.planning.refused_fields import clear_stale_refusals
from provisioner.planning.state_rebuild import SalvagedRecords, propose
from provisioner.planning.statements import statements, with_statements_applied
from provisioner.planning.stock import collect_questions, with_offer_warnings
from provisioner.planning.triggers import trigger_entries
from provisioner.planning.under_way import under_way
from provisioner.planning.unknown_status import unknown_status_warnings
from provisioner.planning.unmanaged_servers import UnmanagedServer, find_unmanaged_servers, relevant_unmanaged_servers
from provisioner.planning.unpaid_orders import check_order_against_specs
from provisioner.planning.unrecorded_answers import unrecorded_answer_refusals

__all__ = [
    "PLAN_AGAIN",
    "PlanInput",
    "SalvagedRecords",
    "UnmanagedServer",
    "bought_records",
    "check_order_against_specs",
    "clear_stale_refusals",
    "collect_questions",
    "declares_new_billed_field",
    "differences",
    "doubt_over_warnings",
    "find_namesakes",
    "find_unmanaged_servers",
    "is_begun",
    "is_used_up",
    "list_gap_warnings",
    "plan",
    "proposal_to_entries",
    "propose",
    "relevant_unmanaged_servers",
    "statements",
    "trigger_entries",
    "uncovered",
    "under_way",
    "unknown_status_warnings",
    "unrecorded_answer_refusals",
    "with_offer_warnings",
    "with_statements_applied",
]
