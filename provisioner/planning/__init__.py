"""Wanted, recorded and live to a plan. Pure: no I/O, no clock, no environment, no randomness.

It decides what is to happen and says why; whether that is allowed is for the guards, doing it for the applying room.
"""

from provisioner.planning.comparison import states_newly_what_is_billed
from provisioner.planning.drift import gaps_told
from provisioner.planning.plan_input import PlanInput
from provisioner.planning.planner import plan
from provisioner.planning.proposal_entries import retell
from provisioner.planning.refused_fields import cleared
from provisioner.planning.state_rebuild import Remains, propose
from provisioner.planning.statements import as_stated, statements
from provisioner.planning.stock import questions, with_offers
from provisioner.planning.triggers import noted
from provisioner.planning.unknown_status import unknown_status_told
from provisioner.planning.unmanaged_servers import Unowned, in_question, unowned
from provisioner.planning.unpaid_orders import ordered_otherwise

__all__ = [
    "PlanInput",
    "Remains",
    "Unowned",
    "as_stated",
    "cleared",
    "gaps_told",
    "in_question",
    "noted",
    "ordered_otherwise",
    "plan",
    "propose",
    "questions",
    "retell",
    "statements",
    "states_newly_what_is_billed",
    "unknown_status_told",
    "unowned",
    "with_offers",
]
