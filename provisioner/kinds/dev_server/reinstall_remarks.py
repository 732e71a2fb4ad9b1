"""Remarks on a reinstallation that a person should read before approving it, in addition to that the disk is wiped.

Source: the vendor's guide usermanual-server-0020 (docs/api/devserver-api.md section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.model.canonical import JsonObject, digest
from provisioner.model.flow import Remark
from provisioner.model.redaction import DIGEST
from provisioner.model.resource import FieldPath

_DISK = Remark(
    "system-disk-changes",
    "a reinstallation gives the system disk another id, and the cloud cannot expand that disk later",
    "if you will need a larger system disk, `lifecycle: {on_os_change: replace}` buys another machine instead",
)
_USERDATA = Remark(
    "userdata-may-not-run",
    "userdata may not take effect when another image is installed on an existing server",
    "check the server once it runs; on a new machine (`lifecycle: {on_os_change: replace}`) userdata does take effect",
)


_NO_USERDATA = (None, "", {DIGEST: digest("")})


def remarks(changed: Iterable[FieldPath], declared: JsonObject) -> Iterator[Remark]:
    """Yields the remarks on a reinstallation that `changed` fields cause.

    `declared` is the wanted body, as it is recorded.
    """
    yield _DISK
    if ("image_id",) in changed and declared.get("userdata") not in _NO_USERDATA:
        yield _USERDATA
