"""A purchase, or a release, that another user of the account sent: whoever sees his own servers only concludes nothing from that."""

import json

import httpx
import pytest
import yaml
from support.plain_http import NO_TLS
from support.process_workspace import ONE, STACK, ProcessWorkspace

from provisioner.sandbox import PUBLIC, create_app
from provisioner.sandbox.serving import front

ALL = {"at": "ListAllDevServers", "times": "always"}
VIEWS = {
    "refused": ALL | {"fault": "answer", "status": 403, "executed": False},
    "filtered": ALL | {"fault": "filtered"},
}
LOST = {"at": "CreateDevServer", "fault": "reset"}
FOUND_LATER = ("apply", "--auto-approve", "--resolve-timeout", "0")
USERS = {
    "ana": ("ANAKEY0000000000001", "anas-secret"),
    "bob": ("BOBKEY0000000000001", "bobs-secret"),
    "carol": ("CAROLKEY00000000001", "carols-secret"),
}
PASSWORD = "Public-1-Password"


def of_user(name, stack=None):
    access_key, secret_key = USERS[name]
    return {
        "HW_ACCESS_KEY": access_key,
        "HW_SECRET_KEY": secret_key,
        "HW_PROJECT_ID": PUBLIC.project_id,
        "HW_DOMAIN_ID": PUBLIC.domain_id,
    }


@pytest.fixture
def workspace(tmp_path, server, sandbox, clock):
    """One state, and two users of one account who both work on it."""
    users = [
        {"id": f"{name}-id", "name": name, "password": PASSWORD, "access_key": key, "secret_key": secret}
        for name, (key, secret) in USERS.items()
    ]
    projects = [{"id": PUBLIC.project_id, "name": PUBLIC.project_name}]
    accounts = tmp_path / "accounts.json"
    accounts.write_text(
        json.dumps({"accounts": [{"id": PUBLIC.domain_id, "name": "team", "projects": projects, "users": users}]})
    )
    sandbox_db = tmp_path / "world" / "world.db"
    app = create_app(sandbox_db, build_seconds=0.0, accounts=accounts, clock=clock)
    server.app = front(app, sandbox.token)
    (tmp_path / "workspace" / "state").mkdir(parents=True, mode=0o700)
    workspace = ProcessWorkspace(tmp_path / "workspace", sandbox_db, sandbox.url, environment=of_user("ana"))
    workspace.write(ONE, stack=yaml.safe_dump({**yaml.safe_load(STACK), "cloud": "huaweicloud"}))
    yield workspace
    workspace.end()


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_what_a_colleague_bought_is_not_believed_absent_by_ones_own_list(
    workspace, sandbox, pass_quiet_period, view, executed
):
    sandbox.arm(LOST | {"executed": executed})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    pass_quiet_period()
    sandbox.ask("DELETE", "faults")
    sandbox.arm(view)
    workspace.environment = of_user("bob")
    for _ in range(2):
        again = workspace.run_in_process(*FOUND_LATER)
        assert (again.code, "another user sent it" in again.words) == (6, True), again.text
    planned, drifted = workspace.run_in_process("plan"), workspace.run_in_process("drift")
    assert "another user sent it" in planned.words
    assert "another user sent it" in drifted.words
    assert ("Warning[own-list]" in planned.text) == (view is VIEWS["refused"])
    assert len(workspace.purchases) <= 1
    assert [one["address"] for one in workspace.state()["intents"].values()] == ["alpha"]

    sandbox.ask("DELETE", "faults")
    workspace.environment = of_user("ana")
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    assert workspace.purchases == {"alpha": 1}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_ones_own_list_tells_what_became_of_ones_own_purchase(workspace, sandbox, pass_quiet_period, view):
    sandbox.arm(LOST | {"executed": False}, view)
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    pass_quiet_period()
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    assert workspace.purchases == {"alpha": 1}


def test_a_list_that_shows_others_servers_is_everybodys(workspace, sandbox, pass_quiet_period):
    workspace.environment = of_user("bob")
    workspace.write("servers: {beta: {}}\n", stack=(workspace.folder / "specs" / "stack.yaml").read_text())
    assert workspace.apply().code == 0
    workspace.environment = of_user("ana")
    workspace.write("servers: {alpha: {}, beta: {}}\n", stack=(workspace.folder / "specs" / "stack.yaml").read_text())
    sandbox.arm(LOST | {"executed": False})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    pass_quiet_period()
    workspace.environment = of_user("bob")
    assert workspace.run_in_process(*FOUND_LATER).code == 6, (
        "all that is listed is bob's: nobody can tell whether the list is his alone"
    )
    workspace.environment = of_user("ana")
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_colleagues_lost_release_is_not_believed_carried_out_by_ones_own_list(workspace, sandbox, view):
    assert workspace.apply().code == 0
    (identifier,) = [one["id"] for one in workspace.state()["resources"].values()]
    sandbox.arm({"at": "DeleteDevServer", "fault": "reset", "executed": False})
    assert workspace.run_in_process("destroy", "--auto-approve").code == 7
    hidden = {"at": "ShowDevServer", "times": "always", "fault": "answer", "status": 404, "code": "ModelArts.6404"}
    sandbox.arm(view, hidden | {"message": "not found", "executed": False})
    workspace.environment = of_user("bob")
    applied, planned = workspace.run_in_process("apply", "--auto-approve"), workspace.run_in_process("plan")
    assert [one["id"] for one in workspace.state()["resources"].values()] == [identifier]
    assert workspace.state()["intents"]
    for ran in (applied, planned):
        assert "is not listed, and another user sent it" in ran.words
        assert "have that user run the command again" in ran.words
        assert "records it as released" not in ran.words


def test_no_key_stands_in_the_state(workspace, sandbox):
    sandbox.arm(LOST | {"executed": True})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    (intent,) = workspace.state()["intents"].values()
    assert (len(intent["sender"]), USERS["ana"][0] in json.dumps(workspace.state())) == (16, False)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_nobody_calls_a_colleagues_purchase_absent_by_his_own_list_unasked(workspace, sandbox, view):
    sandbox.arm(LOST | {"executed": True})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    sandbox.ask("DELETE", "faults")
    sandbox.arm(view)
    workspace.environment = of_user("bob")
    refused = workspace.run_in_process("resolve", "alpha", "--absent")
    assert (refused.code, "Error[own-list]: alpha: another user sent this purchase" in refused.words) == (1, True)
    assert workspace.state()["intents"]
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    allowed = workspace.run_in_process("resolve", "alpha", "--absent", "--allow", "list-incomplete")
    assert (allowed.code, workspace.state()["intents"]) == (0, {})
    assert workspace.purchases == {"alpha": 1}


@pytest.mark.parametrize(
    ("skew", "code", "words"),
    [
        ({"seconds": 0, "undated": True}, "cloud-undated", "carry no Date header"),
        ({"seconds": 0, "age": 86400}, "cloud-undated", "come from a cache, as their Age header says"),
        ({"seconds": 7200}, "clocks-differ", "minutes ahead of this machine's"),
        ({"seconds": -7200}, "clocks-differ", "minutes behind this machine's"),
    ],
)
def test_a_plan_says_what_is_wrong_with_the_clocks(workspace, sandbox, skew, code, words):
    """Else a doubt is dated two hours ahead, and held until then, without a word why."""
    sandbox.arm({"at": "*", "times": "always", "fault": "skew", **skew})
    planned = workspace.run_in_process("plan")
    assert (planned.code, planned.text.count(f"Warning[{code}]"), words in planned.words) == (0, 1, True), planned.text
    if code == "cloud-undated":
        applied = workspace.apply()
        assert (applied.code, words in applied.words, workspace.purchases) == (1, True, {})


def test_clocks_that_agree_within_the_tolerance_are_not_told(workspace, sandbox):
    sandbox.arm({"at": "*", "times": "always", "fault": "skew", "seconds": 600})
    assert "clocks-differ" not in workspace.run_in_process("plan").text


def identity(server, path, body, **headers):
    return httpx.post(f"{server.url}{path}", json=body, headers=headers, verify=NO_TLS, trust_env=False)


def token_of(server, name):
    user = {"name": name, "password": PASSWORD, "domain": {"name": "team"}}
    scope = {"project": {"id": PUBLIC.project_id}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    return identity(server, "/v3/auth/tokens", body).headers["X-Subject-Token"]


def temporary_keys_of(server, name, **more):
    """Others each time."""
    asked = {"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 7200}}}}
    path = "/v3.0/OS-CREDENTIAL/securitytokens"
    told = identity(server, path, asked, **{"X-Auth-Token": token_of(server, name)}).json()["credential"]
    keys = {
        "HW_ACCESS_KEY": told["access"],
        "HW_SECRET_KEY": told["secret"],
        "HW_SECURITY_TOKEN": told["securitytoken"],
    }
    return of_user(name) | keys | more


def by_token_of(server, name):
    """Signed in elsewhere, anew each time."""
    places = {key: value for key, value in of_user(name).items() if "KEY" not in key}
    return places | {"HW_AUTH_TOKEN": token_of(server, name)}


@pytest.mark.parametrize("reads_as", [of_user, temporary_keys_of], ids=["his own key", "temporary keys"])
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_whoever_sent_it_under_temporary_keys_may_be_another(
    workspace, sandbox, server, pass_quiet_period, view, reads_as
):
    workspace.environment = temporary_keys_of(server, "ana")
    sandbox.arm(LOST | {"executed": True})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    pass_quiet_period()
    sandbox.arm(view)
    workspace.environment = reads_as("bob") if reads_as is of_user else reads_as(server, "bob")
    again = workspace.run_in_process(*FOUND_LATER)
    assert (again.code, "nobody knows who sent it" in again.words) == (6, True), again.text
    assert "PROVISIONER_USER" in workspace.run_in_process("plan").words
    assert workspace.purchases == {"alpha": 1}


SAME_USER = {
    "the same keys": lambda server, before: before,
    "a name that stays": lambda server, _: temporary_keys_of(server, "ana", PROVISIONER_USER="pipeline"),
    "a token that was signed in for": lambda server, _: by_token_of(server, "ana"),
}


@pytest.mark.parametrize("again", SAME_USER.values(), ids=SAME_USER)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_who_always_works_under_temporary_keys_settles_his_own(
    workspace, sandbox, server, pass_quiet_period, view, again
):
    named = {"PROVISIONER_USER": "pipeline"} if again is SAME_USER["a name that stays"] else {}
    workspace.environment = temporary_keys_of(server, "ana", **named)
    if again is SAME_USER["a token that was signed in for"]:
        workspace.environment = again(server, None)
    sandbox.arm(LOST | {"executed": False}, view)
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    pass_quiet_period()
    workspace.environment = again(server, workspace.environment)
    settled = workspace.run_in_process(*FOUND_LATER)
    assert (settled.code, workspace.purchases) == (0, {"alpha": 1}), settled.text


def test_a_release_of_an_unknown_sender_is_not_believed_carried_out_either(workspace, sandbox, server):
    assert workspace.apply().code == 0
    sandbox.arm({"at": "DeleteDevServer", "fault": "reset", "executed": False})
    workspace.environment = temporary_keys_of(server, "ana")
    assert workspace.run_in_process("destroy", "--auto-approve").code == 7
    hidden = {"at": "ShowDevServer", "times": "always", "fault": "answer", "status": 404, "code": "ModelArts.6404"}
    sandbox.arm(VIEWS["filtered"], hidden | {"message": "not found", "executed": False})
    workspace.environment = temporary_keys_of(server, "bob")
    applied = workspace.run_in_process("apply", "--auto-approve")
    assert "nobody knows who sent it" in applied.words, applied.text
    assert workspace.state()["resources"]
    sandbox.ask("DELETE", "faults")
    assert workspace.run_in_process("destroy", "--auto-approve").code == 0, "a list that shows it settles it"


@pytest.mark.parametrize("is_temporary", [False, True], ids=["his own key", "temporary keys"])
def test_a_list_that_leaves_out_one_user_is_no_proof_about_his_purchase(
    workspace, sandbox, server, pass_quiet_period, is_temporary
):
    stack = (workspace.folder / "specs" / "stack.yaml").read_text()
    workspace.environment = of_user("carol")
    workspace.write("servers: {beta: {}}\n", stack=stack)
    assert workspace.apply().code == 0
    workspace.environment = temporary_keys_of(server, "ana") if is_temporary else of_user("ana")
    workspace.write("servers: {alpha: {}, beta: {}}\n", stack=stack)
    sandbox.arm(LOST | {"executed": True})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    pass_quiet_period()
    sandbox.arm(ALL | {"fault": "filtered", "hides": ["ana-id"]})
    workspace.environment = of_user("bob")
    again = workspace.run_in_process(*FOUND_LATER)
    assert (again.code, "no server that he is known to have bought is listed" in again.words) == (6, True), again.text
    assert workspace.purchases == {"alpha": 1, "beta": 1}
    assert workspace.run_in_process("resolve", "alpha", "--absent", "--allow", "list-incomplete").code == 0, (
        "a person's word ends it, and is no dead end"
    )


def test_a_list_that_shows_another_server_of_the_senders_is_believed(workspace, sandbox, pass_quiet_period):
    stack = (workspace.folder / "specs" / "stack.yaml").read_text()
    workspace.write("servers: {beta: {}}\n", stack=stack)
    assert workspace.apply().code == 0
    workspace.write("servers: {alpha: {}, beta: {}}\n", stack=stack)
    sandbox.arm(LOST | {"executed": False})
    assert workspace.run_in_process(*FOUND_LATER).code == 6
    pass_quiet_period()
    workspace.environment = of_user("bob")
    assert workspace.run_in_process(*FOUND_LATER).code == 0
    assert workspace.purchases == {"alpha": 1, "beta": 1}


NOT_FOUND = {"at": "ShowDevServer", "times": "always", "fault": "answer", "status": 404, "code": "ModelArts.6404"}
HIDDEN = NOT_FOUND | {"message": "not found", "executed": False}


def test_a_list_that_leaves_out_one_user_is_no_proof_about_his_release_either(workspace, sandbox):
    """Its record was dropped as released, and the server billed on."""
    stack = (workspace.folder / "specs" / "stack.yaml").read_text()
    workspace.environment = of_user("carol")
    workspace.write("servers: {beta: {}}\n", stack=stack)
    assert workspace.apply().code == 0
    workspace.environment = of_user("ana")
    workspace.write("servers: {alpha: {}, beta: {}}\n", stack=stack)
    assert workspace.apply().code == 0
    workspace.write("servers: {beta: {}}\n", stack=stack)
    sandbox.arm({"at": "DeleteDevServer", "fault": "reset", "executed": False})
    assert workspace.apply().code == 7
    sandbox.arm(ALL | {"fault": "filtered", "hides": ["ana-id"]}, HIDDEN)
    workspace.environment = of_user("bob")
    held = workspace.apply()
    assert (held.code, "Error[vanished]" in held.text) == (4, True), held.text
    assert "no server that he is known to have bought is listed" in held.words
    assert {one["address"] for one in workspace.state()["resources"].values()} == {"alpha", "beta"}
    sandbox.ask("DELETE", "faults")
    workspace.environment = of_user("ana")
    assert workspace.apply().code == 0
    assert (workspace.ledger_counts("release"), workspace.state()["intents"]) == ({"alpha": 1}, {})


@pytest.mark.parametrize("is_wanted", [False, True])
def test_a_persons_word_ends_a_release_that_was_lost_under_temporary_keys(workspace, sandbox, server, is_wanted):
    """All that is listed is one's own: no list will ever tell. Every run spoke of it for ever, and no other command was let near its address."""
    workspace.environment = temporary_keys_of(server, "ana")
    assert workspace.apply().code == 0
    sandbox.arm({"at": "DeleteDevServer", "fault": "reset", "executed": True})
    assert workspace.run_in_process("destroy", "--auto-approve").code == 7
    workspace.environment = temporary_keys_of(server, "ana")
    held = workspace.run_in_process("destroy", "--auto-approve")
    assert held.code == 4
    assert ("--allow vanished" in held.words, "apply --replace 'alpha'" in held.words) == (True, True)
    by_hand = workspace.run_in_process("state", "mv", "alpha", "gamma")
    assert (by_hand.code, "--allow vanished" in by_hand.words) == (1, True)
    ways = {
        False: ("destroy", "--auto-approve", "--allow", "vanished"),
        True: ("apply", "--auto-approve", "--replace", "alpha"),
    }
    ended = workspace.run_in_process(*ways[is_wanted])
    assert (ended.code, workspace.state()["intents"]) == (0, {}), ended.text
    assert (workspace.purchases, workspace.ledger_counts("release")) == ({"alpha": 1 + is_wanted}, {"alpha": 1})
    for command in ("plan", "drift"):
        assert "unsettled" not in workspace.run_in_process(command).text
