"""What hides a state, judged by the sandbox's ledger: nothing is bought again, and nothing is called done that nobody looked at."""

from support.process_workspace import STACK

APPLY = ("apply", "--auto-approve")
TWO = "servers: {alpha: {}, beta: {}}\n"


def test_an_empty_state_folder_in_the_specs_hides_nothing(workspace):
    workspace.write(TWO)
    assert workspace.run(*APPLY).code == 0
    (workspace.folder / "specs" / "state").mkdir()
    ran = workspace.run(*APPLY)
    assert (ran.code, "state-folder-empty" in ran.err) == (0, True), ran.text
    assert workspace.run("destroy", "--auto-approve").code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1}
    assert workspace.ledger_counts("release") == {"alpha": 1, "beta": 1}


def test_a_mistyped_place_releases_and_compares_nothing_and_says_so(workspace):
    assert workspace.run(*APPLY).code == 0
    for command in (("drift",), ("destroy", "--auto-approve")):
        ran = workspace.run(*command, "--state", "sate")
        assert (ran.code, "Error[no-state]" in ran.text) == (4, True), ran.text
    assert workspace.run("output", "--state", "sate").code == 1
    assert (workspace.purchases, workspace.ledger_counts("release")) == ({"alpha": 1}, {})


def test_a_renamed_stack_is_bought_once(workspace):
    """The servers are called otherwise with the stack, so that no name that is taken would stop it."""
    named = 'servers: {pool: {count: 2, name: "{{ stack }}-{{ count.index }}"}}\n'
    workspace.write(named)
    assert workspace.run(*APPLY).code == 0
    workspace.write(named, stack=STACK.replace("stack: test", "stack: vision"))
    ran = workspace.run(*APPLY)
    assert (ran.code, "Error[no-state]" in ran.err) == (4, True), ran.text
    assert workspace.run("state", "rename", "test", "vision").code == 0
    ran = workspace.run(*APPLY)
    assert (ran.code, "0 added, 2 changed" in ran.out) == (0, True), ran.text
    assert workspace.purchases == {"test-0": 1, "test-1": 1}
    assert workspace.run("destroy", "--auto-approve").code == 0
    assert workspace.ledger_counts("release").total() == 2


def test_environments_that_are_introduced_buy_nothing_again(workspace):
    named = 'servers: {alpha: {name: "{{ stack }}-{{ env }}"}}\n'
    workspace.write(named.replace("{{ env }}", "x"))
    assert workspace.run(*APPLY).code == 0
    workspace.write(named)
    environments = workspace.folder / "specs" / "environments"
    environments.mkdir()
    (environments / "dev.yaml").write_text("{}\n")
    ran = workspace.run(*APPLY, "-e", "dev")
    assert (ran.code, "state rename test test.dev" in " ".join(ran.err.split())) == (4, True), ran.text
    assert workspace.run("state", "rename", "test", "test.dev").code == 0
    assert workspace.run(*APPLY, "-e", "dev").code == 0
    assert workspace.purchases == {"test-x": 1}


def test_another_checkout_of_the_stack_vouches_for_no_former_name(workspace):
    """Its specs still have the environment's old name: that says nothing of whether these servers would be bought again."""
    workspace.write(TWO, stack=f"{STACK}environment: dev\nenvironments: {{dev: {{}}}}\n")
    assert workspace.run(*APPLY).code == 0
    checkout = workspace.folder / "checkout" / "specs"
    checkout.mkdir(parents=True)
    for file in (workspace.folder / "specs").iterdir():
        (checkout / file.name).write_bytes(file.read_bytes())
    workspace.write(TWO, stack=f"{STACK}environment: dv\nenvironments: {{dv: {{}}}}\n")
    ran = workspace.run(*APPLY)
    assert (ran.code, "Error[no-state]" in ran.text, "state rename" in ran.text) == (4, True, True), ran.text
    assert workspace.purchases == {"alpha": 1, "beta": 1}
