"""Associations: read for many records at once, and written as the difference to what is there.

One relation is one column of one stream (see `mapping.RELATIONS`). Reading answers a cell for every record asked;
writing answers what went wrong, by record and column. Nothing here knows a canonical field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tieline import Cell, NotAuthorised, Transient
from tieline_hubspot.mapping import Relation
from tieline_hubspot.refusals import Refusal, refusals
from tieline_hubspot.wire import LINKS_READ, LINKS_WRITE, Answer, Wire

_MAX_ROUNDS = 50
"""Pages of one record's associations that are followed."""
_REFUSED = (400, 404, 409)
Pair = tuple[str, str]


class Trouble(NamedTuple):
    """Why an association was not written. `unsure`: it may have been, or was not tried; ask again."""

    message: str
    code: str
    unsure: bool = False


# -- reading


def read_links(wire: Wire, stream: str, relation: Relation, ids: Sequence[str]) -> dict[str, Cell]:
    """The relation's cell of each of these records: an id or None, or a list of `{"id"}`.

    A record without any association is answered as an error of the 207 [captured]; its cell is blank here.
    """
    found: dict[str, list[str]] = {i: [] for i in ids}
    asked: list[dict[str, str]] = [{"id": i} for i in ids]
    for _ in range(_MAX_ROUNDS):
        following: list[dict[str, str]] = []
        for start in range(0, len(asked), LINKS_READ):
            path = wire.links(stream, relation.to, "read")
            answer = wire.ask(path, {"inputs": asked[start : start + LINKS_READ]})
            for result in answer.items:
                key = str(result["from"]["id"])
                found.setdefault(key, []).extend(_targets(result.get("to") or (), relation.type_id))
                after = ((result.get("paging") or {}).get("next") or {}).get("after")
                if after:
                    following.append({"id": key, "after": str(after)})
        if not following:
            break
        asked = following
    return {key: cell(relation, targets) for key, targets in found.items()}


def _targets(rows: Iterable[Mapping[str, Any]], type_id: int) -> list[str]:
    return [
        str(row["toObjectId"])
        for row in rows
        if any(t.get("typeId") == type_id and t.get("category") != "USER_DEFINED" for t in row["associationTypes"])
    ]


def cell(relation: Relation, targets: Sequence[str]) -> Cell:
    """The cell that stands for these associated records; the first, where there can be one only."""
    if relation.many:
        return [{"id": t} for t in dict.fromkeys(targets)] or None
    return targets[0] if targets else None


def inline(item: Mapping[str, Any], relations: Sequence[Relation]) -> tuple[dict[str, Cell], list[Relation]]:
    """The cells that a listing answered inside a record, and the relations it cut short: those must be read apart.

    The key is the other object type's name. One company comes once per type [code: estuary source-hubspot-native], so
    the type decides which is the primary one.
    """
    cells: dict[str, Cell] = {}
    cut: list[Relation] = []
    answered = item.get("associations") or {}
    for relation in relations:
        block = answered.get(relation.to) or {}
        if block.get("paging"):
            cut.append(relation)
        rows = block.get("results") or ()
        cells[relation.column] = cell(relation, [str(r["id"]) for r in rows if r.get("type") == relation.inline])
    return cells, cut


# -- writing


def wanted(relation: Relation, value: Cell) -> set[str]:
    """The ids that a cell to be written stands for."""
    if not value:
        return set()
    return {str(r["id"]) for r in value} if relation.many else {str(value)}


def write_links(
    wire: Wire, stream: str, relation: Relation, values: Mapping[str, Cell], fresh: bool
) -> dict[str, Trouble]:
    """Make the relation of these records what `values` says; `fresh` records have no association yet.

    Answers the records whose association is not as asked. Only what the relation stands for is taken away: a
    contact's other companies stay.
    """
    troubles: dict[str, Trouble] = {}
    try:
        current = {} if fresh else read_links(wire, stream, relation, list(values))
    except (Transient, NotAuthorised) as error:
        return dict.fromkeys(values, _stopped(error))
    add: list[Pair] = []
    drop: list[Pair] = []
    for key, value in values.items():
        now, then = wanted(relation, current.get(key)), wanted(relation, value)
        add += [(key, t) for t in sorted(then - now)]
        drop += [(key, t) for t in sorted(now - then)]
    steps = [("create", add), ("archive", drop)]
    for step, pairs in reversed(steps) if relation.archive_first else steps:
        pairs = [p for p in pairs if p[0] not in troubles]
        for start in range(0, len(pairs), LINKS_WRITE):
            troubles.update(_send(wire, stream, relation, step, pairs[start : start + LINKS_WRITE]))
    return troubles


def _send(wire: Wire, stream: str, relation: Relation, step: str, pairs: Sequence[Pair]) -> dict[str, Trouble]:
    """Send pairs; a call refused as a whole is narrowed by halves until the guilty pair stands alone."""
    troubles: dict[str, Trouble] = {}
    waiting = [list(pairs)]
    while waiting:
        group = waiting.pop()
        body = {"inputs": [_input(relation, step, pair) for pair in group]}
        try:
            answer = wire.write(wire.links(stream, relation.to, step), body, also=_REFUSED)
        except (Transient, NotAuthorised) as error:
            troubles.update({p[0]: _stopped(error) for g in (group, *waiting) for p in g})
            break
        if answer.ok:
            troubles.update(_partial(answer, step, group))
        elif len(group) == 1:
            troubles[group[0][0]] = _trouble(refusals(answer.data))
        else:
            half = len(group) // 2
            waiting += [group[half:], group[:half]]
    return troubles


def _input(relation: Relation, step: str, pair: Pair) -> dict[str, Any]:
    if step == "archive":
        return {"from": {"id": pair[0]}, "to": [{"id": pair[1]}]}
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": relation.type_id}
    return {"from": {"id": pair[0]}, "to": {"id": pair[1]}, "types": [kind]}


def _partial(answer: Answer, step: str, group: Sequence[Pair]) -> dict[str, Trouble]:
    """The pairs that a 207 did not take: those its errors name, else those its results lack."""
    told = refusals(answer.data)
    if not told:
        return {}
    named = {i for r in told for i in r.ids}
    done = {
        (str(r.get("fromObjectId")), str(r.get("toObjectId")))
        for r in answer.data.get("results") or ()
        if step == "create"
    }
    lacking = [p for p in group if p not in done] if step == "create" else list(group)
    guilty = [p for p in lacking if p[0] in named] or lacking
    return {p[0]: _trouble([r for r in told if p[0] in r.ids] or told) for p in guilty}


def _stopped(error: Transient | NotAuthorised) -> Trouble:
    """A call that found no answer may have been taken; one that lacks a scope was not."""
    unsure = isinstance(error, Transient)
    return Trouble(str(error), "not_tried" if unsure else "MISSING_SCOPES", unsure)


def _trouble(told: Sequence[Refusal]) -> Trouble:
    if not told:
        return Trouble("HubSpot refused the association without a reason", "refused")
    return Trouble(told[0].message, told[0].code)
