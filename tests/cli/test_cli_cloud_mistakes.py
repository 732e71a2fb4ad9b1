"""The cloud that cannot be reached, and credentials and endpoints that cannot be right: nothing is bought, nothing lost."""

import gc
import json
import logging

import pytest


def test_an_endpoint_where_nobody_listens(real_cloud, point_to) -> None:
    point_to("http://127.0.0.1:1")
    said = real_cloud.assert_refused("cloud-unreachable").stderr_text
    assert "did not reach http://127.0.0.1:1 (connection refused)" in said
    assert "PROVISIONER_ENDPOINT_*" in said


def test_an_endpoint_that_never_answered_is_soon_given_up(real_cloud, point_to, caplog) -> None:
    point_to("http://127.0.0.1:1")
    with caplog.at_level(logging.DEBUG, "provisioner.cloud"):
        real_cloud.assert_fails("plan", code="cloud-unreachable")
    assert sum("no answer" in message for message in caplog.messages) == 2


def test_the_credentials_of_a_served_sandbox_buy_there_over_http(real_cloud, point_to, served, tmp_path) -> None:
    point_to(served)
    real_cloud.apply()
    assert "No changes" in real_cloud.run("plan").out
    (shown,) = json.loads(real_cloud.run("output", "--json").out).values()
    assert shown["private_addresses"]


def test_a_wrong_secret_key_is_refused_and_not_shown(real_cloud, point_to, served, monkeypatch) -> None:
    point_to(served)
    monkeypatch.setenv("HW_SECRET_KEY", "canary-wrong-key")
    ran = real_cloud.assert_refused("cloud-unauthorized")
    assert "HW_ACCESS_KEY" in ran.stderr_text
    assert "clock" in ran.stderr_text
    assert "request id:" in ran.stderr_text
    assert "canary-wrong-key" not in ran.text


def test_there_are_no_credentials(cli) -> None:
    cli.write_stack(cloud="huaweicloud")
    said = cli.assert_refused("credentials-missing").stderr_text
    assert "HW_ACCESS_KEY and HW_SECRET_KEY" in said
    assert "~/.hcloud/config.json" in said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("HW_ACCESS_KEY", "HW_ACCESS_KEY is set and HW_SECRET_KEY is not"),
        ("HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SK is set and HUAWEICLOUD_SDK_AK is not"),
        ("HW_USER_NAME", "HW_USER_NAME is set and HW_USER_PASSWORD and HW_DOMAIN_NAME are not"),
    ],
)
def test_half_of_the_credentials(cli, monkeypatch, given: str, says: str) -> None:
    cli.write_stack(cloud="huaweicloud")
    monkeypatch.setenv(given, "x")
    said = cli.assert_refused("credentials-invalid").stderr_text
    assert says in said
    assert f"or unset {given}" in said


def test_two_places_disagree_on_the_region(real_cloud, monkeypatch) -> None:
    monkeypatch.setenv("HW_REGION_NAME", "eu-west-0")
    said = real_cloud.assert_refused("region-conflict").stderr_text
    assert "stack.yaml says region cn-north-4; HW_REGION_NAME or the hcloud profile says eu-west-0" in said


def test_nobody_says_which_region(real_cloud) -> None:
    stack = real_cloud.path / "specs/stack.yaml"
    stack.write_text(stack.read_text().replace("region: cn-north-4\n", ""))
    assert "`region:` in stack.yaml" in real_cloud.assert_refused("region-missing").stderr_text


def test_plain_http_goes_to_this_machine_only(real_cloud, point_to) -> None:
    point_to("http://cloud.example")
    said = real_cloud.assert_refused("endpoint-invalid").stderr_text
    assert "PROVISIONER_ENDPOINT_MODELARTS is http:// to another machine" in said


def test_an_endpoint_of_no_service(real_cloud, monkeypatch) -> None:
    monkeypatch.setenv("PROVISIONER_ENDPOINT_OBS", "http://127.0.0.1:1")
    assert "PROVISIONER_ENDPOINT_OBS names no service" in real_cloud.assert_refused("endpoint-invalid").stderr_text


def test_specs_cannot_send_requests_to_a_host_of_their_own(cli) -> None:
    cli.write_stack(region="evil.example/")
    ran = cli.run("plan")
    assert ran.code == 1
    assert "Error[invalid-value]: region: a region is written like cn-north-4" in ran.err


def test_a_damaged_world_of_the_sandbox_is_left_as_it_is(applied) -> None:
    world = applied.state / ".sandbox/world.db"
    gc.collect()  # the emulator of the run before lives in this process; a command's own would have ended with it
    world.write_bytes(b"not a world")
    kept = applied.state_files()
    for arguments in (["plan"], ["apply", "--auto-approve"], ["destroy", "--auto-approve"]):
        ran = applied.run(*arguments)
        assert ran.code == 1
        assert "Error[sandbox-world]" in ran.err
        assert "world.db is not a sandbox's world" in ran.stderr_text
        assert "help: nothing was changed; move" in ran.stderr_text
    assert (applied.state_files(), world.read_bytes()) == (kept, b"not a world")
