"""One `write` of one stream: objects first, then their associations and consents, then what is there now.

An item ends `ok` when its properties were taken; a field that was not is a problem of that field alone. Where a
follow-up may or may not have happened the item is `unknown`, so that the runner looks before it does anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from tieline import Cell, NotAuthorised, Outcome, Problem, Remote, Transient, Write
from tieline_hubspot.associations import Trouble, cell, wanted, write_links
from tieline_hubspot.batches import Batches, Item
from tieline_hubspot.consent import Consents
from tieline_hubspot.mapping import ASSOCIATION, HUB_FIELD, OPT_OUT, Relation
from tieline_hubspot.portal import Ambiguous
from tieline_hubspot.properties import Properties
from tieline_hubspot.rows import Rows
from tieline_hubspot.wire import BATCH, Wire

_APART = (ASSOCIATION, OPT_OUT)
"""How columns begin that are no properties."""


class Writer:
    """Writes the records of one stream."""

    def __init__(self, wire: Wire, rows: Rows, properties: Properties, consents: Consents) -> None:
        self._wire = wire
        self._rows = rows
        self._properties = properties
        self._consents = consents

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """See `Connector.write`. All writes have one op; the first says which."""
        op = writes[0].op if writes else ""
        if op not in ("create", "update", "archive", "link"):
            why = Problem(None, f"HubSpot has no {op!r}", "unsupported")
            return [Outcome("rejected", remote_id=w.remote_id, problems=(why,)) for w in writes]
        items = [self._item(k, w, op) for k, w in enumerate(writes)]
        self._stages(items, op)
        if op == "archive":
            self._already_gone(items)
        batches = Batches(self._wire, self._rows.stream, self._rows.mapper, op)
        batches.send([i for i in items if i.open and not self._waits(i, op)])
        if batches.stampless:
            self._properties.stampless(self._rows.stream)
        applied = [i for i in items if i.state is not None]
        if op == "archive":
            for item in applied:
                gone = Remote(str(item.write.remote_id), {}, gone=True)
                item.outcome = Outcome("ok", gone, gone.id, tuple(item.problems))
        else:
            cells = self._associate(applied, op)
            self._consent(applied)
            self._read_back(applied)
            self._conclude_all([i for i in applied if i.outcome is None], cells)
        return [i.outcome or Outcome("unknown", remote_id=i.write.remote_id) for i in items]

    def _already_gone(self, items: Sequence[Item]) -> None:
        """Find out who is archived already: HubSpot answers 204 to a second archive too [memory]."""
        alive = self._objects([str(i.write.remote_id) for i in items], (), strict=True)
        for item in items:
            if item.write.remote_id not in alive:
                item.outcome = Outcome("gone", remote_id=item.write.remote_id)

    # -- what to send

    def _item(self, index: int, write: Write, op: str) -> Item:
        fields = {k: v for k, v in write.fields.items() if v is not None} if op == "create" else write.fields
        sent, problems = ({}, []) if op == "archive" else self._rows.write(fields, self._properties.is_moment)
        item = Item(index, write, sent, problems=problems)
        for column in [c for c in sent if c.startswith(_APART)]:
            (item.links if column.startswith(ASSOCIATION) else item.consent)[column] = sent.pop(column)
        if op in ("create", "link"):
            if self._properties.stamps(self._rows.stream):
                item.row[HUB_FIELD] = write.hub_id
            elif op == "link":
                item.reject([Problem(None, f"the account has no property {HUB_FIELD!r}", "no_hub_field")])
        return item

    @staticmethod
    def _waits(item: Item, op: str) -> bool:
        """An update without properties sends nothing now: what there is to do comes after the objects."""
        if op != "update" or item.row:
            return False
        if item.links or item.consent or not item.problems:
            item.state = {"id": item.write.remote_id}
        else:
            item.reject(())
        return True

    def _stages(self, items: Sequence[Item], op: str) -> None:
        """Turn labels of pipelines and stages into ids; for a label that stands in several pipelines ask the deal's."""
        if self._rows.stream != "deals":
            return
        portal, unclear = self._rows.portal, []
        for item in items:
            self._label(item, "pipeline", portal.pipeline_id)
            try:
                self._label(item, "dealstage", partial(portal.stage_id, pipeline=item.row.get("pipeline")))
            except Ambiguous:
                unclear.append(item)
        known = self._objects([i.write.remote_id for i in unclear if i.write.remote_id], ("pipeline",))
        for item in unclear:
            here = (known.get(str(item.write.remote_id)) or {}).get("properties") or {}
            current = portal.stages().default if op == "create" else here.get("pipeline")
            self._label(item, "dealstage", partial(portal.stage_id, pipeline=current), final=True)
        for item in items if op == "create" else ():
            stage = item.row.get("dealstage")
            if stage and not item.row.get("pipeline"):  # a stage of another pipeline is refused without it
                item.row["pipeline"] = portal.stages().stages[stage][0]

    def _label(self, item: Item, column: str, turn: Callable[[str], str], *, final: bool = False) -> None:
        value = item.row.get(column)
        if not value:
            return
        try:
            item.row[column] = turn(value)
        except ValueError as error:
            if isinstance(error, Ambiguous) and not final:
                raise
            del item.row[column]
            field = self._rows.mapper.field_of(column)
            item.problems.append(Problem(field, f"{field}: {error}", "no_counterpart"))

    # -- what follows

    def _associate(self, applied: Sequence[Item], op: str) -> dict[int, dict[str, Cell]]:
        """Write associations. Answers item index → column → cell for what was written."""
        cells: dict[int, dict[str, Cell]] = {}
        for relation in self._rows.relations:
            column = relation.column
            mine = {_id(i): i for i in applied if column in i.links and (op != "create" or i.links[column])}
            if not mine:
                continue
            values = {key: i.links[column] for key, i in mine.items()}
            troubles = write_links(self._wire, self._rows.stream, relation, values, fresh=op == "create")
            for key, item in mine.items():
                if key in troubles:
                    self._trouble(item, column, troubles[key])
                else:
                    cells.setdefault(item.index, {})[column] = _written(relation, item.links[column])
        return cells

    def _consent(self, applied: Sequence[Item]) -> None:
        """Write consents, by the contacts' addresses; what was written shows in the item's state."""
        mine = [i for i in applied if i.consent and i.outcome is None]
        unknown = [_id(i) for i in mine if _email(i) is None]
        known = self._objects(unknown, ("email",)) if unknown else {}
        for item in mine:
            if _id(item) in known:
                _absorb(item, known[_id(item)])
        for column in dict.fromkeys(c for i in mine for c in i.consent):
            here = {_id(i): i for i in mine if column in i.consent}
            troubles = self._consents.write(column, {k: (_email(i) or "", i.consent[column]) for k, i in here.items()})
            for key, item in here.items():
                if key in troubles:
                    self._trouble(item, column, troubles[key])
                else:
                    _properties(item)[column] = "true" if item.consent[column] == "opted_out" else "false"

    def _trouble(self, item: Item, column: str, why: Trouble) -> None:
        if why.unsure:
            item.outcome = Outcome("unknown", remote_id=_id(item))
            return
        field = self._rows.mapper.field_of(column)
        item.problems.append(Problem(field, f"HubSpot: {why.message}", why.code))

    # -- what is there now

    def _read_back(self, applied: Sequence[Item]) -> None:
        """Read the items whose answer lacks something that was written; HubSpot may answer less than it was sent."""
        lacking: dict[str, Item] = {}
        for item in applied:
            if item.outcome is None and (self._lacks(item) or "updatedAt" not in (item.state or {})):
                lacking[_id(item)] = item
        known = self._objects(list(lacking), self._rows.columns) if lacking else {}
        for key, item in lacking.items():
            if key in known:
                _absorb(item, known[key])
            else:
                item.outcome = Outcome("unknown", remote_id=key)

    def _lacks(self, item: Item) -> bool:
        """Whether a column of a written field is not in the answer. One that was cleared and is not there is blank."""
        properties = _properties(item)
        troubled = {p.field for p in item.problems} if item.problems else ()
        for field, value in item.write.fields.items():
            if field in troubled:
                continue
            if value is None:
                for part in self._rows.mapper.parts.get(field, ()):
                    properties.update({c: None for c in part.rule.columns if c not in properties})
            for column in self._rows.answered.get(field, ()):
                if column not in properties:
                    return True
        return False

    def _objects(
        self, ids: Sequence[str], columns: Iterable[str], *, strict: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Objects by id, with these properties; what there is no answer for now is left out, or raised if `strict`."""
        found: dict[str, dict[str, Any]] = {}
        try:
            for start in range(0, len(ids), BATCH):
                body = {"inputs": [{"id": i} for i in ids[start : start + BATCH]], "properties": list(columns)}
                path = self._wire.objects(self._rows.stream, "batch/read")
                params = {"properties": ",".join(columns)} if self._rows.stream == "campaigns" else None
                found.update({str(r["id"]): r for r in self._wire.ask(path, body, params, also=(404,)).items})
        except (Transient, NotAuthorised):
            if strict:
                raise
        return found

    def _conclude_all(self, items: Sequence[Item], cells: Mapping[int, Mapping[str, Cell]]) -> None:
        """The outcomes of applied items, all read at once, or each on its own where one of them is odd."""
        try:
            if (not cells or len({_id(i) for i in items}) == len(items)) and self._concluded(items, cells):
                return
        except Transient:
            pass
        for item in items:
            try:
                taken = self._concluded([item], cells)
            except Transient:  # a table of the account could not be fetched now; the write itself was taken
                taken = False
            if not taken:
                item.outcome = Outcome("unknown", remote_id=_id(item))

    def _concluded(self, items: Sequence[Item], cells: Mapping[int, Mapping[str, Cell]]) -> bool:
        """Give each its remote as answered, with the associations as written; False, and nothing, if one has none."""
        states = [{**(i.state or {}), "properties": dict(_properties(i))} for i in items]
        links = {s["id"]: cells.get(i.index, {}) for i, s in zip(items, states, strict=True)} if cells else None
        remotes, bad = self._rows.remotes(states, links)
        if bad or len(remotes) != len(items):
            return False
        for item, remote in zip(items, remotes, strict=True):
            self._applied(item, remote)
        return True

    @staticmethod
    def _applied(item: Item, remote: Remote) -> None:
        asked = item.write.remote_id
        if asked and asked != remote.id and asked not in remote.aliases:
            remote = remote._replace(aliases=(*remote.aliases, asked))
        if remote.hub_id is None and HUB_FIELD in item.row:
            remote = remote._replace(hub_id=item.row[HUB_FIELD])
        item.outcome = Outcome("ok", remote, remote.id, tuple(item.problems))


def _id(item: Item) -> str:
    return str((item.state or {}).get("id") or item.write.remote_id)


def _properties(item: Item) -> dict[str, Any]:
    state = item.state if item.state is not None else {}
    found = state.get("properties")
    if not isinstance(found, dict):
        found = state["properties"] = {}
    return found


def _absorb(item: Item, answered: Mapping[str, Any]) -> None:
    """Take over what was read: newer than the answer of the write, but for what consent has set since."""
    state = item.state if item.state is not None else {}
    properties = {
        **(answered.get("properties") or {}),
        **{c: v for c, v in _properties(item).items() if c in item.consent},
    }
    state["properties"] = {**_properties(item), **properties}
    if answered.get("updatedAt"):
        state["updatedAt"] = answered["updatedAt"]


def _email(item: Item) -> str | None:
    found = item.row.get("email") or _properties(item).get("email")
    return str(found) if found else None


def _written(relation: Relation, value: Cell) -> Cell:
    return cell(relation, sorted(wanted(relation, value)))
