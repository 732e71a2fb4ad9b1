"""What `doctor` examines of the database of a state."""

from __future__ import annotations

import pytest
from support.postgres_stores import open_backend

from provisioner.model.check import CheckOutcome
from provisioner.model.diagnostic import StoreError
from provisioner.store.chain import link
from provisioner.store.contract import JOURNAL, START

LINES, _ = link([{"type": "test"}], lineage="a-lineage", serial=1, head=START, time=1)


@pytest.fixture
def backend(url):
    backend = open_backend(url)
    backend.log("demo", JOURNAL).append(START, LINES)
    return backend


def examined(backend):
    return {check.name: check.examine() for check in backend.checks("demo")}


def test_a_good_database_passes_all_but_what_the_tests_have_switched_off(server, backend):
    found = examined(backend)
    assert [name for name, result in found.items() if result.outcome is not CheckOutcome.OK] == ["durability"]
    assert found["durability"].code == "store-not-durable"
    assert "fsync is off" in found["durability"].found
    assert found["tables"].found == "version 1"
    assert "ms" in found["latency"].found
    names = [check.name for check in backend.checks("demo")]
    assert all(need in names[: names.index(check.name)] for check in backend.checks("demo") for need in check.needs)


def test_examining_changes_nothing(server, url):
    backend = open_backend(url)
    assert examined(backend)["tables"].found == "there are none yet; an apply creates them"
    assert server.execute(f"SELECT 1 FROM pg_namespace WHERE nspname = '{url.partition('schema=')[2]}'") == []  # noqa: S608


@pytest.mark.parametrize("read_only", [True, False])
def test_rights_are_told_with_what_to_grant(server, url, backend, read_only):
    role = server.new_role()
    server.execute(backend.grants(role, read_only=read_only))
    result = examined(open_backend(url.replace("owner:", f"{role}:")))["rights"]
    assert result.outcome is (CheckOutcome.FAILED if read_only else CheckOutcome.OK)
    assert (f'TO "{role}";' in result.hint) is read_only


def test_a_role_that_may_not_create_the_tables_is_told(server, url):
    role = server.new_role()
    result = examined(open_backend(url.replace("owner:", f"{role}:")))["tables"]
    assert (result.outcome, result.code) == (CheckOutcome.FAILED, "store-forbidden")
    assert f'GRANT CREATE ON DATABASE "postgres" TO "{role}";' in result.hint


def test_a_read_only_database_is_told(server, url, backend):
    role = server.new_role("SUPERUSER")
    server.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    check = next(backend.checks("demo"))
    assert check.examine().outcome is CheckOutcome.OK
    result = next(open_backend(url.replace("owner:", f"{role}:")).checks("demo")).examine()
    assert (result.outcome, result.code) == (CheckOutcome.FAILED, "store-read-only")


def test_a_database_that_cannot_be_reached_is_an_error_for_a_person():
    check = next(open_backend("postgres://127.0.0.1:1/team").checks("demo"))
    with pytest.raises(StoreError) as caught:
        check.examine()
    assert caught.value.diagnostics[0].code == "store-unreachable"
