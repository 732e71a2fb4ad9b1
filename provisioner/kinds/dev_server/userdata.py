"""Names the userdata of a request: specs have one name for it, and the vendor has two.

Source: docs/api/devserver-api.md sections 2.1 and 3.1. No answer shows userdata, so which name takes effect can't be
read back. The stack chooses one (`purchase.userdata_field`); records always use the name of the spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from provisioner.model.purchase_policy import PurchasePolicy, UserdataField
from provisioner.model.resource import FieldValue

FIELD: Final = "userdata"
"""The name in a spec."""


def with_request_key(
    body: Mapping[str, FieldValue], policy: PurchasePolicy, *, published: Literal["userdata", "user_data"]
) -> dict[str, FieldValue]:
    """Returns the body with userdata under the name that the stack chooses.

    `published` is the name in the call's reference.
    """
    chosen = policy.userdata_field
    name = published if chosen is UserdataField.AS_PUBLISHED else chosen.value
    return {name if key == FIELD else key: value for key, value in body.items()}
