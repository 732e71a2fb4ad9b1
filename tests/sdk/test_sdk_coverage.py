"""The claim that the SDK runs every operation it has, checked instead of asserted: none is left out unseen."""

import re
from pathlib import Path

import huaweicloudsdkbss.v2 as bss
import huaweicloudsdkiam.v3 as iam
import huaweicloudsdkmodelarts.v1 as modelarts
import pytest

from provisioner.sandbox.calls import Operation
from provisioner.sandbox.contract import OPERATIONS
from provisioner.sandbox.errors import Service

HERE = Path(__file__).parent
SDK = {
    Service.MODELARTS: (modelarts, modelarts.ModelArtsClient),
    Service.BILLING: (bss, bss.BssClient),
    Service.IDENTITY: (iam, iam.IamClient),
}


def method_name(operation: Operation) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation.name).lower()


IN_THE_SDK = [each for each in OPERATIONS if hasattr(SDK[each.service][1], method_name(each))]


def called() -> set[str]:
    """Methods of the three clients that the tests of this folder call, by themselves or through what they lean on."""
    texts = [path.read_text() for path in (*HERE.glob("test_*.py"), HERE.parent / "support" / "vendor.py")]
    return {name for text in texts for name in re.findall(r"\b(?:servers|billing|identity)\.(\w+)\(", text)}


def test_the_sdk_runs_every_operation_that_it_has():
    assert {method_name(operation) for operation in IN_THE_SDK} - called() == set()


def test_the_others_are_run_by_raw_requests():
    lacking = {method_name(operation) for operation in OPERATIONS if operation not in IN_THE_SDK}
    assert lacking == {"list_dev_server_plugins", "list_dev_server_resource_flavors", "pay_customer_order"}
    assert lacking <= {*re.findall(r"^def test_(\w+)", (HERE / "test_sdk_lacking.py").read_text(), re.MULTILINE)}


@pytest.mark.parametrize("operation", IN_THE_SDK, ids=method_name)
def test_the_sdk_asks_by_the_method_and_path_that_the_sandbox_knows(operation):
    module, client = SDK[operation.service]
    request = getattr(module, f"{operation.name}Request")()
    asked = getattr(client, f"_{method_name(operation)}_http_info")(request)
    assert (asked["method"], nameless(asked["resource_path"])) == (operation.method, nameless(operation.path))


def nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
