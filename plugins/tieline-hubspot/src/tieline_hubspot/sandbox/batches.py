"""`/objects/{type}/batch/*`: up to a hundred records in one call, answered in an order of the server's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tieline.sandbox import Answer, Refusal
from tieline_hubspot.sandbox import links
from tieline_hubspot.sandbox.call import Call
from tieline_hubspot.sandbox.records import ALWAYS, clash, problems_of, sync_company, write_checked
from tieline_hubspot.sandbox.table import Record, Table
from tieline_hubspot.sandbox.wire import Problem, batch, invalid_values, item_error, refuse, validation

MAX_INPUTS = 100
FAILING = 7
"""Under the vice `partial-batch` every item of this count fails."""


def batches(call: Call, table: Table, op: str) -> Answer:
    """One of create, read, update, upsert, archive."""
    known = {"create": _create, "read": _read, "update": _update, "upsert": _upsert, "archive": _archive}
    if op not in known:
        raise call.nowhere()
    return known[op](call, table, call.inputs(MAX_INPUTS))


def _mixed(rows: list[Any]) -> list[Any]:
    """Answers in no order of the request's: a client that pairs by position must fail [rec]."""
    return sorted(rows, key=lambda row: (int(row["id"]) * 2_654_435_761) % 4_294_967_296)


def _traced(inputs: list[Any]) -> bool:
    """Whether every input is named by a trace id, which is what turns partial answers on [doc]."""
    return bool(inputs) and all(row.get("objectWriteTraceId") for row in inputs)


def _named(row: Mapping[str, Any], with_id: bool = False) -> dict[str, list[str]]:
    context: dict[str, list[str]] = {}
    if row.get("objectWriteTraceId"):
        context["objectWriteTraceId"] = [str(row["objectWriteTraceId"])]
    if with_id and row.get("id"):
        context["ids"] = [str(row["id"])]
    return context


def _unlucky(call: Call) -> bool:
    return "partial-batch" in call.vices and call.state.count("batch_items") % FAILING == 0


def _distinct(inputs: Iterable[Mapping[str, Any]]) -> None:
    counts = Counter(str(row.get("id")) for row in inputs)
    double = sorted(key for key, n in counts.items() if n > 1)
    if double:
        text = f"Duplicate IDs found in batch input: [{', '.join(double)}]. IDs must be unique"
        raise validation(text, {"ids": double})  # [cap]


def _props(row: Any) -> Mapping[str, Any]:
    properties = row.get("properties") if isinstance(row, Mapping) else None
    if not isinstance(properties, Mapping):
        raise validation("Invalid input JSON: some required fields were not set: [properties]")
    return properties


class _Batch:
    """The writes of one batch: applied one by one where inputs are traced, all or none otherwise."""

    def __init__(self, call: Call, table: Table, inputs: list[Any]) -> None:
        self.call = call
        self.table = table
        self.partial = _traced(inputs)
        self.results: list[Any] = []
        self.errors: list[Any] = []
        self.rules = "required-property" in call.vices

    def require(self, todo: list[tuple[Any, Record | None]]) -> None:
        """Without trace ids one refused input refuses the whole batch, all problems in one answer [cap]."""
        if self.partial:
            return
        state, table = self.call.state, self.table
        problems: list[Problem] = []
        taken: set[tuple[str, str]] = set()
        refusal: Refusal | None = None
        for row, record in todo:
            clean, wrong = problems_of(state, table, record, _props(row), self.call.version, self.rules)
            problems += wrong
            found = clash(state, table, record.id if record else None, clean)
            mine = {(n, clean[n].lower()) for n in table.unique_names() if clean.get(n)}
            if found is None and mine & taken:
                found = refuse(409, "CONFLICT", f"{table.kind.singular.title()} already exists")
            taken |= mine
            refusal = refusal or found
        if problems:
            raise invalid_values(problems)
        if refusal is not None:
            if refusal.body.get("category") == "CONFLICT":  # [cap]: the whole batch, without the id
                refusal.body["message"] = f"{table.kind.singular.title()} already exists"
            raise refusal

    def write(self, row: Any, record: Record | None, given: Mapping[str, Any]) -> Record | None:
        """Apply one input; None when it failed and an error row says so."""
        call, table = self.call, self.table
        try:
            if _unlucky(call):
                raise refuse(500, "INTERNAL_ERROR", "This input could not be processed")
            wanted = links.wanted(call, table, row.get("associations") or [])
            record, _ = write_checked(call.state, table, record, given, call.now, call.version, self.rules)
        except Refusal as refusal:
            context = _named(row, record is not None)
            existing = refusal.body["message"].rpartition("Existing ID: ")[2]
            if refusal.body.get("category") == "CONFLICT" and existing.isdigit():
                context["existingId"] = [existing]
            self.errors.append(item_error(refusal, context))
            return None
        links.join(call, table, record, wanted)
        sync_company(call.state, table, record)
        return record

    def answer(self, row: Any, record: Record, names: Iterable[str], **more: Any) -> None:
        """Add a result; the trace id comes back with it."""
        body = self.table.view(record, sorted(names))
        if row.get("objectWriteTraceId"):
            body["objectWriteTraceId"] = str(row["objectWriteTraceId"])
        self.results.append({**body, **more})

    def changed(self, record: Record, given: Iterable[str]) -> set[str]:
        """The names an update answers."""
        return {*given, "createdate", self.table.kind.modified} | {n for n in ALWAYS if record.props.get(n)}

    def done(self, status: int) -> Answer:
        """The envelope."""
        return batch(self.call.now, _mixed(self.results), self.errors, status)


def _create(call: Call, table: Table, inputs: list[Any]) -> Answer:
    work = _Batch(call, table, inputs)
    work.require([(row, None) for row in inputs])
    for row in inputs:
        record = work.write(row, None, _props(row))
        if record is not None:
            work.answer(row, record, list(record.props))
    return work.done(201)


def _missing(table: Table, ids: list[str]) -> dict[str, Any]:
    text = (
        f"Could not get some {table.kind.legacy} objects, they may be deleted or not exist. Check that ids are valid."
    )
    return item_error(refuse(404, "OBJECT_NOT_FOUND", text), {"ids": ids})  # [cap]


def _update(call: Call, table: Table, inputs: list[Any]) -> Answer:
    _distinct(inputs)
    work = _Batch(call, table, inputs)
    found: list[tuple[Any, Record]] = []
    lost: list[str] = []
    for row in inputs:
        record = table.find(str(row.get("id")), row.get("idProperty"))
        if record is None or record.archived is not None:
            lost.append(str(row.get("id")))
        else:
            found.append((row, record))
    work.require([(row, record) for row, record in found])
    for row, record in found:
        properties = _props(row)
        if work.write(row, record, properties) is not None:
            work.answer(row, record, work.changed(record, properties))
    if lost:
        work.errors.append(_missing(table, lost))
    return work.done(200)


def _upsert(call: Call, table: Table, inputs: list[Any]) -> Answer:
    _distinct(inputs)
    work = _Batch(call, table, inputs)
    todo: list[tuple[Any, Record | None, Mapping[str, Any]]] = []
    for row in inputs:
        name = row.get("idProperty") or "hs_object_id"
        if name != "hs_object_id" and name not in table.unique_names():
            raise validation(f"{name} is not a unique property of {table.kind.name}")
        record = table.find(str(row.get("id")), name)
        if record is None and name == "hs_object_id":
            raise validation(f"idProperty is needed to create {row.get('id')}")
        if record is not None and record.archived is not None:
            record = None
        given = dict(_props(row))
        if record is None:
            given.setdefault(name, str(row.get("id")))
        todo.append((row, record, given))
    work.require([({**row, "properties": given}, record) for row, record, given in todo])
    for row, record, values in todo:
        written = work.write(row, record, values)
        if written is not None:
            names = list(written.props) if record is None else work.changed(written, values)
            work.answer(row, written, names, new=record is None)
    return work.done(200)


def _read(call: Call, table: Table, inputs: list[Any]) -> Answer:
    body = call.json()
    dated = [str(n) for n in body.get("propertiesWithHistory") or []]
    if dated and len(inputs) > MAX_INPUTS // 2:
        raise validation(f"With propertiesWithHistory at most {MAX_INPUTS // 2} inputs are allowed")  # [memory]
    names = table.names([*(str(n) for n in body.get("properties") or []), *dated])
    archived = call.flag("archived")
    results: dict[int, Any] = {}
    lost: list[str] = []
    for row in inputs:
        record = table.find(str(row.get("id")), body.get("idProperty"))
        if record is None or (record.archived is not None) is not archived:
            lost.append(str(row.get("id")))
            continue
        view = table.view(record, names)
        if dated:
            view["propertiesWithHistory"] = table.histories(record, dated)
        results[record.id] = view
    errors = [_missing(table, lost)] if lost else []
    return batch(call.now, _mixed(list(results.values())), errors, 200)


def _archive(call: Call, table: Table, inputs: list[Any]) -> Answer:
    """204 also for unknown ids [memory]."""
    for row in inputs:
        record = table.find(str(row.get("id")))
        if record is not None:
            table.archive(record, call.now)
    return Answer(204)
