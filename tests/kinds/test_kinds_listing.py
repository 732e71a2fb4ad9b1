"""Reading every live server: what a list shows is believed, and what it may hide is told."""

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


def listed(cloud):
    return [row.id for row in converse(KIND.list(), cloud)]


def listed_own(cloud):
    """Where other users' servers are missing, and nothing else."""
    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), cloud)
    (gap,) = partial.value.gaps
    assert (gap.only_others, gap.is_reported, gap.hides("dev_server", {"any"}), gap.request) == (
        True,
        True,
        False,
        f"GET {ALL}",
    )
    return [row.id for row in partial.value.rows]


def ids(servers):
    return [row["id"] for row in servers]


def test_one_page_is_one_request_to_the_tenants_list():
    project = Project(rows(3))
    assert listed(project) == ids(rows(3))
    assert project.asked == [(ALL, 0)]


def test_an_empty_project_is_a_complete_list_of_none():
    assert listed(Project([])) == []


def test_the_request_is_a_read_with_a_limit_the_api_allows():
    (call,) = play(KIND.list(), [page([], 0)]).steps
    assert call.effect is Effect.READ
    assert call.query == {"limit": 1000, "offset": 0}


def test_pages_are_read_by_the_number_of_records_received():
    project = Project(rows(25), most=10)
    assert listed(project) == ids(rows(25))
    assert [offset for _, offset in project.asked] == [0, 10, 20]


@pytest.mark.parametrize(
    "refusal",
    [refused("ModelArts.6407", status=403), refused(NOT_FOUND), refused("APIG.0101", status=404), refused(status=405)],
)
def test_where_the_tenants_list_is_refused_the_users_own_is_read(refusal):
    project = Project(rows(2), all_=refusal)
    assert listed_own(project) == ids(rows(2))
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
    gap = gaps_of(Project(rows(25), most=10, offset_of=lambda _call: 0))[0]
    assert gap.finding == "`offset` does not advance"
    assert gap.is_reported


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

    project = Project(rows(25), most=10, before=always_one_more)
    with pytest.raises(CallFailed, match=r"incomplete: .* distinct ids and `total` is 33 or 34 or 35 or 36") as failed:
        listed(project)
    assert failed.value.outcome is Outcome.UNKNOWN
    assert [offset for _, offset in project.asked].count(0) == 3


def test_fewer_rows_than_promised_are_a_failure():
    with pytest.raises(PartialListing, match=r"GET .*/all: `data` has 1 distinct ids and `total` is 2") as partial:
        converse(KIND.list(), lambda call: page(rows(1) if call.query["offset"] == 0 else [], 2))
    assert [row.id for row in partial.value.rows] == ["server-0"]


def test_what_an_incomplete_list_holds_is_there_but_for_deleted_rows():
    shown = [a_row(), a_row(id="gone", status="DELETED")]
    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), lambda call: page(shown if call.query["offset"] == 0 else [], 3))
    assert [row.id for row in partial.value.rows] == [ID]


def gaps_of(cloud):
    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), cloud)
    return partial.value.gaps


def one_page(data, **more):
    """The same on the first page of either list, and nothing behind it."""
    return lambda call: ok(data=data if call.query["offset"] == 0 else [], **more)


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": None}, {"total": 0}, {"data": None, "total": "0"}])
def test_an_empty_answer_is_an_empty_project_for_planning_and_no_proof_of_absence(body):
    (gap,) = gaps_of(lambda _call: Reply(200, body))
    assert not gap.is_reported
    assert not gap.hides("dev_server", {"any"})


@pytest.mark.parametrize(
    "body",
    [
        {"data": {}, "total": 0},
        {"total": 3},
        {"data": None, "total": 3},
        {"data": None, "total": "x"},
        [],
        None,
        "servers",
    ],
)
def test_a_malformed_page_is_never_an_empty_project(body):
    gaps = gaps_of(lambda _call: Reply(200, body))
    assert all(gap.is_reported and (gap.only_others or gap.hides("dev_server", {"any"})) for gap in gaps)
    assert any(gap.hides("dev_server", {"any"}) for gap in gaps)
    assert {gap.request for gap in gaps} <= {f"GET {ALL}", f"GET {OWN}"}


def test_a_tenants_list_that_is_no_page_makes_way_for_the_users_own():
    assert listed_own(Project(rows(2), all_=Reply(200, ["nonsense"]))) == ids(rows(2))


def test_a_total_that_is_text_is_a_number():
    assert listed(one_page(rows(2), total="2")) == ids(rows(2))


@pytest.mark.parametrize("total", [3, "3", 1, 0, -1, None, True, 2.0, "two", {}, "9" * 5000])
def test_a_total_that_is_not_the_number_of_rows_leaves_them_believed_and_absence_open(total):
    cloud = one_page(rows(2), total=total)
    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), cloud)
    assert [row.id for row in partial.value.rows] == ids(rows(2))
    (gap,) = partial.value.gaps
    assert gap.request == f"GET {ALL}"
    assert "`total`" in gap.finding
    assert gap.hides("dev_server", {"any"})


def test_rows_behind_a_total_that_is_too_low_are_read():
    servers = rows(25)

    def cloud(call):
        start = call.query["offset"]
        return ok(data=servers[start : start + 10], total=9)

    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), cloud)
    assert len(partial.value.rows) == 25


def test_a_refused_limit_is_lowered_step_by_step():
    project, limits = Project(rows(250)), []

    def cloud(call):
        limits.append(call.query["limit"])
        return project(call) if call.query["limit"] <= 100 else refused(status=400)

    assert listed(cloud) == ids(rows(250))
    assert limits == [1000, 500, 250, 125, 100, 100, 100]


def test_a_limit_that_is_silently_capped_costs_more_pages():
    project = Project(rows(250), most=100)
    assert listed(project) == ids(rows(250))
    assert [offset for _, offset in project.asked] == [0, 100, 200]


@pytest.mark.parametrize("most", [1000, 999, 100, 99, 50, 20, 19, 10, 7, 2, 1])
@pytest.mark.parametrize("capped", [1000, 7, 1])
@pytest.mark.parametrize("path", [ALL, OWN])
@pytest.mark.parametrize("after", [0, 1, 2], ids=["from the first page on", "after one page", "after two pages"])
def test_whatever_limit_is_refused_and_whatever_page_is_capped_all_is_read(most, capped, path, after):
    project = Project(rows(23), most=capped)
    requests = iter(range(10_000))

    def cloud(call):
        if call.path == ALL != path:
            return refused(status=403)
        if next(requests) >= after and call.query["limit"] > most:
            return refused(status=400)
        return project(call)

    assert (listed if path == ALL else listed_own)(cloud) == ids(rows(23))


def test_a_page_in_the_middle_that_is_refused_whatever_its_limit_is_a_gap_and_no_end():
    project = Project(rows(25), most=10)

    def cloud(call):
        return refused(status=400, message="no such offset") if call.query["offset"] else project(call)

    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), cloud)
    assert [row.id for row in partial.value.rows] == ids(rows(10))
    assert {str(gap) for gap in partial.value.gaps} == {
        f"GET {path}: the page at `offset` 10 is refused (no such offset)" for path in (ALL, OWN)
    }


def test_a_page_in_the_middle_that_fails_otherwise_is_a_failure():
    project = Project(rows(25), most=10)
    lost = CallFailed(Outcome.UNKNOWN, "reset")
    with pytest.raises(CallFailed, match="reset"):
        converse(KIND.list(), lambda call: lost if call.query["offset"] else project(call))


def test_a_list_that_is_refused_whatever_its_limit_makes_way_for_the_users_own():
    project = Project(rows(2), all_=refused(status=400))
    assert listed_own(project) == ids(rows(2))
    assert project.asked == [(ALL, 0)] * 11 + [(OWN, 0)]


def test_after_a_failure_of_the_cloud_the_own_list_is_believed_and_proves_no_absence():
    project = Project(rows(2), all_=CallFailed(Outcome.UNKNOWN, "no reason given", status=500))
    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), project)
    assert [row.id for row in partial.value.rows] == ids(rows(2))
    (gap,) = partial.value.gaps
    assert gap.is_reported
    assert not gap.hides("dev_server", {"any"})


def test_rows_of_other_users_behind_an_offset_that_does_not_advance_are_kept_and_told():
    theirs, ours = rows(10), rows(2, start=20)

    def cloud(call):
        return page(theirs, 30) if call.path == ALL else page(ours, 2)

    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), cloud)
    assert {row.id for row in partial.value.rows} == {*ids(theirs), *ids(ours)}
    assert partial.value.gaps[0].hides("dev_server", {"any"})


def test_unreadable_rows_on_every_page_beyond_the_total_end_the_reading():
    asked = []

    def cloud(call):
        asked.append(call)
        return page([*(rows(1) if not call.query["offset"] else []), None], 1)

    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), cloud)
    assert [row.id for row in partial.value.rows] == ["server-0"]
    assert len(asked) <= 4


def test_a_cloud_that_never_ends_a_list_is_not_followed_for_ever():
    asked = []

    def cloud(call):
        asked.append(call)
        return ok(data=[a_row(id=f"server-{len(asked)}")], total=10**9)

    (gap,) = gaps_of(cloud)
    assert len(asked) == 2000
    assert "does not end" in gap.finding


BROKEN = [
    *(
        {**a_row(name="theirs"), "id": odd}
        for odd in (None, "", "../1", "a/b", "a?b", "a" * 65, "ä", "a\n", 7, {}, "{project_id}")
    ),
    {"name": "theirs"},
]


@pytest.mark.parametrize("row", BROKEN)
def test_a_strangers_row_without_a_usable_id_hides_its_name_and_nothing_else(row):
    with pytest.raises(PartialListing) as partial:
        converse(KIND.list(), one_page([a_row(), row], total=2))
    assert [live.id for live in partial.value.rows] == [ID]
    (gap,) = partial.value.gaps
    assert gap.hides("dev_server", {"theirs"})
    assert not gap.hides("dev_server", {"ours"})
    assert gap.is_reported
    assert "'theirs'" in gap.finding


def test_many_such_rows_are_one_gap_that_hides_the_name_of_each():
    names = [f"theirs-{index}" for index in range(9)]
    (gap,) = gaps_of(one_page([a_row(), *({"name": name} for name in names)], total=10))
    assert all(gap.hides("dev_server", {name}) for name in names)
    assert not gap.hides("dev_server", {"ours"})
    assert "'theirs-0'" in gap.finding
    assert "and 4 more have no usable `id`" in gap.finding


@pytest.mark.parametrize("row", [None, [], "server", 7, {}, {"name": None}, {"name": 7, "id": None}])
def test_a_row_that_shows_neither_id_nor_name_may_hide_any(row):
    (gap,) = gaps_of(one_page([a_row(), row], total=2))
    assert gap.hides("dev_server", {"any"})


def test_a_broken_row_on_a_list_that_lacks_others_hides_any_name():
    gaps = gaps_of(one_page([a_row(), BROKEN[0]], total=3))
    assert any(gap.hides("dev_server", {"any"}) for gap in gaps)


def test_a_name_that_is_no_text_may_be_any_and_one_that_is_null_is_none():
    assert listed(one_page([{**a_row(), "name": None}], total=1)) == [ID]
    (gap,) = gaps_of(one_page([{**a_row(), "name": {"a": 1}}], total=1))
    assert (gap.id, gap.hides("dev_server", {"any"})) == (ID, True)


ODD_FIELDS = [
    {"status": "SOMETHING_NEW"},
    {"status": None},
    {"status": 7},
    {"image": None, "server_image_response": None, "endpoints": None, "volumes": None, "cloud_server": None},
    {"volumes": [None, {}, {"evs_id": None, "type": "DATA"}], "image": [], "cloud_server": []},
    {"flavor": {}, "charging_mode": {}, "create_at": "soon", "order_id": [], "vpc_id": 7, "key_pair_name": []},
]


@pytest.mark.parametrize("fields", ODD_FIELDS)
def test_a_strangers_odd_field_is_no_reason_to_stop(fields):
    assert listed(one_page([{**a_row(), **fields}, *rows(1)], total=2)) == [ID, "server-0"]


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


def test_rows_whose_ids_differ_in_letter_case_alone_are_one_server():
    twice = [a_row(id="Server-1"), a_row(id="server-1")]
    once = converse(KIND.list(), lambda _call: page(twice, 1))
    assert [row.id for row in once] == ["server-1"]
    with pytest.raises(PartialListing):
        converse(KIND.list(), lambda _call: page(twice, 2))
