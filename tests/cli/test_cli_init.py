"""init: specs that work as they are, and nothing overwritten."""

import pytest


@pytest.fixture
def newcomer(cli):
    """A folder with nothing in it."""
    for file in (cli.path / "specs").iterdir():
        file.unlink()
    (cli.path / "specs").rmdir()
    cli.state.rmdir()
    return cli


def test_what_init_writes_can_be_validated_planned_applied_and_destroyed(newcomer) -> None:
    ran = newcomer.run("init")
    assert ran.code == 0
    assert "wrote specs/stack.yaml" in ran.out
    assert "Next: provisioner plan" in ran.err
    assert "1 server." in newcomer.run("validate").out
    assert "1 to add" in newcomer.run("plan").out
    newcomer.apply()
    assert "No changes" in newcomer.run("plan").out
    assert newcomer.run("destroy", "--auto-approve").code == 0
    assert [kind for kind, _ in newcomer.ledger()] == ["purchase", "release"]


def test_the_state_folder_is_private_and_ignored_by_git(newcomer) -> None:
    newcomer.run("init")
    assert newcomer.state.stat().st_mode & 0o777 == 0o700
    assert (newcomer.state / ".gitignore").read_text().startswith("*\n")


def test_a_stack_that_exists_is_left_as_it_is(cli) -> None:
    before = (cli.path / "specs/stack.yaml").read_bytes()
    said = cli.assert_fails("init", code="stack-exists").stderr_text
    assert "there is a stack in specs already; nothing was changed" in said
    assert "provisioner plan" in said
    assert (cli.path / "specs/stack.yaml").read_bytes() == before
    assert not (cli.state / ".gitignore").exists()


def test_a_file_that_stands_where_servers_would_be_written_stays(newcomer) -> None:
    newcomer.write_specs("servers: {mine: {}}\n")
    ran = newcomer.run("init")
    assert ran.code == 0
    assert "servers.yaml" not in ran.out
    assert "mine" in (newcomer.path / "specs/servers.yaml").read_text()


def test_another_directory_and_how_to_go_on_there(newcomer) -> None:
    ran = newcomer.run("init", "--specs", "teams/vision")
    assert ran.code == 0
    assert "provisioner plan --specs teams/vision" in ran.err
    assert newcomer.run("plan", "--specs", "teams/vision").code == 0


def test_a_folder_that_cannot_be_made(newcomer) -> None:
    newcomer.write("file", "in the way")
    said = newcomer.assert_fails("init", "--specs", "file/specs", code="init-failed").stderr_text
    assert "cannot write" in said
    assert "--specs DIR" in said
