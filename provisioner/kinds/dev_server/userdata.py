"""What requests call userdata: a spec has one name for it, and the vendor two.

Source: docs/api/devserver-api.md sections 2.1 and 3.1. No answer shows userdata, so nothing can be read back; the stack chooses
(`purchase.userdata_field`), and what is recorded always has the name of the spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from provisioner.model.purchase_policy import PurchasePolicy, UserdataField
from provisioner.model.resource import FieldValue

FIELD: Final = "userdata"
"""Its name in a spec."""


def spelt(
    body: Mapping[str, FieldValue], policy: PurchasePolicy, *, published: Literal["userdata", "user_data"]
) -> dict[str, FieldValue]:
    """The body with userdata under the name that the stack chooses; `published` is the one that the call's reference has."""
    chosen = policy.userdata_field
    name = published if chosen is UserdataField.AS_PUBLISHED else chosen.value
    return {name if key == FIELD else key: value for key, value in body.items()}
