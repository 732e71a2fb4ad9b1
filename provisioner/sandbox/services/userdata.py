"""Userdata: under which of its two names it was sent, and whether it takes effect (docs/api/devserver-api.md section
10, question 2).

No answer shows it, so only the ledger does.
"""

from provisioner.sandbox.calls import Call
from provisioner.sandbox.errors import InvalidParameterError
from provisioner.sandbox.faults import Spelling
from provisioner.sandbox.requests.dev_servers import CreateServer, ReinstallOs


def effect_of(call: Call, request: CreateServer | ReinstallOs) -> str:
    """Returns what the ledger says about userdata; empty if none was sent. Raises InvalidParameterError for a name
    that a fault refuses.
    """
    names = [name for name in ("userdata", "user_data") if getattr(request, name)]
    if not names:
        return ""
    (name,) = names
    fault = next((each for each in call.faults if isinstance(each, Spelling)), None)
    if fault is None or fault.takes == name:
        return f"; {name} takes effect"
    if fault.refused:
        raise InvalidParameterError(f"{name}: unknown field")
    return f"; {name} is passed over"
