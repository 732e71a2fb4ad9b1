"""Reading every live server: completely, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.flows import NOT_FOUND, converse, ok, play, refused
from support.rows import ID, a_row

from provisioner.kinds import CATALOGUE
from provisioner.model.flow import CallFailed, Effect, Outcome, PartialListing, Reply

KIND = CATALOGUE["dev_server"]
ALL, OWN = "/v1/{project_id}/dev-servers/all", "/v1/{project_id}/dev-servers"


def rows(count, start=0):
    return [a_row(id=f"server-{number}", name=f"name-{number}") for number in range(start, start + count)]


def page(data, total):
    return ok(data=data, total=total, current=1, pages=1, size=len(data))


class Project:
    """Answers lists from `servers`, at most `most` a page; `before` may change the world ahead of each request."""

    def __init__(self, servers, *, most=1000, all_=None, before=None, offset_of=None):
        self.servers = servers
        self.most = most
        self.all = all_
        self.before = before
        self.offset_of = offset_of or (lambda call: call.query["offset"])
        self.asked = []

    def __call__(self, call):
        self.asked.append((call.path, call.query["offset"]))
        if call.path == ALL and self.all is not None:
            return self.all
        if self.before:
            self.before(len(self.asked), self.servers)
        start = self.offset_of(call)
        return page(self.servers[start : start + min(self.most, call.query["limit"])], len(self.servers))


def listed(project):
    return [row.id for row in converse(KIND.listing(), project)]


def ids(servers):
    return [row["id"] for row in servers]


def test_one_page_is_one_request_to_the_tenants_list():
    project = Project(rows(3))
    assert listed(project) == ids(rows(3))
    assert project.asked == [(ALL, 0)]


def test_an_empty_project_is_a_complete_list_of_none():
    assert listed(Project([])) == []


def test_the_request_is_a_read_with_a_limit_the_api_allows():
    (call,) = play(KIND.listing(), [page([], 0)]).steps
    assert call.effect is Effect.READ
    assert call.query == {"limit": 1000, "offset": 0}


def test_pages_are_read_by_the_number_of_records_received():
    project = Project(rows(25), most=10)
    assert listed(project) == ids(rows(25))
    assert [offset for _, offset in project.asked] == [0, 10, 20]


@pytest.mark.parametrize(
    "refusal",
    [refused("ModelArts.6407", status=403), refused(NOT_FOUND), refused("APIG.0101", status=404), refused(status=400)],
)
def test_where_the_tenants_list_is_refused_the_users_own_is_read(refusal):
    project = Project(rows(2), all_=refusal)
    assert listed(project) == ids(rows(2))
    assert project.asked == [(ALL, 0), (OWN, 0)]


@pytest.mark.parametrize(
    "failure",
    [refused("APIG.0301", status=401), refused("APIG.0308", status=429), CallFailed(Outcome.UNKNOWN, "reset")],
)
def test_any_other_failure_is_no_reason_to_read_a_smaller_list(failure):
    with pytest.raises(CallFailed) as failed:
        listed(Project(rows(2), all_=failure))
    assert failed.value is failure


def test_a_tenants_list_that_does_not_page_makes_way_for_the_users_own():
    project = Project(rows(25), most=10, offset_of=lambda call: 0 if call.path == ALL else call.query["offset"])
    assert listed(project) == ids(rows(25))
    assert project.asked[:3] == [(ALL, 0), (ALL, 10), (OWN, 0)]


def test_an_own_list_that_does_not_page_is_no_list():
    with pytest.raises(CallFailed, match="does not page"):
        listed(Project(rows(25), most=10, offset_of=lambda _call: 0))


def test_a_list_that_shifts_while_it_is_paged_is_read_again():
    def release_the_first(request, servers):
        if request == 2:
            del servers[0]

    project = Project(rows(25), most=10, before=release_the_first)
    assert listed(project) == ids(rows(24, start=1))
    assert [offset for _, offset in project.asked] == [0, 10, 20, 0, 10, 20]


def test_a_release_that_hides_behind_an_equal_count_is_noticed_too():
    """The last page is empty and as many ids were seen as the last total says, yet one of them is gone and one unseen."""

    def release_the_first(request, servers):
        if request == 2:
            del servers[0]

    assert listed(Project(rows(11), most=10, before=release_the_first)) == ids(rows(10, start=1))


def test_a_list_that_never_holds_still_is_a_failure_and_not_a_guess():
    def always_one_more(request, servers):
        servers.append(a_row(id=f"late-{request}"))

    with pytest.raises(CallFailed, match=r"incomplete: .* in 3 readings") as failed:
        listed(Project(rows(25), most=10, before=always_one_more))
    assert failed.value.outcome is Outcome.UNKNOWN


def test_fewer_rows_than_promised_are_a_failure():
    with pytest.raises(PartialListing, match="incomplete: 1 of 2 in 3 readings") as partial:
        converse(KIND.listing(), lambda call: page(rows(1) if call.query["offset"] == 0 else [], 2))
    assert [row.id for row in partial.value.rows] == ["server-0"]


def test_what_an_incomplete_list_holds_is_there_but_for_deleted_rows():
    shown = [a_row(), a_row(id="gone", status="DELETED")]
    with pytest.raises(PartialListing) as partial:
        converse(KIND.listing(), lambda call: page(shown if call.query["offset"] == 0 else [], 3))
    assert [row.id for row in partial.value.rows] == [ID]


@pytest.mark.parametrize(
    "body",
    [{}, {"data": []}, {"total": 0}, {"data": {}, "total": 0}, {"data": [], "total": "0"}, [], None, "servers"],
)
def test_a_malformed_page_is_never_an_empty_project(body):
    with pytest.raises(CallFailed, match="data or total is missing") as failed:
        converse(KIND.listing(), lambda _call: Reply(200, body, request_id="request-7"))
    assert failed.value.request_id == "request-7"


@pytest.mark.parametrize("identifier", [None, "", "../1", "a/b", "a?b", "a" * 65, "ä", "a\n", 7, {}, "{project_id}"])
def test_an_id_that_could_lead_elsewhere_is_refused(identifier):
    with pytest.raises(CallFailed, match="no usable id"):
        converse(KIND.listing(), lambda _call: page([{**a_row(), "id": identifier}], 1))


@pytest.mark.parametrize("row", [None, [], "server", 7])
def test_a_row_that_is_no_object_is_refused(row):
    with pytest.raises(CallFailed, match="no usable id"):
        converse(KIND.listing(), lambda _call: page([row], 1))


def test_a_deleted_row_counts_for_completeness_and_for_nothing_else():
    assert listed(Project([a_row(status="DELETED"), a_row(id="other")])) == ["other"]


@given(st.integers(0, 60), st.integers(1, 20), st.sets(st.integers(1, 12), max_size=4), st.booleans())
def test_a_reading_that_counts_is_what_the_list_held_at_its_end(count, most, moments, comes):
    """Servers come, or servers go, between pages. (One of each at once leaves no trace in pages by offset.)"""

    def happen(request, servers):
        if request in moments and comes:
            servers.append(a_row(id=f"late-{request}"))
        elif request in moments and servers:
            del servers[0]

    project = Project(rows(count), most=most, before=happen)
    try:
        found = listed(project)
    except CallFailed:
        return
    assert found == ids(project.servers)


def show(answer):
    return play(KIND.show(ID), [answer])


def test_one_server_is_shown_by_its_id():
    played = show(Reply(200, a_row()))
    assert played.calls == [f"GET /v1/{{project_id}}/dev-servers/{ID}"]
    assert played.result.id == ID


@pytest.mark.parametrize(
    "answer", [refused(NOT_FOUND), refused("ModelArts.6309"), refused(status=404), Reply(200, a_row(status="DELETED"))]
)
def test_only_the_answers_that_mean_not_found_are_none(answer):
    assert show(answer).result is None


@pytest.mark.parametrize(
    "failure",
    [refused("APIG.0101", status=404), refused(status=403), refused(), CallFailed(Outcome.UNKNOWN, "500", status=500)],
)
def test_any_other_failure_to_show_is_not_absence(failure):
    with pytest.raises(CallFailed):
        show(failure)
