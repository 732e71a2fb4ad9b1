"""Rewrites true answers as faults demand. What was done stays done; only the answer changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from provisioner.sandbox.calls import Answer
from provisioner.sandbox.faults import KEPT, Rewrite, WorldFault

_ROWS: Final = "data"


def rewrite(answer: Answer, faults: Iterable[WorldFault]) -> Answer:
    """Applies the faults in their order. An answer that is not a JSON object stays unchanged."""
    for fault in faults:
        if isinstance(fault, Rewrite) and isinstance(answer.body, Mapping):
            headers = {**answer.headers, **fault.headers}
            answer = replace(answer, body=_rewrite_body(answer.body, fault), headers=headers)
    return answer


def _rewrite_body(body: Mapping[str, object], fault: Rewrite) -> object:
    key = fault.rows_in or _ROWS
    rows = body.get(key)
    if isinstance(rows, Sequence) and not isinstance(rows, str):
        body = {**body, key: [*(_rewrite_row(row, fault) for row in rows), *fault.add]}
    elif fault.rows_in is None and (row := _rewrite_row(body, fault)) is not body:
        if not isinstance(row, Mapping):
            return row
        body = row
    return _without(_merged(body, fault.set), fault.drop)


def _rewrite_row(row: object, fault: Rewrite) -> object:
    if fault.rows is KEPT and not (fault.rows_drop or fault.rows_upper):
        return row
    name = row.get("name") if isinstance(row, Mapping) else None
    if fault.server is not None and not (isinstance(name, str) and fnmatchcase(name, fault.server)):
        return row
    merged = row if fault.rows is KEPT else _merged(row, fault.rows)
    return _upper(_without(merged, fault.rows_drop), fault.rows_upper) if isinstance(merged, Mapping) else merged


def _merged(value: object, over: object) -> object:
    """Merges objects at every depth. Every other value replaces the old one."""
    if not isinstance(value, Mapping) or not isinstance(over, Mapping):
        return over
    return {**value, **{key: _merged(value.get(key), each) for key, each in over.items()}}


def _without(value: object, paths: Iterable[str]) -> object:
    """Removes the keys at these dotted paths, if they exist."""
    for path in paths:
        value = _without_path(value, path.split("."))
    return value


def _upper(value: object, paths: Iterable[str]) -> object:
    for path in paths:
        value = _upper_path(value, path.split("."))
    return value


def _upper_path(value: object, path: Sequence[str]) -> object:
    if not path:
        return value.upper() if isinstance(value, str) else value
    key, *deeper = path
    return {**value, key: _upper_path(value[key], deeper)} if isinstance(value, Mapping) and key in value else value


def _without_path(value: object, path: Sequence[str]) -> object:
    if not isinstance(value, Mapping) or path[0] not in value:
        return value
    key, *deeper = path
    if deeper:
        return {**value, key: _without_path(value[key], deeper)}
    return {each: kept for each, kept in value.items() if each != key}
