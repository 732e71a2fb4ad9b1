"""URLs of states: what is read, what is refused, which hosts are trusted, and that no password is ever in a text."""

from __future__ import annotations

import pickle
import string

import pytest
from hypothesis import given
from hypothesis import strategies as some

from provisioner.model.postgres_url import connection_parameters, without_weaker_encryption
from provisioner.model.state_setting import StateAuthor, StateFolder, StateLocation, parse_location
from provisioner.model.state_url import Endpoint, InvalidStateUrlError, StateUrl
from provisioner.model.trusted_hosts import TrustedHosts, parse_libpq_hosts, parse_trusted_host

REPOSITORY, CONFIGURATION, VARIABLE, OPTION = (
    StateAuthor.REPOSITORY,
    StateAuthor.CONFIGURATION,
    StateAuthor.VARIABLE,
    StateAuthor.OPTION,
)
CANARY = "canary-5up3r"
TRUSTED = TrustedHosts(
    frozenset(map(parse_trusted_host, ("db.team", "10.0.0.7", "[2001:db8::7]:5433", "/run/pg", "xn--bcher-kva.team")))
)


def url(text: str, author: StateAuthor = REPOSITORY) -> StateUrl:
    parsed = parse_location(text, author)
    assert isinstance(parsed, StateUrl)
    return parsed


def verdict(text: str) -> str:
    """What becomes of a URL that only a repository names: the code of its refusal, or `trusted`."""
    try:
        parsed = parse_location(text, REPOSITORY)
    except InvalidStateUrlError as fault:
        return fault.code
    if isinstance(parsed, StateFolder):
        return "folder"
    return "state-host-untrusted" if [*TRUSTED.untrusted(parsed)] else "trusted"


@pytest.mark.parametrize(
    "text",
    [
        "postgres://db.team/state",
        "postgresql://db.team/state",
        "POSTGRES://DB.TEAM/state",
        "postgres://db.team:6000/state",
        "postgres://ana@db.team/state",
        "postgres://db.team,10.0.0.7/state",
        "postgres://[2001:db8::7]:5433/state",
        "postgres://[2001:0DB8:0:0:0:0:0:7]:5433/state",
        "postgres://%2Frun%2Fpg/state",
        "postgres://xn--bcher-kva.team/state",
        "postgres:///state",
        "postgres:///state?schema=vision",
        "postgres:///?service=team",
        "postgres://db.team/state?sslmode=verify-full&schema=vision",
    ],
)
def test_what_a_repository_may_name(text):
    assert verdict(text) == "trusted"


HOSTILE = {
    # another host
    "postgres://evil.example/state": "state-host-untrusted",
    "postgres://db.team.evil.example/state": "state-host-untrusted",
    "postgres://evil-db.team/state": "state-host-untrusted",
    "postgres://db.team./state": "state-host-untrusted",  # another name where the user has a search domain
    "postgres://db/state": "state-host-untrusted",
    "postgres://db.team,evil.example/state": "state-host-untrusted",
    "postgres://evil.example,db.team/state": "state-host-untrusted",
    "postgres://db.team@evil.example/state": "state-host-untrusted",
    "postgres://db.team%40x@evil.example/state": "state-host-untrusted",
    "postgres://[2001:db8::7]/state": "state-host-untrusted",  # only its port 5433 is trusted
    "postgres://[2001:db8::8]:5433/state": "state-host-untrusted",
    "postgres://[::ffff:10.0.0.7]/state": "state-host-untrusted",
    "postgres://localhost/state": "state-host-untrusted",
    "postgres://%2Ftmp/state": "state-host-untrusted",
    "postgres://%2frun%2Fpg%2Fevil/state": "state-host-untrusted",
    "postgres://xn--bcher-kvb.team/state": "state-host-untrusted",
    # readers would disagree about the host
    "postgres://db.team@x@evil.example/state": "state-place-invalid",
    "postgres://evil.example/@db.team/state": "state-place-invalid",
    "postgres://evil.example?@db.team/state": "state-place-invalid",
    "postgres://db.team/state?x=@evil.example": "state-place-invalid",
    "postgres://evil.example#@db.team/state": "state-place-invalid",
    "postgres://evil.example\\@db.team/state": "state-place-invalid",
    "postgres://evil.example\t@db.team/state": "state-place-invalid",
    "postgres://db.team\n.evil.example/state": "state-place-invalid",
    " postgres://db.team/state": "state-place-invalid",
    "postgres://db.team /state": "state-place-invalid",
    "postgres://db.team%00.evil.example/state": "state-place-invalid",
    "postgres://%64b.team/state": "state-place-invalid",
    "postgres://db%2Eteam/state": "state-place-invalid",
    "postgres://db.team%2C.evil.example/state": "state-place-invalid",
    "postgres://evil.example%23.db.team/state": "state-place-invalid",
    "postgres://dB.te\u212am/state": "state-place-invalid",  # the Kelvin sign, a k in small letters
    "postgres://b\u00fccher.team/state": "state-place-invalid",
    "postgres://db\uff0eteam/state": "state-place-invalid",
    "postgres://db.team,/state": "state-place-invalid",
    "postgres://,db.team/state": "state-place-invalid",
    "postgres://:5432/state": "state-place-invalid",
    "postgres://db.team:/state": "state-place-invalid",
    "postgres://db.team:0/state": "state-place-invalid",
    "postgres://db.team:65536/state": "state-place-invalid",
    "postgres://db.team:54\u0663/state": "state-place-invalid",
    "postgres://db.team:5432:1/state": "state-place-invalid",
    "postgres://db..team/state": "state-place-invalid",
    "postgres://-db.team/state": "state-place-invalid",
    "postgres://*.team/state": "state-place-invalid",
    # addresses in other forms
    "postgres://167772167/state": "state-place-invalid",
    "postgres://0xa000007/state": "state-place-invalid",
    "postgres://10.7/state": "state-place-invalid",
    "postgres://012.0.0.7/state": "state-place-invalid",
    "postgres://10.0.0.7./state": "state-place-invalid",
    "postgres://[2001:db8::7%25eth0]:5433/state": "state-place-invalid",
    "postgres://[db.team]/state": "state-place-invalid",
    "postgres://[2001:db8::7]evil.example/state": "state-place-invalid",
    "postgres://[2001:db8::7/state": "state-place-invalid",
    "postgres://2001:db8::7/state": "state-place-invalid",
    # sockets
    "postgres://%2Frun%2Fpg%2F..%2F..%2Ftmp/state": "state-place-invalid",
    "postgres://%2F%2Frun%2Fpg/state": "state-place-invalid",
    "postgres://%40abstract/state": "state-place-invalid",
    "postgres:////run/pg/state": "state-place-invalid",
    # options
    "postgres://db.team/state?host=evil.example": "state-option-untrusted",
    "postgres:///state?host=%2Ftmp": "state-option-untrusted",
    "postgres://db.team/state?hostaddr=192.0.2.1": "state-option-untrusted",
    "postgres://db.team/state?port=1": "state-option-untrusted",
    "postgres://db.team/state?passfile=%2Fhome%2Fana%2F.pgpass": "state-option-untrusted",
    "postgres://db.team/state?servicefile=evil": "state-option-untrusted",
    "postgres://db.team/state?sslrootcert=evil.pem": "state-option-untrusted",
    "postgres://db.team/state?sslcert=%2Fhome%2Fana%2Fkey.pem": "state-option-untrusted",
    "postgres://db.team/state?sslkey=%2Fhome%2Fana%2Fkey.pem": "state-option-untrusted",
    "postgres://db.team/state?options=-csearch_path%3Devil": "state-option-untrusted",
    "postgres://db.team/state?sslmode=disable": "state-option-untrusted",
    "postgres://db.team/state?sslmode=prefer": "state-option-untrusted",
    "postgres://db.team/state?service=prod": "state-option-untrusted",  # its password would go to this host
    "postgres:///?service=prod&sslmode=require": "state-option-untrusted",
    "postgres://db.team/state?dbname=other": "state-option-untrusted",
    "postgres://db.team/state?user=ana": "state-option-untrusted",
    "postgres://db.team/state?Host=evil.example": "state-place-invalid",
    "postgres://db.team/state?%68ost=evil.example": "state-place-invalid",
    "postgres://db.team/state?hosts=evil.example": "state-place-invalid",
    "postgres://db.team/state?schema=a&schema=b": "state-place-invalid",
    "postgres://db.team/state?schema=a=b": "state-place-invalid",
    "postgres://db.team/state?schema=a;b": "state-place-invalid",
    'postgres://db.team/state?schema=a"b': "state-place-invalid",
    "postgres://db.team/state?schema=pg_catalog": "state-place-invalid",
    "postgres://db.team/state?schema": "state-place-invalid",
    # databases
    "postgres://db.team": "state-place-invalid",
    "postgres://db.team/": "state-place-invalid",
    "postgres://db.team/a/b": "state-place-invalid",
    "postgres://db.team/a%2Fb": "state-place-invalid",
    "postgres://db.team/host%3Devil.example": "state-place-invalid",
    "postgres://db.team/postgres:%2F%2Fevil.example%2Fx": "state-place-invalid",
    "postgres://db.team/%ff": "state-place-invalid",
    "postgres://db.team/a%0Ab": "state-place-invalid",
    "postgres://db.team/%E2%80%AEx": "state-place-invalid",
    "postgres://db.team/%2": "state-place-invalid",
    # passwords
    f"postgres://ana:{CANARY}@db.team/state": "state-password",
    f"postgres://:{CANARY}@db.team/state": "state-password",
    "postgres://ana:@db.team/state": "state-password",
    f"postgres://db.team/state?password={CANARY}": "state-password",
    f"postgres://db.team/state?sslpassword={CANARY}": "state-password",
    f"postgres://ana:{CANARY}@x@db.team/state": "state-place-invalid",
    f"postgres://ana:12/{CANARY}@db.team/state": "state-place-invalid",
    # other schemes, and what nearly is one
    "https://db.team/state": "store-unsupported",
    "s3://bucket/key?endpoint=https:%2F%2Fevil.example": "store-unsupported",
    "javascript://db.team/state": "store-unsupported",
    "file://evil.example/state": "store-unsupported",
    "postgres:/db.team/state": "state-place-invalid",
    "postgres:db.team/state": "state-place-invalid",
    "x postgres://db.team/state": "state-place-invalid",
    "//db.team/state://": "state-place-invalid",
    "": "state-place-invalid",
    " state": "state-place-invalid",
    "st\u202eate": "state-place-invalid",
}


@pytest.mark.parametrize(("text", "expected"), HOSTILE.items())
def test_what_a_repository_may_not_name(text, expected):
    assert verdict(text) == expected
    try:
        parse_location(text, REPOSITORY)
    except InvalidStateUrlError as fault:
        assert CANARY not in fault.summary + fault.hint  # noqa: PT017 - not every hostile URL is invalid


def test_the_table_is_long_enough():
    assert len(HOSTILE) >= 100


_PIECES = some.sampled_from(
    ["evil.example", "db.team", "@", ":", "/", "?", "#", ",", "[", "]", "%2F", "%40", "\\", "host=", "&", "::1", "."]
)


@given(some.lists(_PIECES, max_size=8).map("".join))
def test_no_arrangement_leads_to_a_host_that_nobody_trusts(rest):
    """What a connection would be given names trusted hosts only, however the text is put together."""
    text = f"postgres://{rest}"
    if verdict(text) == "trusted":
        hosts = connection_parameters(url(text)).get("host", "")
        assert set(hosts.split(",")) <= {"", "db.team"}, text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgres://db/state", "postgresql://ana@DB:5432/state"),
        ("postgres://a,b:1/state", "postgres://b:1,a:5432/state"),
        ("postgres://db/state?schema=x", "postgres://db/state?sslmode=require&schema=x"),
        ("postgres://db/%73tate", "postgres://db/state"),
        ("postgres://[::1]/state", "postgres://[0:0::1]:5432/state"),
    ],
)
def test_one_place_has_one_name(one, other):
    assert url(one).shown == url(other).shown == url(url(one).shown).shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgres://db/state", "postgres://db/State"),
        ("postgres://db/state", "postgres://db:5433/state"),
        ("postgres://db/state", "postgres://db/state?schema=x"),
        ("postgres:///?service=a", "postgres:///?service=b"),
        ("postgres:///state", "postgres://db/state"),
    ],
)
def test_two_places_have_two_names(one, other):
    assert url(one).shown != url(other).shown


def test_the_user_may_say_whatever_libpq_takes():
    text = (
        f"postgres://ana:{CANARY}@/state?host=db1,%2Frun%2Fpg,::1&port=1,2,3&options=-cwork_mem%3D1MB&sslmode=disable"
        f"&passfile=%2Fx&sslpassword={CANARY}2&schema=vision"
    )
    assert connection_parameters(url(text, VARIABLE)) == {
        "host": "db1,/run/pg,::1",
        "port": "1,2,3",
        "dbname": "state",
        "user": "ana",
        "password": CANARY,
        "sslpassword": f"{CANARY}2",
        "options": "-cwork_mem=1MB",
        "sslmode": "disable",
        "passfile": "/x",
    }


@pytest.mark.parametrize(
    "text",
    [
        "postgres://db/state?host=other",
        "postgres://db:1/state?port=2",
        "postgres:///state?port=2",
        "postgres://a,b/state?port=1,2,3",
        "postgres://db/state?dbname=other",
        "postgres://ana@db/state?user=bob",
        "postgres://ana:a@db/state?password=b",
        "postgres://db/state?application_name=",
        "postgres://db/state?replication=database",
    ],
)
def test_nothing_is_said_twice_even_by_the_user(text):
    with pytest.raises(InvalidStateUrlError):
        parse_location(text, VARIABLE)


@pytest.mark.parametrize(
    ("author", "is_accepted"), [(REPOSITORY, False), (CONFIGURATION, False), (OPTION, False), (VARIABLE, True)]
)
def test_a_password_is_accepted_only_from_the_environment(author, is_accepted):
    text = f"postgres://ana:{CANARY}@db.team/state"
    if is_accepted:
        assert url(text, author).secrets["password"].reveal() == CANARY
        return
    with pytest.raises(InvalidStateUrlError) as caught:
        parse_location(text, author)
    assert caught.value.code == "state-password"
    assert "PGPASSWORD" in caught.value.hint


@given(some.text(string.ascii_letters + string.digits, min_size=12, max_size=20))
def test_no_text_of_a_url_has_its_password(password):
    parsed = url(f"postgres://ana:{password}@db.team/state?sslpassword={password}", VARIABLE)
    for shown in (str(parsed), repr(parsed), f"{parsed}", parsed.shown, repr({parsed: parsed}), repr(parsed.secrets)):
        assert password not in shown
    with pytest.raises(TypeError):
        pickle.dumps(parsed)


@pytest.mark.parametrize(
    ("written", "environ", "kept"),
    [
        ("require", {}, "require"),
        ("require", {"PGSSLMODE": "prefer"}, "require"),
        ("require", {"PGSSLMODE": "verify-full"}, None),
        ("verify-full", {"PGSSLMODE": "require"}, "verify-full"),
        ("require", {"PGSERVICE": "team"}, None),
        ("verify-full", {"PGSERVICE": "team"}, "verify-full"),
    ],
)
def test_a_repository_never_weakens_the_encryption_that_the_user_demands(written, environ, kept):
    parsed = without_weaker_encryption(url(f"postgres:///state?sslmode={written}"), environ)
    assert parsed.options.get("sslmode") == kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DB.team", Endpoint("db.team")),
        ("db.team:5433", Endpoint("db.team", 5433)),
        (" ::1 ", Endpoint("::1")),
        ("[::1]:1", Endpoint("::1", 1)),
        ("/run/pg", Endpoint("/run/pg")),
    ],
)
def test_an_entry_of_trusted_hosts(text, expected):
    assert parse_trusted_host(text) == expected


@pytest.mark.parametrize("text", ["", "*", "*.team", "postgres://db.team", "db.team/x", "a b", "ana@db", "10.0.0.0/8"])
def test_an_entry_that_is_no_host(text):
    with pytest.raises(InvalidStateUrlError):
        parse_trusted_host(text)


def test_a_host_of_libpq_that_is_not_understood_is_none():
    assert [*parse_libpq_hosts("db.team,@abstract,/run/pg,,*")] == [Endpoint("db.team"), Endpoint("/run/pg")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("state", StateFolder("state")),
        ("../a b/state", StateFolder("../a b/state")),
        ("file:///srv/our%20state", StateFolder("/srv/our state")),
        ("FILE://localhost/srv", StateFolder("/srv")),
    ],
)
def test_a_folder(text: str, expected: StateLocation):
    assert parse_location(text, OPTION) == expected
