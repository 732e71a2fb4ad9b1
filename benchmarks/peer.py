"""Terraform with the vendor's provider, doing the same work on the same cloud, where this machine has both.

BENCH_TERRAFORM names the binary of Terraform, BENCH_TERRAFORM_PROVIDER the folder that holds the provider's. Nothing is downloaded.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Figure, environment, measure
from provisioner.sandbox import PUBLIC

_UUID = "05982b48-a70f-43a1-a2b0-1fe36a236172"
_STACK = {
    "terraform": {"required_providers": {"huaweicloud": {"source": "huaweicloud/huaweicloud"}}},
    "variable": {"nodes": {"type": "number"}},
    "resource": {
        "huaweicloud_modelarts_devserver": {
            "trainer": {
                "count": "${var.nodes}",
                "name": "fleet-trainer-${count.index}",
                "flavor": "Si2.large.4",
                "image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7",
                "key_pair_name": "ops",
                "vpc_id": _UUID,
                "subnet_id": _UUID,
                "security_group_id": _UUID,
                "root_volume": {"type": "SSD", "size": 200},
            }
        }
    },
}


@dataclass(frozen=True, slots=True)
class Peer:
    binary: str
    provider: str

    def prepare(self, directory: Path, address: str) -> dict[str, str]:
        """Writes its stack there. What is returned has to be its environment."""
        endpoints = dict.fromkeys(("modelarts", "bss", "iam"), f"{address}/")
        provider = {
            "region": "cn-north-4",
            "project_id": PUBLIC.project_id,
            "domain_id": PUBLIC.domain_id,
            "access_key": PUBLIC.access_key,
            "secret_key": PUBLIC.secret_key,
            "auth_url": f"{address}/v3",
            "endpoints": endpoints,
        }
        (directory / "main.tf.json").write_text(json.dumps(_STACK | {"provider": {"huaweicloud": provider}}))
        (directory / "cli.tfrc").write_text(
            'provider_installation {\n  dev_overrides {\n    "huaweicloud/huaweicloud" = '
            f"{json.dumps(self.provider)}\n  }}\n}}\n"
        )
        return environment(TF_CLI_CONFIG_FILE=str(directory / "cli.tfrc"), CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1")

    def apply(self, directory: Path, environ: dict[str, str], nodes: int, parallelism: int) -> Figure:
        options = ("-auto-approve", "-no-color", f"-parallelism={parallelism}", "-var", f"nodes={nodes}")
        return measure([self.binary, "apply", *options], directory=directory, environ=environ)

    def plan(self, directory: Path, environ: dict[str, str], nodes: int) -> Figure:
        options = ("-no-color", "-var", f"nodes={nodes}")
        return measure([self.binary, "plan", *options], directory=directory, environ=environ)


def find_peer() -> Peer | str:
    """Or why there is none."""
    binary, provider = (os.environ.get(name) for name in ("BENCH_TERRAFORM", "BENCH_TERRAFORM_PROVIDER"))
    if not binary or not provider:
        return "BENCH_TERRAFORM and BENCH_TERRAFORM_PROVIDER do not name a binary of Terraform and a folder with the provider"
    if not os.access(binary, os.X_OK):
        return f"BENCH_TERRAFORM: {binary} cannot be run"
    if not Path(provider).is_dir():
        return f"BENCH_TERRAFORM_PROVIDER: {provider} is no folder"
    return Peer(str(Path(binary).resolve()), str(Path(provider).resolve()))
