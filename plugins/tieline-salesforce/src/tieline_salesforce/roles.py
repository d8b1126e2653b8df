"""Contact roles: which rows an opportunity's contacts ask for, and what to change to get there. Pure.

OpportunityContactRole [doc]: OpportunityId cannot be changed, ContactId, Role and IsPrimary can; an opportunity has
at most one primary contact. A change of a role does not move the opportunity's own stamp [memory].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tieline import Cell
from tieline_salesforce.wire import COLLECTION, Call

T = TypeVar("T")
Row = Mapping[str, Any]

SOBJECT = "OpportunityContactRole"


@dataclass(slots=True)
class Changes:
    """Rows to delete, change and create, each beside the id of the opportunity it belongs to."""

    delete: list[tuple[str, str]] = field(default_factory=list)
    update: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    create: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def plan(
    opportunity: str, wanted: Sequence[Mapping[str, Cell]], rows: Sequence[Mapping[str, Any]], into: Changes
) -> None:
    """Add to `into` what turns the rows that are there into the wanted contacts, keeping as many rows as it can."""
    spare = [r for r in rows if not r.get("IsDeleted")]
    missing: list[Row] = []
    for cell in wanted:
        row = _take(spare, _same_role(cell))
        if row is None:
            missing.append(cell)
        elif bool(row["IsPrimary"]) != bool(cell["primary"]):
            into.update.append((opportunity, _row(cell, id=row["Id"])))
    for cell in missing:
        row = _take(spare, _same_contact(cell))
        if row is None:
            into.create.append((opportunity, _row(cell, OpportunityId=opportunity)))
        else:
            into.update.append((opportunity, _row(cell, id=row["Id"])))
    into.delete.extend((opportunity, r["Id"]) for r in spare)


def calls(changes: Changes) -> Iterator[tuple[Call, list[str]]]:
    """The collection calls for the changes, each beside the opportunity of every row in it, in the order of its
    results. Who stops being the primary contact comes before who becomes it.
    """
    for part in _parts(changes.delete):
        params = {"ids": ",".join(i for _, i in part), "allOrNone": "false"}
        yield Call("DELETE", "/composite/sobjects", params), [o for o, _ in part]
    for method, rows in (("PATCH", changes.update), ("POST", changes.create)):
        for records in _parts(sorted(rows, key=lambda row: bool(row[1]["IsPrimary"]))):
            body = {"allOrNone": False, "records": [r for _, r in records]}
            yield Call(method, "/composite/sobjects", body=body), [o for o, _ in records]


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[i : i + COLLECTION] for i in range(0, len(rows), COLLECTION))


def _same_role(cell: Row) -> Callable[[Row], bool]:
    return lambda row: row["ContactId"] == cell["id"] and (row["Role"] or None) == cell["role"]


def _same_contact(cell: Row) -> Callable[[Row], bool]:
    return lambda row: bool(row["ContactId"] == cell["id"])


def _take(rows: list[Row], fits: Callable[[Row], bool]) -> Row | None:
    for i, row in enumerate(rows):
        if fits(row):
            return rows.pop(i)
    return None


def _row(cell: Mapping[str, Cell], **keys: str) -> dict[str, Any]:
    row = {"ContactId": cell["id"], "Role": cell["role"], "IsPrimary": bool(cell["primary"])}
    return {"attributes": {"type": SOBJECT}, **keys, **row}
