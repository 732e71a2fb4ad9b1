from dataclasses import replace
from textwrap import dedent

from rendering.samples import PLAIN
from support.builders import change_of

from provisioner.model.action import Action, Reason
from provisioner.model.address import Address
from provisioner.model.diagnostic import error
from provisioner.model.event import Result, ResultType, RunResult
from provisioner.model.plan import Mode
from provisioner.rendering.stream import run_document
from provisioner.rendering.summary import render_summary


def result(address: str, outcome=ResultType.DONE, action=Action.CREATE, summary="", hint="") -> Result:
    told = error("code", summary, hint=hint) if summary else None
    return Result(Address.parse(address), action, outcome, told)


def test_all_done():
    run = RunResult((result("a"), result("b"), result("c", action=Action.UPDATE), result("d", action=Action.REPLACE)))
    assert render_summary(run, PLAIN) == "Apply complete! Servers: 3 added, 1 changed, 1 destroyed.\n"


def test_what_was_resumed_or_forgotten_is_counted_when_there_is_any():
    run = RunResult((result("a", action=Action.RESUME), result("b", action=Action.FORGET)))
    assert render_summary(run, PLAIN) == (
        "Apply complete! Servers: 0 added, 0 changed, 0 destroyed, 1 resumed, 1 forgotten.\n"
    )


def test_all_destroyed():
    run = RunResult(tuple(result(f"t[{index}]", action=Action.DELETE) for index in range(4)))
    assert render_summary(run, PLAIN, mode=Mode.DESTROY) == "Destroy complete! Servers: 4 destroyed.\n"


def test_who_is_not_done_is_told_with_the_next_step_the_gravest_first():
    run = RunResult(
        (
            result("gateway"),
            result("trainer[1]", ResultType.NOT_STARTED, summary="the run was stopped first", hint="run apply again"),
            result("trainer[10]", ResultType.FAILED, summary="the flavor is sold out", hint="choose another flavor"),
            result("trainer[2]", ResultType.NOT_STARTED, summary="the run was stopped first", hint="run apply again"),
            result("edge", ResultType.IN_DOUBT, summary="the reply never came", hint="run apply again"),
            result("slow", ResultType.INCOMPLETE, Action.RESUME),
        )
    )
    assert render_summary(run, PLAIN) == dedent("""\
        Not done:

          edge         in doubt     creation: the reply never came [code]
                                    next: run apply again
          trainer[10]  failed       creation: the flavor is sold out [code]
                                    next: choose another flavor
          slow         under way    resumption
          trainer[1]   not started  creation: the run was stopped first [code]
          trainer[2]   not started  creation: the run was stopped first [code]
                                    next: run apply again

        Apply incomplete. Servers: 1 added, 0 changed, 0 destroyed;
          1 in doubt, 1 failed, 1 under way, 2 not started.
        """)


def test_an_interrupted_run_says_so_even_when_nothing_was_left_open():
    assert render_summary(RunResult((result("a"),), interrupted=True), PLAIN) == (
        "Apply interrupted. Servers: 1 added, 0 changed, 0 destroyed.\n"
    )


def test_long_reasons_stay_in_their_column():
    run = RunResult((result("a", ResultType.FAILED, summary="word " * 40, hint="step " * 40),))
    lines = render_summary(run, PLAIN).splitlines()
    assert max(map(len, lines)) <= PLAIN.width
    assert all(line.startswith(" " * 13) for line in lines[3:-2])


def test_what_the_plan_had_to_leave_makes_no_apply_complete():
    gone = change_of(Address("beta"), "dev_server", Action.NO_OP, reason=Reason.VANISHED)
    text = render_summary(RunResult(()), PLAIN, not_as_wanted=(gone,))
    assert "  beta  gone from the cloud\n" in text
    assert text.splitlines()[-1] == "Apply incomplete. Servers: 0 added, 0 changed, 0 destroyed."


def test_what_is_bought_and_not_as_it_was_declared_is_no_failed_creation():
    refused = replace(
        result("a", ResultType.FAILED, summary="the cloud refuses volumes", hint="take volumes out"), built=True
    )
    run = RunResult((refused, result("b", ResultType.FAILED, summary="the flavor is sold out")))
    assert render_summary(run, PLAIN) == dedent("""\
        Not done:

          a  not as declared  creation: the server is bought and built, but the cloud refuses volumes [code]
                              next: take volumes out
          b  failed           creation: the flavor is sold out [code]

        Apply incomplete. Servers: 1 added, 0 changed, 0 destroyed; 1 not as declared, 1 failed.
        """)
    document = run_document(run, message="", timestamp="")
    assert document["changes"]["add"] == 1
    assert [one.get("built") for one in document["not_done"]] == [True, None]
