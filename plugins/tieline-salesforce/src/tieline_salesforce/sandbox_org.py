"""One org: schema, records, open cursors, and what the API's parts share. Holds state, answers nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tieline.sandbox import Response
from tieline_salesforce.sandbox_errors import ApiError, bad_json, not_found
from tieline_salesforce.sandbox_ids import full_id, mint
from tieline_salesforce.sandbox_rows import Row, Rows
from tieline_salesforce.sandbox_rules import campaign_statuses
from tieline_salesforce.sandbox_schema import ObjectDef, Schema
from tieline_salesforce.sandbox_seed import basics
from tieline_salesforce.sandbox_write import Writer, loaded

MAX_CURSORS = 20


@dataclass(frozen=True, slots=True)
class Call:
    """One call below `/services/data/vNN.0`, from the wire or from inside a composite."""

    method: str
    parts: Sequence[str]
    """The path's segments after the version, decoded."""
    params: Mapping[str, str]
    headers: Mapping[str, str]
    """Lower-case names."""
    body: Any
    version: int
    nested: bool = False
    text: str = ""
    """The body as it came, where it is a table of values and no JSON."""

    def record(self) -> Mapping[str, Any]:
        """The body as a record. Raises ApiError when it is none."""
        if not isinstance(self.body, dict):
            raise bad_json("The request body must be a JSON object [line:1, column:1]")
        return self.body


Route = Callable[["Org", Call], Response]
"""Answers a call; a composite is handed one to have its parts answered."""


class Org:
    """The state behind the API."""

    def __init__(self, now: Callable[[], int], vices: Collection[str]) -> None:
        self.vices = frozenset(vices)
        self.schema = Schema(self.vices)
        self.rows = Rows(self.schema, now, self.vices)
        self.cursors: dict[str, dict[str, Any]] = {}
        self.cursor_count = 0
        self.jobs: dict[str, dict[str, Any]] = {}
        """Bulk jobs by id; what is in one is sandbox_jobs' business."""
        self.job_count = 0
        self.user_id, self.org_id = "", ""

    @property
    def writer(self) -> Writer:
        """Writes as the integration user."""
        return Writer(self.rows, self.user_id)

    def object(self, name: str) -> ObjectDef:
        """An object by its name in any case. Raises ApiError NOT_FOUND."""
        found = self.schema.find(name)
        if found is None:
            raise not_found()
        return found

    def object_of(self, record: Mapping[str, Any]) -> ObjectDef:
        """The object a collection's record names in its attributes. Raises ApiError."""
        name = (record.get("attributes") or {}).get("type") if isinstance(record, Mapping) else None
        found = self.schema.find(str(name)) if name else None
        if found is None:
            raise ApiError(400, "INVALID_TYPE", f"sObject type '{name or ''}' is not supported.")
        return found

    def open_cursor(self, text: str, ids: Sequence[str], deleted: bool, size: int, relation: str = "") -> str:
        """Keep a query's remaining rows, or those of its subquery over a relation; the locator's name. The oldest of
        too many cursors is closed."""
        self.cursor_count += 1
        name = mint("0r8", self.cursor_count)
        self.cursors[name] = {"soql": text, "ids": list(ids), "deleted": deleted, "size": size, "relation": relation}
        while len(self.cursors) > MAX_CURSORS:
            self.cursors.pop(next(iter(self.cursors)))
        return name

    # -- seeding and state

    def found(self) -> None:
        """Fill an org nobody has used: its users, stages and own record."""
        self.load(basics(self.rows.now()))
        self.remember()

    def remember(self) -> None:
        """Find the org's own record and the integration user, which is the oldest."""
        self.user_id = next(iter(self.rows.tables["User"]), "")
        self.org_id = next(iter(self.rows.tables["Organization"]), "")

    def load(self, objects: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[str]]:
        """Keep these records, all or none; their ids, in order. See SalesforceSandbox.load."""
        start = self.rows.mark()
        try:
            made = self._loaded(objects)
        except ValueError:
            self.rows.back_to(start)
            raise
        self.rows.commit()
        return made

    def _loaded(self, objects: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[str]]:
        known: dict[str, str] = {}
        made = {name: [self._id_for(name, entry, known) for entry in entries] for name, entries in objects.items()}
        for name, entries in objects.items():
            definition = self.schema.objects[name]
            for record_id, entry in zip(made[name], entries, strict=True):
                values = {k: v for k, v in entry.items() if k != "Id"}
                row = loaded(self.writer, definition, values, known)
                self.rows.put(name, {**row, "Id": record_id})
                if name == "Campaign" and "CampaignMemberStatus" not in objects:
                    campaign_statuses(self.writer, record_id)
        for name, ids in made.items():
            for record_id in ids:
                self._whole(self.schema.objects[name], self.rows.tables[name][record_id])
        return made

    def _id_for(self, name: str, entry: Mapping[str, Any], known: dict[str, str]) -> str:
        given = entry.get("Id")
        real = full_id(given)
        definition = self.schema.objects.get(name)
        if definition is None:
            raise ValueError(f"there is no object {name}")
        if real is None or not real.startswith(definition.prefix):
            real = self.rows.fresh_id(name)
        if given is not None:
            known[str(given)] = real
        return real

    def _whole(self, definition: ObjectDef, row: Row) -> None:
        for of in definition.fields.values():
            value = row.get(of.name)
            if value is None:
                continue
            if of.type == "reference":
                target = self.schema.by_prefix(value)
                if target is not None and value not in self.rows.tables[target.name]:
                    raise ValueError(f"{definition.name}.{of.name}: there is no record {value}")
            if of.unique and len(self.rows.having(definition.name, of, value)) > 1:
                raise ValueError(f"{definition.name}.{of.name}: {value!r} is there twice")

    def dump(self) -> dict[str, Any]:
        """Everything `restore` needs, as plain JSON."""
        return {
            "rows": self.rows.dump(),
            "custom": [dict(entry) for entry in self.schema.custom],
            "cursors": {name: dict(cursor) for name, cursor in self.cursors.items()},
            "cursor_count": self.cursor_count,
            "jobs": {name: dict(job) for name, job in self.jobs.items()},
            "job_count": self.job_count,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `dump` gave."""
        for made in state["custom"]:
            self.schema.add_field(made["object"], made["entry"])
        self.rows.restore(state["rows"])
        self.cursors = {name: dict(cursor) for name, cursor in state["cursors"].items()}
        self.cursor_count = state["cursor_count"]
        self.jobs = {name: dict(job) for name, job in state.get("jobs", {}).items()}
        self.job_count = state.get("job_count", 0)
        self.remember()
