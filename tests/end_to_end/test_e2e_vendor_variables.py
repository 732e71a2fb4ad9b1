"""Variables that people set for the vendor's other tools: each command names once what it does not follow, and never a value."""

import pytest
from support.site import ONE, STACK, Site

from provisioner.sandbox import PUBLIC, create_app
from provisioner.sandbox.serving import front

SET = ("HW_ENTERPRISE_PROJECT_ID", "HW_MAX_RETRIES", "OS_CACERT", "HUAWEICLOUD_OIDC_ID_TOKEN")
SAID = "are set and not followed"
KEYS = {"HW_ACCESS_KEY": PUBLIC.access_key, "HW_SECRET_KEY": PUBLIC.secret_key}


@pytest.fixture
def site(tmp_path, server):
    world = tmp_path / "world.db"
    server.app = front(create_app(world, build_seconds=0.0), "the-token")
    (tmp_path / "site" / "state").mkdir(parents=True, mode=0o700)
    site = Site(tmp_path / "site", world, server.url, environment={**KEYS, **dict.fromkeys(SET, "canary")})
    site.write(ONE, stack=STACK.replace("cloud: sandbox", "cloud: huaweicloud"))
    yield site
    site.end()


def test_each_command_that_asks_the_cloud_names_them_once(site):
    commands = (
        "plan",
        "apply --auto-approve",
        "apply --auto-approve",
        "drift",
        "apply --refresh-only --auto-approve",
        "credentials",
    )
    commands += ("expiring", "import alpha 123", "state rebuild --force --auto-approve", "destroy --auto-approve")
    for command in commands:
        told = site.here(*command.split())
        assert (told.text.count(SAID), told.text.count("canary")) == (1, 0), command
        assert all(name in told.err for name in SET)
    assert site.purchases == {"alpha": 1}


def test_what_asks_no_cloud_says_nothing_of_them(site):
    for command in ("validate", "show", "state list", "history"):
        assert SAID not in site.here(*command.split()).text


def test_an_agency_is_refused_before_anything_is_sent(site):
    site.environment["OS_AGENCY_NAME"] = "canary"
    refused = site.apply()
    assert (
        refused.code,
        "Error[credentials-unsupported]: OS_AGENCY_NAME" in refused.err,
        "canary" in refused.text,
    ) == (1, True, False)
    assert site.purchases == {}
