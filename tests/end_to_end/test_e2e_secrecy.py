"""The seed request of docs/api/devserver-api.md section 3.2, exactly on the wire, and its password nowhere else."""

import base64
import html
import json
from urllib.parse import quote

import pytest
from support.fault_proxy import answering, message
from support.process_workspace import STACK
from support.secrecy import assert_unseen
from support.stack_text import PASSWORD

SEED = """\
servers:
  EI-evs-1107:
    flavor: Si2.large.4
    image_id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7
    admin_pass: {secret: "env:SERVER_PASSWORD"}
    network:
      security_group_id: 150a2c76-1334-45f6-b28f-419f9b1d1742
      subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54
      vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
"""


class TestTheSeedRequest:
    """docs/api/devserver-api.md section 3.2, whose password must never be seen again."""

    @pytest.fixture
    def seed(self, workspace):
        """No defaults, so that everything on the wire was written in the spec."""
        workspace.write(SEED, stack=STACK.partition("defaults:")[0])
        workspace.environment["SERVER_PASSWORD"] = PASSWORD
        return workspace

    def test_the_body_on_the_wire_has_exactly_its_fields_and_how_it_is_charged(self, seed, proxy):
        assert seed.run("apply", "--auto-approve").code == 0
        (purchase,) = proxy.purchases
        assert purchase.document == {
            "name": "EI-evs-1107",
            "flavor": "Si2.large.4",
            "image_id": "c90fb553-2cdb-4b81-b56a-ef68812c6cf7",
            "admin_pass": PASSWORD,
            "charging_info": {
                "charging_mode": "POST_PAID",
                "period_type": "MONTH",
                "period_num": 1,
                "is_auto_pay": False,
                "is_auto_renew": False,
            },
            "network": {
                "security_group_id": "150a2c76-1334-45f6-b28f-419f9b1d1742",
                "subnet_id": "38cf274a-98f9-4f6f-b622-5ed0e4a3db54",
                "vpc_id": "05982b48-a70f-43a1-a2b0-1fe36a236172",
            },
        }

    def test_the_password_is_in_no_file_and_in_nothing_said(self, seed):
        seed.environment["PROVISIONER_LOG"] = "debug"
        commands = (
            ["plan", "--out", "plan.json"], ["show", "plan.json"], ["plan", "--json"], ["apply", "plan.json"],
            ["plan", "--full"], ["show"], ["show", "--json"], ["state", "show", "EI-evs-1107"],
            ["output", "--json"],
        )  # fmt: skip
        said = [seed.run(*command) if command[0] == "apply" else seed.run_in_process(*command) for command in commands]
        assert [ran.code for ran in said] == [0] * len(commands)
        assert seed.purchases == {"EI-evs-1107": 1}
        assert_unseen(PASSWORD, seed.folder, said)

    def test_the_password_is_not_repeated_from_a_cloud_that_sends_the_request_back(self, seed, proxy):
        async def echo(exchange):
            body = json.dumps({"error_code": "ModelArts.0104", "error_msg": f"bad request: {exchange.body.decode()}"})
            await exchange.tell(message("400 Bad Request", body.encode()))

        proxy.on(echo)
        seed.environment["PROVISIONER_LOG"] = "debug"
        refused = seed.run("apply", "--auto-approve")
        assert refused.code == 7
        assert "ModelArts.0104" in refused.text
        assert_unseen(PASSWORD, seed.folder, [refused])

    def test_nor_in_disguises_within_disguises(self, seed, proxy):
        some = "".join(f"\\u{ord(each):04x}" if not each.isalnum() else each for each in PASSWORD)
        forms = (
            some,
            quote(PASSWORD, safe="!'()*~"),
            quote(base64.b64encode(PASSWORD.encode()).decode(), safe=""),
            html.escape(quote(quote(PASSWORD, safe=""), safe="")).replace("2", "&#50;"),
            PASSWORD.encode().hex(":"),
        )

        async def echo(exchange):
            body = json.dumps({"error_code": "ModelArts.0104", "error_msg": f"bad request: {' '.join(forms)}"})
            await exchange.tell(message("400 Bad Request", body.encode()))

        proxy.on(echo)
        seed.environment["PROVISIONER_LOG"] = "debug"
        refused = seed.run("apply", "--auto-approve")
        assert (refused.code, "bad request" in refused.text) == (7, True)
        assert_unseen(PASSWORD, seed.folder, [refused])
        left = refused.text + "".join(path.read_text() for path in seed.folder.rglob("*") if path.is_file())
        assert not [form for form in forms if form in left or json.dumps(form)[1:-1] in left]

    def test_the_password_is_not_in_what_a_doubt_leaves_behind(self, seed, proxy):
        proxy.on(answering(message("502 Bad Gateway", PASSWORD.encode(), kind="text/plain"), executed=True))
        seed.environment["PROVISIONER_LOG"] = "debug"
        said = [
            seed.run("apply", "--auto-approve", "--resolve-timeout", "0"),
            seed.run_in_process("show"),
            seed.run_in_process("plan"),
        ]
        assert said[0].code == 6
        assert_unseen(PASSWORD, seed.folder, said)

    def test_a_changed_password_is_seen_without_being_known(self, seed):
        seed.apply()
        seed.environment["SERVER_PASSWORD"] = "Another-7q!Xw9Zt"
        planned = seed.run_in_process("plan")
        assert "admin_pass" in planned.out
        assert_unseen("Another-7q!Xw9Zt", seed.folder, [planned])

    def test_a_missing_password_is_noticed_before_anything_is_bought(self, seed):
        del seed.environment["SERVER_PASSWORD"]
        assert seed.run_in_process("plan").code == 0
        refused = seed.run("apply", "--auto-approve")
        assert (refused.code, seed.ledger) == (1, [])
        assert "SERVER_PASSWORD" in refused.err
