"""Decides which refusals of attachments are permanent: those are recorded, and not requested again.

Source: docs/api/devserver-api.md section 2.4: disks and public addresses are "only for A3" machines, and nothing that a
client sees names such a machine. The table of the refusals is in docs/decisions/0021.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from provisioner.model.canonical import JsonObject
from provisioner.model.flow import CallFailed, Ended, Outcome
from provisioner.model.resource import Live, Phase

REFUSED_BEFORE = "refused-before"
_PERMANENT_STATUSES = frozenset({400, 405, 422})
_NO_SUCH_API = "APIG.0101"
_TEMPORARY = re.compile(
    r"\b(already|in use|occupied|being|busy|status|state|must be|locked|conflict|try again|later|not found|not exist|no such"
    r"|quota|exceed\w*|limit|balance|arrears|frozen|restricted|permission|authori[sz]\w*|not allowed to)\b",
    re.IGNORECASE,
)
"""Words of a refusal that another moment, another payment or another policy may lift."""


class PermanentRefusal(Exception):  # noqa: N818 - a decision of the cloud's
    """The cloud permanently refuses a field for this server.

    `attached` are the declared ids that the server has nevertheless.
    """

    def __init__(self, failed: CallFailed, row: Live, attached: Iterable[str]) -> None:
        super().__init__(failed.message)
        self.failed, self.row, self.attached = failed, row, tuple(attached)


def is_permanent(failed: CallFailed) -> bool:
    """Returns whether the service itself refused for a permanent reason.

    Such a message names neither time, rights, money nor what was to be attached.
    """
    if failed.outcome is not Outcome.REFUSED:
        return False
    if failed.code == _NO_SUCH_API:
        return True
    from_gateway = str(failed.code).startswith("APIG.")
    if failed.status not in _PERMANENT_STATUSES or failed.not_found or from_gateway:
        return False
    return _TEMPORARY.search(failed.message) is None


def to_record(wanted: Iterable[str], failed: CallFailed) -> JsonObject:
    """Returns the refusal of a field in the form in which it is recorded."""
    return {"value": list(wanted), "code": failed.code, "message": failed.message}


def end_with_refusals(refusals: JsonObject) -> Ended:
    """Returns how a change ends that was carried out except for these fields."""
    fields = " and ".join(sorted(refusals))
    messages = "; ".join(str(one["message"]) for one in refusals.values() if isinstance(one, Mapping))
    return Ended(
        Phase.READY,
        f"the cloud refuses {fields} for this server: {messages}",
        f"this is recorded, and it is not asked for again; remove {fields} from the specs, or write another value; "
        f"--allow {REFUSED_BEFORE} asks once more",
        code=REFUSED_BEFORE,
    )
